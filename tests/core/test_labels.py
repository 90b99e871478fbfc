import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.labels import LabelIndex

KNOWN = {"key": ("C", "D"), "metre": ("3/4", "4/4", "6/8")}


def test_numbers_count_from_1_and_unknown_values_are_0() -> None:
    index = LabelIndex(KNOWN)
    numbers = index.numbers({"metre": "6/8", "key": "H", "mood": "sad"})
    assert numbers.tolist() == [0, 3] and numbers.dtype == np.int64
    assert index.numbers({}).tolist() == [0, 0]


def test_index_without_labels() -> None:
    index = LabelIndex({})
    assert index.numbers({"key": "C"}).shape == (0,)
    assert index.labels([]) == {}


def test_known_values_are_tuples() -> None:
    assert LabelIndex({"key": ["C", "D"]}).known == {"key": ("C", "D")}


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in KNOWN.items()}))
def test_labels_round_trip(labels: dict[str, str]) -> None:
    index = LabelIndex(KNOWN)
    assert index.labels(index.numbers(labels)) == labels


def test_labels_need_one_number_per_label() -> None:
    with pytest.raises(ValueError, match="zip"):
        LabelIndex(KNOWN).labels([1])
