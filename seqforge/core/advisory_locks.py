"""Advisory locks on open files; the system releases them when the process ends in any way."""

import errno
import sys

__all__ = ["BUSY", "lock_file"]

BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
"""The error numbers with which `lock_file` fails if another process holds the lock."""


def lock_file(handle: int) -> None:
    """Lock an open file without waiting.

    Args:
        handle: The file descriptor. Closing it releases the lock.

    Raises:
        OSError: If the file is locked (the number is one of `BUSY`), or the file system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
