from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.evaluation import compare, samples
from seqforge.evaluation.page import comparison_page
from seqforge.evaluation.samples import distance
from seqforge.plugin import Describes, Piece

NUMBERS = st.lists(st.integers(-5, 300), min_size=1, max_size=30)


class Letters(Describes):
    def describe(self, piece: Piece) -> Mapping[str, np.ndarray]:
        return {"letter": np.array([ord(letter) for letter in piece.content], np.int64)}

    def trace(self, piece: Piece) -> Sequence[int]:
        return [ord(letter) for letter in piece.content]

    def measure(self, pieces: Sequence[Piece]) -> Mapping[str, float]:
        text = "".join(piece.content for piece in pieces)
        shares = {"vowels, per cent": 100 * sum(letter in "aeiou" for letter in text) / len(text)}
        return {**shares, "digits, mean": float("nan")}

    def similarity(self, piece: Piece) -> np.ndarray:
        letters = np.array(list(piece.content))
        return (letters[:, None] == letters[None]).astype(float)


def pieces(*texts: str) -> list[Piece]:
    return [Piece(text) for text in texts]


@given(st.lists(NUMBERS, min_size=1), st.lists(NUMBERS, min_size=1))
def test_distance_is_a_bounded_symmetric_metric(first: list[list[int]], second: list[list[int]]) -> None:
    left, right = [np.array(values) for values in first], [np.array(values) for values in second]
    assert distance(left, left) == 0
    assert 0 <= distance(left, right) <= 1
    assert distance(left, right) == pytest.approx(distance(right, left))
    if not {*np.concatenate(left).tolist()} & {*np.concatenate(right).tolist()}:
        assert distance(left, right) == pytest.approx(1)


def test_distance_of_known_shares() -> None:
    assert distance([np.array([0, 0, 0, 1])], [np.array([0, 1]), np.array([1, 1])]) == pytest.approx(0.5)


def test_compare() -> None:
    comparison = compare(Letters(), pieces("aabb", "xyz"), pieces("ab", "ba"), pieces("xyzzy", "qqq"))
    assert comparison.distances["letter"] == pytest.approx((3 / 7, 1, 0))
    assert comparison.copied == {"generated": (3, 3, 3), "held out": (0, 0, 0), "training": (0, 0, 0)}
    assert comparison.to_json()["copied"]["generated"] == {"median": 3, "percentile_99": 3, "most": 3}


def test_training_pieces_are_compared_with_each_other() -> None:
    training = pieces("abcde", "abcdx", *"jklmnopq", "stcde")
    copied = compare(Letters(), pieces("x"), pieces("cde"), training).copied
    assert copied == {"generated": (1, 1, 1), "held out": (3, 3, 3), "training": (0, 4, 4)}


def test_figures_of_many_training_pieces_are_those_of_evenly_spaced_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MAX_TRAINING", 3)
    comparison = compare(Letters(), pieces("x"), pieces("a", "b"), pieces(*"abbbabbba"))
    assert comparison.measures["vowels, per cent"][2] == 100
    assert comparison.to_json()["measures"]["vowels, per cent"]["training"] == 100


def test_measures_stand_beside_those_of_held_out_pieces_and_their_halves() -> None:
    comparison = compare(Letters(), pieces("aab"), pieces("abc", "aba"), pieces("x"))
    assert comparison.measures["vowels, per cent"] == pytest.approx((200 / 3, 50, 0, 100 / 3))
    assert comparison.measures["digits, mean"] == (None, None, None, None)
    assert [name for name, _ in comparison.measured] == ["vowels, per cent"]
    report = comparison.to_json()["measures"]
    assert report["vowels, per cent"]["held out"] == 50 and report["digits, mean"]["halves"] is None


def test_page_draws_pieces_with_enough_parts() -> None:
    comparison = compare(Letters(), pieces("abababab", "ab"), pieces("abcdefgh", "aba"), pieces("<b>x"))
    assert {name: len(matrices) for name, matrices in comparison.matrices.items()} == {"generated": 1, "held out": 1}
    page = comparison_page(comparison, "letters <b>")
    assert page.count("<svg") == 2 and "<b>" not in page and "vowels, per cent" in page
    cells = [picture.count("M") for picture in page.split("<svg")[1:]]
    assert cells == [32, 8]
