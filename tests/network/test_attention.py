"""Attention on a source: against a plain loop, against stepping, and with resets and carried state."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import source_with_end
from seqforge.network import Batch, Network
from seqforge.network.attention import GaussianAttention
from seqforge.network.encoder import Encoder, number_pieces

Maker = Callable[..., Network]
KINDS = ["lstm", "gru", "rnn"]
READERS: list[dict[str, Any]] = [
    {"encoder_units": 0}, {"encoder_units": 6}, {"attention": "content", "encoder_units": 6}, {"attention": "none"},
]  # fmt: skip
SYMBOLS = 4


def test_context_is_sum_of_gaussians_of_the_paper() -> None:
    attention = GaussianAttention(6, SYMBOLS, 3)
    attention.initialise(torch.Generator().manual_seed(0))
    hidden, kappa = torch.randn(2, 6), torch.rand(2, 3)
    source = torch.tensor([[1, 3, 4, 0], [2, 2, 1, 4]])
    with torch.no_grad():
        new_kappa, context, phi = attention(hidden, kappa, source)
        parameters = (hidden @ attention.weight.t() + attention.bias).exp()
    for row in range(2):
        expected = torch.zeros(SYMBOLS)
        for u, symbol in enumerate(source[row].tolist()):
            centres = kappa[row] + parameters[row, 6:]
            weight = float((parameters[row, :3] * torch.exp(-parameters[row, 3:6] * (centres - u) ** 2)).sum())
            if symbol:
                expected[symbol - 1] += weight
                assert phi[row, u].item() == pytest.approx(weight, rel=1e-4)
        torch.testing.assert_close(context[row], expected, atol=1e-5, rtol=1e-4)
    assert (new_kappa > kappa).all()


def test_steps_at_end_are_counted_and_reset() -> None:
    attention = GaussianAttention(6, SYMBOLS, 3)
    source = torch.tensor([[1, 2, 4], [1, 4, 0]])
    before = torch.tensor([[5.0], [5.0]])
    result = attention.steps_at_end(torch.tensor([[0.1, 0.2, 0.9], [0.9, 0.1, 0.0]]), source, before)
    assert result.tolist() == [[6.0], [0.0]]


@pytest.fixture
def make_attending(make_network: Maker) -> Callable[..., Network]:
    def make(**shape: Any) -> Network:
        return make_network(source_symbols=SYMBOLS, gaussians=3, **{"layers": 2, **shape})

    return make


def batch_of_rows(rows: list[list[tuple[list[int], list[int]]]]) -> Batch:
    """Return a batch whose rows hold pieces one after the other; a piece is a pair of steps and source."""
    time = max(sum(len(steps) + 1 for steps, _ in pieces) for pieces in rows)
    inputs, targets = torch.zeros(2, time, len(rows), dtype=torch.long)
    starts, ends = torch.zeros(2, time, len(rows), dtype=torch.bool)
    sources = torch.zeros(time, len(rows), 6, dtype=torch.long)
    for row, pieces in enumerate(rows):
        first = 0
        for steps, source in pieces:
            positions = slice(first, first + len(steps) + 1)
            inputs[positions, row] = torch.tensor([0, *steps])
            targets[positions, row] = torch.tensor([*steps, 0])
            starts[first, row], ends[positions.stop - 1, row] = True, True
            symbols = torch.from_numpy(source_with_end(np.array(source, np.uint8), SYMBOLS - 1))
            sources[positions, row, : len(symbols)] = symbols
            first = positions.stop
    nothing = torch.zeros(time, len(rows), 0)
    return Batch(inputs, targets, starts, ends, torch.ones(time, len(rows)), nothing.long(), nothing, sources)


PIECES = [([1, 2, 3, 0, 4], [0, 2, 1]), ([4, 4, 1], [1]), ([0, 3, 3, 2, 2, 1], [2, 2, 0, 1])]


@pytest.mark.parametrize("reader", READERS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_in_one_row_equal_pieces_alone(
    make_attending: Callable[..., Network], kind: str, reader: dict[str, Any]
) -> None:
    network = make_attending(cell=kind, **reader)
    with torch.no_grad():
        losses, _ = network.loss(batch_of_rows([PIECES]), network.zero_state(1))
        alone = [network.loss(batch_of_rows([[piece]]), network.zero_state(1))[0] for piece in PIECES]
    torch.testing.assert_close(losses, torch.cat(alone), atol=1e-5, rtol=1e-5)
    other_source = batch_of_rows([[(PIECES[0][0], [1, 1, 0]), *PIECES[1:]]])
    changed = network.loss(other_source, network.zero_state(1))[0].detach()
    assert not torch.allclose(changed[1:6], losses[1:6])
    torch.testing.assert_close(changed[6:], losses[6:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("reader", READERS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_batches_with_carried_state_equal_one_batch(
    make_attending: Callable[..., Network], kind: str, reader: dict[str, Any]
) -> None:
    network = make_attending(cell=kind, **reader)
    batch = batch_of_rows([PIECES, PIECES[::-1]])
    with torch.no_grad():
        expected, expected_state = network.loss(batch, network.zero_state(2))
        state, parts = network.zero_state(2), []
        for first, end in ((0, 4), (4, 5), (5, len(batch.starts))):
            part, state = network.loss(batch.slice_time(first, end), state)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts), expected, atol=1e-5, rtol=1e-5)
    for one, two in zip(expected_state, state, strict=True):
        for a, b in zip(one, two, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_encoder_reads_both_neighbours_but_no_padding() -> None:
    encoder = Encoder(SYMBOLS, 6)
    encoder.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone = encoder(torch.tensor([[1, 2, 4]]))
        padded = encoder(torch.tensor([[1, 2, 4, 0, 0, 0], [3, 2, 2, 1, 2, 4]]))
        backwards = encoder(torch.tensor([[4, 2, 1]]))
    assert alone.shape == (1, 3, 12)
    torch.testing.assert_close(padded[:1, :3], alone)
    assert not torch.allclose(padded[1, 1], alone[0, 1], atol=1e-3)  # after another symbol
    assert not torch.allclose(backwards[0, 1], alone[0, 1], atol=1e-3)
    torch.testing.assert_close(padded[1, 5, 6:], alone[0, 2, 6:])  # backwards, the last symbol comes first
    assert encoder(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 12)


def test_positions_belong_to_piece_that_started_last() -> None:
    starts = torch.tensor([[False, True], [False, False], [True, False], [True, True]])
    numbers, first_positions = number_pieces(starts)
    assert numbers.t().tolist() == [[0, 0, 1, 2], [3, 3, 3, 4]]
    assert first_positions.tolist() == [[0, 0], [2, 0], [3, 0], [0, 1], [3, 1]]


def test_first_step_depends_on_source_only_with_encoder(make_attending: Callable[..., Network]) -> None:
    steps, source = PIECES[0]
    for reader in READERS:
        network, depends = make_attending(**reader), reader != {"encoder_units": 0}
        with torch.no_grad():
            first, other = (
                network(batch_of_rows([[(steps, symbols)]]), network.zero_state(1))[0][0, 0]
                for symbols in (source, [0, 2, 2])
            )
        assert torch.allclose(first, other, atol=1e-4) != depends
