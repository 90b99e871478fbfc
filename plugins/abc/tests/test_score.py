from fractions import Fraction
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from seqforge_abc.export import musicxml
from seqforge_abc.score import to_music21
from seqforge_abc.signs import CHORDS, parts
from seqforge_abc.theory import Key, Meter, Pitch, parse_key
from seqforge_abc.tokens import KINDS
from seqforge_abc.tune import BARS, ENDINGS, Bar, ChordSymbol, Ending, Music, Note, Tune, Tuplet

music21 = pytest.importorskip("music21")

EIGHTH = Fraction(1, 8)
REEL, JIG = Meter(4, 4), Meter(6, 8)
A, D5, CIS5, FIS5 = Pitch(5, 0, 4), Pitch(1, 0, 5), Pitch(0, 1, 5), Pitch(3, 1, 5)

PITCHES = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(3, 6))
LENGTHS = st.builds(Fraction, st.integers(1, 40), st.sampled_from([4, 8, 16, 32, 128]))
NOTES = st.builds(
    Note,
    st.lists(PITCHES, max_size=3, unique_by=lambda pitch: pitch.midi).map(
        lambda found: tuple(sorted(found, key=lambda pitch: pitch.midi))
    ),
    LENGTHS,
    st.booleans(),
    st.lists(
        st.sampled_from(["roll", "staccato", "fermata", "3", "segno", "mf", "D.C.", "odd"]), max_size=2, unique=True
    ).map(tuple),
    st.lists(PITCHES, max_size=2).map(tuple),
    st.none() | st.builds(ChordSymbol, st.integers(-5, 8), st.sampled_from(KINDS), st.none() | st.just(-2)),
)
METERS = st.sampled_from([REEL, JIG, Meter(3, 4), Meter(5, 8), Meter(0, 0)])
KEYS = st.sampled_from(["C", "D", "Edor", "Bbm", "Amix", "none"]).map(parse_key)
ELEMENTS = st.one_of(
    NOTES,
    NOTES,
    st.sampled_from(BARS).map(Bar),
    st.sampled_from(ENDINGS).map(Ending),
    st.sampled_from([Tuplet(3, 2, 3), Tuplet(2, 3, 2), Tuplet(5, 4, 5)]),
    KEYS,
    METERS,
)


def eighth(pitch: Pitch, eighths: int = 1, **more: Any) -> Note:
    return Note((pitch,), EIGHTH * eighths, **more)


def measures(*music: Music, meter: Meter = REEL) -> list[Any]:
    return list(to_music21(Tune(music, Key(2), meter)).parts[0].getElementsByClass("Measure"))


def sounding(score: Any) -> list[tuple[tuple[int, ...], float]]:
    """Pitches and lengths in quarters, grace notes and chord symbols left out."""
    return [
        (tuple(sorted(pitch.midi for pitch in found.pitches)), float(found.quarterLength))
        for found in score.recurse().notesAndRests
        if not found.duration.isGrace and "Harmony" not in found.classes
    ]


def written(tune: Tune) -> list[tuple[tuple[int, ...], float]]:
    found, left, scale = [], 0, Fraction(1)
    for element in tune.music:
        if isinstance(element, Tuplet):
            left, scale = element.r, Fraction(element.q, element.p)
        elif isinstance(element, Note):
            pitches = tuple(sorted(pitch.midi for pitch in element.pitches))
            found += [(pitches, float(4 * part[2] * (scale if left else 1))) for part in parts(element.duration)]
            left = max(0, left - 1)
    return found


BAR = [eighth(D5), eighth(FIS5)] * 4


def test_an_upbeat_is_measure_zero() -> None:
    found = measures(eighth(A), Bar("|"), *BAR, Bar("|"), *BAR[:7], Bar("|]"))
    assert [measure.number for measure in found] == [0, 1, 2]
    assert [measure.quarterLength for measure in found] == [0.5, 4, 3.5]


def test_a_bar_that_a_repeat_divides_stays_two_measures() -> None:
    found = measures(Bar("|:"), *BAR, Bar("|"), *BAR[:6], Bar(":|"), *BAR[:2], Bar("|"), *BAR, Bar("|]"))
    assert [measure.quarterLength for measure in found] == [4, 3, 1, 4]
    assert found[0].leftBarline.direction == "start"
    assert found[1].rightBarline.direction == "end"


def test_a_bar_that_is_too_long_is_not_split() -> None:
    tune = Tune((*BAR, *BAR, Bar("|"), *BAR, Bar("|]")), Key(2), REEL)
    back = music21.converter.parse(musicxml(tune), format="musicxml")
    assert [measure.quarterLength for measure in back.parts[0].getElementsByClass("Measure")] == [8, 4]


def test_a_bar_that_is_too_short_is_not_filled() -> None:
    tune = Tune((*BAR, Bar("|"), *BAR[:3], Bar("|"), *BAR, Bar("|]")), Key(2), REEL)
    assert b"<rest" not in musicxml(tune)


def test_endings_have_brackets_as_long_as_they_last() -> None:
    music = (Bar("|:"), *BAR, Bar("|"), Ending("1"), *BAR, Bar(":|"), Ending("2"), *BAR, Bar("|"), *BAR, Bar("|"), *BAR)
    score = to_music21(Tune(music, Key(2), REEL))
    brackets = list(score.recurse().getElementsByClass("RepeatBracket"))
    assert [(each.number, [measure.number for measure in each]) for each in brackets] == [("1", [2]), ("2", [3])]


def test_a_change_of_key_and_meter_stands_at_its_measure() -> None:
    found = measures(*BAR, Bar("|"), Key(1), Meter(3, 4), *BAR[:6], Bar("|]"))
    assert found[1].keySignature.sharps == 1
    assert found[1].timeSignature.ratioString == "3/4"
    assert found[0].keySignature.sharps == 2


def test_notes_are_beamed_by_the_beats_of_their_meter() -> None:
    first = measures(*[eighth(D5)] * 6, Bar("|"), meter=JIG)[0]
    assert [note.beams.getTypes() for note in first.notes] == [["start"], ["continue"], ["stop"]] * 2


def test_a_quarter_has_no_beam_and_a_sixteenth_alone_a_short_one() -> None:
    dotted = Note((D5,), Fraction(3, 16)), Note((A,), Fraction(1, 16)), eighth(A, 2)
    first = measures(*dotted, *BAR[:4], Bar("|"))[0]
    assert [note.beams.getTypes() for note in first.notes][:3] == [["start"], ["stop", "partial"], []]


def test_an_accidental_is_shown_once_a_bar() -> None:
    found = measures(*[eighth(Pitch(0, 0, 5))] * 2, eighth(CIS5), *BAR[:5], Bar("|"), eighth(CIS5), *BAR[:7])
    shown = [note.pitch.accidental is not None and note.pitch.accidental.displayStatus for note in found[0].notes]
    assert shown[:3] == [True, False, True]
    assert not found[1].notes[0].pitch.accidental.displayStatus


def test_a_tie_is_one_only_where_the_same_pitch_follows() -> None:
    first = measures(eighth(D5, tied=True), eighth(D5, tied=True), eighth(A), *BAR[:5])[0].notes
    assert [note.tie and note.tie.type for note in first[:3]] == ["start", "stop", None]


def test_every_kind_of_chord_symbol_is_shown_as_it_is_written() -> None:
    assert set(CHORDS) == set(KINDS)
    music = [Note((D5,), Fraction(1), chord=ChordSymbol(-2, kind, 0)) for kind in KINDS]
    text = musicxml(Tune(tuple(music), Key(2), REEL)).decode()
    for kind in KINDS[1:]:
        assert f'text="{kind}"' in text
    assert text.count("<root-alter>-1") == len(KINDS)


def test_the_same_tune_is_the_same_bytes() -> None:
    tune = Tune((*BAR, Bar("|]")), Key(2), REEL, title="Twice & <again>")
    assert musicxml(tune) == musicxml(tune)
    assert b"Twice &amp; &lt;again&gt;" in musicxml(tune)


@given(st.builds(Tune, st.lists(ELEMENTS, max_size=16).map(lambda found: (*found, eighth(A))), KEYS, METERS))
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@pytest.mark.filterwarnings("ignore:.*overfull")
def test_musicxml_reads_back_with_the_same_pitches_and_lengths(tune: Tune) -> None:
    assume(all(note.pitches or note.duration < 2 for note in tune.notes()))  # music21 takes a breve rest for a bar's
    back = music21.converter.parse(musicxml(tune), format="musicxml")
    found, wanted = sounding(back), written(tune)
    assert [pitches for pitches, _ in found] == [pitches for pitches, _ in wanted]
    assert [length for _, length in found] == pytest.approx([length for _, length in wanted], abs=1e-3)


@given(st.integers(1, 128 * 16))
def test_a_length_is_the_sum_of_notes_with_two_dots_at_most(count: int) -> None:
    found = parts(Fraction(count, 128))
    assert sum(part[2] for part in found) == Fraction(count, 128)
    assert all(part[1] <= 2 for part in found)
