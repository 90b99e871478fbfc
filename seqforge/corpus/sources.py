"""The files behind the names given with --corpus, with their labels and splits."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seqforge.core.files import path_kind
from seqforge.corpus.catalogue import find_corpus
from seqforge.corpus.description import Corpus
from seqforge.corpus.features import features_beside, is_features_file
from seqforge.corpus.folder_suffixes import FolderSuffixes
from seqforge.corpus.split import parse_shares
from seqforge.corpus.table_rows import RowRange
from seqforge.corpus.tables import TABLE_SUFFIXES, TableColumns, check_columns, column_names, is_table
from seqforge.dataset import SPLITS
from seqforge.errors import CorpusError, OptionsError, UsageError, listing

LABELS = "labels.csv"
MAX_FILES = 1_000_000
"""The largest number of files in a folder that is a corpus."""


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
        name: Its name within its corpus, which does not change if the corpus moves; "" for the name of the file.
        columns: The columns that are read if the file is read as a table; None if the plugin reads the file.
        rows: The part of a table that is read; None for all of it.
        features: The file with the features of its pieces; None if they have none.
        position: Its place among the files whose pieces `features` describes, from 0.
    """

    path: Path
    labels: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    fractions: tuple[float, ...] = ()
    name: str = ""
    columns: TableColumns | None = None
    rows: RowRange | None = None
    features: Path | None = None
    position: int = 0

    @property
    def size(self) -> int:
        """The size in bytes of the file, or of the part that is read."""
        return self.path.stat().st_size if self.rows is None else self.rows.size


@dataclass(frozen=True)
class Sources:
    """The files of a run.

    Attributes:
        names: The given names, for provenance.
        files: The files, in a fixed order.
        corpora: The installed corpora among the names, for licence and attribution.
        unsupported: Number of files in the folders that the plugin does not read, by suffix.
        remarks: What the user should know about the files, one sentence each.
        shares: Shares of train, valid and test into which all pieces are split; () for the default.
    """

    names: tuple[str, ...]
    files: tuple[SourceFile, ...]
    corpora: tuple[Corpus, ...] = ()
    unsupported: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The options of the plugin that suit the installed corpora."""
        return {name: value for corpus in self.corpora for name, value in corpus.options.items()}


@dataclass(frozen=True)
class SplitChoice:
    """A split that the user chose: shares, or files that are held out.

    >>> SplitChoice("0.8,0.1,0.1").to_json()
    {'split': '0.8,0.1,0.1'}

    Attributes:
        shares: Shares of train, valid and test, divided by commas; "" for none.
        valid: Files and folders of the valid split; all files that are in neither list are for training.
        test: Files and folders of the test split.

    Raises:
        OptionsError: If shares and files are both set, or the shares are not allowed.
    """

    shares: str = ""
    valid: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.shares:
            return
        parse_shares(self.shares)
        if self.valid or self.test:
            name = "valid" if self.valid else "test"
            raise OptionsError(f"`split` and `{name}` are both set; set one of them", field=name)

    def __bool__(self) -> bool:
        return bool(self.shares or self.valid or self.test)

    def to_json(self) -> dict[str, Any]:
        """Return the values that are set as plain JSON."""
        values = {"split": self.shares, "valid": list(self.valid), "test": list(self.test)}
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SplitChoice":
        """Return the choice that `to_json` described; other values are ignored."""
        lists = [values.get(name) for name in ("valid", "test")]
        valid, test = (tuple(map(str, items)) if isinstance(items, list) else () for items in lists)
        return cls(str(values.get("split", "")), valid, test)


def find_sources(
    names: Sequence[str],
    *,
    reads: Sequence[str],
    domain: str,
    imports: Sequence[str] = (),
    folder_imports: Sequence[str] = (),
    columns: TableColumns | None = None,
    split: SplitChoice | None = None,
    listings: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
) -> Sources:
    """Return the files behind names of installed corpora, folders and files.

    Example:
        sources = find_sources(["ryans", "my_tunes/"], reads=(".abc",), domain="abc")

    Args:
        names: The names, as given with `--corpus`.
        reads: The suffixes that the plugin reads; empty for any.
        domain: The name of the plugin.
        imports: The suffixes of the files that the plugin reads if they are named.
        folder_imports: Those of them that are searched for in folders, too. A file is left out if a file with a suffix
            of `reads` stands beside it with the same name.
        columns: The columns that are read from tables; a folder must contain tables then. None reads no tables.
        split: The split that replaces the one that a corpus declares; None for none.
        listings: Folder to its files, as `visible_files` returns them; folders that are missing are listed.

    Raises:
        OptionsError: If the split is not possible.
        UsageError: If a name is neither a file or folder nor an installed corpus, or a table lacks a column.
        CorpusError: If a folder is empty or contains no file of the domain.
    """
    files: list[SourceFile] = []
    remarks: list[str] = []
    corpora: list[Corpus] = []
    unsupported: Counter[str] = Counter()
    suffixes = FolderSuffixes(TABLE_SUFFIXES) if columns else FolderSuffixes(reads, folder_imports)
    for name in names:
        path = Path(name)
        kind = path_kind(path)
        if kind == "folder":
            listed = listings.get(path) or visible_files(path)
            folder_files = _folder_files(path, listed, suffixes, domain, unsupported)
            folder_files = [_with_columns(file, columns) for file in folder_files]
            if features_beside(path) or not any(map(is_features_file, listed)):
                files += _with_features(folder_files, features_beside(path))
            else:
                files += [replace(file, features=features_beside(file.path)) for file in folder_files]
        elif kind == "file":
            files += _with_features([_with_columns(SourceFile(path), columns)], features_beside(path))
        elif kind == "other":
            raise UsageError(
                f"`corpus` is {name!r}, which is a pipe or a device and may never end; copy its content to a file",
                field="corpus", value=name, allowed="a file, a folder or an installed corpus",
            )  # fmt: skip
        else:
            corpus = find_corpus(name, domain=domain)
            if corpus.domain != domain:
                raise CorpusError(f"the corpus {name!r} is for the plugin {corpus.domain!r}, not {domain!r}")
            corpora.append(corpus)
            files += _with_features(_corpus_files(corpus), features_beside(corpus.folder))
    if columns is None:
        remarks = _table_remarks([file.path for file in files if not _is_installed(file, corpora)], (*reads, *imports))
    sources = Sources(tuple(names), tuple(files), tuple(corpora), dict((+unsupported).most_common()), tuple(remarks))
    return _with_split(sources, split, suffixes, columns) if split else sources


def _with_split(
    sources: Sources, split: SplitChoice, suffixes: FolderSuffixes, columns: TableColumns | None
) -> Sources:
    """Return the files with the split that the user chose; it replaces the one that a corpus declares."""
    if split.shares:
        files = tuple(replace(file, split="", fractions=()) for file in sources.files)
        return replace(sources, files=files, shares=parse_shares(split.shares))
    known = {file.path.resolve(): file for file in sources.files}
    held_out: dict[Path, SourceFile] = {}
    for name, texts in (("valid", split.valid), ("test", split.test)):
        for path in (path for text in texts for path in _held_out_files(name, text, suffixes)):
            if held_out.get(path.resolve(), SourceFile(path, split=name)).split != name:
                raise OptionsError(f"`valid` and `test` both contain {path}; name it once", field=name, value=str(path))
            file = _with_columns(SourceFile(path, split=name), columns)
            same = known.get(path.resolve(), _with_features([file], features_beside(path))[0])
            held_out[path.resolve()] = replace(file, features=same.features, position=same.position)
    files = tuple(
        replace(file, split=file.split or "train", fractions=())
        for file in sources.files
        if file.path.resolve() not in held_out
    )
    return replace(sources, files=(*files, *held_out.values()))


def _held_out_files(split: str, name: str, suffixes: FolderSuffixes) -> list[Path]:
    path = Path(name)
    kind = path_kind(path)
    if kind == "file":
        return [path]
    paths = [file for file in visible_files(path) if path_kind(file) == "file"]
    files = suffixes.supported(file for file in paths if not _is_description(file))
    if not files:
        reason = "a folder without files of the plugin" if kind == "folder" else "neither a file nor a folder"
        raise OptionsError(f"`{split}` is {name}, which is {reason}; name files or a folder", field=split, value=name)
    return files


def _is_description(path: Path) -> bool:
    """Return whether a file in a folder describes pieces and contains none: labels, or features."""
    return path.name == LABELS or is_features_file(path)


def _with_features(files: Sequence[SourceFile], features: Path | None) -> list[SourceFile]:
    """Return the files of a corpus with the file that has the features of their pieces."""
    if features is None:
        return list(files)
    return [replace(file, features=features, position=position) for position, file in enumerate(files)]


def _with_columns(file: SourceFile, columns: TableColumns | None) -> SourceFile:
    """Return a file to be read as a table if columns are given and it has the suffix of one.

    Raises:
        UsageError: If the table lacks a column.
    """
    if columns is None or not is_table(file.path):
        return file
    check_columns(file.path, columns)
    return replace(file, columns=columns)


def _is_installed(file: SourceFile, corpora: Sequence[Corpus]) -> bool:
    return any(file.path.is_relative_to(corpus.folder) for corpus in corpora)


def _table_remarks(paths: Sequence[Path], reads: Sequence[str]) -> list[str]:
    """Return a remark if a file looks like a table and the plugin would read it as prose."""
    tables = [path for path in paths if is_table(path) and path.suffix.lower() not in reads]
    if not tables:
        return []
    try:
        names = f": {listing(column_names(tables[0]), most=8)}"
    except (CorpusError, UsageError):
        names = ""
    return [f"note: {tables[0].name} looks like a table; set `text_column` to train on one of its columns{names}"]


def _folder_files(
    folder: Path, listed: Sequence[Path], suffixes: FolderSuffixes, domain: str, unsupported: Counter[str]
) -> list[SourceFile]:
    """Return the files of a user's folder; folders train/, valid/ and test/ inside are the split.

    Files that the plugin does not read, and pipes and devices, are counted in `unsupported`.
    """
    kinds = {path: path_kind(path) for path in listed}
    paths = [path for path, kind in kinds.items() if kind == "file"]
    unsupported["pipe or device"] += sum(kind == "other" for kind in kinds.values())
    supported = suffixes.supported(path for path in paths if not _is_description(path))
    if not paths:
        raise CorpusError(f"the folder {folder} is empty; put {str(suffixes) or 'some'} files into it")
    if not supported:
        present = sorted({path.suffix.lower() or "no suffix" for path in paths})
        raise CorpusError(
            f"the folder {folder} contains no file that the plugin {domain!r} reads ({suffixes});"
            f" it contains files with {listing(present)}"
        )
    others = {path for path in paths if not _is_description(path)} - set(supported)
    unsupported.update(map(suffixes.kind_of_other, others))
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
        files.append(
            SourceFile(
                path, labels.get(relative.as_posix(), labels.get(path.name, {})), split, name=relative.as_posix()
            )
        )
    return files


def _corpus_files(corpus: Corpus) -> list[SourceFile]:
    paths = corpus.paths()
    if not paths:
        raise CorpusError(f"the files of the corpus {corpus.name!r} are missing: {corpus.folder} contains none")
    kind = corpus.split["kind"]
    corpus.check_inside(corpus.folder / LABELS)
    labels = _read_table(corpus.folder / LABELS)
    splits = _read_table(corpus.table_path()) if kind == "listed" else {}
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
        file_labels |= dict(labels.get(relative.as_posix(), {}))
        files.append(SourceFile(path, file_labels, split, fractions, name=relative.as_posix()))
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


def visible_files(folder: Path) -> list[Path]:
    """Return the paths of the files, pipes and devices in a folder and its subfolders, sorted, without hidden ones.

    Example:
        paths = visible_files(Path("tunes"))

    Raises:
        CorpusError: If the folder is the root of a file system, or has more than `MAX_FILES` files.
    """
    if folder.resolve().parent == folder.resolve():
        raise CorpusError(f"the folder {folder} is the root of a file system; name a folder in it")
    paths: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(parent, name) for name in names if not name.startswith(".")]
        if len(paths) > MAX_FILES:
            raise CorpusError(f"the folder {folder} has more than {MAX_FILES:,} files; name one of its subfolders")
    return sorted(paths)
