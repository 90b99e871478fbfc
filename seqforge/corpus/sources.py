"""The files behind the names given with --corpus, with their labels and splits."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seqforge.core.files import path_kind
from seqforge.corpus.catalogue import find_corpus
from seqforge.corpus.description import Corpus
from seqforge.corpus.features import features_beside, is_features_file
from seqforge.corpus.file_table import open_file_table
from seqforge.corpus.file_walk import walk_files
from seqforge.corpus.folder_suffixes import FolderSuffixes
from seqforge.corpus.source_file import SourceFile, file_list, path_list
from seqforge.corpus.split import parse_shares
from seqforge.corpus.tables import TABLE_SUFFIXES, TableColumns, check_columns, column_names, is_table
from seqforge.dataset import SPLITS
from seqforge.errors import CorpusError, OptionsError, UsageError, listing

LABELS = "labels.csv"


@dataclass(frozen=True)
class Sources:
    """The files of a run.

    Attributes:
        names: The given names, for provenance.
        files: The files, in a fixed order. They are stored in a temporary file.
        corpora: The installed corpora among the names, for licence and attribution.
        unsupported: Number of files in the folders that the plugin does not read, by suffix.
        remarks: What the user should know about the files, one sentence each.
        shares: Shares of train, valid and test into which all pieces are split; () for the default.
    """

    names: tuple[str, ...]
    files: Sequence[SourceFile]
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
    files: list[Sequence[SourceFile]] = []
    remarks: list[str] = []
    corpora: list[Corpus] = []
    unsupported: Counter[str] = Counter()
    suffixes = FolderSuffixes(TABLE_SUFFIXES) if columns else FolderSuffixes(reads, folder_imports)
    for name in names:
        path = Path(name)
        kind = path_kind(path)
        if kind == "folder":
            paths = path_list(listings.get(path) or walk_files(path))
            folder_files = _folder_files(path, paths, suffixes, domain, unsupported)
            described = (_with_columns(file, columns) for file in folder_files)
            if features_beside(path) or not any(map(is_features_file, paths)):
                files.append(file_list(_with_features(described, features_beside(path))))
            else:
                files.append(file_list(replace(file, features=features_beside(file.path)) for file in described))
        elif kind == "file":
            files.append(list(_with_features([_with_columns(SourceFile(path), columns)], features_beside(path))))
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
            files.append(file_list(_with_features(_corpus_files(corpus), features_beside(corpus.folder))))
    all_files = files[0] if len(files) == 1 else file_list(itertools.chain.from_iterable(files))
    if columns is None:
        user_paths = (file.path for file in all_files if not _is_installed(file, corpora))
        remarks = _table_remarks(user_paths, (*reads, *imports))
    sources = Sources(tuple(names), all_files, tuple(corpora), dict((+unsupported).most_common()), tuple(remarks))
    return _with_split(sources, split, suffixes, columns) if split else sources


def _with_split(
    sources: Sources, split: SplitChoice, suffixes: FolderSuffixes, columns: TableColumns | None
) -> Sources:
    """Return the files with the split that the user chose; it replaces the one that a corpus declares."""
    if split.shares:
        files = file_list(replace(file, split="", fractions=()) for file in sources.files)
        return replace(sources, files=files, shares=parse_shares(split.shares))
    held_out: dict[Path, SourceFile] = {}
    for name, texts in (("valid", split.valid), ("test", split.test)):
        for path in (path for text in texts for path in _held_out_files(name, text, suffixes)):
            if held_out.get(path.resolve(), SourceFile(path, split=name)).split != name:
                raise OptionsError(f"`valid` and `test` both contain {path}; name it once", field=name, value=str(path))
            held_out[path.resolve()] = _with_columns(SourceFile(path, split=name), columns)
    # The features of a file that is held out are those that it has in the corpus, or else those beside it.
    for path, file in held_out.items():
        held_out[path] = next(iter(_with_features([file], features_beside(file.path))))
    for file in sources.files:
        path = file.path.resolve()
        if path in held_out:
            held_out[path] = replace(held_out[path], features=file.features, position=file.position)
    training = (
        replace(file, split=file.split or "train", fractions=())
        for file in sources.files
        if file.path.resolve() not in held_out
    )
    return replace(sources, files=file_list(itertools.chain(training, held_out.values())))


def _held_out_files(split: str, name: str, suffixes: FolderSuffixes) -> list[Path]:
    path = Path(name)
    kind = path_kind(path)
    if kind == "file":
        return [path]
    paths = [file for file in walk_files(path) if path_kind(file) == "file"]
    files = suffixes.supported(file for file in paths if not _is_description(file))
    if not files:
        reason = "a folder without files of the plugin" if kind == "folder" else "neither a file nor a folder"
        raise OptionsError(f"`{split}` is {name}, which is {reason}; name files or a folder", field=split, value=name)
    return files


def _is_description(path: Path) -> bool:
    """Return whether a file in a folder describes pieces and contains none: labels, or features."""
    return path.name == LABELS or is_features_file(path)


def _with_features(files: Iterable[SourceFile], features: Path | None) -> Iterator[SourceFile]:
    """Yield the files of a corpus with the file that has the features of their pieces."""
    for position, file in enumerate(files):
        yield file if features is None else replace(file, features=features, position=position)


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


def _table_remarks(paths: Iterable[Path], reads: Sequence[str]) -> list[str]:
    """Return a remark if a file looks like a table and the plugin would read it as prose."""
    table = next((path for path in paths if is_table(path) and path.suffix.lower() not in reads), None)
    if table is None:
        return []
    try:
        names = f": {listing(column_names(table), most=8)}"
    except (CorpusError, UsageError):
        names = ""
    advice = f"to train on one of its columns, set `text_column`{names}"
    return [f"note: {table.name} looks like a table and is read as plain text; {advice}"]


def _folder_files(
    folder: Path, listed: Sequence[Path], suffixes: FolderSuffixes, domain: str, unsupported: Counter[str]
) -> Iterator[SourceFile]:
    """Yield the files of a user's folder; folders train/, valid/ and test/ inside are the split.

    Files that the plugin does not read, and pipes and devices, are counted in `unsupported`.
    """
    # 1. Leave out what is no file, and collect the suffixes.
    present, spellings = set[str](), set[str]()

    def regular_files() -> Iterator[Path]:
        for path in listed:
            kind = path_kind(path)
            unsupported["pipe or device"] += kind == "other"
            if kind != "file":
                continue
            present.add(path.suffix.lower() or "no suffix")
            if not _is_description(path):
                spellings.add(path.suffix)
                yield path

    paths = path_list(regular_files())
    # 2. Leave out what the plugin does not read, and find out which folders of splits there are.
    splits, outside = set[str](), list[Path]()

    def supported_files() -> Iterator[Path]:
        for path in paths:
            if not suffixes.is_read(path, lambda path: suffixes.is_beside(path, spellings)):
                unsupported[suffixes.kind_of_other(path)] += 1
                continue
            first = path.relative_to(folder).parts[0]
            if first in SPLITS:
                splits.add(first)
            elif not outside:
                outside.append(path)
            yield path

    supported = path_list(supported_files())
    if not present:
        raise CorpusError(f"the folder {folder} is empty; put {str(suffixes) or 'some'} files into it")
    if not supported:
        raise CorpusError(
            f"the folder {folder} contains no file that the plugin {domain!r} reads ({suffixes});"
            f" it contains files with {listing(sorted(present))}"
        )
    for split in ("valid", "test"):
        if (folder / split).is_dir() and not (folder / "train").is_dir():
            raise CorpusError(f"the folder {folder} has a {split}/ but no train/; move the training files into train/")
    if "train" in splits and outside:
        raise CorpusError(
            f"the folder {folder} has a train/ and also files outside train/, valid/ and test/"
            f" ({outside[0].relative_to(folder)}); move them into one of the three"
        )
    # 3. Add labels and splits.
    with open_file_table(folder / LABELS) as labels:
        for path in supported:
            relative = path.relative_to(folder)
            split = relative.parts[0] if "train" in splits else ""
            values = labels.get(relative.as_posix())
            values = labels.get(path.name) if values is None else values
            yield SourceFile(path, values or {}, split, name=relative.as_posix())


def _corpus_files(corpus: Corpus) -> Iterator[SourceFile]:
    paths = corpus.paths()
    if not paths:
        raise CorpusError(f"the files of the corpus {corpus.name!r} are missing: {corpus.folder} contains none")
    kind = corpus.split["kind"]
    corpus.check_inside(corpus.folder / LABELS)
    fractions = tuple(float(corpus.split.get(split, 0)) for split in SPLITS) if kind == "fractions" else ()
    splits_path = corpus.table_path() if kind == "listed" else None
    with open_file_table(corpus.folder / LABELS) as labels, open_file_table(splits_path) as splits:
        for path in paths:
            relative = path.relative_to(corpus.folder)
            origins = {"stem": path.stem, "folder": path.parent.name}
            file_labels = {name: origins.get(origin, origin) for name, origin in corpus.labels.items()}
            split = ""
            if kind == "folders":
                split = relative.parts[0]
            elif kind == "listed":
                split = (splits.get(relative.as_posix()) or {}).get("split", "train")
            if split and split not in SPLITS:
                raise CorpusError(
                    f"the corpus {corpus.name!r} puts {relative} into {split!r}; allowed are {listing(SPLITS)}"
                )
            file_labels |= labels.get(relative.as_posix()) or {}
            yield SourceFile(path, file_labels, split, fractions, name=relative.as_posix())
