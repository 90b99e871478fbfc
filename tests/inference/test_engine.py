"""Rows are independent, prompts read side by side equal prompts read alone, and only the state changes."""

import threading
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqforge.core.places import AlignedHistory, Places
from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Mixture
from seqforge.inference import (
    MAX_ROWS,
    Beginning,
    Conditions,
    Engine,
    EngineState,
    NetworkWeights,
    Precision,
    prompt_batch,
)
from seqforge.inference.linear import Bfloat16Linear, Float32Linear, Int8Linear, Linear
from seqforge.network import Network, NetworkConfig

NetworkFactory = Callable[..., Network]
CELLS = ["lstm", "gru", "rnn"]
PRECISIONS = get_args(Precision)
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
ARCHITECTURES: list[dict[str, Any]] = [
    {"layers": 2},
    {"layers": 1, "hidden": 13, "embedding": 6, "tie_embeddings": False},
    {"layers": 2, "source_symbols": 4, "gaussians": 10},
    {"layers": 2, "source_symbols": 4, "gaussians": 3, "encoder_units": 5},
    {"layers": 2, "source_symbols": 4, "encoder_units": 5, "attention": "content"},
    {"layers": 2, "source_symbols": 4, "attention": "none"},
    {"layers": 2, "lookback": 3, "distances": (1, 2)},
    {"layers": 2, "lookback": 3, "distances": (1, 2), "copy_logits": True},
]


def engine_of(network: Network, precision: Precision = "float32") -> Engine:
    return Engine(NetworkWeights.from_network(network), precision)


def begin(engine: Engine, steps: list[int], conditions: Conditions = NO_CONDITIONS) -> Beginning:
    return engine.begin(prompt_batch(engine.network, Prompt(Example(np.array(steps, np.uint8))), conditions))


def parts_of(state: EngineState) -> list[np.ndarray]:
    return [part for layer in state for part in layer]


def bytes_of(outputs: np.ndarray, state: EngineState) -> list[bytes]:
    return [array.tobytes() for array in (outputs, *parts_of(state))]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", [*ARCHITECTURES[:6], {"layers": 2, "hidden": 64, "embedding": 33}], ids=str)
def test_row_depends_on_itself_alone(
    make_network: NetworkFactory, instructions: str, precision: Precision, cell: str, shape: dict[str, Any]
) -> None:
    engine = engine_of(make_network(cell=cell, **shape), precision)
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 5, (5, MAX_ROWS))
    source = np.array([0, 2, 1], np.uint8) if "source_symbols" in shape else None
    prompt = Prompt(Example(np.array([1, 2], np.uint8), source=source))
    _, prompt_state, gates = engine.begin(prompt_batch(engine.network, prompt, NO_CONDITIONS))

    def run(order: np.ndarray) -> np.ndarray:
        """Return the outputs of these rows, shape (steps, rows, outputs)."""
        state, row_gates = engine.state(prompt_state, len(order)), np.tile(gates, (len(order), 1))
        return np.stack([engine.step(row_steps[order], row_gates, state) for row_steps in steps])

    expected = run(np.arange(MAX_ROWS))
    for count in (1, 2, 3, 5, 7, 8, 11, 16, 31, 33, 63):
        order = (np.arange(count) + 7 * count) % MAX_ROWS
        assert run(order).tobytes() == expected[:, order].tobytes()


def test_row_of_real_numbers_depends_on_itself_alone(instructions: str) -> None:
    network = Network(Mixture(2, 1, 3), NetworkConfig(hidden=13, embedding=5, source_symbols=4), seed=1)
    engine = engine_of(network)
    steps = np.random.default_rng(0).normal(size=(5, MAX_ROWS, 3)).astype(np.float32)
    prompt = Prompt(Example(steps[0, :2], source=np.array([1, 0, 2], np.uint8)))
    _, prompt_state, gates = engine.begin(prompt_batch(engine.network, prompt, NO_CONDITIONS))

    def run(order: np.ndarray) -> np.ndarray:
        state, row_gates = engine.state(prompt_state, len(order)), np.tile(gates, (len(order), 1))
        return np.stack([engine.step(row_steps[order], row_gates, state) for row_steps in steps])

    expected = run(np.arange(MAX_ROWS))
    for count in (1, 2, 3, 8, 17, 63):
        order = (np.arange(count) + 7 * count) % MAX_ROWS
        assert run(order).tobytes() == expected[:, order].tobytes()


def test_rows_may_have_different_conditions(make_network: NetworkFactory, instructions: str) -> None:
    engine, steps = engine_of(make_network(labels=(3,))), [1, 4, 0]
    conditions = [Conditions(np.array([number]), np.zeros(0, np.float32)) for number in range(4)]
    starts = [begin(engine, [], condition) for condition in conditions]
    states = [engine.state(start[1], 1) for start in starts]
    state: EngineState = [
        tuple(np.concatenate(parts) for parts in zip(*layers, strict=True)) for layers in zip(*states, strict=True)
    ]
    gates = np.stack([start[2] for start in starts])
    rows = [engine.step(np.full(4, step), gates, state) for step in steps]
    for number, condition in enumerate(conditions):
        assert rows[-1][number].tobytes() == begin(engine, steps, condition)[0].tobytes()
    assert len({row.tobytes() for row in rows[-1]}) == 4


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", ARCHITECTURES, ids=str)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_prompts_read_together_equal_prompts_read_alone(
    make_network: NetworkFactory,
    period_of_four: Places,
    instructions: str,
    cell: str,
    shape: dict[str, Any],
    data: st.DataObject,
) -> None:
    network = make_network(cell=cell, labels=(2,), features=1, **shape)
    if network.config.distances:
        network.history = AlignedHistory(period_of_four, network.config.distances)
    engine = engine_of(network)
    steps = st.lists(st.integers(0, 4), max_size=9)
    sources = st.lists(st.integers(0, 2), max_size=6)
    batches = []
    for piece, source, start in data.draw(st.lists(st.tuples(steps, sources, st.none() | st.integers(0, 5)))):
        attends = bool(network.config.source_symbols)
        example = Example(np.array(piece, np.uint8), source=np.array(source, np.uint8) if attends else None)
        conditions = Conditions(np.array([len(piece) % 3]), np.array([0.5 * len(source)], np.float32))
        prompt = Prompt(example, source_start=start if attends else None)
        batches.append(prompt_batch(engine.network, prompt, conditions))
    for (outputs, state, gates), batch in zip(engine.begin_all(batches), batches, strict=True):
        alone, state_alone, gates_alone = engine.begin(batch)
        assert outputs.tobytes() == alone.tobytes() and gates.tobytes() == gates_alone.tobytes()
        for part, part_alone in zip(parts_of(state), parts_of(state_alone), strict=True):
            assert part[: len(part_alone)].tobytes() == part_alone.tobytes()  # a shorter source is padded


@pytest.mark.parametrize("encoder_units", [0, 1, 5])
@pytest.mark.parametrize("gaussians", [1, 7, 8, 10, 40])
def test_short_source_is_read_beside_a_long_one_as_if_alone(
    make_network: NetworkFactory, instructions: str, encoder_units: int, gaussians: int
) -> None:
    network = make_network(source_symbols=4, gaussians=gaussians, encoder_units=encoder_units)
    with torch.no_grad():  # all Gaussians stay near the first symbol, so that each of them counts
        network.attention.bias[2 * gaussians :] -= 4  # type: ignore[union-attr, index]
    engine, batches = engine_of(network), []
    for source in ([], [0, 2, 1, 0, 1] * 5, [1], [2, 0, 0, 1, 2, 0, 1, 1, 0, 2]):
        example = Example(np.array([1, 2, 0, 4], np.uint8), source=np.array(source, np.uint8))
        batches.append(prompt_batch(engine.network, Prompt(example), NO_CONDITIONS))
    for (outputs, state, _), batch in zip(engine.begin_all(batches), batches, strict=True):
        alone, state_alone, _ = engine.begin(batch)
        assert outputs.tobytes() == alone.tobytes()
        for part, part_alone in zip(parts_of(state), parts_of(state_alone), strict=True):
            assert part[: len(part_alone)].tobytes() == part_alone.tobytes()


@pytest.mark.parametrize("shape", ARCHITECTURES[:6], ids=str)
def test_prompt_equals_its_steps(make_network: NetworkFactory, instructions: str, shape: dict[str, Any]) -> None:
    engine = engine_of(make_network(**shape))
    source = np.array([0, 2, 1], np.uint8) if "source_symbols" in shape else None
    steps = np.random.default_rng(0).integers(0, 5, 300).astype(np.uint8)
    whole, nothing = (
        engine.begin(prompt_batch(engine.network, Prompt(Example(part, source=source)), NO_CONDITIONS))
        for part in (steps, steps[:0])
    )
    state = engine.state(nothing[1], 1)
    for step in steps.tolist():
        outputs = engine.step(np.array([step]), nothing[2][None], state)
    assert bytes_of(outputs, state) == bytes_of(whole[0], whole[1])


def test_more_prompts_than_rows(make_network: NetworkFactory) -> None:
    engine = engine_of(make_network())
    prompts = [Prompt(Example(np.array([k % 5, k % 3], np.uint8))) for k in range(MAX_ROWS + 7)]
    batches = [prompt_batch(engine.network, prompt, NO_CONDITIONS) for prompt in prompts]
    for (outputs, state, _), batch in zip(engine.begin_all(batches), batches, strict=True):
        alone = engine.begin(batch)
        assert bytes_of(outputs, state) == bytes_of(alone[0], alone[1])
    assert engine.begin_all([]) == []


def test_number_of_rows_is_the_number_that_is_needed(make_network: NetworkFactory) -> None:
    engine = engine_of(make_network())
    assert [engine.rows_for(count) for count in (1, 2, 63, 64, 65, 1000)] == [1, 2, 63, 64, 64, 64]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", ARCHITECTURES[:6], ids=str)
def test_stepping_changes_neither_the_network_nor_the_prompt(
    make_network: NetworkFactory, instructions: str, precision: Precision, shape: dict[str, Any]
) -> None:
    engine = engine_of(make_network(**shape), precision)
    weights = {name: value.copy() for name, value in engine.network.arrays.items()}
    source = np.array([0, 2, 1], np.uint8) if "source_symbols" in shape else None
    batch = prompt_batch(
        engine.network, Prompt(Example(np.array([1, 2], np.uint8), source=source), source_start=1), NO_CONDITIONS
    )
    before = [np.copy(value) for value in vars(batch).values() if value is not None]
    outputs, prompt_state, gates = engine.begin(batch)
    copies = [part.copy() for part in (outputs, gates, *parts_of(prompt_state))]
    row_gates, steps = np.tile(gates, (4, 1)), np.zeros(4, np.int64)
    state = engine.state(prompt_state, 4)
    first = engine.step(steps, row_gates, state)
    second = engine.step(steps, row_gates, engine.state(prompt_state, 4))
    assert first.tobytes() == second.tobytes() and first[0].tobytes() != outputs.tobytes()
    assert engine.step(steps, row_gates, state).tobytes() != first.tobytes(), "the state must change"
    for copy, part in zip(copies, (outputs, gates, *parts_of(prompt_state)), strict=True):
        assert np.array_equal(copy, part)
    after = [value for value in vars(batch).values() if value is not None]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))
    assert not steps.any() and np.array_equal(row_gates, np.tile(gates, (4, 1)))
    assert all(np.array_equal(weights[name], value) for name, value in engine.network.arrays.items())


@pytest.mark.parametrize("shape", [{"layers": 2, "hidden": 64, "embedding": 32}, ARCHITECTURES[3]], ids=str)
def test_threads_that_share_an_engine_compute_what_one_computes(
    make_network: NetworkFactory, instructions: str, shape: dict[str, Any]
) -> None:
    engine = engine_of(make_network(**shape), "int8")
    source = np.array([0, 2, 1], np.uint8) if "source_symbols" in shape else None

    def run(seed: int) -> list[bytes]:
        rows = 1 + 3 * seed
        steps = np.random.default_rng(seed).integers(0, 5, (60, rows))
        prompt = Prompt(Example(steps[:, 0].astype(np.uint8), source=source))
        _, prompt_state, gates = engine.begin(prompt_batch(engine.network, prompt, NO_CONDITIONS))
        state = engine.state(prompt_state, rows)
        for row_steps in steps:
            outputs = engine.step(row_steps, np.tile(gates, (rows, 1)), state)
        return bytes_of(outputs, state)

    expected = [run(seed) for seed in range(6)]
    barrier, results = threading.Barrier(6), dict[int, list[bytes]]()

    def run_in_thread(seed: int) -> None:
        barrier.wait()
        results[seed] = run(seed)

    threads = [threading.Thread(target=run_in_thread, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[seed] for seed in range(6)] == expected


def test_network_that_looks_back_demands_references(make_network: NetworkFactory, period_of_four: Places) -> None:
    network = make_network(lookback=3, distances=(1, 2))
    network.history = AlignedHistory(period_of_four, (1, 2))
    engine = engine_of(network)
    _, prompt_state, gates = begin(engine, [1, 2])
    with pytest.raises(ValueError, match="looks back"):
        engine.step(np.array([3]), gates[None], engine.state(prompt_state, 1))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("precision", "kind"), [("float32", Float32Linear), ("bfloat16", Bfloat16Linear), ("int8", Int8Linear)]
)
def test_all_matrix_products_of_a_step_have_the_precision_of_the_engine(
    make_network: NetworkFactory, cell: str, precision: Precision, kind: type[Linear], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(make_network(cell=cell, layers=2, source_symbols=4, encoder_units=3, embedding=6), precision)
    prompt = Prompt(Example(np.array([1, 2], np.uint8), source=np.array([0, 1], np.uint8)))
    _, prompt_state, gates = engine.begin(prompt_batch(engine.network, prompt, NO_CONDITIONS))
    products: list[tuple[type[Linear], int]] = []
    multiply = Linear.__call__

    def record(self: Linear, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        products.append((type(self), self.outputs))
        return multiply(self, rows, out)

    monkeypatch.setattr(Linear, "__call__", record)
    engine.step(np.array([1]), gates[None], engine.state(prompt_state, 1))
    width = {"lstm": 4, "gru": 3, "rnn": 1}[cell] * 8
    # the context and both layers, the input of the second one, the attention, the projection and the logits
    assert sorted(outputs for _, outputs in products) == sorted([width] * 4 + [30, 6, 6])
    assert {type_ for type_, _ in products} == {kind}
