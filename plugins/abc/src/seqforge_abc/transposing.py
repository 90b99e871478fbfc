"""Transposition of encoded tunes: for every interval one table from step to step."""

from collections.abc import Sequence

import numpy as np

from seqforge_abc.theory import parse_key, spelled
from seqforge_abc.tokens import HIGHEST, LOWEST, ROOTS, pitches

INTERVALS = tuple(range(-6, 7))
"""Fifths on the line; each goes up or down by less than an octave, whichever is nearer."""

PLAYED = range(-3, 5)
"""Signatures to transpose to, three flats to four sharps: players meet few others, and a model should write few."""


def tables(vocabulary: Sequence[str]) -> np.ndarray:
    """Return for every interval the step that each step becomes, shape (intervals, steps); -1 where it has none."""
    index = {token: step for step, token in enumerate(vocabulary)}
    by_name = {str(pitch): pitch for pitch in pitches()}
    roots = {spelled(root): root for root in ROOTS}
    found = np.tile(np.arange(len(vocabulary), dtype=np.int32), (len(INTERVALS), 1))
    for row, fifths in enumerate(INTERVALS):
        steps = staff_steps(fifths)
        for step, token in enumerate(vocabulary):
            moved: str | None = token
            if token in by_name:
                try:
                    pitch = by_name[token].moved(fifths, steps)
                    moved = str(pitch) if LOWEST <= pitch.midi <= HIGHEST else None
                except ValueError:
                    moved = None
            elif token.startswith("K:") and token != "K:none":
                key = parse_key(token[2:])
                assert key is not None
                key = key.moved(fifths)
                moved = f"K:{key}" if key.signature in PLAYED or not fifths else None
            elif token[:1] in ('"', "/") and token[1:] in roots:
                root = roots[token[1:]] + fifths
                moved = token[0] + spelled(root) if root in ROOTS else None
            found[row, step] = -1 if moved is None else index[moved]
    return found


def staff_steps(fifths: int) -> int:
    """Return how many staff positions an interval of so many fifths goes, the shorter way up or down."""
    semitones = (7 * fifths + 6) % 12 - 6
    steps = 4 * fifths % 7
    return steps - 7 if semitones < 0 and steps > 0 else steps
