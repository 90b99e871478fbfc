"""Installed corpora: folders with a corpus.toml, announced in the entry-point group `seqforge.corpora`."""

import importlib.metadata
import importlib.util
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.dataset import SPLITS
from seqforge.errors import CorpusError, UsageError, did_you_mean, listing

GROUP = "seqforge.corpora"
REQUIRED = ("name", "domain", "licence", "source", "attribution", "files")
SPLIT_KINDS = ("hash", "fractions", "folders", "listed")


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
        """Return its files, sorted."""
        return sorted({path for pattern in self.files for path in self.folder.glob(pattern) if path.is_file()})


def installed_corpora() -> list[Corpus]:
    """Return every announced corpus, sorted by name.

    Example:
        names = [corpus.name for corpus in installed_corpora()]

    Raises:
        CorpusError: If a corpus.toml is wrong, or two corpora have one name.
    """
    return _distinct([read_corpus(folder) for folder in _folders()])


def _folders() -> list[Path]:
    """Return the folders with a corpus.toml of every announced package."""
    folders: set[Path] = set()
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            spec = importlib.util.find_spec(point.value)
        except (ImportError, ValueError):
            spec = None
        for package in (spec.submodule_search_locations or []) if spec else []:
            folders.update(path.parent.resolve() for path in Path(package).glob("*/corpus.toml"))
    return sorted(folders)


def _distinct(corpora: Iterable[Corpus]) -> list[Corpus]:
    """Return corpora sorted by name; two of one name are an error."""
    by_name: dict[str, Corpus] = {}
    for corpus in corpora:
        if corpus.name in by_name:
            folders = f"{by_name[corpus.name].folder} and {corpus.folder}"
            raise CorpusError(f"two installed corpora have the name {corpus.name!r}: {folders}; uninstall one of them")
        by_name[corpus.name] = corpus
    return [by_name[name] for name in sorted(by_name)]


def readable_corpora() -> tuple[list[Corpus], list[CorpusError]]:
    """Return the corpora that can be read, sorted by name, and the errors of the others."""
    corpora, errors = [], []
    for folder in _folders():
        try:
            corpora.append(read_corpus(folder))
        except CorpusError as error:
            errors.append(error)
    return sorted(corpora, key=lambda corpus: corpus.name), errors


def read_corpus(folder: Path) -> Corpus:
    """Return the corpus that the corpus.toml of a folder describes.

    Raises:
        CorpusError: If the file does not parse, lacks a value, or has a value of the wrong type.
    """
    path = folder / "corpus.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
    missing = [name for name in REQUIRED if name not in content]
    if missing:
        raise CorpusError(f"{path} lacks {listing(missing)}")
    tables = {name: content.get(name, {}) for name in ("split", "options", "labels", "counts")}
    files = content["files"]
    wrong = [name for name, table in tables.items() if not isinstance(table, dict)]
    wrong += [name for name in REQUIRED if name != "files" and not isinstance(content[name], str)]
    wrong += [] if isinstance(files, list) and all(isinstance(pattern, str) for pattern in files) else ["files"]
    if not wrong:
        wrong = [split for split in SPLITS if not isinstance(tables["split"].get(split, 0), int | float)]
    if wrong:
        raise CorpusError(f"{path} has a value of the wrong type for {listing(wrong)}")
    kind = tables["split"].get("kind", "hash")
    if kind not in SPLIT_KINDS:
        raise CorpusError(f"{path} has a split of kind {kind!r}; allowed are {listing(SPLIT_KINDS)}")
    return Corpus(
        name=content["name"],
        domain=content["domain"],
        summary=content.get("summary", ""),
        licence=content["licence"],
        source=content["source"],
        attribution=content["attribution"],
        default=bool(content.get("default", False)),
        files=tuple(files),
        folder=folder,
        options=tables["options"],
        split={"kind": "hash", **tables["split"]},
        labels=tables["labels"],
        counts=tables["counts"],
    )


def find_corpus(name: str, *, domain: str = "") -> Corpus:
    """Return the installed corpus of this name.

    Example:
        print(find_corpus("ryans").licence)

    Args:
        name: The name of the corpus.
        domain: The plugin for which it is searched; suggestions are limited to its corpora.

    Raises:
        UsageError: If there is none.
        CorpusError: If two corpora have this name, or it is missing and another corpus cannot be read.
    """
    corpora, errors = readable_corpora()
    same = [corpus for corpus in corpora if corpus.name == name]
    if same:
        return _distinct(same)[0]
    if errors:
        raise errors[0]
    names = [corpus.name for corpus in corpora if domain in ("", corpus.domain)]
    offer = f"installed are {listing(names)}" if names else "none is installed (pip install seqforge-corpora)"
    raise UsageError(
        f"{name!r} is neither a file or folder nor an installed corpus; {offer}.{did_you_mean(name, names)}",
        field="corpus", value=name, allowed=listing(names),
    )  # fmt: skip


def default_corpora(domain: str) -> list[Corpus]:
    """Return the corpora that `train` uses for a plugin if none is named.

    Raises:
        UsageError: If there is none.
    """
    corpora = [corpus for corpus in readable_corpora()[0] if corpus.domain == domain and corpus.default]
    if not corpora:
        raise UsageError(
            f"no default corpus for {domain!r} is installed; set `corpus` to a folder, a file, or one of"
            " `seqforge corpora`",
            field="corpus",
        )
    return corpora
