"""The features of pieces in files beside the corpus."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_kit import prepare_corpus

from seqforge.corpus import find_sources, pieces_with_features, read_files
from seqforge.errors import CorpusError

ROWS = {"a.num": ["1 2", "3", "4 5 6"], "b.num": ["7"], "c.num": ["8 9"] * 2}
VALUES = np.arange(12, dtype=np.float64).reshape(6, 2) / 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files with six rows of numbers."""
    (tmp_path / "rows").mkdir()
    for name, rows in ROWS.items():
        (tmp_path / "rows" / name).write_text("\n".join(rows) + "\n")
    return tmp_path / "rows"


def write_csv(path: Path, keys: bool = True) -> None:
    lines = ["file,piece,x,y" if keys else "x,y"]
    names = [(name, number + 1) for name, rows in ROWS.items() for number in range(len(rows))]
    rows = list(zip(names, VALUES, strict=True))
    for (name, piece), (x, y) in reversed(rows) if keys else rows:
        lines.append(f"{name},{piece},{x},{y}" if keys else f"{x},{y}")
    path.write_text("\n".join(lines) + "\n")


def features_by_piece(prepared: Any) -> dict[tuple[int, ...], list[float]]:
    return {
        tuple(dataset.steps(number).tolist()): dataset.features[number].tolist()
        for dataset in prepared.datasets.values()
        for number in range(len(dataset))
    }


@pytest.mark.parametrize("kind", ["npy", "csv", "csv with files"])
def test_each_piece_has_the_features_of_its_row(numbers: Any, folder: Path, tmp_path: Path, kind: str) -> None:
    if kind == "npy":
        np.save(folder / "features.npy", VALUES)
    else:
        write_csv(folder / "features.csv", keys=kind.endswith("files"))
    prepared = prepare_corpus(numbers, folder, cache=tmp_path / "cache")
    assert prepared.features == 2
    texts = [row for rows in ROWS.values() for row in rows]
    sources = find_sources([str(folder)], reads=numbers.reads, domain="numbers")
    read = [
        piece
        for _, items in pieces_with_features(read_files(numbers, numbers.Options(), sources.files))
        for piece in items
    ]
    assert [piece.features.tolist() for piece in read] == VALUES.tolist()
    expected = [
        (prepared.codec.encode(piece).steps.tolist(), piece.features.tolist())
        for piece, text in zip(read, texts, strict=True)
        if text != "8 9"
    ]
    stored = features_by_piece(prepared)
    assert all(stored[tuple(steps)] == features for steps, features in expected)


def test_parts_of_a_file_with_few_pieces_have_its_features(tmp_path: Path) -> None:
    from seqforge.plugin import registry

    (tmp_path / "a.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 60)
    np.save(tmp_path / "a.features.npy", np.array([[1.0, 2.0, 3.0]]))
    plugin = registry.load("text")
    prepared = prepare_corpus(plugin, tmp_path / "a.txt", cache=tmp_path / "cache")
    assert [len(dataset) for dataset in prepared.datasets.values()] == [1, 1, 1]
    assert all(dataset.features.tolist() == [[1, 2, 3]] for dataset in prepared.datasets.values())


def test_held_out_file_has_its_features(numbers: Any, folder: Path, tmp_path: Path) -> None:
    from seqforge.corpus import SplitChoice, prepare

    np.save(folder / "features.npy", VALUES)
    split = SplitChoice(valid=(str(folder / "a.num"),))
    sources = find_sources([str(folder)], reads=numbers.reads, domain="numbers", split=split)
    prepared = prepare(numbers, numbers.Options(), sources, cache=tmp_path / "cache", workers=1)
    assert prepared.datasets["valid"].features.tolist() == VALUES[:3].tolist()
    assert prepared.datasets["train"].features.tolist() == VALUES[3:].tolist()


def test_other_features_are_another_corpus(numbers: Any, folder: Path, tmp_path: Path) -> None:
    digests = set()
    for factor in (1, 2):
        np.save(folder / "features.npy", VALUES * factor)
        digests.add(prepare_corpus(numbers, folder, cache=tmp_path / "cache").folder.name)
    assert len(digests) == 2


DAMAGED: dict[str, tuple[str, Any, list[str]]] = {
    "too few rows": ("features.npy", VALUES[:5], ["5 rows", "6 pieces"]),
    "too many rows": ("features.npy", np.zeros((7, 2)), ["7 rows", "6 pieces"]),
    "not a number": ("features.npy", np.where(VALUES == 2.5, np.nan, VALUES), ["row 3", "finite"]),
    "one axis": ("features.npy", np.zeros(6), ["shape"]),
    "texts": ("features.npy", np.array([["a"]] * 6), ["real numbers"]),
    "no array": ("features.npy", b"x", ["features.npy"]),
    "missing row": ("features.csv", b"file,piece,x\na.num,1,2\n", ["piece 2", "a.num"]),
    "short row": ("features.csv", b"file,piece,x\na.num,1\n", ["row 1", "3 columns"]),
    "a word": ("features.csv", b"x\nmany\n", ["row 1", "not a number"]),
    "twice": ("features.csv", b"file,x\na.num,1\na.num,2\n", ["two rows", "a.num"]),
    "no rows": ("features.csv", b"1,2,3\n", ["no row", "names the columns"]),
    "no columns": ("features.csv", b"", ["0 features"]),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damaged_features_are_an_error(numbers: Any, folder: Path, tmp_path: Path, fault: str) -> None:
    name, content, words = DAMAGED[fault]
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        np.save(folder / name, content)
    with pytest.raises(CorpusError) as caught:
        prepare_corpus(numbers, folder, cache=tmp_path / "cache")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_features_for_a_part_of_the_files_are_an_error(numbers: Any, folder: Path, tmp_path: Path) -> None:
    np.save(folder / "a.features.npy", VALUES[:3])
    with pytest.raises(CorpusError, match=r"b\.num has no features"):
        prepare_corpus(numbers, folder, cache=tmp_path / "cache")


def test_features_of_two_widths_are_an_error(numbers: Any, folder: Path, tmp_path: Path) -> None:
    for name, width in (("a", 1), ("b", 2), ("c", 2)):
        np.save(folder / f"{name}.features.npy", np.zeros((len(ROWS[f"{name}.num"]), width)))
    with pytest.raises(CorpusError, match="differ"):
        prepare_corpus(numbers, folder, cache=tmp_path / "cache")
