import re
import shutil
import subprocess
import wave
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import WriteError
from seqforge_abc import engraving
from seqforge_abc.export import write_midi, write_musicxml, write_svg, write_wav
from seqforge_abc.playback import played, played_notes, sounds, tempo_of
from seqforge_abc.theory import NO_METER, Key, Meter, Pitch
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, ChordSymbol, Element, Ending, Note, Tune, Tuplet

REEL, JIG = Meter(4, 4), Meter(6, 8)
QUARTER = Fraction(1, 4)
NAMES = "CDEFGAB"


def note(name: str, quarters: int | Fraction = 1, **more: Any) -> Note:
    return Note((Pitch(NAMES.index(name), 0, 4),), QUARTER * quarters, **more)


def tune(*music: Element, meter: Meter = REEL, rhythm: str = "", title: str = "") -> Tune:
    return Tune(music, Key(0), meter, rhythm, title)


def order(*music: Element) -> str:
    return "".join(NAMES[found.pitches[0].letter] for found in played(tune(*music)))


def messages(path: Path) -> list[tuple[int, Any]]:
    found = []
    for track in mido.MidiFile(path).tracks:
        at = 0
        for message in track:
            at += message.time
            found.append((at, message))
    return found


def lint(path: Path) -> None:
    """Every key that goes down comes up later and is not struck in between; every track ends once, in time."""
    for track in mido.MidiFile(path).tracks:
        down: dict[tuple[int, int], int] = {}
        at = 0
        for message in track:
            assert 0 <= message.time < 10**7
            at += message.time
            if message.type == "note_on":
                assert message.velocity > 0
                assert (message.channel, message.note) not in down
                down[message.channel, message.note] = at
            elif message.type == "note_off":
                assert at > down.pop((message.channel, message.note))
        assert not down
        assert [message.type for message in track].count("end_of_track") == 1
        assert track[-1].type == "end_of_track"


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
    assert order(*music) == "ABACD"


def test_a_repeat_without_opening_sign_goes_back_to_the_last_section_end() -> None:
    assert order(A, BarLine("|"), B, BarLine(":|"), C, BarLine("|"), D, BarLine(":|")) == "ABABCDCD"
    assert order(A, BarLine("||"), B, BarLine(":|")) == "ABB"
    assert order(BarLine("|:"), A, BarLine("||"), B, BarLine(":|")) == "ABAB"
    assert order(A, BarLine("::"), B, BarLine(":|"), C) == "AABBC"


def test_the_highest_ending_sets_the_number_of_passes() -> None:
    assert order(BarLine("|:"), A, Ending("1,3"), B, BarLine(":|"), Ending("2"), C, BarLine(":|"), D) == "ABACABD"
    assert order(BarLine("|:"), A, Ending("1,2"), B, BarLine(":|"), Ending("3"), C, BarLine("|]")) == "ABABAC"


def test_a_missing_repeat_sign_before_a_second_ending_is_inferred() -> None:
    assert order(A, BarLine("|"), Ending("1"), B, BarLine("|"), Ending("2"), C, BarLine("|]")) == "ABAC"


def test_endings_belong_to_their_section() -> None:
    part = (A, Ending("1"), B, BarLine(":|"), Ending("2"), C, BarLine(":|"))
    assert order(BarLine("|:"), *part, BarLine("|:"), *part) == "ABACABAC"


def test_a_tuplet_scales_its_notes_only() -> None:
    assert [found.duration * 4 for found in played(tune(Tuplet(3, 2, 3), A, B, C, D))] == [Fraction(2, 3)] * 3 + [1]


@given(MUSIC)
@settings(deadline=None)
def test_playback_of_any_music_is_finite(music: list[Element]) -> None:
    assert len(played(tune(*music))) <= 8 * sum(isinstance(element, Note) for element in music)


@given(MUSIC)
@settings(deadline=None)
def test_every_sound_has_a_positive_length(music: list[Element]) -> None:
    found = sounds(played_notes(tune(*music)))
    assert all(0 <= sound.start < sound.end and 0 <= sound.pitch <= 127 for sound in found)


def test_tied_notes_are_one_sound_and_grace_notes_shorten_the_next_note() -> None:
    graced = note("E", grace_notes=(Pitch(3, 0, 4),))
    found = sounds(played_notes(tune(note("C", tied=True), note("C", 2), graced)))
    assert [(sound.pitch, sound.start * 4) for sound in found[:2]] == [(60, 0), (65, 3)]
    assert 2 < found[0].end * 4 < 3
    assert found[1].end == found[2].start < found[2].end < Fraction(4, 4)


def test_tempo_depends_on_rhythm_and_meter() -> None:
    assert tempo_of(tune(rhythm="reel")) == (Fraction(1, 2), 96)
    assert tempo_of(tune(rhythm="reel", meter=Meter(2, 4))) == (Fraction(1, 4), 96)
    assert tempo_of(tune(rhythm="slip jig", meter=Meter(9, 8)))[0] == Fraction(3, 8)
    assert tempo_of(tune(rhythm="waltz", meter=Meter(3, 4)))[0] == Fraction(1, 4)
    assert tempo_of(tune(meter=NO_METER))[0] == Fraction(1, 4)


@given(music=MUSIC, meter=st.sampled_from([REEL, JIG, NO_METER, Meter(1, 32), Meter(99, 1)]))
@settings(max_examples=100, deadline=None)
def test_every_note_on_has_one_note_off(
    music: list[Element], meter: Meter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("midi") / "a.tmp"
    write_midi(tune(*music, meter=meter, title="Ó"), path)
    lint(path)


def test_midi_has_title_tempo_time_signature_and_key_signature(tmp_path: Path) -> None:
    path = tmp_path / "nothing.partial"
    write_midi(Tune((D, BarLine("|"), Meter(3, 4), E), Key(3, "dor"), JIG, "jig", "Seán\nRyan"), path)
    found = {message.type: message for _, message in messages(path) if message.is_meta}
    assert found["key_signature"].key == "Em"
    assert mido.MidiFile(path, charset="utf-8").tracks[0].name == "Seán Ryan"
    meters = [(at, message.numerator) for at, message in messages(path) if message.type == "time_signature"]
    assert meters == [(0, 6), (480, 3)]
    assert round(mido.tempo2bpm(found["set_tempo"].tempo)) == 168


def test_chord_symbols_are_chords_on_a_second_track(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_midi(
        tune(
            note("C", 4, chord_symbol=ChordSymbol(3, "m", 0)), note("E", 4), note("D", 4, chord_symbol=ChordSymbol(1))
        ),
        path,
    )
    struck = [(at, message.note) for at, message in messages(path) if message.type == "note_on" and message.channel]
    assert struck[:4] == [(0, 36), (0, 57), (0, 60), (0, 64)]
    assert Counter(at for at, _ in struck) == {0: 4, 1920: 4, 3840: 4}


def test_wav_is_16_bit_mono_with_fade_out_below_full_scale(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_wav(tune(A, B, C, BarLine(":|")), path)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert abs(np.abs(samples).max() / 32767 - 10 ** (-3 / 20)) < 1e-3
    assert np.abs(samples[-10:]).max() < 40
    beat, minute = tempo_of(tune())
    assert len(samples) / 22050 > float(6 * QUARTER / beat) * 60 / minute


def test_wav_of_a_rest_is_not_empty(tmp_path: Path) -> None:
    write_wav(tune(Note((), QUARTER)), tmp_path / "a")
    with wave.open(str(tmp_path / "a")) as file:
        assert file.getnframes() > 0


def test_musicxml_ignores_the_suffix(tmp_path: Path) -> None:
    write_musicxml(tune(*[A, B, C, D] * 2, BarLine("|]"), title="Here"), tmp_path / "a.tmp")
    assert ElementTree.parse(tmp_path / "a.tmp").getroot().findtext("work/work-title") == "Here"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tmp"]


def test_svg_page_contains_every_tune_with_its_title(tmp_path: Path) -> None:
    path = tmp_path / "a.tmp"
    bar = (A, B, C, D)
    music = (BarLine("|:"), *bar, BarLine("|"), Ending("1"), *bar, BarLine(":|"), Ending("2"), *bar, BarLine("||"))
    first = tune(*music, title="Kid & <Play>", rhythm="reel")
    write_svg([first, tune(A, BarLine("|]"))], path)
    root = ElementTree.parse(path).getroot()
    assert re.fullmatch(r"\d+px", root.get("width", ""))
    assert re.fullmatch(r"\d+px", root.get("height", ""))
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Kid & <Play>", "reel", "Untitled"} <= set(texts)
    assert {"1", "2"} <= {text.strip() for text in texts}
    assert not re.search(r'["\s,(]-?(nan|inf)["\s,)]', path.read_text(), re.IGNORECASE)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    if program := shutil.which("rsvg-convert"):
        picture = subprocess.run([program, str(path)], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
        assert picture.startswith(b"\x89PNG")


def test_accidentals_of_chord_symbols_need_no_music_font(tmp_path: Path) -> None:
    music = (
        note("C", 2, chord_symbol=ChordSymbol(-2, "maj7")),
        note("C", 2, chord_symbol=ChordSymbol(6, "m7")),
        BarLine("|]"),
    )
    write_svg([tune(*music)], tmp_path / "a")
    texts = ["".join("".join(element.itertext()).split()) for element in ElementTree.parse(tmp_path / "a").iter()]
    assert {"B♭maj7", "F♯m7"} <= set(texts)


def test_svg_is_reproducible(tmp_path: Path) -> None:
    write_svg([tune(A, B, BarLine("|]"))], tmp_path / "a")
    write_svg([tune(A, B, BarLine("|]"))], tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed (signal 11)"),
        ("import time; time.sleep(60)", "took more than"),
        ("raise ValueError('no music')", "failed (ValueError: no music)"),
    ],
)
def test_a_failure_of_verovio_names_the_tune(
    program: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "seqforge_abc"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "verovio_process.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(engraving, "TIMEOUT", 1)
    with pytest.raises(WriteError, match=re.escape(reason)) as caught:
        write_svg([tune(A, title="Odd"), tune(B)], tmp_path / "a")
    assert "'Odd', tune 1 of 2" in str(caught.value)
    assert not (tmp_path / "a").exists()
