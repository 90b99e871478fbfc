"""The package of a new plugin: it installs, passes its own tests and can be trained at once.

The files of `template/` and those of one of `kinds/` are copied with `$name` and the like substituted, in their text
and (as `__name__`) in their names. No torch is imported.
"""

import re
import string
from collections.abc import Mapping
from pathlib import Path

from seqforge.core.files import make_folder, write_text
from seqforge.errors import UsageError, listing
from seqforge.plugin import installed
from seqforge.version import __version__

__all__ = ["KIND_NAMES", "new_plugin"]

TEMPLATE = Path(__file__).parent / "template"
KINDS = Path(__file__).parent / "kinds"
KIND_NAMES = ("tokens", "vectors", "pairs")
"""What a step of the new plugin is: a token, a vector, or a token of a target with a source."""
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")


def new_plugin(name: str, *, suffix: str, folder: str | Path | None = None, kind: str = "tokens") -> list[Path]:
    """Write the package of a new plugin, and return the paths of its files.

    Example:
        new_plugin("chess", suffix=".pgn")  # writes seqforge-chess/pyproject.toml and others

    Args:
        name: The name of the plugin, in lower-case letters, digits and hyphens.
        suffix: The suffix of the files that it reads and writes: ".pgn".
        folder: The folder of the package, which must be empty or absent. By default it is `seqforge-NAME` in the
            current folder.
        kind: What a step is: "tokens"; "vectors" of real numbers and bits; or "pairs", where the tokens of a target
            are generated for a source.

    Raises:
        UsageError: If the name, the suffix or the kind is invalid, the name is in use, or the folder is not empty.
        WriteError: If a file cannot be written.
    """
    package = Path(folder or f"seqforge-{name}")
    _validate(name, suffix, package)
    if kind not in KIND_NAMES:
        raise UsageError.invalid("kind", kind, listing(KIND_NAMES))
    major, minor = __version__.split(".")[:2]
    values = {
        "name": name,
        "module": "seqforge_" + name.replace("-", "_"),
        "distribution": f"seqforge-{name}",
        "Class": "".join(part.capitalize() for part in name.split("-")),
        "suffix": suffix,
        "github": ".github",
        "this": f"{major}.{minor}",
        "next": f"{major}.{int(minor) + 1}",
    }
    paths = []
    sources = {
        path.relative_to(root).as_posix(): path for root in (TEMPLATE, KINDS / kind) for path in root.rglob("*.txt")
    }
    for relative, source in sorted(sources.items()):
        path = package / substitute(relative.removesuffix(".txt"), values)
        make_folder(path.parent)
        write_text(path, substitute(source.read_text(encoding="utf-8"), values))
        paths.append(path)
    return paths


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return a text with `$name` and `__name__` replaced by values["name"].

    >>> substitute("src/__module__: $name", {"module": "seqforge_chess", "name": "chess"})
    'src/seqforge_chess: chess'

    Raises:
        KeyError: If there is no value for a `$name`.
    """
    for name, value in values.items():
        text = text.replace(f"__{name}__", value)
    return string.Template(text).substitute(values)


def _validate(name: str, suffix: str, package: Path) -> None:
    if not NAME.fullmatch(name):
        allowed = "lower-case letters, digits and hyphens, such as sea-shanties"
        raise UsageError(f"{name!r} is not a plugin name; use {allowed}", field="name", value=name, allowed=allowed)
    owner = next((entry.distribution for entry in installed() if entry.name == name), None)
    if owner is not None:
        message = f"a plugin {name!r} is already installed (from {owner}); choose another name"
        raise UsageError(message, field="name", value=name)
    if not SUFFIX.fullmatch(suffix):
        allowed = "a dot and 1 to 12 lower-case letters or digits, such as .pgn"
        raise UsageError.invalid("suffix", suffix, allowed)
    if package.is_file() or (package.is_dir() and any(package.iterdir())):
        message = f"{package} already exists and is not an empty folder; choose another folder"
        raise UsageError(message, field="folder", value=package)
