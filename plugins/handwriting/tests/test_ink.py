import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_handwriting.ink import Ink, from_deltas, from_offsets, joined, to_deltas, to_offsets

spec = importlib.util.spec_from_file_location("inks", Path(__file__).parent / "inks.py")
assert spec and spec.loader
inks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inks)


@given(inks.inks)
def test_offsets_and_back(ink: Ink) -> None:
    offsets = to_offsets(ink)
    assert offsets.shape == (len(ink.points), 3)
    assert offsets[:, 2].sum() == len(ink.strokes) and offsets[-1, 2] == 1
    assert from_offsets(offsets, ink.text) == ink
    assert from_offsets(offsets.astype(np.float32), ink.text).counts == ink.counts


@given(inks.inks, st.integers(0, 4))
def test_deltas_and_back(ink: Ink, decimals: int) -> None:
    back = from_deltas(to_deltas(ink, decimals), ink.text)
    assert back == ink.rounded(decimals)
    assert to_deltas(back, decimals) == to_deltas(ink, decimals)


def test_the_corpus_comes_back_number_by_number() -> None:
    import json

    lines = inks.corpus("valid").read_text(encoding="utf-8").splitlines()
    for line in lines:
        told = json.loads(line)
        assert to_deltas(from_deltas(told["strokes"])) == told["strokes"]


def test_the_first_pair_is_a_jump() -> None:
    ink = from_deltas([[10, 20, 1, 1], [5, -5]])
    assert [stroke.tolist() for stroke in ink.strokes] == [[[10, 20], [11, 21]], [[16, 16]]]
    assert to_offsets(ink).tolist() == [[10, 20, 0], [1, 1, 1], [5, -5, 1]]


def test_equality_is_by_value_text_and_strokes() -> None:
    ink = from_deltas([[1, 2, 3, 4], [5, 6]], "ab")
    assert ink == ink.moved(1e-5, 0) and hash(ink) == hash(ink.moved(1e-5, 0))
    assert ink != ink.moved(0.1, 0) and ink != Ink(ink.strokes, "ac") and ink != Ink(ink.strokes[:1], "ab")
    assert ink != from_deltas([[1, 2], [3, 4, 5, 6]], "ab") and ink != "ab"


def test_no_ink_is_ink() -> None:
    empty = Ink(())
    assert empty.bounds == (0, 0, 0, 0) and to_deltas(empty) == [] and to_offsets(empty).shape == (0, 3)
    assert from_offsets(np.zeros((0, 3))) == empty == from_deltas([])


def test_ink_cannot_be_changed() -> None:
    given_points = np.array([[1.0, 2.0]])
    ink = Ink((given_points,))
    given_points[0, 0] = 9
    assert ink.strokes[0][0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        ink.strokes[0][0, 0] = 5


def test_bounds_and_joining() -> None:
    ink = joined([from_deltas([[1, 2, 3, 4]], "a"), from_deltas([[-5, 0]], "b")])
    assert ink.bounds == (-5, 0, 4, 6) and ink.text == "a\nb" and ink.counts == (2, 1)
    assert ink.scaled(2).moved(1, 1).bounds == (-9, 1, 9, 13)


@pytest.mark.parametrize(
    ("stroke", "reason"),
    [
        (np.zeros((0, 2)), "one point at least"),
        (np.zeros((3, 3)), r"has the shape \(3, 3\)"),
        (np.array([[0.0, np.nan]]), "not finite"),
        (np.array([[np.inf, 0.0]]), "not finite"),
        (np.array([[1e9, 0.0]]), "beyond 10,000,000"),
    ],
)
def test_what_is_no_stroke(stroke: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Ink((stroke,))


@pytest.mark.parametrize("stroke", [[], [1], [1, 2, 3]])
def test_half_a_point_is_none(stroke: list[float]) -> None:
    with pytest.raises(ValueError, match="allowed are pairs"):
        from_deltas([stroke])


def test_offsets_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"allowed is \(points, 3\)"):
        from_offsets(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="not finite"):
        from_offsets(np.full((4, 3), np.nan))
