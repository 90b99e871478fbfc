"""A CSV table that describes files, such as labels.csv: the values of a file by its name, without a limit of rows."""

import contextlib
import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from seqforge.errors import CorpusError

__all__ = ["FileTable", "open_file_table"]


class FileTable:
    """The rows of a table by the name of their file, in a temporary database on disk.

    Example:
        with open_file_table(Path("tunes/labels.csv")) as table:
            labels = table.get("reels/one.abc") or {}

    Args:
        rows: The rows: name of the file, and the values of the other columns.
    """

    def __init__(self, rows: Iterator[tuple[str, dict[str, str]]]) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # "": a temporary file
        try:
            self._insert(rows)
        except BaseException:
            self._database.close()
            raise

    def _insert(self, rows: Iterator[tuple[str, dict[str, str]]]) -> None:
        self._database.execute("CREATE TABLE files (name TEXT PRIMARY KEY, labels TEXT) WITHOUT ROWID")
        self._database.execute("BEGIN")
        texts = ((json.dumps(name), json.dumps(values)) for name, values in rows)
        self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", texts)
        self._database.execute("COMMIT")

    def get(self, name: str) -> dict[str, str] | None:
        """Return the values of a file, None if it has no row; the last of several rows counts."""
        row = self._database.execute("SELECT labels FROM files WHERE name = ?", (json.dumps(name),)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def close(self) -> None:
        """Remove the database."""
        self._database.close()


@contextlib.contextmanager
def open_file_table(path: Path | None) -> Iterator[FileTable]:
    """Yield the table in a CSV file whose column `file` names a file; an empty table if the file is missing, or None.

    Raises:
        CorpusError: If the file cannot be read, or has no column `file`.
    """
    table: FileTable | None = None
    try:
        table = FileTable(_rows(path))
        yield table
    except (OSError, ValueError, csv.Error) as error:
        if table is not None:
            raise
        raise CorpusError(f"{path} cannot be read as comma-separated values: {error}") from error
    finally:
        if table is not None:
            table.close()


def _rows(path: Path | None) -> Iterator[tuple[str, dict[str, str]]]:
    if path is None or not path.is_file():
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            if "file" not in row:
                raise CorpusError(
                    f"{path} lacks the column 'file'; its first line must name the columns: file,label,..."
                )
            yield row["file"], {name: value for name, value in row.items() if name and name != "file" and value}
