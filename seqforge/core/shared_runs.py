"""Runs that sequences share with a corpus or with each other, from a suffix array."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

__all__ = ["MAX_RUN", "mutual_runs", "shared_runs"]

MAX_RUN = 1 << 12
"""The longest run that is measured."""


def shared_runs(
    corpus: Iterable[Sequence[int] | np.ndarray], sequences: Iterable[Sequence[int] | np.ndarray]
) -> list[np.ndarray]:
    """Return, for each place in some sequences, the length of the longest run from there that occurs in a corpus.

    A run is a series of consecutive values. It never crosses the border between two sequences, and at most `MAX_RUN`
    values are measured. The time grows with n log n; a million values take a few seconds.

    >>> [runs.tolist() for runs in shared_runs([[1, 2, 3, 4], [5, 6]], [[9, 2, 3, 9], [4, 5, 6]])]
    [[0, 2, 1, 0], [1, 2, 1]]

    Source: prefix doubling: U. Manber and G. Myers, "Suffix Arrays: A New Method for On-Line String Searches", SIAM
    Journal on Computing 22(5), 1993, section 3.

    Args:
        corpus: The sequences of the corpus, integers.
        sequences: The sequences to compare with it, integers.
    """
    known = [np.asarray(values, np.int64) for values in corpus]
    queries = [np.asarray(values, np.int64) for values in sequences]
    text, starts = _joined([*known, *queries])
    if not len(text):
        return [np.zeros(0, np.int64) for _ in queries]
    border = starts[len(known)]
    levels = _ranks(text)
    # In the order of the suffixes, the longest common prefix is that with the nearest suffix of the corpus.
    order = np.argsort(levels[-1], kind="stable")
    in_corpus = order < border
    places = np.arange(len(order))
    before = np.maximum.accumulate(np.where(in_corpus, places, -1))
    after = np.minimum.accumulate(np.where(in_corpus, places, len(order))[::-1])[::-1]
    lengths = _neighbour_prefixes(levels, order, np.flatnonzero(~in_corpus), before, after)
    # Ranks reach beyond the end of a sequence as far as its separator, which occurs nowhere else.
    ends = starts[len(known) + 1 :] - 1
    return [lengths[first:end] for first, end in zip(starts[len(known) : -1], ends, strict=True)]


def mutual_runs(sequences: Iterable[Sequence[int] | np.ndarray]) -> list[np.ndarray]:
    """Return, for each place in some sequences, the length of the longest run from there that another one has.

    The limits and the cost are those of `shared_runs`.

    >>> [runs.tolist() for runs in mutual_runs([[1, 2, 3, 4], [9, 2, 3], [4, 5]])]
    [[0, 2, 1, 1], [0, 2, 1], [1, 0]]

    Args:
        sequences: The sequences, integers.
    """
    arrays = [np.asarray(values, np.int64) for values in sequences]
    text, starts = _joined(arrays)
    if not len(text):
        return []
    levels = _ranks(text)
    order = np.argsort(levels[-1], kind="stable")
    # The nearest suffixes of other sequences are those before and after the suffixes of the same one in a row.
    owners = np.searchsorted(starts, order, side="right")
    places = np.arange(len(order))
    changes = np.concatenate([[True], owners[1:] != owners[:-1]])
    before = np.maximum.accumulate(np.where(changes, places, 0)) - 1
    ends = np.concatenate([changes[1:], [True]])
    after = np.minimum.accumulate(np.where(ends, places, len(order))[::-1])[::-1] + 1
    lengths = _neighbour_prefixes(levels, order, places, before, after)
    return [lengths[first : end - 1] for first, end in pairwise(starts)]


def _neighbour_prefixes(
    levels: Sequence[np.ndarray], order: np.ndarray, rows: np.ndarray, before: np.ndarray, after: np.ndarray
) -> np.ndarray:
    """Return, for each place, the longest common prefix of its suffix and two other ones; 0 for places not in rows.

    Args:
        levels: The ranks of runs.
        order: The places in the order of their suffixes.
        rows: The rows of `order` of the places.
        before: The row of the first other suffix for each row of `order`; outside of `order` for none.
        after: The row of the second other suffix, in the same way.
    """
    lengths = np.zeros(len(order), np.int64)
    for neighbours in (before[rows], after[rows]):
        valid = (neighbours >= 0) & (neighbours < len(order))
        left, right = order[rows[valid]], order[neighbours[valid]]
        np.maximum.at(lengths, left, _common_prefixes(levels, left, right))
    return lengths


def _joined(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the sequences one after the other, each followed by a separator that occurs once, and their starts."""
    starts = np.concatenate([[0], np.cumsum([len(values) + 1 for values in sequences])]).astype(np.int64)
    if not sequences:
        return np.zeros(0, np.int64), starts
    values = np.concatenate([part for sequence in sequences for part in (sequence, np.zeros(1, np.int64))])
    separators = starts[1:] - 1
    is_value = np.ones(len(values), np.bool_)
    is_value[separators] = False
    text = np.empty(len(values), np.int64)
    text[is_value] = np.unique(values[is_value], return_inverse=True)[1] + len(sequences)
    text[separators] = np.arange(len(sequences))
    return text, starts


def _ranks(text: np.ndarray) -> list[np.ndarray]:
    """Return, for each power of two, the rank of the run of that length at each place; equal runs have equal ranks."""
    levels, length = [text.astype(np.int32)], 1
    while 2 * length <= MAX_RUN and len(np.unique(levels[-1])) < len(text):
        ranks = levels[-1].astype(np.int64)
        second = np.full(len(text), -1, np.int64)
        second[:-length] = ranks[length:]
        pairs = (ranks + 1) * (len(text) + int(text.max()) + 2) + second
        levels.append(np.unique(pairs, return_inverse=True)[1].astype(np.int32))
        length *= 2
    return levels


def _common_prefixes(levels: Sequence[np.ndarray], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the length of the longest common prefix of the suffixes at two places."""
    size = len(levels[0])
    left, right, lengths = left.copy(), right.copy(), np.zeros(len(left), np.int64)
    for level in range(len(levels) - 1, -1, -1):
        inside = (left < size) & (right < size)
        same = np.zeros(len(left), np.bool_)
        same[inside] = levels[level][left[inside]] == levels[level][right[inside]]
        for values in (left, right, lengths):
            values[same] += 1 << level
    return lengths
