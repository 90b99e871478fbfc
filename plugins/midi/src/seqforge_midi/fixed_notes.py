"""The automaton of scores in which some notes are fixed and the others free: what an infill and an accompaniment need.

The fixed notes have their places in the sequence of tokens, so the network reads them where a score has them, before
and after the gap and within it. Between them, free notes may stand where the bar has voices for them.
"""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import numpy as np

from seqforge import Constraint
from seqforge_midi.bar_tokens import BarTokens
from seqforge_midi.fixed_bars import bar_masks
from seqforge_midi.fixed_distance import FixedDistance
from seqforge_midi.score_window import NO_NOTE, FixedNote, FixedState, Phase, ScoreWindow
from seqforge_midi.song import DRUMS
from seqforge_midi.tokens import Vocabulary


class FixedNotesAutomaton(Constraint):
    """Allows the tokens of scores that have the fixed notes and, where the window has voices, other notes.

    Args:
        vocabulary: The tokens of the encoding.
        microtiming: Onset positions per grid step.
        window: The bars with their fixed notes and free voices.
    """

    def __init__(self, vocabulary: Vocabulary, microtiming: int, window: ScoreWindow) -> None:
        self.size, self.kinds, self.values = vocabulary.size, vocabulary.kinds, vocabulary.values
        self.slices, self.index = vocabulary.slices(), vocabulary.index
        self.has_microtiming, self.lowest_microtiming = microtiming > 1, -(microtiming // 2)
        self.window = window
        self.headers = [self._header(number) for number in range(len(window.time_signatures))]
        self.bar_masks = bar_masks(window, BarTokens(vocabulary.blocks["bar"]))
        programs = {note.program for note in window.notes}.union(*window.voices)
        self.programs = tuple(sorted(programs))
        self.slots = {program: slot for slot, program in enumerate(self.programs)}
        self.free_pitches = lru_cache(maxsize=1 << 14)(self._free_pitches)
        self.free_positions = [self._free_positions(bar) for bar in range(len(window.time_signatures))]
        header_sizes = [len(header) for header in self.headers]
        self.distance = FixedDistance(self.slots, window.notes, header_sizes, self.has_microtiming, window.is_whole)

    def _header(self, bar: int) -> list[int]:
        """Return the tokens of time signature and tempo that follow a bar line."""
        signatures, tempos = self.window.time_signatures, self.window.tempos
        header = []
        if bar == 0 or signatures[bar] != signatures[bar - 1]:
            header.append(self.index["time_signature", signatures[bar]])
        if bar == 0 or tempos[bar] != tempos[bar - 1]:
            header.append(self.index["tempo", tempos[bar]])
        return header

    def _free_pitches(self, bar: int, position: int, program: int) -> np.ndarray:
        """Return the mask of the free pitches of a program at an onset."""
        mask = np.zeros(128, np.bool_)
        voice = self.window.voices[bar].get(program)
        if voice is not None and position < self.window.positions[bar]:
            mask[sorted(voice.pitches - self.window.blocked.get((bar, position, program), frozenset()))] = True
        return mask

    def _free_positions(self, bar: int) -> np.ndarray:
        """Return the mask of the positions of a bar at which a free note can start."""
        block = self.slices["position"]
        mask = np.zeros(block.stop - block.start, np.bool_)
        for position in range(self.window.positions[bar]) if self.window.voices[bar] else ():
            mask[position] = any(self._free_pitches(bar, position, q).any() for q in self.window.voices[bar])
        return mask

    def start(self) -> Hashable:
        return FixedState("start", velocities=(-1,) * len(self.programs))

    # -- allowed steps ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        match state.phase:
            case "start":
                mask[self.slices["bar"]] = self.bar_masks[0]
            case "header":
                mask[self.headers[state.bar][state.free_count]] = True
            case "position" if self.has_microtiming:
                self._allow_microtiming(mask, state, self.lowest_microtiming)
            case "position" | "microtiming":
                self._allow_notes(mask, state)
            case "program":
                self._allow_pitches(mask, state)
            case "pitch" | "velocity":
                self._allow_values(mask, state)
            case "drum" if state.is_fixed:
                mask[self.index["velocity", self.window.notes[state.next_index - 1].velocity]] = True
            case "drum" | "open":
                mask[self.slices["velocity"]] = state.phase == "drum"
                self._allow_between_notes(mask, state)
        return mask

    def next_note(self, state: FixedState) -> FixedNote | None:
        """Return the next fixed note if it is in the current bar."""
        notes = self.window.notes
        is_here = state.next_index < len(notes) and notes[state.next_index].bar == state.bar
        return notes[state.next_index] if is_here else None

    def _allow_between_notes(self, mask: np.ndarray, state: FixedState) -> None:
        """Allow the tokens that may come where no note is incomplete."""
        following = self.next_note(state)
        if following is None:
            mask[self.slices["bar"]] = self.bar_masks[state.bar + 1]
        last = len(self.free_positions[state.bar]) - 1 if following is None else following.position
        if last > state.position:
            places = slice(state.position + 1, last + 1)
            mask[self.slices["position"]][places] = self.free_positions[state.bar][places]
            if following is not None:
                mask[self.slices["position"]][last] = True
        if state.position >= 0 and state.microtiming is not None:
            if self.has_microtiming:
                self._allow_microtiming(mask, state, state.microtiming + 1)
            self._allow_notes(mask, state)

    def _allow_microtiming(self, mask: np.ndarray, state: FixedState, first: int) -> None:
        """Allow the deviations from a position, none before the start of the window or after the next fixed note."""
        following = self.next_note(state)
        if state.bar == 0 and state.position == 0:
            first = max(first, 0)
        block = mask[self.slices["microtiming"]]
        first -= self.lowest_microtiming
        is_free = self.free_positions[state.bar][state.position]
        if following is not None and following.position == state.position:
            last = following.microtiming - self.lowest_microtiming
            block[first:last] = is_free
            block[last] = first <= last
        else:
            block[first:] = is_free

    def fixed_at_onset(self, state: FixedState) -> FixedNote | None:
        """Return the next fixed note if it is at the current onset."""
        note = self.next_note(state)
        return note if note is not None and note[1:3] == (state.position, state.microtiming or 0) else None

    def pitches(self, state: FixedState, program: int) -> np.ndarray:
        """Return the mask of the pitches that a program may play next at the current onset."""
        mask = np.zeros(128, np.bool_)
        last_program, last_pitch = state.last_note
        if program < last_program:
            return mask
        fixed = self.fixed_at_onset(state)
        if fixed is not None and program > fixed.program:
            return mask
        low = last_pitch + 1 if program == last_program else 0
        high = fixed.pitch if fixed is not None and program == fixed.program else 128
        voice = self.window.voices[state.bar].get(program)
        count = state.free_count if program == last_program else 0
        if voice is not None and count < voice.most:
            mask[low:high] = self.free_pitches(state.bar, state.position, program)[low:high]
        if fixed is not None and program == fixed.program:
            mask[fixed.pitch] = True
        return mask

    def _allow_notes(self, mask: np.ndarray, state: FixedState) -> None:
        """Allow another program, a pitch of the current one, or a drum."""
        for program in self.programs:
            if program == DRUMS:
                mask[self.slices["drum"]] = self.pitches(state, program)
            elif program == state.program:
                mask[self.slices["pitch"]] = self.pitches(state, program)
            else:
                mask[self.index["program", program]] = self.pitches(state, program).any()

    def _allow_pitches(self, mask: np.ndarray, state: FixedState) -> None:
        mask[self.slices["pitch"]] = self.pitches(state, state.program)

    def _allow_values(self, mask: np.ndarray, state: FixedState) -> None:
        """Allow the velocity and the duration of a note."""
        if not state.is_fixed:
            mask[self.slices["duration"]] = True
            mask[self.slices["velocity"]] = state.phase == "pitch"
            return
        note = self.window.notes[state.next_index - 1]
        if state.velocities[self.slots[note.program]] != note.velocity:
            mask[self.index["velocity", note.velocity]] = True
        else:
            mask[self.index["duration", note.duration]] = True

    # -- end of the song ----------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        return self.to_end(state) == 0

    def to_end(self, state: Any) -> int:
        return self.distance.of(state, self._free_programs(state))

    def _free_programs(self, state: FixedState) -> list[int]:
        """Return the programs of which a free note may follow an unfinished onset."""
        match state.phase:
            case "position":
                fresh = self.programs
            case "microtiming":
                fresh = self.programs
            case "program":
                fresh = (state.program,)
            case _:
                return []
        return [q for q in fresh if self.free_pitches(state.bar, state.position, q).any() and self._is_free(state, q)]

    def _is_free(self, state: FixedState, program: int) -> bool:
        """Return whether a free note of a program is allowed at the current onset."""
        if state.phase == "position" and self.has_microtiming:
            return True
        mask = self.pitches(state, program)
        fixed = self.fixed_at_onset(state)
        if fixed is not None and fixed.program == program:
            mask[fixed.pitch] = False
        return bool(mask.any())

    # -- transitions --------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        match kind:
            case "bar":
                if state.bar + 1 == len(self.headers):
                    return state._replace(phase="end", position=-1, microtiming=None, last_note=NO_NOTE, free_count=0)
                phase: Phase = "header" if self.headers[state.bar + 1] else "open"
                return state._replace(
                    phase=phase, bar=state.bar + 1, position=-1, microtiming=None, last_note=NO_NOTE, free_count=0
                )
            case "time_signature" | "tempo":
                count = state.free_count + 1
                is_done = count == len(self.headers[state.bar])
                return state._replace(phase="open" if is_done else "header", free_count=0 if is_done else count)
            case "position":
                microtiming = None if self.has_microtiming else 0
                return state._replace(
                    phase="position", position=value, microtiming=microtiming, last_note=NO_NOTE, free_count=0
                )
            case "microtiming":
                return state._replace(phase="microtiming", microtiming=value, last_note=NO_NOTE, free_count=0)
            case "program":
                return state._replace(phase="program", program=value)
            case "pitch" | "drum":
                return self._with_note(state, kind, value)
            case "velocity":
                slot = self.slots[state.last_note[0]]
                velocities = (*state.velocities[:slot], value, *state.velocities[slot + 1 :])
                phase = "open" if state.phase == "drum" else "velocity"
                return state._replace(phase=phase, velocities=velocities)
            case _:
                return state._replace(phase="open")

    def _with_note(self, state: FixedState, kind: str, pitch: int) -> FixedState:
        """Return the state after the pitch of a note."""
        program = DRUMS if kind == "drum" else state.program
        fixed = self.fixed_at_onset(state)
        is_fixed = fixed is not None and (fixed.program, fixed.pitch) == (program, pitch)
        count = state.free_count if program == state.last_note[0] else 0
        phase: Phase = "pitch"
        if kind == "drum":
            is_complete = fixed is not None and is_fixed and state.velocities[self.slots[DRUMS]] == fixed.velocity
            phase = "open" if is_complete else "drum"
        return state._replace(
            phase=phase, next_index=state.next_index + is_fixed, last_note=(program, pitch),
            free_count=count + (not is_fixed), is_fixed=is_fixed,
        )  # fmt: skip
