"""Tune books: bytes into lines, lines into tunes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from seqforge import ReadError
from seqforge_abc.fields import (
    NAMES,
    default_unit,
    key_field,
    meter_field,
    plain_text,
    rhythm_field,
    unit_field,
    user_symbol,
)
from seqforge_abc.lexing import is_prose
from seqforge_abc.music import BadMusicError, MusicReader
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune import Tune

LONGEST_LINE = 100_000
"""In bytes; a longer line is left out."""
LONGEST_TUNE = 200_000
"""In characters; a longer tune is left out."""
_BLOCK = 1 << 16

_FIELD = re.compile(r"[ \t]*([A-Za-z+]):(?![|:])[ \t]*(.*)", re.DOTALL)
_STARTS = frozenset("XTMLKRQ")
_OPENING = re.compile(rb"[ \t\xef\xbb\xbf]*[XTMLKRQ]:")
_TAG = re.compile(
    r"</[a-z][a-z0-9]*\s*>|<!--[^<>]*>|<!doctype[^>]*>|<a\s+(?:href|name|id|class|target)=[^<>]*>|"
    r"<(?:p|pre|html|head|body|title|font|i|hr|div|span|td|tr|th|table|tbody|h[1-6]|center|img|li|ul|ol|blockquote|code|tt|meta|link|script|style|em|strong|small|big)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " "}
_ENTITY = re.compile("|".join(_ENTITIES))
_QUOTED = re.compile(r"=(?:20|3D|09)", re.IGNORECASE)
_COMMENT = re.compile(r"(?<!\\)%.*", re.DOTALL)


def read_book(path: Path) -> Iterator[tuple[Tune, int] | ReadError]:
    """Yield the tunes of a book, each with the line it begins with, and an error for each that cannot be read.

    Tunes end with an empty line or where the next begins; text between them is left out. Memory stays flat.
    """
    book, file, any_found, too_long = _Book(), str(path), False, 0
    for number, raw in lines_of(path):
        if raw is None:
            too_long = too_long or number
            book.spoil(f"has a line of more than {LONGEST_LINE:,} bytes")
            found = None
        else:
            if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                yield ReadError("is UTF-16; convert it to UTF-8, e.g. with iconv", file=file)
                return
            if b"\0" in raw:
                yield ReadError("holds a NUL character: it is no text", file=file, line=number)
                return
            found = book.line(number, raw)
        if found:
            any_found = True
            yield _placed(found, file)
    if found := book.end():
        any_found = True
        yield _placed(found, file)
    if not any_found:
        reason = f"holds no tune, and line {too_long} is too long to look at" if too_long else "holds no tune"
        yield ReadError(f"{reason}; one begins with X: and T:, and its music after K:", file=file)


def _placed(found: tuple[Tune | str, int], file: str) -> tuple[Tune, int] | ReadError:
    tune, line = found
    return ReadError(tune, file=file, line=line) if isinstance(tune, str) else (tune, line)


def lines_of(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines of a file from 1, whatever ends them (LF, CRLF, CR); None for one that is too long."""
    number, rest, skipping, cut = 1, b"", False, False
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if cut and block.startswith(b"\n"):
                block = block[1:]
            cut = block.endswith(b"\r")
            *lines, rest = (rest + block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).split(b"\n")
            for line in lines:
                yield number, None if skipping or len(line) > LONGEST_LINE else line
                number, skipping = number + 1, False
            if len(rest) > LONGEST_LINE:
                rest, skipping = b"", True
    if rest or skipping:
        yield number, None if skipping else rest


def decoded(raw: bytes) -> str:
    """Return a line as text: UTF-8, else what Windows or Latin-1 make of it."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


class _Book:
    """Cuts lines into tunes; `line` and `end` return a tune, or why there is none, with its first line."""

    def __init__(self) -> None:
        self.tune: _Reading | None = None
        self.defaults: dict[str, str] = {}
        self.first = True

    def line(self, number: int, raw: bytes) -> tuple[Tune | str, int] | None:
        if self.tune is None and not _OPENING.match(raw) and b"<" not in raw:
            return None
        text = decoded(raw)
        if not text.strip():
            return self.blank()
        if "<" in text:
            text = _TAG.sub("", text)
            pieces = [piece for piece in _BREAK.split(text) if piece.strip()]
        else:
            pieces = [text]
        found = None
        for piece in pieces:
            found = self._piece(number, piece) or found
        return found

    def _piece(self, number: int, text: str) -> tuple[Tune | str, int] | None:
        if "&" in text:
            text = _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], text)
        field = _FIELD.match(text)
        letter = field[1] if field else ""
        found = None
        if letter == "X" or (self.tune is None and letter in _STARTS and letter):
            found = self.end()
            self.tune = _Reading(number, self.defaults, numbered=letter == "X")
        if self.tune is not None:
            self.tune.line(text, field)
        return found

    def blank(self) -> tuple[Tune | str, int] | None:
        """End the tune that has notes; the head of one with a number may go on after an empty line."""
        if self.tune is None:
            return None
        self.tune.gap = True
        return self.end() if self.tune.played or not self.tune.numbered else None

    def spoil(self, reason: str) -> None:
        """Take a line that cannot be read."""
        if self.tune is not None:
            self.tune.bad = self.tune.bad or reason

    def end(self) -> tuple[Tune | str, int] | None:
        """End the tune."""
        tune, self.tune = self.tune, None
        if tune is None:
            return None
        first, self.first = self.first, False
        if not tune.numbered and (tune.music is None or not tune.music.music):
            if first:  # the head of the book: its fields are those of every tune
                self.defaults = {letter: text for letter, text in tune.fields.items() if letter in "MLR"}
            return None
        return tune.finish(), tune.first


class _Reading:
    """Reads the lines of one tune; bad music spoils it, not the book."""

    def __init__(self, first: int, defaults: dict[str, str], *, numbered: bool) -> None:
        self.first, self.numbered = first, numbered
        self.fields = dict(defaults)
        self.own: set[str] = set()
        self.symbols: dict[str, str] = {}
        self.lost: Counter[str] = Counter()
        self.music: MusicReader | None = None
        self.bad = ""
        self.size = 0
        self.history = self.verbatim = self.gap = False

    @property
    def played(self) -> bool:
        """Whether a note was read, or cannot be."""
        return bool(self.bad) or (self.music is not None and self.music.last is not None)

    def line(self, text: str, field: re.Match[str] | None) -> None:
        """Read a line; `field` is what `_FIELD` found in it."""
        self.size += len(text)
        if self.size > LONGEST_TUNE:
            self.bad = self.bad or f"is a tune of more than {LONGEST_TUNE:,} characters"
        if self.bad:
            return
        if text.startswith("%"):
            self._directive(text)
        elif not self.verbatim:
            try:
                self._read(text, field)
            except BadMusicError as error:
                self.bad = str(error)

    def _directive(self, text: str) -> None:
        if text.startswith("%%"):
            word = text[2:].strip().lower()
            self.verbatim = word.startswith("begin") or (self.verbatim and not word.startswith("end"))
            self.lost["directives"] += 1

    def _read(self, text: str, field: re.Match[str] | None) -> None:
        if "=" in text:
            text = _QUOTED.sub(lambda code: "=" if code[0].upper() == "=3D" else " ", text)
            field = _FIELD.match(text) if field else None
        if self.music is None:
            self._head(text, field)
        elif field and (field[1] not in "abcdefg" or not self._sounds(text)):
            self._body_field(field[1], _COMMENT.sub("", field[2]))
        else:
            self._body(_COMMENT.sub("", text))

    def _head(self, text: str, field: re.Match[str] | None) -> None:
        if field is None:
            if not self.history and self._sounds(text):
                self.lost["a key"] += "K" not in self.fields
                self._begin()
                self._body(_COMMENT.sub("", text))
            return
        letter, value = field[1], _COMMENT.sub("", field[2]).strip()
        self.history = letter == "H" or (self.history and letter == "+")
        if letter == "U":
            self.symbols.update(user_symbol(value))
        elif letter in "XV+":
            return
        elif letter in "MLK" or (letter in "TR" and value and letter not in self.own):
            self.own.add(letter)
            self.fields[letter] = value
        elif value:
            self.lost.update([NAMES[letter]] if letter in NAMES else [])
        if letter == "K":
            key, _, rest = value.partition(" ")
            if "|" in rest:
                self.fields["K"] = key
            self._begin()
            if "|" in rest:
                self._body(rest)

    def _begin(self) -> None:
        meter = meter_field(self.fields.get("M", ""))
        self.lost["meters that nobody knows"] += meter is None
        known = meter[0] if meter else NO_METER
        unit = unit_field(self.fields.get("L", "")) or default_unit(known)
        self.music = MusicReader(key_field(self.fields.get("K", "")), known, unit, self.symbols)

    def _body_field(self, letter: str, value: str) -> None:
        assert self.music is not None
        if letter == "T" and "T" not in self.own and value.strip():
            self.fields["T"] = value.strip()
            self.own.add("T")
        elif letter not in "X+":
            self.music.field(letter, value)

    def _body(self, text: str) -> None:
        assert self.music is not None
        if self.gap and not self.played and not self._sounds(text):
            return
        self.music.line(re.sub(r"(?<=[|\]])\s*X:.*", "", text))

    def _sounds(self, text: str) -> bool:
        """Return whether a line where the music may begin is music: in doubt one with notes and bar lines."""
        known = self.numbered and not self.gap
        return bool(re.search(r"[A-Ga-gzZxX]", text)) and not is_prose(text) and ("|" in text or known)

    def finish(self) -> Tune | str:
        """Return the tune, or why it is none."""
        if self.bad:
            return self.bad
        if self.music is None:
            return "has no music: no K: field and no line of notes"
        if not self.music.sounds:
            return "has no note"
        tune = self.music.finish()
        title = " ".join(plain_text(self.fields.get("T", "")).split())
        rhythm = rhythm_field(self.fields.get("R", "")) or tune.rhythm
        lost = +(self.lost + Counter(tune.lost))
        return replace(tune, title=title, rhythm=rhythm, lost=lost)
