"""A song: tracks with notes and controllers, tempos and time signatures.

All times are in ticks of 1/480 of a quarter note.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from seqforge_midi.controls import CONTROL_DTYPE, changes_only, controls_until
from seqforge_midi.layout import Layout
from seqforge_midi.overlaps import resolve_overlaps

TICKS_PER_QUARTER = 480
DRUMS = 128
"""The program number that stands for the drums of channel 10. Programs 0 to 127 are those of General MIDI."""
NUM_PROGRAMS = 129
MIN_BPM, MAX_BPM = 20, 300
"""The range of the tempos that encodings keep and requests name, in quarter notes per minute."""
MAX_MICROSECONDS = 0xFFFFFF
"""The longest quarter note of a MIDI file, in microseconds."""
DEFAULT_BPM = 120
"""The tempo of a file that names none, in quarter notes per minute."""

TimeSignature = tuple[int, int]
"""Numerator and denominator."""
TempoChange = tuple[int, float]
"""Tick and tempo, in quarter notes per minute; `microseconds_per_quarter` returns the number of the file exactly."""
TimeSignatureChange = tuple[int, TimeSignature]
"""Tick and time signature."""

DEFAULT_TIME_SIGNATURE: TimeSignature = (4, 4)
"""The time signature of a file that names none."""

NOTE_DTYPE = np.dtype([
    ("start", "i8"), ("end", "i8"), ("pitch", "i2"), ("velocity", "i2"), ("program", "i2"), ("track", "i2"),
])  # fmt: skip
"""The fields of a note; `track` is its number among the tracks of its program, from 0."""
PEDAL_DTYPE = np.dtype([("start", "i8"), ("end", "i8"), ("program", "i2"), ("track", "i2")])
"""The fields of a pedal span; `track` is its number among the tracks of its program, from 0."""

ValueT = TypeVar("ValueT")


class Track(NamedTuple):
    """A track of a song: what one instrument plays.

    >>> Track(program=0, number=1, name="Left hand").key
    (0, 1)

    Attributes:
        program: The program, 0 to 127, or DRUMS.
        number: The number among the tracks of this program, from 0.
        name: The name in the file; empty if it has none.
        channel: The channel in the file, 0 to 15; -1 if the song does not come from a file.
        port: The port in the file.
    """

    program: int
    number: int = 0
    name: str = ""
    channel: int = -1
    port: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """Program and number, which identify the track in its song."""
        return self.program, self.number

    def mask(self, events: np.ndarray) -> np.ndarray:
        """Return the mask of the notes or pedals of this track: bool, shape (events,)."""
        mask: np.ndarray = (events["program"] == self.program) & (events["track"] == self.number)
        return mask


@dataclass(frozen=True, eq=False)
class Song:
    """The music of one MIDI file.

    >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0), (480, 960, 64, 80, 0)]), tempos=[(0, 90)])
    >>> song.length, song.programs, song.tempos
    (960, (0,), ((0, 90),))

    Attributes:
        notes: The notes, of NOTE_DTYPE, ordered by start, program, track and pitch; start and end in ticks.
        tempos: Tick and quarter notes per minute of each tempo change, ordered, the first at tick 0.
        time_signatures: Tick and (numerator, denominator) of each change, ordered, the first at tick 0.
        pedals: The spans during which the sustain pedal of a track is down, of PEDAL_DTYPE.
        length: The tick at which the song ends; no note ends later.
        omitted: What the file has and the song lacks, and what was repaired at reading, in words, with counts. It is no
            part of the music: songs that differ in it only are equal.
        tracks: The tracks that have notes or pedals, in the order of the file. Those that are missing are added,
            ordered by program and number; those that play nothing are left out. If none has a name or a channel, all
            are ordered by program and number.
        controls: The changes of expression and pitch bend, of CONTROL_DTYPE, ordered by start, program, track and kind.
        layout: How the song is written as a score or a picture. It is no part of the music either.
    """

    notes: np.ndarray
    tempos: tuple[TempoChange, ...] = ((0, DEFAULT_BPM),)
    time_signatures: tuple[TimeSignatureChange, ...] = ((0, DEFAULT_TIME_SIGNATURE),)
    pedals: np.ndarray = field(default_factory=lambda: np.zeros(0, PEDAL_DTYPE))
    length: int = 0
    omitted: Mapping[str, int] = field(default_factory=dict)
    tracks: tuple[Track, ...] = ()
    controls: np.ndarray = field(default_factory=lambda: np.zeros(0, CONTROL_DTYPE))
    layout: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        keys = {divmod(code, 1 << 16) for code in np.unique(np.concatenate(self._track_codes())).tolist()}
        tracks = [track for track in self.tracks if track.key in keys]
        missing = sorted(keys - {track.key for track in tracks})
        tracks += [Track(*key) for key in missing]
        if all(track == Track(*track.key) for track in tracks):
            tracks.sort()
        object.__setattr__(self, "tracks", tuple(tracks))

    def _track_codes(self) -> list[np.ndarray]:
        """Return a number for the track of each note, each pedal and each change of a controller."""
        events = (self.notes, self.pedals, self.controls)
        return [rows["program"].astype(np.int64) << 16 | rows["track"] for rows in events]

    @classmethod
    def from_events(
        cls,
        notes: np.ndarray,
        tempos: Iterable[TempoChange] = (),
        time_signatures: Iterable[TimeSignatureChange] = (),
        pedals: np.ndarray | None = None,
        length: int = 0,
        omitted: Mapping[str, int] | None = None,
        tracks: Iterable[Track] = (),
        controls: np.ndarray | None = None,
    ) -> "Song":
        """Return a song with its events in order.

        Of two changes at one tick the later one in the sequence is kept; changes that change nothing are left out.

        Args:
            notes: The notes, of NOTE_DTYPE, in any order.
            tempos: Tempo changes; the default is DEFAULT_BPM.
            time_signatures: Time signature changes; the default is DEFAULT_TIME_SIGNATURE.
            pedals: The pedal spans, of PEDAL_DTYPE.
            length: The earliest tick at which the song ends; it is extended to the end of the last note or pedal.
            omitted: What the file has and the song lacks, in words, with counts; the default is nothing.
            tracks: Tracks with their names and channels; those that are missing are added.
            controls: The changes of expression and pitch bend, of CONTROL_DTYPE; those after the end are left out.
        """
        sorted_notes = _sorted(notes, "start", "program", "track", "pitch", "end", "velocity")
        pedals = np.zeros(0, PEDAL_DTYPE) if pedals is None else pedals
        sorted_pedals = _sorted(pedals, "start", "program", "track", "end")
        end = int(max(sorted_notes["end"].max(initial=0), sorted_pedals["end"].max(initial=0), length))
        return cls(
            sorted_notes,
            _ordered_changes(tempos, DEFAULT_BPM),
            _ordered_changes(time_signatures, DEFAULT_TIME_SIGNATURE),
            sorted_pedals,
            end,
            omitted or {},
            tuple(tracks),
            np.zeros(0, CONTROL_DTYPE) if controls is None else changes_only(controls[controls["start"] <= end]),
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Song)
            and np.array_equal(self.notes, other.notes)
            and np.array_equal(self.pedals, other.pedals)
            and np.array_equal(self.controls, other.controls)
            and self.tempos == other.tempos
            and self.time_signatures == other.time_signatures
            and self.length == other.length
            and self.tracks == other.tracks
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def programs(self) -> tuple[int, ...]:
        """The programs that play, ascending."""
        return tuple(np.unique(self.notes["program"]).tolist())

    def seconds(self) -> float:
        """Return the duration of the song in seconds."""
        return TempoMap(self.tempos).second_of(self.length)

    def bar_starts(self) -> list[int]:
        """Return the tick at which each bar starts."""
        starts, tick = [0], 0
        changes = list(self.time_signatures)
        time_signature = changes.pop(0)[1] if changes else DEFAULT_TIME_SIGNATURE
        while True:
            while changes and changes[0][0] <= tick:
                time_signature = changes.pop(0)[1]
            tick += ticks_per_bar(time_signature)
            if tick >= self.length:
                return starts
            starts.append(tick)

    def with_dense_tracks(self) -> "Song":
        """Return the song with the tracks of each program numbered 0, 1, ..., as a file that is read has them.

        >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0, 2)]))
        >>> song.tracks[0].key, song.with_dense_tracks().tracks[0].key
        ((0, 2), (0, 0))
        """
        present: dict[int, list[int]] = {}
        for program, number in sorted(track.key for track in self.tracks):
            present.setdefault(program, []).append(number)
        if all(numbers == list(range(len(numbers))) for numbers in present.values()):
            return self
        arrays = [np.array(events) for events in (self.notes, self.pedals, self.controls)]
        for events in arrays:
            for program, numbers in present.items():
                of_program = events["program"] == program
                events["track"][of_program] = np.searchsorted(numbers, events["track"][of_program])
        notes, pedals, controls = arrays
        tracks = [track._replace(number=present[track.program].index(track.number)) for track in self.tracks]
        return replace(self, notes=notes, pedals=pedals, controls=controls, tracks=tuple(tracks))

    def without_silent_tracks(self) -> "Song":
        """Return the song without the pedals and controllers of tracks that play no note, as a file that is read.

        >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0)]), pedals=pedal_array([(0, 480, 40)]))
        >>> song.without_silent_tracks().tracks
        (Track(program=0, number=0, name='', channel=-1, port=0),)
        """
        notes, pedals, controls = self._track_codes()
        audible_pedals, audible_controls = np.isin(pedals, notes), np.isin(controls, notes)
        if audible_pedals.all() and audible_controls.all():
            return self
        return replace(self, pedals=self.pedals[audible_pedals], controls=self.controls[audible_controls])

    def first_bars(self, count: int) -> "Song":
        """Return the first `count` bars; notes and pedals that last longer are shortened."""
        edges = [*self.bar_starts(), self.length]
        end = edges[min(count, len(edges) - 1)]
        notes, pedals = (events[events["start"] < end] for events in (self.notes, self.pedals))
        for events in (notes, pedals):
            events["end"] = np.minimum(events["end"], end)
        tempos = [change for change in self.tempos if change[0] < end]
        time_signatures = [change for change in self.time_signatures if change[0] < end]
        controls = controls_until(self.controls, end)
        return Song.from_events(notes, tempos, time_signatures, pedals, end, tracks=self.tracks, controls=controls)


def note_array(rows: Iterable[Sequence[Any]]) -> np.ndarray:
    """Return notes of NOTE_DTYPE.

    >>> note_array([(0, 480, 60, 80, 0), (0, 480, 48, 80, 0, 1)])["track"].tolist()
    [0, 1]

    Args:
        rows: Start, end, pitch, velocity and program of each note, and the number of its track, which is 0 by default.
    """
    return _event_array(rows, NOTE_DTYPE)


def pedal_array(rows: Iterable[Sequence[Any]]) -> np.ndarray:
    """Return pedal spans of PEDAL_DTYPE.

    >>> pedal_array([(0, 480, 0)])["end"].tolist()
    [480]

    Args:
        rows: Start, end and program of each span, and the number of its track, which is 0 by default.
    """
    return _event_array(rows, PEDAL_DTYPE)


def _event_array(rows: Iterable[Sequence[Any]], dtype: np.dtype[Any]) -> np.ndarray:
    size = len(dtype.names or ())
    return np.array([tuple(row) if len(row) == size else (*row, 0) for row in rows], dtype)


def remove_overlaps(notes: np.ndarray) -> np.ndarray:
    """Return notes without overlaps of one pitch and track.

    Of notes that start together the longest is kept; a note that still sounds when the next one starts is shortened.

    >>> remove_overlaps(note_array([(0, 480, 60, 80, 0), (240, 600, 60, 80, 0)]))["end"].tolist()
    [240, 600]

    Args:
        notes: The notes, of NOTE_DTYPE.
    """
    indices, ends = resolve_overlaps(notes)
    notes = notes[indices]
    notes["end"] = ends
    return _sorted(notes, "start", "program", "track", "pitch", "end", "velocity")


def _sorted(events: np.ndarray, *names: str) -> np.ndarray:
    """Return events in the order of these fields."""
    return events[np.lexsort([events[name] for name in reversed(names)])]


def microseconds_per_quarter(bpm: float) -> int:
    """Return the duration of a quarter note as a MIDI file stores it.

    >>> microseconds_per_quarter(120), microseconds_per_quarter(60e6 / 662_983)
    (500000, 662983)

    Args:
        bpm: The tempo, in quarter notes per minute.
    """
    return min(max(1, round(60e6 / bpm)), MAX_MICROSECONDS)


def ticks_per_bar(time_signature: TimeSignature) -> int:
    """Return the length of a bar in ticks.

    >>> ticks_per_bar((6, 8))
    1440
    """
    numerator, denominator = time_signature
    return 4 * TICKS_PER_QUARTER * numerator // denominator


class TempoMap:
    """Converts ticks to seconds and back.

    >>> TempoMap([(0, 60), (480, 120)]).to_seconds(np.array([480, 960])).tolist()
    [1.0, 1.5]

    Args:
        tempos: Tick and quarter notes per minute of each change, ordered, the first at tick 0.
    """

    def __init__(self, tempos: Sequence[TempoChange]) -> None:
        self.ticks = np.array([tick for tick, _ in tempos], np.int64)
        self.seconds_per_tick = np.array([60.0 / (bpm * TICKS_PER_QUARTER) for _, bpm in tempos])
        spans = np.diff(self.ticks) * self.seconds_per_tick[:-1]
        self.seconds = np.concatenate([[0.0], np.cumsum(spans)])

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Return the time of each tick in seconds."""
        part = np.searchsorted(self.ticks, ticks, side="right") - 1
        seconds: np.ndarray = self.seconds[part] + (ticks - self.ticks[part]) * self.seconds_per_tick[part]
        return seconds

    def second_of(self, tick: int) -> float:
        """Return the time of one tick in seconds."""
        return float(self.to_seconds(np.array([tick]))[0])

    def to_ticks(self, seconds: np.ndarray) -> np.ndarray:
        """Return the tick nearest to each time."""
        part = np.searchsorted(self.seconds, seconds, side="right") - 1
        offset = np.rint((seconds - self.seconds[part]) / self.seconds_per_tick[part]).astype(np.int64)
        ticks: np.ndarray = self.ticks[part] + offset
        return ticks


def _ordered_changes(changes: Iterable[tuple[int, ValueT]], default: ValueT) -> tuple[tuple[int, ValueT], ...]:
    """Return changes ordered by tick, the first at tick 0, without those that change nothing."""
    by_tick = dict(sorted(changes, key=lambda change: change[0]))
    by_tick.setdefault(0, default)
    result: list[tuple[int, ValueT]] = []
    for tick in sorted(by_tick):
        if not result or result[-1][1] != by_tick[tick]:
            result.append((tick, by_tick[tick]))
    return tuple(result)
