"""Which rows of which piece each lane reads in an epoch: whole pieces are dealt to lanes, long ones are cut."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lane:
    """What one lane reads in an epoch: stretches of pieces, one after the other.

    A piece of n steps has n + 1 rows; row r reads step r - 1 and predicts step r, the last predicts the
    end. A stretch begins with a reset. One that does not begin its piece leads in with rows that do not
    count, at least the one on which the reset falls.

    Attributes:
        piece: of each stretch.
        first: its first row within the piece.
        end: the row after its last.
        lead: how many of its first rows do not count.
        at: where in the lane each stretch begins, and last the lane's length; shape (stretches + 1,).
    """

    piece: np.ndarray
    first: np.ndarray
    end: np.ndarray
    lead: np.ndarray
    at: np.ndarray


def deal(
    lengths: np.ndarray, lanes: int, *, lead: int = 1, cut: bool = True, rng: np.random.Generator | None
) -> list[Lane]:
    """Deal pieces to lanes so that all lanes are about equally long.

    A piece longer than a lane's share of all rows is cut into stretches of that share, at places that
    differ from epoch to epoch; nothing else is cut. Then the stretches, sorted by length, are dealt to
    and fro, and each lane's are shuffled.

    Args:
        lengths: steps of each piece, shape (pieces,).
        lanes: how many lanes.
        lead: rows to lead in with where a stretch does not begin its piece.
        cut: whether long pieces are cut.
        rng: shuffles; None keeps an order that depends on the lengths alone.
    """
    rows = lengths + 1
    share = max(2, -(-int(rows.sum()) // lanes))
    piece, first, end = (np.arange(len(rows)), np.zeros(len(rows), np.int64), rows)
    if cut and (rows > share).any():
        whole = rows <= share
        parts = [_cut(int(rows[p]), share, rng) for p in np.flatnonzero(~whole)]
        counts = [len(edges) - 1 for edges in parts]
        piece = np.concatenate([np.flatnonzero(whole), np.repeat(np.flatnonzero(~whole), counts)])
        first = np.concatenate([np.zeros(whole.sum(), np.int64), *[edges[:-1] for edges in parts]])
        end = np.concatenate([rows[whole], *[edges[1:] for edges in parts]])
    lead_rows = np.minimum(lead, first)
    first = first - lead_rows
    ties = np.zeros(len(piece)) if rng is None else rng.random(len(piece))
    order = np.lexsort((ties, first - end))
    turn, place = np.divmod(np.arange(len(order)), lanes)
    owner = np.where(turn % 2 == 0, place, lanes - 1 - place)
    dealt = []
    by_owner = np.argsort(owner, kind="stable")
    edges = np.searchsorted(owner[by_owner], np.arange(lanes + 1))
    for lane in range(lanes):
        mine = order[by_owner[edges[lane] : edges[lane + 1]]]
        if rng is not None:
            mine = rng.permutation(mine)
        at = np.concatenate([[0], np.cumsum(end[mine] - first[mine])])
        dealt.append(Lane(piece[mine], first[mine], end[mine], lead_rows[mine], at))
    return dealt


def _cut(rows: int, share: int, rng: np.random.Generator | None) -> np.ndarray:
    """Return the edges of the stretches of one long piece: the first and last may be shorter than a share."""
    phase = share if rng is None else int(rng.integers(1, share + 1))
    return np.array([0, *range(phase, rows, share), rows], np.int64)
