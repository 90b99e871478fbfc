import errno
import os
import stat
from pathlib import Path

import pytest

from seqforge.core.files import make_folder, replacing, write_text
from seqforge.errors import WriteError


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
        (errno.EFBIG, "larger than a file may be"),
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
    with pytest.raises(WriteError, match=r"is a file, not a folder|in the way"):
        make_folder(old / "folder")
    with pytest.raises(WriteError, match="in the way"):
        make_folder(old)


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(WriteError, match="a folder of that name is in the way"):
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
