"""The places of tokens: bars and offsets, as a musician counts them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import Piece, Places
from seqforge.core.places import AlignedHistory
from seqforge_abc import Abc, AbcCodec, AbcOptions, tokens
from seqforge_abc.history import MAX_COUNT, TICKS, TunePlaces
from seqforge_abc.music_parser import parse_music
from seqforge_abc.theory import parse_key, parse_meter

VOCABULARY = tokens.vocabulary(["jig"])
PLACES = TunePlaces(VOCABULARY)
FREQUENT = [
    VOCABULARY.index(token)
    for token in ("=D", "^F", "z", "*3", "*1/2", "[", "]", "{", "}", "-", "(3:2:3", "|", "|1", "|2", "|:", ":|", "::",
                  "||", "|]", "[1", "[2", "M:6/8", "M:3/4", "L:1/16", "K:G", '"D', "~m", "!trill!")
]  # fmt: skip
STEPS = st.lists(st.sampled_from(FREQUENT) | st.integers(0, len(VOCABULARY) - 1), max_size=50)


def encoded(music: str, meter: str) -> list[str]:
    codec = AbcCodec.fit([], AbcOptions(pitches="names"))
    tune = parse_music(music, key=parse_key("D"), meter=parse_meter(meter))
    return [codec.vocabulary[step] for step in codec.encode(Piece(tune)).steps]


def bars_and_offsets(names: Sequence[str], *, unit: int = 8) -> list[tuple[str, int, float]]:
    """Return each pitch with its bar and its offset, in eighths."""
    steps = np.array([VOCABULARY.index(name) for name in names])
    result = []
    for name, (bar, offset) in zip(names, PLACES.places(steps).tolist(), strict=False):
        if name in tokens.PITCH_TOKENS:
            result.append((name[1:], bar, offset // (MAX_COUNT + 1) * unit / TICKS))
    return result


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_places_of_a_whole_piece_are_those_of_its_prefixes(steps: list[int]) -> None:
    array = np.array([*range(4), *steps], np.int64)
    np.testing.assert_array_equal(PLACES.places(array), Places.places(PLACES, array))
    np.testing.assert_array_equal(PLACES.places(array[4:]), Places.places(PLACES, array[4:]))


def test_places_of_a_whole_book_are_those_of_its_prefixes() -> None:
    path = next(Path(seqforge_corpora.__file__).parent.rglob("*.abc"))
    pieces = [item for item in Abc().read(path, AbcOptions()) if isinstance(item, Piece)][:60]
    codec = AbcCodec.fit(pieces, AbcOptions(pitches="names"))
    places = codec.places()
    assert places is not None
    for piece in pieces:
        steps = codec.encode(piece).steps
        np.testing.assert_array_equal(places.places(steps), Places.places(places, steps))


def test_header_has_no_place_and_the_end_has_one() -> None:
    places = PLACES.places(np.array([VOCABULARY.index(name) for name in encoded("D8|]", "C")]))
    assert (places[:4] == -1).all() and places[-1].tolist() == [1, 0]


def test_offsets_count_lengths_tuplets_chords_and_grace_notes() -> None:
    names = encoded("D2 (3EFG {A}B [Ac]3|d/2e/2 f3 z a3|]", "C")
    notes = bars_and_offsets(names)
    assert notes[:4] == [("D", 0, 0.0), ("E", 0, 2.0), ("F", 0, pytest.approx(8 / 3)), ("G", 0, pytest.approx(10 / 3))]
    assert notes[4:8] == [("A", 0, 4.0), ("B", 0, 4.0), ("A", 0, 5.0), ("c", 0, 5.0)]
    assert notes[8:] == [("d", 1, 0.0), ("e", 1, 0.5), ("f", 1, 1.0), ("a", 1, 5.0)]


def first_notes(names: Sequence[str]) -> list[tuple[str, int]]:
    """Return the pitches that begin a bar, with the bar."""
    return [(name, bar) for name, bar, offset in bars_and_offsets(names) if offset == 0]


@pytest.mark.parametrize(
    ("music", "meter", "expected"),
    [
        ("D8|E8|F8|G8|]", "C", [("D", 0), ("E", 1), ("F", 2), ("G", 3)]),
        ("A2|D8|E8|F6:|A2|d8|e8|f6|]", "C", [("A", 0), ("D", 0), ("E", 1), ("F", 2), ("d", 3), ("e", 4), ("f", 5)]),
        ("A2|:D8|E6:|A2|:d8|e6:|", "C", [("A", 0), ("D", 0), ("E", 1), ("d", 2), ("e", 3)]),
        ("D8|E8:|d8|e8|]", "C", [("D", 0), ("E", 1), ("d", 2), ("e", 3)]),
        ("|:D8|E4:|e4|F8|G8|]", "C", [("D", 0), ("E", 1), ("F", 2), ("G", 3)]),
        ("|:D8|[1E8:|[2F8|]", "C", [("D", 0), ("E", 1), ("F", 1)]),
        ("A2|:D8|[1E6A2:|[2F6|]", "C", [("A", 0), ("D", 0), ("E", 1), ("F", 1)]),
        ("|:D8|[1E6:|[2F8||G8|]", "C", [("D", 0), ("E", 1), ("F", 1), ("G", 2)]),
        ("D8|[M:3/4]E6|F6|]", "C", [("D", 0), ("E", 1), ("F", 2)]),
        ("D3E3|F6||G6|A6|]", "6/8", [("D", 0), ("F", 1), ("G", 2), ("A", 3)]),
    ],
    ids=[
        "plain", "upbeats", "upbeat before a repeat", "repeat of full bars", "divided bar", "endings",
        "endings with upbeat", "short first ending", "change of meter", "sections",
    ],
)  # fmt: skip
def test_bars_are_counted_through_the_tune(music: str, meter: str, expected: list[tuple[str, int]]) -> None:
    names = encoded(music, meter)
    assert first_notes(names) == expected, (names, bars_and_offsets(names))


def test_second_section_refers_to_the_first_one() -> None:
    names = encoded("A2|:DEFG ABcd|e2c2 A2F2|GFED D4|D8|d2f2 a2f2|e2c2 A2c2|B2G2 E2G2|D6:|", "C")
    steps = np.array([VOCABULARY.index(name) for name in names])
    indices = AlignedHistory(PLACES, (4,)).indices(steps)[:-1, 0]
    pairs = [(names[at], names[index]) for at, index in enumerate(indices.tolist()) if index >= 0]
    assert ("^c", "^c") in pairs and ("|6", "|2") in pairs and ("^f", "=F") not in pairs
    assert len(pairs) > 15


def test_a_passage_returns_at_any_distance_whatever_the_numbers_of_its_bars() -> None:
    names = encoded("|:D2E2F2G2|A2B2c2d2|e8:||:f8|D2E2F2G2|A2B2c2d2|g8:|", "C")
    steps = np.array([VOCABULARY.index(name) for name in names])
    history = AlignedHistory(PLACES)
    assert history.distances == (1, 2, 4, 8, 0)
    repeated = history.indices(steps)[: len(steps), -1]
    (first, again) = (index for index, name in enumerate(names) if name.startswith("=A"))
    assert names[first - 1] != names[again - 1]  # the numbers of the bar lines
    passage = names[first:].index("=d")
    np.testing.assert_array_equal(repeated[again : again + passage], np.arange(first, first + passage))


def test_characters_have_no_places() -> None:
    assert AbcCodec.fit([], AbcOptions(encoding="char")).places() is None
