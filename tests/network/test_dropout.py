from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqforge.network import Batch, Dropout, Masks, Network, NetworkConfig, draw_masks

EVERY = Dropout(input=0.3, between=0.4, output=0.5, recurrent=0.2, labels=0.5)
CONFIG = NetworkConfig(layers=3, hidden=8, embedding=6)


def by_lane(masks: Masks) -> Iterator[Tensor]:
    yield from (masks.input, *masks.between, masks.output, masks.hide_labels)


@given(seed=st.integers(0, 2**63), step=st.integers(0, 10**9), first=st.integers(0, 5), stride=st.integers(1, 4))
def test_a_lane_draws_the_same_whichever_others_are_drawn(seed: int, step: int, first: int, stride: int) -> None:
    everything = draw_masks(EVERY, CONFIG, seed=seed, step=step, lanes=range(12))
    some = range(first, 12, stride)
    part = draw_masks(EVERY, CONFIG, seed=seed, step=step, lanes=some)
    for whole, mine in zip(by_lane(everything), by_lane(part), strict=True):
        assert torch.equal(whole[list(some)], mine)
    assert everything.recurrent is not None
    assert part.recurrent is not None
    assert all(torch.equal(a, b) for a, b in zip(everything.recurrent, part.recurrent, strict=True))


def test_masks_are_a_pure_function_of_seed_and_step() -> None:
    torch.manual_seed(1)
    one = draw_masks(EVERY, CONFIG, seed=3, step=7, lanes=range(4))
    torch.manual_seed(2)
    draw_masks(EVERY, CONFIG, seed=3, step=6, lanes=range(4))
    two = draw_masks(EVERY, CONFIG, seed=3, step=7, lanes=range(4))
    assert all(torch.equal(a, b) for a, b in zip(by_lane(one), by_lane(two), strict=True))


def test_another_seed_step_or_lane_draws_another_mask() -> None:
    drawn = [
        draw_masks(EVERY, CONFIG, seed=seed, step=step, lanes=range(lane, lane + 1))
        for seed, step, lane in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]
    ]
    rows = {tuple(torch.cat([masks.input, *masks.between, masks.output], 1)[0].tolist()) for masks in drawn}
    assert len(rows) == 5
    recurrent = {tuple(masks.recurrent[0].flatten().tolist()) for masks in drawn if masks.recurrent}
    assert len(recurrent) == 4  # the same for all lanes


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_shares_dropped_are_those_asked_for_and_the_rest_makes_up_for_them(cell: Any) -> None:
    config = NetworkConfig(cell=cell, layers=3, hidden=40, embedding=30)
    masks = draw_masks(EVERY, config, seed=0, step=0, lanes=range(100))
    assert masks.recurrent is not None
    assert [m.shape for m in masks.between] == [(100, 40)] * 2
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    assert [m.shape for m in masks.recurrent] == [(gates * 40, 40)] * 3
    parts = [(masks.input, 0.3), *[(m, 0.4) for m in masks.between], (masks.output, 0.5)]
    for mask, share in [*parts, *[(m, 0.2) for m in masks.recurrent]]:
        assert mask.dtype == torch.float32
        assert (mask == 0).float().mean().item() == pytest.approx(share, abs=0.04)
        kept = mask[mask != 0]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - share)))
    assert masks.hide_labels.float().mean().item() == pytest.approx(0.5, abs=0.15)


def test_nothing_is_dropped_where_nothing_is_asked_for(
    make_network: Callable[..., Network], make_batch: Callable[..., Batch]
) -> None:
    network = make_network(layers=2, labels=(2,))
    window = make_batch(network, starts=[(0, 0)])
    masks = draw_masks(Dropout(), network.config, seed=0, step=0, lanes=range(3))
    assert masks.recurrent is None
    with torch.no_grad():
        plain, _ = network(window, network.zero_state(3))
        assert torch.equal(network(window, network.zero_state(3), masks)[0], plain)


def test_a_hidden_label_is_an_unknown_one(
    make_network: Callable[..., Network], make_batch: Callable[..., Batch]
) -> None:
    network = make_network(labels=(2, 3))
    window = make_batch(network, starts=[(0, 0)])
    window = Batch(**{**vars(window), "labels": torch.ones(12, 3, 2, dtype=torch.int64)})
    unknown = Batch(**{**vars(window), "labels": window.labels * torch.tensor([0, 1, 0])[:, None]})
    drawn = draw_masks(Dropout(), network.config, seed=0, step=0, lanes=range(3))
    masks = Masks(drawn.input, drawn.between, drawn.output, torch.tensor([True, False, True]), None)
    with torch.no_grad():
        hidden, _ = network(window, network.zero_state(3), masks)
        expected, _ = network(unknown, network.zero_state(3))
        assert torch.equal(hidden, expected)
        assert not torch.equal(hidden, network(window, network.zero_state(3))[0])


@pytest.mark.parametrize("place", ["input", "between", "output", "recurrent"])
def test_dropout_in_each_place_changes_what_comes_out(
    make_network: Callable[..., Network], make_batch: Callable[..., Batch], place: str
) -> None:
    network = make_network(layers=2)
    window = make_batch(network)
    masks = draw_masks(Dropout(**{place: 0.5}), network.config, seed=0, step=0, lanes=range(3))
    with torch.no_grad():
        plain, _ = network(window, network.zero_state(3))
        assert not torch.allclose(network(window, network.zero_state(3), masks)[0], plain, atol=1e-3)
