"""Text files into pieces, and pieces into text files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from seqforge import Divides, Fingerprints, Origin, Piece, Plugin, ReadError, flag
from seqforge_text.codec import TextCodec
from seqforge_text.similar import fingerprints

BLOCK = 4_000_000
"""Characters: a longer piece is read as several, so that memory stays flat."""


@dataclass(frozen=True)
class Options:
    """How to read and encode text."""

    level: Literal["char", "byte", "word"] = flag("char", help="what a step is")
    piece: Literal["file", "paragraph", "line"] = flag(
        "file", help="what a piece is: the network's memory is empty at its start"
    )


@dataclass(frozen=True)
class Request:
    """What to write."""

    prompt: str = flag("", help="the text to begin with, taken literally", unit="TEXT")
    prompt_file: Path | None = flag(None, help="a file that holds the text to begin with")


class Text(Plugin, Divides, Fingerprints):
    """Reads and writes text."""

    name = "text"
    summary = "prose, verse, code, names: characters, bytes or words"
    unit = "character"
    writes = (".txt",)
    books = (".txt",)
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = TextCodec

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield the pieces of a UTF-8 file; line ends are made LF, empty paragraphs and lines left out."""
        if path.stat().st_size == 0:
            yield ReadError("is empty", file=str(path))
            return
        split = {"file": _blocks, "paragraph": _paragraphs, "line": _lines}[options.piece]
        try:
            with path.open(encoding="utf-8-sig") as file:
                for text, place in split(file):
                    if "\0" in text:
                        yield ReadError("holds a NUL character: it is no text", file=str(path), line=place)
                        return
                    yield Piece(text, origin=Origin(str(path), f"line {place}"))
        except UnicodeDecodeError as error:
            reason = f"is no UTF-8 ({error.reason}); convert it, e.g. with iconv"
            yield ReadError(reason, file=str(path), line=_bad_line(path))

    def fit(self, pieces: Iterable[Piece], options: Any) -> TextCodec:
        return TextCodec.fit(pieces, options)

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        """Write the pieces: one as it is, several with an empty line between them (lines: none)."""
        texts = [piece.content for piece in pieces]
        between = "\n" if all("\n" not in text for text in texts) else "\n\n"
        text = between.join(text.rstrip("\n") for text in texts) + "\n" if len(texts) > 1 else texts[0]
        path.write_text(text, encoding="utf-8", newline="")

    def divide(self, piece: Piece, fractions: Sequence[float]) -> list[Piece]:
        """Return consecutive parts by characters; an edge is rounded down (90 % of 1,115,394 is 1,003,854)."""
        text, parts, first, share = piece.content, [], 0, 0.0
        for number, fraction in enumerate(fractions):
            share += fraction
            last = all(later == 0 for later in fractions[number + 1 :])
            end = len(text) if last else int(len(text) * share)
            parts.append(Piece(text[first:end], piece.labels, piece.origin))
            first = end
        return parts

    def fingerprints(self, piece: Piece) -> Iterable[int]:
        return fingerprints(piece.content)


def _blocks(file: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield a whole file, or, where it is very long, blocks of it that end with a line where one does."""
    parts: list[str] = []
    size, first = 0, 1
    for number, line in enumerate(_short(file), 1):
        if size and size + len(line) > BLOCK:
            yield "".join(parts), first
            parts, size, first = [], 0, number
        parts.append(line)
        size += len(line)
    if parts:
        yield "".join(parts), first


def _short(file: Any) -> Iterator[str]:
    """Yield lines; a line longer than a block comes in parts."""
    while line := file.readline(BLOCK):
        yield line


def _paragraphs(file: Iterable[str]) -> Iterator[tuple[str, int]]:
    parts: list[str] = []
    first = 1
    for number, line in enumerate(_short(file), 1):
        if line.strip():
            first = number if not parts else first
            parts.append(line)
        elif parts:
            yield "".join(parts).rstrip("\n"), first
            parts = []
    if parts:
        yield "".join(parts).rstrip("\n"), first


def _lines(file: Iterable[str]) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(_short(file), 1):
        if line.strip():
            yield line.rstrip("\n"), number


def _bad_line(path: Path) -> int | None:
    """Return the first line of a file that is no UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(BLOCK), b""), 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None
