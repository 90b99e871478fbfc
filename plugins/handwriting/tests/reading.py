"""Helpers of the tests of readers: read one sample of a file, or the reason why it is rejected."""

from pathlib import Path

from seqforge import ReadError
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="96" height="96">'
INKML = '<ink xmlns="http://www.w3.org/2003/InkML">'
PAINT = 'stroke="black" fill="none"'


def read_sample(path: Path, data: str | bytes) -> Sample:
    """Write a file and return its only sample."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    (sample,) = read_ink(path)
    assert isinstance(sample, Sample), sample
    return sample


def read_points(path: Path, data: str) -> list[list[list[float]]]:
    """Write a file and return the points of each stroke."""
    return [stroke.round(3).tolist() for stroke in read_sample(path, data).ink.strokes]


def read_error(path: Path, data: str | bytes) -> str:
    """Write a file and return the reason why it cannot be read, without the path."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    items = [*read_ink(path)]
    assert len(items) == 1 and isinstance(items[0], ReadError), items
    message = str(items[0])
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 400 + len(str(path))
    return message.removeprefix(str(path))
