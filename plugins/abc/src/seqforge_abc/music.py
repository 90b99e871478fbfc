"""Music code into elements: pitches as they sound, lengths in whole notes, bar lines of six kinds.

It follows ABC 2.1 and, where people do not, what abc2midi makes of it. Accidentals hold for all octaves up to the
end of the bar (ABC 2.1, section 11.3), those of grace notes too, and for the notes that are tied over it.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from seqforge_abc.fields import (
    NAMES,
    Signature,
    default_unit,
    key_field,
    meter_field,
    rhythm_field,
    signature,
    unit_field,
    user_symbol,
)
from seqforge_abc.lexing import TOKEN, is_prose, without_breaks
from seqforge_abc.normal import normalised
from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import Note, Tune
from seqforge_abc.voice import UNKNOWN, BadMusicError, Voice

__all__ = ["BadMusicError", "MusicReader", "parse_music"]

_FIELD = re.compile(r"[ \t]*([A-Zmr-xh-l+]):(?![|:])")


def parse_music(text: str, *, key: Key, meter: Meter, unit: Fraction | None = None) -> Tune:
    """Return music code, as a person writes it, as a Tune without a title.

    Args:
        text: one or more lines; fields among them ([K:D], L:1/16) are read.
        key: in which it begins, unless it says so itself.
        meter: in which it begins, unless it says so itself.
        unit: the length of a letter in whole notes; None for what ABC 2.1 has for the meter.

    Raises:
        BadMusicError: it holds no note, or is no music; a ValueError.
    """
    reader = MusicReader(signature(key), meter, unit or default_unit(meter))
    for line in text.splitlines():
        if found := _FIELD.match(line):
            reader.field(found[1], line[found.end() :])
        elif not reader.line(line.partition("%")[0]):
            raise BadMusicError(f"{line.strip()[:40]!r} is no ABC music, which looks like '|:DED F2A|'")
    if reader.last is None:
        raise BadMusicError(f"{text.strip()[:40]!r} holds no note; ABC music looks like '|:DED F2A|'")
    return reader.finish()


class MusicReader(Voice):
    """Reads the music of a tune line by line, with the fields in it; of several voices the first.

    Args:
        key: what the K: field before it says.
        meter: at its beginning.
        unit: the length of a letter, in whole notes.
        symbols: what U: fields say: for a letter the name of a decoration, or "".
    """

    def __init__(self, key: Signature, meter: Meter, unit: Fraction, symbols: dict[str, str] | None = None) -> None:
        super().__init__(key, meter, unit)
        self.first_key, self.first_meter = key.key, meter
        self.rhythm = ""
        self.symbols.update(symbols or {})
        self.lose(key.lost)
        self.voice: str | None = None
        self.voices: set[str] = set()
        self.muted = self.overlaid = False
        self._takes: dict[str, Callable[[str], None]] = {
            kind: getattr(self, "chord_" if kind == "chord" else kind)
            for kind in TOKEN.groupindex
            if kind not in ("space", "field")
        }

    def line(self, text: str) -> bool:
        """Read a line of music code; return whether it is one.

        Raises:
            BadMusicError: it holds a note of no length, or an endless one.
        """
        if is_prose(text):
            self.lose("lines of text")
            return False
        text = without_breaks(text).rstrip()
        self.fresh = True
        takes = self._takes
        for found in TOKEN.finditer(text):
            kind, sign = found.lastgroup or "", found[0]
            if kind == "space":
                continue
            if kind == "field":
                sign = sign.strip("[]")
                self.field(sign[0], sign[2:])
            elif not self.muted and (not self.overlaid or kind == "bar"):
                self.overlaid = False
                if sign == ":" and not self.fresh and found.end() < len(text):
                    self.lose(UNKNOWN)
                    continue
                takes[kind](sign)
            self.fresh = False
        return True

    def overlay(self, text: str) -> None:
        """Leave out what sounds beside the voice, up to the end of the bar."""
        self.lose("overlays")
        self.overlaid = True

    # -- fields ------------------------------------------------------------------------------------------------

    def field(self, letter: str, text: str) -> None:
        """Read a field in the music; its letter, and what stands behind the colon."""
        if letter == "V":
            self._voice(text)
        elif self.muted:
            return
        elif letter == "K":
            self._key(key_field(text))
        elif letter == "M":
            self._meter(text)
        elif letter == "L":
            self.unit = unit_field(text) or self.unit
        elif letter == "R" and not self.rhythm:
            self.rhythm = rhythm_field(text)
        elif letter == "U":
            self.symbols.update(user_symbol(text))
        elif text.strip():
            self.lose(NAMES.get(letter, ""))

    def _voice(self, text: str) -> None:
        name = (text.split() or [""])[0]
        if self.voice is None:
            self.voice = name if self.last is None else "1"
        self.muted = name not in (self.voice, "*")
        self.voices.add(name)

    def _key(self, found: Signature) -> None:
        self.lose(found.lost)
        self.altered.clear()
        if self.last is None:
            self.first_key = found.key
        elif found.key != self.key.key:
            self.music.append(found.key)
        self.key = found

    def _meter(self, text: str) -> None:
        found = meter_field(text)
        if found is None:
            self.lose("meters that nobody knows")
            return
        if self.last is None:
            self.first_meter = found[0]
        elif found[0] != self.meter:
            self.music.append(found[0])
        self.meter = found[0]
        if "|" in found[1]:
            self.line(found[1])

    # -- the end -----------------------------------------------------------------------------------------------

    def finish(self) -> Tune:
        """Return what was read, in normal form."""
        self.settle()
        self.lose("decorations", len(self.decorations))
        self.lose("chord symbols", self.chord is not None)
        self.lose("grace notes", len(self.graces))
        self.lose("further voices", len(self.voices - {self.voice, "*"}))
        music = normalised(self.music, self.ties, self.lost)
        return Tune(music, self.first_key, self.first_meter, self.rhythm, lost=+self.lost)

    @property
    def sounds(self) -> bool:
        """Whether a note was read that is no rest."""
        return any(isinstance(element, Note) and element.pitches for element in self.music)
