import dataclasses
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_handwriting.curves import along, flattened, smooth
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.measure import Hand, hand_of, mean_hand
from seqforge_handwriting.shape import Frame, frame_of
from seqforge_handwriting.thinning import evened, resampled, thin, thinned

spec = importlib.util.spec_from_file_location("inks", Path(__file__).parent / "inks.py")
assert spec and spec.loader
inks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inks)

part = st.floats(-0.5, 0.5)
frames = st.builds(Frame, st.floats(-500, 500), st.floats(-500, 500), part, st.floats(-1, 1), st.floats(0.1, 50))


def spread(stroke: np.ndarray, points: np.ndarray) -> float:
    """Return how far points lie from a polyline at most."""
    if len(stroke) == 1:
        return float(np.hypot(*(points - stroke[0]).T).max())
    starts, ways = stroke[:-1], np.diff(stroke, axis=0)
    lengths = np.maximum((ways**2).sum(axis=1), 1e-300)
    places = np.clip(((points[:, None] - starts) * ways).sum(axis=2) / lengths, 0, 1)
    return float(np.hypot(*np.moveaxis(points[:, None] - starts - places[..., None] * ways, 2, 0)).min(axis=1).max())


# the frame of a line


@given(inks.inks, frames)
def test_a_frame_applied_and_undone(ink: Ink, frame: Frame) -> None:
    for back in (frame.undo(frame.apply(ink)), frame.apply(frame.undo(ink))):
        assert back.counts == ink.counts and np.allclose(back.points, ink.points, rtol=1e-9, atol=1e-6)


@given(inks.inks)
def test_any_ink_has_a_frame(ink: Ink) -> None:
    frame = frame_of(ink)
    assert frame.x_height > 0 and abs(frame.slope) <= 0.25 and abs(frame.slant) <= 1.2
    assert frame.undo(frame.apply(ink)) == ink


def test_the_frame_of_a_moved_and_enlarged_line_moves_and_grows_with_it() -> None:
    for sample in inks.real()[:40]:
        frame = frame_of(sample.ink)
        other = frame_of(sample.ink.scaled(3).moved(50, -20))
        assert other.x_height == pytest.approx(3 * frame.x_height, rel=1e-6)
        assert other.baseline == pytest.approx(3 * frame.baseline - 20, abs=1e-6)
        assert (other.slope, other.slant) == pytest.approx((frame.slope, frame.slant))


def test_a_line_that_is_tilted_or_leans_is_found_so() -> None:
    lines = [sample for sample in inks.real() if sample.labels["kind"] == "line"][:40]
    tilts, leans, heights = [], [], []
    for sample in lines:
        frame = frame_of(sample.ink)
        tilted = frame_of(sample.ink.transformed(np.array([[1.0, 0.0], [0.08, 1.0]])))
        leaning = frame_of(sample.ink.transformed(np.array([[1.0, -0.3], [0.0, 1.0]])))
        tilts.append(tilted.slope - frame.slope)
        leans.append(leaning.slant - frame.slant)
        heights.append(abs(math.log(tilted.x_height / frame.x_height)))
    assert np.median(tilts) == pytest.approx(0.08, abs=0.01) and np.mean(np.abs(np.subtract(tilts, 0.08)) < 0.03) > 0.9
    assert np.median(leans) == pytest.approx(0.3, abs=0.05)
    assert np.median(heights) < 0.03


def test_real_lines_come_out_at_one_size() -> None:
    frames_of = [(sample.ink, frame_of(sample.ink)) for sample in inks.real() if sample.labels["kind"] == "line"]
    tops = [-frame.apply(ink).bounds[1] for ink, frame in frames_of]
    depths = [frame.apply(ink).bounds[3] for ink, frame in frames_of]
    assert 1.6 < np.median(tops) < 3.2 and 0.2 < np.median(depths) < 2.5
    raw = [math.log(ink.bounds[3] - ink.bounds[1]) for ink, _ in frames_of]
    assert np.std(np.log(tops)) < 0.35 and np.std(raw) > 0


def test_printed_letters_have_the_x_height_that_they_were_drawn_with() -> None:
    def letter(x: float, height: float) -> np.ndarray:
        return np.array([[x, -height], [x, 0.0], [x + 6, 0.0], [x + 6, -10.0]])

    for slope in (0.0, 0.05):
        strokes = [letter(12.0 * at, 20.0 if at % 4 == 0 else 10.0) for at in range(20)]
        level = np.array([[1.0, 0.0], [slope, 1.0]])
        frame = frame_of(Ink(tuple(strokes), "huuu" * 5).transformed(level, (7.0, 100.0)))
        assert frame.x_height == pytest.approx(10, rel=0.15) and frame.slope == pytest.approx(slope, abs=0.011)
        assert frame.baseline == pytest.approx(100, abs=1.5) and frame.slant == pytest.approx(0, abs=0.01)


def test_ink_without_height_has_a_frame_and_no_ink_has_none() -> None:
    assert frame_of(Ink((np.array([[3.0, 4.0]]),))).x_height > 0
    assert frame_of(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]),), "-")).baseline == 0
    with pytest.raises(ValueError, match="no shape"):
        frame_of(Ink(()))
    with pytest.raises(ValueError, match="is no frame"):
        Frame(x_height=0)


# fewer points


@given(inks.strokes, st.floats(0.01, 50))
def test_thinning_stays_within_its_tolerance(stroke: np.ndarray, tolerance: float) -> None:
    kept = thin(stroke, tolerance)
    assert spread(kept, stroke) <= tolerance * (1 + 1e-9) + 1e-9
    assert np.array_equal(kept[0], stroke[0]) and np.array_equal(kept[-1], stroke[-1])
    assert {tuple(point) for point in kept} <= {tuple(point) for point in stroke}
    assert np.array_equal(thin(kept, tolerance), kept) or len(thin(kept, tolerance)) < len(kept)


@given(inks.strokes, st.floats(5, 500))
def test_even_steps(stroke: np.ndarray, step: float) -> None:
    found = resampled(stroke, step)
    assert np.array_equal(found[0], stroke[0]) and spread(stroke, found) < 1e-6
    if len(found) > 1:
        assert np.array_equal(found[-1], stroke[-1])
        assert np.hypot(*np.diff(found, axis=0).T).max() <= step * (1 + 1e-9)


def test_real_ink_thinned_keeps_its_strokes() -> None:
    ink = inks.real()[0].ink
    assert len(thinned(ink, 1.0).points) < len(ink.points) and len(evened(ink, 1.0).points) > len(ink.points)
    assert thinned(ink, 1.0).text == ink.text and len(thinned(ink, 1.0).strokes) == len(ink.strokes)


# curves


@given(inks.strokes)
def test_a_smooth_curve_passes_through_its_points_and_stays_near(stroke: np.ndarray) -> None:
    rows = smooth(stroke)
    distinct = stroke[np.concatenate([[True], (np.diff(stroke, axis=0) != 0).any(axis=1)])]
    ends = np.concatenate([rows[:, :1].ravel(), rows[-1:, 3]]) if len(rows) else np.zeros(0)
    assert len(rows) == len(distinct) - 1
    assert np.isfinite(rows).all()
    if len(rows):
        assert np.array_equal(np.stack([ends.real, ends.imag], axis=1), distinct)
        assert np.array_equal(rows[:-1, 3], rows[1:, 0])


def test_straight_points_give_a_straight_curve_and_a_corner_stays() -> None:
    rows = smooth(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]]))
    assert np.allclose(along(rows, np.full((2, 5), [0, 0.25, 0.5, 0.75, 1])).imag, 0)
    back = smooth(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 1.0]]))
    assert along(back, np.linspace(0, 1, 50)[None].repeat(2, 0)).real.max() == pytest.approx(10)


@given(inks.strokes.filter(lambda stroke: len(stroke) > 2), st.floats(1, 50))
def test_a_curve_taken_back_to_points_keeps_its_own(stroke: np.ndarray, tolerance: float) -> None:
    rows = smooth(stroke)
    if len(rows):
        (found,) = flattened([rows], tolerance, 10**6)
        assert {tuple(p) for p in stroke.tolist()} <= {tuple(p) for p in found.tolist()}
        finer = flattened([rows], tolerance / 10, 10**6)[0]
        assert len(stroke) <= len(found) + len(stroke) - len(rows) - 1 <= len(finer) + len(stroke)


def test_real_strokes_taken_back_to_points_stray_little_from_their_curves() -> None:
    for sample in inks.real()[:20]:
        pieces = [smooth(stroke) for stroke in sample.ink.strokes if len(smooth(stroke))]
        for rows, found in zip(pieces, flattened(pieces, 0.1, 10**6), strict=True):
            fine = along(rows, np.linspace(0, 1, 40)[None].repeat(len(rows), 0)).ravel()
            assert spread(found, np.stack([fine.real, fine.imag], axis=1)) < 0.2


# hands


def test_lines_lie_nearer_to_their_own_writer() -> None:
    lines = [sample for sample in inks.real("train") if sample.labels["kind"] == "line"]
    writers = sorted({sample.labels["writer"] for sample in lines})[:10]
    first: dict[str, Hand] = {}
    last: dict[str, list[Hand]] = {}
    for writer in writers:
        own = [hand_of(sample.ink) for sample in lines if sample.labels["writer"] == writer][:16]
        first[writer], last[writer] = mean_hand(own[:8]), own[8:]
    ranks = [
        sorted(writers, key=lambda other, hand=hand: hand.distance(first[other])).index(writer)
        for writer in writers
        for hand in last[writer]
    ]
    assert np.mean(ranks) < 2.5  # by chance 4.5


def test_a_hand_is_near_itself_and_measured_in_its_own_units() -> None:
    ink = inks.real()[0].ink
    hand = hand_of(ink)
    assert hand.distance(hand) == 0
    assert hand_of(ink.scaled(2)).x_height == pytest.approx(2 * hand.x_height)
    assert hand_of(dataclasses.replace(ink, text="")).width == 0
    assert Hand(10, 1, 1).distance(Hand(0, 1, 1)) == pytest.approx(2)
    assert Hand(0, 1, 0).distance(Hand(0, 1, 5)) == 0
    with pytest.raises(ValueError, match="no hand"):
        mean_hand([])
