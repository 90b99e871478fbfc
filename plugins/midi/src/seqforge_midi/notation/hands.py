"""Distributes the notes of a keyboard instrument to two hands, each with a staff."""

from collections.abc import Sequence

import numpy as np

from seqforge_midi.notation.quantisation import WrittenNote

SPLITS = np.arange(48, 73)
"""The pitches from which on the right hand may play."""
HAND_SPAN = 14
"""The largest interval that a hand plays easily, in semitones."""
CENTRE = 60
LOWEST_RIGHT, HIGHEST_LEFT = 55, 64
"""Beyond these pitches a hand needs more than two ledger lines."""
MOVE_COST = 0.6
"""The cost of moving the split by a semitone."""


def split_hands(notes: Sequence[WrittenNote]) -> tuple[list[WrittenNote], list[WrittenNote]]:
    """Return the notes of the right and left hand.

    A split pitch per onset is chosen with the smallest sum of costs, by dynamic programming (R. Viterbi, 1967): for
    chords wider than a hand, for ledger lines, for a split far from middle C, and for each move of the split.

    >>> right, left = split_hands([WrittenNote(0, 480, pitch, 80) for pitch in (36, 48, 64, 67, 72)])
    >>> [note.pitch for note in right], [note.pitch for note in left]
    ([64, 67, 72], [36, 48])

    Args:
        notes: The notes, in any order.
    """
    if not notes:
        return [], []
    onsets = sorted({note.start for note in notes})
    index = {onset: number for number, onset in enumerate(onsets)}
    groups: list[list[int]] = [[] for _ in onsets]
    for note in notes:
        groups[index[note.start]].append(note.pitch)
    moves = MOVE_COST * np.abs(SPLITS[:, None] - SPLITS[None, :])
    costs = _costs(groups[0])
    choices = []
    for group in groups[1:]:
        total = costs[:, None] + moves
        choices.append(total.argmin(axis=0))
        costs = total.min(axis=0) + _costs(group)
    best = int(costs.argmin())
    path = [best]
    for choice in reversed(choices):
        best = int(choice[best])
        path.append(best)
    splits = SPLITS[path[::-1]].tolist()
    hands: tuple[list[WrittenNote], list[WrittenNote]] = ([], [])
    for note in notes:
        hands[note.pitch < splits[index[note.start]]].append(note)
    return hands


def _costs(pitches: Sequence[int]) -> np.ndarray:
    """Return the cost of each split for notes that start together: float64, shape (splits,)."""
    group = sorted(pitches)
    by_count = []  # the cost if the left hand plays the lowest 0, 1, ... notes
    for count in range(len(group) + 1):
        left, right = group[:count], group[count:]
        cost = 0.7 * sum(max(0, LOWEST_RIGHT - pitch) for pitch in right)
        cost += 0.7 * sum(max(0, pitch - HIGHEST_LEFT) for pitch in left)
        for hand in (left, right):
            if hand:
                cost += 3.0 * max(0, hand[-1] - hand[0] - HAND_SPAN) + 2.0 * max(0, len(hand) - 5)
        by_count.append(cost)
    result: np.ndarray = 0.1 * np.abs(SPLITS - CENTRE) + np.array(by_count)[np.searchsorted(group, SPLITS)]
    return result
