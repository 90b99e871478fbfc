from typing import Any

import pytest

from seqforge_midi.corpus_stats import CorpusStats

STATS = CorpusStats({0: (48, 72)}, (36, 38), 100, 120, (6, 8))


def test_json_restores_equal_statistics() -> None:
    assert CorpusStats.from_json(STATS.to_json()) == STATS


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
