"""Figures of four-part writing: parallels, leaps, crossing voices and doubled leading notes per 100 moves.

A move is a pair of consecutive chords of four sounding voices that differ, on quarter notes. The rules are those of
`voice_rules`; music21's `VoiceLeadingQuartet` finds the same parallels (`benchmarks/chorale_rules.py --check`).
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from seqforge_midi.song import DRUMS, Song
from seqforge_midi.voice_grid import REST, VOICES, VoiceGrid
from seqforge_midi.voice_rules import FIFTH, MAX_LEAP, OCTAVE

__all__ = ["Moves", "chorale_grids", "voice_leading"]

QUARTER = 4
"""The sixteenths of a quarter note."""
LEAST_SHARE = 0.5
"""The share of the quarter notes of a song in four parts at which four voices sound, at least."""


class Moves:
    """The moves of four voices, and which of them break a rule.

    >>> parallel = Moves(np.array([[67, 62, 60, 48], [69, 64, 62, 50]]))
    >>> parallel.count, int(parallel.fifths().sum()), int(parallel.octaves().sum())
    (1, 2, 1)

    Args:
        pitches: The pitches of the voices of each chord from soprano to bass, REST for none, shape (chords, 4).
    """

    def __init__(self, pitches: np.ndarray) -> None:
        before, after = pitches[:-1], pitches[1:]
        counts = (before != REST).all(1) & (after != REST).all(1) & (before != after).any(1)
        self.before, self.after = before[counts], after[counts]

    @property
    def count(self) -> int:
        """The number of moves."""
        return len(self.before)

    def fifths(self) -> np.ndarray:
        """Return the number of pairs of voices in parallel fifths of each move."""
        return self._parallels(FIFTH)

    def octaves(self) -> np.ndarray:
        """Return the number of pairs of voices in parallel octaves or unisons of each move."""
        return self._parallels(0)

    def _parallels(self, interval: int) -> np.ndarray:
        result = np.zeros(self.count, np.int64)
        moving = self.before != self.after
        for high, low in itertools.combinations(range(VOICES), 2):
            earlier = np.abs(self.before[:, high] - self.before[:, low]) % OCTAVE
            later = np.abs(self.after[:, high] - self.after[:, low]) % OCTAVE
            result += moving[:, high] & moving[:, low] & (earlier == interval) & (later == interval)
        return result

    def leaps(self) -> np.ndarray:
        """Return the number of voices of each move that leap over more than an octave."""
        leaps: np.ndarray = (np.abs(self.after - self.before) > MAX_LEAP).sum(1)
        return leaps

    def crossings(self) -> np.ndarray:
        """Return whether a voice of the second chord is above a higher voice."""
        crossings: np.ndarray = (np.diff(self.after, axis=1) > 0).any(1)
        return crossings

    def doubled(self, leading_note: int) -> np.ndarray:
        """Return whether more than one voice of the second chord has the leading note.

        Args:
            leading_note: The pitch class of the leading note.
        """
        doubled: np.ndarray = (self.after % OCTAVE == leading_note).sum(1) > 1
        return doubled


def chorale_grids(songs: Iterable[Song]) -> list[VoiceGrid]:
    """Return the voices of the songs in four parts; other songs are left out.

    A song is in four parts if it has no drums and no five notes sound at once, and if four notes sound on at least half
    of its quarter notes. Where one part plays several voices, these are its notes from high to low.
    """
    grids = []
    for song in songs:
        if (song.notes["program"] == DRUMS).any() or not len(song.notes):
            continue
        grid = VoiceGrid.from_song(song)
        if grid.lost_notes or (grid.pitches[::QUARTER] != REST).all(1).mean() < LEAST_SHARE:
            continue
        parts = np.unique(song.notes["program"].astype(np.int64) + 256 * song.notes["track"])
        if len(parts) < VOICES:
            grid = VoiceGrid(-np.sort(-grid.pitches, axis=1), grid.onsets, grid.time_signature, grid.pickup)
        grids.append(grid)
    return grids


def voice_leading(songs: Sequence[Song]) -> dict[str, float]:
    """Return figures of four-part writing of a collection; empty if none of the songs is in four parts."""
    faults, count = np.zeros(5), 0
    for grid in chorale_grids(songs):
        moves = Moves(grid.pitches[::QUARTER])
        leading_note = (grid.key().tonic - 1) % OCTAVE
        rows = (moves.fifths(), moves.octaves(), moves.leaps(), moves.crossings(), moves.doubled(leading_note))
        faults += [row.sum() for row in rows]
        count += moves.count
    if not count:
        return {}
    names = (
        "parallel fifths per 100 moves of four voices",
        "parallel octaves and unisons per 100 moves of four voices",
        "leaps over an octave per 100 moves of four voices",
        "moves to crossing voices, per cent",
        "moves to a doubled leading note, per cent",
    )
    return dict(zip(names, (100 * faults / count).tolist(), strict=True))
