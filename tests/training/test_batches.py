import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.network import Batch
from seqforge.training import Batches

Datasets = Callable[..., Dataset]
LABELS = {"key": ("C", "D"), "metre": ("3/4", "4/4")}
PIECES = st.lists(
    st.lists(st.integers(0, 4), max_size=40) | st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=10
)


def some_pieces(*, seed: int = 0, count: int = 14, longest: int = 60) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 5, n).tolist() for n in [*rng.integers(0, 12, count).tolist(), longest]]


def labelled(make_dataset: Datasets, pieces: list[list[int]]) -> Dataset:
    rng = np.random.default_rng(1)
    chosen = [
        {name: values[n - 1] for name, values in LABELS.items() if (n := int(rng.integers(0, 3)))} for _ in pieces
    ]
    features = rng.normal(size=(len(pieces), 2)).astype(np.float32)
    return make_dataset(pieces, labels=LABELS, chosen=chosen, features=features)


def same(one: Batch, two: Batch) -> bool:
    pairs = [(getattr(one, f.name), getattr(two, f.name)) for f in dataclasses.fields(one)]
    return all(torch.equal(a, b) if a is not None else b is None for a, b in pairs)


def naive(batches: Batches, pieces: list[list[int]], epoch: int) -> list[list[dict[str, Any]]]:
    """Write out the rows of every lane, one after the other."""
    lanes = []
    for lane in batches.epoch(epoch):
        rows = []
        for piece, first, end, lead in zip(lane.piece, lane.first, lane.end, lane.lead, strict=True):
            steps = pieces[piece]
            for row in range(first, end):
                start, last = row == first, row == len(steps)
                rows.append(
                    {
                        "inputs": None if start else steps[row - 1],
                        "targets": None if last else steps[row],
                        "starts": start,
                        "ends": last,
                        "weights": float(row >= first + lead),
                        "labels": batches.dataset.labels[piece].tolist(),
                        "features": batches.dataset.features[piece].tolist(),
                    }
                )
        lanes.append(rows)
    return lanes


@settings(max_examples=25)
@given(
    pieces=PIECES,
    lanes=st.integers(1, 5),
    window=st.integers(1, 9),
    seed=st.none() | st.integers(0, 99),
    lead=st.integers(1, 5),
    cut=st.booleans(),
)
def test_windows_hold_what_the_pieces_say(
    make_dataset: Datasets,
    pieces: list[list[int]],
    lanes: int,
    window: int,
    seed: int | None,
    lead: int,
    cut: bool,
) -> None:
    batches = Batches(labelled(make_dataset, pieces), lanes=lanes, window=window, seed=seed, lead=lead, cut=cut)
    counted, t = 0.0, 0
    for epoch in range(2):
        expected = naive(batches, pieces, epoch)
        for number in range(batches.windows_in(epoch)):
            assert batches.place(t) == (epoch, number)
            found, t = batches[t], t + 1
            assert found.inputs.shape == (window, batches.lanes)
            counted += float(found.weights.sum())
            for at in range(window):
                for lane, rows in enumerate(expected):
                    row = rows[number * window + at] if number * window + at < len(rows) else None
                    if row is None:
                        assert not found.weights[at, lane]
                        assert not found.starts[at, lane]
                        assert not found.ends[at, lane]
                        continue
                    for name, value in row.items():
                        actual = getattr(found, name)[at, lane].tolist()
                        assert value is None or actual == pytest.approx(value), (name, at, lane)
    assert counted == 2 * sum(len(piece) + 1 for piece in pieces)


@settings(max_examples=15)
@given(seed=st.integers(0, 99), ts=st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_a_window_is_the_same_in_whatever_order_it_is_asked_for(
    make_dataset: Datasets, seed: int, ts: list[int]
) -> None:
    dataset = make_dataset(some_pieces())
    kept = Batches(dataset, lanes=4, window=6, seed=seed)
    for t in ts:
        fresh = Batches(dataset, lanes=4, window=6, seed=seed)
        in_order = Batches(dataset, lanes=4, window=6, seed=seed)
        for before in range(t):
            in_order[before]
        assert same(fresh[t], in_order[t])
        assert same(fresh[t], kept[t])


def test_epochs_and_seeds_differ(make_dataset: Datasets) -> None:
    dataset = make_dataset(some_pieces())
    batches = Batches(dataset, lanes=4, window=6, seed=0)
    second = next(t for t in range(100) if batches.place(t) == (1, 0))
    assert not same(batches[0], batches[second])
    assert not same(batches[0], Batches(dataset, lanes=4, window=6, seed=1)[0])


def test_a_fixed_order_is_the_same_in_every_epoch(make_dataset: Datasets) -> None:
    batches = Batches(make_dataset(some_pieces()), lanes=4, window=6, seed=None)
    count = batches.windows_in(0)
    assert all(same(batches[t], batches[t + count]) for t in range(count))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_lanes_of_one_process_are_columns_of_the_whole(make_dataset: Datasets, world: int) -> None:
    dataset = labelled(make_dataset, some_pieces(count=30))
    whole = Batches(dataset, lanes=6, window=6, seed=2)
    assert whole.lanes == 6
    for rank in range(world):
        mine = Batches(dataset, lanes=6, window=6, seed=2, mine=slice(rank, None, world))
        assert list(mine.mine) == list(range(rank, 6, world))
        for t in (0, 3, 17):
            fields = {f.name: getattr(whole[t], f.name) for f in dataclasses.fields(Batch)}
            columns = {name: value[:, rank::world] for name, value in fields.items() if value is not None}
            assert same(mine[t], Batch(**columns))


def test_lanes_are_as_many_as_have_a_few_windows_each(make_dataset: Datasets) -> None:
    dataset = make_dataset([[0] * 9] * 16)  # 160 rows
    assert Batches(dataset, lanes=100, window=8, seed=0).lanes == 5
    assert Batches(dataset, lanes=3, window=8, seed=0).lanes == 3
    assert Batches(dataset, lanes=3, window=1000, seed=0).lanes == 1
    assert Batches(dataset, lanes=100, window=8, seed=None, cut=False).lanes == 16


# -- augmentation ---------------------------------------------------------------------------


def shifted(example: Example, rng: np.random.Generator) -> Example:
    """Transpose by 0 to 4, and take the key that goes with it."""
    by = int(rng.integers(0, 5))
    return dataclasses.replace(
        example,
        steps=((example.steps.astype(int) + by) % 5).astype(np.uint8),
        labels={"key": "CD"[by % 2]},
        features=np.full(2, by, np.float32),
    )


def read_back(batches: Batches, epoch: int) -> dict[int, tuple[list[int], list[int], list[float]]]:
    """Return the pieces of an epoch as the windows tell them: steps, labels and features."""
    first = next(t for t in range(10_000) if batches.place(t) == (epoch, 0))
    windows = [batches[t] for t in range(first, first + batches.windows_in(epoch))]
    found: dict[int, tuple[list[int], list[int], list[float]]] = {}
    for column, lane in enumerate(batches.epoch(epoch)):
        rows = torch.cat([w.targets[:, column] for w in windows])
        inputs = torch.cat([w.inputs[:, column] for w in windows])
        labels = torch.cat([w.labels[:, column] for w in windows])
        features = torch.cat([w.features[:, column] for w in windows])
        for piece, at, end in zip(lane.piece.tolist(), lane.at, lane.at[1:], strict=False):
            steps = rows[at : end - 1].tolist()
            assert inputs[at + 1 : end].tolist() == steps
            assert len(labels[at:end].unique(dim=0)) == len(features[at:end].unique(dim=0)) == 1
            found[piece] = (steps, labels[at].tolist(), features[at].tolist())
    return found


def test_a_piece_is_changed_anew_in_each_epoch_and_as_a_whole(make_dataset: Datasets) -> None:
    pieces = [piece for piece in some_pieces(count=30, longest=8) if piece]
    dataset = labelled(make_dataset, pieces)
    batches = Batches(dataset, lanes=3, window=5, seed=0, cut=False, augment=shifted)
    seen = [read_back(batches, epoch) for epoch in range(3)]
    for epoch in seen:
        for piece, (steps, labels, features) in epoch.items():
            by = int(features[0])
            assert steps == [(step + by) % 5 for step in pieces[piece]]
            assert labels == [1 + by % 2, 0]
    assert seen[0] != seen[1] != seen[2]
    assert len({features[0] for _, _, features in seen[0].values()}) > 2


def test_a_change_is_the_same_in_whatever_order_windows_are_asked_for(make_dataset: Datasets) -> None:
    dataset = labelled(make_dataset, some_pieces())
    kept = Batches(dataset, lanes=4, window=6, seed=3, augment=shifted)
    for t in (11, 2, 30, 3, 11):
        assert same(kept[t], Batches(dataset, lanes=4, window=6, seed=3, augment=shifted)[t])
    mine = Batches(dataset, lanes=4, window=6, seed=3, augment=shifted, mine=slice(1, None, 2))
    assert torch.equal(mine[9].targets, kept[9].targets[:, 1::2])


def test_nothing_is_changed_where_the_order_is_fixed(make_dataset: Datasets) -> None:
    dataset = labelled(make_dataset, some_pieces())
    one = Batches(dataset, lanes=4, window=6, seed=None, augment=shifted)
    assert same(one[3], Batches(dataset, lanes=4, window=6, seed=None)[3])


def test_changed_pieces_are_not_all_kept_in_memory(make_dataset: Datasets) -> None:
    dataset = labelled(make_dataset, some_pieces(count=100))
    batches = Batches(dataset, lanes=2, window=6, seed=0, augment=shifted)
    for t in range(60):
        batches[t]
    assert len(batches._variants) <= 4 * batches.lanes
