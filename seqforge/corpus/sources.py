"""The files behind the names given with --corpus, with their labels and splits."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.corpus.catalogue import Corpus, find_corpus
from seqforge.dataset import SPLITS
from seqforge.errors import CorpusError, listing

LABELS = "labels.csv"


@dataclass(frozen=True)
class SourceFile:
    """One file to read.

    >>> SourceFile(Path("tunes.abc"), {"collection": "mine"}, split="train").split
    'train'

    Attributes:
        path: The path of the file.
        labels: Labels of all its pieces; a piece's own labels take precedence.
        split: The split of all its pieces, "" if it is decided piece by piece.
        fractions: How its pieces are divided into train, valid and test; () if they are not divided.
    """

    path: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    fractions: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sources:
    """The files of a run.

    Attributes:
        names: The given names, for provenance.
        files: The files, in a fixed order.
        corpora: The installed corpora among the names, for licence and attribution.
        unsupported: Number of files in the folders that the plugin does not read, by suffix.
    """

    names: tuple[str, ...]
    files: tuple[SourceFile, ...]
    corpora: tuple[Corpus, ...] = ()
    unsupported: Mapping[str, int] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the plugin that suit the installed corpora."""
        return {name: value for corpus in self.corpora for name, value in corpus.options.items()}


def find_sources(names: Sequence[str], *, reads: Sequence[str], domain: str) -> Sources:
    """Return the files behind names of installed corpora, folders and files.

    Example:
        sources = find_sources(["ryans", "my_tunes/"], reads=(".abc",), domain="abc")

    Args:
        names: The names, as given with `--corpus`.
        reads: The suffixes that the plugin reads; empty for any.
        domain: The name of the plugin.

    Raises:
        UsageError: If a name is neither a path nor an installed corpus.
        CorpusError: If a folder is empty or contains no file of the domain.
    """
    files: list[SourceFile] = []
    corpora: list[Corpus] = []
    unsupported: Counter[str] = Counter()
    for name in names:
        path = Path(name)
        if path.is_dir():
            files += _folder_files(path, reads, domain, unsupported)
        elif path.is_file():
            files.append(SourceFile(path))
        else:
            corpus = find_corpus(name, domain=domain)
            if corpus.domain != domain:
                raise CorpusError(f"the corpus {name!r} is for the plugin {corpus.domain!r}, not {domain!r}")
            corpora.append(corpus)
            files += _corpus_files(corpus)
    return Sources(tuple(names), tuple(files), tuple(corpora), dict(unsupported.most_common()))


def _folder_files(folder: Path, reads: Sequence[str], domain: str, unsupported: Counter[str]) -> list[SourceFile]:
    """Return the files of a user's folder; folders train/, valid/ and test/ inside are the split.

    Files that the plugin does not read are counted in `unsupported`.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))
    supported = [path for path in paths if path.name != LABELS and (not reads or path.suffix.lower() in reads)]
    if not paths:
        raise CorpusError(f"the folder {folder} is empty; put {listing(reads) or 'some'} files into it")
    if not supported:
        suffixes = sorted({path.suffix.lower() or "no suffix" for path in paths})
        raise CorpusError(
            f"the folder {folder} contains no file that the plugin {domain!r} reads ({listing(reads)});"
            f" it contains files with {listing(suffixes)}"
        )
    others = set(paths) - set(supported) - {folder / LABELS}
    unsupported.update(path.suffix.lower() or "no suffix" for path in others)
    labels = _read_table(folder / LABELS)
    for split in ("valid", "test"):
        if (folder / split).is_dir() and not (folder / "train").is_dir():
            raise CorpusError(f"the folder {folder} has a {split}/ but no train/; move the training files into train/")
    splits = {path.relative_to(folder).parts[0] for path in supported} & set(SPLITS)
    outside = [path for path in supported if path.relative_to(folder).parts[0] not in SPLITS]
    if "train" in splits and outside:
        raise CorpusError(
            f"the folder {folder} has a train/ and also files outside train/, valid/ and test/"
            f" ({outside[0].relative_to(folder)}); move them into one of the three"
        )
    files = []
    for path in supported:
        relative = path.relative_to(folder)
        split = relative.parts[0] if "train" in splits else ""
        files.append(SourceFile(path, labels.get(relative.as_posix(), labels.get(path.name, {})), split))
    return files


def _corpus_files(corpus: Corpus) -> list[SourceFile]:
    paths = corpus.paths()
    if not paths:
        raise CorpusError(f"the files of the corpus {corpus.name!r} are missing: {corpus.folder} contains none")
    kind = corpus.split["kind"]
    labels = _read_table(corpus.folder / LABELS)
    splits = _read_table(corpus.folder / str(corpus.split.get("list", "split.csv"))) if kind == "listed" else {}
    fractions = tuple(float(corpus.split.get(split, 0)) for split in SPLITS) if kind == "fractions" else ()
    files = []
    for path in paths:
        relative = path.relative_to(corpus.folder)
        origins = {"stem": path.stem, "folder": path.parent.name}
        file_labels = {name: origins.get(origin, origin) for name, origin in corpus.labels.items()}
        split = ""
        if kind == "folders":
            split = relative.parts[0]
        elif kind == "listed":
            split = splits.get(relative.as_posix(), {}).get("split", "train")
        if split and split not in SPLITS:
            raise CorpusError(
                f"the corpus {corpus.name!r} puts {relative} into {split!r}; allowed are {listing(SPLITS)}"
            )
        files.append(SourceFile(path, file_labels | dict(labels.get(relative.as_posix(), {})), split, fractions))
    return files


def _read_table(path: Path) -> dict[str, dict[str, str]]:
    """Return a CSV table whose column `file` names a file: file to the other columns. Empty if it is missing."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as comma-separated values: {error}") from error
    if rows and "file" not in rows[0]:
        raise CorpusError(f"{path} lacks the column 'file'; its first line must name the columns: file,label,...")
    return {
        row["file"]: {name: value for name, value in row.items() if name and name != "file" and value} for row in rows
    }


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
