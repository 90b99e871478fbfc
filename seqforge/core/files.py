"""Safe files: output that is written completely or not at all, and input from files, pipes and standard input."""

import atexit
import contextlib
import errno
import functools
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqforge.core.advisory_locks import lock_file
from seqforge.errors import RequestError, WriteError

__all__ = [
    "STDIN",
    "input_file",
    "make_folder",
    "path_kind",
    "prompt_text",
    "remove_temporary_files",
    "remove_temporary_files_of",
    "replacing",
    "write_text",
]

STDIN = Path("-")
"""The path that means standard input, wherever a file is read."""
MAX_INPUT_BYTES = 1 << 30
MAX_PROMPT_BYTES = 1 << 26


def path_kind(path: Path) -> Literal["file", "folder", "other", "missing"]:
    """Return the kind of file at a path; a name that the file system does not allow is missing.

    `Path.is_file` raises OSError for a name that is too long. Use this function for names that a user typed, or that
    were read from a file.

    >>> path_kind(Path("x" * 10_000)), path_kind(Path("."))
    ('missing', 'folder')

    Args:
        path: The path. Symbolic links are followed.

    Returns:
        "file" for a regular file, "folder", "other" for a pipe, a socket or a device, or "missing".
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "missing"
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


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

    The temporary name keeps the suffix, since writers choose the format by it. A previous file passes its permissions
    on to the new one. If `path` is a symbolic link, the file that it points to is replaced and the link is kept.

    Example:
        with replacing(Path("tune.abc")) as temporary:
            temporary.write_text("X:1")

    Raises:
        WriteError: If the file cannot be written, or `path` is a pipe or a device. A previous file is unchanged.
    """
    temporary: Path | None = None
    locked = contextlib.ExitStack()
    try:
        try:
            target = _link_target(path)
            previous = _previous_file(target, path)
            mode = 0o666 & ~_umask() if previous is None else stat.S_IMODE(previous.st_mode) & 0o777
            handle, name = tempfile.mkstemp(prefix=f".{_temporary_stem(path)}-", suffix=path.suffix, dir=target.parent)
            temporary = Path(name)
            if os.name == "posix":
                locked.callback(os.close, handle)
                with contextlib.suppress(OSError):  # the file system has no locks
                    lock_file(handle)
            else:  # Windows does not let others open a locked file
                os.close(handle)
            temporary.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            _keep_owner(temporary, previous)
            temporary.chmod(mode)
            temporary.replace(target)
            temporary = None
            _sync_folder(target.parent)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not path.parent.exists():
                raise WriteError(f"cannot write {path}: there is no folder {path.parent}; create it first") from error
            raise explain(error, path) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        locked.close()


def remove_temporary_files(folder: Path, stems: str) -> None:
    """Remove the temporary files that `replacing` leaves in a folder if its process is killed.

    A process that is writing holds a lock on its temporary file, which therefore stays. On Windows and on file systems
    without locks, nothing is removed.

    Args:
        folder: The folder.
        stems: Regular expression of the stems of the files that were being written, such as "model|state".
    """
    pattern = re.compile(rf"\.({stems})-[a-z0-9_]{{8}}(\.\w+)?")
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if pattern.fullmatch(path.name) and _is_abandoned(path):
                path.unlink()


def remove_temporary_files_of(path: Path) -> None:
    """Remove the temporary files that processes left when they were killed while they wrote one file.

    Args:
        path: The file that `replacing` writes.
    """
    remove_temporary_files(path.parent, re.escape(_temporary_stem(path)))


def _temporary_stem(path: Path) -> str:
    """Return the part of a temporary name that comes from the name of the file."""
    return path.stem[:40]


def _is_abandoned(path: Path) -> bool:
    """Return whether the process that created a temporary file has ended; False if that is unknown."""
    if os.name != "posix":
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        lock_file(handle)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 text, completely or not at all.

    A lone surrogate, which stands for a byte of a file name that is not UTF-8, is written as an escape such as
    `\udce9`. JSON reads it back as the same character.

    Example:
        write_text(Path("notes.txt"), "one line")

    Raises:
        WriteError: If the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


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


def _link_target(path: Path) -> Path:
    """Return the path that a symbolic link points to, or the path itself if it is no link.

    Raises:
        WriteError: If links form a loop.
    """
    try:
        return path.resolve() if path.is_symlink() else path
    except RuntimeError as error:  # Python 3.11 and 3.12; later versions raise OSError or return the path
        raise WriteError(f"cannot write {path}: it is a symbolic link in a loop; remove it") from error


def _previous_file(target: Path, path: Path) -> os.stat_result | None:
    """Return the status of the file that is replaced, None if there is none.

    Raises:
        WriteError: If it is a pipe, a socket or a device.
    """
    try:
        status = target.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise WriteError(f"cannot write {path}: it is a pipe or a device; name a file, or - for standard output")
    return status


def _keep_owner(path: Path, previous: os.stat_result | None) -> None:
    """Give a file the owner and group of the file that it replaces, as far as the system permits."""
    if previous is None or not hasattr(os, "chown"):
        return
    status = path.stat()
    if (status.st_uid, status.st_gid) != (previous.st_uid, previous.st_gid):
        with contextlib.suppress(OSError):
            os.chown(path, previous.st_uid, previous.st_gid)


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


def prompt_text(prompt: str, prompt_file: Path | None, *, field: str = "prompt") -> str:
    """Return the text of a request's fields `prompt` and `prompt_file`, of which at most one may be set.

    >>> prompt_text("ROMEO:", None)
    'ROMEO:'

    Args:
        prompt: The text; "" if it is not set.
        prompt_file: The path of a regular UTF-8 file, as `input_file` returns it; None if it is not set.
        field: The name of the first field, for messages; that of the second one ends in `_file`.

    Raises:
        RequestError: If both fields are set, or the file is not a regular file, is larger than 64 MiB, or cannot be
            read as UTF-8.
    """
    if prompt_file is None:
        return prompt
    if prompt:
        raise RequestError(
            f"`{field}` and `{field}_file` are both set; set only one of them", field=f"{field}_file", value=prompt_file
        )
    try:
        if prompt_file.stat().st_size > MAX_PROMPT_BYTES:
            raise RequestError.invalid(f"{field}_file", prompt_file, f"at most {MAX_PROMPT_BYTES >> 20} MiB long")
        return prompt_file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text; convert it first, for example with iconv"
    raise RequestError(f"the file {prompt_file} of `{field}_file` {reason}", field=f"{field}_file", value=prompt_file)


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
