"""The plugin: text files to pieces, and pieces to text files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from seqforge import (
    Describes,
    Divides,
    Edits,
    Fingerprints,
    FromText,
    Origin,
    Piece,
    Plugin,
    Predicts,
    Preview,
    Previews,
    ReadError,
)
from seqforge_text.codec import TextCodec
from seqforge_text.lines import line_regions
from seqforge_text.near_duplicates import fingerprints
from seqforge_text.options import TextOptions, TextRequest
from seqforge_text.pairs import Pair, read_pairs
from seqforge_text.statistics import describe_text, measure_texts, word_trace

__all__ = ["Text"]

BLOCK = 4_000_000
"""The largest number of characters of a piece that is a file; a longer file is split, so that memory is bounded."""


class Text(
    Plugin[str, TextOptions, TextRequest],
    Describes[str],
    Divides[str],
    Fingerprints[str],
    FromText[str],
    Predicts[str],
    Previews[str],
    Edits[str],
):
    """Reads and writes text files.

    >>> Text().divide(Piece("to be or not to be"), [0.5, 0.5])[0].content
    'to be or '
    """

    name = "text"
    summary = "prose, verse, code or names as characters, bytes or words"
    unit = "character"
    writes = (".txt",)
    multi_piece = (".txt",)
    Options = TextOptions
    Request = TextRequest
    codec = TextCodec
    native = False
    metrics = ("bleu", "chrf", "cer", "wer")
    edits = ("continue", "rewrite")
    edit_suffix = ".txt"

    def read(self, path: Path, options: TextOptions) -> Iterator[Piece[str] | ReadError]:
        """Yield the pieces of a UTF-8 file. Line ends become LF; empty lines and paragraphs are no pieces."""
        if path.stat().st_size == 0:
            yield ReadError("the file is empty", file=str(path))
            return
        if options.pairs:
            yield from self._read_pairs(path, options)
            return
        split = {"file": _blocks, "paragraph": _paragraphs, "line": _lines}[options.piece]
        try:
            with path.open(encoding="utf-8-sig") as file:
                for text, line in split(file):
                    if "\0" in text:
                        reason = "there is a NUL character, so this is not a text file"
                        yield ReadError(reason, file=str(path), line=line)
                        return
                    yield Piece(text, origin=Origin(str(path), f"line {line}"))
        except UnicodeDecodeError as error:
            reason = f"this is not UTF-8 ({error.reason}); convert the file, for example with iconv"
            yield ReadError(reason, file=str(path), line=_first_invalid_line(path))

    def _read_pairs(self, path: Path, options: TextOptions) -> Iterator[Piece[str] | ReadError]:
        try:
            yield from read_pairs(path, options)
        except UnicodeDecodeError as error:
            reason = f"this is not UTF-8 ({error.reason}); convert the file, for example with iconv"
            yield ReadError(reason, file=str(path), line=_first_invalid_line(path))

    def write(self, pieces: Sequence[Piece[str]], path: Path) -> None:
        """Write one piece unchanged; separate several by line ends, or by empty lines if one has several lines."""
        texts = [piece.content for piece in pieces]
        separator = "\n\n" if any("\n" in text for text in texts) else "\n"
        text = separator.join(text.rstrip("\n") for text in texts) + "\n" if len(texts) > 1 else texts[0]
        path.write_text(text, encoding="utf-8", newline="")

    def divide(self, piece: Piece[str], fractions: Sequence[float]) -> list[Piece[str]]:
        """Return consecutive parts; their ends are rounded down to characters (90 % of 1,115,394 is 1,003,854)."""
        if isinstance(piece.content, Pair):  # a pair is not divided: it is wholly in the first part
            empty: Piece[str] = Piece(Pair(), piece.labels, piece.origin)
            return [piece, *[empty] * (len(fractions) - 1)]
        text, parts, start, cumulated = piece.content, [], 0, 0.0
        for number, fraction in enumerate(fractions):
            cumulated += fraction
            is_last = not any(fractions[number + 1 :])
            end = len(text) if is_last else int(len(text) * cumulated)
            parts.append(Piece(text[start:end], piece.labels, piece.origin))
            start = end
        return parts

    def piece_from_text(self, text: str, options: TextOptions) -> Piece[str] | ReadError:
        """Return the text as one piece, whatever `piece` says. Line ends become LF."""
        if "\0" in text:
            return ReadError("there is a NUL character, so this is not a text")
        if options.pairs:
            return ReadError("`pairs` reads whole lines; leave out `text_column`, or leave out `pairs`")
        return Piece(text.replace("\r\n", "\n").replace("\r", "\n"))

    def preview(self, piece: Piece[str]) -> Preview:
        """Return the text and its lines."""
        return Preview(text=piece.content, regions=line_regions(piece.content))

    def sketch(self, piece: Piece[str]) -> Preview:
        """Return the text."""
        return Preview(text=piece.content)

    def edit(self, kind: str, path: str, numbers: Sequence[int]) -> Mapping[str, Any]:
        """Return the field that continues a text, or rewrites some of its lines."""
        if kind == "rewrite":
            return {"infill": f"{path}:{','.join(map(str, numbers))}"}
        return {"prompt_file": path}

    def prediction_request(self, piece: Piece[str]) -> Mapping[str, Any] | None:
        """Return the request of the source of a pair; None for a text that is no pair."""
        return {"source": piece.content.source} if isinstance(piece.content, Pair) else None

    def target_text(self, piece: Piece[str]) -> str:
        """Return the target of a pair, or a generated text, which is a target."""
        return piece.content.target if isinstance(piece.content, Pair) else piece.content

    def describe(self, piece: Piece[str]) -> Mapping[str, np.ndarray]:
        """Return the lengths of words and of lines, in characters."""
        return describe_text(piece.content)

    def trace(self, piece: Piece[str]) -> Sequence[int]:
        """Return a number for each word, whatever its case, spaces and punctuation."""
        return word_trace(piece.content)

    def measure(self, pieces: Sequence[Piece[str]]) -> Mapping[str, float]:
        """Return the share of words that are different."""
        return measure_texts(pieces)

    def fingerprints(self, piece: Piece[str]) -> Iterable[int]:
        return fingerprints(piece.content)


def _blocks(file: TextIO) -> Iterator[tuple[str, int]]:
    """Yield the whole file, or, if it is very long, blocks of complete lines; each with its first line number."""
    parts: list[str] = []
    size, first = 0, 1
    for number, line in enumerate(_bounded_lines(file), 1):
        if size and size + len(line) > BLOCK:
            yield "".join(parts), first
            parts, size, first = [], 0, number
        parts.append(line)
        size += len(line)
    if parts:
        yield "".join(parts), first


def _paragraphs(file: TextIO) -> Iterator[tuple[str, int]]:
    """Yield the paragraphs, which are separated by blank lines, each with its first line number."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(_bounded_lines(file), 1):
        if line.strip():
            first = number if not parts else first
            parts.append(line)
        elif parts:
            yield "".join(parts).rstrip("\n"), first
            parts = []
    if parts:
        yield "".join(parts).rstrip("\n"), first


def _lines(file: TextIO) -> Iterator[tuple[str, int]]:
    """Yield the lines that are not blank, each with its number."""
    for number, line in enumerate(_bounded_lines(file), 1):
        if line.strip():
            yield line.rstrip("\n"), number


def _bounded_lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a file; a line longer than BLOCK comes in several parts."""
    while line := file.readline(BLOCK):
        yield line


def _first_invalid_line(path: Path) -> int | None:
    """Return the number of the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(BLOCK), b""), 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None
