"""The beginnings of the bundled corpora: the kit reads the same kinds of pieces as in the corpora, in small files."""

import shutil
from pathlib import Path

from seqforge.plugin import registry
from seqforge.testing._subject import sample_sources

MAX_FILES, PIECES_PER_FILE = 12, 14
SEPARATORS = {".abc": "\n\n", ".jsonl": "\n"}
"""What separates the pieces of a file that holds several."""


def bundled_samples(plugin: str, folder: Path) -> Path:
    """Write the smallest files of the default corpora of a plugin to a folder with their labels, and return it.

    Args:
        plugin: The name of the plugin.
        folder: The folder, which must not exist.
    """
    files = sample_sources(plugin, registry.load(plugin).reads, None).files
    names = sorted({label for file in files for label in file.labels})
    rows = [["file", *names]]
    folder.mkdir()
    for file in sorted(files, key=lambda file: file.path.stat().st_size)[:MAX_FILES]:
        path = folder / file.path.name
        separator = SEPARATORS.get(path.suffix)
        if path.exists():
            path = folder / f"{file.path.parent.name}-{file.path.name}"
        if separator is None:
            shutil.copyfile(file.path, path)
        else:
            pieces = file.path.read_text(encoding="utf-8").split(separator)
            path.write_text(separator.join(pieces[:PIECES_PER_FILE]) + "\n", encoding="utf-8")
        rows.append([path.name, *(file.labels.get(name, "") for name in names)])
    if names:
        (folder / "labels.csv").write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    return folder
