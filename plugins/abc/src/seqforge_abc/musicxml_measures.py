"""The measures of a voice in MusicXML, as they are written, without repairs.

Accidentals, beams and the brackets of tuplets and endings are set here, so that a program that opens the file adds none
of its own.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from seqforge_abc import musicxml_elements, notation
from seqforge_abc.bars import Bar, line_breaks, number_bars, split_bars
from seqforge_abc.lyrics import HOLD, HYPHEN
from seqforge_abc.musicxml_elements import WrittenNote, add
from seqforge_abc.second_voice import clef_of
from seqforge_abc.theory import Key, Meter, Pitch
from seqforge_abc.tune import Ending, Note, Tune, Tuplet

MAX_NOTES_PER_LINE = 44
"""A line of music with more notes is broken earlier."""
MAX_SLURS = 16
"""The largest number of a slur in MusicXML."""
_BAR_LINES = {"|": "regular", "||": "light-light", "|]": "light-heavy"}


@dataclass
class Measure:
    """A measure.

    Attributes:
        content: The elements of the measure in order; notes are written when the beams are known.
        number: The number that printed books give it.
        is_counted: Whether the number is shown; a part of a bar after a repeat sign has the number of its beginning.
        begins_line: Whether a line of music begins with it.
        opens_repeat: Whether a repeat sign stands before it.
        bar_line: The bar line after it: one of `BAR_LINES`; "" for none.
        ending_start: The number of the ending that begins with it; "" for none.
        ending_stop: The number of the ending that ends with it; "" for none.
    """

    content: list[Element | WrittenNote] = field(default_factory=list)
    number: int = 1
    is_counted: bool = True
    begins_line: bool = False
    opens_repeat: bool = False
    bar_line: str = ""
    ending_start: str = ""
    ending_stop: str = ""

    def close(self, kind: str) -> None:
        """Set the bar line after the measure; a repeat has precedence over a double bar, that over a single one."""
        if self.bar_line not in (":|", "::") and (not self.bar_line or kind != "|"):
            self.bar_line = kind

    def element(self) -> Element:
        """Return the element of the measure."""
        element = Element("measure", number=str(self.number), implicit="no" if self.is_counted else "yes")
        if self.begins_line:
            SubElement(element, "print", {"new-system": "yes"})
        if self.ending_start or self.opens_repeat:
            left = SubElement(element, "barline", location="left")
            if self.ending_start:
                SubElement(left, "ending", number=self.ending_start, type="start")
            if self.opens_repeat:
                SubElement(left, "repeat", direction="forward")
        for item in self.content:
            element.extend(musicxml_elements.note_elements(item) if isinstance(item, WrittenNote) else (item,))
        if self.ending_stop or self.bar_line:
            right = SubElement(element, "barline", location="right")
            if self.bar_line in _BAR_LINES:
                add(right, "bar-style", _BAR_LINES[self.bar_line])
            if self.ending_stop:
                SubElement(right, "ending", number=self.ending_stop, type="stop")
            if self.bar_line in (":|", "::"):
                SubElement(right, "repeat", direction="backward")
        return element


class PartWriter:
    """Writes the measures of a voice, and keeps track of key, tuplet, ties and slurs.

    Args:
        tune: The voice.
        is_second: Whether it is the second voice of a tune, which may be written in the bass clef.

    Attributes:
        key: The current key.
        tuplet: The current tuplet.
        tuplet_left: The number of notes that are left in it.
        tied: The pitches that are tied to the next note.
        alterations: The alterations in this bar by letter and octave.
        open_words: The verses whose last syllable continues in the next one.
        note_number: The number of notes so far.
    """

    def __init__(self, tune: Tune, *, is_second: bool = False) -> None:
        self.tune, self.is_second = tune, is_second
        self.notes, self.note_number = tune.notes(), 0
        self.key = tune.key
        self.tuplet, self.tuplet_left = Tuplet(1, 1, 1), 0
        self.tied: tuple[Pitch, ...] = ()
        self.alterations: dict[tuple[int, int], int] = {}
        self.open_words: set[int] = set()
        self._slurs = _slur_marks(self.notes)
        self._changes = _Changes(tune.key, tune.meter)

    def elements(self) -> Iterator[Element]:
        """Yield the elements of the measures."""
        for measure in self.measures():
            yield measure.element()

    def measures(self) -> list[Measure]:
        """Return the measures with their bar lines."""
        bars = split_bars(self.tune)
        widths = [sum(2 + len(e.grace_notes) for e in bar.elements if isinstance(e, Note)) for bar in bars]
        breaks = set(line_breaks(bars, widths, 2 * MAX_NOTES_PER_LINE))
        measures: list[Measure] = []
        marks: list[tuple[int, str]] = []
        opens_repeat, line_break = False, False
        numbers = number_bars(bars)
        for index, bar in enumerate(bars):
            marks += [(len(measures), element.number) for element in bar.elements if isinstance(element, Ending)]
            self._changes.collect(bar)
            if bar.length or any(isinstance(element, Note) for element in bar.elements):
                measure = self._measure(bar)
                measure.number = numbers[index]
                measure.is_counted = numbers[index] != (measures[-1].number if measures else 0)
                measure.opens_repeat = opens_repeat
                measure.begins_line = line_break and bool(measures)
                measures.append(measure)
                opens_repeat = line_break = False
            else:
                for element in bar.elements:
                    if isinstance(element, Tuplet):
                        self.tuplet, self.tuplet_left = element, element.r
            for closing in bar.closing:
                if isinstance(closing, Ending):
                    marks.append((len(measures), closing.number))
                    continue
                marks += [(len(measures), "")] if closing.kind != "|" else []
                if measures and closing.kind != "|:":
                    measures[-1].close(closing.kind)
                opens_repeat = opens_repeat or closing.kind in ("|:", "::")
            line_break = line_break or index in breaks
        if not measures:
            measures.append(self._measure(Bar((), (), self.tune.meter, Fraction(0), Fraction(0), True)))
        _add_endings(measures, marks)
        return measures

    def _measure(self, bar: Bar) -> Measure:
        measure = Measure()
        self.key = self._changes.key or self.key
        clef = clef_of(self.tune) if self.is_second else "treble"
        attributes = self._changes.element(clef)
        measure.content += [attributes] if attributes is not None else []
        self.alterations.clear()
        position, groups = Fraction(0), []
        if self.tuplet_left:
            self.tuplet = Tuplet(self.tuplet.p, self.tuplet.q, self.tuplet_left)
        if self.note_number == 0 and self.tune.tempo is not None:
            measure.content.append(musicxml_elements.tempo_element(self.tune.tempo))
        for index, element in enumerate(bar.elements):
            match element:
                case Meter() if position:
                    self._changes.meter = element
                case Key():
                    self.key = element
                    change = musicxml_elements.attributes_element(element, None)
                    measure.content += [change] if position and change is not None else []
                case Tuplet():
                    self.tuplet, self.tuplet_left = element, element.r
                case Note():
                    last = not any(isinstance(later, Note) for later in bar.elements[index + 1 :])
                    tuplet = self.note_number + self.tuplet_left if self.tuplet_left else None
                    measure.content += self._marks(element)
                    for written in self._written(element, last=last):
                        if not written.pitches and written.length == bar.length == bar.meter.bar_length:
                            written.fills_measure = True
                        beam = (bar.start + position) // bar.meter.beam_length if tuplet is None else None
                        groups.append(((beam, tuplet), written))
                        position += written.length
                        measure.content.append(written)
                case _:
                    pass
        _add_beams(groups)
        return measure

    def _marks(self, note: Note) -> Iterator[Element]:
        """Yield the elements before a note: marks above and below the staff, its chord symbol and its grace notes."""
        if note.part:
            yield musicxml_elements.rehearsal_element(note.part)
        for name in note.decorations:
            direction = musicxml_elements.direction_element(name)
            if direction is not None:
                yield direction
        if note.chord_symbol is not None:
            yield musicxml_elements.harmony_element(note.chord_symbol)
        for pitch in note.grace_notes:
            yield musicxml_elements.grace_element(pitch, shows_accidental=self._shows_accidental(pitch))

    def _written(self, note: Note, *, last: bool) -> list[WrittenNote]:
        """Return a note as it is written: several tied notes if its length is no single note value.

        Args:
            note: The note.
            last: Whether it is the last note of the measure.
        """
        tuplet = self.tuplet if self.tuplet_left else None
        scale = Fraction(tuplet.q, tuplet.p) if tuplet else Fraction(1)
        values = notation.split_duration(note.duration)
        slurs = self._slurs[self.note_number]
        self.note_number += 1
        next_pitches = self.notes[self.note_number].pitches if self.note_number < len(self.notes) else ()
        tied_on = set(note.pitches) & set(next_pitches) if note.tied else set()
        result = []
        for number, (kind, dots, length) in enumerate(values):
            is_first, is_last = number == 0, number == len(values) - 1
            before = set(self.tied) if is_first else set(note.pitches)
            after = tied_on if is_last else set(note.pitches)
            written = WrittenNote(
                pitches=note.pitches,
                shows_accidental=tuple(
                    self._shows_accidental(pitch, tied=not is_first or pitch in self.tied) for pitch in note.pitches
                ),
                kind=kind,
                dots=dots,
                length=length * scale,
                ties=[(pitch in before, pitch in after) for pitch in note.pitches],
                tuplet=tuplet,
            )
            if tuplet:
                begins = self.tuplet_left == tuplet.r and is_first
                ends = (self.tuplet_left == 1 or last) and is_last
                written.tuplet_marks = ["start"] * begins + ["stop"] * ends
            result.append(written)
        result[0].decorations = note.decorations
        result[0].lyrics = self._lyrics(note.syllables)
        for mark, slur in slurs:
            (result[-1] if mark == "stop" else result[0]).slurs.append((mark, slur))
        self.tuplet_left = max(0, self.tuplet_left - 1)
        self.tied = tuple(tied_on)
        return result

    def _lyrics(self, syllables: Sequence[str]) -> list[tuple[int, str, str]]:
        """Return the verse, the place in the word and the text of each syllable."""
        result = []
        for verse, syllable in enumerate(syllables):
            text = syllable.removesuffix("-").replace(HYPHEN, "-")
            if not text or syllable == HOLD:
                continue
            continues, continued = syllable.endswith("-"), verse in self.open_words
            places = {(False, False): "single", (True, False): "begin", (True, True): "middle", (False, True): "end"}
            result.append((verse + 1, places[continues, continued], text))
            (self.open_words.add if continues else self.open_words.discard)(verse)
        return result

    def _shows_accidental(self, pitch: Pitch, *, tied: bool = False) -> bool:
        """Return whether a pitch shows its accidental: if the key and this bar require it."""
        place = pitch.letter, pitch.octave
        shown = pitch.alter != self.alterations.get(place, self.key.alter(pitch.letter)) and not tied
        if shown:
            self.alterations[place] = pitch.alter
        return shown


class _Changes:
    """The key and meter that the next measure shows, None if they do not change; the first measure shows a clef too."""

    def __init__(self, key: Key, meter: Meter) -> None:
        self.key: Key | None = key
        self.meter: Meter | None = meter
        self.first = True

    def collect(self, bar: Bar) -> None:
        """Collect the changes before the first note of a bar."""
        for element in bar.elements:
            if isinstance(element, Note):
                break
            if isinstance(element, Key):
                self.key = element
            elif isinstance(element, Meter):
                self.meter = element

    def element(self, clef: str) -> Element | None:
        """Return the element that shows the changes, and forget them; None if nothing changes."""
        element = musicxml_elements.attributes_element(
            self.key, self.meter, clef=clef if self.first else "", with_divisions=self.first
        )
        self.first, self.key, self.meter = False, None, None
        return element


def _slur_marks(notes: Sequence[Note]) -> list[list[tuple[str, int]]]:
    """Return "start" or "stop" and the number of the slurs of each note; a slur without an end is left out."""
    marks: list[list[tuple[str, int]]] = [[] for _ in notes]
    open_slurs: list[tuple[int, int]] = []  # the index of the note, and the number of the slur
    for index, note in enumerate(notes):
        for _ in range(min(note.slur_ends, len(open_slurs))):
            _, number = open_slurs.pop()
            marks[index].append(("stop", number))
        for _ in range(note.slur_starts):
            open_slurs.append((index, len(open_slurs) + 1))
            marks[index].append(("start", len(open_slurs)))
    for index, number in open_slurs:
        marks[index].remove(("start", number))
    return [[(mark, number) for mark, number in of_note if number <= MAX_SLURS] for of_note in marks]


def _add_endings(measures: Sequence[Measure], marks: Sequence[tuple[int, str]]) -> None:
    """Add the brackets of endings.

    An ending without an end is as long as the ending before it, or one bar.

    Args:
        measures: The measures.
        marks: Measure index and number of each ending, and the measure index and "" of each section end.
    """
    previous_length = 1
    for (begin, number), (end, next_number) in zip(marks, [*marks[1:], (len(measures), "end")], strict=False):
        if not number or begin >= len(measures):
            continue
        if next_number == "end" and end - begin > previous_length:
            end = begin + previous_length
        previous_length = max(1, end - begin)
        if not measures[begin].ending_start:  # of two endings in one measure, the first is written
            measures[begin].ending_start = number
            measures[max(end, begin + 1) - 1].ending_stop = number


def _add_beams(notes: Sequence[tuple[object, WrittenNote]]) -> None:
    """Beam consecutive notes of one beat or tuplet.

    Args:
        notes: Pairs of a group, which identifies the beat or tuplet, and a note.
    """
    for _, group in itertools.groupby(notes, key=lambda pair: pair[0]):
        for has_beams, beamed in itertools.groupby((note for _, note in group), key=lambda note: note.beam_count > 0):
            if has_beams:
                _beam_together(list(beamed))


def _beam_together(notes: Sequence[WrittenNote]) -> None:
    if len(notes) < 2:
        return
    counts = [note.beam_count for note in notes]
    for number, note in enumerate(notes):
        for level in range(1, counts[number] + 1):
            before = number > 0 and counts[number - 1] >= level
            after = number + 1 < len(notes) and counts[number + 1] >= level
            if before or after:
                note.beams.append("continue" if before and after else "end" if before else "begin")
            else:
                note.beams.append("backward hook" if number else "forward hook")
