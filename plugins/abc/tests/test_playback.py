from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge_abc.playback import played_notes, sounds, tempo_of
from seqforge_abc.theory import NO_METER, Key, Meter, Pitch
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, ChordSymbol, Element, Ending, Note, Tune, Tuplet

REEL, JIG = Meter(4, 4), Meter(6, 8)
QUARTER = Fraction(1, 4)
NAMES = "CDEFGAB"


def note(name: str, quarters: int | Fraction = 1, **fields: Any) -> Note:
    return Note((Pitch(NAMES.index(name), 0, 4),), QUARTER * quarters, **fields)


def tune(*elements: Element, meter: Meter = REEL, rhythm: str = "", title: str = "") -> Tune:
    return Tune(elements, Key(0), meter, rhythm, title)


def played_letters(*elements: Element) -> str:
    return "".join(NAMES[played.note.pitches[0].letter] for played in played_notes(tune(*elements)))


A, B, C, D, E, F, G = (note(name) for name in "ABCDEFG")

PITCHES = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(1, 7))
NOTES = st.builds(
    Note,
    st.lists(PITCHES, max_size=3, unique=True).map(tuple),
    st.builds(Fraction, st.integers(1, 40), st.sampled_from([4, 8, 32, 128])),
    st.booleans(),
    st.lists(st.sampled_from(["roll", "staccato", "accent"]), max_size=2, unique=True).map(tuple),
    st.lists(PITCHES, max_size=3).map(tuple),
    st.none()
    | st.builds(ChordSymbol, st.integers(-8, 12), st.sampled_from(["", "m7", "odd"]), st.none() | st.just(-8)),
)
ELEMENTS = st.one_of(
    NOTES,
    NOTES,
    st.sampled_from(BAR_LINES).map(BarLine),
    st.sampled_from(ENDINGS).map(Ending),
    st.sampled_from([Tuplet(3, 2, 3), Tuplet(9, 8, 9), Tuplet(5, 4, 5)]),
    st.sampled_from([Key(-7), Key(12, "loc"), Key(None), Key(10, "aeo")]),
    st.sampled_from([REEL, JIG, NO_METER, Meter(24, 16)]),
)
MUSIC = st.lists(ELEMENTS, max_size=50)


def test_a_repeat_is_played_twice_with_its_endings() -> None:
    music = (
        BarLine("|:"),
        A,
        BarLine("|"),
        Ending("1"),
        B,
        BarLine(":|"),
        Ending("2"),
        C,
        BarLine("||"),
        D,
        BarLine("|]"),
    )
    assert played_letters(*music) == "ABACD"


def test_a_repeat_without_opening_sign_goes_back_to_the_last_section_end() -> None:
    assert played_letters(A, BarLine("|"), B, BarLine(":|"), C, BarLine("|"), D, BarLine(":|")) == "ABABCDCD"
    assert played_letters(A, BarLine("||"), B, BarLine(":|")) == "ABB"
    assert played_letters(BarLine("|:"), A, BarLine("||"), B, BarLine(":|")) == "ABAB"
    assert played_letters(A, BarLine("::"), B, BarLine(":|"), C) == "AABBC"


def test_the_highest_ending_sets_the_number_of_passes() -> None:
    assert (
        played_letters(BarLine("|:"), A, Ending("1,3"), B, BarLine(":|"), Ending("2"), C, BarLine(":|"), D) == "ABACABD"
    )
    assert played_letters(BarLine("|:"), A, Ending("1,2"), B, BarLine(":|"), Ending("3"), C, BarLine("|]")) == "ABABAC"


def test_a_missing_repeat_sign_before_a_second_ending_is_inferred() -> None:
    assert played_letters(A, BarLine("|"), Ending("1"), B, BarLine("|"), Ending("2"), C, BarLine("|]")) == "ABAC"


def test_endings_belong_to_their_section() -> None:
    part = (A, Ending("1"), B, BarLine(":|"), Ending("2"), C, BarLine(":|"))
    assert played_letters(BarLine("|:"), *part, BarLine("|:"), *part) == "ABACABAC"


def test_a_tuplet_scales_its_notes_only() -> None:
    assert [played.note.duration * 4 for played in played_notes(tune(Tuplet(3, 2, 3), A, B, C, D))] == [
        Fraction(2, 3)
    ] * 3 + [1]


@given(MUSIC)
@settings(deadline=None)
def test_playback_of_any_music_is_finite(music: list[Element]) -> None:
    assert len(played_notes(tune(*music))) <= 8 * sum(isinstance(element, Note) for element in music)


@given(MUSIC)
@settings(deadline=None)
def test_every_sound_has_a_positive_length(music: list[Element]) -> None:
    result = sounds(played_notes(tune(*music)))
    assert all(0 <= sound.start < sound.end and 0 <= sound.pitch <= 127 for sound in result)


def test_tied_notes_are_one_sound_and_grace_notes_shorten_the_next_note() -> None:
    with_grace_note = note("E", grace_notes=(Pitch(3, 0, 4),))
    result = sounds(played_notes(tune(note("C", tied=True), note("C", 2), with_grace_note)))
    assert [(sound.pitch, sound.start * 4) for sound in result[:2]] == [(60, 0), (65, 3)]
    assert 2 < result[0].end * 4 < 3
    assert result[1].end == result[2].start < result[2].end < Fraction(4, 4)


def test_tempo_depends_on_rhythm_and_meter() -> None:
    assert tempo_of(tune(rhythm="reel")) == (Fraction(1, 2), 96)
    assert tempo_of(tune(rhythm="reel", meter=Meter(2, 4))) == (Fraction(1, 4), 96)
    assert tempo_of(tune(rhythm="slip jig", meter=Meter(9, 8)))[0] == Fraction(3, 8)
    assert tempo_of(tune(rhythm="waltz", meter=Meter(3, 4)))[0] == Fraction(1, 4)
    assert tempo_of(tune(meter=NO_METER))[0] == Fraction(1, 4)
