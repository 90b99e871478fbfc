import dataclasses
import sys
from pathlib import Path

import pytest

import seqforge_corpora
from seqforge import Piece, ReadError
from seqforge_midi import Midi, MidiOptions, Song
from seqforge_midi.layout import Layout
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Track, note_array
from seqforge_midi.song_files import read_song_file

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))

SCORE = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0">
  <work><work-title>Two bars</work-title></work>
  <part-list><score-part id="P1"><part-name>Clarinet in B&#9837;</part-name>
    <score-instrument id="I1"><instrument-name>Clarinet</instrument-name></score-instrument>
    <midi-instrument id="I1"><midi-channel>1</midi-channel><midi-program>72</midi-program></midi-instrument>
  </score-part></part-list>
  <part id="P1">
    <measure number="0" implicit="yes">
      <attributes><divisions>2</divisions><key><fifths>1</fifths></key><time><beats>3</beats><beat-type>4</beat-type></time>
        <transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>
      <direction><direction-type><dynamics><f/></dynamics></direction-type><sound tempo="66"/></direction>
      <note><pitch><step>D</step><octave>5</octave></pitch><duration>2</duration><type>quarter</type>
        <lyric><text>la</text></lyric></note>
    </measure>
    <measure number="1">
      <note><grace/><pitch><step>A</step><octave>5</octave></pitch><type>eighth</type></note>
      <note><pitch><step>G</step><octave>5</octave></pitch><duration>6</duration><tie type="start"/>
        <type>half</type><dot/></note>
    </measure>
    <measure number="2">
      <note><pitch><step>G</step><octave>5</octave></pitch><duration>2</duration><tie type="stop"/>
        <type>quarter</type></note>
      <note><rest/><duration>4</duration><type>half</type></note>
      <barline location="right"><repeat direction="backward"/></barline>
    </measure>
  </part>
</score-partwise>
"""


def read(path: Path) -> Song:
    (piece,) = read_song_file(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def test_score_is_read_as_it_sounds(tmp_path: Path) -> None:
    path = tmp_path / "score.musicxml"
    path.write_text(SCORE, encoding="utf-8")
    song = read(path)
    once = [(0, 480, 72, 96, 71, 0), (480, 2400, 77, 96, 71, 0)]
    again = [(start + 3360, end + 3360, *rest) for start, end, *rest in once]
    assert [tuple(note) for note in song.notes.tolist()] == [*once, *again]
    assert song.time_signatures[:2] == ((0, (1, 4)), (480, (3, 4)))
    assert song.layout.title == "Two bars" and song.tracks[0].name.startswith("Clarinet")
    assert song.omitted["grace notes"] == 2 and song.omitted["lyrics"] == 2


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl"])
@pytest.mark.parametrize("name", ["lieder", "jsb/train"])
def test_notes_of_a_written_score_read_back(name: str, suffix: str, tmp_path: Path) -> None:
    piece = next(read_songs(sorted((CORPORA / name).glob("*.mid"))[2]))
    assert not isinstance(piece, ReadError)
    song = dataclasses.replace(piece.content.first_bars(12), layout=Layout(title="Evening"))
    path = tmp_path / f"score{suffix}"
    Midi().write([Piece(song)], path)
    (back,) = Midi().read(path, MidiOptions())
    assert not isinstance(back, ReadError)
    fields = ["start", "end", "pitch", "velocity", "program"]
    assert sorted(back.content.notes[fields].tolist()) == sorted(song.notes[fields].tolist())
    assert back.content.time_signatures == song.time_signatures
    assert back.content.layout.title == "Evening"


def test_drums_read_back_by_their_place_on_the_staff(tmp_path: Path) -> None:
    keys = [36, 38, 42, 46, 49, 51, 44, 43]
    song = Song.from_events(note_array([(480 * n, 480 * n + 480, key, 80, DRUMS) for n, key in enumerate(keys)]))
    Midi().write([Piece(song)], tmp_path / "beat.musicxml")
    assert read(tmp_path / "beat.musicxml").notes["pitch"].tolist() == keys


def test_parts_are_tracks(tmp_path: Path) -> None:
    rows = [(0, 480, 60, 80, 40, 0), (0, 480, 64, 80, 40, 1)]
    song = Song.from_events(note_array(rows), tracks=[Track(40, 0, "Violin II"), Track(40, 1, "Violin I")])
    Midi().write([Piece(song)], tmp_path / "duet.musicxml")
    assert {track.name for track in read(tmp_path / "duet.musicxml").tracks} == {"Violin I", "Violin II"}


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".xml"])
@pytest.mark.parametrize("content", [b"", b"<score-partwise", b"PK\x03\x04 cut off", b"<html/>"], ids=range(4))
def test_damaged_score_is_one_read_error(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"score{suffix}"
    path.write_bytes(content)
    (error,) = read_song_file(path)
    assert isinstance(error, ReadError) and error.file == str(path)


def test_missing_music21_is_a_read_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    (error,) = read_song_file(tmp_path / "score.mxl")
    assert isinstance(error, ReadError) and "music21" in error.reason
