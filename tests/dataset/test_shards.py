import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.dataset import Dataset, open_datasets, write_manifest, write_shard
from seqforge.dataset.shards import Shard
from seqforge.errors import DamagedFileError

SPACE, SOURCE = Categorical(300), Categorical(4)
LABELS = {"key": ("C", "D"), "metre": ("3/4", "4/4", "6/8")}
EXAMPLES = [
    Example(np.array([1, 2, 299], np.uint16), np.array([0, 3], np.uint8), {"key": "D"}, np.ones(2, np.float32)),
    Example(np.zeros(0, np.uint16), None, {"metre": "6/8", "key": "C"}, None, {"title": "Ł", "bars": [1, None]}),
    Example(np.array([7], np.uint16), np.array([2], np.uint8), {"key": "H", "other": "x"}, np.zeros(2, np.float32)),
]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "0.safetensors"
    write_shard(path, SPACE, SOURCE, LABELS, EXAMPLES, [0, 2, 1], [3.0, 0.0, 1.5])
    return path


def test_shard_round_trip(shard: Path) -> None:
    opened = Shard(shard, SPACE, SOURCE, 2)
    assert opened.steps.tolist() == [1, 2, 299, 7]
    assert opened.steps.dtype == np.uint16
    assert opened.bounds.tolist() == [0, 3, 3, 4]
    assert opened.splits.tolist() == [0, 2, 1]
    assert opened.units.tolist() == [3.0, 0.0, 1.5]
    assert opened.labels.tolist() == [[2, 0], [1, 3], [0, 0]]
    assert opened.features.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert opened.sources is not None
    assert opened.source_bounds is not None
    assert opened.sources.tolist() == [0, 3, 2]
    assert opened.source_bounds.tolist() == [0, 2, 2, 3]
    assert [opened.extras(piece) for piece in range(3)] == [{}, {"title": "Ł", "bars": [1, None]}, {}]


def test_steps_are_memory_mapped(shard: Path) -> None:
    assert isinstance(Shard(shard, SPACE, SOURCE, 2).steps, np.memmap)


def test_shard_without_pieces(tmp_path: Path) -> None:
    write_shard(tmp_path / "0", SPACE, None, LABELS, [], [], [])
    opened = Shard(tmp_path / "0", SPACE, None, 2)
    assert (len(opened.steps), opened.bounds.tolist(), opened.labels.shape) == (0, [0], (0, 2))
    assert opened.sources is None


@pytest.mark.parametrize(
    ("space", "source", "labels"),
    [(Categorical(5), SOURCE, 2), (SPACE, SOURCE, 1), (SPACE, SOURCE, 3)],
)
def test_shard_of_another_codec_is_an_error(shard: Path, space: Categorical, source: Categorical, labels: int) -> None:
    with pytest.raises(DamagedFileError, match="do not fit each other; delete its folder"):
        Shard(shard, space, source, labels)


def test_shard_without_expected_sources_is_an_error(tmp_path: Path) -> None:
    write_shard(tmp_path / "0", SPACE, None, LABELS, EXAMPLES, [0, 0, 0], [1.0, 1.0, 1.0])
    with pytest.raises(DamagedFileError, match="'sources' is missing"):
        Shard(tmp_path / "0", SPACE, SOURCE, 2)


NAMES = [
    "steps",
    "bounds",
    "splits",
    "units",
    "labels",
    "features",
    "extras",
    "extra_bounds",
    "sources",
    "source_bounds",
]


def rewrite(path: Path, **other: np.ndarray | None) -> None:
    file = TensorFile(path, "shard")
    arrays = {name: np.array(file.array(name)) for name in file.tensors} | other
    write_tensors(path, {name: value for name, value in arrays.items() if value is not None}, file.metadata)


def test_rewritten_shard_can_be_read(shard: Path) -> None:
    rewrite(shard)
    Shard(shard, SPACE, SOURCE, 2)


@pytest.mark.parametrize("counts", [["2", 1], [None, 1], [2**64, 1], [2, -1], [True, 1], [2.0, 1]], ids=str)
def test_label_counts_that_are_no_counts_are_an_error(shard: Path, counts: Any) -> None:
    file = TensorFile(shard, "shard")
    arrays = {name: np.array(file.array(name)) for name in file.tensors}
    write_tensors(shard, arrays, {**file.metadata, "labels": counts})
    with pytest.raises(DamagedFileError, match=str(shard)):
        Shard(shard, SPACE, SOURCE, 2)


@pytest.mark.parametrize("name", ["steps", "sources"])
def test_step_outside_the_space_is_an_error(shard: Path, name: str) -> None:
    file = TensorFile(shard, "shard")
    arrays = {name: np.array(file.array(name)) for name in file.tensors}
    arrays[name][-1] = 300 if name == "steps" else 4
    write_tensors(shard, arrays, file.metadata)
    write_manifest(shard.parent, [shard.name], {})
    datasets = open_datasets(shard.parent, SPACE, SOURCE, LABELS)
    with pytest.raises(DamagedFileError, match=f"{shard}.* must be from 0 to"):
        for dataset in datasets.values():
            for number in range(len(dataset)):
                dataset.example(number)


@pytest.mark.parametrize("name", NAMES)
def test_missing_array_is_an_error(shard: Path, name: str) -> None:
    rewrite(shard, **{name: None})
    with pytest.raises(DamagedFileError, match=f"'{name}' is missing"):
        Shard(shard, SPACE, SOURCE, 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value", [np.array(3), np.zeros((2, 2), np.int64), np.zeros(9, np.int64)], ids=lambda v: str(v.shape)
)
def test_array_of_another_shape_is_an_error(shard: Path, name: str, value: np.ndarray) -> None:
    rewrite(shard, **{name: value})
    with pytest.raises(DamagedFileError, match=str(shard)):
        Shard(shard, SPACE, SOURCE, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bounds", [0, 3, 2, 4]), ("bounds", [0, 3, 3, 5]), ("bounds", [1, 3, 3, 4]), ("bounds", [0, 4, 4]),
        ("bounds", [0, -3, 3, 4]), ("source_bounds", [0, 3, 2, 3]), ("source_bounds", [0, 2, 2, 9]),
        ("extra_bounds", [0, 5, 2, 29]), ("steps", [1.0, 2.0, 3.0, 4.0]), ("bounds", [0.0, 2.5, 3.0, 4.0]),
        ("bounds", [0.0, float("nan"), 3.0, 4.0]), ("labels", [[3, 0], [0, 0], [0, 0]]), ("labels", [[-1, 0]] * 3),
    ],
    ids=str,
)  # fmt: skip
def test_arrays_that_do_not_fit_each_other_are_an_error(shard: Path, name: str, value: Any) -> None:
    dtype = {"labels": np.int32}.get(name)
    rewrite(shard, **{name: np.array(value, dtype)})
    with pytest.raises(DamagedFileError, match=str(shard)):
        Shard(shard, SPACE, SOURCE, 2)


def test_damaged_extras_are_an_error(shard: Path) -> None:
    damaged = np.array(TensorFile(shard, "shard").array("extras"))
    damaged[3:6] = 0xFF
    rewrite(shard, extras=damaged)
    with pytest.raises(DamagedFileError, match=str(shard)):
        Shard(shard, SPACE, SOURCE, 2).extras(1)


@pytest.mark.parametrize("metadata", [None, {}, {"format": 3, "kind": "shard"}, {"format": 2, "kind": "model"}])
def test_file_of_another_kind_is_an_error(tmp_path: Path, metadata: Any) -> None:
    write_tensors(tmp_path / "0", {}, metadata)
    with pytest.raises(DamagedFileError, match="not a shard of this format"):
        Shard(tmp_path / "0", SPACE, None, 0)


def test_truncated_shard_is_an_error(shard: Path) -> None:
    content = shard.read_bytes()
    for length in range(0, len(content), 37):
        shard.write_bytes(content[:length])
        with pytest.raises(DamagedFileError):
            Shard(shard, SPACE, SOURCE, 2)


@given(st.lists(st.lists(st.integers(0, 299), max_size=6), max_size=6))
def test_pieces_round_trip(tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    examples = [Example(np.array(piece, np.uint16)) for piece in pieces]
    write_shard(path, SPACE, None, {}, examples, [0] * len(pieces), [1.0] * len(pieces))
    opened = Shard(path, SPACE, None, 0)
    edges = opened.bounds.tolist()
    assert [opened.steps[a:b].tolist() for a, b in itertools.pairwise(edges)] == pieces


def test_more_shards_than_file_descriptors_can_be_open(make_dataset: Callable[..., Dataset]) -> None:
    resource = pytest.importorskip("resource")
    pieces = [[number % 5] * 3 for number in range(300)]
    data = make_dataset(pieces, shards=300)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(1)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 160, limits[1]))
    try:
        assert [data.steps(piece).tolist() for piece in range(300)] == pieces
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
