"""The state of a voice that is being read: its elements so far, its key and meter, and what waits for the next note."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from seqforge_abc.key_field import KeyField, KeySignature
from seqforge_abc.line_ends import omitted_bar_lines, with_bar_lines
from seqforge_abc.lyrics import NEXT_BAR, split_lyrics
from seqforge_abc.staff import Staff, interval_of, transposed, transposed_pitch
from seqforge_abc.theory import Meter, Pitch
from seqforge_abc.tune import BarLine, ChordSymbol, Element, Note, Tuplet

BAR_LINE_DECORATIONS = frozenset(("fermata", "fine", "D.C.", "D.S.", "dacoda", "dacapo"))
"""Decorations that are written at a bar line and belong to the note before it."""


class VoiceState:
    """The state of a voice.

    Args:
        key: The key signature at the beginning.
        meter: The meter at the beginning.
        unit: The unit note length in whole notes.
        symbols: The decoration of each letter, "" for an unknown one; the U: fields of the tune change it.

    Attributes:
        staff: How the notes sound; octaves apply as they are read, semitones at the end.
        first_key: The key at the first note.
        first_meter: The meter at the first note.
        error: Why the voice cannot be read; "" if it can.
        in_overlay: Whether the tokens belong to an overlay, which ends with the bar.
        elements: The elements so far.
        ties: For the index of a note in `elements`, the pitches that are tied to the next note.
        losses: What the elements do not represent, with counts.
        last_note: The index of the last note in `elements`, None before the first.
        alterations: The alteration of each letter by the accidentals of this bar.
        bar_has_notes: Whether this bar contains a note.
        line_start: Whether no token of this line has been read.
        slur_starts: The number of slurs that begin with the next note.
        part: The name of the part that begins with the next note, "" for none.
        line_begin: The index in `elements` at which the last line of music begins.
        verse: The number of w: fields after that line.
        line_starts: The indices in `elements` at which lines of music begin that do not continue the line before.
        broken_rhythm: The broken rhythm sign before the next note, "" for none.
        tuplet: The tuplet that begins with the next note, None for none.
        tuplet_left: The number of coming notes that belong to a tuplet.
        last_in_tuplet: Whether the last note belongs to a tuplet.
    """

    def __init__(self, key: KeySignature, meter: Meter, unit: Fraction, symbols: Mapping[str, str]) -> None:
        self.begin(key, meter, unit)
        self.staff = Staff()
        self.symbols = symbols
        self.error = ""
        self.in_overlay = False
        self.elements: list[Element] = []
        self.ties: dict[int, set[Pitch]] = {}
        self.losses: Counter[str] = Counter()
        self.last_note: int | None = None
        self.alterations: dict[int, int] = {}
        self.bar_has_notes = False
        self.line_start = False
        self.chord_symbol: ChordSymbol | None = None
        self.decorations: list[str] = []
        self.grace_notes: list[Pitch] = []
        self.slur_starts = 0
        self.part = ""
        self.line_begin = self.verse = 0
        self.line_starts: set[int] = set()
        self.broken_rhythm = ""
        self.tuplet: Tuplet | None = None
        self.tuplet_left = 0
        self.last_in_tuplet = False

    def count_loss(self, description: str, count: int = 1) -> None:
        """Count something that a Tune does not represent."""
        if description and count:
            self.losses[description] += count

    def previous_note(self) -> Note:
        """Return the last note."""
        assert self.last_note is not None
        note = self.elements[self.last_note]
        assert isinstance(note, Note)
        return note

    @property
    def has_pitch(self) -> bool:
        """Whether the voice has a note that is not a rest, or is unreadable."""
        return bool(self.error) or any(isinstance(element, Note) and element.pitches for element in self.elements)

    # -- key, meter and the end --------------------------------------------------------------------------------

    def begin(self, key: KeySignature, meter: Meter, unit: Fraction) -> None:
        """Set the key, the meter and the unit note length at the beginning."""
        self.key, self.meter, self.unit = key, meter, unit
        self.first_key, self.first_meter = key.key, meter

    def change_staff(self, change: Staff) -> None:
        """Change how the notes sound from the next note on; programs do not transpose within a tune."""
        if self.last_note is not None and change.transpose not in (None, self.staff.transpose):
            self.count_loss("transpositions within the tune, not applied")
            change = replace(change, transpose=None)
        self.staff = self.staff.updated(change)

    def change_key(self, field: KeyField) -> None:
        """Change what a K: field names, from the next note on."""
        self.count_loss(field.loss)
        self.change_staff(field.staff)
        signature = field.signature
        if signature is None:
            return
        self.alterations.clear()
        if self.last_note is None:
            self.first_key = signature.key
        elif signature.key != self.key.key:
            self.elements.append(signature.key)
        self.key = signature

    def change_meter(self, meter: Meter) -> None:
        """Change the meter from the next note on."""
        if self.last_note is None:
            self.first_meter = meter
        elif meter != self.meter:
            self.elements.append(meter)
        self.meter = meter

    def finish(self) -> None:
        """Add omitted bar lines, place what stands after the last note, and transpose to the sounding pitches."""
        if indices := omitted_bar_lines(self.elements, self.first_meter, self.line_starts):
            self.elements, self.ties = with_bar_lines(self.elements, self.ties, indices)
            self.last_note = max(index for index, element in enumerate(self.elements) if isinstance(element, Note))
            self.count_loss("bar lines omitted at the end of a line, added", len(indices))
        if self.staff.semitones:
            self._transpose(*interval_of(self.staff.semitones, self.first_key))
        self.attach_bar_line_decorations()
        self.count_loss("decorations", len(self.decorations))
        self.count_loss("chord symbols", self.chord_symbol is not None)
        self.count_loss("slurs without an end", self.slur_starts)
        self.count_loss("grace notes", len(self.grace_notes))

    def _transpose(self, fifths: int, steps: int) -> None:
        self.elements = transposed(self.elements, fifths, steps)
        self.first_key = self.first_key.transposed(fifths)
        for index, pitches in self.ties.items():
            self.ties[index] = {transposed_pitch(pitch, fifths, steps) for pitch in pitches}

    # -- lyrics ------------------------------------------------------------------------------------------------

    def begin_line(self, *, continued: bool) -> None:
        """Begin a line of music; the w: fields after it belong to its notes.

        Args:
            continued: Whether it continues the line of music before it.
        """
        self.line_start = True
        if not continued:
            self.line_starts.add(len(self.elements))
            self.line_begin, self.verse = len(self.elements), 0

    def read_lyrics(self, text: str) -> None:
        """Read a w: field: give the notes of the last line of music their syllables."""
        places = [(-1, 0)]  # the index and the number of the bar of each note, and the end
        bar = 0
        for index, element in enumerate(self.elements[self.line_begin :], self.line_begin):
            bar += isinstance(element, BarLine)
            if isinstance(element, Note) and element.pitches:
                places.append((index, bar))
        position, bar = 1, 0
        for item in split_lyrics(text):
            if item == NEXT_BAR:
                bar += 1
                position = next(
                    (number for number in range(position, len(places)) if places[number][1] >= bar), len(places)
                )
                continue
            if position == len(places):
                self.count_loss("syllables without a note", item != "")
                continue
            index, bar = places[position]
            note = self.elements[index]
            assert isinstance(note, Note)
            if item:
                silent = ("",) * (self.verse - len(note.syllables))
                self.elements[index] = replace(note, syllables=(*note.syllables, *silent, item))
            position += 1
        self.verse += 1

    def attach_bar_line_decorations(self) -> None:
        """Attach decorations that are written at a bar line to the note before it."""
        moved = BAR_LINE_DECORATIONS.intersection(self.decorations)
        if moved and self.last_note is not None:
            names = tuple(sorted(moved | set(self.previous_note().decorations)))
            self.elements[self.last_note] = replace(self.previous_note(), decorations=names)
            self.decorations = [name for name in self.decorations if name not in moved]
