"""The compiled draw chooses what numpy chooses."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.spaces import Categorical
from seqforge.inference import kernels
from seqforge.sampling import Controls
from seqforge.sampling.distributions import distribution_for

CONTROLS = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([0.3, 0.9, 1.0, 2.0]),
        "top_k": st.integers(0, 30),
        "top_p": st.sampled_from([0.2, 0.9, 1.0]),
        "min_p": st.sampled_from([0.0, 0.05, 0.5]),
    }
)


@settings(max_examples=120)
@given(
    controls=CONTROLS, size=st.integers(1, 90), rows=st.integers(1, 9), spread=st.sampled_from([0.0, 1.0, 8.0, 60.0]),
    levels=st.booleans(), is_masked=st.booleans(), seed=st.integers(0, 999),
    instructions=st.sampled_from([b"generic", b"avx2", b"avx512"]),
)  # fmt: skip
def test_choices_are_those_of_numpy(
    controls: dict[str, Any], size: int, rows: int, spread: float, levels: bool, is_masked: bool, seed: int,
    instructions: bytes,
) -> None:  # fmt: skip
    library = kernels.library()
    if library is None:
        pytest.skip("the kernels have not been compiled")
    library.kernels_init(instructions)
    try:
        check_choices(controls, size, rows, spread, levels=levels, is_masked=is_masked, seed=seed)
    finally:
        library.kernels_init(None)


def check_choices(
    controls: dict[str, Any], size: int, rows: int, spread: float, *, levels: bool, is_masked: bool, seed: int
) -> None:
    """Compare the choices of the library with those of numpy."""
    rng = np.random.default_rng(seed)
    outputs = (spread * rng.normal(size=(rows, size + 1))).astype(np.float32)
    outputs = outputs.round() if levels else outputs  # many ties
    masks = rng.random(outputs.shape) < 0.4 if is_masked else None
    if masks is not None:
        masks[np.arange(rows), rng.integers(0, size + 1, rows)] = True
    uniforms = np.concatenate([rng.random((rows - 1, 1)), [[1 - 1e-9]]])
    compiled: Any = distribution_for(Categorical(size), Controls(**controls))
    plain: Any = distribution_for(Categorical(size), Controls(**controls))
    plain._is_compiled = False
    actual, expected = (one.choose(outputs, masks, uniforms) for one in (compiled, plain))
    for name in ("steps", "ends"):
        assert np.array_equal(getattr(actual, name), getattr(expected, name)), name
    for name in ("scores", "masked", "bits"):
        np.testing.assert_allclose(getattr(actual, name), getattr(expected, name), rtol=1e-12, atol=1e-12)
    for row in range(rows):  # a row depends on itself alone
        part = slice(row, row + 1)
        alone = compiled.choose(outputs[part], None if masks is None else masks[part], uniforms[part])
        for field in dataclasses.fields(alone):
            assert getattr(alone, field.name)[0] == getattr(actual, field.name)[row]


@settings(max_examples=60)
@given(controls=CONTROLS, size=st.integers(1, 90), spread=st.sampled_from([0.0, 8.0, 60.0]), seed=st.integers(0, 999))
def test_the_largest_random_number_chooses_a_possible_step(
    controls: dict[str, Any], size: int, spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    outputs = (spread * rng.normal(size=(1, size + 1))).astype(np.float32)
    masks = rng.random(outputs.shape) < 0.4
    masks[0, outputs[0].argmax()] = True
    distribution: Any = distribution_for(Categorical(size), Controls(**controls))
    (choice,) = distribution.choose(outputs, masks, np.array([[np.nextafter(1, 0)]])).steps
    probability = np.exp((outputs[0, choice] - outputs.max()) / controls["temperature"])
    assert masks[0, choice] and probability >= controls["min_p"] * (1 - 1e-6)
    if controls["top_k"]:
        assert np.count_nonzero(masks & (outputs > outputs[0, choice])) < controls["top_k"]
