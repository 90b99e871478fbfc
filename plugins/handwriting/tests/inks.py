"""Ink for tests: any at all, and what real pens wrote."""

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from seqforge_handwriting.ink import Ink
from seqforge_handwriting.reading import Sample
from seqforge_handwriting.strokes import read_json

numbers = st.integers(-200_000, 200_000).map(lambda tenths: tenths / 100)
strokes = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=12).map(lambda pairs: np.array(pairs, np.float64))
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=20)
inks = st.builds(Ink, st.lists(strokes, min_size=1, max_size=8).map(tuple), texts)


def corpus(side: str) -> Path:
    return Path(str(files("seqforge_corpora"))) / "unipen" / side / "unipen.jsonl"


@cache
def real(side: str = "valid") -> tuple[Sample, ...]:
    """Return the samples of a side of the corpus."""
    found = [*read_json(corpus(side))]
    assert all(isinstance(sample, Sample) for sample in found)
    return tuple(sample for sample in found if isinstance(sample, Sample))
