"""Figures of four-part writing."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import Piece
from seqforge_midi import Midi
from seqforge_midi.song import DRUMS, Song, note_array
from seqforge_midi.voice_grid import REST, VOICE_PROGRAMS
from seqforge_midi.voice_leading import Moves, chorale_grids, voice_leading
from seqforge_midi.voice_rules import FIFTH, are_parallel

CHORDS = st.lists(st.lists(st.integers(48, 72) | st.just(REST), min_size=4, max_size=4), min_size=1, max_size=6)
PARALLEL = [(72, 67, 64, 48), (74, 69, 65, 50), (74, 67, 59, 55)]
"""The second chord moves alto over bass in fifths and soprano over bass in octaves; the third one breaks no rule."""


def song(chords: Sequence[Sequence[int]], programs: Sequence[int] = VOICE_PROGRAMS) -> Song:
    """Return a song of chords in quarter notes."""
    rows = [
        (480 * beat, 480 * (beat + 1), pitch, 80, program)
        for beat, chord in enumerate(chords)
        for pitch, program in zip(chord, programs, strict=True)
    ]
    return Song.from_events(note_array(rows), length=480 * len(chords))


@given(CHORDS)
def test_parallels_are_those_of_the_rules(chords: list[list[int]]) -> None:
    moves = Moves(np.array(chords))
    counts = []
    for before, after in itertools.pairwise(chords):
        if before != after and REST not in before and REST not in after:
            pairs = list(itertools.combinations(range(4), 2))
            counts.append([
                sum(are_parallel((before[a], before[b]), (after[a], after[b]), interval) for a, b in pairs)
                for interval in (FIFTH, 0)
            ])  # fmt: skip
    assert np.stack([moves.fifths(), moves.octaves()], 1).tolist() == counts


def test_rows_count_faults_per_hundred_moves() -> None:
    rows = voice_leading([song([*PARALLEL, (55, 67, 60, 36), (71, 59, 71, 48)])])
    assert rows["parallel fifths per 100 moves of four voices"] == 50
    assert rows["parallel octaves and unisons per 100 moves of four voices"] == 50
    assert rows["leaps over an octave per 100 moves of four voices"] == 75
    assert rows["moves to crossing voices, per cent"] == 50
    assert rows["moves to a doubled leading note, per cent"] == 25


def test_notes_of_one_part_are_voices_from_high_to_low() -> None:
    crossed = [(67, 72, 64, 48), (72, 67, 60, 48)]
    grids = chorale_grids([song(crossed, programs=(0, 0, 0, 0))])
    assert grids[0].pitches[::4].tolist() == [[72, 67, 64, 48], [72, 67, 60, 48]]


@pytest.mark.parametrize(
    "other",
    [song([(72, 67, 64)], programs=(0, 1, 2)), song([(72, 67, 64, 36)], programs=(0, 0, 0, DRUMS)),
     song([(72, 67, 64, 60, 48)], programs=(0,) * 5), Song.from_events(note_array([]))],
    ids=["three voices", "drums", "five voices", "silence"],
)  # fmt: skip
def test_other_songs_are_not_counted(other: Song) -> None:
    assert voice_leading([other]) == {}
    assert voice_leading([other, song(PARALLEL)]) == voice_leading([song(PARALLEL)])


def test_chorales_are_measured_by_the_plugin() -> None:
    rows = Midi().measure([Piece(song(PARALLEL))])
    assert rows["parallel octaves and unisons per 100 moves of four voices"] == 50
    assert "distinct bars, per cent" in rows
