from fractions import Fraction
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element as XmlElement

import pytest
from hypothesis import Phase, assume, given, reject, settings
from hypothesis import strategies as st

from seqforge_abc.musicxml_elements import DIVISIONS
from seqforge_abc.musicxml_writer import to_musicxml
from seqforge_abc.notation import CHORDS, split_duration
from seqforge_abc.theory import Key, Meter, Pitch, parse_key
from seqforge_abc.tokens import CHORD_KINDS
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, ChordSymbol, Element, Ending, Note, Tune, Tuplet

EIGHTH = Fraction(1, 8)
REEL, JIG = Meter(4, 4), Meter(6, 8)
A, D5, CIS5, FIS5 = Pitch(5, 0, 4), Pitch(1, 0, 5), Pitch(0, 1, 5), Pitch(3, 1, 5)

PITCHES = st.builds(Pitch, st.integers(0, 6), st.integers(-2, 2), st.integers(3, 6))
LENGTHS = st.builds(Fraction, st.integers(1, 40), st.sampled_from([4, 8, 16, 32, 128]))
NOTES = st.builds(
    Note,
    st.lists(PITCHES, max_size=3, unique_by=lambda pitch: pitch.midi).map(
        lambda pitches: tuple(sorted(pitches, key=lambda pitch: pitch.midi))
    ),
    LENGTHS,
    st.booleans(),
    st.lists(
        st.sampled_from(["roll", "staccato", "fermata", "3", "segno", "mf", "D.C.", "odd"]), max_size=2, unique=True
    ).map(tuple),
    st.lists(PITCHES, max_size=2).map(tuple),
    st.none() | st.builds(ChordSymbol, st.integers(-5, 8), st.sampled_from(CHORD_KINDS), st.none() | st.just(-2)),
)
METERS = st.sampled_from([REEL, JIG, Meter(3, 4), Meter(5, 8), Meter(0, 0)])
KEYS = st.sampled_from(["C", "D", "Edor", "Bbm", "Amix", "none"]).map(parse_key)
ELEMENTS = st.one_of(
    NOTES,
    NOTES,
    st.sampled_from(BAR_LINES).map(BarLine),
    st.sampled_from(ENDINGS).map(Ending),
    st.sampled_from([Tuplet(3, 2, 3), Tuplet(2, 3, 2), Tuplet(5, 4, 5)]),
    KEYS,
    METERS,
)


def eighth(pitch: Pitch, eighths: int = 1, **fields: Any) -> Note:
    return Note((pitch,), EIGHTH * eighths, **fields)


def measures(*music: Element, meter: Meter = REEL) -> list[XmlElement]:
    return list(ElementTree.fromstring(to_musicxml(Tune(music, Key(2), meter))).iter("measure"))


def numbers(measures: list[XmlElement]) -> list[str]:
    return [measure.attrib["number"] for measure in measures]


def length(measure: XmlElement) -> Fraction:
    """Return the length of a measure in quarters."""
    notes = [note for note in measure.iter("note") if note.find("chord") is None and note.find("grace") is None]
    return Fraction(sum(int(note.findtext("duration", "")) for note in notes), DIVISIONS)


def beams(measure: XmlElement) -> list[list[str | None]]:
    return [[beam.text for beam in note.iter("beam")] for note in measure.iter("note")]


def sounding(score: Any) -> list[tuple[tuple[int, ...], float]]:
    """Return pitches and lengths in quarters of a score, without grace notes and chord symbols."""
    return [
        (tuple(sorted(pitch.midi for pitch in note.pitches)), float(note.quarterLength))
        for note in score.recurse().notesAndRests
        if not note.duration.isGrace and "Harmony" not in note.classes
    ]


def written(tune: Tune) -> list[tuple[tuple[int, ...], float]]:
    """Return pitches and lengths in quarters of a tune."""
    result, left, scale = [], 0, Fraction(1)
    for element in tune.elements:
        if isinstance(element, Tuplet):
            left, scale = element.r, Fraction(element.q, element.p)
        elif isinstance(element, Note):
            pitches = tuple(sorted(pitch.midi for pitch in element.pitches))
            result += [
                (pitches, float(4 * part[2] * (scale if left else 1))) for part in split_duration(element.duration)
            ]
            left = max(0, left - 1)
    return result


BAR = [eighth(D5), eighth(FIS5)] * 4


def test_an_upbeat_is_measure_zero() -> None:
    result = measures(eighth(A), BarLine("|"), *BAR, BarLine("|"), *BAR[:7], BarLine("|]"))
    assert numbers(result) == ["0", "1", "2"]
    assert [length(measure) for measure in result] == [Fraction(1, 2), 4, Fraction(7, 2)]


def test_a_bar_divided_by_a_repeat_is_two_measures() -> None:
    result = measures(
        BarLine("|:"), *BAR, BarLine("|"), *BAR[:6], BarLine(":|"), *BAR[:2], BarLine("|"), *BAR, BarLine("|]")
    )
    assert [length(measure) for measure in result] == [4, 3, 1, 4]
    assert numbers(result) == ["1", "2", "2", "3"]
    assert [measure.attrib["implicit"] for measure in result] == ["no", "no", "yes", "no"]
    repeats = [[repeat.attrib["direction"] for repeat in measure.iter("repeat")] for measure in result]
    assert repeats == [["forward"], ["backward"], [], []]


def test_a_too_long_bar_is_not_split() -> None:
    tune = Tune((*BAR, *BAR, BarLine("|"), *BAR, BarLine("|]")), Key(2), REEL)
    music21 = pytest.importorskip("music21")
    reread = music21.converter.parse(to_musicxml(tune), format="musicxml")
    assert [measure.quarterLength for measure in reread.parts[0].getElementsByClass("Measure")] == [8, 4]


def test_a_too_short_bar_is_not_filled_with_rests() -> None:
    tune = Tune((*BAR, BarLine("|"), *BAR[:3], BarLine("|"), *BAR, BarLine("|]")), Key(2), REEL)
    assert b"<rest" not in to_musicxml(tune)


def test_brackets_cover_their_endings() -> None:
    music = (
        BarLine("|:"),
        *BAR,
        BarLine("|"),
        Ending("1"),
        *BAR,
        BarLine(":|"),
        Ending("2"),
        *BAR,
        BarLine("|"),
        *BAR,
        BarLine("|"),
        *BAR,
    )
    marks = [
        (measure.attrib["number"], ending.attrib["number"], ending.attrib["type"])
        for measure in measures(*music)
        for ending in measure.iter("ending")
    ]
    assert marks == [("2", "1", "start"), ("2", "1", "stop"), ("3", "2", "start"), ("3", "2", "stop")]


def test_changes_of_key_and_meter_are_shown_in_their_measure() -> None:
    result = measures(*BAR, BarLine("|"), Key(1), Meter(3, 4), *BAR[:6], BarLine("|]"))
    assert [measure.findtext("attributes/key/fifths") for measure in result] == ["2", "1"]
    assert [measure.findtext("attributes/time/beats") for measure in result] == ["4", "3"]


def test_notes_are_beamed_by_beats() -> None:
    first = measures(*[eighth(D5)] * 6, BarLine("|"), meter=JIG)[0]
    assert beams(first) == [["begin"], ["continue"], ["end"]] * 2


def test_quarters_have_no_beam_and_single_sixteenths_a_partial_one() -> None:
    dotted = Note((D5,), Fraction(3, 16)), Note((A,), Fraction(1, 16)), eighth(A, 2)
    first = measures(*dotted, *BAR[:4], BarLine("|"))[0]
    assert beams(first)[:3] == [["begin"], ["end", "backward hook"], []]


def test_an_accidental_is_shown_once_per_bar() -> None:
    result = measures(*[eighth(Pitch(0, 0, 5))] * 2, eighth(CIS5), *BAR[:5], BarLine("|"), eighth(CIS5), *BAR[:7])
    shown = [[note.findtext("accidental") for note in measure.iter("note")] for measure in result]
    assert shown[0][:3] == ["natural", None, "sharp"]
    assert shown[1][0] is None


def test_ties_are_kept_only_between_equal_pitches() -> None:
    (first,) = measures(eighth(D5, tied=True), eighth(D5, tied=True), eighth(A), *BAR[:5])
    ties = [[tie.attrib["type"] for tie in note.iter("tie")] for note in first.iter("note")]
    assert ties[:3] == [["start"], ["stop"], []]


def test_nested_slurs_have_numbers_and_a_slur_without_an_end_is_left_out() -> None:
    (first,) = measures(eighth(D5, slur_starts=2), eighth(A, slur_ends=1, slur_starts=1), eighth(D5, slur_ends=1))
    slurs = [[tuple(slur.attrib.values()) for slur in note.iter("slur")] for note in first.iter("note")]
    assert slurs == [[("2", "start")], [("2", "stop"), ("2", "start")], [("2", "stop")]]


def test_a_rest_fills_its_measure_only_if_it_is_alone() -> None:
    rest = Note((), Fraction(1))
    alone, with_notes = measures(rest, BarLine("|"), eighth(D5), rest)
    assert [rest.attrib for rest in alone.iter("rest")] == [{"measure": "yes"}]
    assert [rest.attrib for rest in with_notes.iter("rest")] == [{}]


def test_the_inversion_of_a_chord_symbol_is_the_place_of_its_bass_among_its_notes() -> None:
    music = [Note((D5,), Fraction(1), chord_symbol=ChordSymbol(0, "7", bass)) for bass in (None, 0, 4, 1, -2, 2)]
    (first,) = measures(*music)
    assert [symbol.findtext("inversion") for symbol in first.iter("harmony")] == [None, None, "1", "2", "3", None]


def test_every_chord_kind_keeps_its_spelling() -> None:
    assert set(CHORDS) == set(CHORD_KINDS)
    music = [Note((D5,), Fraction(1), chord_symbol=ChordSymbol(-2, kind, 0)) for kind in CHORD_KINDS]
    text = to_musicxml(Tune(tuple(music), Key(2), REEL)).decode()
    for kind in CHORD_KINDS[1:]:
        assert f'text="{kind}"' in text
    assert text.count("<root-alter>-1") == len(CHORD_KINDS)


def test_characters_that_xml_does_not_allow_are_spaces() -> None:
    score = ElementTree.fromstring(to_musicxml(Tune((eighth(A, syllables=("a\x02",)),), Key(2), REEL, title="a\x00b")))
    assert (score.findtext("work/work-title"), score.findtext(".//lyric/text")) == ("a b", "a ")


def test_musicxml_is_reproducible() -> None:
    tune = Tune((*BAR, BarLine("|]")), Key(2), REEL, title="Twice & <again>")
    assert to_musicxml(tune) == to_musicxml(tune)
    assert b"Twice &amp; &lt;again&gt;" in to_musicxml(tune)


@given(st.builds(Tune, st.lists(ELEMENTS, max_size=16).map(lambda elements: (*elements, eighth(A))), KEYS, METERS))
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@pytest.mark.filterwarnings("ignore:.*overfull")
def test_musicxml_reads_back_with_equal_pitches_and_lengths(tune: Tune) -> None:
    # music21 reads a whole rest and a breve rest as rests of a bar.
    assume(all(note.pitches or note.duration < 1 for note in tune.notes()))
    music21 = pytest.importorskip("music21")
    try:
        reread = music21.converter.parse(to_musicxml(tune), format="musicxml")
    except music21.musicxml.xmlObjects.MusicXMLWarning as warning:
        if not isinstance(warning.__context__, music21.chord.ChordException):
            raise
        reject()  # music21 knows no inversion with the bass of a chord symbol
    actual, expected = sounding(reread), written(tune)
    assert [pitches for pitches, _ in actual] == [pitches for pitches, _ in expected]
    assert [length for _, length in actual] == pytest.approx([length for _, length in expected], abs=1e-3)


@given(st.integers(1, 128 * 16))
def test_durations_are_split_into_note_values_with_at_most_two_dots(count: int) -> None:
    values = split_duration(Fraction(count, 128))
    assert sum(part[2] for part in values) == Fraction(count, 128)
    assert all(part[1] <= 2 for part in values)
