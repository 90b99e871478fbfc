"""Which installed plugin reads a file, judged by its suffix. Plugins are imported in child processes only."""

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from seqforge.errors import SeqforgeError, UsageError, listing
from seqforge.plugin import AnyPlugin, registry

__all__ = ["plugin_of_file"]


def plugin_of_file(path: Path, *, writes: Sequence[str] = ()) -> AnyPlugin:
    """Return the only installed plugin that reads a file, judged by the suffix.

    A plugin that reads any file counts for the suffixes that it writes. If several plugins read the suffix, those that
    write the suffixes `writes` are preferred.

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
    if len(readers) > 1 and writers:
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
