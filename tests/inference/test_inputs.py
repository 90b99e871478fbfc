"""What the first layer reads, against products with the input matrix in float64."""

from typing import Any

import numpy as np
import pytest

from seqforge.core.places import MAX_AGREEMENT
from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.inference import MAX_ROWS, NetworkWeights
from seqforge.inference.inputs import Conditioning, StepInput
from seqforge.network import Network, NetworkConfig

SIZE, EMBEDDING, GATES = 6, 5, 4 * 7


def weights_of(space: Space, **shape: Any) -> NetworkWeights:
    config = NetworkConfig(layers=1, hidden=7, embedding=EMBEDDING, **shape)
    return NetworkWeights.from_network(Network(space, config, seed=2))


def random_columns(width: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(GATES, width)).astype(np.float32)


def assert_rows_are_independent(
    read: StepInput, steps: np.ndarray, start: np.ndarray, references: np.ndarray | None
) -> None:
    expected = read(steps, start, references)
    for count in range(1, MAX_ROWS + 1):
        order = (np.arange(count) + 7 * count) % MAX_ROWS
        part = read(steps[order], start[order], None if references is None else references[order])
        assert part.tobytes() == expected[order].tobytes()


@pytest.mark.parametrize("distances", [(), (1, 2, 4)])
def test_symbols_and_earlier_steps_equal_products(instructions: str, distances: tuple[int, ...]) -> None:
    network = weights_of(Categorical(SIZE), lookback=3 if distances else 0, distances=distances)
    columns, bias = random_columns(EMBEDDING + 3 * len(distances)), random_columns(1)[:, 0]
    read, rng = StepInput(network, columns, bias), np.random.default_rng(1)
    steps, start = rng.integers(0, SIZE + 1, MAX_ROWS), rng.normal(size=(MAX_ROWS, GATES)).astype(np.float32)
    parts = [network.arrays["head.embedding"][steps].astype(np.float64) * EMBEDDING**0.5]
    references = None
    if distances:
        earlier = rng.integers(0, SIZE + 1, (MAX_ROWS, 3))
        agreements = rng.integers(0, MAX_AGREEMENT + 1, (MAX_ROWS, 3))
        references = np.concatenate([earlier, agreements], 1)
        tables = [np.pad(network.arrays[f"references.{name}"], ((1, 0), (0, 0))) for name in ("steps", "agreements")]
        parts.append((tables[0][earlier].astype(np.float64) + tables[1][agreements]).reshape(MAX_ROWS, -1))
    expected = start + np.concatenate(parts, 1) @ columns.T.astype(np.float64) + bias
    np.testing.assert_allclose(read(steps, start, references), expected, atol=1e-5, rtol=1e-5)
    assert_rows_are_independent(read, steps, start, references)
    assert read.start(2).tolist() == [SIZE, SIZE]


@pytest.mark.parametrize("space", [Mixture(2, 1, 3), Mixture(1, 0, 2), Mixture(2, 4, 1)], ids=str)
def test_real_numbers_and_bits_equal_products(instructions: str, space: Mixture) -> None:
    network, columns, bias = weights_of(space), random_columns(EMBEDDING), random_columns(1)[:, 0]
    read, rng = StepInput(network, columns, bias), np.random.default_rng(1)
    steps = rng.normal(size=(MAX_ROWS, space.reals + space.bits)).astype(np.float32)
    start = rng.normal(size=(MAX_ROWS, GATES)).astype(np.float32)
    embedded = steps.astype(np.float64) @ network.arrays["head.input_weight"].T
    np.testing.assert_allclose(read(steps, start, None), start + embedded @ columns.T + bias, atol=1e-5, rtol=1e-5)
    assert_rows_are_independent(read, steps, start, None)
    assert not read.start(2).any() and read.start(2).shape == (2, steps.shape[1])


def test_the_start_is_not_changed(instructions: str) -> None:
    for space, steps in ((Categorical(SIZE), np.array([1, 2])), (Mixture(2, 1, 3), np.ones((2, 3), np.float32))):
        start = random_columns(2).T.copy()
        before = start.copy()
        StepInput(weights_of(space), random_columns(EMBEDDING), random_columns(1)[:, 0])(steps, start, None)
        assert np.array_equal(start, before)


def test_references_are_demanded_of_a_network_that_looks_back() -> None:
    network = weights_of(Categorical(SIZE), lookback=3, distances=(1,))
    read = StepInput(network, random_columns(EMBEDDING + 3), random_columns(1)[:, 0])
    with pytest.raises(ValueError, match="no references"):
        read(np.array([1]), np.zeros((1, GATES), np.float32), None)


@pytest.mark.parametrize("labels", [(), (3, 20)])
@pytest.mark.parametrize("features", [0, 2])
def test_labels_and_features_equal_products(instructions: str, labels: tuple[int, ...], features: int) -> None:
    network = weights_of(Categorical(SIZE), labels=labels, features=features)
    rng = np.random.default_rng(0)
    tables = [network.arrays[f"conditioning.embeddings.{number}"] for number in range(len(labels))]
    width = sum(table.shape[1] for table in tables) + features
    start = rng.normal(size=(7, width + 1)).astype(np.float32)
    network = NetworkWeights(network.space, network.config, {**network.arrays, "start_weight": start})
    columns = random_columns(width)
    conditioning = Conditioning(network, columns)
    numbers = np.stack([rng.integers(0, n + 1, 9) for n in labels], 1) if labels else np.zeros((9, 0), np.int64)
    vectors = rng.normal(size=(9, features)).astype(np.float32)
    values = conditioning(numbers, vectors)
    expected = np.concatenate([*(table[numbers[:, column]] for column, table in enumerate(tables)), vectors], 1)
    assert np.array_equal(values, expected) and values.dtype == np.float32
    np.testing.assert_allclose(conditioning.gates(values), values @ columns.T.astype(np.float64), atol=1e-5)
    hidden = np.tanh(values @ start[:, 1:].T.astype(np.float64) + start[:, 0])
    np.testing.assert_allclose(conditioning.start(values, None), hidden, atol=1e-6)
