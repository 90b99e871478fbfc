"""Pitches as degrees of the scale of the key."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import UNSEEN, DecodeError, Example, Piece, Places
from seqforge_abc import Abc, AbcOptions, AbcRequest, tokens
from seqforge_abc.codec import AbcCodec
from seqforge_abc.music_parser import parse_music
from seqforge_abc.scale_degrees import DegreeConstraint, DegreeTable, degree_vocabulary, is_degree
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune import Tune
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.tune_table import TuneTable

NOTATION = (UNSEEN, *tokens.vocabulary(["jig", "reel"]))
VOCABULARY = degree_vocabulary(NOTATION)
TABLE = DegreeTable(NOTATION, VOCABULARY)
DEGREES, NAMES = (AbcCodec.fit([], AbcOptions(pitches=pitches)) for pitches in ("degrees", "names"))  # type: ignore[arg-type]
BOOK = Path(seqforge_corpora.__file__).parent / "cre" / "cre.abc"


def tune(music: str, key: str = "D") -> Tune:
    return parse_music(music, key=parse_key(key), meter=parse_meter("4/4"))


@pytest.fixture(scope="module")
def book() -> list[Piece[Tune]]:
    """Return some tunes of a bundled book."""
    return [item for item in list(Abc().read(BOOK, AbcOptions()))[::20] if isinstance(item, Piece)]


@pytest.mark.parametrize(
    ("key", "degrees"),
    [
        ("D", ["1", "2", "3", "5,", "1'"]),
        ("G", ["5,", "6,", "7,", "2,", "5"]),
        ("Dm", ["1", "2", "3", "5,", "1'"]),
        ("Bb", ["3,", "#4,", "#5,", "7,,", "3"]),
    ],
)
def test_degrees_compare_a_note_with_the_major_scale_on_the_tonic(key: str, degrees: list[str]) -> None:
    steps = DEGREES.encode(Piece(tune("=D=E^F=A,=d|]", key))).steps
    assert [token for step in steps if is_degree(token := DEGREES.vocabulary[step])] == degrees


def test_a_change_of_key_changes_the_degrees() -> None:
    piece = Piece(tune("D4 A4||[K:A]A4 E4|]"))
    names = [DEGREES.vocabulary[step] for step in DEGREES.encode(piece).steps]
    assert [name for name in names if is_degree(name)] == ["1", "5", "1", "5,"]
    assert DEGREES.decode(DEGREES.encode(piece)).content == NAMES.decode(NAMES.encode(piece)).content


def test_chord_symbols_are_degrees() -> None:
    piece = Piece(tune('"D"D4 "A7/C#"A4|]'))
    names = [DEGREES.vocabulary[step] for step in DEGREES.encode(piece).steps]
    assert [name for name in names if name[0] in '"~/'] == ['"1', '"5', "~7", "/7"]
    assert DEGREES.decode(DEGREES.encode(piece)).content == NAMES.decode(NAMES.encode(piece)).content


def test_transposed_tunes_differ_in_the_key_only(book: list[Piece[Tune]]) -> None:
    up = Piece(tune("A,2 E2 A2 c2|]", "A"))
    down = Piece(tune("G,2 D2 G2 B2|]", "G"))
    first, second = (DEGREES.encode(piece).steps for piece in (up, down))
    assert np.flatnonzero(first != second).tolist() == [3]


def test_both_encodings_of_a_book_have_the_same_tunes_and_places(book: list[Piece[Tune]]) -> None:
    degrees, names = (AbcCodec.fit(book, AbcOptions(pitches=pitches)) for pitches in ("degrees", "names"))  # type: ignore[arg-type]
    places = degrees.places()
    assert places is not None
    for piece in book:
        example, named = degrees.encode(piece), names.encode(piece)
        assert degrees.decode(example).content == names.decode(named).content
        assert degrees.units(example.steps).sum() == names.units(named.steps).sum()
        np.testing.assert_array_equal(places.places(example.steps), names.places().places(named.steps))  # type: ignore[union-attr]
        np.testing.assert_array_equal(places.places(example.steps), Places.places(places, example.steps))


def test_augmentation_transposes_as_with_note_names(book: list[Piece[Tune]]) -> None:
    degrees, names = (AbcCodec.fit(book, AbcOptions(pitches=pitches)) for pitches in ("degrees", "names"))  # type: ignore[arg-type]
    for seed, piece in enumerate(book):
        transposed = degrees.augment(degrees.encode(piece), np.random.default_rng(seed))
        expected = names.augment(names.encode(piece), np.random.default_rng(seed))
        assert degrees.decode(transposed).content == names.decode(expected).content


def test_every_pitch_and_root_has_a_degree_in_every_key() -> None:
    roots = [token for token in NOTATION if token[0] in '"/']
    for key in tokens.all_keys():
        names = [f"K:{key}", *tokens.PITCH_TOKENS, *roots]
        assert TABLE.to_names(TABLE.to_degrees(names)) == names
        steps = np.array([NOTATION.index(name) for name in names])
        np.testing.assert_array_equal(TABLE.names_of(TABLE.degrees_of(steps)), steps)


def test_a_degree_out_of_range_is_an_error() -> None:
    header = [VOCABULARY.index(name) for name in ("R:", "M:4/4", "L:1/8", "K:D")]
    present = set(TABLE.to_degrees(["K:D", *tokens.PITCH_TOKENS]))
    absent = next(name for name in VOCABULARY if is_degree(name) and name not in present)
    with pytest.raises(DecodeError):
        DEGREES.decode(Example(np.array([*header, DEGREES.index[absent]], DEGREES.space.dtype)))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_constraint_is_that_of_the_notation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    notation = TuneAutomaton(NOTATION)
    constraint = DegreeConstraint(TuneAutomaton(NOTATION), TABLE)
    state, expected, steps = constraint.start(), notation.start(), []
    for _ in range(60):
        mask = constraint.allowed(state)
        assert constraint.may_end(state) == notation.may_end(expected)
        assert constraint.to_end(state) == notation.to_end(expected)
        assert mask.sum() == notation.allowed(expected).sum()
        if not mask.any():
            break
        steps.append(int(rng.choice(np.flatnonzero(mask))))
        named = int(TABLE.names_of(np.array(steps))[-1])
        assert notation.allowed(expected)[named]
        state, expected = constraint.advance(state, steps[-1]), notation.advance(expected, named)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5)
def test_the_states_of_a_batch_are_numbers_in_all_keys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    constraint = DegreeConstraint(TuneTable(TuneAutomaton(NOTATION)), TABLE)
    numbers = constraint.state_numbers()
    assert numbers is not None
    states, rows = [constraint.start()] * 4, np.full(4, numbers.number(constraint.start()))
    masks: dict[int, bytes] = {}
    for _ in range(60):
        allowed = [constraint.allowed(state) for state in states]
        for key, mask in zip(numbers.mask_keys(rows).tolist(), allowed, strict=True):
            assert masks.setdefault(key, mask.tobytes()) == mask.tobytes()
        steps = [int(rng.choice(np.flatnonzero(mask))) if mask.any() else -1 for mask in allowed]
        going = [row for row, step in enumerate(steps) if step >= 0]
        states = [constraint.advance(states[row], steps[row]) for row in going]
        rows = numbers.advance(rows[going], np.array(steps, np.int64)[going])
        assert [numbers.state(number) for number in rows.tolist()] == states


@pytest.mark.parametrize("prompt", ["|:DED F2A|", "|:DED F2A|*|d2e f2g|"])
def test_the_steps_of_a_prompt_are_degrees(prompt: str) -> None:
    request = AbcRequest(prompt=prompt, key="D", meter="6/8", rhythm="jig")
    (degrees,), (names,) = (codec.task(request).prompts for codec in (DEGREES, NAMES))
    assert DEGREES.detokenise([DEGREES.vocabulary[step] for step in degrees.example.steps]) == NAMES.detokenise(
        [NAMES.vocabulary[step] for step in names.example.steps]
    )
    assert degrees.constraint is not None
    state = degrees.constraint.start()
    for step in degrees.example.steps:
        assert degrees.constraint.allowed(state)[step]
        state = degrees.constraint.advance(state, step)
