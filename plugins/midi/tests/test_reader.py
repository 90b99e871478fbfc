import itertools
from pathlib import Path
from typing import Any

import midi_files as files
import mido
import numpy as np
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import Piece, ReadError
from seqforge_midi import Midi
from seqforge_midi.midi_events import scan_tracks
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
    return [row[:5] for row in song.notes.tolist()]


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


def test_division_of_29_frames_is_drop_frame(path: Path) -> None:
    data = midi_file(note_on(1200, 60) + note_off(600, 60) + END, division=0xE328)  # 30000/1001 frames, 40 ticks each
    assert read_one(path, data).seconds() == pytest.approx(1.5 * 1.001)


@given(st.lists(st.tuples(st.integers(0, 960), st.integers(1, 2**24 - 1)), min_size=1, max_size=9))
def test_tempos_are_kept_to_the_microsecond(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("tempos") / "song.mid"
    data = b"".join(files.set_tempo(delta, microseconds) for delta, microseconds in changes)
    song = read_one(path, midi_file(note_on(0, 60) + data + note_off(480, 60) + END))
    ticks = [0, *itertools.accumulate(delta for delta, _ in changes)]
    durations = np.diff([*ticks, ticks[-1] + 480]) * np.array([500_000, *(number for _, number in changes)])
    assert song.seconds() == pytest.approx(durations.sum() / 480e6, rel=1e-12)
    Midi().write([Piece(song)], path)
    assert read_one(path, path.read_bytes()) == song


def test_what_a_song_does_not_keep_is_counted(path: Path) -> None:
    music = files.control_change(0, 7, 100) + files.control_change(0, 11, 90) + files.control_change(0, 64, 127)
    music += b"\x00\xe0\x00\x50" + b"\x00\xd0\x05" + b"\x00\xff\x05\x02la" + b"\x00\xff\x59\x02\x01\x00"
    music += b"\x00\xf0\x02\x7e\xf7" + b"\x00\xff\x06\x01A" + note_on(0, 60) + note_on(1, 61)
    music += files.control_change(700, 123, 0) + bank(127, 10) + note_on(0, 36, channel=10) + END
    assert read_one(path, midi_file(music, division=960)).omitted == {
        "controllers other than sustain and expression": 2,  # volume and the bank
        "aftertouch messages": 1,
        "lyrics": 1,
        "key signatures": 1,
        "sysex messages": 1,
        "texts and markers": 1,
        "pedals that are never lifted": 1,
        "notes ended by controllers 120 and 123 to 127": 2,
        "notes without an end, which end at the next event of their pitch or with their track": 1,
        "notes of other channels than 10 that are drums by GS, XG or General MIDI 2": 1,
        "notes moved to 1/480 of a quarter note": 2,
    }
    assert not read_one(path, midi_file(note_on(0, 60) + note_off(1, 60) + END)).omitted


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
    assert song.pedals.tolist() == [(0, 150, 0, 0)]


def test_pedal_that_is_never_lifted_ends_with_its_track(path: Path) -> None:
    press, reset = files.control_change(0, 64, 127), files.control_change(50, 121, 0)
    music = note_on(0, 60) + note_off(100, 60)
    assert read_one(path, midi_file(press + music + END)).pedals.tolist() == [(0, 100, 0, 0)]
    assert read_one(path, midi_file(press + music + reset + END)).pedals.tolist() == [(0, 150, 0, 0)]


def test_pedal_in_a_track_of_its_own_belongs_to_the_program_of_its_channel(path: Path) -> None:
    music = files.program_change(0, 40) + note_on(0, 60) + note_off(100, 60) + END
    pedal = files.control_change(0, 64, 127) + files.control_change(50, 64, 0) + END
    assert read_one(path, midi_file(pedal, music)).pedals.tolist() == [(0, 50, 40, 0)]


def test_note_without_end_ends_with_its_track(path: Path) -> None:
    end = b"\x81\x00" + END[1:]  # 128 ticks later
    song = read_one(path, midi_file(note_on(0, 60) + note_on(10, 62) + note_off(100, 62) + end))
    assert note_rows(song) == [(0, 238, 60, 80, 0), (10, 110, 62, 80, 0)]


def test_note_without_end_ends_where_its_pitch_is_struck_again_or_released(path: Path) -> None:
    struck_again = note_on(0, 60) + note_off(0, 60, channel=1) + note_on(50, 60) + END
    assert note_rows(read_one(path, midi_file(struck_again))) == [(0, 50, 60, 80, 0), (50, 50, 60, 80, 0)]
    released = note_on(0, 60) + note_on(50, 60) + note_off(50, 60) + note_on(100, 62) + END
    rows = note_rows(read_one(path, midi_file(released)))
    assert rows == [(0, 100, 60, 80, 0), (50, 100, 60, 80, 0), (200, 200, 62, 80, 0)]


@pytest.mark.parametrize("control", [120, 123, 127])
def test_all_notes_off_ends_the_notes_of_its_channel(path: Path, control: int) -> None:
    music = note_on(0, 60) + note_on(0, 60, channel=1) + files.control_change(480, control, 0)
    music += note_off(480, 60) + note_on(0, 60) + note_off(10, 60) + note_off(10, 60, channel=1) + END
    rows = note_rows(read_one(path, midi_file(music)))
    assert rows == [(0, 480, 60, 80, 0), (0, 980, 60, 80, 0), (960, 970, 60, 80, 0)]


@pytest.mark.parametrize("between", [b"\x00\xf0\x02\x7e\xf7", b"\x00\xf7\x01\xfa", b"\x00\xff\x01\x02hi"])
def test_running_status_across_other_events(path: Path, between: bytes) -> None:
    running = b"\x00\x90\x3c\x50\x83\x60" + b"\x3c\x00" + between + b"\x00\x3e\x50\x83\x60\x3e\x00" + END
    assert note_rows(read_one(path, midi_file(running))) == [(0, 480, 60, 80, 0), (480, 960, 62, 80, 0)]


def test_running_status_of_messages_with_one_data_byte(path: Path) -> None:
    track = b"\x00\xc0\x05\x00\x06" + note_on(0, 60) + note_off(9, 60) + b"\x00\xd0\x01\x05\x02" + END
    assert note_rows(read_one(path, midi_file(track))) == [(0, 9, 60, 80, 6)]


def test_divided_sysex_message_takes_its_delta_times_only(path: Path) -> None:
    divided = b"\x00\xf0\x03\x43\x12\x00" + b"\x81\x48\xf7\x04\x43\x12\x00\xf7"  # 200 ticks in between
    assert note_rows(read_one(path, midi_file(divided + note_on(100, 60) + note_off(9, 60) + END))) == [
        (300, 309, 60, 80, 0)
    ]


GS_RHYTHM = bytes([0, 0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x1A, 0x15, 2, 15, 0xF7])  # part 11
GS_MELODY = bytes([0, 0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0, 0xF7])  # part 10
XG_RHYTHM = bytes([0, 0xF0, 8, 0x43, 0x10, 0x4C, 0x08, 10, 7, 2, 0xF7])
GS_RESET = bytes([0, 0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41, 0xF7])


def bank(number: int, channel: int) -> bytes:
    return files.control_change(0, 0, number, channel) + files.program_change(0, 5, channel)


@pytest.mark.parametrize(
    ("prefix", "channel", "program"),
    [
        (b"", 9, DRUMS),
        (b"", 10, 0),
        (GS_RHYTHM, 10, DRUMS),
        (GS_RHYTHM, 11, 0),
        (GS_MELODY, 9, 0),
        (XG_RHYTHM, 10, DRUMS),
        (bank(127, 10), 10, DRUMS),
        (bank(120, 10), 10, DRUMS),
        (bank(121, 9), 9, 5),
        (bank(0, 10), 10, 5),
        (bank(127, 10) + bank(0, 10), 10, 5),
        (GS_RESET + bank(127, 10), 10, 5),  # a bank of another synthesiser
    ],
)
def test_channels_that_play_drums(path: Path, prefix: bytes, channel: int, program: int) -> None:
    music = note_on(0, 36, channel=channel) + note_off(9, 36, channel=channel) + END
    assert read_one(path, midi_file(prefix + music)).programs == (program,)


def test_riff_chunks_before_the_music(path: Path) -> None:
    data = midi_file(note_on(0, 60) + note_off(9, 60) + END)
    display = b"DISP" + (5).to_bytes(4, "little") + b"MThd!" + b"\0"  # of odd size, so it is padded
    body = b"RMID" + display + b"data" + len(data).to_bytes(4, "little") + data
    assert len(read_one(path, b"RIFF" + len(body).to_bytes(4, "little") + body).notes) == 1


@pytest.mark.parametrize("fault", [-1, 1, 3])
def test_wrong_size_of_a_track_before_another_track(path: Path, fault: int) -> None:
    data = bytearray(midi_file(*[note_on(0, pitch) + note_off(9, pitch) + END for pitch in (60, 62)]))
    data[21] += fault
    assert [row[2] for row in note_rows(read_one(path, bytes(data)))] == [60, 62]


def test_missing_end_of_track_and_wrong_track_size(path: Path) -> None:
    data = midi_file(note_on(0, 60) + note_off(480, 60))
    assert note_rows(read_one(path, data)) == [(0, 480, 60, 80, 0)]
    wrong_size = data[:18] + b"\xff\xff\xff\xff" + data[22:] + END
    assert note_rows(read_one(path, wrong_size)) == [(0, 480, 60, 80, 0)]


def test_invalid_tempo_and_time_signature_become_defaults(path: Path) -> None:
    changes = files.set_tempo(0, 0) + files.time_signature(0, 0, 2) + note_on(0, 60) + note_off(480, 60) + END
    song = read_one(path, midi_file(changes))
    assert (song.tempos, song.time_signatures) == (((0, 120),), ((0, (4, 4)),))


def test_data_byte_above_127_does_not_end_the_process(path: Path) -> None:
    invalid = bytes([0, 0x9F, 0x80, 64])  # symusic 0.5.9 frees an invalid pointer at this note-on of channel 16
    song = read_one(path, midi_file(note_on(0, 60) + invalid + note_off(480, 60) + END))
    assert note_rows(song) == [(0, 480, 60, 80, 0)]


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
        (midi_file(note_on(0, 60) + b"\xff" * 12 + b"\x7f" + END), "track 1 is damaged: the event at byte 4"),
        (midi_file(END, note_on(0, 60) + b"\x00\x90"), "track 2 is damaged: the event at byte 4"),
        (midi_file(b"\x00\x3c\x50" + END), "the event at byte 0 has no status"),
        (midi_file(note_on(0, 60) + b"\x00\xf0\x7f\x01" + END), "track 1 is damaged: the event at byte 4"),
        (b"RIFF\x04\0\0\0RMID", "no `data` chunk"),
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


CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))


@pytest.mark.parametrize("name", ["lieder", "jsb", "groove"])
def test_every_note_that_mido_reads_is_a_note(name: str) -> None:
    for path in sorted((CORPORA / name).rglob("*.mid"))[::60]:
        file = mido.MidiFile(path)
        starts = sorted(
            (round(tick * 480 / file.ticks_per_beat), message.note, message.velocity)
            for track in file.tracks
            for tick, message in zip(itertools.accumulate(message.time for message in track), track, strict=True)
            if message.type == "note_on" and message.velocity
        )
        song = read_one(path, path.read_bytes())
        assert sorted((row[0], *row[2:4]) for row in note_rows(song)) == starts


def test_symusic_and_mido_agree(path: Path) -> None:
    song = read_one(path, VALID)
    messages = [message for track in mido.MidiFile(path).tracks for message in track]
    pitches = [message.note for message in messages if message.type == "note_on" and message.velocity]
    assert song.notes["pitch"].tolist() == pitches
    assert [note.pitch for note in symusic.Score(path).tracks[0].notes] == pitches


channel_events = st.one_of(
    st.tuples(
        st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0xE0]), st.integers(0, 15), st.integers(0, 63), st.integers(0, 9)
    ),
    st.tuples(st.sampled_from([0xC0, 0xD0]), st.integers(0, 15), st.integers(0, 127)),
    st.tuples(st.sampled_from([0xFF, 0xF0]), st.binary(max_size=200)),
)


@given(st.lists(st.tuples(st.one_of(st.integers(0, 9), st.integers(0, 2**28 - 1)), channel_events), max_size=40))
def test_scan_returns_the_messages_of_a_track(events: list[tuple[int, tuple[Any, ...]]]) -> None:
    data, running, now, expected = b"", 0, 0, []
    for delta, (kind, *rest) in events:
        data += files.variable_length(delta)
        now += delta
        if kind >= 0xF0:
            content = rest[0]
            data += bytes([kind] + [1] * (kind == 0xFF)) + files.variable_length(len(content)) + content
            continue
        status = kind | rest[0]
        if status != running:  # else under running status
            data += bytes([status])
        data += bytes(rest[1:])
        running = status
        expected.append((now, rest[0], kind, *rest[1:], *[0] * (3 - len(rest))))
    messages = scan_tracks([data + END]).messages
    columns = (messages.ticks, messages.channels, messages.kinds, messages.firsts, messages.seconds)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected
    assert set(messages.ends.tolist()) <= {now}
