"""Reading ink from files: JSON strokes, SVG with open paths, InkML, and the formats of tablets and collections."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from seqforge import ReadError, listing
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.inkml_reader import read_inkml
from seqforge_handwriting.npz_reader import read_npz
from seqforge_handwriting.samples import Sample, read_bytes
from seqforge_handwriting.stroke_json import read_json
from seqforge_handwriting.svg_reader import read_svg
from seqforge_handwriting.tablet_readers import read_iam, read_npy, read_quickdraw, read_unipen, read_xournal

__all__ = ["NAMED_SUFFIXES", "SUFFIXES", "detect_suffix", "read_ink"]

NAMED_SUFFIXES = (".xml",)
"""Suffixes of files that are read if they are named: most .xml files in a folder are no handwriting."""
SUFFIXES = (
    ".jsonl", ".json", ".svg", ".svgz", ".inkml", ".xopp", ".xoj", ".dat", ".ndjson", ".npy", ".npz",
    *NAMED_SUFFIXES,
)  # fmt: skip
"""Suffixes of the files that can be read."""
HEAD_BYTES = 4096
MAX_TEXT_BYTES = 1 << 16


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
        case ".svg" | ".svgz":
            yield _with_text_beside(read_svg(path), path)
        case ".inkml":
            yield from read_inkml(path)
        case ".xml":
            yield from read_iam(path)
        case ".xopp" | ".xoj":
            yield from (_with_text_beside(sample, path) for sample in read_xournal(path))
        case ".dat":
            yield from read_unipen(path)
        case ".ndjson":
            yield from read_quickdraw(path)
        case ".npy":
            yield from (_with_text_beside(sample, path) for sample in read_npy(path))
        case ".npz":
            yield from read_npz(path)
        case suffix:
            name = f"files with {suffix}" if suffix else "files without a suffix"
            yield ReadError(f"{name} cannot be read as strokes; give {listing(SUFFIXES)}", file=str(path))


def _with_text_beside(sample: Sample | ReadError, path: Path) -> Sample | ReadError:
    """Return a sample without a text with that of the file NAME.txt beside it, if there is one."""
    beside = path.with_suffix(".txt")
    if isinstance(sample, ReadError) or sample.ink.text or sample.place or not beside.is_file():
        return sample
    try:
        text = " ".join(read_bytes(beside, MAX_TEXT_BYTES).decode("utf-8-sig").split())
    except UnicodeDecodeError as error:
        return ReadError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", file=str(beside))
    except ReadError as error:
        return error
    return replace(sample, ink=Ink(sample.ink.strokes, text))


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
