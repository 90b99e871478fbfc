from fractions import Fraction

from abc_tunes import MUSIC, NAMES, A, B, C, D, note, tune
from hypothesis import given, settings

from seqforge_abc.playback import played_notes, sounds, tempo_of
from seqforge_abc.theory import NO_METER, Meter, Pitch
from seqforge_abc.tune import BarLine, Element, Ending, Note, Tuplet


def played_letters(*elements: Element) -> str:
    return "".join(NAMES[played.note.pitches[0].letter] for played in played_notes(tune(*elements)))


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
