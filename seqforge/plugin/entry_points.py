"""The installed plugins, known from the metadata of their distributions. Nothing is imported."""

import dataclasses
import importlib.metadata
import os
import sys
from dataclasses import dataclass
from functools import cache

__all__ = ["GROUP", "Entry", "distribution_of", "installed"]

GROUP = "seqforge.plugins"
"""The entry-point group in which plugins are announced."""


@dataclass(frozen=True)
class Entry:
    """An announced plugin, not imported.

    >>> Entry("chess", "seqforge_chess:Chess", "seqforge-chess 1.0").package
    'seqforge_chess'

    Attributes:
        name: The entry point's name.
        target: What it points to, "package.module:Class".
        distribution: Name and version of the distribution that announces it.
        clash: Other distributions that announce the same name; such a plugin is not loaded.
    """

    name: str
    target: str
    distribution: str
    clash: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The top-level package of the target."""
        return self.target.partition(":")[0].partition(".")[0]


def _search_path() -> tuple[tuple[str, int], ...]:
    """Return the folders in which distributions are looked for, each with the time of its last change."""
    return tuple((folder, os.stat(folder or ".").st_mtime_ns) for folder in sys.path if os.path.exists(folder or "."))  # noqa: PTH110, PTH116 - called often


@cache
def _points(search_path: tuple[tuple[str, int], ...]) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Return the entry points of plugins; the metadata of all distributions are read once per search path."""
    return tuple(importlib.metadata.entry_points(group=GROUP))


def installed() -> list[Entry]:
    """Return every announced plugin, sorted by name.

    Example:
        >>> from seqforge.plugin.entry_points import installed
        >>> names = [entry.name for entry in installed()]
    """
    entries: dict[tuple[str, str, str], Entry] = {}
    for point in _points(_search_path()):
        owner = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
        entries[point.name, point.value, owner] = Entry(point.name, point.value, owner)
    ordered = sorted(entries.values(), key=lambda entry: (entry.name, entry.distribution))
    owners = {entry.name: tuple(e.distribution for e in ordered if e.name == entry.name) for entry in ordered}
    return [
        dataclasses.replace(entry, clash=tuple(o for o in owners[entry.name] if o != entry.distribution))
        for entry in ordered
    ]


def distribution_of(package: str) -> str:
    """Return the name of the distribution that announces plugins of a package, or else the package's name."""
    for point in _points(_search_path()):
        if point.dist is not None and point.value.partition(":")[0].partition(".")[0] == package:
            return point.dist.name
    return package
