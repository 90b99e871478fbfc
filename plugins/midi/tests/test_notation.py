"""Written scores: every measure adds up, whatever the song."""

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_checks import measure_faults, music21_faults, parse_with_music21

import seqforge
import seqforge_corpora
from seqforge import ReadError
from seqforge_midi import Song
from seqforge_midi.key import Key
from seqforge_midi.key_estimate import estimate_key_of_notes
from seqforge_midi.notation.measures import Measure, measures_of
from seqforge_midi.notation.musicxml import to_musicxml
from seqforge_midi.notation.note_values import note_values
from seqforge_midi.notation.quantisation import WrittenNote, quantise, quantise_drums
from seqforge_midi.notation.voices import Chord
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Track, note_array, ticks_per_bar

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
MODELS = ("songs", "chorales", "drums")
TIME_SIGNATURES = [(4, 4), (3, 4), (2, 2), (6, 8), (12, 8), (5, 8), (7, 8), (3, 16), (6, 4), (11, 32), (9, 64), (4, 2)]


@st.composite
def songs(draw: st.DrawFn) -> Song:
    """Draw a song whose notes are anywhere, with time signatures on and off the bar lines."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 6000), st.integers(1, 4000), st.integers(24, 100), st.integers(1, 127),
                st.sampled_from([0, 19, 40, 41, 53, DRUMS]), st.integers(0, 1),
            ),
            max_size=30,
        )
    )  # fmt: skip
    notes = note_array([(start, start + length, *rest) for start, length, *rest in rows])
    changes = draw(st.lists(st.tuples(st.integers(1, 6000), st.sampled_from(TIME_SIGNATURES)), max_size=3))
    first = draw(st.sampled_from(TIME_SIGNATURES))
    return Song.from_events(notes, time_signatures=[(0, first), *changes], length=draw(st.integers(0, 9000)))


@settings(deadline=None, max_examples=80)
@given(songs())
def test_every_voice_of_every_measure_fills_its_time_signature(song: Song) -> None:
    assert measure_faults(to_musicxml(song)) == []


@settings(deadline=None, max_examples=40)
@given(songs())
def test_measures_follow_each_other_and_contain_the_song(song: Song) -> None:
    measures = measures_of(song)
    assert measures[0].start == 0 and measures[-1].end >= song.length
    assert all(before.end == after.start for before, after in itertools.pairwise(measures))


@pytest.mark.parametrize("name", MODELS)
def test_generated_scores_add_up_and_load_without_a_warning(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    import verovio

    for piece in seqforge.load(f"midi:{name}").generate(2, bars=6, seed=3):
        score = to_musicxml(piece.content, title="Evening", provenance="made by seqforge")
        assert measure_faults(score) == []
        assert list(music21_faults(score)) == []
        toolkit = verovio.toolkit()
        assert toolkit.loadData(score.decode()) and toolkit.getPageCount() >= 1
    assert "Warning" not in capfd.readouterr().err


def test_performance_with_a_time_signature_off_a_bar_line_is_read_by_music21() -> None:
    song = Song.from_events(
        note_array([(0, 700, 60, 80, 0), (913, 2531, 64, 80, 0), (2600, 4000, 62, 70, 0)]),
        tempos=[(0, 120), (777, 90)],
        time_signatures=[(0, (4, 4)), (1200, (3, 8)), (2520, (5, 4))],
    )
    score = to_musicxml(song)
    assert measure_faults(score) == [] and list(music21_faults(score)) == []
    times = list(ElementTree.fromstring(score).iter("time"))
    assert [(time.findtext("beats"), time.findtext("beat-type")) for time in times] == [
        ("5", "8"), ("3", "8"), ("5", "16"), ("5", "4"),
    ]  # fmt: skip


@pytest.mark.parametrize(("semitones", "fifths"), [(0, "-2"), (2, "0")])
def test_the_requested_key_is_the_key_of_the_score(semitones: int, fifths: str) -> None:
    (piece,) = seqforge.load("midi:voices").generate(1, bars=2, key="Gm", transpose=semitones, seed=1)
    (part, *_) = ElementTree.fromstring(to_musicxml(piece.content)).iter("part")
    assert part.findtext("measure/attributes/key/fifths") == fifths
    assert part.findtext("measure/attributes/key/mode") == "minor"


def test_an_upbeat_has_no_time_signature_of_its_own() -> None:
    rows = [(480 * beat, 480 * beat + 480, 60 + beat, 80, 0) for beat in range(9)]
    song = Song.from_events(note_array(rows), time_signatures=[(0, (1, 4)), (480, (4, 4))])
    score = to_musicxml(song)
    assert measure_faults(score) == [] and list(music21_faults(score)) == []
    (part,) = ElementTree.fromstring(score).iter("part")
    assert [measure.get("number") for measure in part.iter("measure")] == ["0", "1", "2"]
    assert [time.findtext("beats") for time in part.iter("time")] == ["4"]


@pytest.mark.parametrize("name", ["lieder", "jsb/train", "groove"])
def test_notes_of_a_real_file_are_those_of_its_score(name: str) -> None:
    path = sorted((CORPORA / name).glob("*.mid"))[2]
    piece = next(read_songs(path))
    assert not isinstance(piece, ReadError)
    song = piece.content
    score = to_musicxml(song)
    assert measure_faults(score) == []
    written = [
        element
        for element in ElementTree.fromstring(score).iter("note")
        if element.find("rest") is None and not any(tie.get("type") == "stop" for tie in element.iter("tie"))
    ]
    share = 0.97 if name == "groove" else 1  # hits of one drum that share a place on the grid are one note
    assert share * len(song.notes) <= len(written) <= len(song.notes)
    if name != "groove":
        assert len(written) == len(song.notes)


def clefs(score: bytes) -> list[str]:
    return [
        f"{clef.findtext('sign')}{clef.findtext('line')}{clef.findtext('clef-octave-change', '')}"
        for clef in ElementTree.fromstring(score).iter("clef")
    ]


def test_four_voices_are_two_staves_with_two_voices_each() -> None:
    rows = [(480 * beat, 480 * beat + 480, pitch, 80, 19) for beat in range(8) for pitch in (72, 67, 60, 48)]
    score = to_musicxml(Song.from_events(note_array(rows)))
    assert clefs(score) == ["G2", "F4"]
    voices = {}
    for note in ElementTree.fromstring(score).iter("note"):
        pitch = f"{note.findtext('pitch/step')}{note.findtext('pitch/octave')}"
        voices[pitch] = (note.findtext("staff"), note.findtext("voice"), note.findtext("stem"))
    assert voices == {
        "C5": ("1", "1", "up"), "G4": ("1", "2", "down"), "C4": ("2", "5", "up"), "C3": ("2", "6", "down"),
    }  # fmt: skip


def test_parts_have_the_staves_and_clefs_of_their_instruments() -> None:
    rows = [
        (0, 480, 67, 80, 53),
        (0, 480, 72, 80, 0),
        (0, 480, 40, 80, 0),
        (0, 480, 36, 80, 32),
        (0, 60, 38, 80, DRUMS),
    ]
    score = to_musicxml(Song.from_events(note_array(rows), tracks=[Track(53, name="Anna")]))
    names = [name.text for name in ElementTree.fromstring(score).iter("part-name")]
    assert names == ["Anna", "Piano", "Acoustic Bass", "Drums"]
    assert clefs(score) == ["G2", "G2", "F4", "F4", "percussion2"]


def test_hands_are_the_two_tracks_of_a_piano() -> None:
    rows = [(0, 480, 50, 80, 0, 0), (0, 480, 55, 80, 0, 1), (480, 960, 70, 80, 0, 0), (480, 960, 30, 80, 0, 1)]
    staves = {
        note.findtext("pitch/octave"): note.findtext("staff")
        for note in ElementTree.fromstring(to_musicxml(Song.from_events(note_array(rows)))).iter("note")
        if note.find("pitch") is not None
    }
    assert staves == {"3": "2", "4": "1", "1": "2"} or staves == {"3": "1", "4": "1", "1": "2"}


def test_drums_are_unpitched_and_name_their_sounds() -> None:
    rows = [(0, 60, 36, 80, DRUMS), (0, 60, 42, 80, DRUMS), (240, 300, 38, 100, DRUMS)]
    root = ElementTree.fromstring(to_musicxml(Song.from_events(note_array(rows))))
    notes = [note for note in root.iter("note") if note.find("unpitched") is not None]
    assert [note.findtext("notehead", "normal") for note in notes] == ["x", "normal", "normal"]
    keys = {sound.get("id"): int(sound.findtext("midi-unpitched", "")) - 1 for sound in root.iter("midi-instrument")}
    played = [keys[instrument.get("id")] for instrument in root.iter("instrument")]
    assert played == [42, 38, 36]
    assert root.find("part/measure/attributes/key") is None


def test_title_and_provenance_stand_in_their_own_elements() -> None:
    song = Song.from_events(note_array([(0, 480, 60, 80, 0)]))
    root = ElementTree.fromstring(to_musicxml(song, title="A < B", provenance="made by seqforge: songs, seed 1"))
    assert root.findtext("work/work-title") == "A < B"
    assert root.findtext("identification/encoding/encoding-description") == "made by seqforge: songs, seed 1"
    assert root.findtext("movement-title") is None
    assert ElementTree.fromstring(to_musicxml(song)).find("work") is None


def test_dynamics_follow_the_velocities() -> None:
    rows = [(1920 * bar, 1920 * bar + 480, 60, velocity, 0) for bar, velocity in enumerate((48, 50, 100, 98, 30))]
    root = ElementTree.fromstring(to_musicxml(Song.from_events(note_array(rows))))
    assert [mark.tag for dynamics in root.iter("dynamics") for mark in dynamics] == ["p", "f", "pp"]
    assert next(note.get("dynamics") for note in root.iter("note") if note.get("dynamics")) == "53.33"


@pytest.mark.parametrize(
    ("pitch", "key", "expected"),
    [
        (68, Key(9, is_minor=True), ("G", 1, 4)), (68, Key(8), ("A", -1, 4)), (60, Key(3, True), ("C", 0, 4)),
        (59, Key(3, True), ("C", -1, 4)), (60, Key(6), ("B", 1, 3)), (61, Key(2), ("C", 1, 4)),
    ],
)  # fmt: skip
def test_pitches_are_spelled_by_the_key(pitch: int, key: Key, expected: tuple[str, int, int]) -> None:
    assert key.spell(pitch) == expected


@given(st.integers(0, 127), st.integers(0, 11), st.booleans())
def test_spelled_pitch_sounds_like_the_pitch(pitch: int, tonic: int, minor: bool) -> None:
    step, alter, octave = Key(tonic, minor).spell(pitch)
    assert 12 * (octave + 1) + dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))[step] + alter == pitch
    assert -2 <= alter <= 2


@pytest.mark.parametrize("semitones", range(12))
def test_key_of_a_scale_is_its_key(semitones: int) -> None:
    degrees = (0, 4, 7, 0, 2, 4, 5, 7, 9, 11, 12)
    notes = note_array([(0, 480, 54 + semitones + degree, 80, 0) for degree in degrees])
    tonic = (54 + semitones) % 12
    assert estimate_key_of_notes(notes) == Key(tonic)


@settings(deadline=None)
@given(
    st.sampled_from(TIME_SIGNATURES).map(lambda time_signature: Measure(0, time_signature)),
    st.lists(st.integers(0, 24 * 32), min_size=1, max_size=8, unique=True),
)
def test_note_values_fill_a_measure_and_keep_every_boundary(measure: Measure, places: list[int]) -> None:
    edges = sorted({place * 15 % measure.length for place in places})
    ends = [*edges[1:], measure.length]
    chords = [Chord(a, b, [WrittenNote(a, b, 60, 80)]) for a, b in zip(edges, ends, strict=True)]
    values = note_values(chords, measure)
    assert values[0].start == 0 and values[-1].end == measure.length
    assert all(before.end == after.start for before, after in itertools.pairwise(values))
    assert set(edges) <= {value.start for value in values}


@pytest.mark.parametrize(
    ("time_signature", "span", "expected"),
    [
        ((4, 4), (0, 1920), ["whole"]),
        ((4, 4), (480, 1440), ["half"]),
        ((4, 4), (720, 1200), ["eighth", "eighth"]),
        ((4, 4), (240, 720), ["quarter"]),
        ((4, 4), (480, 1920), ["half."]),
        ((3, 4), (0, 1440), ["half."]),
        ((6, 8), (0, 720), ["quarter."]),
        ((6, 8), (480, 960), ["eighth", "eighth"]),
        ((6, 8), (0, 1440), ["half."]),
        ((4, 4), (0, 160), ["eighth"]),
        ((4, 4), (0, 320), ["quarter"]),
    ],
)
def test_note_values_show_the_beats(
    time_signature: tuple[int, int], span: tuple[int, int], expected: list[str]
) -> None:
    start, end = span
    values = note_values([Chord(start, end, [WrittenNote(start, end, 60, 80)])], Measure(0, time_signature))
    names = [value.name + "." * value.dots for value in values if value.chord is not None]
    assert names == expected


def test_thirds_of_a_beat_are_a_triplet() -> None:
    measure = Measure(0, (2, 4))
    played = [WrittenNote(3, 150, 60, 80), WrittenNote(157, 300, 62, 80), WrittenNote(331, 470, 64, 80)]
    chords = [Chord(note.start, note.end, [note]) for note in quantise(played, [measure])]
    values = note_values(chords, measure)
    assert [value.name for value in values] == ["eighth", "eighth", "eighth", "quarter"]
    assert [value.tuplet for value in values] == [(3, 2), (3, 2), (3, 2), (1, 1)]
    assert [value.tuplet_edge for value in values] == ["start", "", "stop", ""]


def test_notes_on_the_grid_stay_there() -> None:
    notes = [WrittenNote(start, start + 60, 60, 80) for start in (0, 60, 240, 480 + 80, 480 + 240)]
    assert [note.start for note in quantise(notes, [Measure(0, (2, 4))])] == [note.start for note in notes]


def test_drum_hits_last_until_the_next_one_or_the_end_of_the_beat() -> None:
    hits = [WrittenNote(start, start + 10, 38, 80, 1) for start in (2, 233, 715)]
    assert [(hit.start, hit.end) for hit in quantise_drums(hits, [Measure(0, (2, 4))])] == [
        (0, 240), (240, 480), (720, 960),
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [[], [(0, 1, 60, 80, 0)]], ids=["no note", "one tick"])
def test_score_of_next_to_nothing_is_read(rows: list[tuple[int, ...]]) -> None:
    score = to_musicxml(Song.from_events(note_array(rows), length=ticks_per_bar((4, 4))))
    assert measure_faults(score) == []
    assert len(parse_with_music21(score).parts) >= 1
