"""Divides the chords and rests of a measure into note values with ties, dots and tuplets.

A division shows the beats: no note hides the middle of a 4/4 bar, and no note shorter than a beat crosses a beat
(E. Gould, "Behind Bars", 2011, chapter 6).
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from seqforge_midi.notation.measures import Measure
from seqforge_midi.notation.quantisation import SMALLEST
from seqforge_midi.notation.voices import Chord

NAMES = {
    SMALLEST << power: name
    for power, name in enumerate(("128th", "64th", "32nd", "16th", "eighth", "quarter", "half", "whole", "breve"))
}
"""Ticks of a note value and its name in MusicXML."""


@dataclass
class NoteValue:
    """A note, chord or rest with one note value.

    Attributes:
        start: The tick at which it starts.
        end: The tick at which it ends.
        chord: The chord; None for a rest.
        name: The note value in MusicXML; "" for a rest of a whole measure.
        dots: The number of dots.
        tuplet: The numbers of notes of the tuplet and of notes in their time; (1, 1) if it is in none.
        tuplet_edge: "start" or "stop" for the first and last note of a tuplet, "both" or "".
        ends_chord: Whether the chord ends with it; else a tie leads to the next note value.
        beams: The state of each beam from the first one on, such as "begin".
        hidden: Whether it is a rest that is not printed.
        tuplet_hidden: Whether the number and bracket of its tuplet are not printed.
        accidentals: The accidental that is written before each pitch, by pitch.
    """

    start: int
    end: int
    chord: Chord | None
    name: str
    dots: int = 0
    tuplet: tuple[int, int] = (1, 1)
    tuplet_edge: str = ""
    ends_chord: bool = True
    beams: tuple[str, ...] = ()
    hidden: bool = False
    tuplet_hidden: bool = False
    accidentals: dict[int, str] = field(default_factory=dict)

    @property
    def starts_chord(self) -> bool:
        """Whether the chord starts with it."""
        return self.chord is None or self.chord.start == self.start


def note_values(voice: Sequence[Chord], measure: Measure) -> list[NoteValue]:
    """Return the note values that fill a measure.

    >>> from seqforge_midi.notation.quantisation import WrittenNote
    >>> chord = Chord(240, 1680, [WrittenNote(240, 1680, 60, 80)])
    >>> [(value.name, value.dots) for value in note_values([chord], Measure(0, (4, 4)))]
    [('eighth', 0), ('quarter', 1), ('quarter', 1), ('eighth', 0)]

    Args:
        voice: The chords that sound in the measure, in order; they may start before it and end after it.
        measure: The measure.
    """
    if not voice:
        return [NoteValue(measure.start, measure.end, None, "")]
    spans: list[tuple[int, int, Chord | None]] = []
    tick = measure.start
    for sounding in voice:
        start, end = max(sounding.start, measure.start), min(sounding.end, measure.end)
        if start > tick:
            spans.append((tick, start, None))
        spans.append((start, end, sounding))
        tick = end
    if tick < measure.end:
        spans.append((tick, measure.end, None))
    tuplets = _tuplets([start for start, _, _ in spans], measure)
    values: list[NoteValue] = []
    for start, end, chord in spans:
        for piece_start, piece_end in _cut(start, end, [edge for tuplet in tuplets for edge in tuplet]):
            tuplet = next((edges for edges in tuplets if edges[0] <= piece_start < edges[1]), None)
            values += _values(piece_start, piece_end, chord, measure, tuplet)
    _mark_tuplets(values, tuplets)
    return values


def _tuplets(boundaries: Sequence[int], measure: Measure) -> list[tuple[int, int]]:
    """Return the start and end of each tuplet: the beats in which a boundary stands on a third of the beat."""
    tuplets: list[tuple[int, int]] = []
    division = measure.division
    tick = measure.start
    while tick < measure.end:
        inside = [boundary - tick for boundary in boundaries if tick < boundary < tick + 2 * division]
        pair_starts = (tick - measure.start) % (2 * division) == 0 and tick + 2 * division <= measure.end
        third = 2 * division // 3
        if pair_starts and not measure.is_compound and set(inside) == {third, 2 * third}:
            tuplets.append((tick, tick + 2 * division))
            tick += 2 * division
            continue
        if any(place < division and place % SMALLEST for place in inside):
            tuplets.append((tick, tick + division))
        tick += division
    return tuplets


def _cut(start: int, end: int, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a span between the edges inside it."""
    points = sorted({start, end, *(edge for edge in edges if start < edge < end)})
    yield from itertools.pairwise(points)


def _values(
    start: int, end: int, chord: Chord | None, measure: Measure, tuplet: tuple[int, int] | None
) -> list[NoteValue]:
    """Return the note values of a span that lies within a measure and within a tuplet or outside of all."""
    if tuplet is not None:
        length = tuplet[1] - tuplet[0]
        parts = _tuplet_parts(start - tuplet[0], end - tuplet[0], length // 3)
        ratio = (3, 2)
        offset = tuplet[0]
    else:
        parts = _parts(start - measure.start, end - measure.start, measure, rest=chord is None)
        ratio, offset = (1, 1), measure.start
    values = []
    for first, last in parts:
        nominal = (last - first) * ratio[0] // ratio[1]
        plain = nominal if nominal in NAMES else nominal * 2 // 3
        ends_chord = chord is None or chord.end == offset + last
        values.append(
            NoteValue(offset + first, offset + last, chord, NAMES[plain], int(plain != nominal), ratio, "", ends_chord)
        )
    return values


def _tuplet_parts(start: int, end: int, third: int) -> list[tuple[int, int]]:
    """Return the parts of a span in a tuplet that are note values; ticks from the start of the tuplet."""
    if end - start in (third // 2, third, 3 * third // 2, 2 * third):
        return [(start, end)]
    cut = (start // third + 1) * third
    if not start < cut < end:
        cut = start + third // 2
    return [*_tuplet_parts(start, cut, third), *_tuplet_parts(cut, end, third)]


def _parts(start: int, end: int, measure: Measure, *, rest: bool) -> list[tuple[int, int]]:
    """Return the parts of a span that are note values which show the beats; ticks from the start of the measure."""
    if _is_clear(start, end, measure, rest=rest):
        return [(start, end)]
    cut = next(
        point
        for level in _levels(measure)
        if (point := (start // level + 1) * level) < end
    )  # fmt: skip
    return [*_parts(start, cut, measure, rest=rest), *_parts(cut, end, measure, rest=rest)]


def _levels(measure: Measure) -> Iterator[int]:
    """Yield the lengths of the half measure, the beat and its parts, the longest first."""
    if measure.half:
        yield measure.half
    yield measure.beat
    level = measure.unit if measure.is_compound else measure.unit // 2
    while level >= SMALLEST:
        yield level
        level //= 2
    yield 1


def _is_clear(start: int, end: int, measure: Measure, *, rest: bool) -> bool:
    """Return whether one note value, perhaps with a dot, shows the beats of a span."""
    length, beat, half = end - start, measure.beat, measure.half
    plain, dotted = length in NAMES, length * 2 % 3 == 0 and length * 2 // 3 in NAMES
    if not plain and not dotted:
        return False
    if start == 0 and end == measure.length:
        return True
    crosses_half = half and start // half != (end - 1) // half
    crosses_beat = start // beat != (end - 1) // beat
    if measure.is_compound and (crosses_beat or length == beat):
        return length % beat == 0 and start % beat == 0 and not (crosses_half and start % half)
    if measure.is_compound and plain:
        return start % beat % length == 0 if rest else start % max(SMALLEST, length // 2) == 0
    if measure.is_compound:
        return (start % measure.unit == 0 or end % measure.unit == 0) and length < measure.unit * 2 and not rest
    if rest:
        return plain and start % length == 0 and not crosses_half and (length <= beat or bool(half))
    if plain:
        if crosses_half and length < 2 * beat:
            return False
        if length < beat:
            return start % max(SMALLEST, length // 2) == 0 and not crosses_beat
        return start % (beat // 2 if length == beat else beat) == 0
    unit = length // 3
    if length > beat and not half:
        return start % beat == 0 or end % beat == 0
    return start // (4 * unit) == (end - 1) // (4 * unit) and (start % unit == 0)


def _mark_tuplets(values: Sequence[NoteValue], tuplets: Sequence[tuple[int, int]]) -> None:
    """Set the edges of tuplets; a tuplet with a sixth of its length has six notes in the time of four."""
    for start, end in tuplets:
        inside = [value for value in values if start <= value.start < end]
        sixth = (end - start) // 6
        if all(value.end - value.start == sixth for value in inside):
            for value in inside:
                value.tuplet = (6, 4)
        inside[0].tuplet_edge = "start"
        inside[-1].tuplet_edge = "both" if len(inside) == 1 else "stop"


def hide_tuplets(values: Sequence[NoteValue]) -> None:
    """Mark the tuplets that have a hidden rest: their number and bracket are not printed."""
    start = 0
    for index, value in enumerate(values):
        if value.tuplet_edge in ("start", "both"):
            start = index
        if value.tuplet_edge in ("stop", "both") and any(part.hidden for part in values[start : index + 1]):
            values[start].tuplet_hidden = values[index].tuplet_hidden = True
