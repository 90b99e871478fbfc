"""The description of a corpus, corpus.toml. It is written by others, so every value is checked."""

import math
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from seqforge.dataset import SPLITS
from seqforge.errors import CorpusError, listing

FILE = "corpus.toml"
SPLIT_KINDS = ("hash", "fractions", "folders", "listed")
MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Corpus:
    """Pieces with a licence, a source and a fixed split, as described in a corpus.toml.

    Example:
        corpus = find_corpus("ryans")
        print(corpus.licence, len(corpus.paths()))

    Attributes:
        name: The name in `--corpus NAME`.
        domain: The name of the plugin that reads it.
        summary: One line about the content.
        licence: The SPDX name of the licence.
        source: Where the data comes from.
        attribution: Whom to name.
        default: Whether `train` uses it if no corpus is named.
        files: Glob patterns of its files, relative to its folder.
        options: Options of the plugin that suit it; a user's options take precedence.
        split: How it is split: `kind` (hash, fractions, folders or listed) and the settings of that kind.
        labels: Label name to its origin: "stem" or "folder" of the file, or a fixed value.
        counts: Numbers for `corpora show`.
        folder: The folder in which it is installed.
    """

    name: str
    domain: str
    summary: str
    licence: str
    source: str
    attribution: str
    default: bool
    files: tuple[str, ...]
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def paths(self) -> list[Path]:
        """Return its files, sorted.

        Raises:
            CorpusError: If a pattern is not valid, or a symbolic link leads out of the folder.
        """
        try:
            paths = sorted({path for pattern in self.files for path in self.folder.glob(pattern) if path.is_file()})
        except (OSError, ValueError, NotImplementedError, RecursionError) as error:
            raise CorpusError(
                f"{self.folder / FILE} has a pattern in `files` that cannot be used: {error or type(error).__name__}"
            ) from error
        for path in paths:
            self.check_inside(path)
        return paths

    def table_path(self) -> Path:
        """Return the path of the table that lists the split of each file.

        Raises:
            CorpusError: If a symbolic link leads out of the folder.
        """
        path = self.folder / str(self.split.get("list", "split.csv"))
        self.check_inside(path)
        return path

    def check_inside(self, path: Path) -> None:
        """Check that a path stays inside the folder of the corpus when links are followed.

        Raises:
            CorpusError: If it does not.
        """
        try:
            inside = path.resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError, ValueError):
            inside = False
        if not inside:
            raise CorpusError(f"the corpus {self.name!r} names {path}, which is a link out of its folder; remove it")


def read_corpus(folder: Path) -> Corpus:
    """Return the corpus that the corpus.toml of a folder describes.

    Raises:
        CorpusError: If the file does not parse, lacks a value, or has a value that is not allowed.
    """
    path = folder / FILE
    content = _parse(path)
    missing = [name for name, (_, _, required) in VALUES.items() if required and name not in content]
    if missing:
        raise CorpusError(f"{path} lacks {listing(missing)}")
    for name, (is_valid, allowed, _) in VALUES.items():
        if name in content and not is_valid(content[name]):
            raise CorpusError(f"{path} has a wrong value for `{name}`; it must be {allowed}")
    split = {"kind": "hash", **content.get("split", {})}
    _check_split(path, split)
    return Corpus(
        name=content["name"],
        domain=content["domain"],
        summary=content.get("summary", ""),
        licence=content["licence"],
        source=content["source"],
        attribution=content["attribution"],
        default=content.get("default", False),
        files=tuple(content["files"]),
        folder=folder,
        options=content.get("options", {}),
        split=split,
        labels=content.get("labels", {}),
        counts=content.get("counts", {}),
    )


def _parse(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        CorpusError: If it is not a regular file, is too large, or does not parse.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CorpusError(f"{path} cannot be read: it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise CorpusError(f"{path} cannot be read: it has {status.st_size:,} bytes; {MAX_BYTES:,} are allowed")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error


def _check_split(path: Path, split: Mapping[str, Any]) -> None:
    """Check the table `split`.

    Raises:
        CorpusError: If a value is not allowed.
    """
    kind = split["kind"]
    if kind not in SPLIT_KINDS:
        raise CorpusError(f"{path} has a split of kind {kind!r}; allowed are {listing(SPLIT_KINDS)}")
    if not _is_inner_path(split.get("list", "split.csv")):
        raise CorpusError(f"{path} has a wrong value for `split.list`; it must be {INNER_PATH}")
    for name in SPLITS:
        if not _is_share(split.get(name, 0)):
            raise CorpusError(f"{path} has a wrong value for `split.{name}`; it must be a number from 0 to 1")
    if kind == "fractions" and not abs(sum(split.get(name, 0) for name in SPLITS) - 1) < 1e-6:
        raise CorpusError(f"{path} has fractions of the split that do not sum to 1; correct {listing(SPLITS)}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and bool(value.strip()) and not set(value) & set("/\\")


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # NaN is refused as well


def _is_inner_path(value: Any) -> bool:
    """Return whether a value is a relative path, or a pattern of paths, without steps to a parent folder."""
    if not isinstance(value, str) or "\0" in value or "\\" in value or not PurePosixPath(value).parts:
        return False
    windows = PureWindowsPath(value)
    return not (value.startswith("/") or windows.drive or windows.root or ".." in PurePosixPath(value).parts)


def _is_plain(value: Any) -> bool:
    """Return whether a value can be the value of an option: a string, a truth value, a finite number, or a list."""
    if isinstance(value, list):
        return all(_is_plain(item) and not isinstance(item, list) for item in value)
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _is_table(is_valid: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a function that tells whether a value is a table with values of one kind."""
    return lambda value: isinstance(value, dict) and all(is_valid(item) for item in value.values())


INNER_PATH = "a path inside the folder of the corpus, with /, without `..`"
VALUES: Mapping[str, tuple[Callable[[Any], bool], str, bool]] = {
    "name": (_is_name, "a name of printable characters without / and \\", True),
    "domain": (_is_name, "the name of a plugin", True),
    "summary": (_is_text, "a string", False),
    "licence": (_is_text, "a string", True),
    "source": (_is_text, "a string", True),
    "attribution": (_is_text, "a string", True),
    "default": (lambda value: isinstance(value, bool), "true or false", False),
    "files": (
        lambda value: isinstance(value, list) and bool(value) and all(map(_is_inner_path, value)),
        "a list of patterns of paths inside the folder of the corpus, with /, without `..`",
        True,
    ),
    "options": (_is_table(_is_plain), "a table of strings, truth values and finite numbers", False),
    "split": (lambda value: isinstance(value, dict), "a table", False),
    "labels": (_is_table(_is_text), "a table of strings", False),
    "counts": (_is_table(lambda value: type(value) is int), "a table of integers", False),
}
"""Each value of a corpus.toml: whether a value is allowed, the allowed values in words, and whether it is required."""
