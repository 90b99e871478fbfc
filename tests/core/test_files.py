import contextlib
import errno
import io
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqforge.core import files
from seqforge.core.files import STDIN, input_file, make_folder, path_kind, remove_temporary_files, replacing, write_text
from seqforge.errors import RequestError, WriteError


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "tune.abc"
    path.write_text("old")
    return path


def test_finished_block_replaces_the_file(old: Path) -> None:
    with replacing(old) as temporary:
        temporary.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"
    assert file_names(old.parent) == ["tune.abc"]


def test_temporary_file_is_beside_the_target_with_its_suffix(old: Path) -> None:
    with replacing(old) as temporary:
        assert temporary.parent == old.parent
        assert temporary.suffix == ".abc"
        assert temporary.name.startswith(".")


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, ValueError, GeneratorExit])
def test_interrupted_block_keeps_the_old_file(old: Path, interruption: type[BaseException]) -> None:
    with pytest.raises(interruption), replacing(old) as temporary:
        temporary.write_text("half of the n")
        raise interruption
    assert old.read_text() == "old"
    assert file_names(old.parent) == ["tune.abc"]


def test_interrupted_block_creates_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "new.txt"):
        raise KeyboardInterrupt
    assert file_names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "read-only"),
        (errno.EFBIG, "size limit"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_write_failure_names_file_and_reason(old: Path, number: int, words: str) -> None:
    with pytest.raises(WriteError) as caught, replacing(old) as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))
    assert str(old) in str(caught.value)
    assert words in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert old.read_text() == "old"
    assert file_names(old.parent) == ["tune.abc"]


def test_full_disk_at_fsync_keeps_the_old_file(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="disk is full"):
        write_text(old, "new")
    assert old.read_text() == "old"
    assert file_names(old.parent) == ["tune.abc"]


def test_file_is_synced_before_it_is_renamed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), sync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda self, target: (calls.append("rename"), rename(self, target))[1])
    write_text(old, "new")
    assert calls[:2] == ["fsync", "rename"]


def test_folder_that_cannot_be_synced_is_no_error(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def files_only(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")  # some network file systems
        sync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write_text(old, "new")
    assert old.read_text() == "new"


def test_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "not there" / "a.txt"
    with pytest.raises(WriteError, match=r"there is no folder .*not there"):
        write_text(path, "new")
    assert not path.parent.exists()


def test_missing_file_inside_the_block_is_not_reported_as_missing_folder(old: Path) -> None:
    with pytest.raises((WriteError, FileNotFoundError)) as caught, replacing(old):
        (old.parent / "font.sf2").read_bytes()
    assert "there is no folder" not in str(caught.value)
    assert old.read_text() == "old"


def test_file_in_place_of_a_folder(old: Path) -> None:
    with pytest.raises(WriteError, match="is a file, not a folder"):
        write_text(old / "a.txt", "new")
    with pytest.raises(WriteError, match=r"is a file, not a folder|exists"):
        make_folder(old / "folder")
    with pytest.raises(WriteError, match="a file of that name exists"):
        make_folder(old)


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(WriteError, match="a folder of that name exists"):
        write_text(tmp_path / "a.txt", "new")
    assert file_names(tmp_path) == ["a.txt"]


def test_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="name is too long"):
        write_text(tmp_path / ("a" * 300 + ".txt"), "new")
    assert file_names(tmp_path) == []


def test_text_is_written_unchanged(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\r\n\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\r\n\n"


def test_new_file_has_default_permissions(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "new")
    (tmp_path / "b.txt").touch()
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_make_folder_creates_parents(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert make_folder(tmp_path / "a" / "b").is_dir()


# -- input files


@pytest.fixture
def fresh_inputs() -> Iterator[None]:
    """Forget the copies of inputs that earlier tests have read."""
    files._copy_input.cache_clear()
    yield
    files._copy_input.cache_clear()


@contextlib.contextmanager
def pipe_with(path: Path, content: bytes) -> Iterator[Path]:
    """Create a named pipe to which a thread writes the content once."""
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    yield path
    writer.join(timeout=10)
    assert not writer.is_alive()


def set_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


@pytest.mark.parametrize("name", ["a.txt", "folder", "missing.txt"])
def test_input_file_returns_files_folders_and_missing_paths_unchanged(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "folder").mkdir()
    assert input_file(tmp_path / name, suffix=".abc") == tmp_path / name


@pytest.mark.usefixtures("fresh_inputs")
def test_input_file_copies_stdin_once(monkeypatch: pytest.MonkeyPatch) -> None:
    set_stdin(monkeypatch, b"\x00first\xff")
    copy = input_file(STDIN, field="prompt_file", suffix=".mid")
    assert copy.is_file() and copy.suffix == ".mid" and copy.read_bytes() == b"\x00first\xff"
    assert input_file(STDIN, field="other", suffix=".mid") == copy
    assert copy.read_bytes() == b"\x00first\xff"


@pytest.mark.usefixtures("fresh_inputs")
def test_input_file_copies_a_pipe(tmp_path: Path) -> None:
    content = b"line\n" * 500_000  # more than one block
    with pipe_with(tmp_path / "pipe", content) as pipe:
        copy = input_file(pipe, suffix=".txt")
    assert copy != pipe and copy.suffix == ".txt" and copy.read_bytes() == content


@pytest.mark.usefixtures("fresh_inputs")
def test_suffix_of_a_pipe_takes_precedence(tmp_path: Path) -> None:
    with pipe_with(tmp_path / "pipe.svg", b"<svg/>") as pipe:
        assert input_file(pipe, suffix=".txt").suffix == ".svg"


@pytest.mark.usefixtures("fresh_inputs")
def test_pipes_of_one_name_have_separate_copies(tmp_path: Path) -> None:
    with pipe_with(tmp_path / "a" / "pipe", b"first") as pipe:
        first = input_file(pipe)
    with pipe_with(tmp_path / "b" / "pipe", b"second") as pipe:
        second = input_file(pipe)
    assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")


@pytest.mark.usefixtures("fresh_inputs")
def test_input_above_the_size_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_INPUT_BYTES", 3 << 20)
    set_stdin(monkeypatch, bytes(3 << 20))
    assert input_file(STDIN, field="prompt_file").stat().st_size == 3 << 20
    files._copy_input.cache_clear()
    set_stdin(monkeypatch, bytes(9 << 20))
    for _ in range(2):
        with pytest.raises(RequestError) as caught:
            input_file(STDIN, field="prompt_file")
        assert (caught.value.field, caught.value.value) == ("prompt_file", "-")
        assert caught.value.allowed.startswith("at most")


def test_copies_are_removed_when_the_process_ends(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from seqforge import input_file\n"
        "copy = input_file(Path('-'), suffix='.txt'); print(copy, copy.read_text())"
    )
    child = subprocess.run([sys.executable, "-c", script], input="hello", capture_output=True, text=True, check=True)
    path, text = child.stdout.split()
    assert text == "hello" and not Path(path).exists() and not Path(path).parents[1].exists()


@pytest.mark.skipif(os.name != "posix", reason="without locks on files, nothing is removed")
def test_only_files_of_ended_processes_are_removed(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from seqforge.core.files import replacing
with replacing(Path(sys.argv[1])):
    os.kill(os.getpid(), 9)
"""
    for name in ("0001.abc", "mine.abc"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=False)
    (tmp_path / ".0002-notes.txt").write_text("a file of the user")
    with replacing(tmp_path / "0003.abc") as temporary:
        assert len(file_names(tmp_path)) == 4
        remove_temporary_files(tmp_path, r"\d+")
        (abandoned,) = tmp_path.glob(".mine-*")
        assert file_names(tmp_path) == sorted([".0002-notes.txt", abandoned.name, temporary.name])
        temporary.write_text("new")
    assert (tmp_path / "0003.abc").read_text() == "new"


def test_kinds_of_paths(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "broken").symlink_to(tmp_path / "none")
    kinds = {str(path): path_kind(path) for path in (tmp_path, tmp_path / "a", tmp_path / "broken", Path("x" * 9999))}
    assert list(kinds.values()) == ["folder", "file", "missing", "missing"]
    assert path_kind(Path(os.devnull)) == "other"
