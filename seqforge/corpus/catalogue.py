"""Installed corpora: folders with a corpus.toml, announced in the entry-point group `seqforge.corpora`."""

import contextlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from seqforge.corpus.description import FILE, Corpus, read_corpus
from seqforge.errors import CorpusError, UsageError, did_you_mean, listing

GROUP = "seqforge.corpora"


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
        except Exception:  # a parent package that does not import must not hide the corpora of others
            spec = None
        for package in (spec.submodule_search_locations or []) if spec else []:
            with contextlib.suppress(OSError):
                folders.update(path.parent.resolve() for path in Path(package).glob(f"*/{FILE}"))
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
        f"{name!r} is neither a file or folder nor an installed corpus; {offer}{did_you_mean(name, names)}",
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
