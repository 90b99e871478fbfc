"""Figures of the structure of songs."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from seqforge import Piece
from seqforge_midi import Midi
from seqforge_midi.key import KEYS, Key
from seqforge_midi.song import DRUMS, NOTE_DTYPE, Song
from seqforge_midi.structure import bar_contents, beat_harmonies, similarity_matrix, structure


def song(*bars: Sequence[tuple[int, int]], program: int = 0) -> Song:
    """Return a song in 4/4 of quarter notes, from the beat and pitch of each note of each bar."""
    rows = [
        (480 * (4 * bar + beat), 480 * (4 * bar + beat + 1), pitch, 80, program, 0)
        for bar, notes in enumerate(bars)
        for beat, pitch in notes
    ]
    return Song.from_events(np.array(rows, NOTE_DTYPE), length=1920 * len(bars))


UP, DOWN = [(beat, 60 + beat) for beat in range(4)], [(beat, 67 - beat) for beat in range(4)]


def test_returning_bars_are_counted_by_distance_and_empty_bars_apart() -> None:
    rows = structure([song(UP, DOWN, UP, [], UP)])
    assert rows["bars equal to the bar 2 before, per cent"] == 100
    assert rows["bars equal to the bar 1 before, per cent"] == 0
    assert rows["empty bars, per cent"] == 20 and rows["distinct bars, per cent"] == 50


def test_nearly_equal_bars_are_similar() -> None:
    long = [(beat, pitch) for beat in range(4) for pitch in (60, 64)]
    rows = structure([song(long, long[:-1])])
    assert rows["bars similar to the bar 1 before, per cent"] == 100
    assert rows["bars equal to the bar 1 before, per cent"] == 0


def test_small_delays_do_not_count() -> None:
    notes = song(UP, UP).notes.copy()
    notes["start"][4:] += 15
    assert len(set(bar_contents(Song.from_events(notes)))) == 1


@pytest.mark.parametrize("key", KEYS)
def test_the_root_of_the_last_chord(key: Key) -> None:
    root, third, fifth = (48 + (pitch - key.tonic) % 12 + key.tonic for pitch in key.tonic_triad)
    row = "last chord is a triad with the root in the bass, per cent"
    for pitches, expected in (((root, third, fifth), 100), ((third, fifth, root + 12), 0), ((root, fifth), 0)):
        assert structure([song([(beat, pitch) for beat in range(4) for pitch in pitches])])[row] == expected


def test_chords_and_basses() -> None:
    tonic = [(beat, pitch) for beat in range(4) for pitch in (48, 64, 67)]
    dominant = [(beat, pitch) for beat in range(4) for pitch in (43, 59, 62)]
    rows = structure([song(tonic, dominant, tonic)])
    assert rows["last chord is a triad with the root in the bass, per cent"] == 100
    assert rows["bass moves by a fourth or fifth, per cent"] == 100
    assert rows["beats with a triad, per cent"] == 100 and rows["notes outside the key, per cent"] == 0
    assert [bass for _, bass in beat_harmonies(song(tonic, dominant))] == [48] * 4 + [43] * 4


def test_drums_have_no_harmony() -> None:
    rows = structure([song(UP, UP, program=DRUMS)])
    assert math.isnan(rows["notes outside the key, per cent"])
    assert rows["bars equal to the bar 1 before, per cent"] == 100


def test_similarity_is_symmetric() -> None:
    matrix = similarity_matrix(song(UP, DOWN, UP))
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix[0, 2] == 1 and 0 <= matrix[0, 1] < 1
    assert Midi().similarity(Piece(song(UP))).shape == (1, 1)
