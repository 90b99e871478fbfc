"""The measures of a song. All times are in ticks of 1/480 of a quarter note."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seqforge_midi.song import TICKS_PER_QUARTER, Song, TimeSignature, TimeSignatureChange, ticks_per_bar

CHANGE_TICKS = TICKS_PER_QUARTER // 4
"""A change of time signature off the bar lines is written at a multiple of this many ticks from the last bar line."""
_IRREGULAR_BEATS = {5: (3, 2), 7: (2, 2, 3)}
"""The groups of 5 or 7 units in a measure, for beams."""


@dataclass(frozen=True)
class Measure:
    """A measure of a score.

    >>> measure = Measure(0, (6, 8))
    >>> measure.end, measure.beat, measure.half
    (1440, 720, 0)

    Attributes:
        start: The tick at which it starts.
        time_signature: The numerator and denominator.
    """

    start: int
    time_signature: TimeSignature

    @property
    def length(self) -> int:
        """The length in ticks."""
        return ticks_per_bar(self.time_signature)

    @property
    def end(self) -> int:
        """The tick at which it ends."""
        return self.start + self.length

    @property
    def unit(self) -> int:
        """The note value of the denominator in ticks."""
        return 4 * TICKS_PER_QUARTER // self.time_signature[1]

    @property
    def is_compound(self) -> bool:
        """Whether each beat has three parts, as in 6/8."""
        numerator, denominator = self.time_signature
        return numerator % 3 == 0 and (denominator >= 8 or numerator > 3)

    @property
    def beat(self) -> int:
        """The length of a beat in ticks."""
        return 3 * self.unit if self.is_compound else self.unit

    @property
    def half(self) -> int:
        """Half of the measure in ticks if notes show its middle, as in 4/4 and 12/8; else 0."""
        return self.length // 2 if self.length == 4 * self.beat else 0

    @property
    def division(self) -> int:
        """The length in ticks that quantisation divides into equal parts: a quarter note, or the unit if it is less."""
        return min(TICKS_PER_QUARTER, self.unit)

    def beam_groups(self) -> list[int]:
        """Return the ends of the groups of notes that beams join, in ticks from the start of the measure."""
        numerator, denominator = self.time_signature
        group = self.beat if self.is_compound and denominator >= 8 else TICKS_PER_QUARTER
        lengths = [group] * (self.length // group)
        if denominator >= 8 and numerator in _IRREGULAR_BEATS:
            lengths = [count * self.unit for count in _IRREGULAR_BEATS[numerator]]
        ends, end = [], 0
        for length in lengths:
            end += length
            ends.append(end)
        return ends if ends and ends[-1] >= self.length else [*ends, self.length]


def measures_of(song: Song) -> list[Measure]:
    """Return the measures of a song, at least one; together they are as long as the song or longer.

    A change of time signature starts a measure. If it stands within a measure, it is moved to the nearest sixteenth
    note, and the measure that it cuts has the time signature of its own length.

    >>> from seqforge_midi.song import note_array
    >>> song = Song.from_events(note_array([]), time_signatures=[(0, (4, 4)), (2400, (3, 4))], length=3000)
    >>> [measure.time_signature for measure in measures_of(song)]
    [(4, 4), (1, 4), (3, 4)]
    """
    measures: list[Measure] = []
    tick = 0
    changes = list(song.time_signatures)
    for (_, time_signature), following in zip(changes, [*changes[1:], None], strict=True):
        end = song.length if following is None else following[0]
        length = ticks_per_bar(time_signature)
        while tick + length <= end or (following is None and tick < end):
            measures.append(Measure(tick, time_signature))
            tick += length
        cut = 0 if following is None else round((end - tick) / CHANGE_TICKS) * CHANGE_TICKS
        if cut >= length:
            measures.append(Measure(tick, time_signature))
            tick += length
        elif cut > 0:
            measures.append(Measure(tick, time_signature_of(cut)))
            tick += cut
    return measures or [Measure(0, changes[-1][1])]


def begins_with_upbeat(measures: Sequence[Measure]) -> bool:
    """Return whether the first measure is an upbeat: at most half as long as the second one."""
    return len(measures) > 1 and 2 * measures[0].length <= measures[1].length


def time_signature_of(ticks: int) -> TimeSignature:
    """Return the time signature with the largest unit, at most a quarter note, for a length in ticks.

    >>> time_signature_of(360)
    (3, 16)

    Args:
        ticks: A multiple of CHANGE_TICKS.
    """
    denominator = next(number for number in (4, 8, 16) if ticks % (4 * TICKS_PER_QUARTER // number) == 0)
    return ticks * denominator // (4 * TICKS_PER_QUARTER), denominator


def time_signature_changes(measures: Sequence[Measure]) -> Iterator[TimeSignatureChange]:
    """Yield the start and time signature of each measure whose time signature is not that of the previous one."""
    last = None
    for measure in measures:
        if measure.time_signature != last:
            yield measure.start, measure.time_signature
        last = measure.time_signature
