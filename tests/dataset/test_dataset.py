import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical
from seqforge.dataset import (
    MANIFEST,
    SPLITS,
    Dataset,
    open_datasets,
    read_manifest,
    write_manifest,
    write_shard,
)
from seqforge.errors import DamagedFileError

SPACE = Categorical(9)
LABELS = {"key": ("C", "D"), "metre": ("3/4", "4/4")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a prepared corpus of seven pieces in two shards."""
    splits = [0, 1, 0, 2, 0, 0, 1]
    examples = [
        Example(
            np.full(number, number, np.uint8),
            np.arange(number % 3, dtype=np.uint8),
            {"key": "CD"[number % 2]},
            np.full(2, number, np.float32),
            {"title": f"piece {number}"},
        )
        for number in range(7)
    ]
    for at, rows in enumerate((slice(0, 3), slice(3, 7))):
        write_shard(
            tmp_path / f"{at}", SPACE, SPACE, LABELS, examples[rows], splits[rows], [float(n) for n in range(7)][rows]
        )
    write_manifest(tmp_path, ["0", "1"], {"pieces": 7})
    return tmp_path


def test_splits_have_their_pieces_in_order(folder: Path) -> None:
    datasets = open_datasets(folder, SPACE, SPACE, LABELS)
    assert tuple(datasets) == SPLITS
    numbers = {split: [int(n) for n in dataset.units] for split, dataset in datasets.items()}
    assert numbers == {"train": [0, 2, 4, 5], "valid": [1, 6], "test": [3]}
    for dataset in datasets.values():
        assert len(dataset) == len(dataset.units)
        assert dataset.lengths.tolist() == dataset.units.tolist()


def test_symbols_per_step_ignores_pieces_without_source(folder: Path) -> None:
    datasets = open_datasets(folder, SPACE, SPACE, LABELS)
    assert datasets["train"].symbols_per_step() == round((2 + 1 + 2) / (2 + 4 + 5), 2)
    assert datasets["test"].symbols_per_step() is None  # its one piece has an empty source


def test_example_equals_encoded_piece(folder: Path) -> None:
    train = open_datasets(folder, SPACE, SPACE, LABELS)["train"]
    for piece, number in enumerate([0, 2, 4, 5]):
        example = train.example(piece)
        assert example.steps.tolist() == [number] * number
        assert example.steps.dtype == np.uint8
        assert example.source is not None
        assert example.source.tolist() == list(range(number % 3))
        assert dict(example.labels) == {"key": "CD"[number % 2]}
        assert example.features is not None
        assert example.features.tolist() == [number, number]
        assert dict(example.extras) == {"title": f"piece {number}"}


def test_slice_of_a_piece(folder: Path) -> None:
    train = open_datasets(folder, SPACE, SPACE, LABELS)["train"]
    for piece, length in enumerate([0, 2, 4, 5]):
        for first in range(length + 1):
            assert len(train.steps(piece, first)) == length - first
            for end in range(first, length + 1):
                assert train.steps(piece, first, end).tolist() == [length] * (end - first)


def test_piece_without_features_and_source(make_dataset: Callable[..., Dataset]) -> None:
    example = make_dataset([[1, 2], [3]]).example(1)
    assert (example.steps.tolist(), example.source, example.features) == ([3], None, None)
    assert (dict(example.labels), dict(example.extras)) == ({}, {})


@given(st.lists(st.lists(st.integers(0, 4), max_size=5), min_size=1, max_size=7), st.integers(1, 3))
def test_pieces_do_not_depend_on_number_of_shards(
    make_dataset: Callable[..., Dataset], pieces: list[list[int]], shards: int
) -> None:
    dataset = make_dataset(pieces, shards=shards)
    assert [dataset.steps(piece).tolist() for piece in range(len(dataset))] == pieces


def test_corpus_without_shards_is_empty(tmp_path: Path) -> None:
    write_manifest(tmp_path, [], {})
    for dataset in open_datasets(tmp_path, SPACE, None, LABELS).values():
        assert len(dataset) == 0
        assert dataset.labels.shape == (0, 2)
        assert dataset.features.shape == (0, 0)


def test_shards_with_and_without_features(tmp_path: Path) -> None:
    write_shard(tmp_path / "0", SPACE, None, {}, [Example(np.zeros(1, np.uint8))], [0], [1.0])
    with_features = Example(np.zeros(1, np.uint8), features=np.ones(2, np.float32))
    write_shard(tmp_path / "1", SPACE, None, {}, [with_features], [0], [1.0])
    write_manifest(tmp_path, ["0", "1"], {})
    assert open_datasets(tmp_path, SPACE, None, {})["train"].features.tolist() == [[0, 0], [1, 1]]


# -- the manifest ---------------------------------------------------------------------------


def test_manifest_round_trip(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest["shards"] == ["0", "1"]
    assert manifest["report"] == {"pieces": 7}


def test_folder_without_manifest_is_an_error(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    with pytest.raises(DamagedFileError, match=r"manifest\.json cannot be used .*delete that folder"):
        open_datasets(folder, SPACE, SPACE, LABELS)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"3", b"{}", b"\xff\xfe", b"[" * 100_000,
        b'{"format":1,"kind":"manifest","shards":[],"report":{}}',
        b'{"format":2,"kind":"shard","shards":[],"report":{}}',
        b'{"format":2,"kind":"manifest","report":{}}', b'{"format":2,"kind":"manifest","shards":[]}',
        b'{"format":2,"kind":"manifest","shards":[],"report":3}',
        b'{"format":2,"kind":"manifest","shards":3,"report":{}}',
        b'{"format":2,"kind":"manifest","shards":[3],"report":{}}',
        b'{"format":2,"kind":"manifest","shards":null,"report":{}}',
        b'{"format":2,"kind":"manifest","shards":["../0"],"report":{}}',
        b'{"format":2,"kind":"manifest","shards":["/etc/passwd"],"report":{}}',
        b'{"format":2,"kind":"manifest","shards":[".."],"report":{}}',
        b'{"format":2,"kind":"manifest","shards":["a\\u0000b"],"report":{}}',
        b'{"format":2,"kind":"manifest","shards":["gone"],"report":{}}',
    ],
    ids=lambda content: repr(content)[:60],
)  # fmt: skip
def test_damaged_manifest_is_an_error(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(DamagedFileError):
        open_datasets(folder, SPACE, SPACE, LABELS)


def test_manifest_that_is_too_large_is_an_error(folder: Path) -> None:
    with (folder / MANIFEST).open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(DamagedFileError, match="larger than any manifest"):
        read_manifest(folder)


def test_manifest_is_canonical_json(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    assert text == json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n"
