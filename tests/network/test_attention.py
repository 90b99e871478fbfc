"""The soft window on a source: against a plain loop, against stepping, and over cuts and resets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.network import Batch, Network, NetworkConfig, source_with_end
from seqforge.network.attention import GaussianAttention
from seqforge.network.encoder import Encoder, pieces_of
from seqforge.sampling import Conditions, Engine, prompt_batch

Maker = Callable[..., Network]
KINDS = ["lstm", "gru", "rnn"]
ENCODERS = [0, 6]
SYMBOLS = 4


def test_the_window_is_the_sum_of_gaussians_of_the_paper() -> None:
    window = GaussianAttention(6, SYMBOLS, 3)
    window.initialise(torch.Generator().manual_seed(0))
    hidden, kappa = torch.randn(2, 6), torch.rand(2, 3)
    source = torch.tensor([[1, 3, 4, 0], [2, 2, 1, 4]])
    with torch.no_grad():
        after, seen, phi = window(hidden, kappa, source)
        hats = (hidden @ window.weight.t() + window.bias).exp()
    for row in range(2):
        expected = torch.zeros(SYMBOLS)
        for u, symbol in enumerate(source[row].tolist()):
            places = kappa[row] + hats[row, 6:]
            weight = float((hats[row, :3] * torch.exp(-hats[row, 3:6] * (places - u) ** 2)).sum())
            if symbol:
                expected[symbol - 1] += weight
                assert phi[row, u].item() == pytest.approx(weight, rel=1e-4)
        torch.testing.assert_close(seen[row], expected, atol=1e-5, rtol=1e-4)
    assert (after > kappa).all()


def test_it_rests_once_it_has_come_to_the_end() -> None:
    window = GaussianAttention(6, SYMBOLS, 3)
    source = torch.tensor([[1, 2, 4], [1, 4, 0]])
    before = torch.tensor([[5.0], [5.0]])
    found = window.steps_at_end(torch.tensor([[0.1, 0.2, 0.9], [0.9, 0.1, 0.0]]), source, before)
    assert found.tolist() == [[6.0], [0.0]]


@pytest.fixture
def reader(make_network: Maker) -> Callable[..., Network]:
    def make(**shape: Any) -> Network:
        return make_network(source_symbols=SYMBOLS, gaussians=3, **{"layers": 2, **shape})

    return make


def window_of(network: Network, pieces: list[list[tuple[list[int], list[int]]]]) -> Batch:
    """Return a window whose lanes hold pieces one after the other: steps and source of each."""
    time = max(sum(len(steps) + 1 for steps, _ in lane) for lane in pieces)
    inputs, targets = torch.zeros(2, time, len(pieces), dtype=torch.long)
    starts, ends = torch.zeros(2, time, len(pieces), dtype=torch.bool)
    sources = torch.zeros(time, len(pieces), 6, dtype=torch.long)
    for column, lane in enumerate(pieces):
        at = 0
        for steps, source in lane:
            rows = slice(at, at + len(steps) + 1)
            inputs[rows, column] = torch.tensor([0, *steps])
            targets[rows, column] = torch.tensor([*steps, 0])
            starts[at, column], ends[rows.stop - 1, column] = True, True
            told = torch.from_numpy(source_with_end(np.array(source, np.uint8), SYMBOLS - 1))
            sources[rows, column, : len(told)] = told
            at = rows.stop
    nothing = torch.zeros(time, len(pieces), 0)
    return Batch(inputs, targets, starts, ends, torch.ones(time, len(pieces)), nothing.long(), nothing, sources)


PIECES = [([1, 2, 3, 0, 4], [0, 2, 1]), ([4, 4, 1], [1]), ([0, 3, 3, 2, 2, 1], [2, 2, 0, 1])]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("kind", KINDS)
def test_pieces_in_one_lane_are_read_as_each_alone(reader: Callable[..., Network], kind: str, encoder: int) -> None:
    network = reader(cell=kind, encoder_units=encoder)
    together = window_of(network, [PIECES])
    with torch.no_grad():
        losses, _ = network.loss(together, network.zero_state(1))
        alone = [network.loss(window_of(network, [[piece]]), network.zero_state(1))[0] for piece in PIECES]
    torch.testing.assert_close(losses, torch.cat(alone), atol=1e-5, rtol=1e-5)
    other = window_of(network, [[(PIECES[0][0], [1, 1, 0]), *PIECES[1:]]])
    changed = network.loss(other, network.zero_state(1))[0].detach()
    assert not torch.allclose(changed[1:6], losses[1:6])
    torch.testing.assert_close(changed[6:], losses[6:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_changes_nothing(reader: Callable[..., Network], kind: str, encoder: int) -> None:
    network = reader(cell=kind, encoder_units=encoder)
    window = window_of(network, [PIECES, PIECES[::-1]])
    with torch.no_grad():
        whole, last = network.loss(window, network.zero_state(2))
        state, parts = network.zero_state(2), []
        for first, end in ((0, 4), (4, 5), (5, len(window.starts))):
            part, state = network.loss(window.slice_time(first, end), state)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=1e-5)
    for one, two in zip(last, state, strict=True):
        for a, b in zip(one, two, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"layers": 3, "hidden": 13, "embedding": 6},
        {"layers": 1},
        {"encoder_units": 6},
        {"encoder_units": 5, "hidden": 13},
    ],
    ids=str,
)
def test_stepping_agrees_with_reading(reader: Callable[..., Network], kind: str, shape: dict[str, Any]) -> None:
    network = reader(cell=kind, weight_scale=1.3, **shape)
    steps, source = PIECES[2]
    nothing = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    with torch.no_grad():
        expected = network(window_of(network, [[(steps, source)]]), network.zero_state(1))[0][:, 0]
    engine = Engine(network)
    prompt = Prompt(Example(np.array(steps[:2], np.uint8), source=np.array(source, np.uint8)))
    outputs, first, added = engine.begin(prompt_batch(engine.network, prompt, nothing))
    state = engine.state(first, 4)
    rows = [engine.step(torch.full((4,), step), added.repeat(4, 1), state)[1].clone() for step in steps[2:]]
    found = [outputs, *rows]
    torch.testing.assert_close(torch.stack(found), expected[2:], atol=2e-5, rtol=2e-5)
    assert engine.rested(state) is not None


def test_without_a_source_there_is_nothing_to_rest_on(reader: Callable[..., Network]) -> None:
    network = reader()
    nothing = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    engine = Engine(network)
    _, first, _ = engine.begin(prompt_batch(engine.network, Prompt(Example(np.zeros(0, np.uint8))), nothing))
    assert engine.rested(engine.state(first, 2)) is None


def test_an_encoder_tells_a_symbol_among_its_neighbours_whatever_stands_behind_the_end() -> None:
    encoder = Encoder(SYMBOLS, 6)
    encoder.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone = encoder(torch.tensor([[1, 2, 4]]))
        among = encoder(torch.tensor([[1, 2, 4, 0, 0, 0], [3, 2, 2, 1, 2, 4]]))
        backwards = encoder(torch.tensor([[4, 2, 1]]))
    assert alone.shape == (1, 3, 12)
    torch.testing.assert_close(among[:1, :3], alone)
    assert not torch.allclose(among[1, 1], alone[0, 1], atol=1e-3)  # after another symbol
    assert not torch.allclose(backwards[0, 1], alone[0, 1], atol=1e-3)
    torch.testing.assert_close(among[1, 5, :6] * 0 + alone[0, 2, 6:], among[1, 5, 6:])  # the last: nothing follows it
    assert encoder(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 12)


def test_rows_belong_to_the_piece_that_began_last() -> None:
    starts = torch.tensor([[False, True], [False, False], [True, False], [True, True]])
    number, firsts = pieces_of(starts)
    assert number.t().tolist() == [[0, 0, 1, 2], [3, 3, 3, 4]]
    assert firsts.tolist() == [[0, 0], [2, 0], [3, 0], [0, 1], [3, 1]]


def test_with_an_encoder_the_first_step_is_about_the_source(reader: Callable[..., Network]) -> None:
    steps, source = PIECES[0]
    for encoder, sees in ((0, False), (6, True)):
        network = reader(encoder_units=encoder)
        with torch.no_grad():
            first, other = (
                network(window_of(network, [[(steps, letters)]]), network.zero_state(1))[0][0, 0]
                for letters in (source, [0, 2, 2])
            )
        assert torch.allclose(first, other, atol=1e-4) != sees


def test_a_network_of_an_earlier_release_had_no_encoder() -> None:
    told = NetworkConfig(source_symbols=SYMBOLS).to_json()
    del told["encoder"]
    assert NetworkConfig.from_json(told) == NetworkConfig(source_symbols=SYMBOLS)
