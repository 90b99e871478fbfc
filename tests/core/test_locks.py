import errno
from pathlib import Path

import pytest

from seqforge.core import locks
from seqforge.core.locks import is_locked, lock_folder
from seqforge.errors import RunError, WriteError


def test_second_lock_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        with pytest.raises(RunError, match="is in use by another training"), lock_folder(tmp_path):
            pass
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert list(tmp_path.iterdir()) == []
    with lock_folder(tmp_path):
        pass


def test_lock_file_that_is_left_is_not_a_lock(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("")
    with lock_folder(tmp_path):
        pass


def test_lock_of_a_removed_file_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def lock(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 1:  # the previous owner removes its file after this process has opened it
            (tmp_path / ".lock").unlink()

    monkeypatch.setattr(locks, "lock_file", lock)
    with lock_folder(tmp_path):
        assert len(calls) == 2 and (tmp_path / ".lock").exists()


def test_file_system_without_locks_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lock(handle: int) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(locks, "lock_file", lock)
    with lock_folder(tmp_path):
        pass


def test_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError), lock_folder(tmp_path / "gone"):
        pass


def test_lock_is_visible_while_it_is_held(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with lock_folder(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    (tmp_path / ".lock").touch()
    assert not is_locked(tmp_path), "a file that a killed process left is no lock"
