"""One file of a corpus, and lists of files that are larger than memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.core.disk_list import DiskList
from seqforge.corpus.table_rows import RowRange
from seqforge.corpus.tables import TableColumns

__all__ = ["SourceFile", "file_list", "path_list"]


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

    def to_json(self) -> list[Any]:
        """Return the values as plain JSON.

        >>> SourceFile.from_json(SourceFile(Path("a.abc"), split="test").to_json()).split
        'test'
        """
        return [
            str(self.path),
            dict(self.labels),
            self.split,
            list(self.fractions),
            self.name,
            self.columns.to_json() if self.columns else {},
            self.rows.to_json() if self.rows else None,
            str(self.features) if self.features else None,
            self.position,
        ]

    @classmethod
    def from_json(cls, values: list[Any]) -> "SourceFile":
        """Return the file that `to_json` described."""
        path, labels, split, fractions, name, columns, rows, features, position = values
        return cls(
            Path(path),
            labels,
            split,
            tuple(fractions),
            name,
            TableColumns.from_json(columns),
            RowRange(*rows) if rows else None,
            Path(features) if features else None,
            position,
        )


def file_list(files: Iterable[SourceFile]) -> DiskList[SourceFile]:
    """Return files in a list on disk.

    >>> file_list([SourceFile(Path("a.abc")), SourceFile(Path("b.abc"))])[1].path.name
    'b.abc'
    """
    return DiskList(files, encode=SourceFile.to_json, decode=SourceFile.from_json)


def path_list(paths: Iterable[Path]) -> DiskList[Path]:
    """Return paths in a list on disk.

    >>> len(path_list(Path(f"{number}.mid") for number in range(10)))
    10
    """
    return DiskList(paths, encode=str, decode=Path)
