import contextlib
import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import DecodeError, Example, Piece, ReadError
from seqforge_abc import Abc, AbcCodec, AbcOptions, AbcRequest, Tune, characters, tokens
from seqforge_abc.canonical import canonicalize
from seqforge_abc.theory import Key, Meter, Pitch
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, ChordSymbol, Ending, Note, Tuplet, unit_note_length
from seqforge_abc.writer import tune_to_abc

PROPERTY = settings(max_examples=100, deadline=None)
BOOKS = Path(seqforge_corpora.__file__).parent

fractions = st.builds(Fraction, st.integers(1, 600), st.sampled_from([1, 2, 3, 4, 6, 8, 16, 32, 64, 128, 256, 7]))
any_pitch = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(0, 9))
chords = st.builds(
    ChordSymbol, st.integers(-12, 16), st.sampled_from([*tokens.CHORD_KINDS, "odd"]), st.none() | st.integers(-12, 16)
)
notes = st.builds(
    Note,
    st.lists(any_pitch, max_size=3).map(tuple),
    fractions,
    st.booleans(),
    st.lists(st.sampled_from(["trill", "roll", "0", "unknown"]), max_size=2).map(tuple),
    st.lists(any_pitch, max_size=2).map(tuple),
    st.none() | chords,
)
meters = st.builds(Meter, st.integers(1, 40), st.sampled_from([1, 2, 4, 8, 16, 32]))
any_key = st.builds(Key, st.integers(-9, 12), st.sampled_from(["ion", "dor", "aeo", "mix", "loc"]))
elements = st.one_of(
    notes,
    notes,
    notes,
    st.sampled_from([BarLine(kind) for kind in BAR_LINES]),
    st.sampled_from([Ending(number) for number in (*ENDINGS, "2,5", "9")]),
    st.builds(Tuplet, st.integers(2, 11), st.integers(1, 9), st.integers(1, 11)),
    meters,
    any_key,
)
tunes = st.builds(
    Tune,
    st.lists(elements, max_size=12).map(tuple),
    any_key,
    meters,
    st.sampled_from(["", "reel", "jig", "unknown rhythm"]),
    st.sampled_from(["", "The Title"]),
)


def codec(encoding: str = "tokens") -> AbcCodec:
    return AbcCodec.fit([], AbcOptions(encoding))  # type: ignore[arg-type]


CODEC = codec()


def bundled(book: str, stride: int = 1) -> list[Piece[Tune]]:
    items = list(Abc().read(BOOKS / book / f"{book}.abc", AbcOptions()))
    reasons = [item.reason for item in items if isinstance(item, ReadError)]
    assert all("bars that do not fill its meter" in reason for reason in reasons)
    return [item for item in items[::stride] if isinstance(item, Piece)]


@pytest.mark.parametrize(("book", "count"), [("cre", 1222), ("oneills1850", 1984), ("ryans", 1038)])
def test_tokens_of_every_bundled_tune_round_trip(book: str, count: int) -> None:
    pieces = bundled(book)
    assert len(pieces) == count
    for piece in pieces:
        example, canonical = CODEC.encode(piece), CODEC.canonical(piece).content
        assert CODEC.decode(example).content == canonical, piece.origin
        assert CODEC.units(example.steps).sum() == sum(
            (len(note.pitches) or 1) + len(note.grace_notes) for note in canonical.notes()
        )


@pytest.mark.parametrize("book", ["cre", "oneills1850", "ryans"])
def test_characters_of_bundled_tunes_round_trip(book: str) -> None:
    by_character = codec("char")
    for piece in bundled(book, stride=10):
        assert by_character.decode(by_character.encode(piece)).content == by_character.canonical(piece).content


@PROPERTY
@given(st.lists(st.integers(0, 10_000), min_size=5, max_size=80))
def test_what_the_automaton_of_characters_allows_is_a_tune(choices: list[int]) -> None:
    by_character = codec("char")
    automaton = by_character.task(AbcRequest()).prompts[0].constraint
    assert automaton is not None
    steps, state = [], automaton.start()
    for choice in choices:
        allowed = np.flatnonzero(automaton.allowed(state))
        steps.append(int(allowed[choice % len(allowed)]))
        state = automaton.advance(state, steps[-1])
    while automaton.to_end(state):
        nearer = [
            s
            for s in np.flatnonzero(automaton.allowed(state))
            if automaton.to_end(automaton.advance(state, s)) < automaton.to_end(state)
        ]
        step = nearer[0]
        steps.append(int(step))
        state = automaton.advance(state, step)
    tune = by_character.decode(Example(np.array(steps))).content
    assert tune.notes() and tune_to_abc(tune)


def test_lines_of_characters_that_are_no_music_are_left_out() -> None:
    header = ["R:jig", "M:6/8", "L:1/8", "K:D"]
    assert characters.decode_tune([*header, *"DEF|\nA0|\nGAB|"]) == characters.decode_tune([*header, *"DEF|\nGAB|"])
    assert characters.decode_tune([*header, *'"A']).elements == (Note((), Fraction(3, 4)),)
    with pytest.raises(DecodeError):
        characters.decode_tune(header[1:])


@PROPERTY
@given(tunes)
def test_any_tune_round_trips_to_its_canonical_form(tune: Tune) -> None:
    piece = Piece(tune)
    example = CODEC.encode(piece)
    assert (example.steps > 0).all(), "the vocabulary contains every token"
    canonical = CODEC.canonical(piece)
    assert CODEC.decode(example).content == canonical.content
    assert CODEC.canonical(canonical) == canonical
    assert not CODEC.encode(canonical).dropped


@PROPERTY
@given(tunes)
def test_a_tune_without_losses_is_unchanged(tune: Tune) -> None:
    canonical = CODEC.canonical(Piece(tune)).content
    losses = canonicalize(tune, CODEC.rhythms)[1]
    before = [element for element in tune.elements if not isinstance(element, BarLine)]
    after = [element for element in canonical.elements if not isinstance(element, BarLine)]
    if not losses:
        assert [dataclasses.replace(e, pitches=tuple(sorted(set(e.pitches), key=tokens.pitch_order)),
                                    decorations=tuple(sorted(set(e.decorations)))) if isinstance(e, Note)
                else e for e in before] == after  # fmt: skip


@PROPERTY
@given(st.lists(st.integers(0, CODEC.space.size - 1), max_size=60))
def test_random_steps_decode_or_raise_decode_error(steps: list[int]) -> None:
    with contextlib.suppress(DecodeError):
        CODEC.decode(Example(np.array(steps, CODEC.space.dtype)))


def test_state_restores_an_equal_codec() -> None:
    fitted = AbcCodec.fit([Piece(Tune((), rhythm="kolomyjka"))], AbcOptions())
    restored = AbcCodec.from_state(*fitted.state(), AbcOptions())
    assert restored.vocabulary == fitted.vocabulary and "kolomyjka" in restored.rhythms


def test_state_without_a_token_of_the_header_is_refused() -> None:
    data, arrays = CODEC.state()
    damaged = {**data, "vocabulary": ["S:" if token == "R:" else token for token in data["vocabulary"]]}
    with pytest.raises(ValueError, match="lacks R:"):
        AbcCodec.from_state(damaged, arrays, AbcOptions())


# -- transposition --------------------------------------------------------------------------


def test_augment_transposes_pitches_and_key_by_one_interval() -> None:
    rng = np.random.default_rng(0)
    transposed = 0
    for piece in bundled("cre", stride=20):
        example = CODEC.encode(piece)
        variant = CODEC.augment(example, rng)
        assert variant.steps.shape == example.steps.shape and (variant.steps > 0).all()
        before, after = CODEC.decode(example).content, CODEC.decode(variant).content
        intervals = {
            new.midi - old.midi
            for note, variant_note in zip(before.notes(), after.notes(), strict=True)
            for old, new in zip(
                note.pitches + note.grace_notes, variant_note.pitches + variant_note.grace_notes, strict=True
            )
        }
        assert len(intervals) == 1 and unit_note_length(before) == unit_note_length(after)
        assert (
            before.key.mode == after.key.mode and (after.key.tonic - before.key.tonic) * 7 % 12 == intervals.pop() % 12
        )  # type: ignore[operator]
        transposed += before != after
    assert transposed > 10
