"""The features of the pieces of a corpus: a vector per piece, in a file beside the corpus. No torch."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from seqforge.errors import CorpusError

__all__ = ["FEATURE_SUFFIXES", "MAX_FEATURES", "Features", "features_beside", "is_features_file", "open_features"]

FEATURE_SUFFIXES = (".npy", ".csv")
STEM = "features"
MAX_FEATURES = 65_536
"""The largest number of features of a piece."""
ROWS_AT_A_TIME = 4096


@dataclass(frozen=True, eq=False)
class Features:
    """A vector per piece, read from a file.

    Example:
        features = open_features(Path("words/features.npy"))
        features.row("a.txt", number=0, position=0)

    Attributes:
        path: The path of the file.
        values: The vectors, shape (rows, features), finite.
        rows: The row of each piece by the name of its file and its number in the file, from 0; None if the rows are in
            the order of the pieces.
    """

    path: Path
    values: np.ndarray
    rows: Mapping[tuple[str, int], int] | None = None

    @property
    def width(self) -> int:
        """The number of features of a piece."""
        return int(self.values.shape[1])

    def row(self, name: str, number: int, position: int) -> np.ndarray:
        """Return the features of a piece, shape (features,), float32.

        Args:
            name: The name of the file of the piece, relative to the folder of the corpus.
            number: The number of the piece in its file, from 0.
            position: The number of the piece in the corpus, from 0: files in the order of their names.

        Raises:
            CorpusError: If the file has no row for the piece.
        """
        if self.rows is None:
            if position < len(self.values):
                return np.asarray(self.values[position], np.float32)
            raise CorpusError(
                f"{self.path} has {len(self.values)} rows, and the corpus has more pieces; write one row per piece, in"
                " the order of the pieces (files in the order of their names)"
            )
        for key in ((name, number), (Path(name).name, number)):
            if key in self.rows:
                return np.asarray(self.values[self.rows[key]], np.float32)
        raise CorpusError(f"{self.path} has no row for piece {number + 1} of {name}; add one")

    def check_count(self, pieces: int) -> None:
        """Check that there is a row for each piece and no other.

        Raises:
            CorpusError: If there are more rows than pieces, and the rows name no files.
        """
        if self.rows is None and pieces != len(self.values):
            raise CorpusError(
                f"{self.path} has {len(self.values)} rows, and {pieces} pieces could be read; write one row per piece,"
                " or a .csv file whose columns `file` and `piece` name the piece of each row"
            )


def is_features_file(path: Path) -> bool:
    """Return whether a file has the name of a file with features: `features.npy`, or `words.features.csv`.

    >>> is_features_file(Path("words.features.npy")), is_features_file(Path("words.npy"))
    (True, False)
    """
    return path.suffix.lower() in FEATURE_SUFFIXES and (path.stem == STEM or path.stem.endswith(f".{STEM}"))


def features_beside(path: Path) -> Path | None:
    """Return the file with the features of a corpus, None if there is none.

    Those of a folder are in `features.npy` or `features.csv` in it, those of the file `words.txt` in
    `words.features.npy` or `words.features.csv` beside it.

    Args:
        path: A folder or a file.
    """
    stem = path / STEM if path.is_dir() else path.with_name(f"{path.stem}.{STEM}")
    candidates = [stem.with_name(stem.name + suffix) for suffix in FEATURE_SUFFIXES]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def open_features(path: Path) -> Features:
    """Return the features in a file.

    A `.npy` file has an array of shape (pieces, features). The first line of a `.csv` file names the columns; the
    columns `file` and `piece` (from 1) name the piece of a row, and all others contain numbers.

    Raises:
        CorpusError: If the file cannot be read or has no row, or a value is no finite number.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error
    return _open(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _open(path: Path, time: int, size: int) -> Features:
    """Return the features in a file; a file that has changed since the last call has another time or size."""
    features = _read_array(path) if path.suffix.lower() == ".npy" else _read_csv(path)
    if not 1 <= features.width <= MAX_FEATURES:
        raise CorpusError(f"{path} has {features.width} features per piece; allowed are 1 to {MAX_FEATURES:,}")
    if not len(features.values):
        names = " below its first line, which names the columns" if path.suffix.lower() == ".csv" else ""
        raise CorpusError(f"{path} has no row{names}; it must have a row per piece")
    for first in range(0, len(features.values), ROWS_AT_A_TIME):
        finite = np.isfinite(features.values[first : first + ROWS_AT_A_TIME]).all(1)
        if not finite.all():
            row = first + int(np.argmin(finite)) + 1
            raise CorpusError(f"{path} has a value in row {row} that is not a finite number; replace it")
    return features


def _read_array(path: Path) -> Features:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as error:
        raise CorpusError(f"{path} cannot be read as an array of NumPy: {error}") from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "fiub":
        kind = f"shape {values.shape} of {values.dtype}" if isinstance(values, np.ndarray) else "several arrays"
        raise CorpusError(f"{path} has {kind}; it must have real numbers of shape (pieces, features)")
    return Features(path, values)


def _read_csv(path: Path) -> Features:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
    except (OSError, ValueError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as comma-separated values: {error}") from error
    header = lines[0] if lines else []
    columns = [number for number, name in enumerate(header) if name not in ("file", "piece")]
    values = np.zeros((max(0, len(lines) - 1), len(columns)), np.float32)
    rows: dict[tuple[str, int], int] = {}
    for row, line in enumerate(lines[1:]):
        if len(line) != len(header):
            raise CorpusError(
                f"{path} has {len(line)} values in row {row + 1}, and its first line names {len(header)} columns;"
                " every row must have a value per column"
            )
        try:
            values[row] = [float(line[number]) for number in columns]
            piece = int(line[header.index("piece")]) if "piece" in header else 1
        except ValueError as error:
            raise CorpusError(f"{path} has a value in row {row + 1} that is not a number ({error})") from error
        if "file" in header:
            key = (line[header.index("file")], piece - 1)
            if key in rows:
                raise CorpusError(f"{path} has two rows for piece {piece} of {key[0]}; remove one")
            rows[key] = row
    return Features(path, values, rows if "file" in header else None)
