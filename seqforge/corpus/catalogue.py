"""Corpora that are installed: folders with a corpus.toml, announced through an entry-point group."""

import importlib.metadata
import importlib.util
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.dataset import SIDES
from seqforge.errors import CorpusError, UsageError, did_you_mean, listing

GROUP = "seqforge.corpora"
NEEDED = ("name", "domain", "licence", "source", "attribution", "files")
SPLITS = ("hash", "fractions", "folders", "listed")


@dataclass(frozen=True)
class Corpus:
    """Pieces with a licence, a source and a fixed split, as its corpus.toml tells.

    Attributes:
        name: as in `--corpus name`.
        domain: the plugin that reads it.
        summary: one line.
        licence: SPDX name.
        source: where it was taken from.
        attribution: whom to name.
        default: whether `train` takes it where no corpus is named.
        files: patterns of its files, relative to its folder.
        options: the plugin's options that suit it, where the person gives none.
        split: how it is split: `kind` (hash, fractions, folders, listed) and what that kind needs.
        labels: label name to where it comes from: "stem" and "folder" of the file, or a value.
        counts: what is in it, for `corpora show`.
        folder: where it is installed.
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

    Raises:
        CorpusError: a corpus.toml is wrong, or two corpora have one name.
    """
    return _named([read_corpus(folder) for folder in _folders()])


def _folders() -> list[Path]:
    """Return the folders with a corpus.toml of every announced package."""
    folders: set[Path] = set()
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            spec = importlib.util.find_spec(point.value)
        except (ImportError, ValueError):
            spec = None
        for place in (spec.submodule_search_locations or []) if spec else []:
            folders.update(told.parent.resolve() for told in Path(place).glob("*/corpus.toml"))
    return sorted(folders)


def _named(corpora: Iterable[Corpus]) -> list[Corpus]:
    """Return corpora sorted by name, of which no two are the same."""
    found: dict[str, Corpus] = {}
    for corpus in corpora:
        if corpus.name in found:
            both = f"{found[corpus.name].folder} and {corpus.folder}"
            raise CorpusError(f"two installed corpora are called {corpus.name!r}: {both}; uninstall one of them")
        found[corpus.name] = corpus
    return [found[name] for name in sorted(found)]


def sound_corpora() -> tuple[list[Corpus], list[CorpusError]]:
    """Return the corpora that can be read, and what is wrong with the others: one harms no other."""
    found, wrong = [], []
    for folder in _folders():
        try:
            found.append(read_corpus(folder))
        except CorpusError as error:
            wrong.append(error)
    return sorted(found, key=lambda corpus: corpus.name), wrong


def read_corpus(folder: Path) -> Corpus:
    """Return what the corpus.toml of a folder tells.

    Raises:
        CorpusError: it does not parse, lacks something, or has an unknown kind of split.
    """
    path = folder / "corpus.toml"
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
    missing = [name for name in NEEDED if name not in told]
    if missing:
        raise CorpusError(f"{path} lacks {listing(missing)}")
    tables = {name: told.get(name, {}) for name in ("split", "options", "labels", "counts")}
    wrong = [name for name, table in tables.items() if not isinstance(table, dict)]
    wrong += [name for name in NEEDED if name != "files" and not isinstance(told[name], str)]
    wrong += [] if isinstance(told["files"], list) and all(isinstance(f, str) for f in told["files"]) else ["files"]
    wrong += [side for side in SIDES if not isinstance(tables["split"].get(side, 0), int | float)] if not wrong else []
    if wrong:
        raise CorpusError(f"{path} has a value of the wrong kind for {listing(wrong)}")
    kind = tables["split"].get("kind", "hash")
    if kind not in SPLITS:
        raise CorpusError(f"{path} names a split of kind {kind!r}; allowed are {listing(SPLITS)}")
    return Corpus(
        name=told["name"],
        domain=told["domain"],
        summary=told.get("summary", ""),
        licence=told["licence"],
        source=told["source"],
        attribution=told["attribution"],
        default=bool(told.get("default", False)),
        files=tuple(told["files"]),
        folder=folder,
        options=told.get("options", {}),
        split={"kind": "hash", **told.get("split", {})},
        labels=told.get("labels", {}),
        counts=told.get("counts", {}),
    )


def find_corpus(name: str) -> Corpus:
    """Return the installed corpus of this name.

    Raises:
        UsageError: there is none.
    """
    sound, wrong = sound_corpora()
    same = [corpus for corpus in sound if corpus.name == name]
    corpora = {corpus.name: corpus for corpus in sound}
    if same:
        return _named(same)[0]
    if wrong:
        raise wrong[0]
    offer = f"installed are {listing(corpora)}" if corpora else "none is installed (pip install seqforge-corpora)"
    raise UsageError(
        f"{name!r} is neither a file or folder here nor an installed corpus; {offer}.{did_you_mean(name, corpora)}"
    )


def default_corpora(domain: str) -> list[Corpus]:
    """Return the corpora that `train` takes for a plugin where none is named.

    Raises:
        UsageError: there is none.
    """
    chosen = [corpus for corpus in sound_corpora()[0] if corpus.domain == domain and corpus.default]
    if not chosen:
        raise UsageError(
            f"no default corpus for {domain!r} is installed; name one with --corpus (a folder, a file, or one of"
            " `seqforge corpora`)"
        )
    return chosen
