"""Safe files: output that is written completely or not at all, and input from files, pipes and standard input."""

import atexit
import contextlib
import errno
import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seqforge.errors import RequestError, WriteError

__all__ = ["STDIN", "input_file", "make_folder", "replacing", "write_text"]

STDIN = Path("-")
"""The path that means standard input, wherever a file is read."""
MAX_INPUT_BYTES = 1 << 30


def explain(error: OSError, path: Path) -> WriteError:
    """Return the error for a failed write, with its reason in a sentence."""
    reasons = {
        errno.ENOSPC: "the disk is full; free some space, or choose another disk",
        errno.EDQUOT: "your disk quota is used up; free some space, or choose another disk",
        errno.EACCES: "there is no permission to write there; choose another place, or change its permissions",
        errno.EPERM: "there is no permission to write there; choose another place, or change its permissions",
        errno.EROFS: "that file system is read-only; choose another place",
        errno.ENOTDIR: "a part of its path is a file, not a folder; choose another place",
        errno.EEXIST: "a file of that name exists; choose another name",
        errno.EISDIR: "a folder of that name exists; choose another name",
        errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter one",
        errno.EFBIG: "the file would exceed the size limit; choose another disk or raise the limit",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return WriteError(f"cannot write {path}: {reason}. The previous file is unchanged.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; if the block succeeds, sync the file and rename it to `path`.

    The temporary name keeps the suffix, since writers choose the format by it.

    Example:
        with replacing(Path("tune.abc")) as temporary:
            temporary.write_text("X:1")

    Raises:
        WriteError: If the file cannot be written. A previous file at `path` is unchanged.
    """
    temporary: Path | None = None
    try:
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
            os.close(handle)
            temporary = Path(name)
            temporary.chmod(0o666 & ~_umask())
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
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
    """Write UTF-8 text, completely or not at all.

    Example:
        write_text(Path("notes.txt"), "one line")

    Raises:
        WriteError: If the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def make_folder(path: Path) -> Path:
    """Create a folder and its parents if they are missing, and return its path.

    Raises:
        WriteError: If it cannot be created.
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
    """Make a rename durable, if the system supports it."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some file systems cannot sync a folder; the rename is done
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def input_file(path: Path, *, field: str = "", suffix: str = "") -> Path:
    """Return a regular file with the content of a path.

    A regular file is returned unchanged, and so is a path that does not exist. Standard input ("-"), a pipe or a
    device can be read only once, so it is copied to a temporary file, which is removed when the process ends.

    Example:
        text = input_file(Path("-")).read_text(encoding="utf-8")

    Args:
        path: The path; "-" is standard input.
        field: The name of the option that gave the path, for messages.
        suffix: The suffix of the temporary file, since readers choose the format by it.

    Raises:
        RequestError: If the input is larger than 1 GiB.
    """
    if path != STDIN and (path.is_file() or path.is_dir() or not path.exists()):
        return path
    copy = _copy_input(path, suffix if path == STDIN else path.suffix or suffix)
    if copy.stat().st_size > MAX_INPUT_BYTES:
        raise RequestError.invalid(field or "input", str(path), f"at most {MAX_INPUT_BYTES >> 30} GiB long")
    return copy


@functools.cache
def _copy_input(path: Path, suffix: str) -> Path:
    """Copy standard input, a pipe or a device to a file of its own; stop after MAX_INPUT_BYTES."""
    copy = Path(tempfile.mkdtemp(dir=_temporary_folder())) / f"{'stdin' if path == STDIN else path.stem}{suffix}"
    source = sys.stdin.buffer if path == STDIN else path.open("rb")
    try:
        with copy.open("wb") as target:
            while (block := source.read(1 << 20)) and target.tell() <= MAX_INPUT_BYTES:
                target.write(block)
    finally:
        if path != STDIN:
            source.close()
    return copy


@functools.cache
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="seqforge-input-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
