"""Explored tables on disk: bounded files in the cache folder, which are safe to delete."""

import hashlib
from pathlib import Path

import numpy as np

from seqforge.constraints.table import Exploration, Table
from seqforge.core.cache import cache_folder
from seqforge.core.files import make_folder
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.errors import DamagedFileError, WriteError

__all__ = ["read_table", "save_table", "table_path"]

FORMAT = 1
MAX_FILE_BYTES = 32 << 20
"""The largest table that is stored."""
MAX_FILES = 16
"""The largest number of stored tables; the oldest ones are deleted."""


def table_path(key: str) -> Path:
    """Return the path of the table with a key, in the folder `constraints` of the cache folder.

    Example:
        table_path("knit, 12 stitches")  # /home/ann/.cache/seqforge/constraints/5f2c...safetensors
    """
    return cache_folder() / "constraints" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"


def save_table(table: Table, key: str) -> bool:
    """Store what has been explored; return False if the table is too large or the file cannot be written.

    Example:
        save_table(constraint.table, "knit, 12 stitches")

    Args:
        table: The table.
        key: The key.
    """
    arrays = table.exploration()._asdict()
    if sum(array.nbytes for array in arrays.values()) > MAX_FILE_BYTES:
        return False
    try:
        path = table_path(key)
        make_folder(path.parent)
        write_tensors(path, arrays, {"format": FORMAT, "key": key})
        files = sorted(path.parent.glob("*.safetensors"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[MAX_FILES:]:
            file.unlink(missing_ok=True)
    except (OSError, WriteError):
        return False
    return True


def read_table(table: Table, key: str) -> bool:
    """Fill a new table with what was stored; return False if there is no file or it does not fit the automaton.

    Example:
        read_table(constraint.table, "knit, 12 stitches")

    Args:
        table: The table.
        key: The key.
    """
    try:
        file = TensorFile(table_path(key), "table")
        if file.metadata != {"format": FORMAT, "key": key} or set(file.tensors) != set(Exploration._fields):
            return False
        arrays = {name: np.array(file.array(name)) for name in Exploration._fields}
    except (OSError, DamagedFileError):
        return False
    return table.restore(Exploration(**arrays))
