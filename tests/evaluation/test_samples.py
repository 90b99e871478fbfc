from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.evaluation import compare
from seqforge.evaluation.samples import LONGEST, Runs, distance
from seqforge.plugin import Describes, Piece

NUMBERS = st.lists(st.integers(-5, 300), min_size=1, max_size=30)


class Letters(Describes):
    def describe(self, piece: Piece) -> Mapping[str, np.ndarray]:
        return {"letter": np.array([ord(letter) for letter in piece.content], np.int64)}

    def trace(self, piece: Piece) -> Sequence[int]:
        return [ord(letter) for letter in piece.content]


@given(st.lists(NUMBERS, min_size=1), st.lists(NUMBERS, min_size=1))
def test_the_distance_is_one(some: list[list[int]], others: list[list[int]]) -> None:
    left, right = [np.array(each) for each in some], [np.array(each) for each in others]
    assert distance(left, left) == 0
    assert 0 <= distance(left, right) <= 1
    assert distance(left, right) == pytest.approx(distance(right, left))
    if not {*np.concatenate(left).tolist()} & {*np.concatenate(right).tolist()}:
        assert distance(left, right) == pytest.approx(1)


def test_the_distance_of_known_shares() -> None:
    assert distance([np.array([0, 0, 0, 1])], [np.array([0, 1]), np.array([1, 1])]) == pytest.approx(0.5)


@given(NUMBERS, st.lists(NUMBERS, max_size=4))
def test_the_longest_run_is_that_of_a_plain_search(trace: list[int], known: list[list[int]]) -> None:
    runs = {tuple(each[a:b]) for each in known for a in range(len(each)) for b in range(a + 1, len(each) + 1)}
    plain = max(
        [b - a for a in range(len(trace)) for b in range(a + 1, len(trace) + 1) if tuple(trace[a:b]) in runs], default=0
    )
    assert Runs(known).longest(trace) == plain


def test_a_copy_is_found_up_to_the_longest_that_is_looked_for() -> None:
    whole = list(range(LONGEST * 2))
    assert Runs([whole]).longest(whole) == LONGEST


def test_pieces_are_set_beside_real_ones() -> None:
    def pieces(*texts: str) -> list[Piece]:
        return [Piece(text) for text in texts]

    found = compare(Letters(), pieces("aabb", "xyz"), pieces("ab", "ba"), pieces("xyzzy", "qqq"))
    assert found.distances["letter"][0] == pytest.approx(3 / 7)
    assert found.distances["letter"][1] == 0
    assert found.copied == {"generated": (3, 3), "held out": (0, 0)}
    assert found.to_json()["copied"]["generated"] == {"median": 3, "most": 3}
