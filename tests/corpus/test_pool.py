"""Preparation in several processes."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from corpus_kit import files_of, prepare_corpus, write_corpus
from fakekit import number_rows, prose

from seqforge.corpus import SourceFile, pool
from seqforge.corpus.worker import ChunkWorker
from seqforge.errors import CorpusError
from seqforge.plugin import Plugin, registry

CRASH = "the reader crashed (exit code 9)"
HANG = "the reader was stopped, because it yielded no piece for 3 s"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("workers", [1, 2])
def test_files_that_kill_their_worker_are_skipped(
    numbers: Plugin, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    folder = write_corpus(tmp_path / "corpus")
    expected = prepare_corpus(numbers, folder, cache=tmp_path / "expected")
    for number in (10, 11, 20):
        (folder / f"{number}.num").write_text("1 2\nCRASH\n")
    prepared = prepare_corpus(numbers, folder, workers=workers)
    assert prepared.report["reasons"] == [f"{folder / f'{number}.num'}: {CRASH}" for number in (10, 11, 20)]
    assert (prepared.report["skipped"], prepared.report["files"]) == (3, 9)
    assert prepared.report["pieces"] == expected.report["pieces"]
    assert prepared.codec.vocabulary == expected.codec.vocabulary


def test_small_corpus_of_native_reader_is_read_in_a_process(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    folder = write_corpus(tmp_path / "corpus", files=2)
    (folder / "bad.num").write_text("CRASH\n")
    prepared = prepare_corpus(numbers, folder)
    assert prepared.report["reasons"] == [f"{folder / 'bad.num'}: {CRASH}"]
    assert sum(prepared.report["pieces"].values()) == 80
    assert prepare_corpus(numbers, folder).report == prepared.report  # from the cache


def test_corpus_without_readable_file_is_an_error(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    (tmp_path / "bad.num").write_text("CRASH\n")
    with pytest.raises(CorpusError, match=r"bad\.num: the reader crashed \(exit code 9\)"):
        prepare_corpus(numbers, tmp_path / "bad.num")


def test_file_that_crashes_only_while_it_is_encoded_is_skipped(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    folder = write_corpus(tmp_path / "corpus", files=2)
    (folder / "bad.num").write_text("1 2\n3 4\n")
    original = pool._WorkerProcess.run

    def run(self: Any, task: Mapping[str, Any]) -> dict[str, Any]:
        number = task["first"] + len(task["files"]) - 1
        if task["run"] == "encode" and str(number) not in task["crashed"]:
            raise pool.ReaderCrashError(number, CRASH, "bad.num")
        return original(self, task)

    monkeypatch.setattr(pool._WorkerProcess, "run", run)
    prepared = prepare_corpus(numbers, folder)
    assert prepared.report["reasons"] == [f"{folder / 'bad.num'}: {CRASH}"]
    assert sum(prepared.report["pieces"].values()) == 80


def test_worker_that_is_ended_from_outside_is_an_error(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    folder = write_corpus(tmp_path / "corpus", files=2)
    original = pool._WorkerProcess.run

    def run(self: Any, task: Mapping[str, Any]) -> dict[str, Any]:
        self._process.terminate()
        self._process.wait()
        return original(self, task)

    monkeypatch.setattr(pool._WorkerProcess, "run", run)
    with pytest.raises(CorpusError, match=r"was ended \(exit code -15\)"):
        prepare_corpus(numbers, folder)


@pytest.mark.usefixtures("short_limit")
def test_file_on_which_the_reader_hangs_is_skipped(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    folder = write_corpus(tmp_path / "corpus", files=2)
    (folder / "bad.num").write_text("1 2\nHANG\n")
    prepared = prepare_corpus(numbers, folder)
    assert prepared.report["reasons"] == [f"{folder / 'bad.num'}: {HANG}"]
    assert sum(prepared.report["pieces"].values()) == 80


class Ticks:
    """An event in the place of the one of a time limit; each wait is one tick, and the event is set after 100.

    Args:
        restart: Called at every eighth tick.
        restarts: The number of calls.
    """

    def __init__(self, restart: Callable[[], None], restarts: int) -> None:
        self.restart, self.restarts, self.count = restart, restarts, 0

    def wait(self, seconds: float) -> bool:
        self.count += 1
        if self.count % 8 == 0 and self.count <= 8 * self.restarts:
            self.restart()
        return self.count > 100


@pytest.mark.parametrize(("restarts", "killed_at"), [(0, 12), (5, 51), (100, None)])
def test_reader_is_stopped_only_if_it_yields_no_piece_for_the_time_limit(restarts: int, killed_at: int | None) -> None:
    killed: list[int] = []
    process = Mock(spec=subprocess.Popen)
    process.kill.side_effect = lambda: killed.append(ticks.count)
    limit = pool._TimeLimit(process)
    limit.restart(12 * pool.TICK_SECONDS)
    ticks = Ticks(lambda: limit.restart(12 * pool.TICK_SECONDS), restarts)
    limit._finished = ticks  # type: ignore[assignment]
    limit._watch()
    assert killed == ([] if killed_at is None else [killed_at])
    assert limit.is_exceeded == (killed_at is not None)


def test_worker_reports_a_file_again_while_its_reader_yields_pieces(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqforge.corpus.worker.HEARTBEAT_SECONDS", -1.0)
    (tmp_path / "a.num").write_text(number_rows(30))
    worker = ChunkWorker(numbers, numbers.Options(), tmp_path)
    reports: list[int] = []
    worker.on_file = reports.append
    assert worker.run(
        {"run": "probe", "chunk": 0, "first": 0, "files": [SourceFile(tmp_path / "a.num").to_json()]}
    ) == {"pieces": 30}
    assert reports == [0] * 31


def test_time_limit_grows_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "small.num").write_text("1 2\n")
    (tmp_path / "large.num").write_bytes(b"1" * (3 << 20))
    assert pool._seconds_to_read(str(tmp_path / "small.num")) == pool.READ_SECONDS
    assert pool._seconds_to_read(str(tmp_path / "large.num")) == pool.READ_SECONDS + 3 * pool.READ_SECONDS_PER_MIB


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
