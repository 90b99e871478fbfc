"""The reader of MusicXML: a part with one voice becomes a tune. music21 parses the file.

Pitches are read as they are written; a part for a transposing instrument is not transposed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from seqforge import ReadError
from seqforge_abc.fields import chord_symbol
from seqforge_abc.key_estimate import estimated_key, key_with_mode
from seqforge_abc.lyrics import syllable
from seqforge_abc.normal_form import ending_number, to_normal_form
from seqforge_abc.notation import music21
from seqforge_abc.theory import NO_METER, Key, Meter, Pitch
from seqforge_abc.tune import BarLine, ChordSymbol, Element, Ending, Note, Tempo, TextField, Tune
from seqforge_abc.tuplet_groups import with_tuplets_and_ties

MUSICXML_SUFFIXES = (".musicxml", ".xml", ".mxl")
_DECORATIONS = {
    "Staccato": "staccato", "Accent": "accent", "UpBow": "upbow", "DownBow": "downbow", "Tenuto": "tenuto",
    "Staccatissimo": "wedge", "BreathMark": "breath", "OpenString": "open", "Stopped": "plus", "SnapPizzicato": "snap",
    "Turn": "roll", "Trill": "trill", "Fermata": "fermata", "Mordent": "lowermordent",
    "InvertedMordent": "uppermordent", "InvertedTurn": "invertedturn", "ArpeggioMark": "arpeggio",
}  # fmt: skip
"""The decoration for the name of a class of music21."""
MAX_VERSES = 12
"""Verses with a higher number are not read."""
_BAR_LINES = {"double": "||", "light-light": "||", "final": "|]", "light-heavy": "|]"}


class _UnfitScoreError(Exception):
    """A score that is no tune; the message is half a sentence."""


def read_musicxml(path: Path) -> Iterator[tuple[Tune, str] | ReadError]:
    """Yield the tune of a MusicXML file, or an error that says why the file contains none.

    Example:
        for item in read_musicxml(Path("tune.musicxml")):
            if not isinstance(item, ReadError):
                tune, place = item
    """
    try:
        m21 = music21()
    except ImportError:
        yield ReadError("is MusicXML, which needs music21: pip install music21; or export ABC", file=str(path))
        return
    try:
        score = m21.converter.parse(str(path), format="musicxml", forceSource=True)
    except Exception as error:  # music21 raises many kinds of errors on damaged files
        first = (str(error).splitlines() or [""])[0]
        yield ReadError(f"is no MusicXML that music21 can read ({type(error).__name__}: {first})", file=str(path))
        return
    try:
        yield tune_of_score(score), ""
    except _UnfitScoreError as error:
        yield ReadError(str(error), file=str(path))


def tune_of_score(score: Any) -> Tune:
    """Return a score of music21 with one voice as a tune.

    Raises:
        _UnfitScoreError: If the score has several voices, or no note.
    """
    parts = [part for part in score.parts if part.recurse().getElementsByClass("NotRest")]
    if not parts:
        raise _UnfitScoreError("has no note")
    if len(parts) > 1:
        names = ", ".join(repr(part.partName or f"part {number}") for number, part in enumerate(parts, 1))
        raise _UnfitScoreError(f"has {len(parts)} parts with notes ({names}); a tune has one: export that part alone")
    builder = _TuneBuilder(parts[0])
    builder.build()
    losses: Counter[str] = Counter()
    written, tied = with_tuplets_and_ties(builder.elements, builder.ratios, builder.ties)
    elements = to_normal_form(written, tied, losses)
    tune = Tune(elements, builder.first_key or estimated_key(parts[0]), builder.first_meter, tempo=builder.tempo)
    metadata = score.metadata
    if metadata is None:
        return tune
    title = metadata.title or metadata.movementName or ""
    composers = [name for name in metadata.composers if name and name != "Music21"]
    fields = tuple(TextField("C", " ".join(str(name).split())) for name in composers)
    return Tune(
        elements, tune.key, tune.meter, title=" ".join(title.split()), tempo=tune.tempo, fields=fields, losses=+losses
    )


class _TuneBuilder:
    """Collects the elements of a tune from the measures of a part.

    Attributes:
        elements: The elements; the durations of notes in tuplets are sounding ones.
        ratios: For the index of a note in a tuplet, the numbers of actual and normal notes.
        ties: The indices of the notes that are tied to the next note.
        first_key: The key at the beginning, None if the score has none.
        first_meter: The meter at the beginning.
        tempo: The first tempo.
    """

    def __init__(self, part: Any) -> None:
        self.part = part
        self.elements: list[Element] = []
        self.ratios: dict[int, tuple[int, int]] = {}
        self.ties: list[int] = []
        self.first_key: Key | None = None
        self.first_meter: Meter = NO_METER
        self.key: Key | None = None
        self.meter: Meter | None = None
        self.tempo: Tempo | None = None
        self.has_notes = False
        self.grace_notes: list[Pitch] = []
        self.symbol: ChordSymbol | None = None
        self.endings = _ending_starts(part)
        slurs = list(part.recurse().getElementsByClass("Slur")) or list(part.spannerBundle.getByClass("Slur"))
        self.slur_starts = Counter(id(slur.getFirst()) for slur in slurs)
        self.slur_ends = Counter(id(slur.getLast()) for slur in slurs)

    def build(self) -> None:
        """Read the measures."""
        for measure in self.part.getElementsByClass("Measure"):
            self._measure(measure)

    def _measure(self, measure: Any) -> None:
        number = measure.measureNumberWithSuffix()
        voices = [voice for voice in measure.voices if voice.getElementsByClass("NotRest")]
        if len(voices) > 1:
            raise _UnfitScoreError(f"is polyphonic: measure {number} has {len(voices)} voices, and a tune has one")
        if _is_repeat(measure.leftBarline, "start"):
            self.elements.append(BarLine("|:"))
        if id(measure) in self.endings:
            self.elements.append(Ending(self.endings[id(measure)]))
        end, silent = Fraction(0), _silent_rests(measure)
        for item in measure.flatten():
            classes = item.classSet
            if id(item) in silent:
                continue
            if "KeySignature" in classes:
                self._change_key(item)
            elif "TimeSignature" in classes:
                self._change_meter(Meter(item.numerator, item.denominator))
            elif "MetronomeMark" in classes or "TempoText" in classes:
                self._tempo(item)
            elif "ChordSymbol" in classes:
                self.symbol = chord_symbol(str(item.figure).replace("-", "b"))
            elif "GeneralNote" in classes:
                begin = Fraction(item.offset)
                if begin < end and not item.duration.isGrace:
                    raise _UnfitScoreError(
                        f"is polyphonic: in measure {number}, a note begins before the last one ends"
                    )
                end = begin + Fraction(item.duration.quarterLength)
                self._note(item)
        self._bar_line(measure.rightBarline)

    def _note(self, item: Any) -> None:
        pitches = tuple(sorted({_pitch(pitch) for pitch in getattr(item, "pitches", ())}, key=lambda pitch: pitch.midi))
        if item.duration.isGrace:
            self.grace_notes += pitches
            return
        length = Fraction(item.duration.quarterLength) / 4
        if not 0 < length <= 16:
            return
        tuplets = item.duration.tuplets
        if len(tuplets) > 1:
            raise _UnfitScoreError("has nested tuplets, which ABC does not represent")
        if tuplets:
            self.ratios[len(self.elements)] = (tuplets[0].numberNotesActual, tuplets[0].numberNotesNormal)
        if item.tie is not None and item.tie.type in ("start", "continue"):
            self.ties.append(len(self.elements))
        marks = [*item.articulations, *item.expressions]
        decorations = {_DECORATIONS[type(mark).__name__] for mark in marks if type(mark).__name__ in _DECORATIONS}
        graces, self.grace_notes = tuple(self.grace_notes) if pitches else (), []
        symbol, self.symbol = self.symbol, None
        self.elements.append(
            Note(
                pitches, length, False, tuple(sorted(decorations)), graces, symbol,
                self.slur_starts[id(item)], self.slur_ends[id(item)], _syllables(item) if pitches else (),
            )
        )  # fmt: skip
        self.has_notes = True

    def _bar_line(self, bar_line: Any) -> None:
        kind = "|"
        if _is_repeat(bar_line, "end"):
            kind = ":|"
        elif bar_line is not None:
            kind = _BAR_LINES.get(bar_line.type, "|")
        self.elements.append(BarLine(kind))

    def _change_key(self, item: Any) -> None:
        key = key_with_mode(item.sharps, getattr(item, "mode", None), self.part)
        if not self.has_notes:
            self.first_key = key
        elif key != self.key:
            self.elements.append(key)
        self.key = key

    def _change_meter(self, meter: Meter) -> None:
        if not self.has_notes:
            self.first_meter = meter
        elif meter != self.meter:
            self.elements.append(meter)
        self.meter = meter

    def _tempo(self, item: Any) -> None:
        if self.tempo is not None or self.has_notes:
            return
        text = "" if getattr(item, "textImplicit", False) else getattr(item, "text", None) or ""
        words = " ".join(text.replace('"', "").split())
        number = getattr(item, "number", None)
        if number and getattr(item, "referent", None) is not None and not getattr(item, "numberImplicit", False):
            self.tempo = Tempo(Fraction(item.referent.quarterLength) / 4, round(number), words)
        elif words:
            self.tempo = Tempo(Fraction(0), 0, words)


def _silent_rests(measure: Any) -> set[int]:
    """Return the ids of the rests of voices without notes, beside the voice that is read."""
    voices = list(measure.voices)
    read = next((voice for voice in voices if voice.getElementsByClass("NotRest")), voices[0] if voices else None)
    return {id(rest) for voice in voices if voice is not read for rest in voice}


def _pitch(pitch: Any) -> Pitch:
    alter = round(pitch.alter)
    return Pitch("CDEFGAB".index(pitch.step), max(-2, min(2, alter)), pitch.implicitOctave)


def _syllables(item: Any) -> tuple[str, ...]:
    """Return the syllable of each verse of a note."""
    verses = {
        lyric.number: syllable(lyric.text or "", continues=lyric.syllabic in ("begin", "middle"))
        for lyric in item.lyrics
        if isinstance(lyric.number, int) and 1 <= lyric.number <= MAX_VERSES
    }
    return tuple(verses.get(number, "") for number in range(1, max(verses, default=0) + 1))


def _is_repeat(bar_line: Any, direction: str) -> bool:
    return bar_line is not None and "Repeat" in bar_line.classSet and bar_line.direction == direction


def _ending_starts(part: Any) -> dict[int, str]:
    """Return the number of the ending that begins with a measure, by the id of the measure."""
    result = {}
    brackets: Sequence[Any] = list(part.recurse().getElementsByClass("RepeatBracket"))
    for bracket in brackets:
        first = bracket.getFirst()
        number = ending_number(str(bracket.number))
        if first is not None and number:
            result[id(first)] = number
    return result
