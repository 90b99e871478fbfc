"""The score encoding: bars, positions in them, and notes.

A bar starts with a `bar` token, followed by `time_signature` and `tempo` where they change. The token may announce that
the bar has the notes of an earlier one, and how many bars before that one stands, as a repeat sign does
(`bar_repeats`), or the chord of the bar and that it is the last one (`bar_chords`). Each onset has a `position` token
(in grid steps) and, if the encoding has microtiming, a `microtiming` token for the deviation from the grid. Each note
has a `pitch` and a `duration`, preceded by a `program` where the track changes, and with a `velocity` in between where
it differs from the last one of the track. A drum hit is one `drum` token without a duration. The second track of a
program has a `program` token of its own (J. Ens and P. Pasquier, "MMM: Exploring Conditional Multi-Track Music
Generation with the Transformer", 2020, has tracks as streams).

The tokens follow REMI (Y.-S. Huang and Y.-H. Yang, "Pop Music Transformer", ACM Multimedia 2020, section 3); unlike
there, values that do not change are not repeated.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.bar_chords import bar_chords
from seqforge_midi.bar_repeats import song_repeats
from seqforge_midi.bar_tokens import BarTokens, bar_values
from seqforge_midi.bars import BarLines, time_signatures_on_lines
from seqforge_midi.controls import CONTROLLERS
from seqforge_midi.encoding import Encoding
from seqforge_midi.grid import Grid
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.places import ScorePlaces
from seqforge_midi.repeat_automaton import RepeatAutomaton
from seqforge_midi.score_automaton import DRUM_TICKS, ScoreAutomaton
from seqforge_midi.score_controls import Change, ScoreControls
from seqforge_midi.score_polyphony import PolyphonyAutomaton
from seqforge_midi.song import (
    DRUMS,
    Song,
    TempoChange,
    TimeSignature,
    TimeSignatureChange,
    note_array,
    remove_overlaps,
    ticks_per_bar,
)
from seqforge_midi.token_rows import POSITIONS, TokenRows, selected
from seqforge_midi.tokens import (
    TEMPOS,
    TIME_SIGNATURES,
    VelocityBins,
    Vocabulary,
    count_rounded_tempos,
    nearest_time_signature,
)
from seqforge_midi.track_table import TrackTable, track_key, tracks_from_json

_Keys = tuple[np.ndarray, ...]
DEFAULT_VELOCITY = 80
MAX_BAR_QUARTERS = 12


class Score(Encoding):
    """Encodes songs as bars with notes on a grid.

    >>> score = Score(grid=4, microtiming=1, velocity_bins=32)
    >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0)]))
    >>> " ".join(score.vocabulary.names()[step] for step in score.encode(song))
    'bar time_signature:4/4 tempo:120 position:0 program:0 pitch:60 velocity:19 duration:4'

    Args:
        grid: Grid steps per quarter note, a multiple of 4.
        microtiming: Onset positions per grid step; 1 puts every note on the grid.
        velocity_bins: The number of velocities that are distinguished.
        track_counts: Program to the number of its tracks that have tokens; one by default.
        controllers: The names of the controllers that are encoded.
        bar_repeats: Whether the token of a bar announces which earlier bar it repeats.
        bar_chords: Whether the token of a bar announces its chord, and that it is the last one.
    """

    pitch_kinds = ("pitch",)

    def __init__(
        self,
        grid: int,
        microtiming: int,
        velocity_bins: int,
        track_counts: Mapping[int, int] | None = None,
        controllers: Sequence[str] = (),
        *,
        bar_repeats: bool = False,
        bar_chords: bool = False,
    ) -> None:
        self.grid, self.microtiming = grid, microtiming
        self.table = TrackTable(track_counts or {})
        self.note_grid = Grid(grid, microtiming)
        self.unit, self.step_ticks = self.note_grid.unit, self.note_grid.step_ticks
        self.velocity_bins = VelocityBins(velocity_bins)
        self.controls = ScoreControls(controllers, self.table, self.step_ticks)
        low = -(microtiming // 2)
        self.vocabulary = Vocabulary({
            "bar": bar_values(repeats=bar_repeats, chords=bar_chords),
            "time_signature": TIME_SIGNATURES,
            "tempo": TEMPOS,
            "position": range(MAX_BAR_QUARTERS * grid),
            "microtiming": range(low, low + microtiming) if microtiming > 1 else (),
            "program": self.table.codes,
            "pitch": range(128),
            "drum": range(128),
            "velocity": range(velocity_bins),
            "duration": self.note_grid.durations.tolist(),
            **self.controls.blocks(),
        })  # fmt: skip
        self.note_mask, self._is_bar = self.vocabulary.mask("pitch", "drum"), self.vocabulary.mask("bar")
        self.bar_tokens = BarTokens(self.vocabulary.blocks["bar"])
        self._last: tuple[Song, Song] | None = None

    def places(self) -> ScorePlaces:
        return ScorePlaces(self.vocabulary)

    # -- canonical form -----------------------------------------------------------------------

    def canonical(self, song: Song) -> Song:
        if self._last is None or self._last[0] is not song:  # tokens and losses of one song are computed together
            self._last = (song, self._canonical(song))
        return self._last[1]

    def _canonical(self, song: Song) -> Song:
        song = song.without_silent_tracks()
        time_signatures = time_signatures_on_lines(song.time_signatures)
        notes = remove_overlaps(self.table.merged(self._on_grid(song)))
        notes["end"] = notes["start"] + self.note_grid.shortened_lengths(notes)
        last_position = int(self.note_grid.steps_of(notes).max()) * self.step_ticks
        last = int(notes["end"].max())  # what changes later cannot be heard, and `read_songs` leaves it out
        time_signatures = [change for change in time_signatures if change[0] <= last]
        end = BarLines(time_signatures).end_of_music(max(last, last_position + 1))
        pedals = self.controls.pedals(song, end)
        last = min(end - 1, max(last, int(pedals["end"].max(initial=0))))
        return Song.from_events(
            notes,
            [change for change in self.note_grid.tempos(song.tempos) if change[0] <= last],
            [change for change in time_signatures if change[0] <= last],
            pedals,
            end,
            tracks=self.table.tracks(song),
            controls=self.controls.controls(song, last, end),
        )

    def _on_grid(self, song: Song) -> np.ndarray:
        """Return the notes with starts, ends and velocities that have tokens."""
        starts, ends = self.note_grid.quantised(song.notes)
        notes = np.array(song.notes)
        notes["start"], notes["end"] = starts * self.unit, ends * self.unit
        drums = notes["program"] == DRUMS
        notes["end"][drums] = notes["start"][drums] + DRUM_TICKS
        notes["velocity"] = self.velocity_bins.quantise(notes["velocity"])
        return notes

    def losses(self, song: Song) -> Counter[str]:
        starts, ends = self.note_grid.quantised(song.notes)
        pitched = song.notes["program"] != DRUMS
        moved = (starts * self.unit != song.notes["start"]) | (ends * self.unit != song.notes["end"])
        return +Counter({
            "notes moved to the grid": int((moved & pitched).sum()),
            "drum hits moved to the grid": int(((starts * self.unit != song.notes["start"]) & ~pitched).sum()),
            "rounded velocities": self.velocity_bins.count_rounded(song.notes["velocity"]),
            **self.table.losses(song, self._on_grid(song)),
            **self.controls.losses(song, self.canonical(song)),
            "tempos rounded to whole quarter notes per minute from 20 to 300": count_rounded_tempos(song.tempos),
            "replaced time signatures": sum(
                nearest_time_signature(time_signature) != time_signature for _, time_signature in song.time_signatures
            ),
        })  # fmt: skip

    # -- encode -------------------------------------------------------------------------------

    def encode(self, song: Song) -> np.ndarray:
        song, first = self.canonical(song), self.vocabulary.first
        bar_lines = BarLines(song.time_signatures).before(song.length)
        rows = TokenRows()
        rows.add(np.arange(len(bar_lines)), 0, 0, 0, 0, np.full(len(bar_lines), first["bar"]))
        self._add_time_signatures(rows, song, bar_lines)
        tempo_bars, tempo_positions = self._add_tempos(rows, song, bar_lines)

        notes = song.notes
        grid_steps = self.note_grid.steps_of(notes)
        offsets = notes["start"] // self.unit - grid_steps * self.microtiming
        bars = np.searchsorted(bar_lines, grid_steps * self.step_ticks, side="right") - 1
        positions = grid_steps - bar_lines[bars] // self.step_ticks
        # one position token per onset, and per tempo change that is not on a bar line
        inside = tempo_positions > 0
        ticks, control_tracks, control_tokens = self.controls.tokens(song, self.vocabulary)
        control_bars = np.searchsorted(bar_lines, ticks, side="right") - 1
        control_positions = (ticks - bar_lines[control_bars]) // self.step_ticks
        onsets = np.concatenate([
            bars * POSITIONS + positions,
            control_bars * POSITIONS + control_positions,
            (tempo_bars * POSITIONS + tempo_positions)[inside],
        ])  # fmt: skip
        onset_bars, onset_positions = np.divmod(np.unique(onsets), POSITIONS)
        rows.add(onset_bars, onset_positions + 1, -100, 0, 0, first["position"] + onset_positions)
        if self.microtiming > 1:
            shifts = offsets + self.microtiming // 2
            groups = np.unique((bars * POSITIONS + positions) * self.microtiming + shifts)
            groups, shifts = np.divmod(groups, self.microtiming)
            group_bars, group_positions = np.divmod(groups, POSITIONS)
            group_keys = (group_bars, group_positions + 1, shifts - self.microtiming // 2)
            rows.add(*group_keys, 0, 3, first["microtiming"] + shifts)
        keys = (bars, positions + 1, offsets, np.arange(1, len(notes) + 1))
        ones = np.ones(len(ticks), np.int64)
        control_keys = (control_bars, control_positions + 1, -98 * ones, np.arange(1, len(ticks) + 1))
        rows.add(*control_keys, 1, control_tokens)
        self._add_tracks(rows, notes, keys, control_tracks, control_keys)
        self._add_notes(rows, notes, keys)
        steps = rows.sorted()
        steps[steps == first["bar"]] += self._bar_offsets(song, bar_lines, bars, positions)
        return steps.astype(np.uint16)

    def _bar_offsets(self, song: Song, bar_lines: np.ndarray, bars: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return the number of the token of each bar line among those of bar lines."""
        distances, chords = np.zeros(len(bar_lines), np.int64), np.full(len(bar_lines), -1)
        if self.bar_tokens.has_repeats:
            distances = song_repeats(song, bar_lines, bars, positions, self.table.indices(song.notes))
        if self.bar_tokens.has_chords:
            chords = bar_chords(len(bar_lines), bars, song.notes)
        return self.bar_tokens.offsets(distances, chords)

    def transposed(self, steps: np.ndarray, semitones: int) -> np.ndarray:
        result, first = super().transposed(steps, semitones), self.vocabulary.first["bar"]
        if semitones and self.bar_tokens.has_chords:
            is_bar = self._is_bar[steps]
            result[is_bar] = first + self.bar_tokens.transposed(semitones)[steps[is_bar] - first]
        return result

    def continued(self, steps: np.ndarray) -> np.ndarray:
        result, first = np.array(steps), self.vocabulary.first["bar"]
        is_bar = self._is_bar[steps]
        result[is_bar] = first + self.bar_tokens.continued()[steps[is_bar] - first]
        return result

    def _add_time_signatures(self, rows: TokenRows, song: Song, bar_lines: np.ndarray) -> None:
        bars = np.searchsorted(bar_lines, np.array([tick for tick, _ in song.time_signatures]))
        tokens = [self.vocabulary.index["time_signature", signature] for _, signature in song.time_signatures]
        rows.add(bars, 0, 0, 0, 1, np.array(tokens))

    def _add_tempos(self, rows: TokenRows, song: Song, bar_lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add the tempo tokens; return the bar and the position of each."""
        ticks = np.array([tick for tick, _ in song.tempos], np.int64)
        bars = np.searchsorted(bar_lines, ticks, side="right") - 1
        positions = (ticks - bar_lines[bars]) // self.step_ticks
        inside = (positions > 0).astype(np.int64)
        tokens = np.array([self.vocabulary.index["tempo", bpm] for _, bpm in song.tempos])
        rows.add(bars, positions + inside, -99 * inside, 0, 2, tokens)
        return bars, positions

    def _add_tracks(
        self, rows: TokenRows, notes: np.ndarray, keys: _Keys, control_tracks: np.ndarray, control_keys: _Keys
    ) -> None:
        """Add a program token where the track of pitched notes and controllers changes.

        Args:
            rows: The rows to extend.
            notes: The notes.
            keys: The sort keys of each note: bar, position, microtiming and note number.
            control_tracks: The track of each change of a controller.
            control_keys: The sort keys of each change.
        """
        tracks = self.table.indices(notes)
        pitched = tracks != self.table.size
        tracks = np.concatenate([control_tracks, tracks[pitched]])
        both = tuple(
            np.concatenate([control_key, key[pitched]]) for control_key, key in zip(control_keys, keys, strict=True)
        )
        order = np.lexsort(both[::-1])
        changes = order[np.append(True, np.diff(tracks[order]) != 0)[: len(order)]]
        rows.add(*selected(both, changes), 0, self.vocabulary.first["program"] + tracks[changes])

    def _add_notes(self, rows: TokenRows, notes: np.ndarray, keys: _Keys) -> None:
        """Add pitch, drum, velocity and duration tokens.

        Args:
            rows: The rows to extend.
            notes: The notes.
            keys: The sort keys of each note: bar, position, microtiming and note number.
        """
        first = self.vocabulary.first
        tracks = self.table.indices(notes)
        drums = tracks == self.table.size
        pitched = np.flatnonzero(~drums)
        rows.add(*keys, 1, np.where(drums, first["drum"], first["pitch"]) + notes["pitch"])
        bins = self.velocity_bins.bin_of(notes["velocity"])
        new_velocity = np.zeros(len(notes), np.bool_)
        for track in np.unique(tracks):
            members = np.flatnonzero(tracks == track)
            new_velocity[members] = np.append(True, np.diff(bins[members]) != 0)
        velocity_changes = np.flatnonzero(new_velocity)
        rows.add(*selected(keys, velocity_changes), 2, first["velocity"] + bins[velocity_changes])
        durations = np.searchsorted(self.note_grid.durations, (notes["end"] - notes["start"])[pitched] // self.unit)
        rows.add(*selected(keys, pitched), 3, first["duration"] + durations)

    # -- decode -------------------------------------------------------------------------------

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        kinds, values = self.vocabulary.kinds, self.vocabulary.values
        notes: list[list[int]] = []
        changes: list[Change] = []
        tempos: list[TempoChange] = []
        time_signatures: list[TimeSignatureChange] = []
        velocities: dict[tuple[int, int], int] = {}  # the last one of each track
        bar_start, bar_end, position, offset, track = -1, 0, -1, 0, (0, 0)
        time_signature: TimeSignature = (4, 4)
        needs_duration = is_last = False
        for step in steps:
            kind, value = kinds[step], values[step]
            if needs_duration and kind not in ("velocity", "duration"):
                raise DecodeError(f"the note at tick {notes[-1][0]} has no duration")
            if bar_start < 0 and kind != "bar":
                raise DecodeError(f"the first token is a {kind}; it must be a bar")
            if kind == "bar":
                if is_last:
                    break  # a bar line behind the last bar ends the song
                is_last = bool(self.bar_tokens.is_last[step - self.vocabulary.block("bar").start])
                bar_start, position, offset = bar_end, -1, 0
                bar_end = bar_start + ticks_per_bar(time_signature)
            elif kind == "time_signature":
                time_signature = value
                time_signatures.append((bar_start, time_signature))
                bar_end = bar_start + ticks_per_bar(time_signature)
            elif kind == "tempo":
                tempos.append((bar_start + max(position, 0) * self.step_ticks, value))
            elif kind == "position":
                position, offset = value, 0
                if bar_start + position * self.step_ticks >= bar_end:
                    raise DecodeError(f"position {position} is after the end of its bar")
            elif kind == "microtiming":
                offset = value
            elif kind == "program":
                track = track_key(value)
            elif kind in ("pitch", "drum"):
                key = (DRUMS, 0) if kind == "drum" else track
                start = bar_start + position * self.step_ticks + offset * self.unit
                if position < 0 or start < 0:
                    raise DecodeError("a note has no position in its bar")
                notes.append([start, start + DRUM_TICKS, value, velocities.get(key, DEFAULT_VELOCITY), *key])
                needs_duration = kind == "pitch"
            elif kind in CONTROLLERS:
                if position < 0:
                    raise DecodeError(f"a {kind} has no position in its bar")
                changes.append((bar_start + position * self.step_ticks, track, kind, value))
            elif not notes:
                raise DecodeError(f"a {kind} follows no note")
            elif kind == "velocity":
                velocities[key] = notes[-1][3] = int(self.velocity_bins.values[value])
            else:
                notes[-1][1] = notes[-1][0] + value * self.unit
                needs_duration = False
        if needs_duration or not (notes or extras.get("may_be_silent")):
            raise DecodeError("the last note has no duration" if needs_duration else "the tokens contain no note")
        array = note_array(notes)
        array["end"] = np.minimum(array["end"], bar_end)
        tracks = tracks_from_json(extras.get("tracks", ()))
        pedals, controls = self.controls.restored(changes, bar_end)
        song = Song.from_events(
            remove_overlaps(array), tempos, time_signatures, pedals, bar_end, tracks=tracks, controls=controls
        )
        return song.first_bars(extras["bars"]) if "bars" in extras else song

    def extras(self, song: Song) -> dict[str, Any]:
        return self.table.extras(song.without_silent_tracks())

    def constraint(self, request: ParsedRequest) -> Constraint:
        kind = PolyphonyAutomaton if request.polyphony else ScoreAutomaton
        automaton = kind(self.vocabulary, self.table, self.grid, self.microtiming, request)
        is_free = request.polyphony or self.microtiming > 1 or automaton.controllers
        return RepeatAutomaton(automaton) if self.bar_tokens.has_repeats and not is_free else automaton
