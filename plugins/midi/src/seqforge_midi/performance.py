"""The performance encoding: key presses, key releases, pedals and time shifts in the order in which they happen.

The tokens are MIDI-like: note_on, note_off, time_shift and velocity, as in S. Oore, I. Simon, S. Dieleman, D. Eck and
K. Simonyan, "This Time with Feeling: Learning Expressive Musical Performance", Neural Computing and Applications 2018,
section 3.2; here a velocity follows the note_on that it belongs to. Added are drum_on (drum hits have no end), program,
pedal, tempo and time_signature.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.encoding import Encoding
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.performance_automaton import PerformanceAutomaton
from seqforge_midi.song import (
    DRUMS,
    NOTE_DTYPE,
    NUM_PROGRAMS,
    TICKS_PER_QUARTER,
    Song,
    TempoChange,
    TempoMap,
    TimeSignatureChange,
    note_array,
    pedal_array,
    remove_overlaps,
)
from seqforge_midi.tokens import (
    TEMPOS,
    TIME_SIGNATURES,
    VelocityBins,
    Vocabulary,
    count_rounded_tempos,
    nearest_tempo,
    nearest_time_signature,
)

MAX_TIME_SHIFT = 100
"""The longest time shift of one token, in units of the resolution."""
DRUM_DURATION = 5
"""The duration of every drum hit, in units of the resolution."""
DEFAULT_VELOCITY = 80
CHANGE_TICKS = TICKS_PER_QUARTER // 4
"""Changes of tempo and time signature are moved to the nearest multiple of this, a sixteenth note."""
MAX_TIME = 5_000_000
"""Notes and pedals that start later are left out; in units of the resolution."""

# Ranks of events at one moment: the order in which their tokens are written.
NOTE_OFF, PEDAL_OFF, TEMPO, TIME_SIGNATURE, PEDAL_ON, NOTE_ON = range(6)

Event = tuple[int, int, int, int, int]
"""Time, rank, program, value (pitch, pedal state or token) and velocity bin."""


class Performance(Encoding):
    """Encodes songs as the actions of the players.

    >>> performance = Performance(resolution=10, velocity_bins=32)
    >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0)]))
    >>> " ".join(performance.vocabulary.names()[step] for step in performance.encode(song))
    'tempo:120 time_signature:4/4 program:0 note_on:60 velocity:19 time_shift:50 note_off:60'

    Args:
        resolution: The smallest time shift in milliseconds; times are multiples of it.
        velocity_bins: The number of velocities that are distinguished.
    """

    pitch_kinds = ("note_on", "note_off")

    def __init__(self, resolution: int, velocity_bins: int) -> None:
        self.resolution = resolution / 1000  # seconds
        self.velocity_bins = VelocityBins(velocity_bins)
        self.vocabulary = Vocabulary({
            "time_shift": range(1, MAX_TIME_SHIFT + 1),
            "note_on": range(128),
            "note_off": range(128),
            "drum_on": range(128),
            "velocity": range(velocity_bins),
            "program": range(DRUMS),
            "pedal": (0, 1),
            "tempo": TEMPOS,
            "time_signature": TIME_SIGNATURES,
        })  # fmt: skip
        self.note_mask = self.vocabulary.mask("note_on", "drum_on")

    # -- canonical form -----------------------------------------------------------------------

    def canonical(self, song: Song) -> Song:
        tempos, time_signatures = self._changes(song)
        tempo_map = TempoMap(tempos)
        notes, pedals = self._timed_events(song)
        end = int(max(notes["end"].max(initial=0), pedals["end"].max(initial=0)))
        time_signatures = tuple(item for item in time_signatures if self._time_of(item[0], tempo_map) < end)
        tempos = tuple(change for change in tempos if self._time_of(change[0], tempo_map) < end)
        tempo_map = TempoMap(tempos)  # a change that is not kept must not move the end of a note
        for events in (notes, pedals):
            for name in ("start", "end"):
                events[name] = tempo_map.to_ticks(events[name] * self.resolution)
        return Song.from_events(notes, tempos, time_signatures, pedals)

    def losses(self, song: Song) -> Counter[str]:
        seconds = TempoMap(song.tempos).to_seconds(song.notes["start"])
        moved = sum(tick % CHANGE_TICKS != 0 for tick, _ in (*song.tempos, *song.time_signatures))
        return +Counter({
            "lengths of drum hits": int((song.notes["program"] == DRUMS).sum()),
            "rounded velocities": self.velocity_bins.count_rounded(song.notes["velocity"]),
            "duplicate notes": len(song.notes) - len(remove_overlaps(song.notes)),
            "changes of tempo or time signature moved to a sixteenth": moved,
            "tempos rounded to whole quarter notes per minute from 20 to 300": count_rounded_tempos(song.tempos),
            "notes after the longest time": int((seconds >= MAX_TIME * self.resolution).sum()),
        })  # fmt: skip

    def _changes(self, song: Song) -> tuple[tuple[TempoChange, ...], tuple[TimeSignatureChange, ...]]:
        """Return the changes of tempo and time signature that are kept."""
        tempos: list[TempoChange] = [
            (round(tick / CHANGE_TICKS) * CHANGE_TICKS, nearest_tempo(bpm)) for tick, bpm in song.tempos
        ]
        time_signatures = [
            (round(tick / CHANGE_TICKS) * CHANGE_TICKS, nearest_time_signature(time_signature))
            for tick, time_signature in song.time_signatures
        ]
        ordered = _song_without_notes(tempos, time_signatures)
        return ordered.tempos, ordered.time_signatures

    def _time_of(self, tick: int, tempo_map: TempoMap) -> int:
        """Return the time of a tick in units of the resolution."""
        return round(tempo_map.second_of(tick) / self.resolution)

    def _timed_events(self, song: Song) -> tuple[np.ndarray, np.ndarray]:
        """Return the notes and pedals that are kept; start and end in units of the resolution."""
        tempo_map = TempoMap(song.tempos)
        notes, pedals = np.array(song.notes), np.array(song.pedals)
        for events in (notes, pedals):
            for name in ("start", "end"):
                events[name] = np.rint(tempo_map.to_seconds(events[name]) / self.resolution)
            events["end"] = np.maximum(events["end"], events["start"] + 1)
        drums = notes["program"] == DRUMS
        notes["end"][drums] = notes["start"][drums] + DRUM_DURATION
        notes["velocity"] = self.velocity_bins.quantise(notes["velocity"])
        notes["track"] = pedals["track"] = 0
        pedals = pedals[pedals["program"] != DRUMS]
        return remove_overlaps(notes[notes["start"] < MAX_TIME]), _merge_pedals(pedals[pedals["start"] < MAX_TIME])

    # -- encode -------------------------------------------------------------------------------

    def encode(self, song: Song) -> np.ndarray:
        tempos, time_signatures = self._changes(song)
        notes, pedals = self._timed_events(song)
        index, tempo_map = self.vocabulary.index, TempoMap(tempos)
        end = int(max(notes["end"].max(initial=0), pedals["end"].max(initial=0)))
        changes = [(tick, TEMPO, index["tempo", bpm]) for tick, bpm in tempos]
        changes += [(tick, TIME_SIGNATURE, index["time_signature", item]) for tick, item in time_signatures]

        events: list[Event] = []
        for tick, rank, token in changes:
            time = self._time_of(tick, tempo_map)
            if time < end:
                events.append((time, rank, 0, token, 0))
        for start, stop, program, _ in pedals.tolist():
            events += [(start, PEDAL_ON, program, 1, 0), (stop, PEDAL_OFF, program, 0, 0)]
        bins = self.velocity_bins.bin_of(notes["velocity"]).tolist()
        for (start, stop, pitch, _, program, _), velocity_bin in zip(notes.tolist(), bins, strict=True):
            events.append((start, NOTE_ON, program, pitch, velocity_bin))
            if program != DRUMS:
                events.append((stop, NOTE_OFF, program, pitch, 0))
        return np.array(self._tokens(sorted(events)), np.uint16)

    def _tokens(self, events: list[Event]) -> list[int]:
        """Return the tokens of sorted events."""
        first = self.vocabulary.first
        tokens: list[int] = []
        now, current_program = 0, -1
        last_bins = [-1] * NUM_PROGRAMS  # the last velocity bin of each program
        for time, rank, program, value, velocity_bin in events:
            while time > now:
                shift = min(time - now, MAX_TIME_SHIFT)
                tokens.append(first["time_shift"] + shift - 1)
                now += shift
            if rank in (TEMPO, TIME_SIGNATURE):
                tokens.append(value)
                continue
            if program not in (current_program, DRUMS):
                tokens.append(first["program"] + program)
                current_program = program
            if rank == NOTE_OFF:
                tokens.append(first["note_off"] + value)
            elif rank in (PEDAL_OFF, PEDAL_ON):
                tokens.append(first["pedal"] + value)
            else:
                tokens.append((first["drum_on"] if program == DRUMS else first["note_on"]) + value)
                if last_bins[program] != velocity_bin:
                    tokens.append(first["velocity"] + velocity_bin)
                    last_bins[program] = velocity_bin
        return tokens

    # -- decode -------------------------------------------------------------------------------

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        kinds, values = self.vocabulary.kinds, self.vocabulary.values
        notes: list[list[int]] = []
        last_note: list[int] = []
        pedals: list[tuple[int, int, int]] = []
        tempos: list[TempoChange] = []
        time_signatures: list[TimeSignatureChange] = []
        velocities = [DEFAULT_VELOCITY] * NUM_PROGRAMS  # the last one of each program
        velocity_program = -1  # the program of the last token if it is a note, whose velocity may follow
        active_notes: dict[tuple[int, int], list[int]] = {}
        pedal_starts: dict[int, int] = {}
        now, program = 0, 0
        for step in steps:
            kind, value = kinds[step], values[step]
            if kind == "velocity":
                if velocity_program < 0:
                    raise DecodeError(f"a velocity at {now * self.resolution:.2f} s follows no note")
                velocities[velocity_program] = last_note[3] = int(self.velocity_bins.values[value])
            velocity_program = -1
            if kind == "time_shift":
                now += value
            elif kind == "program":
                program = value
            elif kind == "drum_on":
                last_note = [now, now + DRUM_DURATION, value, velocities[DRUMS], velocity_program := DRUMS]
                notes.append(last_note)
            elif kind == "note_on":
                if (program, value) in active_notes:
                    raise DecodeError(f"the note_on of pitch {value} at {now * self.resolution:.2f} s has no note_off")
                last_note = [now, now, value, velocities[program], velocity_program := program]
                active_notes[program, value] = last_note
            elif kind == "note_off":
                if active_notes.get((program, value), [now])[0] >= now:
                    raise DecodeError(f"the note_off of pitch {value} at {now * self.resolution:.2f} s ends no note")
                note = active_notes.pop((program, value))
                note[1] = now
                notes.append(note)
            elif kind == "pedal":
                if (value == 1) == (program in pedal_starts) or pedal_starts.get(program, -1) == now:
                    raise DecodeError(f"the pedal at {now * self.resolution:.2f} s does not change")
                if value:
                    pedal_starts[program] = now
                else:
                    pedals.append((pedal_starts.pop(program), now, program))
            elif kind == "tempo":
                tempos.append((now, value))
            elif kind == "time_signature":
                time_signatures.append((now, value))
        if active_notes or pedal_starts:
            raise DecodeError("a note or a pedal does not end")
        if not notes:
            raise DecodeError("the tokens contain no note")
        return self._song_in_ticks(notes, pedals, tempos, time_signatures)

    def _song_in_ticks(
        self,
        notes: list[list[int]],
        pedals: list[tuple[int, int, int]],
        tempos: list[TempoChange],
        time_signatures: list[TimeSignatureChange],
    ) -> Song:
        """Return the song of events whose times are in units of the resolution."""
        in_ticks: list[TempoChange] = []
        for time, group in groupby(tempos, key=lambda change: change[0]):
            in_ticks.append((_nearest_change_tick(time * self.resolution, in_ticks), [bpm for _, bpm in group][-1]))
        changes = _song_without_notes(
            in_ticks,
            [(_nearest_change_tick(time * self.resolution, in_ticks), item) for time, item in time_signatures],
        )
        tempo_map = TempoMap(changes.tempos)
        note_rows = remove_overlaps(note_array(notes))
        pedal_rows = pedal_array(pedals)
        for events in (note_rows, pedal_rows):
            for name in ("start", "end"):
                events[name] = tempo_map.to_ticks(events[name] * self.resolution)
        end = int(max(note_rows["end"].max(), pedal_rows["end"].max(initial=0)))
        return Song.from_events(
            note_rows,
            [change for change in changes.tempos if change[0] < end],
            [change for change in changes.time_signatures if change[0] < end],
            pedal_rows,
        )

    def constraint(self, request: ParsedRequest) -> Constraint:
        max_time = max(2, round(request.seconds / self.resolution)) if request.seconds else 0
        return PerformanceAutomaton(self.vocabulary, max_time, request)


def _song_without_notes(tempos: list[TempoChange], time_signatures: list[TimeSignatureChange]) -> Song:
    """Return a song that has only these changes, in order and without repetitions."""
    return Song.from_events(np.zeros(0, NOTE_DTYPE), tempos, time_signatures)


def _nearest_change_tick(seconds: float, tempos: list[TempoChange]) -> int:
    """Return the multiple of CHANGE_TICKS that is nearest to a time under these tempos."""
    tempo_map = TempoMap(_song_without_notes(tempos, []).tempos)
    tick = int(tempo_map.to_ticks(np.array([seconds]))[0])
    return round(tick / CHANGE_TICKS) * CHANGE_TICKS


def _merge_pedals(pedals: np.ndarray) -> np.ndarray:
    """Return pedal spans in which no two spans of one program touch."""
    merged: list[list[int]] = []
    for start, end, program, _ in sorted(pedals.tolist(), key=lambda pedal: (pedal[2], pedal[0], pedal[1])):
        if merged and merged[-1][2] == program and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end, program])
    return pedal_array(merged)
