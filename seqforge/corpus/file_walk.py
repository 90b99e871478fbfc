"""The files of a folder in a fixed order, one after the other, however many there are."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from seqforge.core.disk_list import disk_sorted
from seqforge.errors import CorpusError

__all__ = ["visible_files", "walk_files"]

MAX_FILES = 10_000_000
"""The largest number of files in a folder that is a corpus."""

_Entry = tuple[str, str, bool]
"""Name by which an entry is sorted, its name, and whether it is a folder."""


def visible_files(folder: Path) -> list[Path]:
    """Return the paths that `walk_files` yields.

    Example:
        paths = visible_files(Path("tunes"))

    Raises:
        CorpusError: If the folder is the root of a file system, or has more than `MAX_FILES` files.
    """
    return list(walk_files(folder))


def walk_files(folder: Path) -> Iterator[Path]:
    """Yield the paths of the files, pipes and devices in a folder and its subfolders, without hidden ones.

    The order is that of sorted paths. Memory does not grow with the number of files. Links to folders are not followed,
    and folders that cannot be read are left out.

    Example:
        for path in walk_files(Path("tunes")):
            print(path)

    Raises:
        CorpusError: If the folder is the root of a file system, or has more than `MAX_FILES` files.
    """
    if folder.resolve().parent == folder.resolve():
        raise CorpusError(f"the folder {folder} is the root of a file system; name a folder in it")
    return _walk(folder)


def _walk(folder: Path) -> Iterator[Path]:
    count = 0
    stack = [(folder, _sorted_entries(folder))]
    while stack:
        parent, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            continue
        path = parent / entry[1]
        if entry[2]:
            stack.append((path, _sorted_entries(path)))
            continue
        count += 1
        if count > MAX_FILES:
            raise CorpusError(f"the folder {folder} has more than {MAX_FILES:,} files; name one of its subfolders")
        yield path


def _sorted_entries(folder: Path) -> Iterator[_Entry]:
    return disk_sorted(_entries(folder), encode=list, decode=tuple)


def _entries(folder: Path) -> Iterator[_Entry]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            is_folder = False
            with contextlib.suppress(OSError):
                is_folder = entry.is_dir()
                if is_folder and entry.is_symlink():
                    continue
            yield os.path.normcase(entry.name), entry.name, is_folder
