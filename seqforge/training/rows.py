"""The assignment of pieces to the rows of the batches in an epoch; pieces that are too long for one row are divided."""

import heapq
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """The content of one row in an epoch: segments of pieces, one after the other.

    A piece of n steps has n + 1 positions: position r reads step r - 1 and predicts step r; the last one predicts the
    end. The hidden state is reset at the beginning of each segment. A segment that does not begin at the start of its
    piece begins with positions that are read but not counted (burn-in): at least the position of the reset.

    >>> row = assign_rows(np.array([9]), 2, burn_in=2, rng=None)[0]  # 10 positions, 5 per row
    >>> row.pieces, row.first, row.end, row.burn_in, row.offsets
    (array([0]), array([3]), array([10]), array([2]), array([0, 7]))

    Attributes:
        pieces: Number of the piece of each segment, shape (segments,).
        first: First position of each segment within its piece, shape (segments,).
        end: Position after the last one of each segment within its piece, shape (segments,).
        burn_in: Number of positions at the beginning of each segment that are not counted, shape (segments,).
        offsets: Position in the row at which each segment begins, then the length of the row, shape (segments + 1,).
    """

    pieces: np.ndarray
    first: np.ndarray
    end: np.ndarray
    burn_in: np.ndarray
    offsets: np.ndarray


def assign_rows(
    lengths: np.ndarray, rows: int, *, burn_in: int = 1, divide: bool = True, rng: np.random.Generator | None
) -> list[Row]:
    """Assign pieces to rows of about equal length.

    A piece with more than the mean number of positions per row is divided into segments of that length, at places that
    differ from epoch to epoch; no other piece is divided. Each segment, from the longest to the shortest, goes to the
    row with the fewest positions, so that all rows end at about the same time (R. L. Graham, "Bounds on Multiprocessing
    Timing Anomalies", SIAM Journal on Applied Mathematics 17(2), 1969); then the segments of each row are shuffled.

    >>> [row.pieces.tolist() for row in assign_rows(np.array([5, 9, 3, 4]), 2, rng=None)]
    [[1, 2], [0, 3]]

    Args:
        lengths: Number of steps of each piece, shape (pieces,).
        rows: Number of rows.
        burn_in: Number of positions that are read before a segment that does not begin at the start of its piece.
        divide: Whether long pieces are divided.
        rng: Random number generator; None for an order that depends on the lengths only.
    """
    # 1. Divide the long pieces.
    positions = lengths + 1
    share = max(2, -(-int(positions.sum()) // rows))
    piece, first, end = (np.arange(len(positions)), np.zeros(len(positions), np.int64), positions)
    if divide and (positions > share).any():
        undivided, divided = np.flatnonzero(positions <= share), np.flatnonzero(positions > share)
        edges = [_segment_edges(int(positions[number]), share, rng) for number in divided]
        piece = np.concatenate([undivided, np.repeat(divided, [len(values) - 1 for values in edges])])
        first = np.concatenate([np.zeros(len(undivided), np.int64), *[values[:-1] for values in edges]])
        end = np.concatenate([positions[undivided], *[values[1:] for values in edges]])
    # 2. Extend each segment to the left by its burn-in.
    segment_burn_in = np.minimum(burn_in, first)
    first = first - segment_burn_in
    # 3. Assign each segment, longest first, to the shortest row.
    ties = np.zeros(len(piece)) if rng is None else rng.random(len(piece))
    order = np.lexsort((ties, first - end))
    row_of_segment = _shortest_rows((end - first)[order], rows)
    by_row = np.argsort(row_of_segment, kind="stable")
    bounds = np.searchsorted(row_of_segment[by_row], np.arange(rows + 1))
    # 4. Shuffle the segments of each row.
    result = []
    for row in range(rows):
        segments = order[by_row[bounds[row] : bounds[row + 1]]]
        if rng is not None:
            segments = rng.permutation(segments)
        offsets = np.concatenate([[0], np.cumsum(end[segments] - first[segments])])
        result.append(Row(piece[segments], first[segments], end[segments], segment_burn_in[segments], offsets))
    return result


def _shortest_rows(lengths: np.ndarray, rows: int) -> np.ndarray:
    """Return the row of each segment if each goes to the row that is the shortest so far."""
    heap = [(0, row) for row in range(rows)]
    result = np.zeros(len(lengths), np.int64)
    for number, length in enumerate(lengths.tolist()):
        position, row = heap[0]
        heapq.heapreplace(heap, (position + length, row))
        result[number] = row
    return result


def _segment_edges(positions: int, share: int, rng: np.random.Generator | None) -> np.ndarray:
    """Return the edges of the segments of a long piece; the first and the last one may be shorter than a share."""
    phase = share if rng is None else int(rng.integers(1, share + 1))
    return np.array([0, *range(phase, positions, share), positions], np.int64)
