from typing import Any

import pytest

from seqforge import Piece
from seqforge_midi.corpus_stats import MAX_LABELLED, CorpusStats, collect_stats
from seqforge_midi.song import Song, note_array

STATS = CorpusStats({0: (48, 72)}, (36, 38), 100, 120, (6, 8), label_rows=(({"key": "C"}, 2), ({"key": "G"}, 1)))


def test_json_restores_equal_statistics() -> None:
    assert CorpusStats.from_json(STATS.to_json()) == STATS


def test_labels_are_those_of_the_songs_and_of_a_uniform_sample_of_many() -> None:
    songs = [Song(note_array([(0, 480, pitch, 80, 0)])) for pitch in (60, 67)]
    pieces = [Piece(songs[number % 2], {"composer": "Lang"}) for number in range(7)]
    _, stats = collect_stats(pieces, ("polyphony",))
    assert stats.label_rows == (({"composer": "Lang", "polyphony": "1"}, 7),)
    assert collect_stats(pieces)[1].label_rows == ()
    many = [Piece(songs[0], {"number": str(number // 1000)}) for number in range(10 * MAX_LABELLED)]
    counts = collect_stats(many, ("polyphony",))[1].label_rows
    assert sum(count for _, count in counts) == MAX_LABELLED
    assert len(counts) == 10 and min(count for _, count in counts) > 50


@pytest.mark.parametrize(
    "damage",
    [
        {"time_signature": [4, 0]},
        {"time_signature": [0, 4]},
        {"bpm": 0},
        {"max_notes": -1},
        {"drum_pitches": [128]},
        {"ranges": {"0": [72, 48]}},
        {"ranges": {"-1": [48, 72]}},
    ],
)
def test_impossible_statistics_are_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        CorpusStats.from_json({**STATS.to_json(), **damage})
