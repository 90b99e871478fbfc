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

Maker, Windows = Callable[..., Network], Callable[..., Batch]
KINDS = ["lstm", "gru", "rnn"]
SHAPES: list[dict[str, Any]] = [
    {"layers": 1},
    {"layers": 2, "tie_embeddings": False, "embedding": 5},
    {"layers": 3, "labels": (2, 3), "features": 2, "embedding": 6},
]


def run(network: Network, window: Batch) -> Tensor:
    with torch.no_grad():
        return network(window, network.zero_state(window.inputs.shape[1]))[0]


def spelled(pieces: list[tuple[list[int], bool]], *, labels: int = 0, features: int = 0) -> Batch:
    """Return the window whose lanes read one piece each, from its start; True: its end is predicted too."""
    time = max(len(steps) + ended for steps, ended in pieces)
    inputs, targets = torch.zeros(2, time, len(pieces), dtype=torch.int64)
    ends, weights = torch.zeros(time, len(pieces), dtype=torch.bool), torch.zeros(time, len(pieces))
    for lane, (steps, ended) in enumerate(pieces):
        rows = len(steps) + ended
        inputs[1:rows, lane] = torch.tensor(steps[: rows - 1])
        targets[: len(steps), lane] = torch.tensor(steps)
        ends[len(steps) : rows, lane] = True
        weights[:rows, lane] = 1
    starts = torch.zeros_like(ends)
    starts[0] = True
    nothing = torch.zeros(time, len(pieces), labels, dtype=torch.int64)
    return Batch(inputs, targets, starts, ends, weights, nothing, torch.zeros(time, len(pieces), features))


# -- windows and resets ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    cuts=st.sets(st.integers(1, 14)),
    starts=st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2)), max_size=6),
)
def test_one_window_is_the_same_as_many_with_the_state_carried(
    make_network: Maker,
    make_batch: Windows,
    part_of: Callable[..., Batch],
    kind: str,
    shape: dict[str, Any],
    seed: int,
    cuts: set[int],
    starts: list[tuple[int, int]],
) -> None:
    network = make_network(cell=kind, **shape)
    window = make_batch(network, time=15, seed=seed, starts=[(0, 0), *starts])
    expected = run(network, window)
    state, parts = network.zero_state(3), []
    edges = [0, *sorted(cuts), 15]
    with torch.no_grad():
        for first, end in itertools.pairwise(edges):
            outputs, state = network(part_of(window, first, end), state)
            parts.append(outputs)
    assert expected.dtype == torch.float32
    torch.testing.assert_close(torch.cat(parts), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=15)
@given(seed=st.integers(0, 1000), at=st.integers(1, 10), lane=st.integers(0, 2))
def test_a_piece_inside_a_window_is_as_if_read_alone(
    make_network: Maker,
    make_batch: Windows,
    part_of: Callable[..., Batch],
    kind: str,
    shape: dict[str, Any],
    seed: int,
    at: int,
    lane: int,
) -> None:
    network = make_network(cell=kind, **shape)
    window = make_batch(network, time=12, seed=seed, starts=[(0, 0), (at, lane)])
    inside = run(network, window)[at:, lane]
    alone = run(network, part_of(window, at))[:, lane]
    torch.testing.assert_close(inside, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_a_start_hides_everything_before_it_to_the_bit(
    make_network: Maker, make_batch: Windows, kind: str, training: bool
) -> None:
    network = make_network(cell=kind, layers=3).train(training)
    window = make_batch(network, time=12, starts=[(5, 0), (5, 1), (5, 2)])
    other = window.inputs.clone()
    other[:5] = (other[:5] + 1) % 5
    noise = [tuple(torch.randn_like(part) * 9 for part in layer) for layer in network.zero_state(3)]
    with torch.no_grad():
        expected, after = network(window, network.zero_state(3))
        found, found_after = network(dataclasses.replace(window, inputs=other), noise)
    assert torch.equal(found[5:], expected[5:])
    assert not torch.equal(found[:5], expected[:5])
    for one, two in zip(itertools.chain(*after), itertools.chain(*found_after), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_at_a_start_and_predicted_at_an_end_is_the_boundary(
    make_network: Maker, make_batch: Windows, kind: str
) -> None:
    network = make_network(cell=kind)
    window = make_batch(network, time=6, starts=[(2, 0)], ends=[(1, 0)])
    other = dataclasses.replace(window, inputs=window.inputs.clone(), targets=window.targets.clone())
    other.inputs[2, 0] = (other.inputs[2, 0] + 1) % 5
    other.targets[1, 0] = (other.targets[1, 0] + 1) % 5
    with torch.no_grad():
        one, _ = network.loss(window, network.zero_state(3))
        two, _ = network.loss(other, network.zero_state(3))
        logits = run(network, window)
    assert torch.equal(one, two)
    torch.testing.assert_close(one[1, 0], -logits[1, 0].log_softmax(-1)[5])


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_flows_to_symbols_read_only_before_a_start(make_network: Maker, kind: str) -> None:
    network = make_network(size=6, cell=kind, layers=2, tie_embeddings=False).train()
    window = spelled([([0, 1, 2, 0, 1, 2, 3, 4, 5, 3], True), ([2, 1, 0, 1, 2, 0, 4, 3, 5, 4], True)])
    window.starts[6] = True  # row 6 reads the last of the first half
    losses, _ = network.loss(window, network.zero_state(2))
    losses[6:].sum().backward(retain_graph=True)
    grad = network.head.embedding.grad  # type: ignore[union-attr]
    assert not grad[:3].any()  # type: ignore[index]
    assert grad[3:6].any(1).all()  # type: ignore[index]
    network.zero_grad()
    losses[:6].sum().backward()
    assert network.head.embedding.grad[:3].any(1).all()  # type: ignore[index, union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_flows_to_the_state_before_a_start(make_network: Maker, make_batch: Windows, kind: str) -> None:
    network = make_network(cell=kind, layers=2).train()
    window = make_batch(network, starts=[(4, 0)])
    state = [tuple(torch.randn_like(part).requires_grad_() for part in layer) for layer in network.zero_state(3)]
    losses, _ = network.loss(window, state)
    for grad in torch.autograd.grad(losses[4:].sum(), list(itertools.chain(*state))):
        assert not grad[0].any()
        assert grad[1:].any(1).all()


# -- likelihood -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_likelihoods_of_all_continuations_sum_to_one(make_network: Maker, kind: str, shape: dict[str, Any]) -> None:
    network = make_network(cell=kind, weight_scale=2.0, **shape)
    config = network.config
    for prefix in ([], [3], [0, 4, 4, 1, 2, 2, 0]):
        pieces = [([*prefix, step], False) for step in range(5)] + [(prefix, True)]
        window = spelled(pieces, labels=len(config.labels), features=config.features)
        with torch.no_grad():
            losses, _ = network.loss(window, network.zero_state(6))
        assert losses.shape == (len(prefix) + 1, 6)
        torch.testing.assert_close((-losses[-1].double()).exp().sum(), torch.tensor(1.0).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_likelihoods_of_all_pieces_sum_to_one(make_network: Maker, kind: str) -> None:
    network = make_network(size=2, cell=kind, layers=2)
    pieces: list[tuple[list[int], bool]] = [
        (list(steps), True) for length in range(4) for steps in itertools.product(range(2), repeat=length)
    ]
    pieces += [(list(steps), False) for steps in itertools.product(range(2), repeat=4)]  # all the longer ones
    with torch.no_grad():
        losses, _ = network.loss(spelled(pieces), network.zero_state(len(pieces)))
    torch.testing.assert_close((-losses.double().sum(0)).exp().sum().item(), 1.0, atol=1e-6, rtol=0)


def test_rows_that_do_not_count_cost_nothing(make_network: Maker, make_batch: Windows) -> None:
    network = make_network()
    window = make_batch(network)
    window.weights[3:5] = 0
    with torch.no_grad():
        losses, _ = network.loss(window, network.zero_state(3))
    assert not losses[3:5].any()
    assert (losses[:3] > 0).all()
    assert (losses[5:] > 0).all()


# -- conditioning ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_of_a_label_speaks_at_every_row(make_network: Maker, make_batch: Windows, kind: str) -> None:
    network = make_network(cell=kind, labels=(2, 3), layers=2)
    window = make_batch(network, time=6, lanes=1, starts=[(0, 0)])
    outputs = []
    for one, two in itertools.product(range(3), range(4)):
        labels = torch.tensor([one, two]).expand(6, 1, 2)
        outputs.append(run(network, dataclasses.replace(window, labels=labels)))
    for a, b in itertools.combinations(outputs, 2):
        assert ((a - b).abs().amax(-1) > 1e-4).all()


@pytest.mark.parametrize("kind", KINDS)
def test_features_speak_at_every_row(make_network: Maker, make_batch: Windows, kind: str) -> None:
    network = make_network(cell=kind, features=2)
    window = make_batch(network, time=6, lanes=1, starts=[(0, 0)])
    other = dataclasses.replace(window, features=window.features + torch.tensor([0.0, 1.0]))
    assert ((run(network, window) - run(network, other)).abs().amax(-1) > 1e-4).all()


def test_the_label_of_one_lane_says_nothing_to_another(make_network: Maker, make_batch: Windows) -> None:
    network = make_network(labels=(2,))
    window = make_batch(network, starts=[(0, 0), (0, 1), (0, 2)])
    labels = window.labels.clone()
    labels[:, 1] = (labels[:, 1] + 1) % 3
    one, two = run(network, window), run(network, dataclasses.replace(window, labels=labels))
    assert torch.equal(one[:, [0, 2]], two[:, [0, 2]])
    assert not torch.equal(one[:, 1], two[:, 1])


def test_labels_may_change_from_piece_to_piece_inside_a_lane(
    make_network: Maker, make_batch: Windows, part_of: Callable[..., Batch]
) -> None:
    network = make_network(labels=(2,))
    window = make_batch(network, lanes=1, starts=[(0, 0), (5, 0)])
    labels = torch.ones(12, 1, 1, dtype=torch.int64)
    labels[5:] = 2
    mixed = run(network, dataclasses.replace(window, labels=labels))
    alone = dataclasses.replace(part_of(window, 5), labels=torch.full((7, 1, 1), 2))
    torch.testing.assert_close(mixed[5:], run(network, alone), atol=1e-6, rtol=0)


# -- shape ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_gets_a_gradient(
    make_network: Maker, make_batch: Windows, kind: str, shape: dict[str, Any]
) -> None:
    network = make_network(cell=kind, **shape).train()
    window = make_batch(network, starts=[(0, 0), (0, 1), (4, 2)], ends=[(3, 2)])
    network.loss(window, network.zero_state(3))[0].sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_tying_shares_one_table(make_network: Maker) -> None:
    tied, untied = make_network(), make_network(tie_embeddings=False)
    assert untied.parameter_count() - tied.parameter_count() == 6 * 8
    assert make_network(embedding=5).head.projection is not None


def test_weights_and_outputs_are_float32(make_network: Maker, make_batch: Windows) -> None:
    network = make_network(labels=(1,), features=1)
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    window = make_batch(network)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        losses, _ = network.loss(window, network.zero_state(3))
    assert losses.dtype == torch.float32
