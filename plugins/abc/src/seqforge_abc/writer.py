"""The writer of ABC 2.1, in the usual layout: beats are beamed, and about four bars are set per line.

Readers of ABC disagree about the scope of an accidental: one octave or all octaves; whether it holds over a tie; and
whether an accidental of a grace note holds. An accidental is written wherever two of these readings differ, so that
all of them give the same pitch.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from seqforge_abc.bars import line_breaks, split_bars
from seqforge_abc.lyrics import lyric_lines
from seqforge_abc.second_voice import clef_of, second_voice
from seqforge_abc.tempo import tempo_text
from seqforge_abc.theory import ACCIDENTALS, Key, Meter, Pitch, pitch_class_name
from seqforge_abc.tune import (
    LETTER_DECORATIONS,
    BarLine,
    ChordSymbol,
    Element,
    Ending,
    Note,
    TextField,
    Tune,
    Tuplet,
    most_common_unit,
)

FILE_HEADER = "%abc-2.1"
MAX_LINE_LENGTH = 100
"""The longest line in characters; a single bar may be longer."""
_DENSE_LENGTH = 76
"""A tune with a longer line is engraved smaller, since abcm2ps fails on lines that do not fit the page."""
_MAX_UNBROKEN_LENGTH, _BROKEN_LENGTH = 110, 70
"""A line that is longer than the first number is broken into lines of at most the second, in characters."""
_DECORATION_LETTERS = {name: letter for letter, name in LETTER_DECORATIONS.items()}
_BROKEN_RHYTHMS = {(Fraction(3, 2), Fraction(1, 2)): ">", (Fraction(1, 2), Fraction(3, 2)): "<",
                   (Fraction(7, 4), Fraction(1, 4)): ">>", (Fraction(1, 4), Fraction(7, 4)): "<<"}  # fmt: skip


def book_to_abc(tunes: Iterable[Tune]) -> str:
    """Return tunes as the text of one ABC file, numbered from X:1."""
    return "\n".join([FILE_HEADER + "\n", *(tune_to_abc(tune, number) for number, tune in enumerate(tunes, start=1))])


def tune_to_abc(tune: Tune, number: int = 1) -> str:
    """Return a tune as ABC 2.1 that ends with a line break.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("DED F2A|d6|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> tune_to_abc(tune).splitlines()
    ['X:1', 'T:Untitled', 'M:6/8', 'L:1/8', 'K:D', 'DED F2A|d6|]']

    Args:
        tune: Any tune; its bars need not add up.
        number: The value of the X: field.
    """
    unit = written_unit(tune)
    header = [f"X:{number}", f"T:{_single_line(tune.title) or 'Untitled'}"]
    header += [f"% {_single_line(comment, comment=True)}" for comment in tune.comments]
    header += [_text_field(field) for field in tune.fields if field.letter not in "PW"]
    header += [f"R:{_single_line(tune.rhythm)}"] if tune.rhythm else []
    header += [_text_field(field) for field in tune.fields if field.letter == "P"]
    header += [f"Q:{_single_line(tempo_text(tune.tempo))}"] if tune.tempo else []
    lines = list(_lines(tune, unit))
    if (second := second_voice(tune)) is not None:
        lines = ["V:1", *lines, f"V:2 clef={clef_of(second)}", *_lines(second, unit)]
    header += ["%%scale 0.55"] if any(len(line) > _DENSE_LENGTH for line in lines if line[:2] != "w:") else []
    header += [f"M:{tune.meter}", f"L:{unit.numerator}/{unit.denominator}", f"K:{tune.key}"]
    words = [_text_field(field) for field in tune.fields if field.letter == "W"]
    return "\n".join([*header, *lines, *words]) + "\n"


def written_unit(tune: Tune) -> Fraction:
    """Return the unit note length of the L: field: the most common length, at most an eighth as in most tune books.

    A dotted pair (`e>f`) counts as two even notes. Programs derive the length of grace notes from the unit.
    """
    ratios = [note.duration.as_integer_ratio() for note in tune.notes()]
    whole = lcm(*(denominator for _, denominator in ratios))
    lengths = [numerator * (whole // denominator) for numerator, denominator in ratios]  # in parts of a whole note
    counts: Counter[int] = Counter()
    index = 0
    while index < len(lengths):
        pair = lengths[index : index + 2]
        dotted = len(pair) == 2 and 4 * sum(pair) <= whole and max(pair) == 3 * min(pair)
        counts[sum(pair) if dotted else 2 * pair[0]] += 1 + dotted  # twice the length
        index += 1 + dotted
    return min(
        Fraction(1, 8), most_common_unit({Fraction(length, 2 * whole): number for length, number in counts.items()})
    )


def default_tuplet_time(p: int, meter: Meter) -> int | None:
    """Return the number of notes in whose time `p` notes are played by default; None if readers differ.

    Args:
        p: The number of notes of the tuplet.
        meter: The meter.
    """
    if p in (5, 7, 9):
        if str(meter) in ("6/8", "9/8", "12/8"):
            return 3
        return None if meter.beats % 3 == 0 else 2
    return {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p)


def chord_symbol_text(symbol: ChordSymbol) -> str:
    """Return a chord symbol as text: Am7/G."""
    bass = "" if symbol.bass is None else "/" + pitch_class_name(symbol.bass)
    return pitch_class_name(symbol.root) + symbol.kind + bass


def _single_line(text: str, *, comment: bool = False) -> str:
    """Return a text as one line; in a field, a % is escaped so that it does not begin a comment."""
    text = " ".join(text.split())
    return text.removeprefix("%").lstrip() if comment else re.sub(r"(?<!\\)%", r"\\%", text)


def _text_field(field: TextField) -> str:
    return f"{field.letter}:{_single_line(field.text)}"


# -- accidentals -----------------------------------------------------------------------------------------------


@dataclass
class _Accidentals:
    """The alterations that readers may assume in this bar.

    Attributes:
        key: The key.
        octaves: The possible alterations of a letter in one octave, for readers with that scope.
        letters: The possible alterations of a letter in all octaves, for readers with that scope.
    """

    key: Key
    octaves: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    letters: dict[int, set[int]] = field(default_factory=dict)

    def begin_bar(self, tied: Iterable[Pitch]) -> None:
        """Begin a bar.

        Args:
            tied: The pitches that are tied into the bar; for some readers their accidentals still hold.
        """
        self.octaves.clear()
        self.letters.clear()
        for pitch in tied:
            place = pitch.letter, pitch.octave
            self.octaves.setdefault(place, {self.key.alter(pitch.letter)}).add(pitch.alter)

    def change_key(self, key: Key) -> None:
        """Change the key; for some readers the accidentals of this bar still hold."""
        self.key = key
        for (letter, _), alters in self.octaves.items():
            alters.add(key.alter(letter))
        for letter, alters in self.letters.items():
            alters.add(key.alter(letter))

    def write(self, pitch: Pitch, *, grace: bool = False) -> str:
        """Return a pitch as text, with an accidental if it needs one, and remember the accidental."""
        signature_alter = self.key.alter(pitch.letter)
        octave_alters = self.octaves.setdefault((pitch.letter, pitch.octave), {signature_alter})
        letter_alters = self.letters.setdefault(pitch.letter, {signature_alter})
        needed = octave_alters | letter_alters != {pitch.alter}
        if needed:
            for alters in (octave_alters, letter_alters):
                if not grace:
                    alters.clear()
                alters.add(pitch.alter)
        return (ACCIDENTALS[pitch.alter] if needed else "") + str(pitch).lstrip("^_=")


# -- the notes of a bar ----------------------------------------------------------------------------------------


def _bar_lines(elements: Sequence[BarLine | Ending]) -> str:
    text = ""
    for element in elements:
        if isinstance(element, Ending):
            bracket = "" if text.endswith("|") and not text.endswith("||") else "["
            text = text.rstrip() + bracket + element.number + " "
        else:
            text += (" " if text and not text.endswith(" ") else "") + element.kind
    return text


class _BarWriter:
    """Writes the elements of bars, and keeps track of key, meter and tuplet."""

    def __init__(self, tune: Tune, unit: Fraction) -> None:
        self.unit, self.beam_length = unit, tune.meter.beam_length
        self.meter = tune.meter
        self.hornpipe = "hornpipe" in tune.rhythm.lower()
        self.accidentals = _Accidentals(tune.key)
        self.scale, self.tuplet_left = Fraction(1), 0
        self.tied: tuple[Pitch, ...] = ()
        self._length_texts: dict[tuple[int, int], str] = {}
        self._broken = {
            tuple((nominal * part).as_integer_ratio() for part in parts): (sign, nominal)
            for nominal in (unit, unit / 2)
            for parts, sign in _BROKEN_RHYTHMS.items()
        }
        """The sign and the length to write for the lengths of two notes, as ratios."""

    def begin_bar(self) -> None:
        """Begin a bar."""
        self.accidentals.begin_bar(self.tied)

    def write(self, elements: Sequence[Element], start: Fraction) -> str:
        """Return the elements of a bar as text.

        Args:
            elements: The elements between two bar lines.
            start: The position of the first note within a full bar, in whole notes.
        """
        text, position, beam, nominal = "", start, -1, Fraction(0)
        for number, element in enumerate(elements):
            match element:
                case Note():
                    note_beam = position // self.beam_length
                    if beam not in (-1, note_beam) and not self.tuplet_left:
                        text = text.rstrip() + " "
                    beam = note_beam
                    sign, length = "", element.duration
                    if nominal:
                        length, nominal = nominal, Fraction(0)
                    elif broken := self._broken_rhythm(element, elements[number + 1 : number + 2], position, start):
                        sign, length = broken
                        nominal = length
                    position += element.duration * (self.scale if self.tuplet_left else 1)
                    text += self._note(element, self._length_text(length)) + sign
                    if self.tuplet_left:
                        self.tuplet_left -= 1
                        text += "" if self.tuplet_left else " "
                case Tuplet():
                    self.scale, self.tuplet_left = Fraction(element.q, element.p), element.r
                    text = text.rstrip() + (" " if text else "") + self._tuplet(element)
                    beam = -1
                case Ending():
                    text = text.rstrip() + (" " if text else "") + f"[{element.number} "
                    self.accidentals.change_key(self.accidentals.key)
                case Key():
                    self.accidentals.change_key(element)
                    text = text.rstrip() + (" " if text else "") + f"[K:{element}]"
                case Meter():
                    self.meter, self.beam_length = element, element.beam_length
                    text = text.rstrip() + (" " if text else "") + f"[M:{element}]"
                case BarLine():
                    raise AssertionError("a bar contains no bar lines")
        return text.rstrip()

    def _broken_rhythm(
        self, note: Note, following: Sequence[Element], position: Fraction, start: Fraction
    ) -> tuple[str, Fraction] | None:
        """Return the broken rhythm sign and the length to write, if two notes within a beat are such a pair."""
        other = following[0] if following else None
        if self.tuplet_left or not isinstance(other, Note):
            return None
        broken = self._broken.get((note.duration.as_integer_ratio(), other.duration.as_integer_ratio()))
        if broken is None or not _is_simple(note) or not _is_simple(other):
            return None
        if other.grace_notes or note.slur_ends or other.slur_starts or other.part:
            return None
        if position // self.beam_length != (position + note.duration) // self.beam_length:
            return None
        # abc2midi counts pairs of hornpipes from the bar line and dots them, so this pair would lie across two
        return None if self.hornpipe and (position - start) % (2 * broken[1]) else broken

    def _length_text(self, length: Fraction) -> str:
        """Return the text of a length in whole notes."""
        ratio = length.as_integer_ratio()
        text = self._length_texts.get(ratio)
        if text is None:
            text = self._length_texts[ratio] = _length(length / self.unit)
        return text

    def _tuplet(self, tuplet: Tuplet) -> str:
        if tuplet.r == tuplet.p and tuplet.q == default_tuplet_time(tuplet.p, self.meter):
            return f"({tuplet.p}"
        return f"({tuplet.p}:{tuplet.q}:{tuplet.r}"

    def _note(self, note: Note, length_text: str) -> str:
        text = f"[P:{_single_line(note.part)}]" if note.part else ""
        text += "(" * note.slur_starts
        if note.grace_notes:
            text += "{" + "".join(self.accidentals.write(pitch, grace=True) for pitch in note.grace_notes) + "}"
        if note.chord_symbol is not None:
            text += f'"{chord_symbol_text(note.chord_symbol)}"'
        text += "".join(_DECORATION_LETTERS.get(name) or f"!{name}!" for name in note.decorations)
        pitches = [self.accidentals.write(pitch) for pitch in note.pitches]
        self.tied = note.pitches if note.tied else ()
        if self.hornpipe and len(pitches) > 1:  # abc2midi miscounts the bar if the length stands after the chord
            pitches, length_text = [pitch + length_text for pitch in pitches], ""
        text += f"[{''.join(pitches)}]" if len(pitches) > 1 else pitches[0] if pitches else "z"
        return text + length_text + ("-" if note.tied and pitches else "") + ")" * note.slur_ends


def _is_simple(note: Note) -> bool:
    """Return whether a note may be part of a broken rhythm: abc2midi rejects notes that it plays as several notes."""
    allowed = set(_DECORATION_LETTERS).difference(("staccato", "roll", "trill"))
    no_chord = len(note.pitches) == 1 and note.chord_symbol is None
    return no_chord and not note.tied and allowed.issuperset(note.decorations)


def _length(length: Fraction) -> str:
    if length == Fraction(1, 2):
        return "/"
    numerator = "" if length.numerator == 1 else str(length.numerator)
    return numerator + ("" if length.denominator == 1 else f"/{length.denominator}")


# -- lines -----------------------------------------------------------------------------------------------------


def _lines(tune: Tune, unit: Fraction) -> Iterator[str]:
    """Yield the lines of music with their lyrics, about four bars per line; sections end at the end of a line."""
    writer, bars = _BarWriter(tune, unit), split_bars(tune)
    bodies, tails = [], []
    for bar in bars:
        bodies.append(writer.write(bar.elements, bar.start))
        tails.append(_bar_lines(bar.closing))
        writer.begin_bar()
    widths = [len(body) + len(tail) for body, tail in zip(bodies, tails, strict=True)]
    line, notes = "", list[Note]()
    overlong = any(bar.length > bar.meter.bar_length > 0 for bar in bars)
    breaks = frozenset(line_breaks(bars, widths, MAX_LINE_LENGTH))
    for number, (body, tail) in enumerate(zip(bodies, tails, strict=True)):
        line += body
        notes += [element for element in bars[number].elements if isinstance(element, Note) and element.pitches]
        if number not in breaks:
            line += tail
            continue
        closing, opening = _split_bar_line(tail)
        yield from _with_lyrics((line + closing).rstrip(), notes, overlong=overlong)
        line, notes = opening, []
    if line.strip():
        yield from _with_lyrics(line.rstrip(), notes, overlong=overlong)


def _with_lyrics(line: str, notes: Sequence[Note], *, overlong: bool) -> list[str]:
    """Return a line of music and the lyrics below it; a line with lyrics is not broken.

    Args:
        line: The line of music.
        notes: Its notes.
        overlong: Whether a bar of the tune is longer than its meter. Lines that are broken within a bar then end with a
            backslash, because readers take the end of a full bar at the end of a line for a bar line (`line_ends`).
    """
    lyrics = list(lyric_lines(notes))
    return [line, *lyrics] if lyrics else _wrap(line, "\\" if overlong else "")


def _split_bar_line(tail: str) -> tuple[str, str]:
    """Return bar lines as the end of one line and the beginning of the next; readers merge them again."""
    if tail.endswith("::"):
        return tail[:-1] + "|", "|:"
    if tail.endswith("|:"):
        return tail[:-2].rstrip() or "||", "|:"
    return tail, ""


def _wrap(line: str, ending: str) -> list[str]:
    """Return a line of music, broken between beats if it is too long to be engraved; the parts end with `ending`."""
    if len(line) <= _MAX_UNBROKEN_LENGTH:
        return [line] if line else []
    lines = []
    while len(line) > _BROKEN_LENGTH:
        spaces = [match.start() for match in re.finditer(r" (?!\[\d)", line)]  # no line begins with an ending
        cut = max((space for space in spaces if space < _BROKEN_LENGTH), default=spaces[0] if spaces else 0)
        if not cut:
            break
        lines.append(line[:cut] + ending)
        line = line[cut + 1 :]
    return [*lines, line]
