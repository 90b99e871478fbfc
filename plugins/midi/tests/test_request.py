from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge_corpora
from seqforge import Example, Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.reader import read_songs
from seqforge_midi.song import note_array

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
FILES = {
    "score": sorted((CORPORA / "lieder").glob("*.mid"))[1],
    "performance": sorted((CORPORA / "groove").glob("*.mid"))[0],
    "chorale": sorted((CORPORA / "jsb" / "train").glob("*.mid"))[0],
    "voices": sorted((CORPORA / "jsb16" / "train").glob("*.mid"))[0],
}


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


@pytest.fixture(scope="module")
def codecs() -> dict[str, MidiCodec]:
    return {
        name: MidiCodec.fit([Piece(read_song(path))], MidiOptions(encoding=name))  # type: ignore[arg-type]
        for name, path in FILES.items()
    }


def write_empty_file(folder: Path) -> Path:
    path = folder / "empty.mid"
    path.write_bytes(b"MThd\x00\x00\x00\x06\x00\x01\x00\x00\x01\xe0")
    return path


def write_flute(folder: Path) -> Path:
    notes = note_array([(0, 480, 72, 90, 73)])
    Midi().write([Piece(Song.from_events(notes))], folder / "flute.mid")
    return folder / "flute.mid"


def write_long_song(folder: Path) -> Path:
    parts = [read_song(FILES["score"]).notes.copy() for _ in range(3)]
    for number, part in enumerate(parts):
        part["start"] += number * 500_000
        part["end"] += number * 500_000
    Midi().write([Piece(Song.from_events(np.concatenate(parts)))], folder / "long.mid")
    return folder / "long.mid"


@pytest.mark.parametrize(
    ("encoding", "fields", "field", "fragment"),
    [
        ("score", {"bars": -1}, "bars", "from 0 to 1000"),
        ("score", {"seconds": 5.0}, "seconds", "set `bars`"),
        ("performance", {"bars": 4}, "bars", "set `seconds`"),
        ("performance", {"seconds": 1e9}, "seconds", "from 0 to 3600"),
        ("score", {"bpm": 9}, "bpm", "from 20 to 300"),
        ("score", {"time_signature": "4"}, "time_signature", "4/4"),
        ("score", {"program": "kazoo"}, "program", "'kazoo'"),
        ("chorale", {"program": "kazoo"}, "program", "'kazoo'"),
        ("score", {"program": "bagpipe"}, "program", "Bagpipe"),
        ("score", {"transpose": 200}, "transpose", "from -127 to 127"),
        ("score", {"prompt_bars": -2}, "prompt_bars", "from 0 (all)"),
        ("score", {"prompt_file": Path("nowhere.mid")}, "prompt_file", "no such file"),
        ("score", {"prompt_file": Path(__file__)}, "prompt_file", "MThd"),
        ("score", {"prompt_file": write_empty_file}, "prompt_file", "no tracks"),
        ("score", {"prompt_file": write_flute}, "prompt_file", "Flute"),
        ("score", {"prompt_file": write_long_song, "prompt_bars": 0}, "prompt_file", "`prompt_bars`"),
        ("chorale", {"prompt_file": FILES["performance"]}, "prompt_file", "only drums"),
        ("score", {"prompt_file": FILES["score"], "bars": 2}, "prompt_file", "`bars`"),
        ("score", {"key": "G"}, "key", "'voices'"),
        ("chorale", {"rules": "strict"}, "rules", "'voices'"),
        ("voices", {"key": "H"}, "key", "major key such as G"),
        ("voices", {"key": "G", "prompt_file": FILES["voices"]}, "key", "leave out `key`"),
        ("voices", {"prompt_file": FILES["performance"]}, "prompt_file", "only drums"),
        ("voices", {"prompt_file": FILES["voices"], "prompt_bars": 6, "bars": 5}, "bars", "at least 6"),
    ],
)
def test_impossible_request_is_a_request_error(
    codecs: dict[str, MidiCodec], encoding: str, fields: dict[str, Any], field: str, fragment: str, tmp_path: Path
) -> None:
    values = {name: value(tmp_path) if callable(value) else value for name, value in fields.items()}
    with pytest.raises(RequestError) as caught:
        codecs[encoding].task(MidiRequest(**values))
    message = str(caught.value)
    assert caught.value.field == field
    assert fragment in message and "\n" not in message and "--" not in message


def test_impossible_transposition_is_a_request_error(codecs: dict[str, MidiCodec]) -> None:
    codec = codecs["chorale"]
    task = codec.task(MidiRequest(transpose=100))
    piece = codec.decode(Example(np.array([60, 128], codec.space.dtype)))
    with pytest.raises(RequestError) as caught:
        task.finish([piece])
    assert (caught.value.field, caught.value.value) == ("transpose", 100)


def test_finish_sets_program_tempo_and_time_signature_of_a_chorale(codecs: dict[str, MidiCodec]) -> None:
    codec = codecs["chorale"]
    task = codec.task(MidiRequest(program="violin", bpm=60, time_signature="3/4", transpose=-5))
    song = task.finish([codec.decode(Example(np.array([60, 128], codec.space.dtype)))]).content
    assert song.notes.tolist() == [(0, 480, 55, 80, 40, 0)]
    assert (song.tempos, song.time_signatures) == (((0, 60),), ((0, (3, 4)),))


def test_prompt_file_is_read_once(codecs: dict[str, MidiCodec], tmp_path: Path) -> None:
    path = tmp_path / "prompt.mid"
    path.write_bytes(FILES["score"].read_bytes())
    codec = codecs["score"]
    task = codec.task(MidiRequest(prompt_file=path))
    path.unlink()
    [prompt] = task.prompts
    expected = codec.canonical(Piece(read_song(FILES["score"]).first_bars(4))).content
    assert task.finish([codec.decode(prompt.example)]).content.notes.tolist() == expected.notes.tolist()
