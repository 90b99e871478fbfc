"""The parser of ABC music code. Its result has sounding pitches, lengths in whole notes and six kinds of bar lines.

It follows ABC 2.1 and, where common practice differs, abc2midi. An accidental holds in all octaves up to the end of the
bar (ABC 2.1, section 11.3), and for a note that is tied over the bar line; so does an accidental of a grace note.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from seqforge_abc.fields import (
    DROPPED_FIELDS,
    KeySignature,
    default_unit,
    key_field,
    meter_field,
    rhythm_field,
    signature_of,
    unit_field,
    user_symbol,
)
from seqforge_abc.lexer import TOKEN, is_prose, without_line_breaks
from seqforge_abc.normal_form import to_normal_form
from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import Note, Tune
from seqforge_abc.voice import UNKNOWN_SIGNS, BadMusicError, Voice

__all__ = ["BadMusicError", "MusicParser", "parse_music"]

_FIELD = re.compile(r"[ \t]*([A-Zmr-xh-l+]):(?![|:])")


def parse_music(text: str, *, key: Key, meter: Meter, unit: Fraction | None = None) -> Tune:
    """Return music code as a Tune without a title.

    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("|:DED F2A|", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> [str(note.pitches[0]) for note in tune.notes()]
    ['=D', '=E', '=D', '^F', '=A']

    Args:
        text: One or more lines of music code; fields among them ([K:D], L:1/16) are read.
        key: The key at the beginning, unless the text changes it.
        meter: The meter at the beginning, unless the text changes it.
        unit: The unit note length in whole notes; None for the default of ABC 2.1 for the meter.

    Raises:
        BadMusicError: If the text contains no note or is no music code; it is a ValueError.
    """
    parser = MusicParser(signature_of(key), meter, unit or default_unit(meter))
    for line in text.splitlines():
        if match := _FIELD.match(line):
            parser.field(match[1], line[match.end() :])
        elif not parser.line(line.partition("%")[0]):
            raise BadMusicError(f"{line.strip()[:40]!r} is not ABC music, which looks like '|:DED F2A|'")
    if parser.last_note is None:
        raise BadMusicError(f"{text.strip()[:40]!r} contains no note; ABC music looks like '|:DED F2A|'")
    return parser.finish()


class MusicParser(Voice):
    """Reads the music code of a tune line by line, with the fields in it; of several voices only the first is read.

    Args:
        key: The value of the K: field before the music.
        meter: The meter at the beginning.
        unit: The unit note length in whole notes.
        symbols: The decorations that U: fields define: letter to name, "" for an unknown decoration.
    """

    def __init__(self, key: KeySignature, meter: Meter, unit: Fraction, symbols: dict[str, str] | None = None) -> None:
        super().__init__(key, meter, unit)
        self.first_key, self.first_meter = key.key, meter
        self.rhythm = ""
        self.symbols.update(symbols or {})
        self.count_loss(key.loss)
        self.first_voice: str | None = None
        self.voices: set[str] = set()
        self.in_other_voice = self.in_overlay = False
        self._readers: dict[str, Callable[[str], None]] = {
            kind: getattr(self, f"read_{kind}") for kind in TOKEN.groupindex if kind not in ("space", "field")
        }

    def line(self, text: str) -> bool:
        """Read a line of music code; return False if it is prose.

        Raises:
            BadMusicError: If a note has no length, or is too long.
        """
        if is_prose(text):
            self.count_loss("lines of text")
            return False
        text = without_line_breaks(text).rstrip()
        self.line_start = True
        for match in TOKEN.finditer(text):
            kind, token = match.lastgroup or "", match[0]
            if kind == "space":
                continue
            if kind == "field":
                token = token.strip("[]")
                self.field(token[0], token[2:])
            elif not self.in_other_voice and (not self.in_overlay or kind == "bar_line"):
                self.in_overlay = False
                if token == ":" and not self.line_start and match.end() < len(text):
                    self.count_loss(UNKNOWN_SIGNS)
                    continue
                self._readers[kind](token)
            self.line_start = False
        return True

    def read_overlay(self, text: str) -> None:
        """Skip a voice overlay, up to the end of the bar."""
        self.count_loss("overlays")
        self.in_overlay = True

    # -- fields ------------------------------------------------------------------------------------------------

    def field(self, letter: str, text: str) -> None:
        """Read a field within the music.

        Args:
            letter: The letter of the field.
            text: The text after the colon.
        """
        if letter == "V":
            self._voice_field(text)
        elif self.in_other_voice:
            return
        elif letter == "K":
            self._key_field(key_field(text))
        elif letter == "M":
            self._meter_field(text)
        elif letter == "L":
            self.unit = unit_field(text) or self.unit
        elif letter == "R" and not self.rhythm:
            self.rhythm = rhythm_field(text)
        elif letter == "U":
            self.symbols.update(user_symbol(text))
        elif text.strip():
            self.count_loss(DROPPED_FIELDS.get(letter, ""))

    def _voice_field(self, text: str) -> None:
        name = (text.split() or [""])[0]
        if self.first_voice is None:
            self.first_voice = name if self.last_note is None else "1"
        self.in_other_voice = name not in (self.first_voice, "*")
        self.voices.add(name)

    def _key_field(self, signature: KeySignature) -> None:
        self.count_loss(signature.loss)
        self.alterations.clear()
        if self.last_note is None:
            self.first_key = signature.key
        elif signature.key != self.key.key:
            self.elements.append(signature.key)
        self.key = signature

    def _meter_field(self, text: str) -> None:
        value = meter_field(text)
        if value is None:
            self.count_loss("unknown meters")
            return
        meter, rest = value
        if self.last_note is None:
            self.first_meter = meter
        elif meter != self.meter:
            self.elements.append(meter)
        self.meter = meter
        if "|" in rest:
            self.line(rest)

    # -- result ------------------------------------------------------------------------------------------------

    def finish(self) -> Tune:
        """Return the tune in normal form."""
        self.attach_bar_line_decorations()
        self.count_loss("decorations", len(self.decorations))
        self.count_loss("chord symbols", self.chord_symbol is not None)
        self.count_loss("grace notes", len(self.grace_notes))
        self.count_loss("additional voices", len(self.voices - {self.first_voice, "*"}))
        elements = to_normal_form(self.elements, self.ties, self.losses)
        return Tune(elements, self.first_key, self.first_meter, self.rhythm, losses=+self.losses)

    @property
    def has_pitch(self) -> bool:
        """Whether a note was read that is not a rest."""
        return any(isinstance(element, Note) and element.pitches for element in self.elements)
