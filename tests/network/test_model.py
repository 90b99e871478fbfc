import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqforge.network import Batch, Network

Maker, Batches = Callable[..., Network], Callable[..., Batch]
KINDS = ["lstm", "gru", "rnn"]
SHAPES: list[dict[str, Any]] = [
    {"layers": 1},
    {"layers": 2, "tie_embeddings": False, "embedding": 5},
    {"layers": 3, "labels": (2, 3), "features": 2, "embedding": 6},
    {"layers": 2, "labels": (2,), "features": 3, "features_at": "state"},
    {"layers": 1, "features": 2, "features_at": "both"},
]


def run(network: Network, batch: Batch) -> Tensor:
    with torch.no_grad():
        return network(batch, network.zero_state(batch.inputs.shape[1]))[0]


def batch_of_pieces(pieces: list[tuple[list[int], bool]], *, labels: int = 0, features: int = 0) -> Batch:
    """Return a batch with one piece per row. The flag of a piece tells whether its end is predicted."""
    time = max(len(steps) + ended for steps, ended in pieces)
    inputs, targets = torch.zeros(2, time, len(pieces), dtype=torch.int64)
    ends, weights = torch.zeros(time, len(pieces), dtype=torch.bool), torch.zeros(time, len(pieces))
    for row, (steps, ended) in enumerate(pieces):
        positions = len(steps) + ended
        inputs[1:positions, row] = torch.tensor(steps[: positions - 1])
        targets[: len(steps), row] = torch.tensor(steps)
        ends[len(steps) : positions, row] = True
        weights[:positions, row] = 1
    starts = torch.zeros_like(ends)
    starts[0] = True
    nothing = torch.zeros(time, len(pieces), labels, dtype=torch.int64)
    return Batch(inputs, targets, starts, ends, weights, nothing, torch.zeros(time, len(pieces), features))


# -- batches and resets ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    cuts=st.sets(st.integers(1, 14)),
    starts=st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2)), max_size=6),
)
def test_batches_with_carried_state_equal_one_batch(
    make_network: Maker,
    make_batch: Batches,
    kind: str,
    shape: dict[str, Any],
    seed: int,
    cuts: set[int],
    starts: list[tuple[int, int]],
) -> None:
    network = make_network(cell=kind, **shape)
    batch = make_batch(network, time=15, seed=seed, starts=[(0, 0), *starts])
    expected = run(network, batch)
    state, parts = network.zero_state(3), []
    edges = [0, *sorted(cuts), 15]
    with torch.no_grad():
        for first, end in itertools.pairwise(edges):
            outputs, state = network(batch.slice_time(first, end), state)
            parts.append(outputs)
    assert expected.dtype == torch.float32
    torch.testing.assert_close(torch.cat(parts), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=15)
@given(seed=st.integers(0, 1000), at=st.integers(1, 10), row=st.integers(0, 2))
def test_piece_inside_batch_equals_piece_alone(
    make_network: Maker,
    make_batch: Batches,
    kind: str,
    shape: dict[str, Any],
    seed: int,
    at: int,
    row: int,
) -> None:
    network = make_network(cell=kind, **shape)
    batch = make_batch(network, time=12, seed=seed, starts=[(0, 0), (at, row)])
    inside = run(network, batch)[at:, row]
    alone = run(network, batch.slice_time(at, 12))[:, row]
    torch.testing.assert_close(inside, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_outputs_after_start_do_not_depend_on_the_past(
    make_network: Maker, make_batch: Batches, kind: str, training: bool
) -> None:
    network = make_network(cell=kind, layers=3).train(training)
    batch = make_batch(network, time=12, starts=[(5, 0), (5, 1), (5, 2)])
    other = batch.inputs.clone()
    other[:5] = (other[:5] + 1) % 5
    noise = [tuple(torch.randn_like(part) * 9 for part in layer) for layer in network.zero_state(3)]
    with torch.no_grad():
        expected, expected_state = network(batch, network.zero_state(3))
        result, result_state = network(dataclasses.replace(batch, inputs=other), noise)
    assert torch.equal(result[5:], expected[5:])
    assert not torch.equal(result[:5], expected[:5])
    for one, two in zip(itertools.chain(*expected_state), itertools.chain(*result_state), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("kind", KINDS)
def test_boundary_is_read_at_starts_and_predicted_at_ends(make_network: Maker, make_batch: Batches, kind: str) -> None:
    network = make_network(cell=kind)
    batch = make_batch(network, time=6, starts=[(2, 0)], ends=[(1, 0)])
    other = dataclasses.replace(batch, inputs=batch.inputs.clone(), targets=batch.targets.clone())
    other.inputs[2, 0] = (other.inputs[2, 0] + 1) % 5
    other.targets[1, 0] = (other.targets[1, 0] + 1) % 5
    with torch.no_grad():
        one, _ = network.loss(batch, network.zero_state(3))
        two, _ = network.loss(other, network.zero_state(3))
        logits = run(network, batch)
    assert torch.equal(one, two)
    torch.testing.assert_close(one[1, 0], -logits[1, 0].log_softmax(-1)[5])


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_flows_to_symbols_before_start(make_network: Maker, kind: str) -> None:
    network = make_network(size=6, cell=kind, layers=2, tie_embeddings=False).train()
    batch = batch_of_pieces([([0, 1, 2, 0, 1, 2, 3, 4, 5, 3], True), ([2, 1, 0, 1, 2, 0, 4, 3, 5, 4], True)])
    batch.starts[6] = True  # position 6 reads the last step of the first half
    losses, _ = network.loss(batch, network.zero_state(2))
    losses[6:].sum().backward(retain_graph=True)
    grad = network.head.embedding.grad  # type: ignore[union-attr]
    assert not grad[:3].any()  # type: ignore[index]
    assert grad[3:6].any(1).all()  # type: ignore[index]
    network.zero_grad()
    losses[:6].sum().backward()
    assert network.head.embedding.grad[:3].any(1).all()  # type: ignore[index, union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_flows_to_state_before_start(make_network: Maker, make_batch: Batches, kind: str) -> None:
    network = make_network(cell=kind, layers=2).train()
    batch = make_batch(network, starts=[(4, 0)])
    state = [tuple(torch.randn_like(part).requires_grad_() for part in layer) for layer in network.zero_state(3)]
    losses, _ = network.loss(batch, state)
    for grad in torch.autograd.grad(losses[4:].sum(), list(itertools.chain(*state))):
        assert not grad[0].any()
        assert grad[1:].any(1).all()


# -- likelihood -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_of_all_continuations_sum_to_one(make_network: Maker, kind: str, shape: dict[str, Any]) -> None:
    network = make_network(cell=kind, weight_scale=2.0, **shape)
    config = network.config
    for prefix in ([], [3], [0, 4, 4, 1, 2, 2, 0]):
        pieces = [([*prefix, step], False) for step in range(5)] + [(prefix, True)]
        batch = batch_of_pieces(pieces, labels=len(config.labels), features=config.features)
        with torch.no_grad():
            losses, _ = network.loss(batch, network.zero_state(6))
        assert losses.shape == (len(prefix) + 1, 6)
        torch.testing.assert_close((-losses[-1].double()).exp().sum(), torch.tensor(1.0).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_of_all_pieces_sum_to_one(make_network: Maker, kind: str) -> None:
    network = make_network(size=2, cell=kind, layers=2)
    pieces: list[tuple[list[int], bool]] = [
        (list(steps), True) for length in range(4) for steps in itertools.product(range(2), repeat=length)
    ]
    pieces += [(list(steps), False) for steps in itertools.product(range(2), repeat=4)]  # all the longer ones
    with torch.no_grad():
        losses, _ = network.loss(batch_of_pieces(pieces), network.zero_state(len(pieces)))
    torch.testing.assert_close((-losses.double().sum(0)).exp().sum().item(), 1.0, atol=1e-6, rtol=0)


def test_positions_with_weight_zero_have_no_loss(make_network: Maker, make_batch: Batches) -> None:
    network = make_network()
    batch = make_batch(network)
    batch.weights[3:5] = 0
    with torch.no_grad():
        losses, _ = network.loss(batch, network.zero_state(3))
    assert not losses[3:5].any()
    assert (losses[:3] > 0).all()
    assert (losses[5:] > 0).all()


# -- conditioning ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_label_values_change_outputs_at_every_position(make_network: Maker, make_batch: Batches, kind: str) -> None:
    network = make_network(cell=kind, labels=(2, 3), layers=2)
    batch = make_batch(network, time=6, rows=1, starts=[(0, 0)])
    outputs = []
    for one, two in itertools.product(range(3), range(4)):
        labels = torch.tensor([one, two]).expand(6, 1, 2)
        outputs.append(run(network, dataclasses.replace(batch, labels=labels)))
    for a, b in itertools.combinations(outputs, 2):
        assert ((a - b).abs().amax(-1) > 1e-4).all()


@pytest.mark.parametrize("kind", KINDS)
def test_features_change_outputs_at_every_position(make_network: Maker, make_batch: Batches, kind: str) -> None:
    network = make_network(cell=kind, features=2)
    batch = make_batch(network, time=6, rows=1, starts=[(0, 0)])
    other = dataclasses.replace(batch, features=batch.features + torch.tensor([0.0, 1.0]))
    assert ((run(network, batch) - run(network, other)).abs().amax(-1) > 1e-4).all()


def test_label_does_not_affect_other_rows(make_network: Maker, make_batch: Batches) -> None:
    network = make_network(labels=(2,))
    batch = make_batch(network, starts=[(0, 0), (0, 1), (0, 2)])
    labels = batch.labels.clone()
    labels[:, 1] = (labels[:, 1] + 1) % 3
    one, two = run(network, batch), run(network, dataclasses.replace(batch, labels=labels))
    assert torch.equal(one[:, [0, 2]], two[:, [0, 2]])
    assert not torch.equal(one[:, 1], two[:, 1])


def test_labels_may_differ_between_pieces_of_a_row(make_network: Maker, make_batch: Batches) -> None:
    network = make_network(labels=(2,))
    batch = make_batch(network, rows=1, starts=[(0, 0), (5, 0)])
    labels = torch.ones(12, 1, 1, dtype=torch.int64)
    labels[5:] = 2
    mixed = run(network, dataclasses.replace(batch, labels=labels))
    alone = dataclasses.replace(batch.slice_time(5, 12), labels=torch.full((7, 1, 1), 2))
    torch.testing.assert_close(mixed[5:], run(network, alone), atol=1e-6, rtol=0)


# -- shape ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_gets_a_gradient(
    make_network: Maker, make_batch: Batches, kind: str, shape: dict[str, Any]
) -> None:
    network = make_network(cell=kind, **shape).train()
    batch = make_batch(network, starts=[(0, 0), (0, 1), (4, 2)], ends=[(3, 2)])
    network.loss(batch, network.zero_state(3))[0].sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_tied_embeddings_share_one_matrix(make_network: Maker) -> None:
    tied, untied = make_network(), make_network(tie_embeddings=False)
    assert untied.parameter_count() - tied.parameter_count() == 6 * 8
    assert make_network(embedding=5).head.projection is not None


def test_weights_and_losses_are_float32(make_network: Maker, make_batch: Batches) -> None:
    network = make_network(labels=(1,), features=1)
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    batch = make_batch(network)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        losses, _ = network.loss(batch, network.zero_state(3))
    assert losses.dtype == torch.float32
