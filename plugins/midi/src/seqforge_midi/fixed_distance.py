"""The number of tokens from a state of `FixedNotesAutomaton` to the end, without free notes that are not needed."""

from collections.abc import Mapping, Sequence

import numpy as np

from seqforge_midi.score_window import FixedNote, FixedState
from seqforge_midi.song import DRUMS


class FixedDistance:
    """Counts the tokens of the fixed notes that are left.

    Each note has a cost that assumes that the fixed note before it was played last; what differs in a state, such as
    another current program, corrects the sum.

    Args:
        slots: Program to its place in the velocities of a state.
        notes: The fixed notes.
        header_sizes: The number of tokens of time signature and tempo of each bar.
        has_microtiming: Whether an onset has a token of microtiming.
        is_whole: Whether the song ends with the last bar; else a bar line follows.
    """

    def __init__(
        self,
        slots: Mapping[int, int],
        notes: Sequence[FixedNote],
        header_sizes: Sequence[int],
        has_microtiming: bool,
        is_whole: bool,
    ) -> None:
        self.slots, self.notes, self.has_microtiming = slots, notes, has_microtiming
        self.header_sizes = header_sizes
        self.bar_tokens = np.cumsum([0, *(1 + size for size in header_sizes)]).tolist()
        self.tail = 0 if is_whole else 1
        count = len(notes)
        self.needs_program, self.needs_velocity = [False] * count, [False] * count
        program, velocities = -1, dict.fromkeys(slots, -1)
        costs = [0] * (count + 1)
        for number, note in enumerate(notes):
            self.needs_program[number] = note.program not in (DRUMS, program)
            self.needs_velocity[number] = velocities[note.program] != note.velocity
            program = program if note.program == DRUMS else note.program
            velocities[note.program] = note.velocity
            place = (0, -1, None, -1) if not number else notes[number - 1][:3]
            costs[number] = self._place_cost(place, note) + self._note_cost(number)
        last_bar = notes[-1].bar if count else 0
        costs[count] = self._bar_cost(last_bar, len(header_sizes) - 1) + self.tail
        self.costs_from = np.cumsum(costs[::-1])[::-1].tolist()
        # the index of the next note of each program, and of the next note that is no drum
        self.next_of_program = {program: [count] * (count + 1) for program in slots}
        self.next_pitched = [count] * (count + 1)
        for number in range(count - 1, -1, -1):
            for following in self.next_of_program.values():
                following[number] = following[number + 1]
            self.next_of_program[notes[number].program][number] = number
            is_drum = notes[number].program == DRUMS
            self.next_pitched[number] = self.next_pitched[number + 1] if is_drum else number

    def _bar_cost(self, first: int, last: int) -> int:
        """Return the tokens of the bar lines after one bar up to another."""
        return int(self.bar_tokens[last + 1] - self.bar_tokens[first + 1])

    def _place_cost(self, place: Sequence[int | None], note: FixedNote) -> int:
        """Return the tokens of bar lines, position and microtiming from a place (bar, position, ...) to a note."""
        bar, position, microtiming = place[:3]
        assert bar is not None
        same_position = (bar, position) == note[:2]
        same_onset = same_position and microtiming == note.microtiming
        return self._bar_cost(bar, note.bar) + (not same_position) + (self.has_microtiming and not same_onset)

    def _note_cost(self, number: int) -> int:
        """Return the tokens of a note itself."""
        is_drum = self.notes[number].program == DRUMS
        return self.needs_program[number] + 1 + self.needs_velocity[number] + (not is_drum)

    def of(self, state: FixedState, free_programs: Sequence[int]) -> int:
        """Return the number of tokens to the end.

        Args:
            state: The state.
            free_programs: The programs of which a free note may follow, if the state is an onset without a note.
        """
        match state.phase:
            case "end":
                return 0
            case "start":
                return 1 + self.header_sizes[0] + self._rest(state._replace(bar=0))
            case "header":
                return self.header_sizes[state.bar] - state.free_count + self._rest(state)
            case "pitch" if state.is_fixed:
                note = self.notes[state.next_index - 1]
                needs_velocity = state.velocities[self.slots[note.program]] != note.velocity
                return 1 + needs_velocity + self._rest(self._with_velocity(state, note))
            case "pitch" | "velocity":
                return 1 + self._rest(state)
            case "drum" if state.is_fixed:
                return 1 + self._rest(self._with_velocity(state, self.notes[state.next_index - 1]))
            case "position" | "microtiming" | "program":
                return self._unfinished(state, free_programs)
            case _:
                return self._rest(state)

    def _with_velocity(self, state: FixedState, note: FixedNote) -> FixedState:
        slot = self.slots[note.program]
        return state._replace(velocities=(*state.velocities[:slot], note.velocity, *state.velocities[slot + 1 :]))

    def _unfinished(self, state: FixedState, free_programs: Sequence[int]) -> int:
        """Return the distance of an onset that has no note yet, or of a program without one."""
        note = self.notes[state.next_index] if state.next_index < len(self.notes) else None
        if note is not None and note[:2] == (state.bar, state.position):
            fits = state.phase == "position" or note.microtiming == state.microtiming
            if fits and (state.phase != "program" or note.program == state.program):
                return self._rest(state)
        lacks_microtiming = self.has_microtiming and state.phase == "position"
        options = []
        for program in free_programs:
            cost = 1 if program == DRUMS else 2 + (program != state.program)
            after = state if program == DRUMS else state._replace(program=program)
            options.append(lacks_microtiming + cost + self._rest(after))
        return min(options)

    def _rest(self, state: FixedState) -> int:
        """Return the tokens from a place between notes to the end."""
        index, count = state.next_index, len(self.notes)
        if index == count:
            return self._bar_cost(state.bar, len(self.header_sizes) - 1) + self.tail
        note = self.notes[index]
        total: int = self.costs_from[index] - self._place_cost(self._place_before(index), note)
        total += self._place_cost((state.bar, state.position, state.microtiming), note)
        pitched = self.next_pitched[index]
        if pitched < count:
            total += (self.notes[pitched].program != state.program) - self.needs_program[pitched]
        for program, slot in self.slots.items():
            following = self.next_of_program[program][index]
            if following < count:
                differs = state.velocities[slot] != self.notes[following].velocity
                total += differs - self.needs_velocity[following]
        return total

    def _place_before(self, index: int) -> Sequence[int | None]:
        return self.notes[index - 1][:3] if index else (0, -1, None)
