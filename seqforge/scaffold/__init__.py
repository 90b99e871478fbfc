"""A new plugin, written out as a package that installs, passes its own tests and trains at once.

The files of `template/` are copied; `$name` and the like in their names and texts are filled in. Light: no torch.
"""

import re
import string
from pathlib import Path

from seqforge.plugin import registry
from seqforge.errors import UsageError
from seqforge.core.files import make_folder, write_text
from seqforge.version import __version__

__all__ = ["new_plugin"]

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")


def new_plugin(name: str, *, suffix: str, folder: str | Path | None = None) -> list[Path]:
    """Write a package for a plugin of this name and return its files.

    Args:
        name: of the plugin: small letters, digits, hyphens.
        suffix: of the files it reads and writes: ".pgn".
        folder: where to; default: seqforge-NAME, here. It must not exist, or be empty.

    Raises:
        UsageError: name or suffix will not do, or the folder holds something.
        WriteError: it cannot be written.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a plugin; use small letters, digits and hyphens: chess, sea-shanties"
        )
    taken = [entry.distribution for entry in registry.installed() if entry.name == name]
    if taken:
        raise UsageError(f"a plugin {name!r} is installed already (from {taken[0]}); choose another name")
    if not SUFFIX.fullmatch(suffix):
        raise UsageError(f"{suffix!r} is no suffix; write a dot and up to 12 small letters or digits: --suffix .pgn")
    place = Path(folder or f"seqforge-{name}")
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise UsageError(f"{place} is there already and not empty; name another folder with -o")
    major, minor = __version__.split(".")[:2]
    words = {
        "name": name,
        "module": "seqforge_" + name.replace("-", "_"),
        "distribution": f"seqforge-{name}",
        "Class": "".join(part.capitalize() for part in name.split("-")),
        "suffix": suffix,
        "this": f"{major}.{minor}",
        "next": f"{major}.{int(minor) + 1}",
    }
    written = []
    for source in sorted(path for path in TEMPLATE.rglob("*.txt") if path.is_file()):
        target = place / filled(source.relative_to(TEMPLATE).as_posix().removesuffix(".txt"), words)
        make_folder(target.parent)
        write_text(target, filled(source.read_text(encoding="utf-8"), words))
        written.append(target)
    return written


def filled(text: str, words: dict[str, str]) -> str:
    """Return a text with its `$words` filled in; file names write them `_name_`.

    Raises:
        KeyError: a word is unknown.
    """
    for word, value in words.items():
        text = text.replace(f"__{word}__", value)
    return string.Template(text).substitute(words)
