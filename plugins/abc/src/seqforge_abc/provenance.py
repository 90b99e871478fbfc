"""Provenance records in ABC files, as comment lines after the last tune."""

PREFIX = b"%seqforge-provenance |"
END = b"|"
"""A record may be divided at a space, which some editors would remove from the end of a line."""
LINE_LENGTH = 100
"""The number of characters of a record per line; some programs limit the length of a line."""


def embed_comment(data: bytes, record: str) -> bytes:
    r"""Return a tune book with a record in comments after an empty line.

    >>> extract_comment(embed_comment(b"X:1\nT:A\nK:D\nd4|\n", '{"seed": 1}'))
    ('{"seed": 1}', b'X:1\nT:A\nK:D\nd4|\n')

    Args:
        data: The tune book.
        record: One line of ASCII.
    """
    text = record.encode("ascii")
    parts = [text[start : start + LINE_LENGTH] for start in range(0, len(text), LINE_LENGTH)]
    return data + b"\n" + b"".join(PREFIX + part + END + b"\n" for part in parts)


def extract_comment(data: bytes) -> tuple[str, bytes] | None:
    """Return the record of a tune book and the book without it, None if there is no record."""
    lines = data.split(b"\n")
    first = len(lines) - 1
    while first > 0 and lines[first - 1].startswith(PREFIX) and lines[first - 1].endswith(END):
        first -= 1
    if lines[-1] or first in (0, len(lines) - 1):
        return None
    record = b"".join(line[len(PREFIX) : -len(END)] for line in lines[first:-1])
    return record.decode("ascii", "replace"), b"\n".join(lines[:first])
