"""The states of the table of tunes as integers, so that all rows of a batch advance at once."""

from collections.abc import Callable, Hashable, Sequence
from typing import cast

import numpy as np

from seqforge import StateNumbers
from seqforge_abc.bar_automaton import CHORD_2, CHORD_OPEN
from seqforge_abc.tokens import MAX_BAR_NUMBER
from seqforge_abc.tune_cores import Core, Details, Transition

__all__ = ["TuneNumbers"]

MAX_CORES = 32_768
"""The number of cores from which the sampler goes on with a new object."""
PITCH_BITS, BAR_BITS = 16, 5
"""The bits of a pitch and of a number of a bar in the number of a state; the pitch has the lowest bits."""
CORE_SHIFT = PITCH_BITS + 2 * BAR_BITS
NEXT_BARS, NEXT_ENDINGS = ("same", "next", "ending", "zero"), ("same", "bar", "zero")
"""What becomes of the number of the bar and of the bar in which the endings begin; the index stands for it."""


class TuneNumbers(StateNumbers):
    """The states of a `TuneTable` as integers: the number of the core, and the details.

    >>> from seqforge_abc import tokens
    >>> from seqforge_abc.tune_automaton import TuneAutomaton
    >>> from seqforge_abc.tune_table import TuneTable
    >>> vocabulary = tokens.vocabulary(["jig"])
    >>> table = TuneTable(TuneAutomaton(vocabulary))
    >>> numbers = table.state_numbers()
    >>> start, jig = numbers.number(table.start()), vocabulary.index("R:jig")
    >>> (after,) = numbers.advance(np.array([start]), np.array([jig])).tolist()
    >>> numbers.state(after) == table.advance(table.start(), jig)
    True

    Args:
        transition: A function of a core, a step and the pitch of a state that returns what the step does.
        without_details: The step that stands for each step.
        tie: The step of the tie.
    """

    def __init__(
        self, transition: Callable[[Core, int, int], Transition], without_details: Sequence[int], *, tie: int
    ) -> None:
        self._find_transition, self._tie = transition, tie
        self._class_of = np.array(without_details, np.int64)
        self._cores: list[Core] = []
        self._core_numbers: dict[Core, int] = {}
        self._mask_numbers = np.zeros(256, np.int64)
        self._has_numbered_bar_line, self._in_chord = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
        self._transitions: dict[int, int] = {}
        """What a step does, as in `_packed`, by the number of the core and the step without details."""

    @property
    def is_full(self) -> bool:
        return len(self._cores) >= MAX_CORES

    def number(self, state: Hashable) -> int:
        core, bar_number, ending_start, pitch = cast(Details, state)
        return ((self._core_number(core) << BAR_BITS | bar_number) << BAR_BITS | ending_start) << PITCH_BITS | pitch

    def state(self, number: int) -> Hashable:
        bars, bar = number >> PITCH_BITS, (1 << BAR_BITS) - 1
        pitch = number & ((1 << PITCH_BITS) - 1)
        return Details(self._cores[number >> CORE_SHIFT], bars >> BAR_BITS & bar, bars & bar, pitch)

    def mask_keys(self, numbers: np.ndarray) -> np.ndarray:
        cores, bars, _, _ = _parts(numbers)
        keys: np.ndarray = self._mask_numbers[cores] << BAR_BITS | bars * self._has_numbered_bar_line[cores]
        return keys

    def advance(self, numbers: np.ndarray, steps: np.ndarray) -> np.ndarray:
        cores, bars, endings, pitches = _parts(numbers)
        steps = steps.astype(np.int64)
        # 1. Look up what the steps do. The pitch of a tie is a part of the key, and so is a pitch within a chord.
        keys = np.where(self._in_chord[cores], steps, self._class_of[steps])
        keys = np.where((steps == self._tie) & (pitches > 0), len(self._class_of) + pitches, keys)
        keys = (cores << PITCH_BITS | keys).tolist()
        known = list(map(self._transitions.get, keys))
        if None in known:
            known = [
                self._transition(key, int(cores[row]), int(steps[row]), int(pitches[row])) if entry is None else entry
                for row, (key, entry) in enumerate(zip(keys, known, strict=True))
            ]
        packed = np.array(known, np.int64)
        # 2. Set the details of the next states.
        pitches = np.where(packed & 1, steps, 0)
        if (packed & 30).any():
            next_bars, next_endings = packed >> 1 & 3, packed >> 3 & 3
            after = np.choose(next_bars, [bars, bars % MAX_BAR_NUMBER + 1, endings, 0])
            bars, endings = after, np.choose(next_endings, [endings, bars, 0])
        result: np.ndarray = ((packed >> 5 << BAR_BITS | bars) << BAR_BITS | endings) << PITCH_BITS | pitches
        return result

    def _transition(self, key: int, core: int, step: int, pitch: int) -> int:
        """Return what a step does, packed; it is computed if it is missing."""
        packed = self._transitions.get(key)
        if packed is None:
            transition = self._find_transition(self._cores[core], step, pitch)
            packed = self._transitions[key] = self._packed(transition)
        return packed

    def _packed(self, transition: Transition) -> int:
        """Return what a step does as an integer: the next core, endings, bar, and whether a note is complete."""
        core, next_bar, next_ending, is_note = transition
        endings = NEXT_ENDINGS.index(next_ending) << 2 | NEXT_BARS.index(next_bar)
        return (self._core_number(core) << 4 | endings) << 1 | is_note

    def _core_number(self, core: Core) -> int:
        """Return the number of a core; a new core gets the next one."""
        number = self._core_numbers.get(core)
        if number is None:
            number = self._core_numbers[core] = len(self._cores)
            self._cores.append(core)
            if number == len(self._mask_numbers):
                self._mask_numbers, self._has_numbered_bar_line, self._in_chord = (
                    np.concatenate([part, np.zeros_like(part)])
                    for part in (self._mask_numbers, self._has_numbered_bar_line, self._in_chord)
                )
            self._mask_numbers[number] = core.mask_number
            self._has_numbered_bar_line[number] = core.has_numbered_bar_line
            self._in_chord[number] = CHORD_OPEN <= core.state.note_stage <= CHORD_2
        return number


def _parts(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the number of the core, the bar, the bar in which the endings begin, and the pitch."""
    bars, bar = numbers >> PITCH_BITS, (1 << BAR_BITS) - 1
    return numbers >> CORE_SHIFT, bars >> BAR_BITS & bar, bars & bar, numbers & ((1 << PITCH_BITS) - 1)
