"""A song: notes, tempos, meters and pedals, all at ticks of one 480th of a quarter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

TICKS = 480
"""To a quarter."""
DRUMS = 128
"""The program of notes on channel 10."""
PROGRAMS = 129
FASTEST, SLOWEST = 300, 20
"""Quarters a minute."""
PLAIN_TEMPO, PLAIN_METER = 120, (4, 4)
"""Where a file names none."""

NOTE = np.dtype([("start", "i8"), ("end", "i8"), ("pitch", "i2"), ("velocity", "i2"), ("program", "i2")])
PEDAL = np.dtype([("start", "i8"), ("end", "i8"), ("program", "i2")])


@dataclass(frozen=True, eq=False)
class Song:
    """What a MIDI file plays.

    Attributes:
        notes: of NOTE, ordered by start, program and pitch; start and end in ticks.
        tempos: tick and quarters a minute, ordered, the first at 0.
        meters: tick and (beats, unit), ordered, the first at 0.
        pedals: of PEDAL: from when to when a program's sustain pedal is down.
        length: where it ends, in ticks: no note lasts longer.
    """

    notes: np.ndarray
    tempos: tuple[tuple[int, int], ...] = ((0, PLAIN_TEMPO),)
    meters: tuple[tuple[int, tuple[int, int]], ...] = ((0, PLAIN_METER),)
    pedals: np.ndarray = field(default_factory=lambda: np.zeros(0, PEDAL))
    length: int = 0

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Song)
            and np.array_equal(self.notes, other.notes)
            and np.array_equal(self.pedals, other.pedals)
            and (self.tempos, self.meters, self.length) == (other.tempos, other.meters, other.length)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def programs(self) -> tuple[int, ...]:
        """The programs that play, ascending."""
        return tuple(np.unique(self.notes["program"]).tolist())

    def seconds(self) -> float:
        """Return how long it lasts."""
        return Clock(self.tempos).seconds(self.length)

    def bars(self, until: int | None = None) -> list[int]:
        """Return the tick at which every bar begins, up to the one that reaches `until` (default: `length`)."""
        until = self.length if until is None else until
        starts, at = [0], 0
        changes = list(self.meters)
        meter = changes.pop(0)[1] if changes else PLAIN_METER
        while True:
            while changes and changes[0][0] <= at:
                meter = changes.pop(0)[1]
            at += bar_ticks(meter)
            if at >= until:
                return starts
            starts.append(at)

    def first_bars(self, count: int) -> "Song":
        """Return the first bars; notes and pedals that last on are cut."""
        ends = [*self.bars(), self.length]
        end = ends[min(count, len(ends) - 1)]
        notes, pedals = (events[events["start"] < end] for events in (self.notes, self.pedals))
        for events in (notes, pedals):
            events["end"] = np.minimum(events["end"], end)
        tempos = [change for change in self.tempos if change[0] < end]
        meters = [change for change in self.meters if change[0] < end]
        return song(notes, tempos, meters, pedals, end)


def song(
    notes: np.ndarray,
    tempos: Iterable[tuple[int, int]] = (),
    meters: Iterable[tuple[int, tuple[int, int]]] = (),
    pedals: np.ndarray | None = None,
    length: int = 0,
) -> Song:
    """Return a song whose parts are in order: notes sorted, of two changes at one tick the later, none said twice."""
    found = np.sort(notes, order=["start", "program", "pitch", "end"])
    downs = np.zeros(0, PEDAL) if pedals is None else np.sort(pedals, order=["start", "program"])
    last = int(max(found["end"].max(initial=0), downs["end"].max(initial=0), length))
    return Song(found, _changes(tempos, PLAIN_TEMPO), _changes(meters, PLAIN_METER), downs, last)


def cut(notes: np.ndarray) -> np.ndarray:
    """Return notes of which none begins twice at once, or sounds on when its key is struck again.

    Args:
        notes: of NOTE; of notes that begin together with one pitch and program, the longest stays.
    """
    order = np.lexsort((-notes["end"], notes["start"], notes["pitch"], notes["program"]))
    sorted_ = notes[order]
    same = (sorted_["program"][1:] == sorted_["program"][:-1]) & (sorted_["pitch"][1:] == sorted_["pitch"][:-1])
    twice = np.append(False, same & (sorted_["start"][1:] == sorted_["start"][:-1]))
    kept = sorted_[~twice]
    same = (kept["program"][1:] == kept["program"][:-1]) & (kept["pitch"][1:] == kept["pitch"][:-1])
    kept["end"][:-1] = np.where(same, np.minimum(kept["end"][:-1], kept["start"][1:]), kept["end"][:-1])
    return np.sort(kept, order=["start", "program", "pitch"])


def bar_ticks(meter: tuple[int, int]) -> int:
    """Return the ticks of a bar."""
    return 4 * TICKS * meter[0] // meter[1]


class Clock:
    """From ticks to seconds and back, under changes of tempo.

    Args:
        tempos: tick and quarters a minute, the first at 0.
    """

    def __init__(self, tempos: Sequence[tuple[int, int]]) -> None:
        self.ticks = np.array([tick for tick, _ in tempos], np.int64)
        self.each = np.array([60.0 / (bpm * TICKS) for _, bpm in tempos])
        spans = np.diff(self.ticks) * self.each[:-1]
        self.at = np.concatenate([[0.0], np.cumsum(spans)])

    def all_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Return seconds of ticks, elementwise."""
        part = np.searchsorted(self.ticks, ticks, side="right") - 1
        found: np.ndarray = self.at[part] + (ticks - self.ticks[part]) * self.each[part]
        return found

    def seconds(self, tick: int) -> float:
        """Return the second of a tick."""
        return float(self.all_seconds(np.array([tick]))[0])

    def all_ticks(self, seconds: np.ndarray) -> np.ndarray:
        """Return the nearest ticks of seconds, elementwise."""
        part = np.searchsorted(self.at, seconds, side="right") - 1
        found: np.ndarray = self.ticks[part] + np.rint((seconds - self.at[part]) / self.each[part]).astype(np.int64)
        return found


def _changes(changes: Iterable[tuple[int, object]], plain: object) -> tuple:  # type: ignore[type-arg]
    last = dict(sorted(changes, key=lambda change: change[0]))
    last.setdefault(0, plain)
    found: list[tuple[int, object]] = []
    for tick in sorted(last):
        if not found or found[-1][1] != last[tick]:
            found.append((tick, last[tick]))
    return tuple(found)
