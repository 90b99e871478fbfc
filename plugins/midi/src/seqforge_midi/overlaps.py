"""Notes of one track and pitch that overlap, and what is lost where they are resolved."""

from collections import Counter
from typing import NamedTuple

import numpy as np


class Resolved(NamedTuple):
    """Notes without overlaps of one pitch and track.

    Attributes:
        indices: The indices of the notes that remain.
        ends: The end of each of them.
    """

    indices: np.ndarray
    ends: np.ndarray


def resolve_overlaps(notes: np.ndarray) -> Resolved:
    """Return which notes remain, and their ends.

    Of notes of one pitch and track that start together the longest remains, the first one if several are equally long;
    a note that still sounds when the next one starts is shortened.

    >>> from seqforge_midi.song import note_array
    >>> notes = note_array([(0, 480, 60, 80, 0), (240, 600, 60, 80, 0), (240, 300, 60, 80, 0)])
    >>> [column.tolist() for column in resolve_overlaps(notes)]
    [[0, 1], [240, 600]]

    Args:
        notes: The notes, of NOTE_DTYPE.
    """
    order = np.lexsort((-notes["end"], notes["start"], notes["pitch"], notes["track"], notes["program"]))
    duplicate = np.append(False, _same(notes[order], "program", "track", "pitch", "start"))[: len(order)]
    order = order[~duplicate]
    remaining = notes[order]
    ends = remaining["end"].copy()
    clipped = np.minimum(ends[:-1], remaining["start"][1:])
    ends[:-1] = np.where(_same(remaining, "program", "track", "pitch"), clipped, ends[:-1])
    return Resolved(order, ends)


def count_overlaps(notes: np.ndarray, merged: np.ndarray, has_length: np.ndarray) -> Counter[str]:
    """Return in words how many notes are left out and shortened, within their tracks and where tracks are merged.

    Args:
        notes: The notes with their tracks, of NOTE_DTYPE.
        merged: The same notes with the tracks that an encoding has.
        has_length: Whether the length of a note matters; others are not counted as shortened.
    """
    out, short = _lost(notes)
    merged_out, merged_short = _lost(merged)
    short, merged_short = short & has_length, merged_short & has_length
    return +Counter({
        "notes left out that start with one of their pitch in their track": int(out.sum()),
        "notes shortened where their pitch starts again in their track": int(short.sum()),
        "notes left out that start with one of their pitch in a merged track": int((merged_out & ~out).sum()),
        "notes shortened where their pitch starts in a merged track": int((merged_short & ~short).sum()),
    })  # fmt: skip


def _lost(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each note whether it is left out, and whether it is shortened."""
    indices, ends = resolve_overlaps(notes)
    out, short = np.ones(len(notes), np.bool_), np.zeros(len(notes), np.bool_)
    out[indices] = False
    short[indices] = ends < notes["end"][indices]
    return out, short


def _same(notes: np.ndarray, *names: str) -> np.ndarray:
    """Return for each note but the first whether it has the values of the previous one in these fields."""
    same: np.ndarray = np.all([notes[name][1:] == notes[name][:-1] for name in names], axis=0)
    return same
