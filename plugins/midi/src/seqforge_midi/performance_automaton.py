"""The automaton of the performance encoding: only sounding notes end, and every note and pedal ends before the song."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.controls import KINDS
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.tokens import Vocabulary
from seqforge_midi.track_table import TrackTable

MAX_ACTIVE = 256
"""The largest number of notes and pedals that may be active at once."""
PEDAL = 128
"""The pitch that stands for the pedal of a track in `_State.active`."""
NO_TRACK = -2
"""The index of a track that does not exist."""


class _State(NamedTuple):
    """The state of a performance.

    Attributes:
        time: The time in units of the resolution; 0 throughout if the duration has no limit.
        track: The index of the current track; -1 before the first.
        active: Track and pitch of the notes that sound; the pitch PEDAL stands for a pedal.
        new: Those of `active` that started at this time, and may not end at it.
        drums: The drums that were hit at this time.
        after_note: Whether the last token is a note, so that its velocity may follow.
        changes: How many of the initial tempo and time signature have come.
        has_notes: Whether the song has a note.
    """

    time: int = 0
    track: int = -1
    active: frozenset[tuple[int, int]] = frozenset()
    new: frozenset[tuple[int, int]] = frozenset()
    drums: frozenset[int] = frozenset()
    after_note: bool = False
    changes: int = 0
    has_notes: bool = False


class PerformanceAutomaton(Constraint):
    """Allows the tokens of complete performances that meet a request.

    Args:
        vocabulary: The tokens of the encoding.
        table: The tracks that have tokens.
        max_time: The longest duration in units of the resolution; 0 for no limit.
        request: What the songs must be like.
    """

    def __init__(self, vocabulary: Vocabulary, table: TrackTable, max_time: int, request: ParsedRequest) -> None:
        self.size, self.kinds, self.values = vocabulary.size, vocabulary.kinds, vocabulary.values
        self.slices = vocabulary.slices()
        self.max_time, self.max_shift = max_time, len(vocabulary.blocks["time_shift"])
        self.time_signature, self.tempo = request.time_signature_index, request.tempo_index
        self.track_mask, self.drum_mask = request.track_mask(table), request.drum_mask
        self.allows_drums = request.allows_drums
        self.polyphony = request.polyphony
        self.pitch_ranges = [request.pitch_range(program) for program in table.programs.tolist()]

    def start(self) -> Hashable:
        return _State()

    # -- allowed steps ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        if state.changes < 2:
            kind, index = (("tempo", self.tempo), ("time_signature", self.time_signature))[state.changes]
            mask[self.slices[kind]] = index is None
            if index is not None:
                mask[self.slices[kind].start + index] = True
            return mask
        remaining = self.max_time - state.time if self.max_time else self.max_shift + 1
        mask[self.slices["time_shift"]][: max(0, remaining - (not state.has_notes))] = True
        mask[self.slices["velocity"]] = state.after_note
        self._allow_ends(mask, state)
        if remaining > 0:
            mask[self.slices["tempo"]] = self.tempo is None
            mask[self.slices["time_signature"]] = self.time_signature is None
            self._allow_starts(mask, state)
            if state.track >= 0 and self.track_mask[state.track]:
                for name in KINDS:
                    mask[self.slices[name]] = True
        return mask

    def _allow_ends(self, mask: np.ndarray, state: _State) -> None:
        """Allow notes and the pedal of the current track to end, and tracks with others that can end."""
        for track, pitch in state.active - state.new:
            if track != state.track:
                mask[self.slices["program"].start + track] = True
            elif pitch == PEDAL:
                mask[self.slices["pedal"].start] = True
            else:
                mask[self.slices["note_off"].start + pitch] = True

    def _allow_starts(self, mask: np.ndarray, state: _State) -> None:
        """Allow drums, notes and the pedal of the current track to start, and other tracks."""
        if self.allows_drums:
            mask[self.slices["drum_on"]] = self.drum_mask
            mask[self.slices["drum_on"]][list(state.drums)] = False
        if len(state.active) >= MAX_ACTIVE:
            return
        tracks = mask[self.slices["program"]]
        tracks |= self.track_mask
        if state.track < 0:
            return
        tracks[state.track] = False
        if self.track_mask[state.track]:
            active = [pitch for track, pitch in state.active if track == state.track]
            pitches = mask[self.slices["note_on"]]
            lowest, highest = self.pitch_ranges[state.track]
            pitches[lowest : highest + 1] = self._may_play(state)
            pitches[[pitch for pitch in active if pitch < PEDAL]] = False
            mask[self.slices["pedal"].start + 1] = PEDAL not in active

    def _may_play(self, state: _State) -> bool:
        """Return whether another note may sound; drum hits, which have no length, do not count."""
        return not self.polyphony or sum(pitch != PEDAL for _, pitch in state.active) < self.polyphony

    # -- end of the song ----------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        return bool(state.has_notes and not state.active)

    def to_end(self, state: Any) -> int:
        tracks = {track for track, _ in state.active}
        if state.has_notes or self.allows_drums:
            needs_shift = not state.new.isdisjoint(state.active)
            track_changes = len(tracks - {state.track})
            return int(2 - state.changes + (not state.has_notes) + len(state.active) + track_changes + needs_shift)
        # a note must start, time must pass, and everything must end
        can_play = state.track >= 0 and bool(self.track_mask[state.track])
        if not can_play and not any(self.track_mask[track] for track in tracks):
            tracks = tracks | {NO_TRACK}  # one more track change
        elif can_play:
            tracks = tracks | {state.track}
        return int(2 - state.changes + 2 + len(state.active) + 1 + len(tracks - {state.track}))

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        state = state._replace(after_note=False)
        match kind:
            case "time_shift":
                time = state.time + value if self.max_time else 0
                return state._replace(time=time, new=frozenset(), drums=frozenset())
            case "program":
                return state._replace(track=int(step) - self.slices["program"].start)
            case "drum_on":
                return state._replace(drums=state.drums | {value}, after_note=True, has_notes=True)
            case "note_on":
                note = (state.track, value)
                active, new = state.active | {note}, state.new | {note}
                return state._replace(active=active, new=new, after_note=True, has_notes=True)
            case "note_off":
                return state._replace(active=state.active - {(state.track, value)})
            case "pedal":
                pedal = (state.track, PEDAL)
                if value:
                    return state._replace(active=state.active | {pedal}, new=state.new | {pedal})
                return state._replace(active=state.active - {pedal})
            case "tempo" | "time_signature":
                return state._replace(changes=min(2, state.changes + 1))
            case _:
                return state
