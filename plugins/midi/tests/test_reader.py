import importlib.util
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_midi.reading import read_songs
from seqforge_midi.song import DRUMS, Clock, Song

spec = importlib.util.spec_from_file_location("midi_files", Path(__file__).parent / "midi_files.py")
assert spec and spec.loader
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)
on, off, smf, END = files.on, files.off, files.smf, files.END


def read(path: Path, data: bytes) -> list[Song | ReadError]:
    path.write_bytes(data)
    return [found if isinstance(found, ReadError) else found[0] for found in read_songs(path)]


def one(path: Path, data: bytes) -> Song:
    (found,) = read(path, data)
    assert isinstance(found, Song), found
    return found


def rows(song: Song) -> list[tuple[int, ...]]:
    return song.notes.tolist()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "song.mid"


def test_one_track(place: Path) -> None:
    song = one(place, smf(on(0, 60) + off(480, 60) + on(0, 62, 33) + off(240, 62) + END, kind=0))
    assert rows(song) == [(0, 480, 60, 80, 0), (480, 720, 62, 33, 0)]
    assert (song.tempos, song.meters, song.length) == (((0, 120),), ((0, (4, 4)),), 720)


def test_tracks_programs_and_drums(place: Path) -> None:
    flute = files.program(0, 73) + on(0, 72) + off(480, 72) + END
    drums = on(0, 36, channel=9) + off(10, 36, channel=9) + END
    assert rows(one(place, smf(flute, drums))) == [(0, 480, 72, 80, 73), (0, 10, 36, 80, DRUMS)]


def test_the_division_is_brought_to_480(place: Path) -> None:
    assert rows(one(place, smf(on(48, 60) + off(96, 60) + END, division=96))) == [(240, 720, 60, 80, 0)]


def test_frames_of_film_are_seconds(place: Path) -> None:
    song = one(place, smf(on(1000, 60) + off(500, 60) + END, division=0xE728))  # 25 frames of 40 ticks
    assert Clock(song.tempos).all_seconds(song.notes["start"]).tolist() == [1.0]
    assert song.seconds() == pytest.approx(1.5)


def test_every_track_of_format_2_is_a_song(place: Path) -> None:
    first, second = read(place, smf(on(0, 60) + off(9, 60) + END, on(0, 72) + off(9, 72) + END, kind=2))
    assert isinstance(first, Song) and isinstance(second, Song)
    assert (first.notes["pitch"].tolist(), second.notes["pitch"].tolist()) == ([60], [72])


def test_running_status_and_changes(place: Path) -> None:
    signs = files.tempo(0, 600_000) + files.meter(0, 3, 2) + files.tempo(1440, 400_000) + END
    running = b"\x00\x90\x3c\x50\x83\x60\x3c\x00\x00\x3e\x50\x83\x60\x3e\x00" + END
    song = one(place, smf(signs, running + b""))
    assert rows(song) == [(0, 480, 60, 80, 0), (480, 960, 62, 80, 0)]
    assert song.tempos == ((0, 100),)  # the later one comes after the music
    assert song.meters == ((0, (3, 4)),)


def test_pedals(place: Path) -> None:
    data = smf(files.control(0, 64, 127) + on(0, 60) + off(100, 60) + files.control(50, 64, 0) + END)
    assert one(place, data).pedals.tolist() == [(0, 150, 0)]


def test_a_note_that_never_ends_is_left_out(place: Path) -> None:
    assert rows(one(place, smf(on(0, 60) + on(10, 62) + off(100, 62) + END))) == [(10, 110, 62, 80, 0)]


def test_a_missing_end_and_a_size_that_lies(place: Path) -> None:
    whole = smf(on(0, 60) + off(480, 60))
    assert rows(one(place, whole)) == [(0, 480, 60, 80, 0)]
    lied = whole[:18] + b"\xff\xff\xff\xff" + whole[22:] + END
    assert rows(one(place, lied)) == [(0, 480, 60, 80, 0)]


def test_an_absurd_tempo_and_meter(place: Path) -> None:
    signs = files.tempo(0, 0) + files.meter(0, 0, 2) + on(0, 60) + off(480, 60) + END
    song = one(place, smf(signs))
    assert (song.tempos, song.meters) == (((0, 120),), ((0, (4, 4)),))


def test_what_symusic_refuses_mido_reads(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    music = files.control(0, 64, 127) + files.program(0, 5) + on(0, 60) + off(480, 60) + files.control(0, 64, 0)
    drums = on(0, 36, channel=9) + off(10, 36, channel=9) + END
    signs = files.tempo(0, 600_000) + files.meter(0, 6, 3) + END
    fast = one(place, smf(signs, music + END, drums))
    monkeypatch.setattr("seqforge_midi.reading._by_symusic", lambda data: None)
    assert one(place, smf(signs, music + END, drums)) == fast


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no MIDI file: it does not begin with MThd"),
        (b"ID3 this is no music" * 9, "is no MIDI file: it does not begin with MThd"),
        (b"MThd\x00\x00\x00\x02" + bytes(9), "has a damaged header"),
        (smf(), "has no tracks"),
        (smf(END), "holds no note"),
        (smf(on(0, 60) + off(9, 60) + END, division=0), "no ticks to a quarter"),
        (
            smf(on(0, 60) + off(480, 60) + on(0, 62) + off(480, 62) + END)[:-7],
            "is cut off: track 1 has 15 bytes, and says 22",
        ),
        (smf(on(2**28 - 1, 60) + off(2**28 - 1, 60) + END), "more than 100,000 quarters"),
        (smf(b"".join(on(2**28 - 1, 60) + off(0, 60) for _ in range(9)) + END), "more than 100,000 quarters"),
        (smf(*[END] * 1100), "has 1,100 tracks; 1,024 are allowed"),
    ],
)
def test_what_cannot_be_read_is_told(place: Path, data: bytes, reason: str) -> None:
    (found,) = read(place, data)
    assert isinstance(found, ReadError)
    assert str(found).startswith(f"{place}: ") and reason in str(found)


def test_a_file_of_many_megabytes_is_not_opened(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(17 << 20)
    (found,) = [*read_songs(place)]
    assert isinstance(found, ReadError) and "more than 16 MB" in str(found)


def test_a_file_that_is_gone(place: Path) -> None:
    (found,) = [*read_songs(place)]
    assert isinstance(found, ReadError) and "cannot be read" in str(found)


REAL = smf(
    files.tempo(0, 500_000) + files.meter(0, 4, 2) + END,
    files.program(0, 40) + b"".join(on(0, 60 + n % 12) + off(120, 60 + n % 12) for n in range(20)) + END,
)


@given(st.lists(st.tuples(st.integers(0, len(REAL) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(REAL)))
def test_a_damaged_file_is_read_or_refused_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(REAL)
    for at, value in changes:
        data[at] = value
    path = tmp_path_factory.mktemp("damaged") / "song.mid"
    for found in read(path, bytes(data[: max(length, 1)])):
        if isinstance(found, Song):
            assert len(found.notes) and (found.notes["end"] >= found.notes["start"]).all()
            assert found.notes["start"].min() >= 0 and found.notes["end"].max() <= found.length
            assert np.isin(found.notes["velocity"], range(1, 128)).all()
        else:
            assert str(found).startswith(str(path))


def test_symusic_and_mido_read_the_same(place: Path) -> None:
    place.write_bytes(REAL)
    ours = one(place, REAL)
    struck = [m for track in mido.MidiFile(place).tracks for m in track if m.type == "note_on" and m.velocity]
    assert ours.notes["pitch"].tolist() == [m.note for m in struck]
