import dataclasses
import sys
import wave
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pypdf
import pytest
import symusic

import seqforge_corpora
from seqforge import Origin, Piece, ReadError, WriteError
from seqforge_midi import Midi, MidiOptions, Song
from seqforge_midi.audio import loop_seconds, wrap
from seqforge_midi.codec import make_encoding
from seqforge_midi.layout import Layout
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs
from seqforge_midi.song import note_array

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
FILES = {
    "score": sorted((CORPORA / "lieder").glob("*.mid"))[1],
    "performance": sorted((CORPORA / "groove").glob("*.mid"))[0],
    "chorale": sorted((CORPORA / "jsb" / "train").glob("*.mid"))[0],
}


def canonical_song(encoding: str) -> Song:
    (piece,) = read_songs(FILES[encoding])
    assert not isinstance(piece, ReadError), piece
    options = MidiOptions(encoding=encoding)  # type: ignore[arg-type]
    return make_encoding(options).canonical(piece.content.first_bars(4))


@pytest.mark.parametrize("encoding", FILES)
def test_midi_file_is_read_equally_by_all_libraries(encoding: str, tmp_path: Path) -> None:
    song, path = canonical_song(encoding), tmp_path / "song.mid"
    Midi().write([Piece(song, origin=Origin("songs", "seed 0, number 1"))], path)
    assert check_file(path) == []
    file = mido.MidiFile(path)
    assert file.ticks_per_beat == 480 and all(track.name for track in file.tracks)
    messages = [message for track in file.tracks for message in track]
    texts = [message.text for message in messages if message.type == "text"]
    assert len(texts) == 1 and "songs" in texts[0] and "seed 0, number 1" in texts[0]
    assert sum(message.type == "note_on" and message.velocity > 0 for message in messages) == len(song.notes)
    instruments = pretty_midi.PrettyMIDI(str(path)).instruments
    assert sum(len(instrument.notes) for instrument in instruments) == len(song.notes)
    assert symusic.Score(str(path)).note_num() == len(song.notes)
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError)
    assert np.array_equal(piece.content.notes, song.notes)


@pytest.mark.parametrize("encoding", FILES)
def test_every_format_is_deterministic_and_opens(encoding: str, tmp_path: Path) -> None:
    song = canonical_song(encoding)
    for suffix in Midi.writes:
        Midi().write([Piece(song)], tmp_path / f"a{suffix}")
        Midi().write([Piece(song)], tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    from music21 import converter

    score = converter.parse(tmp_path / "a.musicxml", format="musicxml")
    assert len(score.parts) >= 1 and score.flatten().notes
    picture = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert picture.get("width", "").endswith("px") and "NaN" not in (tmp_path / "a.svg").read_text()
    drawn_notes = [element for element in picture.iter() if element.get("fill-opacity")]
    assert len(drawn_notes) == len(song.notes)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44100)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        duration = file.getnframes() / file.getframerate()
    assert duration == pytest.approx(song.seconds() + 0.3, abs=0.1)
    assert 20_000 < np.abs(samples.astype(int)).max() < 32_767


@pytest.mark.parametrize(
    ("end", "bars"), [(480, 1), (1920, 1), (1900, 1), (2000, 1), (2900, 2), (3840, 2)], ids=lambda value: str(value)
)
def test_loop_is_exactly_as_long_as_its_bars(end: int, bars: int, tmp_path: Path) -> None:
    notes = note_array([(0, 240, 38, 80, 128), (240, end, 60, 80, 0)])
    Midi().write_loop(Piece(Song.from_events(notes, tempos=[(0, 100)])), tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 44100)
        assert file.getnframes() == bars * round(4 * 60 / 100 * 44100)


def test_bar_in_which_a_note_starts_belongs_to_the_loop() -> None:
    notes = note_array([(0, 1920, 60, 80, 0), (1920, 1940, 60, 80, 0)])
    song = Song.from_events(notes, tempos=[(0, 60)], time_signatures=[(0, (4, 4)), (1920, (3, 4))])
    assert loop_seconds(song) == 4 + 3


def test_what_sounds_after_the_end_is_at_the_beginning_of_a_loop() -> None:
    samples = np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0], [8.0, 8.0], [16.0, 16.0]])
    assert wrap(samples, 2).tolist() == [[21.0, 21.0], [10.0, 10.0]]
    assert wrap(samples, 7)[:, 0].tolist() == [1, 2, 4, 8, 16, 0, 0]


@pytest.mark.parametrize("suffix", [".mid", ".midi", ".smf", ".rmi"])
def test_every_suffix_of_midi_files_is_read_and_written(suffix: str, tmp_path: Path) -> None:
    song, path = canonical_song("chorale"), tmp_path / f"song{suffix}"
    Midi().write([Piece(song)], path)
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError) and np.array_equal(piece.content.notes, song.notes)
    assert path.read_bytes()[:4] == (b"RIFF" if suffix == ".rmi" else b"MThd")
    assert path.stat().st_size % 2 == 0 or suffix != ".rmi"


def test_more_programs_than_channels_play_on_several_ports(tmp_path: Path) -> None:
    programs = [*range(0, 80, 2), 128]
    notes = note_array([(0, 480, 60, 80, program) for program in programs])
    path = tmp_path / "song.mid"
    Midi().write([Piece(Song.from_events(notes))], path)
    assert check_file(path) == []
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError) and piece.content.notes.tolist() == notes.tolist()


def test_lint_names_tracks_that_share_a_channel(tmp_path: Path) -> None:
    file = mido.MidiFile(type=1)
    for program in (0, 15):
        change = mido.Message("program_change", program=program)
        file.tracks.append(
            mido.MidiTrack([change, mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=9)])
        )
        file.tracks[-1].append(mido.MetaMessage("end_of_track"))
    file.save(tmp_path / "song.mid")
    programs, pitch = check_file(tmp_path / "song.mid")
    assert "tracks 1 and 2 set programs 0 and 15 on channel 1 of port 1" in programs
    assert "tracks 1 and 2 play note 60 on channel 1 of port 1 at tick 0" in pitch


def test_loop_of_an_empty_song_is_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="a loop of 0 seconds"):
        Midi().write_loop(Piece(Song.from_events(note_array([]))), tmp_path / "a.wav")


def test_missing_soundfont_is_a_write_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQFORGE_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(WriteError, match=r"none\.sf2"):
        Midi().write([Piece(canonical_song("chorale"))], tmp_path / "a.wav")


@pytest.mark.parametrize(("suffix", "library"), [(".pdf", "verovio"), (".png", "typst")])
def test_missing_library_is_one_sentence(
    suffix: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(WriteError, match=rf"{library}, which is not installed: pip install"):
        Midi().write([Piece(canonical_song("chorale"))], tmp_path / f"a{suffix}")


def test_picture_of_a_score_is_the_engraved_score(tmp_path: Path) -> None:
    song = dataclasses.replace(canonical_song("chorale"), layout=Layout(title="A & B", picture="score"))
    for suffix in (".svg", ".png", ".pdf"):
        Midi().write([Piece(song)], tmp_path / f"a{suffix}")
    picture = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "A &amp; B</text>" in picture and picture.count('class="staff"') >= 2
    assert ElementTree.fromstring(picture).get("width") == "840px"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    (page,) = pypdf.PdfReader(tmp_path / "a.pdf").pages
    assert "A & B" in page.extract_text() and float(page.mediabox.width) == pytest.approx(630)
