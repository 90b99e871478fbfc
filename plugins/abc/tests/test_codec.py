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
from seqforge_abc import Abc, AbcCodec, Options, Tune, tokens
from seqforge_abc.keeping import kept
from seqforge_abc.theory import Key, Meter, Pitch, parse_key
from seqforge_abc.tune import BARS, ENDINGS, Bar, ChordSymbol, Ending, Note, Tuplet, unit_of

LAW = settings(max_examples=100, deadline=None)
BOOKS = Path(seqforge_corpora.__file__).parent

fractions = st.builds(Fraction, st.integers(1, 600), st.sampled_from([1, 2, 3, 4, 6, 8, 16, 32, 64, 128, 256, 7]))
any_pitch = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(0, 9))
chords = st.builds(
    ChordSymbol, st.integers(-12, 16), st.sampled_from([*tokens.KINDS, "odd"]), st.none() | st.integers(-12, 16)
)
notes = st.builds(
    Note,
    st.lists(any_pitch, max_size=3).map(tuple),
    fractions,
    st.booleans(),
    st.lists(st.sampled_from(["trill", "roll", "0", "nothing known"]), max_size=2).map(tuple),
    st.lists(any_pitch, max_size=2).map(tuple),
    st.none() | chords,
)
meters = st.builds(Meter, st.integers(1, 40), st.sampled_from([1, 2, 4, 8, 16, 32]))
any_key = st.builds(Key, st.integers(-9, 12), st.sampled_from(["ion", "dor", "aeo", "mix", "loc"]))
elements = st.one_of(
    notes,
    notes,
    notes,
    st.sampled_from([Bar(kind) for kind in BARS]),
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
    st.sampled_from(["", "reel", "jig", "waltz of nobody"]),
    st.sampled_from(["", "The Title"]),
)


def codec(encoding: str = "tokens") -> AbcCodec:
    return AbcCodec.fit([], Options(encoding))  # type: ignore[arg-type]


CODEC = codec()


def real(book: str, every: int = 1) -> list[Piece]:
    found = list(Abc().read(BOOKS / book / f"{book}.abc", Options()))
    assert not [item for item in found if isinstance(item, ReadError)]
    return [item for item in found[::every] if isinstance(item, Piece)]


@pytest.mark.parametrize(("book", "count"), [("cre", 1222), ("oneills1850", 1991), ("ryans", 1040)])
def test_every_bundled_tune_comes_back(book: str, count: int) -> None:
    pieces = real(book)
    assert len(pieces) == count
    for piece in pieces:
        example = CODEC.encode(piece)
        assert CODEC.decode(example).content == CODEC.canonical(piece).content, piece.origin
        assert CODEC.units(example.steps).sum() == sum(
            (len(note.pitches) or 1) + len(note.graces) for note in CODEC.canonical(piece).content.notes()
        )


@pytest.mark.parametrize("book", ["cre", "oneills1850", "ryans"])
def test_the_characters_of_a_bundled_tune_come_back(book: str) -> None:
    by_character = codec("char")
    for piece in real(book, every=10):
        assert by_character.decode(by_character.encode(piece)).content == by_character.canonical(piece).content


@LAW
@given(tunes)
def test_any_tune_comes_back_as_it_is_kept(tune: Tune) -> None:
    piece = Piece(tune)
    example = CODEC.encode(piece)
    assert (example.steps > 0).all(), "every token is known"
    canonical = CODEC.canonical(piece)
    assert CODEC.decode(example).content == canonical.content
    assert CODEC.canonical(canonical) == canonical
    assert not CODEC.unseen(canonical)


@LAW
@given(tunes)
def test_what_is_not_kept_is_told(tune: Tune) -> None:
    canonical = CODEC.canonical(Piece(tune)).content
    told = sum(kept(tune, CODEC.rhythms)[1].values())
    plain = [element for element in tune.music if not isinstance(element, Bar)]
    same = [element for element in canonical.music if not isinstance(element, Bar)]
    if not told:
        assert [dataclasses.replace(e, pitches=tuple(sorted(set(e.pitches), key=tokens.rising)),
                                    decorations=tuple(sorted(set(e.decorations)))) if isinstance(e, Note)
                else e for e in plain] == same  # fmt: skip


@LAW
@given(st.lists(st.integers(0, CODEC.space.size - 1), max_size=60))
def test_random_steps_are_a_tune_or_a_decode_error(steps: list[int]) -> None:
    with contextlib.suppress(DecodeError):
        CODEC.decode(Example(np.array(steps, CODEC.space.dtype)))


def test_a_codec_survives_its_json() -> None:
    fitted = AbcCodec.fit([Piece(Tune((), rhythm="kolomyjka"))], Options())
    again = AbcCodec.from_json(fitted.to_json(), {}, Options())
    assert again.vocabulary == fitted.vocabulary and "kolomyjka" in again.rhythms


# -- transposition --------------------------------------------------------------------------


def test_augmented_tunes_move_every_pitch_and_the_key_by_one_interval() -> None:
    rng = np.random.default_rng(0)
    moved = 0
    for piece in real("cre", every=20):
        example = CODEC.encode(piece)
        other = CODEC.augment(example, rng)
        assert other.steps.shape == example.steps.shape and (other.steps > 0).all()
        was, now = CODEC.decode(example).content, CODEC.decode(other).content
        intervals = {
            after.midi - before.midi
            for one, two in zip(was.notes(), now.notes(), strict=True)
            for before, after in zip(one.pitches + one.graces, two.pitches + two.graces, strict=True)
        }
        assert len(intervals) == 1 and unit_of(was) == unit_of(now)
        assert was.key.mode == now.key.mode and (now.key.tonic - was.key.tonic) * 7 % 12 == intervals.pop() % 12  # type: ignore[operator]
        moved += was != now
    assert moved > 10


def test_a_transposed_tune_spells_its_key() -> None:
    assert [str(Pitch(3, 1, 5).moved(fifths, steps)) for fifths, steps in ((1, 4), (-2, -1), (7, 0))] == [
        "^c'", "=e", "^^f",
    ]  # fmt: skip
    assert str(parse_key("Edor").moved(-3)) == "Gdor"  # type: ignore[union-attr]
