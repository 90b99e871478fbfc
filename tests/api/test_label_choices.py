"""Labels that are drawn for each piece from rows that the codec gives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge.api.piece_conditions import PieceConditions

ROWS: Sequence[Mapping[str, str]] = [{"key": "D", "rhythm": "jig"}] * 3 + [{"key": "G", "rhythm": "reel"}, {"key": "D"}]


def drawn(labels: Mapping[str, str], pieces: int = 4000, seed: int = 0, **options: Any) -> Counter[tuple[Any, ...]]:
    conditions = PieceConditions(options.get("features"), ROWS, labels, seed=seed)
    return Counter(tuple(sorted(conditions.labels(conditions.number(k)).items())) for k in range(pieces))


def test_rows_are_drawn_as_often_as_they_occur() -> None:
    counts = drawn({})
    expected = {
        (("key", "D"), ("rhythm", "jig")): 3 / 5,
        (("key", "G"), ("rhythm", "reel")): 1 / 5,
        (("key", "D"),): 1 / 5,
    }
    assert counts.keys() == expected.keys()
    for row, share in expected.items():
        assert abs(counts[row] / 4000 - share) < 5 * np.sqrt(share * (1 - share) / 4000)
    assert drawn({}, seed=0) == counts != drawn({}, seed=1)


def test_labels_that_are_set_select_the_rows_and_are_not_drawn() -> None:
    assert drawn({"rhythm": "reel"}).keys() == {(("key", "G"),)}
    assert drawn({"key": "D"}).keys() == {(("rhythm", "jig"),), ()}
    assert drawn({"key": "A"}).keys() == {()}


def test_pieces_keep_their_rows_of_features() -> None:
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    conditions = PieceConditions(features, ROWS, {}, seed=4)
    for k in range(50):
        np.testing.assert_array_equal(conditions.features(conditions.number(k)), features[k % 3])
    alone = PieceConditions(None, ROWS, {}, seed=4)
    assert [alone.labels(alone.number(k)) for k in range(50)] == [
        conditions.labels(conditions.number(k)) for k in range(50)
    ]


def test_songs_have_the_labels_of_training_songs_and_pieces_do_not_depend_on_their_number() -> None:
    model = seqforge.load("songs")
    choices = [dict(row) for row in model.codec.stats.label_choices]
    pieces = model.generate(5, seed=3, bars=1)
    assert all(piece.labels in choices for piece in pieces)
    assert len({tuple(piece.labels.items()) for piece in pieces}) > 1
    again = model.generate(3, seed=3, bars=1)
    assert [piece.content for piece in again] == [piece.content for piece in pieces[:3]]
    assert [piece.labels for piece in again] == [piece.labels for piece in pieces[:3]]


@pytest.mark.parametrize("options", [{"labels": {"composer": "Brahms"}}, {"key": "Gm"}, {"beams": 3, "max_steps": 40}])
def test_labels_of_a_request_hold_for_all_pieces(options: dict[str, Any]) -> None:
    pieces = seqforge.load("songs").generate(3, seed=1, bars=1, **options)
    expected = {**options.get("labels", {}), **({"key": "Gm"} if "key" in options else {})}
    for piece in pieces:
        assert expected.items() <= piece.labels.items()
        assert ("density" in piece.labels) == ("beams" not in options)
