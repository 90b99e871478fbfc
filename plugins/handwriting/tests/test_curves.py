import inks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_handwriting.curves import evaluate, flatten, smooth


@given(inks.strokes)
def test_smooth_curve_passes_through_all_points(stroke: np.ndarray) -> None:
    curve = smooth(stroke)
    distinct = stroke[np.concatenate([[True], (np.diff(stroke, axis=0) != 0).any(axis=1)])]
    ends = np.concatenate([curve[:, :1].ravel(), curve[-1:, 3]]) if len(curve) else np.zeros(0)
    assert len(curve) == len(distinct) - 1
    assert np.isfinite(curve).all()
    if len(curve):
        assert np.array_equal(np.stack([ends.real, ends.imag], axis=1), distinct)
        assert np.array_equal(curve[:-1, 3], curve[1:, 0])


def test_collinear_points_give_a_straight_curve() -> None:
    curve = smooth(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]]))
    assert np.allclose(evaluate(curve, np.full((2, 5), [0, 0.25, 0.5, 0.75, 1])).imag, 0)


def test_smooth_curve_keeps_corners() -> None:
    curve = smooth(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 1.0]]))
    assert evaluate(curve, np.linspace(0, 1, 50)[None].repeat(2, 0)).real.max() == pytest.approx(10)


@given(inks.strokes.filter(lambda stroke: len(stroke) > 2), st.floats(1, 50))
def test_flattened_curve_contains_the_points_of_the_stroke(stroke: np.ndarray, tolerance: float) -> None:
    curve = smooth(stroke)
    if len(curve):
        (points,) = flatten([curve], tolerance, 10**6)
        assert {tuple(point) for point in stroke.tolist()} <= {tuple(point) for point in points.tolist()}
        finer = flatten([curve], tolerance / 10, 10**6)[0]
        assert len(stroke) <= len(points) + len(stroke) - len(curve) - 1 <= len(finer) + len(stroke)


def test_flattened_curves_of_the_corpus_stay_close_to_their_curves() -> None:
    for sample in inks.corpus_samples()[:20]:
        curves = [smooth(stroke) for stroke in sample.ink.strokes if len(smooth(stroke))]
        for curve, points in zip(curves, flatten(curves, 0.1, 10**6), strict=True):
            fine = evaluate(curve, np.linspace(0, 1, 40)[None].repeat(len(curve), 0)).ravel()
            assert inks.max_distance(points, np.stack([fine.real, fine.imag], axis=1)) < 0.2
