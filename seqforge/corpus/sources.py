"""What a person names with --corpus, as files with their labels and their side of the split."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqforge.corpus.catalogue import Corpus, find_corpus
from seqforge.dataset import SIDES
from seqforge.errors import CorpusError, listing

LABELS = "labels.csv"


@dataclass(frozen=True)
class SourceFile:
    """One file to read.

    Attributes:
        path: where it is.
        labels: of all its pieces, unless a piece has its own.
        side: which side of the split all its pieces belong to, "" where that is decided by piece.
        fractions: how to divide its pieces over train, valid and test; () where they are not divided.
    """

    path: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    side: str = ""
    fractions: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sources:
    """All that was named.

    Attributes:
        names: what was named, for the model's provenance.
        files: the files, in a fixed order.
        corpora: the installed corpora among them, for licence and attribution.
        passed_over: how many files of the folders have a suffix that the plugin does not read, by suffix.
    """

    names: tuple[str, ...]
    files: tuple[SourceFile, ...]
    corpora: tuple[Corpus, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)


def find_sources(named: Sequence[str], *, reads: Sequence[str], domain: str) -> Sources:
    """Return the files behind what was named: installed corpora, folders, files.

    Args:
        named: as given with `--corpus`.
        reads: suffixes that the plugin reads; empty: any.
        domain: the plugin's name.

    Raises:
        UsageError: a name is neither a path nor an installed corpus.
        CorpusError: a folder is empty, or holds no file of the domain.
    """
    files: list[SourceFile] = []
    corpora: list[Corpus] = []
    passed_over: Counter[str] = Counter()
    for name in named:
        path = Path(name)
        if path.is_dir():
            files += _folder(path, reads, domain, passed_over)
        elif path.is_file():
            files.append(SourceFile(path))
        else:
            corpus = find_corpus(name)
            if corpus.domain != domain:
                raise CorpusError(f"the corpus {name!r} is for the plugin {corpus.domain!r}, not {domain!r}")
            corpora.append(corpus)
            files += _corpus(corpus)
    return Sources(tuple(named), tuple(files), tuple(corpora), dict(passed_over.most_common()))


def _folder(folder: Path, reads: Sequence[str], domain: str, passed_over: Counter[str]) -> list[SourceFile]:
    """Return the files of a person's folder; train/, valid/ and test/ inside are taken as the split.

    Those that the plugin does not read are counted in `passed_over`.
    """
    every = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder)))
    paths = [path for path in every if path.name != LABELS and (not reads or path.suffix.lower() in reads)]
    if not every:
        raise CorpusError(f"the folder {folder} is empty; put {listing(reads) or 'some'} files into it")
    if not paths:
        suffixes = sorted({path.suffix.lower() or "no suffix" for path in every})
        raise CorpusError(
            f"the folder {folder} holds no file that the plugin {domain!r} reads ({listing(reads)});"
            f" it holds files with {listing(suffixes)}"
        )
    others = set(every) - set(paths) - {folder / LABELS}
    passed_over.update(path.suffix.lower() or "no suffix" for path in others)
    labels = _labels(folder / LABELS)
    for side in ("valid", "test"):
        if (folder / side).is_dir() and not (folder / "train").is_dir():
            raise CorpusError(
                f"the folder {folder} has a {side}/ but no train/; move the files to train on into train/"
            )
    split = {path.relative_to(folder).parts[0] for path in paths} & set(SIDES)
    outside = [path for path in paths if path.relative_to(folder).parts[0] not in SIDES]
    if "train" in split and outside:
        raise CorpusError(
            f"the folder {folder} has a train/ of its own, and files outside train/, valid/ and test/"
            f" ({outside[0].relative_to(folder)}); move them into one of the three"
        )
    files = []
    for path in paths:
        inside = path.relative_to(folder)
        side = inside.parts[0] if "train" in split else ""
        files.append(SourceFile(path, labels.get(inside.as_posix(), labels.get(path.name, {})), side))
    return files


def _corpus(corpus: Corpus) -> list[SourceFile]:
    paths = corpus.paths()
    if not paths:
        raise CorpusError(f"the corpus {corpus.name!r} has lost its files: {corpus.folder} holds none")
    kind = corpus.split["kind"]
    listed = _labels(corpus.folder / LABELS)
    sides = _labels(corpus.folder / str(corpus.split.get("list", "split.csv"))) if kind == "listed" else {}
    fractions = tuple(float(corpus.split.get(side, 0)) for side in SIDES) if kind == "fractions" else ()
    files = []
    for path in paths:
        inside = path.relative_to(corpus.folder)
        values = {"stem": path.stem, "folder": path.parent.name}
        labels = {name: values.get(origin, origin) for name, origin in corpus.labels.items()}
        side = ""
        if kind == "folders":
            side = inside.parts[0]
        elif kind == "listed":
            side = sides.get(inside.as_posix(), {}).get("side", "train")
        if side and side not in SIDES:
            raise CorpusError(f"the corpus {corpus.name!r} puts {inside} into {side!r}; allowed are {listing(SIDES)}")
        files.append(SourceFile(path, labels | dict(listed.get(inside.as_posix(), {})), side, fractions))
    return files


def _labels(path: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a table whose first column names a file: file to the other columns."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as a table with commas: {error}") from error
    if rows and "file" not in rows[0]:
        raise CorpusError(f"{path} lacks the column 'file'; its first line must name the columns: file,label,...")
    return {
        row["file"]: {name: value for name, value in row.items() if name and name != "file" and value} for row in rows
    }


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
