"""The reader of tune books: it splits bytes into lines and lines into tunes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from seqforge import ReadError
from seqforge_abc.fields import (
    DROPPED_FIELDS,
    default_unit,
    key_field,
    meter_field,
    plain_text,
    rhythm_field,
    unit_field,
    user_symbol,
)
from seqforge_abc.lexer import is_prose
from seqforge_abc.music_parser import BadMusicError, MusicParser
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune import Tune

MAX_LINE_BYTES = 100_000
"""A longer line is skipped."""
MAX_TUNE_CHARACTERS = 200_000
"""A longer tune is skipped."""
_BLOCK_SIZE = 1 << 16

_FIELD = re.compile(r"[ \t]*([A-Za-z+]):(?![|:])[ \t]*(.*)", re.DOTALL)
_HEADER_FIELDS = frozenset("XTMLKRQ")
_HEADER_LINE = re.compile(rb"[ \t\xef\xbb\xbf]*[XTMLKRQ]:")
_TAG = re.compile(
    r"</[a-z][a-z0-9]*\s*>|<!--[^<>]*>|<!doctype[^>]*>|<a\s+(?:href|name|id|class|target)=[^<>]*>|"
    r"<(?:p|pre|html|head|body|title|font|i|hr|div|span|td|tr|th|table|tbody|h[1-6]|center|img|li|ul|ol|blockquote|code|tt|meta|link|script|style|em|strong|small|big)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " "}
_ENTITY = re.compile("|".join(_ENTITIES))
_QUOTED_PRINTABLE = re.compile(r"=(?:20|3D|09)", re.IGNORECASE)
_COMMENT = re.compile(r"(?<!\\)%.*", re.DOTALL)


def read_book(path: Path) -> Iterator[tuple[Tune, int] | ReadError]:
    """Yield the tunes of a book, each with the number of its first line, and an error for each unreadable tune.

    A tune ends with an empty line or at the next tune; text between tunes is skipped. Memory use is constant.

    Example:
        from pathlib import Path

        for item in read_book(Path("session.abc")):
            if not isinstance(item, ReadError):
                tune, line = item
    """
    with path.open("rb") as file:
        yield from read_tunes(file, str(path))


def read_tunes(book: BinaryIO, file: str = "") -> Iterator[tuple[Tune, int] | ReadError]:
    r"""Yield the tunes of an open book, as `read_book` does.

    >>> import io
    >>> [line for _, line in read_tunes(io.BytesIO(b"X:1\nT:a\nK:D\nDEFG|"))]
    [1]

    Args:
        book: The bytes of the book.
        file: The path of the book, for errors.
    """
    splitter, has_items, long_line = _BookSplitter(), False, 0
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


class _BookSplitter:
    """Splits lines into tunes. `line` and `end` return a tune, or the reason why it is unreadable, and its first line.

    Attributes:
        tune: The tune that is being read, None between tunes.
        defaults: The M:, L: and R: fields of the book's header, by letter.
        at_first: Whether no tune or header has ended yet.
    """

    def __init__(self) -> None:
        self.tune: _TuneReader | None = None
        self.defaults: dict[str, str] = {}
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
        for part in parts:
            item = self._part(number, part) or item
        return item

    def _part(self, number: int, text: str) -> tuple[Tune | str, int] | None:
        if "&" in text:
            text = _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], text)
        field = _FIELD.match(text)
        letter = field[1] if field else ""
        item = None
        if letter == "X" or (self.tune is None and letter in _HEADER_FIELDS and letter):
            item = self.end()
            self.tune = _TuneReader(number, self.defaults, numbered=letter == "X")
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
        if not tune.numbered and (tune.music is None or not tune.music.elements):
            if at_first:  # the header of the book: its fields are defaults of every tune
                self.defaults = {letter: text for letter, text in tune.fields.items() if letter in "MLR"}
            return None
        return tune.finish(), tune.first_line


class _TuneReader:
    """Reads the lines of one tune.

    Args:
        first_line: The number of the first line.
        defaults: The values of fields that the tune does not have.
        numbered: Whether the tune begins with an X: field.

    Attributes:
        own_fields: The letters of the fields that the tune has.
        music: The parser of the music; None in the header.
        error: Why the tune is unreadable; "" if it is readable.
        in_history: Whether the last line is part of an H: field, which may continue on the next line.
        in_directive: Whether the lines are part of a %%begin ... %%end block.
    """

    def __init__(self, first_line: int, defaults: dict[str, str], *, numbered: bool) -> None:
        self.first_line, self.numbered = first_line, numbered
        self.fields = dict(defaults)
        self.own_fields: set[str] = set()
        self.symbols: dict[str, str] = {}
        self.losses: Counter[str] = Counter()
        self.music: MusicParser | None = None
        self.error = ""
        self.size = 0
        self.in_history = self.in_directive = self.after_empty_line = False

    @property
    def has_notes(self) -> bool:
        """Whether a note was read, or the tune is unreadable."""
        return bool(self.error) or (self.music is not None and self.music.last_note is not None)

    def line(self, text: str, field: re.Match[str] | None) -> None:
        """Read a line.

        Args:
            text: The line.
            field: The match of `_FIELD`.
        """
        self.size += len(text)
        if self.size > MAX_TUNE_CHARACTERS:
            self.error = self.error or f"is longer than {MAX_TUNE_CHARACTERS:,} characters"
        if self.error:
            return
        if text.startswith("%"):
            self._directive(text)
        elif not self.in_directive:
            try:
                self._read(text, field)
            except BadMusicError as error:
                self.error = str(error)

    def _directive(self, text: str) -> None:
        if text.startswith("%%"):
            word = text[2:].strip().lower()
            self.in_directive = word.startswith("begin") or (self.in_directive and not word.startswith("end"))
            self.losses["directives"] += 1

    def _read(self, text: str, field: re.Match[str] | None) -> None:
        if "=" in text:
            text = _QUOTED_PRINTABLE.sub(lambda code: "=" if code[0].upper() == "=3D" else " ", text)
            field = _FIELD.match(text) if field else None
        if self.music is None:
            self._header_line(text, field)
        elif field and (field[1] not in "abcdefg" or not self._is_music(text)):
            self._body_field(field[1], _COMMENT.sub("", field[2]))
        else:
            self._body_line(_COMMENT.sub("", text))

    def _header_line(self, text: str, field: re.Match[str] | None) -> None:
        if field is None:
            if not self.in_history and self._is_music(text):
                self.losses["missing keys"] += "K" not in self.fields
                self._begin_music()
                self._body_line(_COMMENT.sub("", text))
            return
        letter, value = field[1], _COMMENT.sub("", field[2]).strip()
        self.in_history = letter == "H" or (self.in_history and letter == "+")
        if letter == "U":
            self.symbols.update(user_symbol(value))
        elif letter in "XV+":
            return
        elif letter in "MLK" or (letter in "TR" and value and letter not in self.own_fields):
            self.own_fields.add(letter)
            self.fields[letter] = value
        elif value:
            self.losses.update([DROPPED_FIELDS[letter]] if letter in DROPPED_FIELDS else [])
        if letter == "K":
            key, _, rest = value.partition(" ")
            if "|" in rest:
                self.fields["K"] = key
            self._begin_music()
            if "|" in rest:
                self._body_line(rest)

    def _begin_music(self) -> None:
        value = meter_field(self.fields.get("M", ""))
        self.losses["unknown meters"] += value is None
        meter = value[0] if value else NO_METER
        unit = unit_field(self.fields.get("L", "")) or default_unit(meter)
        self.music = MusicParser(key_field(self.fields.get("K", "")), meter, unit, self.symbols)

    def _body_field(self, letter: str, value: str) -> None:
        assert self.music is not None
        if letter == "T" and "T" not in self.own_fields and value.strip():
            self.fields["T"] = value.strip()
            self.own_fields.add("T")
        elif letter not in "X+":
            self.music.field(letter, value)

    def _body_line(self, text: str) -> None:
        assert self.music is not None
        if self.after_empty_line and not self.has_notes and not self._is_music(text):
            return
        self.music.line(re.sub(r"(?<=[|\]])\s*X:.*", "", text))

    def _is_music(self, text: str) -> bool:
        """Return whether a line at a place where the music may begin is music.

        In an unnumbered tune or after an empty line, it must contain notes and bar lines.
        """
        music_expected = self.numbered and not self.after_empty_line
        has_note_letters = bool(re.search(r"[A-Ga-gzZxX]", text))
        return has_note_letters and not is_prose(text) and ("|" in text or music_expected)

    def finish(self) -> Tune | str:
        """Return the tune, or the reason why it is unreadable."""
        if self.error:
            return self.error
        if self.music is None:
            return "has no music: there is no K: field and no line of notes"
        if not self.music.has_pitch:
            return "has no note"
        tune = self.music.finish()
        title = " ".join(plain_text(self.fields.get("T", "")).split())
        rhythm = rhythm_field(self.fields.get("R", "")) or tune.rhythm
        losses = +(self.losses + Counter(tune.losses))
        return replace(tune, title=title, rhythm=rhythm, losses=losses)
