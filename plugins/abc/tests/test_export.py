import importlib.util
import wave
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
from abc_tunes import JIG, MUSIC, QUARTER, REEL, A, B, C, D, E, note, tune
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece, WriteError
from seqforge_abc.export import write_midi, write_musicxml, write_wav
from seqforge_abc.playback import tempo_of
from seqforge_abc.plugin import Abc
from seqforge_abc.theory import NO_METER, Key, Meter
from seqforge_abc.tune import BarLine, ChordSymbol, Element, Note, Tune


def messages(path: Path) -> list[tuple[int, Any]]:
    events = []
    for track in mido.MidiFile(path).tracks:
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, message))
    return events


def check_midi(path: Path) -> None:
    """Assert that every note-on is followed by its note-off, and that every track ends once."""
    for track in mido.MidiFile(path).tracks:
        sounding: dict[tuple[int, int], int] = {}
        tick = 0
        for message in track:
            assert 0 <= message.time < 10**7
            tick += message.time
            if message.type == "note_on":
                assert message.velocity > 0
                assert (message.channel, message.note) not in sounding
                sounding[message.channel, message.note] = tick
            elif message.type == "note_off":
                assert tick > sounding.pop((message.channel, message.note))
        assert not sounding
        assert [message.type for message in track].count("end_of_track") == 1
        assert track[-1].type == "end_of_track"


@given(music=MUSIC, meter=st.sampled_from([REEL, JIG, NO_METER, Meter(1, 32), Meter(99, 1)]))
@settings(max_examples=100, deadline=None)
def test_every_note_on_has_one_note_off(
    music: list[Element], meter: Meter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("midi") / "a.tmp"
    write_midi(tune(*music, meter=meter, title="Ó"), path)
    check_midi(path)


def test_midi_has_title_tempo_time_signature_and_key_signature(tmp_path: Path) -> None:
    path = tmp_path / "nothing.partial"
    write_midi(Tune((D, BarLine("|"), Meter(3, 4), E), Key(3, "dor"), JIG, "jig", "Seán\nRyan"), path)
    meta = {message.type: message for _, message in messages(path) if message.is_meta}
    assert meta["key_signature"].key == "Em"
    assert mido.MidiFile(path, charset="utf-8").tracks[0].name == "Seán Ryan"
    meters = [(tick, message.numerator) for tick, message in messages(path) if message.type == "time_signature"]
    assert meters == [(0, 6), (480, 3)]
    assert round(mido.tempo2bpm(meta["set_tempo"].tempo)) == 168


def test_chord_symbols_are_chords_on_a_second_track(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_midi(
        tune(
            note("C", 4, chord_symbol=ChordSymbol(3, "m", 0)), note("E", 4), note("D", 4, chord_symbol=ChordSymbol(1))
        ),
        path,
    )
    chords = [(tick, message.note) for tick, message in messages(path) if message.type == "note_on" and message.channel]
    assert chords[:4] == [(0, 36), (0, 57), (0, 60), (0, 64)]
    assert Counter(tick for tick, _ in chords) == {0: 4, 1920: 4, 3840: 4}


def test_wav_is_16_bit_stereo_at_44100_hz_with_fade_out_below_full_scale(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_wav(tune(A, B, C, BarLine(":|")), path)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44100)
        channels = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert (channels[:, 0] == channels[:, 1]).all()
    samples = channels[:, 0]
    assert abs(np.abs(samples).max() / 32767 - 10 ** (-3 / 20)) < 1e-3
    assert np.abs(samples[-10:]).max() < 40
    beat, tempo = tempo_of(tune())
    assert len(samples) / 44100 > float(6 * QUARTER / beat) * 60 / tempo


def test_loop_is_exactly_as_long_as_the_tune_with_its_repeats(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    looped = tune(A, B, C, BarLine(":|"))
    Abc().write_loop(Piece(looped), path)
    beat, tempo = tempo_of(looped)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 44100)
        assert file.getnframes() == round(float(6 * QUARTER / beat) * 60 / tempo * 44100)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")[::2].astype(int)
    assert np.abs(samples[:200]).max() > 100, "the release of the last note sounds at the beginning"
    assert abs(samples[-1] - samples[0]) < 2000, "there is no click where the end meets the beginning"


def test_loop_without_notes_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="a loop of 0 seconds"):
        Abc().write_loop(Piece(tune()), tmp_path / "a.wav")


def test_wav_of_a_rest_is_not_empty(tmp_path: Path) -> None:
    write_wav(tune(Note((), QUARTER)), tmp_path / "a")
    with wave.open(str(tmp_path / "a")) as file:
        assert file.getnframes() > 0


def test_musicxml_ignores_the_suffix(tmp_path: Path) -> None:
    write_musicxml(tune(*[A, B, C, D] * 2, BarLine("|]"), title="Here"), tmp_path / "a.tmp")
    assert ElementTree.parse(tmp_path / "a.tmp").getroot().findtext("work/work-title") == "Here"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tmp"]


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_missing_verovio_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "verovio" else find_spec(name))
    with pytest.raises(WriteError, match=f"writing {suffix} needs verovio.*pip install verovio; or write .abc"):
        Abc().write([Piece(tune(A, BarLine("|]")))], tmp_path / f"a{suffix}")
