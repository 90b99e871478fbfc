import inks
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge_handwriting.ink import Ink
from seqforge_handwriting.simplify import simplify, simplify_dense, simplify_stroke


@given(inks.strokes, st.floats(0.01, 50))
def test_simplified_strokes_stay_within_the_tolerance(stroke: np.ndarray, tolerance: float) -> None:
    simplified = simplify_stroke(stroke, tolerance)
    assert inks.max_distance(simplified, stroke) <= tolerance * (1 + 1e-9) + 1e-9
    assert np.array_equal(simplified[0], stroke[0]) and np.array_equal(simplified[-1], stroke[-1])
    assert {tuple(point) for point in simplified} <= {tuple(point) for point in stroke}
    again = simplify_stroke(simplified, tolerance)
    assert np.array_equal(again, simplified) or len(again) < len(simplified)


def test_simplified_ink_keeps_its_strokes_and_text() -> None:
    ink = inks.corpus_samples()[0].ink
    simplified = simplify(ink, 1.0)
    assert len(simplified.points) < len(ink.points)
    assert simplified.text == ink.text and len(simplified.strokes) == len(ink.strokes)


def test_only_dense_ink_is_simplified() -> None:
    points = np.stack([np.arange(40.0), np.zeros(40)], 1)
    dense = Ink((points,), "a")
    assert len(simplify_dense(dense, ".json", 0.5).points) == 2
    assert simplify_dense(dense, ".json", 0) is dense
    sparse = Ink((points[:20],), "a")
    assert simplify_dense(sparse, ".json", 0.5) is sparse
    assert len(simplify_dense(sparse, ".SVG", 0.5).points) == 2
