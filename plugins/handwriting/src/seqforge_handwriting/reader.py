"""Reading ink from files: JSON strokes, SVG with open paths, InkML."""

from collections.abc import Iterator
from pathlib import Path

from seqforge import ReadError, listing
from seqforge_handwriting.inkml_reader import read_inkml
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import read_json
from seqforge_handwriting.svg_reader import read_svg

__all__ = ["SUFFIXES", "detect_suffix", "read_ink"]

SUFFIXES = (".jsonl", ".json", ".svg", ".inkml")
"""Suffixes of the files that can be read."""
HEAD_BYTES = 4096


def read_ink(path: Path, suffix: str | None = None) -> Iterator[Sample | ReadError]:
    """Yield the samples of a file, or the reason why one cannot be read.

    Example:
        for sample in read_ink(Path("lines.jsonl")):
            print(sample if isinstance(sample, ReadError) else sample.ink.text)

    Args:
        path: The path of the file.
        suffix: The suffix of the format; None for that of the path.
    """
    match (path.suffix if suffix is None else suffix).lower():
        case ".json" | ".jsonl":
            yield from read_json(path)
        case ".svg":
            yield read_svg(path)
        case ".inkml":
            yield read_inkml(path)
        case suffix:
            name = f"files with {suffix}" if suffix else "files without a suffix"
            yield ReadError(f"{name} cannot be read as strokes; give {listing(SUFFIXES)}", file=str(path))


def detect_suffix(path: Path) -> str:
    """Return the suffix of the format of a file, judged by how it starts: ".svg", ".inkml" or else ".json".

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return ".json"
    return ".inkml" if b"<ink" in head else ".svg"
