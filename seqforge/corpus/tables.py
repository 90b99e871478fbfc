"""Tables as corpora: one column of a .csv, .tsv, .jsonl or .parquet file contains texts, others contain labels."""

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.corpus.table_rows import Row, RowRange, csv_header, json_rows, parquet_file, table_rows
from seqforge.errors import CorpusError, ReadError, UsageError, did_you_mean, listing
from seqforge.plugin import AnyPlugin, FromText, Origin, Piece
from seqforge.plugin.validation import contract_error

__all__ = ["TABLE_SUFFIXES", "TableColumns", "check_columns", "column_names", "is_table", "read_table_pieces"]

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
HEADER_ROWS = 100
"""Number of rows of a .jsonl file whose keys are its columns."""


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table that are read.

    >>> TableColumns.from_names("sequence", "kind, year")
    TableColumns(text='sequence', labels=('kind', 'year'))

    Attributes:
        text: The name of the column with the texts.
        labels: The names of the columns with the labels; the label has the name of the column.
    """

    text: str
    labels: tuple[str, ...] = ()

    @classmethod
    def from_names(cls, text: str | None, labels: Iterable[str] | str = ()) -> "TableColumns | None":
        """Return the columns with these names; None if no text column is named.

        Args:
            text: The name of the text column.
            labels: The names of the label columns, as a sequence or separated by commas.

        Raises:
            UsageError: If labels are named and no text column is.
        """
        names = labels.split(",") if isinstance(labels, str) else list(labels)
        names = [name.strip() for name in names if name.strip()]
        if text is None and names:
            raise UsageError("`label_columns` is set without `text_column`; set both", field="label_columns")
        return None if text is None else cls(text, tuple(dict.fromkeys(names)))

    def to_json(self) -> dict[str, Any]:
        """Return the columns as plain JSON, as they stand in configurations and in the provenance of models."""
        return {"text_column": self.text, "label_columns": list(self.labels)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TableColumns | None":
        """Return the columns in a JSON object that `to_json` wrote or that contains its entries; None without them."""
        return cls.from_names(values.get("text_column"), values.get("label_columns", ()))


def is_table(path: Path) -> bool:
    """Return whether a file has the suffix of a table.

    >>> is_table(Path("poems.CSV")), is_table(Path("poems.txt"))
    (True, False)
    """
    return path.suffix.lower() in TABLE_SUFFIXES


def column_names(path: Path) -> list[str]:
    """Return the names of a table's columns, in order.

    Raises:
        CorpusError: If the table cannot be read or is empty.
        UsageError: If the format needs a library that is not installed.
    """
    try:
        if path.suffix.lower() == ".parquet":
            names = list(parquet_file(path).schema_arrow.names)
        elif path.suffix.lower() == ".jsonl":
            rows = itertools.islice(json_rows(path), HEADER_ROWS)
            names = list(dict.fromkeys(name for _, row in rows if not isinstance(row, str) for name in row))
        else:
            names = csv_header(path)
    except (OSError, ValueError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as a table: {error}") from error
    if not names:
        raise CorpusError(f"{path} has no columns; the first line of a table names them")
    return names


def check_columns(path: Path, columns: TableColumns) -> None:
    """Check that a table has the columns that are read.

    Raises:
        UsageError: If it lacks one.
        CorpusError: If the table cannot be read.
    """
    names = column_names(path)
    for field, name in [("text_column", columns.text), *(("label_columns", label) for label in columns.labels)]:
        if name not in names:
            raise UsageError(
                f"`{field}` names {name!r}, which is no column of {path}; it has {listing(names)}"
                f"{did_you_mean(name, names)}",
                field=field, value=name, allowed=listing(names, most=100),
            )  # fmt: skip


def read_table_pieces(
    plugin: AnyPlugin, options: Any, path: Path, columns: TableColumns, rows: RowRange | None = None
) -> Iterator[Piece[Any] | ReadError]:
    """Yield one piece per row of a table, with the row's labels; a ReadError for a row that contains none.

    The table is read once, row by row, so memory does not grow with the file.

    Args:
        plugin: A plugin with the capability FromText.
        options: The plugin's options.
        path: The path of the table.
        columns: The columns with texts and labels.
        rows: The part of the table that is read; None for all of it.

    Raises:
        UsageError: If the plugin makes no pieces from text.
        ContractError: If `piece_from_text` returns something else than a Piece or a ReadError.
    """
    if not isinstance(plugin, FromText):
        raise text_not_supported(plugin)
    file, row_name = str(path), "row" if path.suffix.lower() == ".parquet" else "line"
    try:
        for line, row in table_rows(path, rows, [columns.text, *columns.labels]):
            text = row if isinstance(row, str) else row.get(columns.text)
            if isinstance(row, str):
                yield ReadError(row, file=file, line=line)
            elif text is None or text == "":
                yield ReadError(f"the column {columns.text!r} is empty", file=file, line=line)
            elif not isinstance(text, str):
                reason = f"the column {columns.text!r} contains {type(text).__name__}, not text"
                yield ReadError(reason, file=file, line=line)
            else:
                item: Any = plugin.piece_from_text(text, options)
                if isinstance(item, ReadError):
                    yield ReadError(item.reason, file=file, line=line)
                elif isinstance(item, Piece):
                    labels = {**item.labels, **_labels(row, columns)}
                    yield Piece(item.content, labels, Origin(file, f"{row_name} {line}"))
                else:
                    problem = f"returns {type(item).__name__}"
                    raise contract_error(plugin, "piece_from_text", problem, "a Piece or a ReadError")
    except UnicodeDecodeError as error:
        yield ReadError(f"this is not UTF-8 ({error.reason}); convert the file, for example with iconv", file=file)
    except csv.Error as error:
        yield ReadError(f"cannot be read as a table ({error})", file=file)


def text_not_supported(plugin: AnyPlugin) -> UsageError:
    """Return the error of a text column for a plugin that makes no pieces from text."""
    return UsageError(
        f"`text_column` is set, but the plugin {plugin.name!r} makes no pieces from text; leave it out",
        field="text_column",
    )


def _labels(row: Row, columns: TableColumns) -> dict[str, str]:
    """Return the labels of a row; empty cells are left out."""
    values = {name: row.get(name) for name in columns.labels}
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value).strip()
        for name, value in values.items()
        if value is not None and str(value).strip()
    }
