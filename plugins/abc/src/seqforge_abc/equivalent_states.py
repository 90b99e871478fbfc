"""States of the automaton that differ in nothing that matters: they share a mask, or a distance to an end."""

from collections.abc import Callable, Mapping

import numpy as np

from seqforge_abc.bar_automaton import NOTE, State
from seqforge_abc.kept_automaton import NO_VERSE
from seqforge_abc.tokens import numbered_bar_line

MAX_CACHE_SIZE = 200_000
"""The largest number of distances to an end that are kept in memory."""
MAX_MASKS = 100_000
"""The largest number of masks that are kept in memory."""


class MaskCache:
    """Masks of states, computed once for all states that differ in the number of their bar alone.

    Example:
        masks = MaskCache(index)
        mask = masks.mask(state, compute)

    Args:
        index: Token to its step.
    """

    def __init__(self, index: Mapping[str, int]) -> None:
        self._index, self._first_bar_line = index, index[numbered_bar_line(1)]
        self._masks: dict[State, np.ndarray] = {}

    def mask(self, s: State, compute: Callable[[State], np.ndarray]) -> np.ndarray:
        """Return the mask of a state; the caller may change it.

        The mask depends on the number of the bar only through the number of the bar line that closes it, and after a
        note that is complete it does not depend on its pitch.

        Args:
            s: The state, after the header.
            compute: A function that returns the mask of a state.
        """
        shared = without_details(s)._replace(bar_number=0)
        known = self._masks.get(shared)
        if known is None:
            if len(self._masks) >= MAX_MASKS:
                self._masks.clear()
            known = self._masks[shared] = compute(shared)
        mask = known.copy()
        if s.bar_number and mask[self._first_bar_line]:
            mask[self._first_bar_line] = False
            mask[self._index[numbered_bar_line(s.bar_number + 1)]] = True
        return mask


def without_details(s: State) -> State:
    """Return an equivalent state for the mask: the pitch of a complete note and the start of endings do not count."""
    return s._replace(ending_start=0, last_mark=0 if s.note_stage == NOTE else s.last_mark)


def without_tie_option(s: State) -> State:
    """Return an equivalent state for the distance to an end: ties, bar numbers and syllables do not."""
    s = s._replace(bar_number=0, ending_start=0, part=0, held=0, sung=0)
    if s.syllable >= 0:
        s = s._replace(verse=NO_VERSE, syllable=0)
    return s._replace(note_stage=0, last_mark=-1) if s.note_stage == NOTE else s
