import math
from collections.abc import Sequence

import inks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_handwriting.frame import Frame, estimate_frame, normalize
from seqforge_handwriting.ink import Ink

fraction = st.floats(-0.5, 0.5)
frames = st.builds(Frame, st.floats(-500, 500), st.floats(-500, 500), fraction, st.floats(-1, 1), st.floats(0.1, 50))


@given(inks.inks, frames)
def test_apply_and_undo_are_inverse(ink: Ink, frame: Frame) -> None:
    for back in (frame.undo(frame.apply(ink)), frame.apply(frame.undo(ink))):
        assert back.counts == ink.counts and np.allclose(back.points, ink.points, rtol=1e-9, atol=1e-6)


@given(inks.inks)
def test_every_ink_has_a_frame(ink: Ink) -> None:
    frame = estimate_frame(ink)
    assert frame.x_height > 0 and abs(frame.slope) <= 0.25 and abs(frame.slant) <= 1.2
    assert frame.undo(frame.apply(ink)) == ink


@given(inks.small_inks, inks.scales)
def test_every_ink_has_a_frame_in_every_unit(ink: Ink, scale: float) -> None:
    scaled = ink.scale(scale)
    frame = estimate_frame(scaled)
    assert frame.undo(frame.apply(scaled)) == scaled


@pytest.mark.parametrize("extent", [[1e7, 0.5], [1e7, 1e7], [1e-7, 1e-7], [1e7, 0.0]])
def test_extreme_ink_has_a_frame(extent: list[float]) -> None:
    ink = Ink((np.array([[-1.0, -1.0], [1.0, 0.5], [0.9, 1.0]]) * extent,), "ab")
    frame = estimate_frame(ink)
    assert frame.undo(frame.apply(ink)) == ink


def test_frame_of_a_scaled_and_translated_line_changes_accordingly() -> None:
    for sample in inks.corpus_samples()[:40]:
        frame = estimate_frame(sample.ink)
        for scale in (3.0, 1e-4):
            other = estimate_frame(sample.ink.scale(scale).translate(50 * scale, -20 * scale))
            assert other.x_height == pytest.approx(scale * frame.x_height, rel=1e-6)
            assert other.baseline == pytest.approx(scale * (frame.baseline - 20), abs=1e-6 * scale)
            assert (other.slope, other.slant) == pytest.approx((frame.slope, frame.slant))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_frames_of_tiny_drawings_do_not_depend_on_the_reading_order(order: Sequence[int]) -> None:
    drawings = [
        Ink(tuple(stroke * 1e-5 for stroke in sample.ink.strokes), "a line") for sample in inks.corpus_samples()[:2]
    ]
    points = min(len(ink.points) for ink in drawings)
    drawings = [Ink((ink.points[:points],), ink.text) for ink in drawings]
    assert drawings[0] != drawings[1]
    normalized = {index: normalize(drawings[index]) for index in order}
    for index, (ink, frame) in normalized.items():
        alone = Ink((drawings[index].points * 1e5,), "a line")
        assert frame.x_height * 1e5 == pytest.approx(estimate_frame(alone).x_height, rel=1e-6)
        assert ink == normalize(alone)[0]
    assert normalized[0][1] != normalized[1][1]


def test_slope_and_slant_of_a_transformed_line_are_estimated() -> None:
    lines = [sample for sample in inks.corpus_samples() if sample.labels["kind"] == "line"][:40]
    slopes, slants, heights = [], [], []
    for sample in lines:
        frame = estimate_frame(sample.ink)
        tilted = estimate_frame(sample.ink.transform(np.array([[1.0, 0.0], [0.08, 1.0]])))
        leaning = estimate_frame(sample.ink.transform(np.array([[1.0, -0.3], [0.0, 1.0]])))
        slopes.append(tilted.slope - frame.slope)
        slants.append(leaning.slant - frame.slant)
        heights.append(abs(math.log(tilted.x_height / frame.x_height)))
    assert np.median(slopes) == pytest.approx(0.08, abs=0.01)
    assert np.mean(np.abs(np.subtract(slopes, 0.08)) < 0.03) > 0.9
    assert np.median(slants) == pytest.approx(0.3, abs=0.05)
    assert np.median(heights) < 0.03


def test_normalized_lines_have_similar_heights() -> None:
    lines = [sample.ink for sample in inks.corpus_samples() if sample.labels["kind"] == "line"]
    bounds = [estimate_frame(ink).apply(ink).bounds for ink in lines]
    ascents, descents = [-top for _, top, _, _ in bounds], [bottom for _, _, _, bottom in bounds]
    assert 1.6 < np.median(ascents) < 3.2 and 0.2 < np.median(descents) < 2.5
    heights = [math.log(ink.bounds[3] - ink.bounds[1]) for ink in lines]
    assert np.std(np.log(ascents)) < 0.35 and np.std(heights) > 0


def test_x_height_of_printed_letters() -> None:
    def letter(x: float, height: float) -> np.ndarray:
        return np.array([[x, -height], [x, 0.0], [x + 6, 0.0], [x + 6, -10.0]])

    for slope in (0.0, 0.05):
        strokes = [letter(12.0 * at, 20.0 if at % 4 == 0 else 10.0) for at in range(20)]
        matrix = np.array([[1.0, 0.0], [slope, 1.0]])
        frame = estimate_frame(Ink(tuple(strokes), "huuu" * 5).transform(matrix, (7.0, 100.0)))
        assert frame.x_height == pytest.approx(10, rel=0.15) and frame.slope == pytest.approx(slope, abs=0.011)
        assert frame.baseline == pytest.approx(100, abs=1.5) and frame.slant == pytest.approx(0, abs=0.01)


def test_ink_without_height_has_a_frame() -> None:
    assert estimate_frame(Ink((np.array([[3.0, 4.0]]),))).x_height > 0
    assert estimate_frame(Ink((np.array([[0.0, 0.0], [9.0, 0.0]]),), "-")).baseline == 0


def test_ink_without_strokes_has_no_frame() -> None:
    with pytest.raises(ValueError, match="no frame"):
        estimate_frame(Ink(()))


@pytest.mark.parametrize("values", [{"x_height": 0.0}, {"x_height": math.inf}, {"left": math.nan}])
def test_invalid_frames_raise(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not valid"):
        Frame(**values)
