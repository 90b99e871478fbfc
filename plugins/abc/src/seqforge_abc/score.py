"""Tunes as music21 scores: measure by measure as they are written, nothing repaired.

Bars keep the length they have. An incomplete bar before a repeat and its complement after it stay two measures,
and an over-long bar stays one. Accidentals, beams and brackets are set here, so music21 adds none of its own.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from seqforge_abc import signs
from seqforge_abc.bars import Run, ends_of_lines, runs
from seqforge_abc.signs import music21
from seqforge_abc.theory import Key, Meter, Pitch, spelled
from seqforge_abc.tune import ChordSymbol, Ending, Note, Tune, Tuplet

WIDEST = 44
"""Notes on a line of music, above which it is broken earlier."""
_MODES = {"ion": "major", "dor": "dorian", "phr": "phrygian", "lyd": "lydian", "mix": "mixolydian", "aeo": "minor",
          "loc": "locrian"}  # fmt: skip
_ACCIDENTALS = {-2: "double-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_LINES = {"|": "regular", "||": "double", "|]": "final"}


def to_music21(tune: Tune) -> Any:
    """Return a tune as a music21.stream.Score of one part; lines of music end where those of its ABC do, roughly.

    Lengths that are no multiple of a 128th are rounded to one; lengths that no single note has become tied notes.
    """
    m21 = music21()

    score, part = m21.stream.Score(), m21.stream.Part()
    score.insert(0, m21.metadata.Metadata(title=tune.title or "Untitled"))
    builder = _Builder(tune)
    instrument = m21.instrument.Instrument()
    instrument.partId = "P1"  # not a random one
    part.insert(0, instrument)
    measures = builder.measures()
    part.append(measures)
    for measure in builder.line_starts:
        measure.insert(0, m21.layout.SystemLayout(isNew=True))
    for bracket in builder.brackets:
        part.insert(0, bracket)
    status = part.streamStatus
    status.accidentals = status.beams = status.tuplets = True
    score.insert(0, part)
    return score


class _Builder:
    """Builds measures, and knows the key, the meter, the tuplet and the ties that they stand in."""

    def __init__(self, tune: Tune) -> None:
        self.tune = tune
        self.key = tune.key
        self.left, self.tuplet = 0, Tuplet(1, 1, 1)
        self.tied: tuple[Pitch, ...] = ()
        self.alters: dict[tuple[int, int], int] = {}
        self.line_starts: list[Any] = []
        self.brackets: list[Any] = []
        self.notes, self.number = tune.notes(), 0

    def measures(self) -> list[Any]:
        """Return the measures, with their bar lines."""
        m21 = music21()

        cut = runs(self.tune)
        widths = [sum(2 + len(element.graces) for element in run.music if isinstance(element, Note)) for run in cut]
        ends = set(ends_of_lines(cut, widths, 2 * WIDEST))
        found: list[Any] = []
        marks: list[tuple[int, str]] = []
        opens, breaks, pending = False, False, _Attributes(self.tune.key, self.tune.meter, first=True)
        for number, run in enumerate(cut):
            begun = [element.number for element in run.music if isinstance(element, Ending)]
            marks += [(len(found), name) for name in begun]
            pending.see(run)
            if run.length or any(isinstance(element, Note) for element in run.music):
                measure = self._measure(run, pending)
                measure.number = len(found) + (0 if found and found[0].number == 0 else 1)
                if not found and run.start > 0:
                    measure.number = 0
                if opens:
                    measure.leftBarline = m21.bar.Repeat(direction="start")
                if breaks and found:
                    self.line_starts.append(measure)
                found.append(measure)
                opens = breaks = False
            else:
                for element in run.music:
                    if isinstance(element, Tuplet):
                        self.tuplet, self.left = element, element.r
            for line in run.lines:
                if isinstance(line, Ending):
                    marks.append((len(found), line.number))
                    continue
                marks += [(len(found), "")] if line.kind != "|" else []
                if found and line.kind != "|:":
                    _close(found[-1], line.kind)
                opens = opens or line.kind in ("|:", "::")
            breaks = breaks or number in ends
        if not found:
            found.append(self._measure(Run((), (), self.tune.meter, Fraction(0), Fraction(0), True), pending))
        self._brackets(found, marks)
        return found

    def _brackets(self, measures: Sequence[Any], marks: Sequence[tuple[int, str]]) -> None:
        """Draw the brackets of endings; one that nothing ends is as long as the one before it, or one bar."""
        m21 = music21()

        usual = 1
        for (begin, name), after in zip(marks, [*marks[1:], (len(measures), "end")], strict=False):
            if not name or begin >= len(measures):
                continue
            end = after[0]
            if after[1] == "end" and end - begin > usual:
                end = begin + usual
            usual = max(1, end - begin)
            self.brackets.append(m21.spanner.RepeatBracket(list(measures[begin : max(end, begin + 1)]), number=name))

    def _measure(self, run: Run, pending: "_Attributes") -> Any:
        m21 = music21()

        measure = m21.stream.Measure()
        self.key = pending.key or self.key
        pending.put(measure)
        self.alters.clear()
        at, beats = Fraction(0), []
        if self.left:
            self.tuplet = Tuplet(self.tuplet.p, self.tuplet.q, self.left)
        for position, element in enumerate(run.music):
            match element:
                case Meter() if at:
                    pending.meter = element
                case Key():
                    self.key = element
                    if at:
                        measure.insert(4 * at, key_of(element))
                case Tuplet():
                    self.tuplet, self.left = element, element.r
                case Note():
                    last = not any(isinstance(later, Note) for later in run.music[position + 1 :])
                    tuplet = self.number + self.left if self.left else None
                    for made, length in self._note(measure, at, element, last=last):
                        beat = (run.start + at) // run.meter.beat if tuplet is None else None
                        beats.append(((beat, tuplet), made))
                        at += length
                case _:
                    pass
        signs.beam(beats)
        missing = run.meter.bar - at
        if at and missing > 0:  # said aloud, or music21 fills it with hidden rests
            measure.showNumber = m21.stream.enums.ShowNumber.NEVER  # MusicXML then calls it implicit
            if run.start:
                measure.paddingLeft = 4 * missing
            else:
                measure.paddingRight = 4 * missing
        return measure

    def _note(self, measure: Any, at: Fraction, note: Note, *, last: bool) -> list[tuple[Any, Fraction]]:
        """Put a note into a measure; return what stands for it (tied notes where its length has no sign)."""
        m21 = music21()

        for pitch in note.graces:
            grace = m21.note.Note(self._pitch(pitch), type="eighth").getGrace()
            measure.insert(4 * at, grace)
        if note.chord is not None:
            measure.insert(4 * at, chord_of(note.chord))
        scale, found = Fraction(1), []
        if self.left:
            scale = Fraction(self.tuplet.q, self.tuplet.p)
        parts = signs.parts(note.duration)
        self.number += 1
        after = self.notes[self.number].pitches if self.number < len(self.notes) else ()
        going = set(note.pitches) & set(after) if note.tied else set()
        for number, (kind, dots, length) in enumerate(parts):
            made = self._sound(note, carried=number > 0)
            made.duration = m21.duration.Duration(type=kind, dots=dots)
            if self.left:
                bracket = m21.duration.Tuplet(self.tuplet.p, self.tuplet.q)
                first = self.left == self.tuplet.r and number == 0
                final = (self.left == 1 or last) and number == len(parts) - 1
                bracket.type = "startStop" if first and final else "start" if first else "stop" if final else None
                made.duration.appendTuplet(bracket)
            _tie(made, note, set(note.pitches) if number else set(self.tied),
                 going if number == len(parts) - 1 else set(note.pitches))  # fmt: skip
            if number == 0:
                signs.decorate(measure, 4 * at, made, note.decorations)
            measure.insert(4 * at, made)
            at += length * scale
            found.append((made, length * scale))
        self.left = max(0, self.left - 1)
        self.tied = tuple(going)
        return found

    def _sound(self, note: Note, *, carried: bool) -> Any:
        m21 = music21()

        if not note.pitches:
            return m21.note.Rest()
        made = [m21.note.Note(self._pitch(pitch, carried=carried or pitch in self.tied)) for pitch in note.pitches]
        return made[0] if len(made) == 1 else m21.chord.Chord(made)

    def _pitch(self, pitch: Pitch, *, carried: bool = False) -> Any:
        """Return a pitch, which shows its accidental where the bar so far asks for it."""
        m21 = music21()

        made = m21.pitch.Pitch(step="CDEFGAB"[pitch.letter], octave=pitch.octave)
        place = pitch.letter, pitch.octave
        shown = pitch.alter != self.alters.get(place, self.key.alter(pitch.letter)) and not carried
        if pitch.alter or shown:
            made.accidental = m21.pitch.Accidental(_ACCIDENTALS[pitch.alter])
            made.accidental.displayStatus = shown
        if shown:
            self.alters[place] = pitch.alter
        return made


class _Attributes:
    """The key and the meter that the next measure has to show."""

    def __init__(self, key: Key, meter: Meter, *, first: bool) -> None:
        self.key: Key | None = key
        self.meter: Meter | None = meter
        self.first = first

    def see(self, run: Run) -> None:
        """Take the changes before the first note of a run."""
        for element in run.music:
            if isinstance(element, Note):
                break
            if isinstance(element, Key):
                self.key = element
            elif isinstance(element, Meter):
                self.meter = element

    def put(self, measure: Any) -> None:
        """Show them in a measure."""
        m21 = music21()

        if self.first:
            measure.clef = m21.clef.TrebleClef()
        if self.key is not None:
            measure.keySignature = key_of(self.key)
        if self.meter is not None:
            measure.timeSignature = meter_of(self.meter)
        self.first, self.key, self.meter = False, None, None


def key_of(key: Key) -> Any:
    """Return a key as music21 has it; no key as an empty signature."""
    m21 = music21()

    if key.tonic is None:
        return m21.key.KeySignature(0)
    return m21.key.Key(spelled(key.tonic).replace("b", "-"), _MODES[key.mode])


def meter_of(meter: Meter) -> Any:
    """Return a meter as music21 has it; no meter as senza misura."""
    m21 = music21()

    return m21.meter.TimeSignature(str(meter)) if meter.unit else m21.meter.SenzaMisuraTimeSignature("")


def chord_of(chord: ChordSymbol) -> Any:
    """Return a chord symbol as music21 has it, shown as it is written."""
    m21 = music21()

    root = spelled(chord.root).replace("b", "-")
    bass = None if chord.bass is None else spelled(chord.bass).replace("b", "-")
    kind = signs.CHORDS.get(chord.kind, signs.CHORDS[""])[0]
    made = m21.harmony.ChordSymbol(root=root, bass=bass, kind=kind, kindStr=chord.kind)
    made.writeAsChord = False
    return made


def _close(measure: Any, kind: str) -> None:
    """Draw the bar line after a measure; of several, the one that says most."""
    m21 = music21()

    if isinstance(measure.rightBarline, m21.bar.Repeat):
        return
    if kind in (":|", "::"):
        measure.rightBarline = m21.bar.Repeat(direction="end")
    elif measure.rightBarline is None or kind != "|":
        measure.rightBarline = m21.bar.Barline(_LINES[kind])


def _tie(made: Any, note: Note, before: set[Pitch], after: set[Pitch]) -> None:
    """Tie what stands for a note to the same pitches before and after it."""
    m21 = music21()

    members = [made] if len(note.pitches) == 1 else list(getattr(made, "notes", ()))
    for pitch, member in zip(note.pitches, members, strict=False):
        kind = {(False, True): "start", (True, True): "continue", (True, False): "stop"}.get(
            (pitch in before, pitch in after)
        )
        if kind:
            member.tie = m21.tie.Tie(kind)
