"""The reader of one tune: it reads the header line by line and hands the music to the parser."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from seqforge_abc.bars import misfits, split_bars
from seqforge_abc.fields import (
    DROPPED_FIELDS,
    meter_field,
    plain_text,
    rhythm_field,
    unit_field,
    user_symbol,
)
from seqforge_abc.key_field import key_field
from seqforge_abc.lexer import is_prose
from seqforge_abc.macros import Macro, parse_macro
from seqforge_abc.music_parser import BadMusicError, MusicParser
from seqforge_abc.staff import Staff
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune import TEXT_FIELDS, TextField, Tune

MAX_TUNE_CHARACTERS = 200_000
"""A longer tune is skipped."""
MIN_CHECKED_BARS = 4
"""A tune that is shorter than so many bars of its meter is read whatever the lengths of its bars."""
FIELD = re.compile(r"[ \t]*([A-Za-z+]):(?![|:])[ \t]*(.*)", re.DOTALL)
"""A line that begins with a field: its letter and its value."""
_QUOTED_PRINTABLE = re.compile(r"=(?:20|3D|09)", re.IGNORECASE)
_COMMENT = re.compile(r"(?<!\\)%.*", re.DOTALL)
_TRANSPOSITION = re.compile(r"%%\s*MIDI\s+transpose\s+([+-]?\d{1,2})\b", re.IGNORECASE)
_SCORE = re.compile(r"%%\s*(?:score|staves)\s+(.*)", re.IGNORECASE)


def voice_order(score: str) -> list[str]:
    """Return the names of the voices in the value of a %%score or %%staves directive.

    >>> voice_order("(S A) | {(PR1 PR2) PL}")
    ['S', 'A', 'PR1', 'PR2', 'PL']

    Source: ABC 2.1, section 11.2.
    """
    return re.sub(r"[()\[\]{}|*]", " ", score.partition("%")[0]).split()


@dataclass(frozen=True)
class Defaults:
    """The fields at the beginning of a book, which apply to each of its tunes.

    Attributes:
        fields: The M:, L: and R: fields, by letter.
        symbols: The decorations that U: fields define.
        macros: The macros that m: fields define.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    macros: Sequence[Macro] = ()


def _misread(tune: Tune) -> str:
    """Return why a tune seems to be misread: most of its bars do not fill its meter; "" if it does not."""
    bars = split_bars(tune)
    misfit, count = misfits(bars)
    length = sum((bar.length for bar in bars), Fraction(0))
    if 2 * misfit <= count or length < MIN_CHECKED_BARS * tune.meter.bar_length:
        return ""
    if count == 1:
        return f"has no bar lines, although its meter is {tune.meter}; add them, or write M:none"
    return f"has {misfit} of {count} bars that do not fill its meter, {tune.meter}; correct M: or the note lengths"


class TuneReader:
    """Reads the lines of one tune.

    Args:
        first_line: The number of the first line.
        defaults: The fields of the book.
        numbered: Whether the tune begins with an X: field.

    Attributes:
        own_fields: The letters of the fields that the tune has.
        text_fields: The fields of text that are kept as they are.
        symbols: The decorations that U: fields define.
        macros: The macros that m: fields define.
        voices: The V: fields of the header.
        staff: The transposition that a directive of the header names.
        voice_order: The names of the voices in the order of the score.
        music: The parser of the music; None in the header.
        error: Why the tune is unreadable; "" if it is readable.
        in_history: Whether the last line is part of an H: field, which may continue on the next line.
        in_directive: Whether the lines are part of a %%begin ... %%end block.
    """

    def __init__(self, first_line: int, defaults: Defaults, *, numbered: bool) -> None:
        self.first_line, self.numbered = first_line, numbered
        self.fields = dict(defaults.fields)
        self.own_fields: set[str] = set()
        self.symbols = dict(defaults.symbols)
        self.macros = list(defaults.macros)
        self.voices: list[str] = []
        self.voice_order: list[str] = []
        self.staff = Staff()
        self.losses: Counter[str] = Counter()
        self.text_fields: list[TextField] = []
        self.music: MusicParser | None = None
        self.error = ""
        self.size = 0
        self.in_history = self.in_directive = self.after_empty_line = False

    @property
    def has_notes(self) -> bool:
        """Whether a note was read, or the tune is unreadable."""
        return bool(self.error) or (self.music is not None and self.music.has_notes)

    def line(self, text: str, field: re.Match[str] | None) -> None:
        """Read a line.

        Args:
            text: The line.
            field: The match of `FIELD`.
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
            match = _SCORE.match(text)
            if (transposition := _TRANSPOSITION.match(text)) and self.music is None:
                self.staff = Staff(transpose=int(transposition[1]))
            elif match is None:
                self.losses["directives"] += 1
            elif not self.voice_order:
                self.voice_order += voice_order(match[1])
                if self.music is not None:
                    self.music.order = self.voice_order

    def _read(self, text: str, field: re.Match[str] | None) -> None:
        if "=" in text:
            text = _QUOTED_PRINTABLE.sub(lambda code: "=" if code[0].upper() == "=3D" else " ", text)
            field = FIELD.match(text) if field else None
        if self.music is None:
            self._header_line(text, field)
        elif field and (field[1] not in "abcdefg" or not self._is_music(text)):
            self._body_field(field[1], _COMMENT.sub("", field[2]))
        else:
            self._body_line(_COMMENT.sub("", text))

    def _header_line(self, text: str, field: re.Match[str] | None) -> None:
        if field is None:
            if self.in_history:
                self._text_field("H", text)
            elif self._is_music(text):
                self.losses["missing keys"] += "K" not in self.fields
                self._begin_music()
                self._body_line(_COMMENT.sub("", text))
            return
        letter, value = field[1], _COMMENT.sub("", field[2]).strip()
        self.in_history = letter == "H" or (self.in_history and letter == "+")
        if letter == "U":
            self.symbols.update(user_symbol(value))
        elif letter == "m" and (macro := parse_macro(value)):
            self.macros.append(macro)
        elif letter == "V":
            self.voices.append(value)
        elif letter == "+" and self.text_fields:
            last = self.text_fields.pop()
            self._text_field(last.letter, f"{last.text} {value}")
        elif letter in "X+":
            return
        elif letter in "MLKQ" or (letter in "TR" and value and letter not in self.own_fields):
            self.own_fields.add(letter)
            self.fields[letter] = value
        elif letter in TEXT_FIELDS:
            self._text_field(letter, value)
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
        unit = unit_field(self.fields.get("L", ""))
        key = key_field(self.fields.get("K", ""))
        key = replace(key, staff=self.staff.updated(key.staff))
        self.music = MusicParser(key, meter, unit, self.symbols, self.macros, self.voice_order)
        for voice in self.voices:
            self.music.declare_voice(voice)
        self.music.field("Q", self.fields.get("Q", ""))

    def _body_field(self, letter: str, value: str) -> None:
        assert self.music is not None
        if letter == "T" and "T" not in self.own_fields and value.strip():
            self.fields["T"] = value.strip()
            self.own_fields.add("T")
        elif letter in TEXT_FIELDS and letter != "P":
            self._text_field(letter, value)
        elif letter not in "X+":
            self.music.field(letter, value)

    def _text_field(self, letter: str, text: str) -> None:
        text = " ".join(plain_text(text).split())
        if text:
            self.text_fields.append(TextField(letter, text))

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
        return has_note_letters and not is_prose(text, self.symbols) and ("|" in text or music_expected)

    def finish(self, *, skip_misread: bool) -> Tune | str:
        """Return the tune, or the reason why it is unreadable.

        Args:
            skip_misread: Whether a tune is unreadable if most of its bars do not fill its meter.
        """
        if self.error:
            return self.error
        if self.music is None:
            return "has no music: there is no K: field and no line of notes"
        self.music.close_line()
        if not self.music.has_pitch:
            return "has no note"
        try:
            tune = self.music.finish()
        except BadMusicError as error:
            return str(error)
        if skip_misread and (reason := _misread(tune)):
            return reason
        title = " ".join(plain_text(self.fields.get("T", "")).split())
        rhythm = rhythm_field(self.fields.get("R", "")) or tune.rhythm
        losses = +(self.losses + Counter(tune.losses))
        return replace(tune, title=title, rhythm=rhythm, fields=tuple(self.text_fields), losses=losses)
