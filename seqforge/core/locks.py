"""A lock per folder: two processes never write the files of one folder at the same time."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from seqforge.core.advisory_locks import BUSY, lock_file
from seqforge.core.files import explain
from seqforge.errors import RunError

__all__ = ["is_locked", "lock_folder"]

LOCK = ".lock"
ATTEMPTS, PAUSE_SECONDS = 3, 0.02
"""A lock that `is_locked` holds while it looks is free again at the next attempt."""


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder within a `with` block.

    The system releases the lock when the process ends in any way, so a lock is never stale. On file systems without
    locks the block runs without one.

    Example:
        with lock_folder(Path("runs/text/0001")):
            ...

    Raises:
        RunError: If another process, or another training of this process, holds the lock.
        WriteError: If the lock file cannot be created.
    """
    path = folder / LOCK
    handle = _open_locked(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if os.name == "posix":
                path.unlink()  # before the lock is released, so that the file of another process is not removed
        os.close(handle)
        if os.name != "posix":  # Windows does not remove open files
            with contextlib.suppress(OSError):
                path.unlink()


def is_locked(folder: Path) -> bool:
    """Return whether a process holds the lock of a folder; False on file systems without locks.

    >>> is_locked(Path("no-such-folder"))
    False
    """
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        lock_file(handle)
    except OSError as error:
        return error.errno in BUSY
    finally:
        os.close(handle)
    return False


def _open_locked(path: Path) -> int:
    """Open the lock file and lock it; the file may be removed by its previous owner in between."""
    attempts = ATTEMPTS
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise explain(error, path) from error
        try:
            lock_file(handle)
        except OSError as error:
            if error.errno in BUSY and attempts > 1:
                os.close(handle)
                time.sleep(PAUSE_SECONDS)
                attempts -= 1
                continue
            if error.errno in BUSY:
                os.close(handle)
                raise RunError(
                    f"{path.parent} is in use by another training; wait until it has ended, or choose another folder"
                ) from error
            return handle  # the file system has no locks
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)
