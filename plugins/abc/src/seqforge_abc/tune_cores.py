"""The states of the table of tunes: a core, and details that no step depends on."""

from typing import Literal, NamedTuple

import numpy as np

from seqforge_abc.bar_automaton import State

__all__ = ["Core", "Details", "NextBar", "NextEnding", "Transition"]

NextBar = Literal["same", "next", "ending", "zero"]
NextEnding = Literal["same", "bar", "zero"]


class Core:
    """A state without details, and what is known of it.

    Attributes:
        state: The state; its bar is number 0, and a complete note has the pitch 0.
        may_end: Whether the tune may end.
        mask: The mask of the steps in bar 0.
        mask_number: A number that is the same for states with the same mask and the same `may_end`.
        has_numbered_bar_line: Whether the bar line with the number of the bar is allowed.
        transitions: What has been computed of `TuneTable.advance`, by step without details.
        distance: The number of steps to an end; -1 if it has not been computed.
    """

    __slots__ = ("distance", "has_numbered_bar_line", "mask", "mask_number", "may_end", "state", "transitions")

    def __init__(
        self, state: State, *, may_end: bool, mask: np.ndarray, mask_number: int, has_numbered_bar_line: bool
    ) -> None:
        self.state, self.may_end, self.mask, self.mask_number = state, may_end, mask, mask_number
        self.has_numbered_bar_line = has_numbered_bar_line
        self.transitions: dict[int, Transition] = {}
        self.distance = -1


class Details(NamedTuple):
    """A state of the table.

    Attributes:
        core: The state without details.
        bar_number: `State.bar_number`.
        ending_start: `State.ending_start`.
        pitch: The step of the pitch of a complete note that may be tied; 0 elsewhere.
    """

    core: Core
    bar_number: int
    ending_start: int
    pitch: int


class Transition(NamedTuple):
    """What a step does.

    Attributes:
        core: The core of the next state.
        bar_number: What becomes of the number of the bar.
        ending_start: What becomes of the bar in which the endings begin.
        is_note: Whether a note is complete, whose pitch is the step.
    """

    core: Core
    bar_number: NextBar
    ending_start: NextEnding
    is_note: bool
