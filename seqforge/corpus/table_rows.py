"""The rows of tables: .csv, .tsv, .jsonl and .parquet files, read completely or in parts."""

import codecs
import contextlib
import csv
import importlib
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.errors import UsageError

__all__ = ["Row", "RowRange", "csv_header", "json_rows", "parquet_file", "row_ranges", "table_rows"]

MAX_CELL_CHARACTERS = 1 << 26
"""A row of a text table with a longer cell ends the reading of the file."""

ROWS_PER_BATCH = 1024
"""Number of rows of a .parquet file that are in memory at a time."""

MAX_PARTS_OF_GROUP = 16
"""Largest number of parts of a row group of a .parquet file; each part decodes the rows before it in the group."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RowRange:
    """A part of a table that can be read without the rows before it.

    >>> RowRange(start=512, line=9, rows=20, size=400).to_json()
    [512, 9, 20, 400]

    Attributes:
        start: Position of the first row: in bytes for a text table, in rows for a .parquet file.
        line: Line number of the first row, from 1.
        rows: Number of rows that are read; None for all to the end of the table.
        size: Size in bytes; for a .parquet file, an estimate.
    """

    start: int
    line: int
    rows: int | None
    size: int

    def to_json(self) -> list[int | None]:
        """Return the values as plain JSON."""
        return [self.start, self.line, self.rows, self.size]


def row_ranges(path: Path, size: int) -> list[RowRange]:
    """Return the parts of a table, in order, that several processes can read independently.

    The table is read once, with the same reader as its parts, so a row with line breaks is never divided. The rows from
    the first unreadable one on belong to the last part, which reports it.

    Args:
        path: The path of the table.
        size: Size of a part in bytes; a part ends with the row that reaches it.
    """
    with contextlib.suppress(OSError, ValueError):
        return _parquet_ranges(path, size) if path.suffix.lower() == ".parquet" else _text_ranges(path, size)
    return [RowRange(0, 1, None, size)]


def _text_ranges(path: Path, size: int) -> list[RowRange]:
    is_json = path.suffix.lower() == ".jsonl"
    ranges: list[RowRange] = []
    with contextlib.closing(_Lines(path, longest=MAX_CELL_CHARACTERS if is_json else -1)) as lines:
        reader = lines if is_json else _csv_reader(path, lines)
        first, line, rows, is_readable = lines.position, 1, 0, True
        try:
            for _ in reader:
                rows += 1
                if lines.position - first >= size:
                    ranges.append(RowRange(first, line, rows, lines.position - first))
                    first, line, rows = lines.position, lines.count + 1, 0
        except (ValueError, csv.Error):
            is_readable = False
    if rows or not ranges or not is_readable:
        ranges.append(RowRange(first, line, None, max(path.stat().st_size - first, 0)))
    return ranges


class _Lines:
    """The lines of a part of a text table, with the position in the file after the last one.

    Args:
        path: The path of the table.
        part: The part; only its start and line are used. None for all of it, without the mark of its encoding.
        longest: Largest number of bytes of a line, which is divided there; -1 for any number.

    Attributes:
        position: Position in bytes after the last line.
        count: Number of lines up to there.
    """

    def __init__(self, path: Path, part: RowRange | None = None, *, longest: int = -1) -> None:
        self._file = path.open("rb")
        if part is not None:
            self.position, self.count = part.start, part.line - 1
        else:
            mark = codecs.BOM_UTF8
            self.position, self.count = len(mark) if self._file.read(len(mark)) == mark else 0, 0
        self._file.seek(self.position)
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._decoded: Iterator[str] = iter(())

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        # Bytes are decoded line by line, not ahead, so a part reports no damage after its end.
        line = next(self._decoded, "")
        while not line:
            data = self._file.readline(self._longest)
            text = self._decoder.decode(data, final=not data)
            if not data:
                raise StopIteration
            self._decoded = iter(io.StringIO(text, newline=""))  # a carriage return alone ends a line as well
            line = next(self._decoded, "")
        self.position += len(line.encode())
        self.count += 1
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def table_rows(
    path: Path, part: RowRange | None = None, columns: Sequence[str] = ()
) -> Iterator[tuple[int, Row | str]]:
    """Yield line number (from 1) and cells of each row; a string instead of cells says what is wrong with a row.

    Args:
        path: The path of the table.
        part: The part that is read; None for all.
        columns: The columns that are needed; () for all. The rows of a text table have all columns.

    Raises:
        OSError, ValueError, csv.Error: If the table cannot be read.
        UsageError: If the format needs a library that is not installed.
    """
    match path.suffix.lower():
        case ".parquet":
            return _parquet_rows(path, part, columns)
        case ".jsonl":
            return json_rows(path, part)
        case _:
            return _csv_rows(path, part)


def _open_text(path: Path) -> Any:
    return path.open(encoding="utf-8-sig", newline="")


def _csv_reader(path: Path, lines: Iterable[str]) -> Any:
    """Return a reader of rows of a .csv or .tsv file.

    The limit of the module csv, 131,072 characters per cell, is raised, since sequences can be longer.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_CHARACTERS))
    return csv.reader(lines, delimiter=_delimiter(path))


def _delimiter(path: Path) -> str:
    """Return the delimiter of a table; that of a .csv file is the commonest of , ; and tab in its first line."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with _open_text(path) as file:
        header = file.readline(1 << 16)
    return max(",;\t", key=header.count)


def csv_header(path: Path) -> list[str]:
    """Return the first row of a .csv or .tsv file, which names the columns; [] if there is none."""
    with _open_text(path) as file:
        return next(_csv_reader(path, file), [])


def _csv_rows(path: Path, part: RowRange | None) -> Iterator[tuple[int, Row | str]]:
    names = csv_header(path)
    with contextlib.closing(_Lines(path, part)) as lines:
        first = lines.count + 1
        for number, cells in enumerate(itertools.islice(_csv_reader(path, lines), part.rows if part else None)):
            is_header = number == 0 and first == 1
            if len(cells) == len(names) and not is_header:
                yield first, dict(zip(names, cells, strict=True))
            elif cells and not is_header:
                yield first, f"the row has {len(cells)} cells, and the table has {len(names)} columns"
            first = lines.count + 1


def json_rows(path: Path, part: RowRange | None = None) -> Iterator[tuple[int, Row | str]]:
    """Yield line number and values of each row of a .jsonl file; a string says what is wrong with a line."""
    with contextlib.closing(_Lines(path, part, longest=MAX_CELL_CHARACTERS)) as lines:
        for text in itertools.islice(lines, part.rows if part else None):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as error:
                yield lines.count, f"the line is not JSON ({error})"
                continue
            yield lines.count, row if isinstance(row, dict) else "the line is not a JSON object"


def parquet_file(path: Path) -> Any:
    """Return an open .parquet file.

    Raises:
        UsageError: If pyarrow is not installed.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            f"reading {path.name} needs pyarrow, which is not installed: pip install pyarrow; or convert it to .csv",
            field="corpus",
            value=str(path),
        ) from error
    return parquet.ParquetFile(path)


def _parquet_rows(path: Path, part: RowRange | None, columns: Sequence[str]) -> Iterator[tuple[int, Row | str]]:
    start = part.start if part else 0
    with parquet_file(path) as table:
        groups: list[int] = []
        skipped = 0  # the groups from the one with the first row, and the rows of the earlier groups
        for group in range(table.num_row_groups):
            rows = table.metadata.row_group(group).num_rows
            if groups or skipped + rows > start:
                groups.append(group)
            else:
                skipped += rows
        wanted = [name for name in columns if name in table.schema_arrow.names] if columns else None
        batches = table.iter_batches(ROWS_PER_BATCH, row_groups=groups, columns=wanted) if groups else ()
        line, end = skipped, start + part.rows if part and part.rows is not None else table.metadata.num_rows
        for batch in batches:
            first, last = max(start - line, 0), min(end - line, batch.num_rows)
            if last > first:
                rows_of_batch = batch.slice(first, last - first).to_pylist()
                yield from enumerate(rows_of_batch, line + first + 1)
            line += batch.num_rows
            if line >= end:
                break


def _parquet_ranges(path: Path, size: int) -> list[RowRange]:
    """Return ranges of whole row groups, and parts of a group that is larger than `size`."""
    ranges: list[RowRange] = []
    with parquet_file(path) as table:
        groups = [table.metadata.row_group(number) for number in range(table.num_row_groups)]
    first, rows, size_of_rows = 0, 0, 0
    for group in groups:
        parts = min(max(-(-group.total_byte_size // size), 1), MAX_PARTS_OF_GROUP)
        step = max(-(-group.num_rows // parts), 1)
        for start in range(0, group.num_rows, step):
            count = min(step, group.num_rows - start)
            rows, size_of_rows = rows + count, size_of_rows + group.total_byte_size * count // group.num_rows
            if size_of_rows >= size or parts > 1:
                ranges.append(RowRange(first, first + 1, rows, size_of_rows))
                first, rows, size_of_rows = first + rows, 0, 0
    if rows or not ranges:
        ranges.append(RowRange(first, first + 1, rows, size_of_rows))
    return ranges
