"""The tracks of songs: read with names and channels, and written one by one."""

from pathlib import Path

import midi_files as files
import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece, ReadError
from seqforge_midi import Midi
from seqforge_midi.controls import BEND, EXPRESSION, control_array
from seqforge_midi.lint import check_file
from seqforge_midi.midi_channels import assign_channels
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Song, Track, note_array, pedal_array

END = files.END_OF_TRACK


def read_one(path: Path, data: bytes) -> Song:
    path.write_bytes(data)
    (item,) = read_songs(path)
    assert not isinstance(item, ReadError), item
    return item.content


def write_and_read(song: Song, path: Path) -> Song:
    Midi().write([Piece(song)], path)
    return read_one(path, path.read_bytes())


def name(text: str) -> bytes:
    return b"\x00\xff\x03" + bytes([len(text)]) + text.encode()


def note(delta: int, pitch: int, channel: int = 0) -> bytes:
    return files.note_on(delta, pitch, channel=channel) + files.note_off(100, pitch, channel=channel)


def two_guitars() -> bytes:
    """Return a file of two tracks that play the same pitches with one program, the second one 6 ticks later."""
    first = name("Gt1") + files.program_change(0, 30) + note(0, 40) + note(0, 41) + END
    second = name("Gt2") + files.program_change(0, 30, 1) + note(6, 40, 1) + note(0, 41, 1) + END
    return files.midi_file(name("Duet") + END, first, second)


def test_tracks_of_one_program_are_read_and_written_apart(tmp_path: Path) -> None:
    song = read_one(tmp_path / "duet.mid", two_guitars())
    assert song.tracks == (Track(30, 0, "Gt1", 0), Track(30, 1, "Gt2", 1))
    assert song.notes["track"].tolist() == [0, 1, 0, 1]
    assert song.omitted == {"names of tracks without notes or with several channels": 1}
    assert write_and_read(song, tmp_path / "copy.mid") == song
    assert check_file(tmp_path / "copy.mid") == []
    tracks = mido.MidiFile(tmp_path / "copy.mid").tracks
    assert [track.name for track in tracks] == ["Song", "Gt1", "Gt2"]


def test_channels_and_programs_of_one_track_of_a_file_are_tracks_of_their_own(tmp_path: Path) -> None:
    music = name("all") + note(0, 60) + files.program_change(0, 5) + note(0, 60) + note(0, 60, channel=3) + END
    song = read_one(tmp_path / "a.mid", files.midi_file(music, file_format=0))
    assert song.tracks == (Track(0, 0, "", 0), Track(5, 0, "", 0), Track(0, 1, "", 3))
    assert song.omitted == {"names of tracks without notes or with several channels": 1}


def test_a_pedal_belongs_to_the_track_of_its_channel(tmp_path: Path) -> None:
    pedal = files.control_change(0, 64, 127) + files.control_change(50, 64, 0)
    first, second = note(0, 60) + END, note(0, 62) + pedal + END
    elsewhere = files.control_change(0, 64, 127, 7) + files.control_change(50, 64, 0, 7) + END
    song = read_one(tmp_path / "a.mid", files.midi_file(first, second, elsewhere))
    assert song.pedals.tolist() == [(100, 150, 0, 1)]
    assert song.omitted == {"pedals of channels without notes": 1}


def test_a_track_has_its_channel_unless_another_one_needs_it(tmp_path: Path) -> None:
    rows = [(0, 480, 60, 80, 0, 0), (480, 960, 60, 80, 0, 1), (0, 960, 60, 80, 0, 2), (0, 480, 40, 80, 33)]
    rows += [(0, 10, 36, 80, DRUMS, 0), (0, 10, 36, 80, DRUMS, 1), (0, 480, 70, 80, 56)]
    tracks = [Track(0, 0, "", 4), Track(0, 1, "", 4), Track(0, 2, "", 4), Track(33, 0, "", 4), Track(56, 0, "", 9)]
    song = Song.from_events(note_array(rows), tracks=[*tracks, Track(DRUMS, 0, "", 9), Track(DRUMS, 1, "", 9)])
    assert assign_channels(song) == [(0, 4), (0, 4), (0, 0), (0, 1), (0, 2), (0, 9), (1, 9)]
    restored = write_and_read(song, tmp_path / "a.mid")
    assert restored.notes.tolist() == song.notes.tolist()
    assert check_file(tmp_path / "a.mid") == []


def test_tracks_that_play_nothing_are_left_out_and_missing_ones_are_added() -> None:
    song = Song.from_events(note_array([(0, 1, 60, 80, 8), (0, 1, 60, 80, 3)]), tracks=[Track(8), Track(9)])
    assert song.tracks == (Track(3), Track(8))
    assert song.first_bars(1).tracks == song.tracks


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_songs_of_many_tracks_are_written_without_faults(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = st.tuples(st.sampled_from([0, 40, DRUMS]), st.integers(0, 2))
    spans = st.tuples(st.integers(0, 9), st.integers(60, 61), keys)
    rows = {(start, start + 1, pitch, 80, *key) for start, pitch, key in data.draw(st.lists(spans, min_size=1))}
    pedals = {(start, start + 1, *key) for start, _, key in data.draw(st.lists(spans, max_size=3))}
    channels = st.integers(-1, 15)
    tracks = [Track(*key, "x", data.draw(channels), data.draw(st.integers(0, 1))) for key in {row[4:] for row in rows}]
    song = Song.from_events(note_array(sorted(rows)), pedals=pedal_array(sorted(pedals)), tracks=tracks)
    path = tmp_path_factory.mktemp("tracks") / "song.mid"
    restored = write_and_read(song, path)
    assert check_file(path) == []
    assert sorted(row[:5] for row in restored.notes.tolist()) == sorted(row[:5] for row in song.notes.tolist())


def test_expression_and_bends_are_read_and_written(tmp_path: Path) -> None:
    music = files.control_change(0, 11, 90) + files.note_on(0, 60) + b"\x64\xe0\x01\x50" + b"\x64\xe0\x00\x40"
    music += files.note_off(100, 60) + files.control_change(0, 121, 0) + files.control_change(10, 11, 5) + END
    elsewhere = files.control_change(0, 11, 80, 7) + END
    song = read_one(tmp_path / "a.mid", files.midi_file(music, elsewhere))
    bend = (100, BEND, 0x50 * 128 + 1 - 8192, 0, 0)
    assert song.controls.tolist() == [
        (0, EXPRESSION, 90, 0, 0),
        bend,
        (200, BEND, 0, 0, 0),
        (300, EXPRESSION, 127, 0, 0),
    ]
    assert song.omitted == {
        "changes of expression and pitch bends after the last note": 1,
        "changes of expression and pitch bends of channels without notes": 1,
    }
    restored = write_and_read(song, tmp_path / "b.mid")
    assert restored.controls.tolist() == song.controls.tolist() and restored == song
    assert song.first_bars(1).controls.tolist() == song.controls.tolist()[:-1], "nothing changes at the end"


def test_the_first_bars_end_without_a_bend() -> None:
    controls = control_array([(0, BEND, 99, 0, 0), (0, EXPRESSION, 9, 0, 0), (4000, BEND, 0, 0, 0)])
    song = Song.from_events(note_array([(0, 4800, 60, 80, 0)]), controls=controls)
    assert song.first_bars(1).controls.tolist() == [
        (0, EXPRESSION, 9, 0, 0), (0, BEND, 99, 0, 0), (1920, BEND, 0, 0, 0),
    ]  # fmt: skip
