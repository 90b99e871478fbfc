"""Outputs that are not finite end in an error, and a forbidden step is never chosen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Categorical, Mixture
from seqforge.errors import RunError
from seqforge.inference import NetworkWeights
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import BeamSearch, Conditions, Controls, Engine, Limits, Sampler, distribution_for

ROWS, SIZE = 3, 5
NONE = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
CONTROLS = [
    Controls(),
    Controls(greedy=True),
    Controls(temperature=5e-324),
    Controls(temperature=0.2, top_k=2, min_p=0.5),
    Controls(top_p=0.1),
    Controls(typical=0.1),
    Controls(ban=(0,), temperature=100.0),
]
NUMBERS = st.floats(width=32) | st.sampled_from([0.0, -1e30, 1e30, 3e38, -3e38, float("-inf")])
UNIFORMS = st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 1 - 2**-53])


@st.composite
def masks(draw: st.DrawFn, choices: int) -> np.ndarray:
    """Masks with an allowed choice in every row."""
    result = draw(hnp.arrays(np.bool_, (ROWS, choices)))
    result[np.arange(ROWS), draw(hnp.arrays(np.int64, ROWS, elements=st.integers(0, choices - 1)))] = True
    return result


@pytest.mark.parametrize("controls", CONTROLS, ids=repr)
@given(data=st.data())
def test_forbidden_symbol_is_never_chosen(controls: Controls, data: st.DataObject) -> None:
    outputs = data.draw(hnp.arrays(np.float32, (ROWS, SIZE + 1), elements=NUMBERS))
    mask = data.draw(masks(SIZE + 1))
    uniforms = data.draw(hnp.arrays(np.float64, (ROWS, 1), elements=UNIFORMS))
    try:
        choice = distribution_for(Categorical(SIZE), controls).choose(outputs, mask, uniforms)
    except RunError:
        assert not np.isfinite(outputs).all()
        return
    assert mask[np.arange(ROWS), choice.steps].all()
    assert np.isfinite(outputs[np.arange(ROWS), choice.steps]).all()
    assert (choice.ends == (choice.steps == SIZE)).all()


@pytest.mark.parametrize("controls", [Controls(), Controls(greedy=True), Controls(temperature=5e-324, bias=2.0)])
@given(data=st.data())
def test_forbidden_end_is_never_chosen_and_points_are_finite(controls: Controls, data: st.DataObject) -> None:
    space = Mixture(reals=2, bits=1, components=2)
    outputs = data.draw(hnp.arrays(np.float32, (ROWS, 14), elements=NUMBERS))
    mask = data.draw(masks(2))
    uniforms = data.draw(hnp.arrays(np.float64, (ROWS, 5), elements=UNIFORMS))
    try:
        choice = distribution_for(space, controls).choose(outputs, mask, uniforms)
    except RunError:
        assert not (np.abs(outputs) < 1e30).all()
        return
    assert np.isfinite(choice.steps).all()
    assert mask[np.arange(ROWS), choice.ends.astype(int)].all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("space", [Categorical(SIZE), Mixture(reals=2, bits=1, components=2)], ids=lambda s: s.kind)
def test_probabilities_of_outputs_that_are_not_finite_are_an_error(value: float, space: Any) -> None:
    outputs = np.zeros(SIZE + 1 if isinstance(space, Categorical) else 14, np.float32)
    distribution_for(space, Controls()).probabilities(outputs)
    outputs[0] = value
    with pytest.raises(RunError, match="not finite"):
        distribution_for(space, Controls()).probabilities(outputs)


@pytest.fixture(params=["categorical", "mixture"])
def broken(request: pytest.FixtureRequest, make_network: Callable[..., Network]) -> Network:
    """A network of each space, one weight of which is NaN."""
    if request.param == "categorical":
        network = make_network(size=SIZE)
    else:
        space = Mixture(reals=2, bits=1, components=2)
        network = Network(space, NetworkConfig(layers=1, hidden=8, embedding=8), seed=0).eval()
    with torch.no_grad():
        network.layers[0].recurrent_weight[0, 0] = float("nan")
    return network


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def test_sampling_from_network_with_nan_is_an_error(broken: Network) -> None:
    prompt = Prompt(Example(np.zeros((0, *broken.space.shape), broken.space.dtype)))
    sampler = Sampler(
        Engine(NetworkWeights.from_network(broken)),
        prompt,
        NONE,
        controls=Controls(),
        limits=Limits(steps=20),
        units=units,
    )
    with pytest.raises(RunError, match="not finite"):
        list(sampler.samples(range(3), seed=0))


def test_beam_search_in_network_with_nan_is_an_error(make_network: Callable[..., Network]) -> None:
    network = make_network(size=SIZE)
    with torch.no_grad():
        network.layers[0].recurrent_weight[0, 0] = float("nan")
    search = BeamSearch(
        Engine(NetworkWeights.from_network(network)), Prompt(Example(np.zeros(0, np.uint8))), NONE, beams=2,
        length_penalty=0.0, controls=Controls(), limits=Limits(steps=20), units=units,
    )  # fmt: skip
    with pytest.raises(RunError, match="not finite"):
        search.best(1)
