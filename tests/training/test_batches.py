import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.excerpts import excerpt_starts
from seqforge.core.places import AlignedHistory, Places
from seqforge.core.repeat_places import RepeatPlaces
from seqforge.core.sequences import Example
from seqforge.dataset import Dataset
from seqforge.network import Batch
from seqforge.training import Batches

Datasets = Callable[..., Dataset]
LABELS = {"key": ("C", "D"), "metre": ("3/4", "4/4")}
PIECES = st.lists(
    st.lists(st.integers(0, 4), max_size=40) | st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=10
)


def random_pieces(*, seed: int = 0, count: int = 14, longest: int = 60) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 5, n).tolist() for n in [*rng.integers(0, 12, count).tolist(), longest]]


def labelled_dataset(make_dataset: Datasets, pieces: list[list[int]]) -> Dataset:
    rng = np.random.default_rng(1)
    piece_labels = [
        {name: values[n - 1] for name, values in LABELS.items() if (n := int(rng.integers(0, 3)))} for _ in pieces
    ]
    features = rng.normal(size=(len(pieces), 2)).astype(np.float32)
    return make_dataset(pieces, labels=LABELS, piece_labels=piece_labels, features=features)


def equal(one: Batch, two: Batch) -> bool:
    pairs = [(getattr(one, f.name), getattr(two, f.name)) for f in dataclasses.fields(one)]
    return all(torch.equal(a, b) if a is not None else b is None for a, b in pairs)


def expected_positions(batches: Batches, pieces: list[list[int]], epoch: int) -> list[list[dict[str, Any]]]:
    """Return the positions of every row of an epoch, one after the other."""
    rows = []
    for row in batches.epoch(epoch):
        positions = []
        for piece, first, end, burn_in in zip(row.pieces, row.first, row.end, row.burn_in, strict=True):
            steps = pieces[piece]
            for position in range(first, end):
                start, last = position == first, position == len(steps)
                positions.append(
                    {
                        "inputs": None if start else steps[position - 1],
                        "targets": None if last else steps[position],
                        "starts": start,
                        "ends": last,
                        "weights": float(position >= first + burn_in),
                        "labels": batches.dataset.labels[piece].tolist(),
                        "features": batches.dataset.features[piece].tolist(),
                    }
                )
        rows.append(positions)
    return rows


@settings(max_examples=25)
@given(
    pieces=PIECES,
    rows=st.integers(1, 5),
    length=st.integers(1, 9),
    seed=st.none() | st.integers(0, 99),
    burn_in=st.integers(1, 5),
    divide=st.booleans(),
)
def test_batches_hold_the_pieces(
    make_dataset: Datasets,
    pieces: list[list[int]],
    rows: int,
    length: int,
    seed: int | None,
    burn_in: int,
    divide: bool,
) -> None:
    dataset = labelled_dataset(make_dataset, pieces)
    batches = Batches(dataset, rows=rows, length=length, seed=seed, burn_in=burn_in, divide=divide)
    total_weight, t = 0.0, 0
    for epoch in range(2):
        expected = expected_positions(batches, pieces, epoch)
        for number in range(batches.batches_in(epoch)):
            assert batches.locate(t) == (epoch, number)
            batch, t = batches[t], t + 1
            assert batch.inputs.shape == (length, batches.rows)
            total_weight += float(batch.weights.sum())
            for time in range(length):
                index = number * length + time
                for row, positions in enumerate(expected):
                    if index >= len(positions):
                        assert not batch.weights[time, row]
                        assert not batch.starts[time, row]
                        assert not batch.ends[time, row]
                        continue
                    for name, value in positions[index].items():
                        actual = getattr(batch, name)[time, row].tolist()
                        assert value is None or actual == pytest.approx(value), (name, time, row)
    assert total_weight == 2 * sum(len(piece) + 1 for piece in pieces)


@settings(max_examples=15)
@given(seed=st.integers(0, 99), ts=st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_batch_does_not_depend_on_batches_read_before(make_dataset: Datasets, seed: int, ts: list[int]) -> None:
    dataset = make_dataset(random_pieces())
    random_access = Batches(dataset, rows=4, length=6, seed=seed)
    for t in ts:
        fresh = Batches(dataset, rows=4, length=6, seed=seed)
        in_order = Batches(dataset, rows=4, length=6, seed=seed)
        for before in range(t):
            in_order[before]
        assert equal(fresh[t], in_order[t])
        assert equal(fresh[t], random_access[t])


def test_epochs_and_seeds_differ(make_dataset: Datasets) -> None:
    dataset = make_dataset(random_pieces())
    batches = Batches(dataset, rows=4, length=6, seed=0)
    second = next(t for t in range(100) if batches.locate(t) == (1, 0))
    assert not equal(batches[0], batches[second])
    assert not equal(batches[0], Batches(dataset, rows=4, length=6, seed=1)[0])


def test_without_seed_every_epoch_is_equal(make_dataset: Datasets) -> None:
    batches = Batches(make_dataset(random_pieces()), rows=4, length=6, seed=None)
    count = batches.batches_in(0)
    assert all(equal(batches[t], batches[t + count]) for t in range(count))


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_local_rows_are_columns_of_the_whole_batch(make_dataset: Datasets, world_size: int) -> None:
    dataset = labelled_dataset(make_dataset, random_pieces(count=30))
    single = Batches(dataset, rows=6, length=6, seed=2)
    assert single.rows == 6
    for rank in range(world_size):
        local = Batches(dataset, rows=6, length=6, seed=2, local=slice(rank, None, world_size))
        assert list(local.local_rows) == list(range(rank, 6, world_size))
        for t in (0, 3, 17):
            fields = {f.name: getattr(single[t], f.name) for f in dataclasses.fields(Batch)}
            columns = {name: value[:, rank::world_size] for name, value in fields.items() if value is not None}
            assert equal(local[t], Batch(**columns))


def test_number_of_rows_is_limited_by_the_dataset(make_dataset: Datasets) -> None:
    dataset = make_dataset([[0] * 9] * 16)  # 160 positions
    assert Batches(dataset, rows=100, length=8, seed=0).rows == 5
    assert Batches(dataset, rows=3, length=8, seed=0).rows == 3
    assert Batches(dataset, rows=3, length=1000, seed=0).rows == 1
    assert Batches(dataset, rows=100, length=8, seed=None, divide=False).rows == 16


# -- augmentation ---------------------------------------------------------------------------


def transpose(example: Example, rng: np.random.Generator) -> Example:
    """Return an example transposed by 0 to 4, with another label and feature."""
    shift = int(rng.integers(0, 5))
    return dataclasses.replace(
        example,
        steps=((example.steps.astype(int) + shift) % 5).astype(np.uint8),
        labels={"key": "CD"[shift % 2]},
        features=np.full(2, shift, np.float32),
    )


def read_pieces(batches: Batches, epoch: int) -> dict[int, tuple[list[int], list[int], list[float]]]:
    """Return steps, labels and features of the pieces of an epoch, read from its batches."""
    first = next(t for t in range(10_000) if batches.locate(t) == (epoch, 0))
    parts = [batches[t] for t in range(first, first + batches.batches_in(epoch))]
    pieces: dict[int, tuple[list[int], list[int], list[float]]] = {}
    for column, row in enumerate(batches.epoch(epoch)):
        targets = torch.cat([part.targets[:, column] for part in parts])
        inputs = torch.cat([part.inputs[:, column] for part in parts])
        labels = torch.cat([part.labels[:, column] for part in parts])
        features = torch.cat([part.features[:, column] for part in parts])
        for piece, begin, end in zip(row.pieces.tolist(), row.offsets, row.offsets[1:], strict=False):
            steps = targets[begin : end - 1].tolist()
            assert inputs[begin + 1 : end].tolist() == steps
            assert len(labels[begin:end].unique(dim=0)) == len(features[begin:end].unique(dim=0)) == 1
            pieces[piece] = (steps, labels[begin].tolist(), features[begin].tolist())
    return pieces


def test_pieces_are_augmented_as_a_whole_and_anew_in_each_epoch(make_dataset: Datasets) -> None:
    pieces = [piece for piece in random_pieces(count=30, longest=8) if piece]
    dataset = labelled_dataset(make_dataset, pieces)
    batches = Batches(dataset, rows=3, length=5, seed=0, divide=False, augment=transpose)
    epochs = [read_pieces(batches, epoch) for epoch in range(3)]
    for epoch in epochs:
        for piece, (steps, labels, features) in epoch.items():
            shift = int(features[0])
            assert steps == [(step + shift) % 5 for step in pieces[piece]]
            assert labels == [1 + shift % 2, 0]
    assert epochs[0] != epochs[1] != epochs[2]
    assert len({features[0] for _, _, features in epochs[0].values()}) > 2


def test_augmentation_does_not_depend_on_batches_read_before(make_dataset: Datasets) -> None:
    dataset = labelled_dataset(make_dataset, random_pieces())
    batches = Batches(dataset, rows=4, length=6, seed=3, augment=transpose)
    for t in (11, 2, 30, 3, 11):
        assert equal(batches[t], Batches(dataset, rows=4, length=6, seed=3, augment=transpose)[t])
    local = Batches(dataset, rows=4, length=6, seed=3, augment=transpose, local=slice(1, None, 2))
    assert torch.equal(local[9].targets, batches[9].targets[:, 1::2])


def test_without_seed_nothing_is_augmented(make_dataset: Datasets) -> None:
    dataset = labelled_dataset(make_dataset, random_pieces())
    batches = Batches(dataset, rows=4, length=6, seed=None, augment=transpose)
    assert equal(batches[3], Batches(dataset, rows=4, length=6, seed=None)[3])


def test_cache_of_augmented_pieces_is_limited(make_dataset: Datasets) -> None:
    dataset = labelled_dataset(make_dataset, random_pieces(count=100))
    batches = Batches(dataset, rows=2, length=6, seed=0, augment=transpose)
    for t in range(60):
        batches[t]
    assert len(batches._computed) <= 4 * batches.rows


# -- references -----------------------------------------------------------------------------


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("divide", [False, True])
def test_references_are_those_of_the_whole_augmented_piece(
    make_dataset: Datasets, period_of_four: Places, divide: bool, augmented: bool
) -> None:
    pieces = random_pieces()
    dataset = labelled_dataset(make_dataset, pieces)
    history = AlignedHistory(period_of_four)
    seed, augment = (3, transpose) if augmented else (None, None)
    batches = Batches(dataset, rows=3, length=7, seed=seed, burn_in=2, divide=divide, augment=augment, history=history)
    variants = [
        transpose(dataset.example(piece), np.random.default_rng([3, 1, piece, 2])).steps
        if augmented
        else np.array(steps)
        for piece, steps in enumerate(pieces)
    ]
    expected = [history.references(steps.astype(np.int64)) for steps in variants]
    first = batches.batches_in(0)
    rows = [torch.cat([batches[first + t].references for t in range(batches.batches_in(1))])]
    assert rows[0].shape[2] == 2 * len(history.distances)
    for column, row in enumerate(batches.epoch(1)):
        for number, piece in enumerate(row.pieces.tolist()):
            begin, end = row.offsets[number], row.offsets[number + 1]
            actual = rows[0][begin:end, column].numpy()
            np.testing.assert_array_equal(actual, expected[piece][row.first[number] : row.end[number]])


@pytest.mark.parametrize("excerpts", [False, True])
def test_shuffled_batches_read_references_in_excerpts(make_dataset: Datasets, excerpts: bool) -> None:
    steps = np.random.default_rng(4).integers(0, 3, 2000)
    dataset, history = make_dataset([steps.tolist()]), AlignedHistory(RepeatPlaces(excerpts=excerpts))
    whole = history.references(steps.astype(np.uint8))
    for epoch in range(2):
        starts = excerpt_starts(2001, np.random.default_rng([3, epoch, 0, 3]))
        expected = history.references(steps.astype(np.uint8), starts) if excerpts else whole
        assert excerpts != np.array_equal(expected, whole)
        for seed, references in ((3, expected), (None, whole)):
            batches = Batches(dataset, rows=2, length=100, seed=seed, history=history)
            first = sum(batches.batches_in(number) for number in range(epoch))
            rows = torch.cat([batches[first + t].references for t in range(batches.batches_in(epoch))])
            for column, row in enumerate(batches.epoch(epoch)):
                actual = rows[: row.offsets[1], column].numpy()
                np.testing.assert_array_equal(actual, references[row.first[0] : row.end[0]])


class WeightedPlaces(RepeatPlaces):
    """Steps behind a 2 count three times, and those behind a 4 do not count; other steps are no markers."""

    markers = np.array([-1, -1, 0, 1, 0])
    marker_weights = np.array([5.0, 5.0, 3.0, 5.0, 0.0])


@pytest.mark.parametrize("divide", [False, True])
@pytest.mark.parametrize("seed", [None, 3])
def test_steps_have_the_weight_of_the_latest_marker_in_training(
    make_dataset: Datasets, divide: bool, seed: int | None
) -> None:
    pieces, augment = random_pieces(), transpose if seed else None
    dataset, history = labelled_dataset(make_dataset, pieces), AlignedHistory(WeightedPlaces())
    batches = Batches(dataset, rows=3, length=7, seed=seed, burn_in=2, divide=divide, augment=augment, history=history)
    variants = [
        transpose(dataset.example(piece), np.random.default_rng([seed, 0, piece, 2])).steps.tolist() if seed else steps
        for piece, steps in enumerate(pieces)
    ]
    weights = torch.cat([batches[t].weights for t in range(batches.batches_in(0))])
    for column, row in enumerate(batches.epoch(0)):
        for number, piece in enumerate(row.pieces.tolist()):
            first, end = int(row.first[number]), int(row.end[number])
            expected = []
            for position in range(first, end):
                markers = [step for step in variants[piece][:position] if step in (2, 4)]
                weight = {2: 3.0, 4: 0.0}[markers[-1]] if markers and seed else 1.0
                expected.append(weight * (position >= first + row.burn_in[number]))
            assert weights[row.offsets[number] : row.offsets[number + 1], column].tolist() == expected


def test_batches_without_history_have_no_references(make_dataset: Datasets) -> None:
    dataset = labelled_dataset(make_dataset, random_pieces())
    assert Batches(dataset, rows=3, length=7, seed=0)[2].references is None
