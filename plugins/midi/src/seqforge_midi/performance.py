"""The performance encoding: key presses, key releases, pedals and time shifts in the order in which they happen.

The tokens are MIDI-like: note_on, note_off, time_shift and velocity, as in S. Oore, I. Simon, S. Dieleman, D. Eck and
K. Simonyan, "This Time with Feeling: Learning Expressive Musical Performance", Neural Computing and Applications 2018,
section 3.2; here a velocity follows the note_on that it belongs to. Added are drum_on (drum hits have no end), program,
pedal, tempo and time_signature.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.controls import (
    KINDS,
    NAMES,
    VALUES,
    control_array,
    controls_until,
    count_lost,
    quantised,
)
from seqforge_midi.encoding import Encoding
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.performance_automaton import PerformanceAutomaton
from seqforge_midi.song import (
    DRUMS,
    NOTE_DTYPE,
    TICKS_PER_QUARTER,
    Song,
    TempoChange,
    TempoMap,
    TimeSignatureChange,
    Track,
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
from seqforge_midi.track_table import TrackTable, track_key, tracks_from_json

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
NOTE_OFF, PEDAL_OFF, TEMPO, TIME_SIGNATURE, CONTROL, PEDAL_ON, NOTE_ON = range(7)

Event = tuple[int, int, int, int, int]
"""Time, rank, index of the track, value (pitch, pedal state or token) and velocity bin."""


class Performance(Encoding):
    """Encodes songs as the actions of the players.

    >>> performance = Performance(resolution=10, velocity_bins=32)
    >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0)]))
    >>> " ".join(performance.vocabulary.names()[step] for step in performance.encode(song))
    'tempo:120 time_signature:4/4 program:0 note_on:60 velocity:19 time_shift:50 note_off:60'

    Args:
        resolution: The smallest time shift in milliseconds; times are multiples of it.
        velocity_bins: The number of velocities that are distinguished.
        track_counts: Program to the number of its tracks that have tokens; one by default.
        controllers: The names of the controllers that are encoded; the sustain pedal always is.
    """

    pitch_kinds = ("note_on", "note_off")

    def __init__(
        self,
        resolution: int,
        velocity_bins: int,
        track_counts: Mapping[int, int] | None = None,
        controllers: Sequence[str] = (),
    ) -> None:
        self.table, self.controllers = TrackTable(track_counts or {}), tuple(controllers)
        self.resolution = resolution / 1000  # seconds
        self.velocity_bins = VelocityBins(velocity_bins)
        self.vocabulary = Vocabulary({
            "time_shift": range(1, MAX_TIME_SHIFT + 1),
            "note_on": range(128),
            "note_off": range(128),
            "drum_on": range(128),
            "velocity": range(velocity_bins),
            "program": self.table.codes,
            "pedal": (0, 1),
            "tempo": TEMPOS,
            "time_signature": TIME_SIGNATURES,
            **{name: VALUES[name] if name in self.controllers else () for name in KINDS},
        })  # fmt: skip
        self.note_mask = self.vocabulary.mask("note_on", "drum_on")

    # -- canonical form -----------------------------------------------------------------------

    def canonical(self, song: Song) -> Song:
        song = song.without_silent_tracks()
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
        controls = self._controls(song, end)
        controls["start"] = tempo_map.to_ticks(controls["start"] * self.resolution)
        return Song.from_events(
            notes, tempos, time_signatures, pedals, tracks=self.table.tracks(song), controls=controls
        )

    def _controls(self, song: Song, end: int) -> np.ndarray:
        """Return the changes of controllers until an end, where bends go back to zero; in units of the resolution."""
        controls = self.table.merged(song.controls[song.controls["program"] != DRUMS])
        controls = quantised(controls, self.controllers)
        controls["start"] = np.rint(TempoMap(song.tempos).to_seconds(controls["start"]) / self.resolution)
        return controls_until(controls, end)

    def losses(self, song: Song) -> Counter[str]:
        seconds = TempoMap(song.tempos).to_seconds(song.notes["start"])
        moved = sum(tick % CHANGE_TICKS != 0 for tick, _ in (*song.tempos, *song.time_signatures))
        return +Counter({
            "lengths of drum hits": int((song.notes["program"] == DRUMS).sum()),
            "rounded velocities": self.velocity_bins.count_rounded(song.notes["velocity"]),
            **self.table.losses(song, self._timed_notes(song)),
            "changes of tempo or time signature moved to a sixteenth": moved,
            **count_lost(song.controls, self.canonical(song).controls, self.controllers),
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
        pedals = self._in_units(song.pedals[song.pedals["program"] != DRUMS], song)
        pedals = self.table.merged(pedals[pedals["start"] < MAX_TIME])
        return remove_overlaps(self.table.merged(self._timed_notes(song))), _merge_pedals(pedals)

    def _timed_notes(self, song: Song) -> np.ndarray:
        """Return the notes with their tracks and overlaps; start and end in units of the resolution."""
        notes = self._in_units(song.notes, song)
        drums = notes["program"] == DRUMS
        notes["end"][drums] = notes["start"][drums] + DRUM_DURATION
        notes["velocity"] = self.velocity_bins.quantise(notes["velocity"])
        return notes[notes["start"] < MAX_TIME]

    def _in_units(self, events: np.ndarray, song: Song) -> np.ndarray:
        """Return notes or pedals of a song with start and end in units of the resolution, at least one apart."""
        tempo_map, events = TempoMap(song.tempos), np.array(events)
        for name in ("start", "end"):
            events[name] = np.rint(tempo_map.to_seconds(events[name]) / self.resolution)
        events["end"] = np.maximum(events["end"], events["start"] + 1)
        return events

    # -- encode -------------------------------------------------------------------------------

    def encode(self, song: Song) -> np.ndarray:
        song = song.without_silent_tracks()
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
        for (start, stop, *_), track in zip(pedals.tolist(), self.table.indices(pedals).tolist(), strict=True):
            events += [(start, PEDAL_ON, track, 1, 0), (stop, PEDAL_OFF, track, 0, 0)]
        controls = self._controls(song, end)
        for (start, kind, value, *_), track in zip(
            controls.tolist(), self.table.indices(controls).tolist(), strict=True
        ):
            if start < end:
                events.append((start, CONTROL, track, index[NAMES[kind], value], 0))
        columns = (self.table.indices(notes), self.velocity_bins.bin_of(notes["velocity"]))
        rows = zip(notes.tolist(), *(column.tolist() for column in columns), strict=True)
        for (start, stop, pitch, *_), track, velocity_bin in rows:
            events.append((start, NOTE_ON, track, pitch, velocity_bin))
            if track != self.table.size:
                events.append((stop, NOTE_OFF, track, pitch, 0))
        return np.array(self._tokens(sorted(events)), np.uint16)

    def _tokens(self, events: list[Event]) -> list[int]:
        """Return the tokens of sorted events."""
        first, drums = self.vocabulary.first, self.table.size
        tokens: list[int] = []
        now, current_track = 0, -1
        last_bins = [-1] * (drums + 1)  # the last velocity bin of each track
        for time, rank, track, value, velocity_bin in events:
            while time > now:
                shift = min(time - now, MAX_TIME_SHIFT)
                tokens.append(first["time_shift"] + shift - 1)
                now += shift
            if rank in (TEMPO, TIME_SIGNATURE):
                tokens.append(value)
                continue
            if track not in (current_track, drums):
                tokens.append(first["program"] + track)
                current_track = track
            if rank == CONTROL:
                tokens.append(value)
            elif rank == NOTE_OFF:
                tokens.append(first["note_off"] + value)
            elif rank in (PEDAL_OFF, PEDAL_ON):
                tokens.append(first["pedal"] + value)
            else:
                tokens.append((first["drum_on"] if track == drums else first["note_on"]) + value)
                if last_bins[track] != velocity_bin:
                    tokens.append(first["velocity"] + velocity_bin)
                    last_bins[track] = velocity_bin
        return tokens

    # -- decode -------------------------------------------------------------------------------

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        kinds, values = self.vocabulary.kinds, self.vocabulary.values
        notes: list[list[int]] = []
        last_note: list[int] = []
        pedals: list[tuple[int, ...]] = []
        controls: list[tuple[int, ...]] = []
        tempos: list[TempoChange] = []
        time_signatures: list[TimeSignatureChange] = []
        velocities: dict[tuple[int, int], int] = {}  # the last one of each track
        velocity_track: tuple[int, int] | None = None  # that of the last note if its velocity may follow
        active_notes: dict[tuple[tuple[int, int], int], list[int]] = {}
        pedal_starts: dict[tuple[int, int], int] = {}
        now, track = 0, (0, 0)
        for step in steps:
            kind, value = kinds[step], values[step]
            if kind == "velocity":
                if velocity_track is None:
                    raise DecodeError(f"a velocity at {now * self.resolution:.2f} s follows no note")
                velocities[velocity_track] = last_note[3] = int(self.velocity_bins.values[value])
            velocity_track = None
            if kind == "time_shift":
                now += value
            elif kind == "program":
                track = track_key(value)
            elif kind == "drum_on":
                velocity_track = (DRUMS, 0)
                velocity = velocities.get(velocity_track, DEFAULT_VELOCITY)
                last_note = [now, now + DRUM_DURATION, value, velocity, *velocity_track]
                notes.append(last_note)
            elif kind == "note_on":
                if (track, value) in active_notes:
                    raise DecodeError(f"the note_on of pitch {value} at {now * self.resolution:.2f} s has no note_off")
                velocity_track = track
                last_note = [now, now, value, velocities.get(track, DEFAULT_VELOCITY), *track]
                active_notes[track, value] = last_note
            elif kind == "note_off":
                if active_notes.get((track, value), [now])[0] >= now:
                    raise DecodeError(f"the note_off of pitch {value} at {now * self.resolution:.2f} s ends no note")
                note = active_notes.pop((track, value))
                note[1] = now
                notes.append(note)
            elif kind == "pedal":
                if (value == 1) == (track in pedal_starts) or pedal_starts.get(track, -1) == now:
                    raise DecodeError(f"the pedal at {now * self.resolution:.2f} s does not change")
                if value:
                    pedal_starts[track] = now
                else:
                    pedals.append((pedal_starts.pop(track), now, *track))
            elif kind in KINDS:
                controls.append((now, KINDS[kind], value, *track))
            elif kind == "tempo":
                tempos.append((now, value))
            elif kind == "time_signature":
                time_signatures.append((now, value))
        if active_notes or pedal_starts:
            raise DecodeError("a note or a pedal does not end")
        if not notes:
            raise DecodeError("the tokens contain no note")
        tracks = tracks_from_json(extras.get("tracks", ()))
        return self._song_in_ticks(notes, pedals, controls, tempos, time_signatures, tracks)

    def _song_in_ticks(
        self,
        notes: list[list[int]],
        pedals: list[tuple[int, ...]],
        controls: list[tuple[int, ...]],
        tempos: list[TempoChange],
        time_signatures: list[TimeSignatureChange],
        tracks: list[Track],
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
        end = int(max(note_rows["end"].max(), pedal_rows["end"].max(initial=0)))
        control_rows = controls_until(control_array(controls), end)
        control_rows["start"] = tempo_map.to_ticks(control_rows["start"] * self.resolution)
        for events in (note_rows, pedal_rows):
            for name in ("start", "end"):
                events[name] = tempo_map.to_ticks(events[name] * self.resolution)
        end = int(max(note_rows["end"].max(), pedal_rows["end"].max(initial=0)))
        return Song.from_events(
            note_rows,
            [change for change in changes.tempos if change[0] < end],
            [change for change in changes.time_signatures if change[0] < end],
            pedal_rows,
            tracks=tracks,
            controls=control_rows,
        )

    def extras(self, song: Song) -> dict[str, Any]:
        return self.table.extras(song.without_silent_tracks())

    def constraint(self, request: ParsedRequest) -> Constraint:
        max_time = max(2, round(request.seconds / self.resolution)) if request.seconds else 0
        return PerformanceAutomaton(self.vocabulary, self.table, max_time, request)


def _song_without_notes(tempos: list[TempoChange], time_signatures: list[TimeSignatureChange]) -> Song:
    """Return a song that has only these changes, in order and without repetitions."""
    return Song.from_events(np.zeros(0, NOTE_DTYPE), tempos, time_signatures)


def _nearest_change_tick(seconds: float, tempos: list[TempoChange]) -> int:
    """Return the multiple of CHANGE_TICKS that is nearest to a time under these tempos."""
    tempo_map = TempoMap(_song_without_notes(tempos, []).tempos)
    tick = int(tempo_map.to_ticks(np.array([seconds]))[0])
    return round(tick / CHANGE_TICKS) * CHANGE_TICKS


def _merge_pedals(pedals: np.ndarray) -> np.ndarray:
    """Return pedal spans in which no two spans of one track touch."""
    merged: list[list[int]] = []
    for start, end, *track in sorted(pedals.tolist(), key=lambda pedal: (pedal[2:], pedal[:2])):
        if merged and merged[-1][2:] == track and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end, *track])
    return pedal_array(merged)
