"""The lines of a file of any system and any usual text encoding."""

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE_BYTES = 100_000
"""A longer line is skipped."""
_BLOCK_SIZE = 1 << 16


def read_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a file with their numbers from 1; None for a line that is too long.

    A line ends with LF, CRLF or CR.
    """
    number, rest, skipping, after_cr = 1, b"", False, False
    while block := file.read(_BLOCK_SIZE):
        if after_cr and block.startswith(b"\n"):
            block = block[1:]
        after_cr = block.endswith(b"\r")
        *lines, rest = (rest + block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).split(b"\n")
        for line in lines:
            yield number, None if skipping or len(line) > MAX_LINE_BYTES else line
            number, skipping = number + 1, False
        if len(rest) > MAX_LINE_BYTES:
            rest, skipping = b"", True
    if rest or skipping:
        yield number, None if skipping else rest


def decode_line(raw: bytes) -> str:
    """Return a line as text: UTF-8 if it is valid, else Windows-1252 or Latin-1."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")
