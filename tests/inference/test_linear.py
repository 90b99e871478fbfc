from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqforge.inference import MAX_ROWS, Precision, instruction_set, kernels
from seqforge.inference.linear import MAX_LEVEL, Bfloat16Linear, Float32Linear, Int8Linear, make_linear

PRECISIONS = get_args(Precision)
RELATIVE_TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2, "int8": 2e-2}
"""Tolerance as a fraction of the largest result."""
SIZES = st.integers(1, 100)
several = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])


def random_layer(outputs: int, inputs: int, rows: int = MAX_ROWS, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    weight, bias, values = rng.normal(size=(outputs, inputs)), rng.normal(size=outputs), rng.normal(size=(rows, inputs))
    return weight.astype(np.float32), bias.astype(np.float32), np.tanh(values).astype(np.float32)


def test_the_fixture_selects_the_instruction_set(instructions: str) -> None:
    assert instruction_set() == instructions


def test_an_unknown_instruction_set_is_the_generic_one() -> None:
    compiled = kernels.library()
    if compiled is None:
        pytest.skip("the kernels have not been compiled")
    best = compiled.kernels_name()
    assert compiled.kernels_init(b"nonsense") == b"generic"
    assert compiled.kernels_init(None) == best


# -- a row depends on itself alone --------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@several
@given(outputs=SIZES, inputs=SIZES, has_bias=st.booleans(), seed=st.integers(0, 99))
def test_row_depends_on_itself_alone(
    instructions: str, precision: Precision, outputs: int, inputs: int, has_bias: bool, seed: int
) -> None:
    weight, bias, rows = random_layer(outputs, inputs, seed=seed)
    linear = make_linear(weight, bias if has_bias else None, precision=precision)
    alone = np.concatenate([linear(row[None]) for row in rows])
    assert alone.shape == (MAX_ROWS, outputs) and alone.dtype == np.float32
    for count in range(1, MAX_ROWS + 1):  # any number of rows, each row at any position
        order = (np.arange(count) + 7 * count) % MAX_ROWS
        assert linear(rows[order]).tobytes() == alone[order].tobytes()
        assert linear(rows[:count]).tobytes() == alone[:count].tobytes()
    for first in range(MAX_ROWS):
        assert linear(np.roll(rows, first, 0)).tobytes() == np.roll(alone, first, 0).tobytes()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("outputs", "inputs"), [(64, 64), (1030, 257), (257, 1030), (2048, 512)])
def test_row_of_a_large_matrix_depends_on_itself_alone(
    instructions: str, precision: Precision, outputs: int, inputs: int
) -> None:
    weight, bias, rows = random_layer(outputs, inputs)
    linear = make_linear(weight, bias, precision=precision)
    expected = linear(rows)
    for count in (1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 16, 31, 63):
        first = (11 * count) % (MAX_ROWS - count)
        assert linear(rows[first : first + count]).tobytes() == expected[first : first + count].tobytes()


@pytest.mark.parametrize("precision", PRECISIONS)
@several
@given(outputs=SIZES, inputs=SIZES, rows=st.integers(1, 15), has_bias=st.booleans())
def test_results_are_added_to_an_array(
    instructions: str, precision: Precision, outputs: int, inputs: int, rows: int, has_bias: bool
) -> None:
    weight, bias, values = random_layer(outputs, inputs, rows)
    linear = make_linear(weight, bias if has_bias else None, precision=precision)
    start = np.random.default_rng(1).normal(size=(rows, outputs)).astype(np.float32)
    total = start.copy()
    assert linear(values, total) is total
    np.testing.assert_allclose(total, start + linear(values), atol=1e-5, rtol=1e-5)
    by_row = start.copy()
    for row in range(rows):
        linear(values[row : row + 1], by_row[row : row + 1])
    assert by_row.tobytes() == total.tobytes()


def test_no_byte_outside_the_result_is_written(instructions: str) -> None:
    for precision in PRECISIONS:
        for outputs in range(1, 70):
            weight, bias, values = random_layer(outputs, 5, rows=3)
            buffer = np.full((5, outputs), 7, np.float32)
            make_linear(weight, bias, precision=precision)(values, buffer[1:4])
            assert (buffer[[0, 4]] == 7).all()


# -- the results --------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@several
@given(outputs=SIZES, inputs=st.integers(1, 400), rows=st.integers(1, 20), has_bias=st.booleans())
def test_result_is_close_to_the_exact_one(
    instructions: str, precision: Precision, outputs: int, inputs: int, rows: int, has_bias: bool
) -> None:
    weight, bias, values = random_layer(outputs, inputs, rows)
    actual = make_linear(weight, bias if has_bias else None, precision=precision)(values)
    exact = values.astype(np.float64) @ weight.astype(np.float64).T + (bias if has_bias else 0)
    size = np.linalg.norm(values, axis=1).max() * np.linalg.norm(weight, axis=1).max()
    assert np.abs(actual - exact).max() <= RELATIVE_TOLERANCE[precision] * size


def test_weights_in_bfloat16_are_rounded_and_nothing_else(instructions: str) -> None:
    weight, bias, values = random_layer(45, 70, 9)
    rounded = (weight.view(np.uint32) + 0x7FFF + ((weight.view(np.uint32) >> 16) & 1)) & 0xFFFF0000
    expected = Float32Linear(rounded.astype(np.uint32).view(np.float32), bias)(values)
    actual = Bfloat16Linear(weight, bias)(values)
    if instructions == "amx":  # it adds the products in another order
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    else:
        assert actual.tobytes() == expected.tobytes()


def near_levels(rows: int, columns: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return 8-bit numbers, the largest of each row 127, and float32 numbers that are rounded to them."""
    levels = rng.integers(-MAX_LEVEL, MAX_LEVEL + 1, (rows, columns))
    peaks = rng.integers(0, columns, rows)
    levels[np.arange(rows), peaks] = MAX_LEVEL * rng.choice([-1, 1], rows)
    offsets = rng.uniform(-0.4, 0.4, levels.shape) * (np.abs(levels) < MAX_LEVEL)
    return levels, ((levels + offsets) * rng.uniform(0.1, 3, (rows, 1))).astype(np.float32)


@several
@given(outputs=st.integers(1, 40), inputs=st.integers(1, 2500), rows=st.integers(1, 9), seed=st.integers(0, 999))
def test_int8_sums_are_exact(instructions: str, outputs: int, inputs: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    (weight_levels, weight), (levels, values) = near_levels(outputs, inputs, rng), near_levels(rows, inputs, rng)
    sums = levels @ weight_levels.T
    scales = np.abs(values).max(1, keepdims=True).astype(np.float64) * np.abs(weight).max(1)
    # three roundings of float32: the sum, the product with one scale, and the product with the other
    np.testing.assert_allclose(Int8Linear(weight)(values), sums * scales / MAX_LEVEL**2, rtol=4e-7, atol=0)


@several
@given(weight=hnp.arrays(np.int8, (7, 130), elements=st.sampled_from([-127, 127, 126, 0, 1])), seed=st.integers(0, 99))
def test_int8_sums_of_the_largest_levels_do_not_saturate(instructions: str, weight: np.ndarray, seed: int) -> None:
    weight[:, 0] = MAX_LEVEL
    row = np.where(np.random.default_rng(seed).random(130) < 0.9, 127, -127).astype(np.float32)[None]
    actual = Int8Linear(weight.astype(np.float32))(row)
    np.testing.assert_allclose(actual, row.astype(np.float64) @ weight.T.astype(np.float64), rtol=4e-7, atol=0)


def test_zero_and_very_large_rows_give_finite_results(instructions: str) -> None:
    weight, bias, rows = random_layer(45, 70, 5)
    for precision in PRECISIONS:
        linear = make_linear(weight, bias, precision=precision)
        assert np.array_equal(linear(rows * 0), np.tile(bias, (5, 1)))
        assert np.isfinite(linear(rows * 1e30)).all()
        assert np.isfinite(linear(rows * 1e-38)).all()
    assert np.array_equal(Int8Linear(weight * 0, bias)(rows), np.tile(bias, (5, 1)))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("count", [1, 2, 7, 40])
@pytest.mark.parametrize("position", [0, 3, 69])
def test_nan_reaches_the_result_of_its_row_alone(
    instructions: str, precision: Precision, count: int, position: int
) -> None:
    weight, bias, rows = random_layer(45, 70, count)
    linear = make_linear(weight, bias, precision=precision)
    expected = linear(rows)
    rows[count // 2, position] = np.nan
    actual = linear(rows)
    assert np.isnan(actual[count // 2]).all()
    others = np.arange(count) != count // 2
    assert actual[others].tobytes() == expected[others].tobytes()


def test_rows_need_not_be_contiguous(instructions: str) -> None:
    weight, bias, rows = random_layer(45, 70, 12)
    wide = np.repeat(rows, 2, 1)
    for precision in PRECISIONS:
        linear = make_linear(weight, bias, precision=precision)
        assert linear(wide[::2, ::2]).tobytes() == linear(rows[::2]).tobytes()
    assert make_linear(weight.T)(np.ascontiguousarray(rows[:, :45])).shape == (12, 70)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_layer_without_inputs_or_rows(instructions: str, precision: Precision) -> None:
    bias = np.arange(5, dtype=np.float32)
    empty = make_linear(np.zeros((5, 0), np.float32), bias, precision=precision)
    assert np.array_equal(empty(np.zeros((3, 0), np.float32)), np.tile(bias, (3, 1)))
    weight, _, _ = random_layer(5, 4)
    assert make_linear(weight, bias, precision=precision)(np.zeros((0, 4), np.float32)).shape == (0, 5)


def test_instruction_sets_agree() -> None:
    compiled = kernels.library()
    if compiled is None:
        pytest.skip("the kernels have not been compiled")
    rng = np.random.default_rng(0)
    _, weight = near_levels(77, 301, rng)
    _, rows = near_levels(13, 301, rng)
    results: dict[str, list[np.ndarray]] = {precision: [] for precision in PRECISIONS}
    try:
        for name in (b"generic", b"avx2", b"avx512", b"amx"):
            compiled.kernels_init(name)
            for precision in PRECISIONS:
                results[precision].append(make_linear(weight, precision=precision)(rows))
    finally:
        compiled.kernels_init(None)
    for precision, (generic, *others) in results.items():
        for other in others:
            np.testing.assert_allclose(other, generic, rtol=0, atol=1e-6 * np.abs(generic).max())
            assert precision != "int8" or other.tobytes() == generic.tobytes()
