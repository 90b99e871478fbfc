"""Files that a user names, with a reader that crashes or hangs on some of them."""

from pathlib import Path

import pytest
from corpus_kit import write_corpus

from seqforge.corpus import SourceFile, probe, read_files
from seqforge.errors import ReadError
from seqforge.plugin import Plugin


def write_files(folder: Path) -> list[SourceFile]:
    """Write four files: the reader crashes on the first, hangs on the third, and can read the others."""
    write_corpus(folder, files=2, rows=3)
    (folder / "crash.num").write_text("1 2\nCRASH\n")
    (folder / "hang.num").write_text("HANG\n")
    return [SourceFile(folder / name, {"x": name}) for name in ("crash.num", "00.num", "hang.num", "01.num")]


@pytest.mark.usefixtures("short_limit")
def test_files_that_crash_or_hang_are_errors(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    files = write_files(tmp_path)
    items = {file.path.name: list(items) for file, items in read_files(numbers, numbers.Options(), files)}
    assert list(items) == ["crash.num", "00.num", "hang.num", "01.num"]
    (crash,), (hang,) = items["crash.num"], items["hang.num"]
    assert isinstance(crash, ReadError) and crash.reason == "the reader crashed (exit code 9)"
    assert isinstance(hang, ReadError) and hang.reason.startswith("the reader was stopped")
    assert (crash.file, hang.file) == tuple(str(tmp_path / name) for name in ("crash.num", "hang.num"))
    for name in ("00.num", "01.num"):
        assert [item.labels["x"] for item in items[name] if not isinstance(item, ReadError)] == [name] * 3


def test_pure_python_is_read_in_this_process(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.corpus.pool._WorkerProcess", None)
    (file,) = [file for file in write_files(tmp_path) if file.path.name == "00.num"]
    ((_, items),) = read_files(numbers, numbers.Options(), [file])
    assert len(list(items)) == 3
    assert probe(numbers, numbers.Options(), tmp_path / "crash.num") is None


def test_probe_of_a_file(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(numbers), "native", True)
    write_files(tmp_path)
    error = probe(numbers, numbers.Options(), tmp_path / "crash.num")
    assert error is not None and str(error) == f"{tmp_path / 'crash.num'}: the reader crashed (exit code 9)"
    assert probe(numbers, numbers.Options(), tmp_path / "00.num") is None
