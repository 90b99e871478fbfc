"""Matrix products on a device of torch: the engine is the same, and a row depends on itself alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge.core.sequences import Example, Prompt
from seqforge.errors import OptionsError
from seqforge.inference import MAX_ROWS, Conditions, Engine, NetworkWeights, prompt_batch
from seqforge.inference.device import TORCH_CPU, device_products
from seqforge.network import Network

SHAPES: list[dict[str, Any]] = [
    {"layers": 2, "hidden": 40, "embedding": 12},
    {"cell": "gru", "layers": 2, "hidden": 40},
    {"source_symbols": 6, "gaussians": 3, "hidden": 32},
    {"source_symbols": 6, "attention": "content", "encoder_units": 8, "hidden": 32},
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_the_engine_has_the_same_outputs(make_network: Callable[..., Network], shape: dict[str, Any]) -> None:
    weights = NetworkWeights.from_network(make_network(**shape))
    source = np.array([1, 4, 2], np.uint8) if weights.config.source_symbols else None
    prompt = Prompt(Example(np.array([2, 0, 3], np.uint8), source=source))
    conditions = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    results = []
    for engine in (Engine(weights), Engine(weights, device=TORCH_CPU)):
        outputs, state, gates = engine.begin(prompt_batch(weights, prompt, conditions))
        rows = engine.state(state, 2)
        results.append([outputs, *engine.step(np.array([1, 4]), np.repeat(gates[None], 2, 0), rows)])
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_row_depends_on_itself_alone(precision: Any) -> None:
    rng = np.random.default_rng(0)
    weight, rows = (rng.normal(size=size).astype(np.float32) for size in ((130, 70), (MAX_ROWS + 9, 70)))
    linear = device_products(TORCH_CPU, precision)(weight, np.ones(130, np.float32))
    expected = linear(rows)
    for first, count in ((0, 1), (3, 1), (5, 16), (1, MAX_ROWS), (8, MAX_ROWS + 1)):
        assert linear(rows[first : first + count]).tobytes() == expected[first : first + count].tobytes()


def test_a_model_generates() -> None:
    model = seqforge.load("text", device=TORCH_CPU)
    pieces = model.generate(seed=1, length=20)
    assert pieces == seqforge.load("text").generate(seed=1, length=20)
    assert model.device == TORCH_CPU


@pytest.mark.parametrize("device", ["cuda:99", "nonsense", "meta:x", ""])
def test_a_device_that_does_not_exist_is_an_error(device: str) -> None:
    with pytest.raises(OptionsError) as caught:
        seqforge.load("text", device=device)
    assert (caught.value.field, caught.value.value) == ("device", device)


def test_other_wrong_devices_are_errors() -> None:
    with pytest.raises(OptionsError) as caught:
        seqforge.load("text", precision="int8", device=TORCH_CPU)
    assert caught.value.field == "precision"
    with pytest.raises(OptionsError) as caught:
        seqforge.load("text", device=3)  # type: ignore[arg-type]
    assert caught.value.field == "device"
