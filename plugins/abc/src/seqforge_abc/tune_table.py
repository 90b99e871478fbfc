"""The automaton of tunes as a table: states that differ in details alone share masks, distances and transitions.

The details are the number of the bar, the number of the bar in which the endings begin, and the pitch of a note that is
complete and may be tied. Steps copy, count or set them, and no step depends on them except the bar line with the number
of the bar and the tie. A tune has about ten times as many states with details as without.
"""

from collections.abc import Hashable
from typing import Any, cast

import numpy as np

from seqforge import Constraint, StateNumbers
from seqforge_abc.bar_automaton import CHORD_2, CHORD_OPEN, NOTE, State
from seqforge_abc.tokens import MAX_BAR_NUMBER, numbered_bar_line
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.tune_cores import Core, Details, NextBar, NextEnding, Transition
from seqforge_abc.tune_numbers import TuneNumbers

__all__ = ["TuneTable"]

MAX_CORES = 65_536
"""The number of states without details that are cached; beyond it, all are cleared."""
BAR, ENDING = 5, 9
"""Numbers of bars that stand for any, to see what a step does with them."""
BAR_NUMBERS: dict[int, NextBar] = {BAR: "same", BAR + 1: "next", ENDING: "ending", 0: "zero"}
ENDING_STARTS: dict[int, NextEnding] = {ENDING: "same", BAR: "bar", 0: "zero"}


class TuneTable(Constraint):
    """The constraint of a `TuneAutomaton`, without a form: the same masks and distances, from a table.

    >>> from seqforge_abc import tokens
    >>> table = TuneTable(TuneAutomaton(tokens.vocabulary(["jig"]), rhythm="jig"))
    >>> [table.automaton.vocabulary[step] for step in table.allowed(table.start()).nonzero()[0]]
    ['R:jig']

    Args:
        automaton: The automaton.

    Attributes:
        without_details: The step that stands for each step: one for all pitches, and one for all bar lines with a
            number.
        tie: The step of the tie.
    """

    def __init__(self, automaton: TuneAutomaton) -> None:
        self.automaton = automaton
        index = automaton.index
        self._numbered = [index[numbered_bar_line(number + 1)] for number in range(MAX_BAR_NUMBER)]
        pitch = int(np.flatnonzero(automaton.is_pitch)[0])
        self.without_details = list(range(len(automaton.vocabulary)))
        for step in np.flatnonzero(automaton.is_pitch).tolist():
            self.without_details[step] = pitch
        for step in self._numbered:
            self.without_details[step] = index["|"]
        self.tie = index["-"]
        self._cores: dict[State, Core] = {}
        self._masks: dict[tuple[bytes, bool], tuple[int, np.ndarray]] = {}

    def start(self) -> Hashable:
        state = cast(State, self.automaton.start())
        return Details(self._core(state), state.bar_number, state.ending_start, 0)

    def allowed(self, state: Hashable) -> np.ndarray:
        core, bar_number, _, _ = cast(Details, state)
        mask = core.mask.copy()
        if bar_number and core.has_numbered_bar_line:
            mask[self._numbered[0]] = False
            mask[self._numbered[bar_number % MAX_BAR_NUMBER]] = True
        return mask

    def mask_key(self, state: Hashable) -> Hashable:
        core, bar_number, _, _ = cast(Details, state)
        return core.mask_number, bar_number if core.has_numbered_bar_line else 0

    def state_numbers(self) -> StateNumbers:
        return TuneNumbers(self.transition, self.without_details, tie=self.tie)

    def may_end(self, state: Hashable) -> bool:
        return cast(Details, state).core.may_end

    def to_end(self, state: Hashable) -> int:
        core = cast(Details, state).core
        if core.distance < 0:
            core.distance = self.automaton.to_end(core.state)
        return core.distance

    def advance(self, state: Hashable, step: Any) -> Hashable:
        core, bar_number, ending_start, pitch = cast(Details, state)
        after, next_bar, next_ending, is_note = self.transition(core, step, pitch)
        if next_bar != "same" or next_ending != "same":
            bars = {"same": bar_number, "next": bar_number % MAX_BAR_NUMBER + 1, "ending": ending_start, "zero": 0}
            ending_start = {"same": ending_start, "bar": bar_number, "zero": 0}[next_ending]
            bar_number = bars[next_bar]
        return Details(after, bar_number, ending_start, step if is_note else 0)

    def full_state(self, state: Hashable) -> State:
        """Return a state of the table as a state of the automaton."""
        core, bar_number, ending_start, pitch = cast(Details, state)
        full = core.state._replace(bar_number=bar_number, ending_start=ending_start)
        return full._replace(last_mark=pitch) if full.note_stage == NOTE else full

    def transition(self, core: Core, step: int, pitch: int) -> Transition:
        """Return what a step does in a state with any bars.

        Args:
            core: The core of the state.
            step: The step.
            pitch: The pitch of the state.
        """
        key = step if CHORD_OPEN <= core.state.note_stage <= CHORD_2 else self.without_details[step]
        if key == self.tie and pitch:
            key = -pitch
        return core.transitions.get(key) or self._transition(core, key, step, pitch)

    def _transition(self, core: Core, key: int, step: int, pitch: int) -> Transition:
        """Compute what a step does."""
        before = core.state._replace(bar_number=BAR, ending_start=ENDING)
        if before.note_stage == NOTE:
            before = before._replace(last_mark=pitch)
        after = cast(State, self.automaton.advance(before, step))
        transition = core.transitions[key] = Transition(
            self._core(after), BAR_NUMBERS[after.bar_number], ENDING_STARTS[after.ending_start],
            after.note_stage == NOTE,
        )  # fmt: skip
        return transition

    def _core(self, state: State) -> Core:
        """Return the core of a state."""
        last_mark = 0 if state.note_stage == NOTE else state.last_mark
        state = state._replace(bar_number=0, ending_start=0, last_mark=last_mark)
        core = self._cores.get(state)
        if core is None:
            if len(self._cores) >= MAX_CORES:
                for old in self._cores.values():
                    old.transitions.clear()
                self._cores.clear()
            mask, may_end = self.automaton.mask(state), self.automaton.may_end(state)
            number, mask = self._masks.setdefault((mask.tobytes(), may_end), (len(self._masks), mask))
            numbered = bool(mask[self._numbered[0]])
            core = self._cores[state] = Core(
                state, may_end=may_end, mask=mask, mask_number=number, has_numbered_bar_line=numbered
            )
        return core
