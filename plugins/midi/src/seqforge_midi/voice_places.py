"""The places of the voices encoding: the bar; and the position in it with the number of the voice."""

from typing import Any, NamedTuple

import numpy as np

from seqforge import Places
from seqforge_midi.song import TICKS_PER_QUARTER, ticks_per_bar
from seqforge_midi.tokens import Vocabulary

HEADER = 4
SLOTS = 5
"""The tokens of a frame: four voices and the position that it reaches."""


LAST_BAR_WEIGHT = 8.0
"""The weight of the last bar in training: it has the final cadence, and a piece has only one."""


class _State(NamedTuple):
    """The state of a piece.

    Attributes:
        tokens: The number of tokens of the header that have been read.
        bar: The number of bar lines.
        bar_length: The sixteenths of a complete bar.
        remaining: The sixteenths to the next bar line.
        slot: The number of tokens of the current frame.
    """

    tokens: int
    bar: int
    bar_length: int
    remaining: int
    slot: int


class VoicePlaces(Places):
    """The places of the voices encoding: the bar; and the sixteenth in it with the number of the voice.

    An incomplete first bar has the positions of the end of a bar. The tokens before the first frame have no place. Bar
    lines, which say how many bars follow, and the key are markers.

    Args:
        vocabulary: The tokens of the encoding.
    """

    distances = (1, 2, 4, 5, 6, 8, 0, -2, -3)

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.kinds = list(vocabulary.kinds)
        self.classes = np.where(vocabulary.mask("bar"), vocabulary.first["bar"], np.arange(vocabulary.size))
        """Bar lines are equal whether or not the numbers of bars that follow are."""
        self.markers = np.select([vocabulary.mask("bar"), vocabulary.mask("key")], [0, 1], -1)
        is_last = [kind == "bar" and value <= 1 for kind, value in zip(self.kinds, vocabulary.values, strict=True)]
        self.marker_weights = np.where(is_last, LAST_BAR_WEIGHT, 1.0)
        sixteenth = TICKS_PER_QUARTER // 4
        self.numbers = [
            ticks_per_bar(value) // sixteenth if kind == "time_signature" else value
            for kind, value in zip(vocabulary.kinds, vocabulary.values, strict=True)
        ]

    def start(self) -> _State:
        return _State(0, 0, 0, 0, 0)

    def place(self, state: Any) -> tuple[int, int] | None:
        if state.tokens < HEADER:
            return None
        return state.bar, max(0, state.bar_length - state.remaining) * SLOTS + state.slot

    def advance(self, state: Any, step: int) -> Any:
        tokens, bar, bar_length, remaining, slot = state
        kind, number = self.kinds[step], self.numbers[step]
        if tokens < HEADER:
            bar_length = number if kind == "time_signature" else bar_length
            remaining = number if kind == "time" else remaining
            return _State(tokens + 1, bar, bar_length, remaining, 0)
        if slot < SLOTS - 1:
            return state._replace(slot=slot + 1)
        if kind == "time":
            return state._replace(remaining=number, slot=0)
        return _State(tokens, bar + 1, bar_length, bar_length, 0)
