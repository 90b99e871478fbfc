"""The engine, step by step, computes what the network of torch computes for whole sequences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.places import AlignedHistory, Places
from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.evaluation import score_examples
from seqforge.inference import Conditions, Engine, NetworkWeights, prompt_batch
from seqforge.network import Network, NetworkConfig, example_batch
from seqforge.sampling import step_log_probabilities

CELLS = ["lstm", "gru", "rnn"]
SHAPES: list[dict[str, Any]] = [
    {"layers": 1},
    {"layers": 2, "tie_embeddings": False, "embedding": 5, "hidden": 7},
    {"layers": 3, "embedding": 6},
    {"layers": 3, "hidden": 33, "embedding": 12, "residual": False},
    {"layers": 2, "labels": (2, 3), "features": 2},
    {"layers": 1, "labels": (4,), "tie_embeddings": False},
    {"layers": 2, "lookback": 3, "distances": (1, 2, 4)},
    {"layers": 1, "lookback": 4, "distances": (0, 1), "labels": (2,), "features": 1},
    {"layers": 2, "lookback": 3, "distances": (1, 2, 4), "copy_logits": True, "hidden": 37, "embedding": 6},
    {"layers": 2, "features": 3, "features_at": "state"},
    {"layers": 2, "labels": (2,), "features": 2, "features_at": "both"},
]
SOURCE_SHAPES: list[dict[str, Any]] = [
    {"layers": 2},
    {"layers": 3, "hidden": 13, "embedding": 6},
    {"layers": 1, "gaussians": 10},
    {"layers": 2, "encoder_units": 6},
    {"layers": 3, "encoder_units": 5, "hidden": 13, "residual": False},
    {"layers": 2, "encoder_units": 4, "labels": (2,), "features": 3},
    {"layers": 2, "labels": (2, 1), "features": 1, "gaussians": 1},
    {"layers": 3, "attention": "content", "encoder_units": 4, "labels": (2,), "features": 1, "embedding": 6},
    {"layers": 2, "attention": "none", "embedding": 6, "residual": False},
    {"layers": 2, "features": 2, "features_at": "state"},
]
SPACES: list[Space] = [Categorical(5), Mixture(2, 1, 3, ((5.0, 20.0), (-1.0, 0.1))), Mixture(1, 0, 4), Mixture(2, 3, 1)]
SYMBOLS = 4


def random_network(space: Space, shape: dict[str, Any], seed: int = 0) -> Network:
    """Return a network whose parameters all differ from zero, so that a test notices if one is not used."""
    network = Network(space, NetworkConfig(**{"hidden": 8, "embedding": 8, **shape}), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            scale = 0.5 if parameter.ndim == 1 or name == "start_weight" else 0.2
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=scale)
    return network.eval()


def random_steps(space: Space, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if isinstance(space, Mixture):
        reals, bits = rng.normal(size=(count, space.reals)), rng.integers(0, 2, (count, space.bits))
        return np.concatenate([reals, bits], 1).astype(np.float32)
    return rng.integers(0, 5, count).astype(np.uint8)


def random_conditions(config: NetworkConfig, seed: int = 0) -> Conditions:
    rng = np.random.default_rng(seed)
    labels = np.array([rng.integers(0, values + 1) for values in config.labels], np.int64)
    return Conditions(labels, rng.normal(size=config.features).astype(np.float32))


def sequence_outputs(network: Network, example: Example, conditions: Conditions) -> np.ndarray:
    """Return the outputs of torch; row r is after r steps."""
    config = network.config
    batch = example_batch(example, conditions.labels, conditions.features, config.source_symbols, network.history)
    with torch.no_grad():
        outputs: np.ndarray = network(batch, network.zero_state(1))[0][:, 0].numpy()
    return outputs


def engine_outputs(engine: Engine, example: Example, conditions: Conditions, prompt_steps: int) -> np.ndarray:
    """Return the outputs of three equal rows from the end of a prompt on, one row of them per step."""
    prompt = Prompt(Example(example.steps[:prompt_steps], source=example.source))
    outputs, prompt_state, gates = engine.begin(prompt_batch(engine.network, prompt, conditions))
    state, gates, results = engine.state(prompt_state, 3), np.tile(gates, (3, 1)), [outputs]
    history = engine.network.history
    places = None if history is None else history.index(example.steps[:prompt_steps].tolist())
    for step in example.steps[prompt_steps:]:
        if places is not None:
            places.add(int(step))
        references = None if places is None else np.array([places.references()] * 3)
        rows = engine.step(np.array([step] * 3), gates, state, references)
        assert rows.dtype == np.float32
        assert rows[0].tobytes() == rows[1].tobytes() == rows[2].tobytes()
        results.append(rows[0])
    return np.stack(results)


def assert_agreement(network: Network, example: Example, tolerance: float = 1e-5) -> None:
    conditions = random_conditions(network.config)
    expected = sequence_outputs(network, example, conditions)
    engine = Engine(NetworkWeights.from_network(network))
    for prompt_steps in (0, 1, 5, len(example.steps)):
        actual = engine_outputs(engine, example, conditions, prompt_steps)
        np.testing.assert_allclose(actual, expected[prompt_steps:], atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_symbols(instructions: str, period_of_four: Places, cell: str, shape: dict[str, Any]) -> None:
    network = random_network(Categorical(5), {"cell": cell, **shape})
    if network.config.distances:
        network.history = AlignedHistory(period_of_four, network.config.distances)
    assert_agreement(network, Example(random_steps(network.space, 18)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("space", SPACES[1:], ids=str)
@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[2], SHAPES[4]], ids=str)
def test_real_numbers_and_bits(instructions: str, cell: str, space: Space, shape: dict[str, Any]) -> None:
    network = random_network(space, {"cell": cell, **shape})
    assert_agreement(network, Example(random_steps(space, 18)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("space", SPACES[:2], ids=str)
@pytest.mark.parametrize("shape", SOURCE_SHAPES, ids=str)
@pytest.mark.parametrize("source", [[2, 2, 0, 1, 1, 2, 0], []], ids=["source", "empty source"])
def test_attention_on_a_source(
    instructions: str, cell: str, space: Space, shape: dict[str, Any], source: list[int]
) -> None:
    network = random_network(space, {"cell": cell, "source_symbols": SYMBOLS, "gaussians": 3, **shape})
    assert_agreement(network, Example(random_steps(space, 12), source=np.array(source, np.uint8)), tolerance=3e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_one_layer_with_attention_by_content(cell: str) -> None:
    shape = {"cell": cell, "source_symbols": SYMBOLS, "layers": 1, "attention": "content", "encoder_units": 5}
    example = Example(np.array([1, 4, 0, 2, 2], np.uint8), source=np.array([2, 0, 1], np.uint8))
    assert_agreement(random_network(Categorical(5), shape), example, tolerance=3e-5)


def test_attention_without_a_source(make_network: Callable[..., Network]) -> None:
    network = make_network(source_symbols=SYMBOLS, layers=2)
    assert_agreement(network, Example(random_steps(network.space, 8)))
    engine = Engine(NetworkWeights.from_network(network))
    nothing = Prompt(Example(np.zeros(0, np.uint8)))
    _, state, _ = engine.begin(prompt_batch(engine.network, nothing, random_conditions(network.config)))
    assert engine.steps_at_source_end(engine.state(state, 2)) is None


def test_steps_at_the_end_of_the_source_are_counted_as_in_torch(instructions: str) -> None:
    config = NetworkConfig(hidden=8, embedding=8, source_symbols=SYMBOLS, gaussians=3)
    network = Network(Categorical(5), config, seed=4, symbols_per_step=0.2).eval()
    example = Example(random_steps(network.space, 40), source=np.array([0, 1, 2], np.uint8))
    conditions, counts = random_conditions(network.config), []
    engine = Engine(NetworkWeights.from_network(network))
    for length in range(41):
        part = Example(example.steps[:length], source=example.source)
        batch = example_batch(part, conditions.labels, conditions.features, SYMBOLS)
        with torch.no_grad():
            expected = float(network.forward_layers(batch, network.zero_state(1))[1][-1][2][0, 0])
        _, state, _ = engine.begin(prompt_batch(engine.network, Prompt(part), conditions))
        counts.append(engine.steps_at_source_end(engine.state(state, 2)))
        assert counts[-1] is not None and counts[-1].tolist() == [expected] * 2
    assert max(count[0] for count in counts if count is not None) > 2


def test_prompt_longer_than_a_chunk(instructions: str) -> None:
    network = random_network(Categorical(5), {"layers": 2})
    example, conditions = Example(random_steps(network.space, 700)), random_conditions(network.config)
    engine = Engine(NetworkWeights.from_network(network))
    expected = sequence_outputs(network, example, conditions)
    for length in (255, 256, 257, 700):
        actual = engine_outputs(engine, Example(example.steps[:length]), conditions, length)
        np.testing.assert_allclose(actual[0], expected[length], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.1), ("int8", 0.25)])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("source_symbols", [0, SYMBOLS])
def test_lower_precisions_are_close(
    instructions: str, precision: Any, tolerance: float, cell: str, source_symbols: int
) -> None:
    network = random_network(Categorical(5), {"cell": cell, "hidden": 40, "source_symbols": source_symbols})
    source = np.array([1, 2], np.uint8) if source_symbols else None
    example, conditions = Example(random_steps(network.space, 9), source=source), random_conditions(network.config)
    weights = NetworkWeights.from_network(network)
    expected = engine_outputs(Engine(weights), example, conditions, 2)
    actual = engine_outputs(Engine(weights, precision), example, conditions, 2)
    assert 0 < np.abs(actual - expected).max() < tolerance * np.abs(expected).max()


@pytest.mark.parametrize("space", SPACES[:2], ids=str)
@pytest.mark.parametrize(
    "shape", [SHAPES[4], SHAPES[6], {**SOURCE_SHAPES[3], "source_symbols": SYMBOLS, "gaussians": 3}], ids=str
)
def test_log_probabilities_of_pieces_of_different_lengths(
    period_of_four: Places, space: Space, shape: dict[str, Any]
) -> None:
    if shape.get("distances") and not isinstance(space, Categorical):
        return
    network = random_network(space, shape)
    if network.config.distances:
        network.history = AlignedHistory(period_of_four, network.config.distances)
    conditions = [random_conditions(network.config, seed) for seed in range(4)]
    examples = [
        Example(
            random_steps(space, length, length),
            source=np.arange(1, 1 + length % 3, dtype=np.uint8),
            features=conditions[number].features if network.config.features else None,
        )
        for number, length in enumerate((0, 9, 11, 300))
    ]
    expected = score_examples(network, examples, [condition.labels for condition in conditions])
    engine = Engine(NetworkWeights.from_network(network))
    logs = step_log_probabilities(engine, examples, conditions)
    assert [len(values) for values in logs] == [1, 10, 12, 301]
    np.testing.assert_allclose([-values.sum() for values in logs], [nats for nats, _ in expected], rtol=1e-4)
    for example, condition, values in zip(examples, conditions, logs, strict=True):
        (alone,) = step_log_probabilities(engine, [example], [condition])
        assert alone.tobytes() == values.tobytes()
