from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqforge.network import Batch, Dropout, Masks, Network, NetworkConfig, draw_masks

ALL = Dropout(input=0.3, between=0.4, output=0.5, recurrent=0.2, labels=0.5)
CONFIG = NetworkConfig(layers=3, hidden=8, embedding=6)


def row_masks(masks: Masks) -> Iterator[Tensor]:
    yield from (masks.input, *masks.between, masks.output, masks.hide_labels)


@given(seed=st.integers(0, 2**63), step=st.integers(0, 10**9), first=st.integers(0, 5), stride=st.integers(1, 4))
def test_row_mask_does_not_depend_on_other_rows(seed: int, step: int, first: int, stride: int) -> None:
    full = draw_masks(ALL, CONFIG, seed=seed, step=step, rows=range(12))
    indices = range(first, 12, stride)
    part = draw_masks(ALL, CONFIG, seed=seed, step=step, rows=indices)
    for expected, mask in zip(row_masks(full), row_masks(part), strict=True):
        assert torch.equal(expected[list(indices)], mask)
    assert full.recurrent is not None
    assert part.recurrent is not None
    assert all(torch.equal(a, b) for a, b in zip(full.recurrent, part.recurrent, strict=True))


def test_masks_are_pure_function_of_seed_and_step() -> None:
    torch.manual_seed(1)
    one = draw_masks(ALL, CONFIG, seed=3, step=7, rows=range(4))
    torch.manual_seed(2)
    draw_masks(ALL, CONFIG, seed=3, step=6, rows=range(4))
    two = draw_masks(ALL, CONFIG, seed=3, step=7, rows=range(4))
    assert all(torch.equal(a, b) for a, b in zip(row_masks(one), row_masks(two), strict=True))


def test_masks_differ_by_seed_step_and_row() -> None:
    draws = [
        draw_masks(ALL, CONFIG, seed=seed, step=step, rows=range(row, row + 1))
        for seed, step, row in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)]
    ]
    per_row = {tuple(torch.cat([masks.input, *masks.between, masks.output], 1)[0].tolist()) for masks in draws}
    assert len(per_row) == 5
    recurrent = {tuple(masks.recurrent[0].flatten().tolist()) for masks in draws if masks.recurrent}
    assert len(recurrent) == 4  # the same for all rows


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_dropout_rates_and_scale_of_kept_units(cell: Any) -> None:
    config = NetworkConfig(cell=cell, layers=3, hidden=40, embedding=30)
    masks = draw_masks(ALL, config, seed=0, step=0, rows=range(100))
    assert masks.recurrent is not None
    assert [m.shape for m in masks.between] == [(100, 40)] * 2
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    assert [m.shape for m in masks.recurrent] == [(gates * 40, 40)] * 3
    parts = [(masks.input, 0.3), *[(m, 0.4) for m in masks.between], (masks.output, 0.5)]
    for mask, rate in [*parts, *[(m, 0.2) for m in masks.recurrent]]:
        assert mask.dtype == torch.float32
        assert (mask == 0).float().mean().item() == pytest.approx(rate, abs=0.04)
        factors = mask[mask != 0]
        torch.testing.assert_close(factors, torch.full_like(factors, 1 / (1 - rate)))
    assert masks.hide_labels.float().mean().item() == pytest.approx(0.5, abs=0.15)


def test_zero_dropout_changes_nothing(make_network: Callable[..., Network], make_batch: Callable[..., Batch]) -> None:
    network = make_network(layers=2, labels=(2,))
    batch = make_batch(network, starts=[(0, 0)])
    masks = draw_masks(Dropout(), network.config, seed=0, step=0, rows=range(3))
    assert masks.recurrent is None
    with torch.no_grad():
        plain, _ = network(batch, network.zero_state(3))
        assert torch.equal(network(batch, network.zero_state(3), masks)[0], plain)


def test_hidden_label_equals_unknown_label(
    make_network: Callable[..., Network], make_batch: Callable[..., Batch]
) -> None:
    network = make_network(labels=(2, 3))
    batch = make_batch(network, starts=[(0, 0)])
    batch = Batch(**{**vars(batch), "labels": torch.ones(12, 3, 2, dtype=torch.int64)})
    unknown = Batch(**{**vars(batch), "labels": batch.labels * torch.tensor([0, 1, 0])[:, None]})
    draws = draw_masks(Dropout(), network.config, seed=0, step=0, rows=range(3))
    masks = Masks(draws.input, draws.between, draws.output, torch.tensor([True, False, True]), None)
    with torch.no_grad():
        hidden, _ = network(batch, network.zero_state(3), masks)
        expected, _ = network(unknown, network.zero_state(3))
        assert torch.equal(hidden, expected)
        assert not torch.equal(hidden, network(batch, network.zero_state(3))[0])


@pytest.mark.parametrize("place", ["input", "between", "output", "recurrent"])
def test_dropout_in_each_place_changes_outputs(
    make_network: Callable[..., Network], make_batch: Callable[..., Batch], place: str
) -> None:
    network = make_network(layers=2)
    batch = make_batch(network)
    masks = draw_masks(Dropout(**{place: 0.5}), network.config, seed=0, step=0, rows=range(3))
    with torch.no_grad():
        plain, _ = network(batch, network.zero_state(3))
        assert not torch.allclose(network(batch, network.zero_state(3), masks)[0], plain, atol=1e-3)
