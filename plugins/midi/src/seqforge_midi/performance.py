"""Keys, pauses and pedals in the order in which they come: a song as it was played.

S. Oore, I. Simon, S. Dieleman, D. Eck and K. Simonyan, "This Time with Feeling: Learning Expressive Musical
Performance", Neural Computing and Applications 2018, section 3.2: a key goes down, a key comes up, time passes, the
loudness changes (here after the key that is struck so). Here also programs, the sustain pedal, tempo and meter;
strokes of drums have no end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.encoding import METERS, TEMPOS, Asked, Encoding, Tokens, Velocities, kept_meter, kept_tempo
from seqforge_midi.song import DRUMS, NOTE, PEDAL, PROGRAMS, TICKS, Clock, Song, cut, song

PAUSES = 100
"""The longest pause that one step makes, in the smallest."""
STROKE = 5
"""How long a stroke of drums is written, in the smallest pauses."""
PLAIN_VELOCITY = 80
SNAP = TICKS // 4
"""Changes of tempo and meter stand at sixteenths, in ticks."""
LONGEST = 5_000_000
"""In the smallest pauses."""


class Performance(Encoding):
    """Songs as what a player does.

    Args:
        resolution: the smallest pause, in milliseconds.
        velocities: how many levels.
    """

    pitched = ("down", "up")

    def __init__(self, resolution: int, velocities: int) -> None:
        self.pause = resolution / 1000
        self.velocities = Velocities(velocities)
        self.tokens = Tokens({
            "pause": range(1, PAUSES + 1),
            "down": range(128),
            "up": range(128),
            "drum": range(128),
            "velocity": range(velocities),
            "program": range(DRUMS),
            "pedal": (0, 1),
            "tempo": TEMPOS,
            "meter": METERS,
        })  # fmt: skip
        self.sounding = self.tokens.mask("down", "drum")

    # -- what is kept -------------------------------------------------------------------------

    def canonical(self, song_: Song) -> Song:
        tempos, meters = self._signs(song_)
        clock = Clock(tempos)
        notes, pedals = self._timed(song_)
        end = int(max(notes["end"].max(), pedals["end"].max(initial=0)))
        for events in (notes, pedals):
            for name in ("start", "end"):
                events[name] = clock.all_ticks(events[name] * self.pause)
        return song(
            notes,
            [each for each in tempos if self._moment(each[0], clock) < end],
            [each for each in meters if self._moment(each[0], clock) < end],
            pedals,
        )

    def lost(self, song: Song) -> Counter[str]:
        slow = sum(tick % SNAP != 0 for tick, _ in (*song.tempos, *song.meters))
        return +Counter({
            "lengths of drum strokes": int((song.notes["program"] == DRUMS).sum()),
            "notes struck twice at once": len(song.notes) - len(cut(song.notes)),
            "changes of tempo and meter moved to a sixteenth": slow,
        })  # fmt: skip

    def _signs(self, song: Song) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, tuple[int, int]], ...]]:
        """Return tempos and meters as they are kept: those of a song, in order."""
        tempos = [(round(tick / SNAP) * SNAP, kept_tempo(bpm)) for tick, bpm in song.tempos]
        meters = [(round(tick / SNAP) * SNAP, kept_meter(meter)) for tick, meter in song.meters]
        plain = song_of_signs(tempos, meters)
        return plain.tempos, plain.meters

    def _moment(self, tick: int, clock: Clock) -> int:
        """Return when a tick is, counted in the smallest pauses."""
        return round(clock.seconds(tick) / self.pause)

    def _timed(self, song: Song) -> tuple[np.ndarray, np.ndarray]:
        """Return notes and pedals as they are kept, start and end counted in the smallest pauses."""
        clock = Clock(song.tempos)
        notes, pedals = np.array(song.notes), np.array(song.pedals)
        for events in (notes, pedals):
            for name in ("start", "end"):
                events[name] = np.rint(clock.all_seconds(events[name]) / self.pause)
            events["end"] = np.maximum(events["end"], events["start"] + 1)
        drums = notes["program"] == DRUMS
        notes["end"][drums] = notes["start"][drums] + STROKE
        notes["velocity"] = self.velocities.kept(notes["velocity"])
        pedals = pedals[pedals["program"] != DRUMS]
        return cut(notes[notes["start"] < LONGEST]), _merged(pedals[pedals["start"] < LONGEST])

    # -- into steps ---------------------------------------------------------------------------

    def encode(self, song: Song) -> np.ndarray:
        tempos, meters = self._signs(song)
        notes, pedals = self._timed(song)
        clock, first = Clock(tempos), self.tokens.first
        tuned = notes[notes["program"] != DRUMS]
        events: list[tuple[int, int, int, int, int]] = []  # when, rank, program, pitch, velocity level
        events += [(when, 0, program, pitch, 0) for _, when, pitch, _, program in tuned.tolist()]
        events += [(end, 1, program, 0, 0) for _, end, program in pedals.tolist()]
        last = max((when for when, *_ in events), default=0)
        last = max(last, int(notes["start"].max(initial=0)))
        moments = [self._moment(tick, clock) for tick, _ in (*tempos, *meters)]
        steps = [first["tempo"] + bpm - TEMPOS[0] for _, bpm in tempos]
        steps += [first["meter"] + METERS.index(meter) for _, meter in meters]
        signs = zip(moments, [2] * len(tempos) + [3] * len(meters), steps, strict=True)
        end = int(max(notes["end"].max(initial=0), pedals["end"].max(initial=0)))
        events += [(when, rank, 0, step, 0) for when, rank, step in signs if when < end]
        events += [(start, 4, program, 1, 0) for start, _, program in pedals.tolist()]
        levels = self.velocities.level(notes["velocity"]).tolist()
        for (start, _, pitch, _, program), level in zip(notes.tolist(), levels, strict=True):
            events.append((start, 5, program, pitch, level))
        return np.array(self._steps(sorted(events)), np.uint16)

    def _steps(self, events: list[tuple[int, int, int, int, int]]) -> list[int]:
        first = self.tokens.first
        found: list[int] = []
        now, plays = 0, -1
        loudness = [-1] * PROGRAMS
        for when, rank, program, value, level in events:
            while when > now:
                found.append(first["pause"] + min(when - now, PAUSES) - 1)
                now += min(when - now, PAUSES)
            if rank in (2, 3):
                found.append(value)
                continue
            if program not in (plays, DRUMS):
                found.append(first["program"] + program)
                plays = program
            if rank == 0:
                found.append(first["up"] + value)
            elif rank in (1, 4):
                found.append(first["pedal"] + value)
            else:
                found.append((first["drum"] if program == DRUMS else first["down"]) + value)
                if loudness[program] != level:
                    found.append(first["velocity"] + level)
                    loudness[program] = level
        return found

    # -- and back -----------------------------------------------------------------------------

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        kinds, values = self.tokens.kinds, self.tokens.values
        notes: list[list[int]] = []
        last: list[int] = []
        pedals: list[tuple[int, int, int]] = []
        tempos: list[tuple[int, int]] = []
        meters: list[tuple[int, tuple[int, int]]] = []
        loudness = [PLAIN_VELOCITY] * PROGRAMS
        struck = -1  # the program of the last note, while its velocity may come
        held: dict[tuple[int, int], list[int]] = {}
        down: dict[int, int] = {}
        now, program = 0, 0
        for step in steps:
            kind, value = kinds[step], values[step]
            if kind == "velocity":
                if struck < 0:
                    raise DecodeError(f"a velocity at {now * self.pause:.2f} s stands without a note")
                loudness[struck] = last[3] = int(self.velocities.values[value])
            struck = -1
            if kind == "pause":
                now += value
            elif kind == "program":
                program = value
            elif kind == "drum":
                last = [now, now + STROKE, value, loudness[DRUMS], struck := DRUMS]
                notes.append(last)
            elif kind == "down":
                if (program, value) in held:
                    raise DecodeError(f"the key {value} goes down at {now * self.pause:.2f} s, and is down already")
                held[program, value] = last = [now, now, value, loudness[program], struck := program]
            elif kind == "up":
                if held.get((program, value), [now])[0] >= now:
                    raise DecodeError(f"the key {value} comes up at {now * self.pause:.2f} s, and was not down")
                up = held.pop((program, value))
                up[1] = now
                notes.append(up)
            elif kind == "pedal":
                if (value == 1) == (program in down) or down.get(program, -1) == now:
                    raise DecodeError(f"the pedal at {now * self.pause:.2f} s is where it was")
                if value:
                    down[program] = now
                else:
                    pedals.append((down.pop(program), now, program))
            elif kind in ("tempo", "meter"):
                (tempos if kind == "tempo" else meters).append((now, value))
        if held or down:
            raise DecodeError("a key or a pedal is still down at the end")
        if not notes:
            raise DecodeError("the steps hold no note")
        return self._in_ticks(notes, pedals, tempos, meters)

    def _in_ticks(
        self, notes: list[Any], pedals: list[Any], tempos: list[tuple[int, int]], meters: list[tuple[int, Any]]
    ) -> Song:
        """Return a song from what is counted in pauses."""
        told: list[tuple[int, int]] = []
        for when, group in groupby(tempos, key=lambda change: change[0]):
            told.append((_snapped(when * self.pause, told), [bpm for _, bpm in group][-1]))
        signs = song_of_signs(told, [(_snapped(when * self.pause, told), meter) for when, meter in meters])
        clock = Clock(signs.tempos)
        found = cut(np.array([tuple(note) for note in notes], NOTE))
        downs = np.array(pedals, PEDAL)
        for events in (found, downs):
            for name in ("start", "end"):
                events[name] = clock.all_ticks(events[name] * self.pause)
        last = int(max(found["end"].max(), downs["end"].max(initial=0)))
        kept = [change for change in signs.tempos if change[0] < last]
        return song(found, kept, [change for change in signs.meters if change[0] < last], downs)

    def constraint(self, asked: Asked) -> Constraint:
        from seqforge_midi.keys import Keys

        return Keys(self, asked)


def song_of_signs(tempos: list[tuple[int, int]], meters: list[tuple[int, tuple[int, int]]]) -> Song:
    """Return a song of no notes with these tempos and meters, in order and none said twice."""
    return song(np.zeros(0, NOTE), tempos, meters)


def _snapped(seconds: float, tempos: list[tuple[int, int]]) -> int:
    """Return the sixteenth, in ticks, that is nearest to a second under the tempos so far."""
    clock = Clock(song_of_signs(tempos, []).tempos)
    tick = int(clock.all_ticks(np.array([seconds]))[0])
    return round(tick / SNAP) * SNAP


def _merged(pedals: np.ndarray) -> np.ndarray:
    """Return pedals of which no two of one program touch."""
    found: list[list[int]] = []
    for start, end, program in sorted(pedals.tolist(), key=lambda pedal: (pedal[2], pedal[0], pedal[1])):
        if found and found[-1][2] == program and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end, program])
    return np.array([tuple(pedal) for pedal in found], PEDAL)
