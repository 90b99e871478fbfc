"""The parts of the preparation that work on disk, compared with the same work in memory."""

import hashlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_kit import files_of, prepare_corpus, write_corpus
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core import disk_list
from seqforge.core.tensorfile import canonical_json
from seqforge.corpus import disk_groups, find_sources, sources, split
from seqforge.corpus.cache_key import sources_key
from seqforge.corpus.disk_groups import DiskGroups
from seqforge.corpus.file_table import open_file_table
from seqforge.corpus.file_walk import visible_files
from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.split import Groups, split_by_content
from seqforge.plugin import Plugin


def test_files_of_a_folder_are_sorted_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_list, "RUN_LENGTH", 3)
    names = [
        "b.x",
        "a/1.x",
        "a.x",
        "a-b/z.x",
        "a/b/c.x",
        "a/B.x",
        "é.x",
        "a b/q.x",
        ".hidden/x",
        "a/.x",
        "Z.x",
        "a.b/x.x",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    visible = [tmp_path / name for name in names if not any(part.startswith(".") for part in Path(name).parts)]
    assert visible_files(tmp_path) == sorted(visible)


@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=4), max_size=30), st.integers(1, 8))
def test_groups_on_disk_are_those_in_memory(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]], bucket: int
) -> None:
    groups, on_disk = Groups(), DiskGroups(tmp_path_factory.getbasetemp())
    for fingerprints in pieces:
        groups.add(fingerprints)
        on_disk.extend(np.array(fingerprints, np.uint64), np.zeros(len(fingerprints), np.uint32), 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_groups, "BUCKET", bucket)
        assert on_disk.representatives().tolist() == groups.representatives().tolist()


@given(st.integers(1, 400), st.integers(1, 60), st.sampled_from([(0.9, 0.05, 0.05), (0.5, 0.5, 0.0), (1.0, 0.0, 0.0)]))
def test_split_by_blocks_is_the_split_at_once(pieces: int, groups: int, shares: tuple[float, ...]) -> None:
    fingerprints = np.random.default_rng(pieces).integers(0, 2**64, groups, np.uint64)
    representatives = fingerprints[np.random.default_rng(groups).integers(0, groups, pieces)]
    at_once = split_by_content(representatives, shares)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "BLOCK", 7)
        by_blocks = split_by_content(representatives, shares)
    assert by_blocks.splits.tolist() == at_once.splits.tolist() and by_blocks.remark == at_once.remark


@pytest.mark.parametrize("shares", [(), (0.8, 0.1, 0.1)])
@pytest.mark.parametrize("features", [False, True])
def test_key_of_files_is_the_digest_of_one_text(tmp_path: Path, shares: tuple[float, ...], features: bool) -> None:
    for name in ("a.num", "b.num", "f.npy"):
        (tmp_path / name).write_text(name)
    described = tmp_path / "f.npy" if features else None
    files = [
        SourceFile(tmp_path / "a.num", {"x": "é\udce9"}, "train", features=described),
        SourceFile(tmp_path / "b.num", {}, "", (0.9, 0.1, 0.0), name="sub/b.num", features=described, position=1),
    ]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    content = {
        "files": [
            ["a.num", digests["a.num"], {"x": "é\udce9"}, "train", []],
            ["sub/b.num", digests["b.num"], {}, "", [0.9, 0.1, 0.0]],
        ],
        **({"features": [[digests["f.npy"], 0], [digests["f.npy"], 1]]} if features else {}),
        **({"shares": list(shares)} if shares else {}),
    }
    expected = hashlib.sha256(canonical_json(content).encode()).hexdigest()[:16]
    assert sources_key(files, shares) == expected


def test_last_row_of_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,key,mood\na,C,\nb,D,sad\na,E,glad\n")
    with open_file_table(tmp_path / "labels.csv") as table:
        assert table.get("a") == {"key": "E", "mood": "glad"} and table.get("b") == {"key": "D", "mood": "sad"}
        assert table.get("c") is None


def test_sources_of_many_files_are_no_list_in_memory(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.num").touch()
    alive = Counter[str]()

    class CountedFile(SourceFile):
        def __init__(self, *values: Any, **names: Any) -> None:
            super().__init__(*values, **names)
            alive["now"] += 1
            alive["most"] = max(alive["most"], alive["now"])

        def __del__(self) -> None:
            alive["now"] -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "SourceFile", CountedFile)
        listed = find_sources([str(tmp_path)], reads=(".num",), domain="numbers").files
    assert len(listed) == 30 and alive["now"] == 0 and alive["most"] <= 3


@pytest.mark.usefixtures("small_chunks")
def test_corpus_is_the_same_with_small_blocks(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    rows = [path.read_text() for path in sorted(corpus.iterdir())]
    for number in range(12):
        (corpus / f"copy-{number:02d}.num").write_text(random.Random(number).choice(rows))
    (corpus / "link.num").symlink_to(corpus / "00.num")
    clean = files_of(prepare_corpus(numbers, corpus, cache=tmp_path / "clean"))
    for module, name in ((disk_list, "RUN_LENGTH"), (disk_groups, "BUCKET"), (split, "BLOCK")):
        monkeypatch.setattr(module, name, 5)
    assert files_of(prepare_corpus(numbers, corpus, cache=tmp_path / "again")) == clean
