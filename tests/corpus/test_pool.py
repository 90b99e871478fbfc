"""Preparation in several processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from corpus_kit import files_of, prepare_corpus, write_corpus
from fakekit import prose

from seqforge.corpus import pool
from seqforge.errors import CorpusError
from seqforge.plugin import Plugin, registry


@pytest.mark.usefixtures("small_chunks")
def test_file_that_kills_its_worker_is_named(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    (folder / "03.num").write_text("1 2\nCRASH\n")
    with pytest.raises(CorpusError, match=r"03\.num.* died \(exit code 9\)"):
        prepare_corpus(numbers, folder, workers=2)


@pytest.mark.usefixtures("small_chunks")
def test_file_that_kills_its_worker_is_named_among_many(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    for number in range(10, 22):
        (folder / f"{number}.num").write_text(f"{number}\n")
    (folder / "20.num").write_text("CRASH\n")
    with pytest.raises(CorpusError, match=r"20\.num"):
        prepare_corpus(numbers, folder, workers=2)


@pytest.mark.usefixtures("small_chunks")
def test_preparation_succeeds_without_the_file_that_killed_a_worker(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    (folder / "03.num").write_text("CRASH\n")
    with pytest.raises(CorpusError):
        prepare_corpus(numbers, folder, workers=2)
    (folder / "03.num").unlink()
    assert sum(prepare_corpus(numbers, folder, workers=2).report["pieces"].values()) == 200


@pytest.mark.usefixtures("small_chunks")
def test_number_of_workers_does_not_change_files(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    files = [files_of(prepare_corpus(numbers, folder, workers=n, cache=tmp_path / str(n))) for n in (1, 3)]
    assert files[0] == files[1]
    assert len([name for name in files[0] if name.startswith("encoded-")]) >= 3


def test_large_corpus_gives_the_same_files_with_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    block = prose(100_000)
    for number in range(8):
        (folder / f"{number}.txt").write_text((prose(2000, seed=number + 1) + "\n" + block) * 8)
    text = registry.load("text")
    started: list[Any] = []
    original = pool._WorkerProcess.__init__

    def counting(self: Any, work: Mapping[str, Any]) -> None:
        started.append(self)
        original(self, work)

    monkeypatch.setattr(pool._WorkerProcess, "__init__", counting)
    single = prepare_corpus(text, folder, workers=1, cache=tmp_path / "one")
    assert not started
    parallel = prepare_corpus(text, folder, workers=3, cache=tmp_path / "three")
    assert started
    assert files_of(single) == files_of(parallel)
    assert len([name for name in files_of(single) if name.startswith("encoded-")]) == 2
