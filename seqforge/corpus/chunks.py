"""The files of a corpus in chunks of about equal size, and large tables in parts."""

import dataclasses

from seqforge.corpus.sources import SourceFile
from seqforge.corpus.table_rows import row_ranges

__all__ = ["file_chunks", "with_parts"]

CHUNK_BYTES = 4 << 20


def file_chunks(files: list[SourceFile]) -> list[list[int]]:
    """Return runs of file indices of about CHUNK_BYTES; they do not depend on the number of workers."""
    chunks: list[list[int]] = [[]]
    size = 0
    for number, file in enumerate(files):
        if size >= CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(number)
        size += file.size
    return chunks


def with_parts(files: list[SourceFile]) -> list[SourceFile]:
    """Return the files, with parts of about CHUNK_BYTES instead of each large table."""
    parts: list[SourceFile] = []
    for file in files:
        is_large = file.columns is not None and (file.path.suffix.lower() == ".parquet" or file.size > CHUNK_BYTES)
        ranges = row_ranges(file.path, CHUNK_BYTES) if is_large else []
        parts += [dataclasses.replace(file, rows=rows) for rows in ranges] if len(ranges) > 1 else [file]
    return parts
