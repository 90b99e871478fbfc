"""The transposition of encoded tunes: a table from step to step for each interval."""

from collections.abc import Sequence

import numpy as np

from seqforge_abc.theory import parse_key, pitch_class_name
from seqforge_abc.tokens import CHORD_ROOTS, HIGHEST_PITCH, LOWEST_PITCH, PITCH_TOKENS

INTERVALS = tuple(range(-6, 7))
"""The intervals in fifths; each is played in the direction in which it is smaller, by less than an octave."""

TARGET_SIGNATURES = range(-3, 5)
"""The key signatures to transpose to, three flats to four sharps: folk tunes rarely have others."""


def transposition_tables(vocabulary: Sequence[str]) -> np.ndarray:
    """Return the transposed step of each step, shape (intervals, steps), int32; -1 if a step cannot be transposed.

    Args:
        vocabulary: The tokens of the codec.
    """
    index = {token: step for step, token in enumerate(vocabulary)}
    tables = np.tile(np.arange(len(vocabulary), dtype=np.int32), (len(INTERVALS), 1))
    for row, fifths in enumerate(INTERVALS):
        for step, token in enumerate(vocabulary):
            transposed = _transposed(token, fifths)
            tables[row, step] = -1 if transposed is None else index[transposed]
    return tables


def _transposed(token: str, fifths: int) -> str | None:
    """Return a token transposed by an interval in fifths, or None if it has no token in the vocabulary."""
    if token in PITCH_TOKENS:
        try:
            pitch = PITCH_TOKENS[token].transposed(fifths, staff_steps(fifths))
        except ValueError:
            return None
        return str(pitch) if LOWEST_PITCH <= pitch.midi <= HIGHEST_PITCH else None
    if token.startswith("K:") and token != "K:none":
        key = parse_key(token[2:])
        assert key is not None
        key = key.transposed(fifths)
        return f"K:{key}" if key.signature in TARGET_SIGNATURES or not fifths else None
    if token[:1] in ('"', "/") and token[1:] in _ROOTS:
        root = _ROOTS[token[1:]] + fifths
        return token[0] + pitch_class_name(root) if root in CHORD_ROOTS else None
    return token


_ROOTS = {pitch_class_name(root): root for root in CHORD_ROOTS}


def staff_steps(fifths: int) -> int:
    """Return the staff steps of an interval in fifths, in the direction in which it is smaller.

    >>> [staff_steps(fifths) for fifths in (1, 2, -1)]
    [-3, 1, 3]
    """
    semitones = (7 * fifths + 6) % 12 - 6
    steps = 4 * fifths % 7
    return steps - 7 if semitones < 0 and steps > 0 else steps
