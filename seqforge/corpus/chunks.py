"""The files of a corpus in chunks of about equal size, and large tables in parts."""

import dataclasses
from collections.abc import Iterable, Iterator

from seqforge.corpus.source_file import SourceFile
from seqforge.corpus.table_rows import row_ranges

__all__ = ["file_chunks", "with_parts"]

CHUNK_BYTES, CHUNK_FILES = 4 << 20, 4096
"""A chunk ends with the file that reaches one of these numbers."""


def file_chunks(files: Iterable[SourceFile]) -> tuple[list[range], int]:
    """Return runs of file indices, and the size of all files in bytes; they do not depend on the number of workers."""
    chunks: list[range] = []
    first, size, total, number = 0, 0, 0, -1
    for number, file in enumerate(files):
        if size >= CHUNK_BYTES or number - first >= CHUNK_FILES:
            chunks.append(range(first, number))
            first, size = number, 0
        size += file.size
        total += file.size
    return [*chunks, range(first, number + 1)], total


def with_parts(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """Yield the files, with parts of about CHUNK_BYTES instead of each large table."""
    for file in files:
        is_large = file.columns is not None and (file.path.suffix.lower() == ".parquet" or file.size > CHUNK_BYTES)
        ranges = row_ranges(file.path, CHUNK_BYTES) if is_large else []
        if len(ranges) > 1:
            yield from (dataclasses.replace(file, rows=rows) for rows in ranges)
        else:
            yield file
