"""The conversion of tunes to music21 scores, measure by measure as they are written, without repairs.

Bars keep their length. An incomplete bar before a repeat and its complement after it stay two measures, and a bar that
is too long stays one. Accidentals, beams and tuplet brackets are set here, so that music21 adds none of its own.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from seqforge_abc import notation
from seqforge_abc.bars import Bar, line_breaks, number_bars, split_bars
from seqforge_abc.notation import music21
from seqforge_abc.second_voice import clef_of, second_voice
from seqforge_abc.theory import Key, Meter, Pitch, pitch_class_name
from seqforge_abc.tune import ChordSymbol, Ending, Note, Tempo, Tune, Tuplet

MAX_NOTES_PER_LINE = 44
"""A line of music with more notes is broken earlier."""
_MODES = {"ion": "major", "dor": "dorian", "phr": "phrygian", "lyd": "lydian", "mix": "mixolydian", "aeo": "minor",
          "loc": "locrian"}  # fmt: skip
_ACCIDENTALS = {-2: "double-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_BAR_LINES = {"|": "regular", "||": "double", "|]": "final"}


def to_music21(tune: Tune) -> Any:
    """Return a tune as a music21.stream.Score with a part per voice, in lines of about four bars.

    Lengths are rounded to a multiple of a 128th; a length that no single note value represents becomes tied notes.
    """
    m21 = music21()

    score = m21.stream.Score()
    score.insert(0, m21.metadata.Metadata(title=tune.title or "Untitled"))
    if composers := tune.texts("C"):
        score.metadata.composer = ", ".join(composers)
    score.insert(0, _part(tune, "P1"))
    if (second := second_voice(tune)) is not None:
        score.insert(0, _part(second, "P2"))
    return score


def _part(tune: Tune, name: str) -> Any:
    """Return the first voice of a tune as a music21.stream.Part."""
    m21 = music21()

    part, builder = m21.stream.Part(), _ScoreBuilder(tune)
    instrument = m21.instrument.Instrument()
    instrument.partId = name  # the default is random
    part.insert(0, instrument)
    measures = builder.measures()
    part.append(measures)
    for measure in builder.line_starts:
        measure.insert(0, m21.layout.SystemLayout(isNew=True))
    for spanner in (*builder.brackets, *builder.slurs):
        part.insert(0, spanner)
    if tune.tempo is not None:
        measures[0].insert(0, tempo_of(tune.tempo))
    if clef_of(tune) == "bass" and name != "P1":
        measures[0].clef = m21.clef.BassClef()
    status = part.streamStatus
    status.accidentals = status.beams = status.tuplets = True
    return part


class _ScoreBuilder:
    """Builds measures, and keeps track of key, tuplet and ties.

    Attributes:
        alterations: The alterations in this bar by letter and octave.
        line_starts: The measures that begin a line of music.
        brackets: The brackets of endings.
        slurs: The slurs.
        open_words: The verses whose last syllable continues in the next one.
        note_number: The number of notes so far.
    """

    def __init__(self, tune: Tune) -> None:
        self.tune = tune
        self.key = tune.key
        self.tuplet_left, self.tuplet = 0, Tuplet(1, 1, 1)
        self.tied: tuple[Pitch, ...] = ()
        self.alterations: dict[tuple[int, int], int] = {}
        self.line_starts: list[Any] = []
        self.brackets: list[Any] = []
        self.slurs: list[Any] = []
        self.open_words: set[int] = set()
        self._slur_starts: list[Any] = []
        self.notes, self.note_number = tune.notes(), 0

    def measures(self) -> list[Any]:
        """Return the measures with their bar lines."""
        m21 = music21()

        bars = split_bars(self.tune)
        widths = [sum(2 + len(e.grace_notes) for e in bar.elements if isinstance(e, Note)) for bar in bars]
        breaks = set(line_breaks(bars, widths, 2 * MAX_NOTES_PER_LINE))
        measures: list[Any] = []
        marks: list[tuple[int, str]] = []
        opens_repeat, line_break, changes = False, False, _Changes(self.tune.key, self.tune.meter)
        numbers = number_bars(bars)
        for index, bar in enumerate(bars):
            marks += [(len(measures), element.number) for element in bar.elements if isinstance(element, Ending)]
            changes.collect(bar)
            if bar.length or any(isinstance(element, Note) for element in bar.elements):
                measure = self._measure(bar, changes)
                measure.number = numbers[index]
                if numbers[index] == (measures[-1].number if measures else 0):
                    measure.showNumber = m21.stream.enums.ShowNumber.NEVER  # MusicXML: implicit
                if opens_repeat:
                    measure.leftBarline = m21.bar.Repeat(direction="start")
                if line_break and measures:
                    self.line_starts.append(measure)
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
                    _set_right_bar_line(measures[-1], closing.kind)
                opens_repeat = opens_repeat or closing.kind in ("|:", "::")
            line_break = line_break or index in breaks
        if not measures:
            measures.append(self._measure(Bar((), (), self.tune.meter, Fraction(0), Fraction(0), True), changes))
        self._add_brackets(measures, marks)
        return measures

    def _add_brackets(self, measures: Sequence[Any], marks: Sequence[tuple[int, str]]) -> None:
        """Add the brackets of endings.

        An ending without an end is as long as the ending before it, or one bar.

        Args:
            measures: The measures.
            marks: Measure index and number of each ending, and the measure index and "" of each section end.
        """
        m21 = music21()

        previous_length = 1
        for (begin, number), (end, next_number) in zip(marks, [*marks[1:], (len(measures), "end")], strict=False):
            if not number or begin >= len(measures):
                continue
            if next_number == "end" and end - begin > previous_length:
                end = begin + previous_length
            previous_length = max(1, end - begin)
            bracketed = list(measures[begin : max(end, begin + 1)])
            self.brackets.append(m21.spanner.RepeatBracket(bracketed, number=number))

    def _measure(self, bar: Bar, changes: "_Changes") -> Any:
        m21 = music21()

        measure = m21.stream.Measure()
        self.key = changes.key or self.key
        changes.apply(measure)
        self.alterations.clear()
        position, groups = Fraction(0), []
        if self.tuplet_left:
            self.tuplet = Tuplet(self.tuplet.p, self.tuplet.q, self.tuplet_left)
        for index, element in enumerate(bar.elements):
            match element:
                case Meter() if position:
                    changes.meter = element
                case Key():
                    self.key = element
                    if position:
                        measure.insert(4 * position, key_of(element))
                case Tuplet():
                    self.tuplet, self.tuplet_left = element, element.r
                case Note():
                    last = not any(isinstance(later, Note) for later in bar.elements[index + 1 :])
                    tuplet = self.note_number + self.tuplet_left if self.tuplet_left else None
                    for m21_note, length in self._add_note(measure, position, element, last=last):
                        beam = (bar.start + position) // bar.meter.beam_length if tuplet is None else None
                        groups.append(((beam, tuplet), m21_note))
                        position += length
                case _:
                    pass
        notation.add_beams(groups)
        missing = bar.meter.bar_length - position
        if position and missing > 0:  # otherwise music21 fills the measure with hidden rests
            if bar.start:
                measure.paddingLeft = 4 * missing
            else:
                measure.paddingRight = 4 * missing
        return measure

    def _add_note(self, measure: Any, position: Fraction, note: Note, *, last: bool) -> list[tuple[Any, Fraction]]:
        """Add a note to a measure.

        Args:
            measure: The measure.
            position: The position in the measure, in whole notes.
            note: The note.
            last: Whether it is the last note of the measure.

        Returns:
            The music21 notes with their sounding lengths; several tied notes if the length is no single note value.
        """
        m21 = music21()

        for pitch in note.grace_notes:
            grace_note = m21.note.Note(self._pitch(pitch), type="eighth").getGrace()
            measure.insert(4 * position, grace_note)
        if note.part:
            measure.insert(4 * position, m21.expressions.RehearsalMark(note.part))
        if note.chord_symbol is not None:
            measure.insert(4 * position, chord_symbol_of(note.chord_symbol))
        scale, result = Fraction(1), []
        if self.tuplet_left:
            scale = Fraction(self.tuplet.q, self.tuplet.p)
        values = notation.split_duration(note.duration)
        self.note_number += 1
        next_pitches = self.notes[self.note_number].pitches if self.note_number < len(self.notes) else ()
        tied_on = set(note.pitches) & set(next_pitches) if note.tied else set()
        for number, (kind, dots, length) in enumerate(values):
            m21_note = self._note_or_chord(note, continued=number > 0)
            m21_note.duration = m21.duration.Duration(type=kind, dots=dots)
            if self.tuplet_left:
                bracket = m21.duration.Tuplet(self.tuplet.p, self.tuplet.q)
                begins = self.tuplet_left == self.tuplet.r and number == 0
                ends = (self.tuplet_left == 1 or last) and number == len(values) - 1
                bracket.type = "startStop" if begins and ends else "start" if begins else "stop" if ends else None
                m21_note.duration.appendTuplet(bracket)
            before = set(note.pitches) if number else set(self.tied)
            after = tied_on if number == len(values) - 1 else set(note.pitches)
            _add_ties(m21_note, note, before, after)
            if number == 0:
                notation.add_decorations(measure, 4 * position, m21_note, note.decorations)
            measure.insert(4 * position, m21_note)
            position += length * scale
            result.append((m21_note, length * scale))
        self._add_slurs(note, result[0][0], result[-1][0])
        notation.add_lyrics(result[0][0], note.syllables, self.open_words)
        self.tuplet_left = max(0, self.tuplet_left - 1)
        self.tied = tuple(tied_on)
        return result

    def _add_slurs(self, note: Note, first: Any, last: Any) -> None:
        """Add the slurs that end with a note, and collect those that begin with it; it may be several tied notes."""
        for _ in range(note.slur_ends):
            self.slurs.append(music21().spanner.Slur([self._slur_starts.pop(), last]))
        self._slur_starts += [first] * note.slur_starts

    def _note_or_chord(self, note: Note, *, continued: bool) -> Any:
        """Return a music21 note, chord or rest; `continued` says that it is tied to a part of the same note."""
        m21 = music21()

        if not note.pitches:
            return m21.note.Rest()
        members = [m21.note.Note(self._pitch(pitch, tied=continued or pitch in self.tied)) for pitch in note.pitches]
        return members[0] if len(members) == 1 else m21.chord.Chord(members)

    def _pitch(self, pitch: Pitch, *, tied: bool = False) -> Any:
        """Return a music21 pitch that shows its accidental if the key and this bar require it."""
        m21 = music21()

        m21_pitch = m21.pitch.Pitch(step="CDEFGAB"[pitch.letter], octave=pitch.octave)
        place = pitch.letter, pitch.octave
        visible = pitch.alter != self.alterations.get(place, self.key.alter(pitch.letter)) and not tied
        if pitch.alter or visible:
            m21_pitch.accidental = m21.pitch.Accidental(_ACCIDENTALS[pitch.alter])
            m21_pitch.accidental.displayStatus = visible
        if visible:
            self.alterations[place] = pitch.alter
        return m21_pitch


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

    def apply(self, measure: Any) -> None:
        """Show the changes in a measure."""
        m21 = music21()

        if self.first:
            measure.clef = m21.clef.TrebleClef()
        if self.key is not None:
            measure.keySignature = key_of(self.key)
        if self.meter is not None:
            measure.timeSignature = meter_of(self.meter)
        self.first, self.key, self.meter = False, None, None


def key_of(key: Key) -> Any:
    """Return a key as a music21 object; no key is an empty key signature."""
    m21 = music21()

    if key.tonic is None:
        return m21.key.KeySignature(0)
    return m21.key.Key(pitch_class_name(key.tonic).replace("b", "-"), _MODES[key.mode])


def meter_of(meter: Meter) -> Any:
    """Return a meter as a music21 object; no meter is senza misura."""
    m21 = music21()

    return m21.meter.TimeSignature(str(meter)) if meter.unit else m21.meter.SenzaMisuraTimeSignature("")


def tempo_of(tempo: Tempo) -> Any:
    """Return a tempo as a music21 object."""
    m21 = music21()

    if not tempo.per_minute:
        return m21.tempo.TempoText(tempo.words)
    kind, dots, _ = notation.split_duration(tempo.beat)[0]
    beat = m21.duration.Duration(type=kind, dots=dots)
    return m21.tempo.MetronomeMark(tempo.words or None, tempo.per_minute, referent=beat)


def chord_symbol_of(symbol: ChordSymbol) -> Any:
    """Return a chord symbol as a music21 object that shows the kind as it is written in ABC."""
    m21 = music21()

    root = pitch_class_name(symbol.root).replace("b", "-")
    bass = None if symbol.bass is None else pitch_class_name(symbol.bass).replace("b", "-")
    kind = notation.CHORDS.get(symbol.kind, notation.CHORDS[""])[0]
    m21_symbol = m21.harmony.ChordSymbol(root=root, bass=bass, kind=kind, kindStr=symbol.kind)
    m21_symbol.writeAsChord = False
    return m21_symbol


def _set_right_bar_line(measure: Any, kind: str) -> None:
    """Set the bar line after a measure; a repeat has precedence over a double bar, and that over a single one."""
    m21 = music21()

    if isinstance(measure.rightBarline, m21.bar.Repeat):
        return
    if kind in (":|", "::"):
        measure.rightBarline = m21.bar.Repeat(direction="end")
    elif measure.rightBarline is None or kind != "|":
        measure.rightBarline = m21.bar.Barline(_BAR_LINES[kind])


def _add_ties(m21_note: Any, note: Note, before: set[Pitch], after: set[Pitch]) -> None:
    """Tie a music21 note or chord to the same pitches before and after it."""
    m21 = music21()

    members = [m21_note] if len(note.pitches) == 1 else list(getattr(m21_note, "notes", ()))
    for pitch, member in zip(note.pitches, members, strict=False):
        kind = {(False, True): "start", (True, True): "continue", (True, False): "stop"}.get(
            (pitch in before, pitch in after)
        )
        if kind:
            member.tie = m21.tie.Tie(kind)
