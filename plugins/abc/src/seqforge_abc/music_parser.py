"""The parser of ABC music code. Its result has sounding pitches, lengths in whole notes and six kinds of bar lines.

It follows ABC 2.1 and, where common practice differs, abc2midi. An accidental holds in all octaves up to the end of the
bar (ABC 2.1, section 11.3), and for a note that is tied over the bar line; so does an accidental of a grace note.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from seqforge_abc.fields import (
    DROPPED_FIELDS,
    default_unit,
    meter_field,
    plain_text,
    rhythm_field,
    unit_field,
    user_symbol,
)
from seqforge_abc.key_field import KeyField, key_field, signature_of
from seqforge_abc.lexer import TOKEN, closes_bracket, is_prose, opens_bracket, without_line_breaks
from seqforge_abc.macros import Macro, expand_macros, parse_macro
from seqforge_abc.normal_form import to_normal_form
from seqforge_abc.second_voice import aligned_bars
from seqforge_abc.spaced_tokens import SPACED_UNIT, join_spaced_tokens
from seqforge_abc.staff import Staff, read_staff
from seqforge_abc.tempo import parse_tempo
from seqforge_abc.theory import NO_KEY, Key, Meter
from seqforge_abc.tune import READ_AS_DECORATIONS, Element, Tempo, Tune
from seqforge_abc.voice import UNKNOWN_SIGNS, BadMusicError, Voice

__all__ = ["BadMusicError", "MusicParser", "parse_music"]

_FIELD = re.compile(r"[ \t]*([A-Zmr-xh-l+]):(?![|:])")


def parse_music(text: str, *, key: Key, meter: Meter, unit: Fraction | None = None, open_end: bool = False) -> Tune:
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
        open_end: Whether more music follows the text: its last note may be tied, its last tuplet incomplete.

    Raises:
        BadMusicError: If the text contains no note or is no music code; it is a ValueError.
    """
    parser = MusicParser(KeyField(signature_of(key), Staff()), meter, unit)
    for line in text.splitlines():
        if match := _FIELD.match(line):
            parser.field(match[1], line[match.end() :])
        elif not parser.line(line.partition("%")[0]):
            raise BadMusicError(f"{line.strip()[:40]!r} is not ABC music, which looks like '|:DED F2A|'")
    parser.close_line()
    if not parser.has_notes:
        raise BadMusicError(f"{text.strip()[:40]!r} contains no note; ABC music looks like '|:DED F2A|'")
    return parser.finish(open_end=open_end)


class MusicParser:
    """Reads the music code of a tune line by line, with the fields in it; a V: field selects the voice that follows.

    Args:
        key: The value of the K: field before the music.
        meter: The meter at the beginning.
        unit: The unit note length in whole notes; None for the default of the meter.
        symbols: The decorations that U: fields define: letter to name, "" for an unknown decoration.
        macros: The macros that m: fields define.
        order: The names of voices in the order of the score (`voice_order`); the others follow as they appear.

    Attributes:
        rhythm: The rhythm that an R: field in the music names.
        voices: The voices by name, as they appear; the name of a voice before the first V: field is "".
        voice: The voice that is being read.
        losses: What no voice represents, with counts.
    """

    def __init__(
        self,
        key: KeyField,
        meter: Meter,
        unit: Fraction | None,
        symbols: Mapping[str, str] | None = None,
        macros: Sequence[Macro] = (),
        order: Sequence[str] = (),
    ) -> None:
        self.symbols = {**READ_AS_DECORATIONS, **(symbols or {})}
        self.macros = list(macros)
        self.order = list(order)
        self.rhythm = ""
        self.tempo: Tempo | None = None
        self.losses: Counter[str] = Counter()
        self.losses.update([key.loss] if key.loss else [])
        self._start = key.signature or signature_of(NO_KEY), meter, unit or default_unit(meter)
        self._staff = key.staff
        self._default_unit = unit is None
        self._open_line = ""
        self._continued = False
        self.voices: dict[str, Voice] = {}
        self.voice = self._new_voice("")

    def line(self, text: str) -> bool:
        """Read a line of music code; return False if it is prose.

        Raises:
            BadMusicError: If a note has no length, or is too long.
        """
        if is_prose(text, self.symbols):
            self.losses["lines of text"] += 1
            return False
        text = without_line_breaks(text).rstrip()
        self.voice.begin_line(continued=self._continued)
        self._continued = text.endswith("\\")
        text = text.rstrip(" \t\\")
        if self._open_line and closes_bracket(text, self._open_line):
            text, self._open_line = self._open_line + text.lstrip(), ""
        self.close_line()
        if opens_bracket(text):
            self._open_line = text
        else:
            self._line(text)
        return True

    def close_line(self) -> None:
        """Read the last line if it waits for the end of a bracket that is open."""
        line, self._open_line = self._open_line, ""
        if line:
            self._line(line)

    def _line(self, text: str) -> None:
        if self.macros:
            text = expand_macros(text, self.macros)
        joined = join_spaced_tokens(text)
        if joined != text and self._default_unit and not self.has_notes:
            self.voice.unit = SPACED_UNIT
        text = joined
        for match in TOKEN.finditer(text):
            kind, token = match.lastgroup or "", match[0]
            if kind == "space":
                continue
            if kind == "field":
                token = token.strip("[]")
                self.field(token[0], token[2:])
            elif token == ":" and not self.voice.line_start and match.end() < len(text):
                self.voice.count_loss(UNKNOWN_SIGNS)
                continue
            else:
                self.voice.read(kind, token)
            self.voice.line_start = False

    # -- fields ------------------------------------------------------------------------------------------------

    def field(self, letter: str, text: str) -> None:
        """Read a field within the music.

        Args:
            letter: The letter of the field.
            text: The text after the colon.
        """
        self.close_line()
        if letter == "V":
            self._select_voice(text)
        elif letter == "K":
            self.voice.change_key(key_field(text))
        elif letter == "M":
            self._meter_field(text)
        elif letter == "L":
            self.voice.unit, self._default_unit = unit_field(text) or self.voice.unit, False
        elif letter == "w":
            self.voice.read_lyrics(plain_text(text))
        elif letter == "P":
            self.voice.part = " ".join(plain_text(text).split())
        elif letter == "Q":
            self._tempo_field(text)
        elif letter == "R" and not self.rhythm:
            self.rhythm = rhythm_field(text)
        elif letter == "U":
            self.symbols.update(user_symbol(text))
        elif letter == "m" and (macro := parse_macro(text)):
            self.macros.append(macro)
        elif text.strip():
            self.voice.count_loss(DROPPED_FIELDS.get(letter, ""))

    def declare_voice(self, text: str) -> None:
        """Read a V: field of the header, which names a voice and its properties."""
        name, _, properties = text.strip().partition(" ")
        if name:
            voice = self.voices.get(name) or self._new_voice(name)
            voice.change_staff(read_staff(properties)[0])

    def _new_voice(self, name: str) -> Voice:
        voice = self.voices[name] = Voice(*self._start, self.symbols)
        voice.staff = self._staff
        return voice

    def _select_voice(self, text: str) -> None:
        name = (text.split() or [""])[0]
        if name == "*":
            return
        if self.voice is self.voices.get("") and self.voice.last_note is None:
            self._start = self.voice.key, self.voice.meter, self.voice.unit
            self._staff = self.voice.staff
            for voice in self.voices.values():
                voice.begin(*self._start)
        self.declare_voice(text)
        self.voice = self.voices.get(name, self.voice)

    def _tempo_field(self, text: str) -> None:
        tempo = parse_tempo(plain_text(text), self.voice.unit)
        if not self.has_notes and tempo is not None:
            self.tempo = tempo
        elif text.strip():
            self.voice.count_loss("changes of tempo" if tempo is not None else "unknown tempos")

    def _meter_field(self, text: str) -> None:
        value = meter_field(text)
        if value is None:
            self.voice.count_loss("unknown meters")
            return
        meter, rest = value
        self.voice.change_meter(meter)
        if "|" in rest:
            self.line(rest)

    # -- result ------------------------------------------------------------------------------------------------

    def ordered_voices(self) -> list[Voice]:
        """Return the voices that have a note, in the order of the score."""
        names = [*self.order, *(name for name in self.voices if name not in self.order)]
        return [self.voices[name] for name in names if name in self.voices and self.voices[name].has_pitch]

    def finish(self, *, open_end: bool = False) -> Tune:
        """Return the first voice that has a note as a tune in normal form.

        Args:
            open_end: Whether more music follows (`to_normal_form`).

        Raises:
            BadMusicError: If the voice contains music code that cannot be read.
        """
        self.close_line()
        first, *others = self.ordered_voices() or [self.voice]
        if first.error:
            raise BadMusicError(first.error)
        first.finish()
        losses = self.losses + first.losses
        elements = to_normal_form(first.elements, first.ties, losses, open_end=open_end)
        second: tuple[tuple[Element, ...], ...] = ()
        if others and not others[0].error and not open_end:
            others[0].finish()
            other_losses = others[0].losses
            second = aligned_bars(elements, to_normal_form(others[0].elements, others[0].ties, other_losses))
            losses += other_losses if second else Counter()
        losses["additional voices"] += len(others) - bool(second)
        return Tune(
            elements, first.first_key, first.first_meter, self.rhythm, tempo=self.tempo, second=second, losses=+losses
        )

    @property
    def has_notes(self) -> bool:
        """Whether a note or a rest was read."""
        return any(voice.last_note is not None or voice.error for voice in self.voices.values())

    @property
    def has_pitch(self) -> bool:
        """Whether a note was read that is not a rest."""
        return any(voice.has_pitch for voice in self.voices.values())
