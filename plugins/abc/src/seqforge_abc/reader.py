"""The reader of tune books: it splits bytes into lines and lines into tunes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seqforge import ReadError
from seqforge_abc.lines import MAX_LINE_BYTES, decode_line, read_lines
from seqforge_abc.spaced_tokens import split_sample
from seqforge_abc.tune import Tune
from seqforge_abc.tune_reader import FIELD, Defaults, TuneReader

__all__ = ["read_book", "read_tunes"]

_HEADER_FIELDS = frozenset("XTMLKRQ")
_HEADER_LINE = re.compile(rb"[ \t\xef\xbb\xbf]*\[?[XTMLKRQUm]:")
_BRACKETED_FIELD = re.compile(r"\s*\[([XTMLKRQ]:[^\[\]]*)\]")
_TAG = re.compile(
    r"</[a-z][a-z0-9]*\s*>|<!--[^<>]*>|<!doctype[^>]*>|<a\s+(?:href|name|id|class|target)=[^<>]*>|"
    r"<(?:p|pre|html|head|body|title|font|i|hr|div|span|td|tr|th|table|tbody|h[1-6]|center|img|li|ul|ol|blockquote|code|tt|meta|link|script|style|em|strong|small|big)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " "}
_ENTITY = re.compile("|".join(_ENTITIES))


def read_book(path: Path, *, skip_misread: bool = True) -> Iterator[tuple[Tune, int] | ReadError]:
    """Yield the tunes of a book, each with the number of its first line, and an error for each unreadable tune.

    A tune ends with an empty line or at the next tune; text between tunes is skipped. Memory use is constant.

    Example:
        from pathlib import Path

        for item in read_book(Path("session.abc")):
            if not isinstance(item, ReadError):
                tune, line = item

    Args:
        path: The book.
        skip_misread: Whether a tune is an error if most of its bars do not fill its meter.
    """
    with path.open("rb") as file:
        yield from read_tunes(file, str(path), skip_misread=skip_misread)


def read_tunes(book: BinaryIO, file: str = "", *, skip_misread: bool = True) -> Iterator[tuple[Tune, int] | ReadError]:
    r"""Yield the tunes of an open book, as `read_book` does.

    >>> import io
    >>> [line for _, line in read_tunes(io.BytesIO(b"X:1\nT:a\nK:D\nDEFG|"))]
    [1]

    Args:
        book: The bytes of the book.
        file: The path of the book, for errors.
        skip_misread: Whether a tune is an error if most of its bars do not fill its meter.
    """
    splitter, has_items, long_line = _BookSplitter(skip_misread), False, 0
    for number, raw in read_lines(book):
        if raw is None:
            long_line = long_line or number
            splitter.reject(f"has a line of more than {MAX_LINE_BYTES:,} bytes")
            item = None
        else:
            if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                yield ReadError("is UTF-16; convert it to UTF-8, for instance with iconv", file=file)
                return
            if b"\0" in raw:
                yield ReadError("contains a NUL character, so it is not a text file", file=file, line=number)
                return
            item = splitter.line(number, raw)
        if item:
            has_items = True
            yield _tune_or_error(item, file)
    if item := splitter.end():
        has_items = True
        yield _tune_or_error(item, file)
    if not has_items:
        reason = f"contains no tune, and line {long_line} is too long to read" if long_line else "contains no tune"
        yield ReadError(f"{reason}; a tune begins with X: and T:, and its music follows K:", file=file)


def _tune_or_error(item: tuple[Tune | str, int], file: str) -> tuple[Tune, int] | ReadError:
    tune, line = item
    return ReadError(tune, file=file, line=line) if isinstance(tune, str) else (tune, line)


class _BookSplitter:
    """Splits lines into tunes. `line` and `end` return a tune, or the reason why it is unreadable, and its first line.

    Args:
        skip_misread: Whether a tune is unreadable if most of its bars do not fill its meter.

    Attributes:
        tune: The tune that is being read, None between tunes.
        defaults: The fields of the book's header.
        at_first: Whether no tune or header has ended yet.
        numbered: Whether an X: field has been read.
    """

    def __init__(self, skip_misread: bool) -> None:
        self.skip_misread = skip_misread
        self.tune: TuneReader | None = None
        self.defaults = Defaults()
        self.numbered = False
        self.at_first = True

    def line(self, number: int, raw: bytes) -> tuple[Tune | str, int] | None:
        if self.tune is None and not _HEADER_LINE.match(raw) and b"<" not in raw:
            return None
        text = decode_line(raw)
        if not text.strip():
            return self.empty_line()
        if "<" in text:
            text = _TAG.sub("", text)
            parts = [part for part in _LINE_BREAK_TAG.split(text) if part.strip()]
        else:
            parts = [text]
        item = None
        for part in self._split(parts):
            item = self._part(number, part) or item
        return item

    def _split(self, parts: list[str]) -> Iterator[str]:
        """Yield parts of a line; the fields of a header that share a line, or stand in brackets, become parts."""
        for part in parts:
            in_header = self.tune.music is None if self.tune is not None else not self.numbered
            rest = part
            while in_header and (match := _BRACKETED_FIELD.match(rest)):
                yield match[1]
                rest = rest[match.end() :]
            sample = split_sample(rest)
            if len(sample) > 1 and self.tune is not None and not self.tune.numbered and self.tune.has_notes:
                yield ""
            yield from (piece for piece in sample if piece.strip())

    def _part(self, number: int, text: str) -> tuple[Tune | str, int] | None:
        if "&" in text:
            text = _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], text)
        if not text:
            return self.end()
        field = FIELD.match(text)
        letter = field[1] if field else ""
        item = None
        starts = letter in _HEADER_FIELDS or (self.at_first and letter in ("U", "m"))
        if letter == "X" or (self.tune is None and starts):
            item = self.end()
            self.numbered |= letter == "X"
            self.tune = TuneReader(number, self.defaults, numbered=letter == "X")
        if self.tune is not None:
            self.tune.line(text, field)
        return item

    def empty_line(self) -> tuple[Tune | str, int] | None:
        """End a tune that has notes; the header of a numbered tune may continue after an empty line."""
        if self.tune is None:
            return None
        self.tune.after_empty_line = True
        return self.end() if self.tune.has_notes or not self.tune.numbered else None

    def reject(self, reason: str) -> None:
        """Mark the current tune as unreadable."""
        if self.tune is not None:
            self.tune.error = self.tune.error or reason

    def end(self) -> tuple[Tune | str, int] | None:
        """End the current tune."""
        tune, self.tune = self.tune, None
        if tune is None:
            return None
        at_first, self.at_first = self.at_first, False
        if not tune.numbered and not tune.has_notes:
            if at_first:  # the header of the book: its fields are defaults of every tune
                fields = {letter: text for letter, text in tune.fields.items() if letter in "MLR"}
                self.defaults = Defaults(fields, tune.symbols, tune.macros)
            return None
        return tune.finish(skip_misread=self.skip_misread), tune.first_line
