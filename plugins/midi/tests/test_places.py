"""The places of the tokens of songs, drums and chorales."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import Piece, Places
from seqforge.core.places import MARKER, REPEAT, AlignedHistory
from seqforge_midi import Midi, MidiOptions
from seqforge_midi.codec import MidiCodec
from seqforge_midi.key_estimate import Key
from seqforge_midi.places import LAST_BAR_WEIGHT, MAX_COUNT, STAGES

CORPORA = Path(seqforge_corpora.__file__).parent
SCORE = MidiCodec.fit([], MidiOptions(microtiming=5))
CHORALE = MidiCodec.fit([], MidiOptions(encoding="chorale"))
SCORE_STEPS = [
    SCORE.encoding.vocabulary.index[pair]
    for pair in [
        ("bar", None), ("position", 0), ("position", 4), ("microtiming", -1), ("pitch", 60), ("pitch", 64),
        ("drum", 36), ("velocity", 5), ("program", 3), ("tempo", 90), ("time_signature", (3, 4)),
    ]
]  # fmt: skip


def places_of(codec: MidiCodec) -> Places:
    places = codec.places()
    assert places is not None
    return places


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(SCORE_STEPS) | st.integers(0, SCORE.space.size - 1), max_size=60))
def test_score_places_of_a_whole_piece_are_those_of_its_prefixes(steps: list[int]) -> None:
    places = places_of(SCORE)
    np.testing.assert_array_equal(
        places.places(np.array(steps, np.int64)), Places.places(places, np.array(steps, np.int64))
    )


@given(st.lists(st.integers(120, 131), max_size=60))
def test_chorale_places_of_a_whole_piece_are_those_of_its_prefixes(steps: list[int]) -> None:
    places = places_of(CHORALE)
    np.testing.assert_array_equal(
        places.places(np.array(steps, np.int64)), Places.places(places, np.array(steps, np.int64))
    )


def test_notes_of_equal_rank_correspond_whatever_changes_before_them() -> None:
    index = SCORE.encoding.vocabulary.index
    first = [("bar", None), ("time_signature", (4, 4)), ("tempo", 120), ("position", 0), ("program", 0), ("pitch", 60),
             ("velocity", 3), ("duration", 4), ("pitch", 64), ("duration", 4)]  # fmt: skip
    second = [("bar", None), ("position", 0), ("pitch", 62), ("duration", 4), ("pitch", 65), ("duration", 4)]
    places = places_of(SCORE).places(np.array([index[pair] for pair in first + second])).tolist()
    before = dict(zip(first + second, places, strict=False))
    assert before["pitch", 62][0] == before["pitch", 64][0] + 1 == 2
    assert before["pitch", 65][1] == before["pitch", 64][1]
    assert before["position", 0] == [2, 0], "the place of the second bar's position is that after its bar line"
    assert before["pitch", 62][1] == ((0 + 1) * (MAX_COUNT + 1) + 0) * STAGES


@pytest.mark.parametrize(
    ("corpus", "options", "least"),
    [("lieder", MidiOptions(), 0.2), ("groove", MidiOptions(microtiming=1), 0.2),
     ("jsb", MidiOptions(encoding="chorale"), 0.2)],
)  # fmt: skip
def test_real_pieces_repeat_at_corresponding_places(corpus: str, options: MidiOptions, least: float) -> None:
    files = sorted((CORPORA / corpus).rglob("*.mid"))[:8]
    pieces = [item for path in files for item in Midi().read(path, options) if isinstance(item, Piece)]
    codec = MidiCodec.fit(pieces, options)
    equal = total = 0
    for piece in pieces:
        steps = codec.encode(piece).steps
        places = places_of(codec)
        np.testing.assert_array_equal(places.places(steps), Places.places(places, steps))
        references = AlignedHistory(places).references(steps)[:-1, : len(places.distances)]
        equal += int((references == steps.astype(np.int64)[:, None] + 1).any(1).sum())
        total += len(steps)
    assert equal > least * total


def test_repeated_bar_is_found_at_any_distance_whatever_is_written_beside_its_notes() -> None:
    index = SCORE.encoding.vocabulary.index
    chord = [("position", 0), ("pitch", 60), ("duration", 4), ("pitch", 64), ("duration", 5)]
    louder = [*chord[:3], ("program", 0), *chord[3:]]
    bars = [chord, *([("position", 4), ("pitch", 70 + number), ("duration", 4)] for number in range(6)), louder]
    steps = np.array([index[pair] for bar in bars for pair in [("bar", None), *bar]])
    history = AlignedHistory(places_of(SCORE), (REPEAT,))
    last, agreements = history.references(steps)[[-6, -5, -2, -1]].T
    assert (last[:-1] - 1).tolist() == [index[pair] for pair in (chord[1], chord[2], chord[4])]
    assert agreements.tolist() == [2, 2, 3, 3], "bar, position, pitch and duration are counted, and the program is not"


def test_bar_lines_of_voices_are_equal_whatever_number_of_bars_follows() -> None:
    codec = MidiCodec.fit([], MidiOptions(encoding="voices"))
    index = codec.encoding.vocabulary.index
    bar = [("pitch", 67), ("pitch", 62), ("pitch", 59), ("pitch", 43)]
    pairs = [("key", Key(7, False)), ("time_signature", (1, 4)), ("bar", 3), ("time", 4), *bar, ("bar", 2), *bar,
             ("bar", 1), *bar]  # fmt: skip
    steps = np.array([index[pair] for pair in pairs])
    levels = AlignedHistory(places_of(codec), (REPEAT,)).references(steps)[:, 1].tolist()
    assert levels[9:] == [0, 1, 2, 2, 3, 3, 3, 3, 4, 4]


def test_performances_have_no_places() -> None:
    assert MidiCodec.fit([], MidiOptions(encoding="performance")).places() is None


def test_the_last_bar_token_is_read_at_every_step() -> None:
    vocabulary = SCORE.encoding.vocabulary
    pairs = [("bar", "C"), ("position", 0), ("pitch", 60), ("duration", 4), ("bar", "Am"), ("position", 0)]
    steps = np.array([vocabulary.index[pair] for pair in pairs])
    history = AlignedHistory(places_of(SCORE))
    markers = history.references(steps)[:, history.distances.index(MARKER)]
    assert (markers - 1).tolist() == [-1, *[steps[0]] * 4, *[steps[4]] * 2]
    plain = places_of(MidiCodec.fit([], MidiOptions(bar_chords=False)))
    assert MARKER not in plain.distances and plain.markers is None
    last = [*steps[:4], vocabulary.index["bar", "C:last"], *steps[1:4]]
    weights = history.weights(np.array(last))
    assert weights is not None and weights.tolist() == [1.0] * 5 + [LAST_BAR_WEIGHT] * 4


def test_the_key_and_the_bars_that_follow_are_read_at_every_step() -> None:
    codec = MidiCodec.fit([], MidiOptions(encoding="voices"))
    vocabulary, history = codec.encoding.vocabulary, AlignedHistory(places_of(codec))
    pairs: list[tuple[str, Any]] = [
        ("key", Key.parse("Em")), ("time_signature", (4, 4)), ("bar", 2), ("time", 4), ("pitch", 71), ("hold", 64),
        ("bar", 1),
    ]  # fmt: skip
    steps = [vocabulary.index[pair] for pair in pairs]
    columns = [history.distances.index(MARKER), history.distances.index(MARKER - 1)]
    bars, keys = (history.references(np.array(steps))[:, columns] - 1).T.tolist()
    assert keys == [-1, *[steps[0]] * 7] and bars == [-1, -1, -1, *[steps[2]] * 4, steps[6]]
