"""Tokens of a score that are collected in any order, and sorted by their places."""

from typing import Any

import numpy as np

POSITIONS, _OFFSETS, _RANKS = 1 << 13, 1 << 9, 1 << 3
"""Numbers above those of the positions of a bar, the values of microtiming, and the tokens of a note."""


class TokenRows:
    """Tokens with their sort keys: bar, position, microtiming, note number and rank within the note.

    >>> rows = TokenRows()
    >>> rows.add(np.array([1, 0]), 0, 0, 0, 0, np.array([70, 60]))
    >>> rows.add(0, 1, 0, 0, 0, np.array([65]))
    >>> rows.sorted().tolist()
    [60, 65, 70]
    """

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []

    def add(self, *columns: Any) -> None:
        """Add tokens: bar, position, microtiming, note and rank, each an array or one number for all, and token."""
        bar, position, microtiming, note, rank, token = columns
        onset = (bar * POSITIONS + position) * _OFFSETS + microtiming
        keys = (onset, note * _RANKS + rank)
        self.parts.append((*(key if np.ndim(key) else np.full(len(token), key) for key in keys), token))

    def sorted(self) -> np.ndarray:
        """Return the tokens in the order of their keys."""
        onsets, notes, tokens = (np.concatenate(columns) for columns in zip(*self.parts, strict=True))
        ordered: np.ndarray = tokens[np.lexsort((notes, onsets))]
        return ordered


def selected(columns: tuple[np.ndarray, ...], indices: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the rows of columns with some indices.

    >>> selected((np.array([1, 2, 3]),), np.array([0, 2]))[0].tolist()
    [1, 3]
    """
    return tuple(column[indices] for column in columns)
