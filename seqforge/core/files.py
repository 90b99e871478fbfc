"""Writing so that a file is either whole or not there: beside its place, fsynced, renamed."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seqforge.errors import WriteError

__all__ = ["make_folder", "replacing", "write_text"]


def explain(error: OSError, path: Path) -> WriteError:
    """Return the sentence for a failure to write `path`."""
    reasons = {
        errno.ENOSPC: "the disk is full; free some space, or choose another disk",
        errno.EDQUOT: "your disk quota is used up; free some space, or choose another disk",
        errno.EACCES: "there is no permission to write there; choose another place, or change its permissions",
        errno.EPERM: "there is no permission to write there; choose another place, or change its permissions",
        errno.EROFS: "that file system is read-only; choose another place",
        errno.ENOTDIR: "a part of its path is a file, not a folder; choose another place",
        errno.EEXIST: "a file of that name is in the way; choose another name",
        errno.EISDIR: "a folder of that name is in the way; choose another name",
        errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter one",
        errno.EFBIG: "it would be larger than a file may be here; choose another disk or a higher limit",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return WriteError(f"cannot write {path}: {reason}. Nothing that was there has changed.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, fsync it and rename it into place.

    The temporary name keeps the suffix, since writers choose the format by it.

    Raises:
        WriteError: the file cannot be written. What stood at `path` is untouched.
    """
    temporary: Path | None = None
    try:
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
            os.close(handle)
            temporary = Path(name)
            temporary.chmod(0o666 & ~_umask())
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
            temporary = None
            _sync_folder(path.parent)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not path.parent.exists():
                raise WriteError(f"cannot write {path}: there is no folder {path.parent}; create it first") from error
            raise explain(error, path) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def make_folder(path: Path) -> Path:
    """Create a folder and the folders above it, if need be.

    Raises:
        WriteError: it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, path) from error
    return path


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some file systems cannot; the rename itself is done
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
