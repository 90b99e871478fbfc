from pathlib import Path

import midi_files as files
import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Song, TempoMap

note_on, note_off, midi_file, END = files.note_on, files.note_off, files.midi_file, files.END_OF_TRACK


def read_all(path: Path, data: bytes) -> list[Song | ReadError]:
    path.write_bytes(data)
    return [item if isinstance(item, ReadError) else item.content for item in read_songs(path)]


def read_one(path: Path, data: bytes) -> Song:
    (song,) = read_all(path, data)
    assert isinstance(song, Song), song
    return song


def note_rows(song: Song) -> list[tuple[int, ...]]:
    return song.notes.tolist()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "song.mid"


def test_one_track(path: Path) -> None:
    track = note_on(0, 60) + note_off(480, 60) + note_on(0, 62, 33) + note_off(240, 62) + END
    song = read_one(path, midi_file(track, file_format=0))
    assert note_rows(song) == [(0, 480, 60, 80, 0), (480, 720, 62, 33, 0)]
    assert (song.tempos, song.time_signatures, song.length) == (((0, 120),), ((0, (4, 4)),), 720)


def test_programs_and_drums(path: Path) -> None:
    flute = files.program_change(0, 73) + note_on(0, 72) + note_off(480, 72) + END
    drums = note_on(0, 36, channel=9) + note_off(10, 36, channel=9) + END
    song = read_one(path, midi_file(flute, drums))
    assert note_rows(song) == [(0, 480, 72, 80, 73), (0, 10, 36, 80, DRUMS)]


def test_times_are_scaled_to_480_ticks_per_quarter(path: Path) -> None:
    song = read_one(path, midi_file(note_on(48, 60) + note_off(96, 60) + END, division=96))
    assert note_rows(song) == [(240, 720, 60, 80, 0)]


def test_division_in_film_frames(path: Path) -> None:
    data = midi_file(
        note_on(1000, 60) + note_off(500, 60) + END, division=0xE728
    )  # 25 frames per second, 40 ticks each
    song = read_one(path, data)
    assert TempoMap(song.tempos).to_seconds(song.notes["start"]).tolist() == [1.0]
    assert song.seconds() == pytest.approx(1.5)


def test_each_track_of_format_2_is_a_song(path: Path) -> None:
    tracks = [note_on(0, pitch) + note_off(9, pitch) + END for pitch in (60, 72)]
    path.write_bytes(midi_file(*tracks, file_format=2))
    pieces = [item for item in read_songs(path) if not isinstance(item, ReadError)]
    assert [piece.content.notes["pitch"].tolist() for piece in pieces] == [[60], [72]]
    assert [piece.origin.place for piece in pieces if piece.origin] == ["track 1", "track 2"]


def test_running_status_and_changes(path: Path) -> None:
    changes = files.set_tempo(0, 600_000) + files.time_signature(0, 3, 2) + files.set_tempo(1440, 400_000) + END
    running = b"\x00\x90\x3c\x50\x83\x60\x3c\x00\x00\x3e\x50\x83\x60\x3e\x00" + END
    song = read_one(path, midi_file(changes, running))
    assert note_rows(song) == [(0, 480, 60, 80, 0), (480, 960, 62, 80, 0)]
    assert song.tempos == ((0, 100),)  # the second tempo change is after the last note
    assert song.time_signatures == ((0, (3, 4)),)


def test_sustain_pedal(path: Path) -> None:
    press, release = files.control_change(0, 64, 127), files.control_change(50, 64, 0)
    song = read_one(path, midi_file(press + note_on(0, 60) + note_off(100, 60) + release + END))
    assert song.pedals.tolist() == [(0, 150, 0)]


def test_note_without_end_is_dropped(path: Path) -> None:
    song = read_one(path, midi_file(note_on(0, 60) + note_on(10, 62) + note_off(100, 62) + END))
    assert note_rows(song) == [(10, 110, 62, 80, 0)]


def test_missing_end_of_track_and_wrong_track_size(path: Path) -> None:
    data = midi_file(note_on(0, 60) + note_off(480, 60))
    assert note_rows(read_one(path, data)) == [(0, 480, 60, 80, 0)]
    wrong_size = data[:18] + b"\xff\xff\xff\xff" + data[22:] + END
    assert note_rows(read_one(path, wrong_size)) == [(0, 480, 60, 80, 0)]


def test_invalid_tempo_and_time_signature_become_defaults(path: Path) -> None:
    changes = files.set_tempo(0, 0) + files.time_signature(0, 0, 2) + note_on(0, 60) + note_off(480, 60) + END
    song = read_one(path, midi_file(changes))
    assert (song.tempos, song.time_signatures) == (((0, 120),), ((0, (4, 4)),))


def test_mido_reads_what_symusic_rejects(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    music = files.control_change(0, 64, 127) + files.program_change(0, 5) + note_on(0, 60) + note_off(480, 60)
    music += files.control_change(0, 64, 0) + END
    drums = note_on(0, 36, channel=9) + note_off(10, 36, channel=9) + END
    changes = files.set_tempo(0, 600_000) + files.time_signature(0, 6, 3) + END
    expected = read_one(path, midi_file(changes, music, drums))
    monkeypatch.setattr("seqforge_midi.reader._parse_with_symusic", lambda data: None)
    assert read_one(path, midi_file(changes, music, drums)) == expected


def test_data_byte_above_127_does_not_end_the_process(path: Path) -> None:
    invalid = bytes([0, 0x9F, 0x80, 64])  # symusic 0.5.9 frees an invalid pointer at this note-on of channel 16
    song = read_one(path, midi_file(note_on(0, 60) + invalid + note_off(480, 60) + END))
    assert note_rows(song) == [(0, 480, 60, 80, 0)]


def test_time_beyond_64_bits_is_a_reason(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge_midi.reader._parse_with_symusic", lambda data: None)
    late = b"\xff" * 12 + b"\x7f" + note_off(0, 60)[1:]  # a time shift of 91 bits, which mido reads
    (error,) = read_all(path, midi_file(note_on(0, 60) + late + END))
    assert isinstance(error, ReadError) and "quarter notes after the start" in error.reason


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "does not begin with MThd"),
        (b"ID3 this is no music" * 9, "does not begin with MThd"),
        (b"MThd\x00\x00\x00\x02" + bytes(9), "header is damaged"),
        (midi_file(), "no tracks"),
        (midi_file(END), "no notes"),
        (midi_file(note_on(0, 60) + note_off(9, 60) + END, division=0), "0 ticks per quarter note"),
        (
            midi_file(note_on(0, 60) + note_off(480, 60) + note_on(0, 62) + note_off(480, 62) + END)[:-7],
            "track 1 has 15 bytes instead of 22",
        ),
        (midi_file(note_on(2**28 - 1, 60) + note_off(2**28 - 1, 60) + END), "more than 100,000 quarter notes"),
        (
            midi_file(b"".join(note_on(2**28 - 1, 60) + note_off(0, 60) for _ in range(9)) + END),
            "more than 100,000 quarter notes",
        ),
        (midi_file(*[END] * 1100), "1,100 tracks; at most 1,024"),
    ],
)
def test_unreadable_file_is_a_read_error(path: Path, data: bytes, fragment: str) -> None:
    (error,) = read_all(path, data)
    assert isinstance(error, ReadError)
    assert error.file == str(path) and fragment in error.reason


def test_large_file_is_not_opened(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(17 << 20)
    (error,) = [*read_songs(path)]
    assert isinstance(error, ReadError) and "more than 16 MB" in error.reason


def test_missing_file_is_a_read_error(path: Path) -> None:
    (error,) = [*read_songs(path)]
    assert isinstance(error, ReadError) and "cannot be read" in error.reason


VALID = midi_file(
    files.set_tempo(0, 500_000) + files.time_signature(0, 4, 2) + END,
    files.program_change(0, 40)
    + b"".join(note_on(0, 60 + number % 12) + note_off(120, 60 + number % 12) for number in range(20))
    + END,
)


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(VALID)))
def test_damaged_file_is_read_or_rejected_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(VALID)
    for offset, value in changes:
        data[offset] = value
    path = tmp_path_factory.mktemp("damaged") / "song.mid"
    for item in read_all(path, bytes(data[: max(length, 1)])):
        if isinstance(item, Song):
            assert len(item.notes) and (item.notes["end"] >= item.notes["start"]).all()
            assert item.notes["start"].min() >= 0 and item.notes["end"].max() <= item.length
            assert np.isin(item.notes["velocity"], range(1, 128)).all()
        else:
            assert item.file == str(path) and item.reason


def test_symusic_and_mido_agree(path: Path) -> None:
    song = read_one(path, VALID)
    messages = [message for track in mido.MidiFile(path).tracks for message in track]
    pitches = [message.note for message in messages if message.type == "note_on" and message.velocity]
    assert song.notes["pitch"].tolist() == pitches


def test_invalid_key_signature_is_a_reason() -> None:
    from seqforge_midi import reader

    track = b"\x00\xff\x59\x02\x00\xff" + b"\x00\xff\x2f\x00"
    data = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk" + len(track).to_bytes(4, "big") + track
    with pytest.raises(ValueError, match="truncated or damaged"):
        reader._parse_with_mido(data)
