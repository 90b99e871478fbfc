import json

import inks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_handwriting.ink import Ink, concatenate, from_deltas, from_offsets, to_deltas, to_offsets

# offsets and deltas


@given(inks.inks)
def test_offsets_round_trip(ink: Ink) -> None:
    offsets = to_offsets(ink)
    assert offsets.shape == (len(ink.points), 3)
    assert offsets[:, 2].sum() == len(ink.strokes) and offsets[-1, 2] == 1
    assert from_offsets(offsets, ink.text) == ink
    assert from_offsets(offsets.astype(np.float32), ink.text).counts == ink.counts


@given(inks.inks, st.integers(0, 4))
def test_deltas_round_trip(ink: Ink, decimals: int) -> None:
    back = from_deltas(to_deltas(ink, decimals), ink.text)
    assert back == ink.round(decimals)
    assert to_deltas(back, decimals) == to_deltas(ink, decimals)


def test_deltas_of_the_corpus_round_trip_exactly() -> None:
    for line in inks.corpus_path("valid").read_text(encoding="utf-8").splitlines():
        strokes = json.loads(line)["strokes"]
        assert to_deltas(from_deltas(strokes)) == strokes


def test_first_pair_of_a_stroke_is_relative_to_the_previous_point() -> None:
    ink = from_deltas([[10, 20, 1, 1], [5, -5]])
    assert [stroke.tolist() for stroke in ink.strokes] == [[[10, 20], [11, 21]], [[16, 16]]]
    assert to_offsets(ink).tolist() == [[10, 20, 0], [1, 1, 1], [5, -5, 1]]


# equality


def test_equality_compares_points_strokes_and_text() -> None:
    ink = from_deltas([[1, 2, 3, 4], [5, 6]], "ab")
    assert ink == ink.translate(1e-5, 0) and ink == Ink(ink.strokes, "ab")
    assert ink != ink.translate(0.1, 0) and ink != Ink(ink.strokes, "ac") and ink != Ink(ink.strokes[:1], "ab")
    assert ink != from_deltas([[1, 2], [3, 4, 5, 6]], "ab") and ink != "ab"


def test_ink_has_no_hash_because_equality_is_approximate() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(from_deltas([[1, 2, 3, 4]]))


@given(inks.small_inks, inks.scales)
def test_equality_does_not_depend_on_the_unit(ink: Ink, scale: float) -> None:
    scaled = ink.scale(scale)
    extent = max(np.ptp(scaled.points, axis=0))
    assert scaled == scaled.translate(1e-6 * extent, 0)
    if extent > 0:
        assert scaled != scaled.translate(1e-3 * extent, 0)


@given(inks.small_inks, inks.small_inks, inks.scales)
def test_equality_is_symmetric(first: Ink, second: Ink, scale: float) -> None:
    first, second = first.scale(scale), second.scale(scale)
    assert (first == second) == (second == first)


def test_different_tiny_drawings_are_unequal() -> None:
    flat = Ink((np.array([[0.0, 0.0], [4e-4, 0.0], [8e-4, 1e-4]]),), "a")
    steep = Ink((np.array([[0.0, 0.0], [1e-4, 8e-4], [2e-4, 0.0]]),), "a")
    assert flat != steep and steep != flat


def test_dots_are_equal_at_the_same_place_only() -> None:
    dot = Ink((np.array([[0.3, 0.1]]),))
    assert dot == Ink((np.array([[0.1 + 0.2, 0.1]]),)) and dot != dot.translate(1e-9, 0)


def test_inks_without_strokes_are_equal() -> None:
    empty = Ink(())
    assert empty.bounds == (0, 0, 0, 0) and to_deltas(empty) == [] and to_offsets(empty).shape == (0, 3)
    assert from_offsets(np.zeros((0, 3))) == empty == from_deltas([])


# values


def test_ink_is_immutable() -> None:
    points = np.array([[1.0, 2.0]])
    ink = Ink((points,))
    points[0, 0] = 9
    assert ink.strokes[0][0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        ink.strokes[0][0, 0] = 5


def test_bounds_of_concatenated_ink() -> None:
    ink = concatenate([from_deltas([[1, 2, 3, 4]], "a"), from_deltas([[-5, 0]], "b")])
    assert ink.bounds == (-5, 0, 4, 6) and ink.text == "a\nb" and ink.counts == (2, 1)
    assert ink.scale(2).translate(1, 1).bounds == (-9, 1, 9, 13)


@pytest.mark.parametrize(
    ("stroke", "reason"),
    [
        (np.zeros((0, 2)), "at least one point"),
        (np.zeros((3, 3)), r"has the shape \(3, 3\)"),
        (np.array([[0.0, np.nan]]), "not finite"),
        (np.array([[np.inf, 0.0]]), "not finite"),
        (np.array([[1e9, 0.0]]), "beyond 10,000,000"),
    ],
)
def test_invalid_strokes_raise(stroke: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Ink((stroke,))


@pytest.mark.parametrize("stroke", [[], [1], [1, 2, 3]])
def test_incomplete_pairs_raise(stroke: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        from_deltas([stroke])


def test_offsets_of_wrong_shape_or_not_finite_raise() -> None:
    with pytest.raises(ValueError, match=r"must be \(points, 3\)"):
        from_offsets(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="not finite"):
        from_offsets(np.full((4, 3), np.nan))
