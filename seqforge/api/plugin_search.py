"""The search for the installed plugin that reads a file, by its suffix. Child processes import the plugins."""

import functools
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from seqforge.core.files import path_kind
from seqforge.corpus import visible_files
from seqforge.errors import SeqforgeError, UsageError, listing
from seqforge.plugin import AnyPlugin, registry

__all__ = ["plugin_of_file", "plugin_of_folder"]


def plugin_of_file(path: Path, *, writes: Sequence[str] = ()) -> AnyPlugin:
    """Return the only installed plugin that reads a file, judged by the suffix.

    A plugin that reads any file counts for the suffixes that it writes. If several plugins read the suffix, those that
    write the suffixes `writes` are preferred. If none of them does, a plugin is chosen that imports the suffix and
    writes these; of several, the one whose first format is written.

    Example:
        plugin_of_file(Path("tune.abc"))

    Args:
        path: The path of the file; it is not opened.
        writes: Suffixes that are to be written.

    Raises:
        UsageError: If no plugin or more than one reads the suffix.
    """
    suffix = path.suffix.lower()
    descriptions = _descriptions(tuple(entry.name for entry in registry.installed() if not entry.clash))
    readers = [entry for entry in descriptions if suffix in (entry["reads"] or entry["writes"])]
    writers = [entry for entry in readers if set(writes) <= set(entry["writes"])]
    importers = [entry for entry in descriptions if suffix in entry["imports"] and set(writes) <= set(entry["writes"])]
    if not writers and importers:
        at_home = [entry for entry in importers if set(writes) == set(entry["writes"][:1])]
        readers = at_home if len(importers) > 1 and at_home else importers
    elif len(readers) > 1 and writers:
        readers = writers
    names = [entry["name"] for entry in readers]
    if len(names) == 1:
        return registry.load(names[0])
    kind = f"{suffix} files" if suffix else "files without a suffix"
    if names:
        raise UsageError(
            f"{path} can be read by the plugins {listing(names)}; set `plugin`, as in --plugin {names[0]}",
            field="plugin", allowed=listing(names),
        )  # fmt: skip
    formats = sorted({known for entry in descriptions for known in entry["reads"] or entry["writes"]})
    names = [entry["name"] for entry in descriptions]
    raise UsageError(
        f"no installed plugin is known to read {kind} ({path}); files can be {listing(formats)}, or set `plugin` to one"
        f" of {listing(names)}",
        field="plugin", allowed=listing(names),
    )  # fmt: skip


def plugin_of_folder(folder: Path, *, writes: Sequence[str] = (), listed: Sequence[Path] | None = None) -> AnyPlugin:
    """Return the only installed plugin that reads the files of a folder, judged by the commonest suffix that one reads.

    Example:
        plugin_of_folder(Path("tunes/"), writes=[".mid"])

    Args:
        folder: The folder; hidden files and folders in it do not count.
        writes: Suffixes that are to be written, as for `plugin_of_file`.
        listed: The files of the folder, as `visible_files` returns them; None if it is not listed yet.

    Raises:
        UsageError: If no plugin reads a file of the folder, or more than one reads those with the commonest suffix.
        CorpusError: If the folder is the root of a file system, or has too many files.
    """
    names = tuple(entry.name for entry in registry.installed() if not entry.clash)
    known = {suffix for entry in _descriptions(names) for suffix in entry["reads"] or entry["writes"]}
    paths = visible_files(folder) if listed is None else listed
    readable = [path for path in paths if path.suffix.lower() in known and path_kind(path) == "file"]
    if not readable:
        raise UsageError(
            f"the folder {folder} contains no file that an installed plugin reads; they read {listing(sorted(known))}",
            field="file", value=str(folder), allowed=listing(sorted(known)),
        )  # fmt: skip
    commonest = Counter(path.suffix.lower() for path in readable).most_common(1)[0][0]
    return plugin_of_file(next(path for path in readable if path.suffix.lower() == commonest), writes=writes)


@functools.cache
def _descriptions(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the descriptions of plugins; a broken plugin is left out."""
    with ThreadPoolExecutor() as pool:
        return [description for description in pool.map(_description, names) if description]


def _description(name: str) -> dict[str, Any]:
    try:
        return registry.describe(name)
    except SeqforgeError:
        return {}
