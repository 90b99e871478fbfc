"""What the rows that step together have drawn."""

from collections.abc import Sequence

import numpy as np

__all__ = ["DrawnSteps"]

MIN_LINES = 256


class DrawnSteps:
    """The steps of each row since its start, with their scores: one line of an array per step of the loop.

    Only the lines that a row still needs are kept, so the memory follows the longest piece, not their number.

    >>> drawn = DrawnSteps(rows=2)
    >>> drawn.append(np.array([5, 7]), np.array([-0.5, -1.0]), np.zeros(2))
    >>> drawn.start(0)
    >>> drawn.append(np.array([6, 8]), np.array([-0.1, -0.2]), np.zeros(2))
    >>> drawn.steps(0).tolist(), drawn.steps(1).tolist(), drawn.scores(1).tolist()
    ([6], [7, 8], [-1.0, -0.2])

    Args:
        rows: The number of rows.
    """

    def __init__(self, rows: int) -> None:
        self._starts = np.zeros(rows, np.int64)
        """The line of the first step of each row."""
        self._count = 0
        """The number of lines that are in use."""
        self._steps = np.zeros((0, rows), np.int64)
        self._scores, self._masked = np.zeros((0, rows)), np.zeros((0, rows))

    def start(self, row: int) -> None:
        """Forget the steps of a row."""
        self._starts[row] = self._count

    def lengths(self) -> np.ndarray:
        """Return the number of steps of each row, shape (rows,)."""
        lengths: np.ndarray = self._count - self._starts
        return lengths

    def append(self, steps: np.ndarray, scores: np.ndarray, masked: np.ndarray) -> None:
        """Add a step to each row.

        Args:
            steps: The steps, shape (rows,) or (rows, width).
            scores: The log-probability of each step in nats, shape (rows,).
            masked: The probability of what was forbidden instead of each step, shape (rows,).
        """
        line = self._count
        if line == len(self._steps):
            self._make_room(steps)
            line = self._count
        self._steps[line], self._scores[line], self._masked[line] = steps, scores, masked
        self._count += 1

    def keep(self, rows: Sequence[int]) -> None:
        """Keep some rows, in this order, and remove all others."""
        self._starts, self._steps = self._starts[rows], self._steps[:, rows]
        self._scores, self._masked = self._scores[:, rows], self._masked[:, rows]

    def steps(self, row: int) -> np.ndarray:
        """Return the steps of a row, shape (steps,) or (steps, width)."""
        return self._of(self._steps, row)

    def scores(self, row: int) -> np.ndarray:
        """Return the log-probability of each step of a row in nats, shape (steps,)."""
        return self._of(self._scores, row)

    def masked(self, row: int) -> np.ndarray:
        """Return the probability of what was forbidden at each step of a row, shape (steps,)."""
        return self._of(self._masked, row)

    def _of(self, lines: np.ndarray, row: int) -> np.ndarray:
        part: np.ndarray = lines[self._starts[row] : self._count, row]
        return part

    def _make_room(self, steps: np.ndarray) -> None:
        """Remove the lines that no row needs, and double the arrays if more than half of them is left."""
        first = int(self._starts.min()) if self._count else 0
        used = slice(first, self._count)
        self._count -= first
        self._starts -= first
        lines = max(MIN_LINES, len(self._steps) if 2 * self._count <= len(self._steps) else 2 * len(self._steps))
        self._steps = _resized(self._steps[used] if self._count else steps[None][:0], lines)
        self._scores, self._masked = _resized(self._scores[used], lines), _resized(self._masked[used], lines)


def _resized(array: np.ndarray, lines: int) -> np.ndarray:
    """Return an array with a number of lines that begins with the lines of another one."""
    result = np.zeros((lines, *array.shape[1:]), array.dtype)
    result[: len(array)] = array
    return result
