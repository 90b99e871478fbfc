from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.spaces import Categorical, Space, space_from_json
from seqforge.core.spaces.categorical import MAX_SYMBOLS
from seqforge.errors import DamagedFileError


@given(st.integers(1, MAX_SYMBOLS))
def test_json_round_trip(size: int) -> None:
    space = Categorical(size)
    assert space_from_json(space.to_json()) == space


@given(st.integers(1, MAX_SYMBOLS))
def test_dtype_is_the_smallest_for_all_symbols(size: int) -> None:
    dtype = Categorical(size).dtype
    assert dtype.kind == "u"
    assert np.iinfo(dtype).max >= size - 1
    assert dtype.itemsize == 1 or np.iinfo(f"u{dtype.itemsize // 2}").max < size - 1


@given(st.integers(1, 300), st.lists(st.integers(-5, 305), max_size=20))
def test_check_names_the_first_step_outside_the_space(size: int, steps: list[int]) -> None:
    wrong = [at for at, step in enumerate(steps) if not 0 <= step < size]
    if not wrong:
        Categorical(size).check(np.array(steps, np.int64))
        return
    with pytest.raises(ValueError, match=rf"^step {wrong[0]} is {steps[wrong[0]]}; .* 0 to {size - 1}$"):
        Categorical(size).check(np.array(steps, np.int64))


@pytest.mark.parametrize("steps", [np.zeros(3), np.zeros((3, 1), int), np.array(1), np.zeros(2, bool), np.array(["a"])])
def test_check_rejects_other_arrays(steps: np.ndarray) -> None:
    with pytest.raises(ValueError, match="1-d integer array"):
        Categorical(5).check(steps)


def test_unsigned_steps_do_not_wrap_around() -> None:
    Categorical(256).check(np.arange(256, dtype=np.uint8))
    with pytest.raises(ValueError, match="step 200 is 200"):
        Categorical(200).check(np.arange(256, dtype=np.uint8))


@pytest.mark.parametrize("size", [0, -1, MAX_SYMBOLS + 1, 10**30])
def test_size_out_of_range_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match="size is"):
        Categorical(size)


INVALID = [
    None, 3, "categorical", [], ["kind", "categorical"], {}, {"kind": None}, {"kind": "mixtape"},
    {"kind": ["categorical"]}, {"kind": {"a": 1}}, {"kind": "categorical"},
    {"kind": "categorical", "size": 0}, {"kind": "categorical", "size": -3}, {"kind": "categorical", "size": "5"},
    {"kind": "categorical", "size": 5.0}, {"kind": "categorical", "size": None}, {"kind": "categorical", "size": [5]},
    {"kind": "categorical", "size": True}, {"kind": "categorical", "size": float("nan")},
    {"kind": "categorical", "size": 10**12}, {"kind": "categorical", "size": 5, "more": 1}, {"size": 5},
]  # fmt: skip


@pytest.mark.parametrize("data", INVALID, ids=repr)
def test_invalid_json_is_an_error(data: Any) -> None:
    with pytest.raises(DamagedFileError):
        space_from_json(data)


def test_error_lists_known_spaces() -> None:
    with pytest.raises(DamagedFileError, match=r"known are .*categorical"):
        space_from_json({"kind": "mixtape"})


def test_space_is_registered_by_kind() -> None:
    assert Space.kinds["categorical"] is Categorical
