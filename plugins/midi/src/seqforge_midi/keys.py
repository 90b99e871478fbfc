"""The automaton of the performance: only a key that is down comes up, time moves on, and nothing hangs at the end."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.encoding import Asked
from seqforge_midi.performance import PAUSES, Performance

MOST_DOWN = 256
"""Keys and pedals that may be down at once."""
PEDAL = 128
"""Stands for the pedal among the pitches of a program."""


class _State(NamedTuple):
    """Where a performance stands.

    Attributes:
        time: in the smallest pauses, as far as that matters.
        program: that plays; -1 before the first.
        down: program and pitch of the keys that are down, sorted; PEDAL stands for a pedal.
        fresh: those of them that went down in this moment, which may not come up in it.
        drums: the strokes of this moment.
        struck: whether a key or drum was struck last: its velocity may come.
        signs: how many of the tempo and the meter of the beginning have come.
        sounded: whether there is a note.
    """

    time: int = 0
    program: int = -1
    down: frozenset[tuple[int, int]] = frozenset()
    fresh: frozenset[tuple[int, int]] = frozenset()
    drums: frozenset[int] = frozenset()
    struck: bool = False
    signs: int = 0
    sounded: bool = False


class Keys(Constraint):
    """Whole performances.

    Args:
        encoding: what the steps are.
        asked: what holds for all of them.
    """

    def __init__(self, encoding: Performance, asked: Asked) -> None:
        tokens = encoding.tokens
        self.size, self.kinds, self.values = tokens.size, tokens.kinds, tokens.values
        self.at = {kind: tokens.slice(kind) for kind in tokens.blocks}
        self.limit = max(2, round(asked.seconds / encoding.pause)) if asked.seconds else 0
        self.meter, self.tempo = asked.meter_number, asked.tempo_number
        self.programs, self.struck, self.drums = asked.tuned, asked.struck, asked.beaten
        self.range_of = asked.range_of

    def start(self) -> Hashable:
        return _State()

    # -- what may come ------------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        if state.signs < 2:
            kind, number = (("tempo", self.tempo), ("meter", self.meter))[state.signs]
            mask[self.at[kind]] = number is None
            if number is not None:
                mask[self.at[kind].start + number] = True
            return mask
        left = self.limit - state.time if self.limit else PAUSES + 1
        mask[self.at["pause"]][: max(0, left - (not state.sounded))] = True
        mask[self.at["velocity"]] = state.struck
        self._lift(mask, state)
        if left > 0:
            mask[self.at["tempo"]] = self.tempo is None
            mask[self.at["meter"]] = self.meter is None
            self._strike(mask, state)
        return mask

    def _lift(self, mask: np.ndarray, state: _State) -> None:
        """Allow keys and the pedal of this program to come up, or another program that has some down."""
        for program, pitch in state.down - state.fresh:
            if program != state.program:
                mask[self.at["program"].start + program] = True
            elif pitch == PEDAL:
                mask[self.at["pedal"].start] = True
            else:
                mask[self.at["up"].start + pitch] = True

    def _strike(self, mask: np.ndarray, state: _State) -> None:
        """Allow drums, keys and the pedal of this program, and other programs."""
        if self.drums:
            mask[self.at["drum"]] = self.struck
            mask[self.at["drum"]][list(state.drums)] = False
        if len(state.down) >= MOST_DOWN:
            return
        programs = mask[self.at["program"]]
        programs |= self.programs
        if state.program < 0:
            return
        programs[state.program] = False
        if self.programs[state.program]:
            taken = [pitch for program, pitch in state.down if program == state.program]
            keys = mask[self.at["down"]]
            lowest, highest = self.range_of(state.program)
            keys[lowest : highest + 1] = True
            keys[[pitch for pitch in taken if pitch < PEDAL]] = False
            mask[self.at["pedal"].start + 1] = PEDAL not in taken

    # -- where it may end ---------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        return bool(state.sounded and not state.down)

    def to_end(self, state: Any) -> int:
        programs = {program for program, _ in state.down}
        if state.sounded or self.drums:
            waits = not state.fresh.isdisjoint(state.down)
            return int(
                2 - state.signs + (not state.sounded) + len(state.down) + len(programs - {state.program}) + waits
            )
        # a key must go down, a moment pass, and all come up
        here = state.program >= 0 and bool(self.programs[state.program])
        if not here and not any(self.programs[program] for program in programs):
            programs = programs | {PEDAL + 1}  # one more program to go to
        elif here:
            programs = programs | {state.program}
        return int(2 - state.signs + 2 + len(state.down) + 1 + len(programs - {state.program}))

    # -- onwards ------------------------------------------------------------------------------

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.kinds[step], self.values[step]
        state = state._replace(struck=False)
        match kind:
            case "pause":
                time = state.time + value if self.limit else 0
                return state._replace(time=time, fresh=frozenset(), drums=frozenset())
            case "program":
                return state._replace(program=value)
            case "drum":
                return state._replace(drums=state.drums | {value}, struck=True, sounded=True)
            case "down":
                key = (state.program, value)
                return state._replace(
                    down=state.down | {key}, fresh=state.fresh | {key}, struck=True, sounded=True
                )  # fmt: skip
            case "up":
                return state._replace(down=state.down - {(state.program, value)})
            case "pedal":
                key = (state.program, PEDAL)
                if value:
                    return state._replace(down=state.down | {key}, fresh=state.fresh | {key})
                return state._replace(down=state.down - {key})
            case "tempo" | "meter":
                return state._replace(signs=min(2, state.signs + 1))
            case _:
                return state
