"""Harmonising: the melody of a file is fixed, and the other voices are free."""

from pathlib import Path
from typing import Any

import edits
import midi_files as files
import numpy as np
import pytest

import seqforge_corpora
from seqforge import Example, Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs
from seqforge_midi.song import note_array
from seqforge_midi.voice_grid import REST, VOICE_NAMES, VoiceGrid

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
CHORALE = sorted((CORPORA / "jsb16" / "train").glob("*.mid"))[3]
LIED = sorted((CORPORA / "lieder").glob("*.mid"))[0]


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def write_voice(path: Path, voice: int) -> VoiceGrid:
    """Write one voice of a chorale as a file, and return its sixteenths."""
    grid = VoiceGrid.from_song(read_song(CHORALE).first_bars(6))
    pitches, onsets = np.full_like(grid.pitches, REST), np.zeros_like(grid.onsets)
    pitches[:, voice], onsets[:, voice] = grid.pitches[:, voice], grid.onsets[:, voice]
    alone = VoiceGrid(pitches, onsets, grid.time_signature, grid.pickup)
    Midi().write([Piece(alone.to_song(90))], path)
    return alone


def harmonised(codec: MidiCodec, path: Path, seed: int, choices: int = 60, **fields: Any) -> Song:
    task = codec.task(MidiRequest(**{"given": path, **fields}))
    [prompt] = task.prompts
    assert prompt.constraint is not None
    steps = edits.random_walk(prompt.constraint, codec.encoding.vocabulary.kinds, seed, choices)
    return task.finish([codec.decode(Example(np.array(steps), extras=prompt.example.extras))]).content


@pytest.mark.parametrize("bars", [5, 60])
def test_the_limit_follows_from_the_bars(bars: int, tmp_path: Path) -> None:
    rows = [(1920 * bar, 1920 * bar + 480, 60, 80, 40) for bar in range(bars)]
    Midi().write([Piece(Song.from_events(note_array(rows)))], tmp_path / "melody.mid")
    codec = MidiCodec.fit([Piece(read_song(LIED))], MidiOptions())
    requests = [{"given": tmp_path / "melody.mid"}, {"bars": bars}]
    lengths = [codec.task(MidiRequest(**request)).prompts[0].length for request in requests]
    assert lengths == [64 * bars + bars, 64 * bars]
    assert codec.task(MidiRequest()).prompts[0].length == codec.stats.max_notes > 0


@pytest.mark.parametrize("rules", ["free", "strict"])
@pytest.mark.parametrize("voice", VOICE_NAMES)
def test_a_voice_is_fixed_and_the_others_sound_with_it(voice: Any, rules: str, tmp_path: Path) -> None:
    number = VOICE_NAMES.index(voice)
    alone = write_voice(tmp_path / "voice.mid", number)
    codec = MidiCodec.fit([Piece(read_song(CHORALE))], MidiOptions(encoding="voices"))
    song = harmonised(codec, tmp_path / "voice.mid", number, 200, voice=voice.lower(), rules=rules)
    grid = VoiceGrid.from_song(song)
    assert np.array_equal(grid.pitches[:, number], alone.pitches[:, number])
    assert np.array_equal(grid.onsets[:, number], alone.onsets[:, number])
    assert (grid.pitches[alone.pitches[:, number] != REST] != REST).mean() > 0.95
    assert (grid.time_signature, grid.pickup) == (alone.time_signature, alone.pickup)


def test_a_soprano_is_the_highest_pitch_of_every_frame(tmp_path: Path) -> None:
    alone = write_voice(tmp_path / "voice.mid", 0)
    codec = MidiCodec.fit([Piece(read_song(CHORALE))], MidiOptions(encoding="chorale", frame=16))
    song = harmonised(codec, tmp_path / "voice.mid", 1)
    for sixteenth, pitch in enumerate(alone.pitches[:, 0].tolist()):
        tick = sixteenth * 120
        sounding = song.notes["pitch"][(song.notes["start"] <= tick) & (song.notes["end"] > tick)]
        assert pitch == (sounding.max() if len(sounding) else REST)
        assert len(sounding) <= 4


def test_an_accompaniment_leaves_the_melody_as_it_is(tmp_path: Path) -> None:
    notes = b"".join(files.note_on(7, 60 + step % 9) + files.note_off(233, 60 + step % 9) for step in range(16))
    data = files.midi_file(files.set_tempo(0, 567_891) + files.program_change(0, 73) + notes + files.END_OF_TRACK)
    path = tmp_path / "melody.mid"
    path.write_bytes(data)
    codec = MidiCodec.fit([Piece(read_song(LIED))], MidiOptions())
    melody, song = read_song(path), harmonised(codec, path, 1)
    program = song.notes["program"]
    assert song.notes[program == 73].tolist() == melody.notes.tolist()
    assert song.tempos == melody.tempos
    assert set(song.programs) == {0, 73}
    Midi().write([Piece(song)], tmp_path / "song.mid")
    assert check_file(tmp_path / "song.mid") == []


@pytest.mark.parametrize(
    ("encoding", "fields", "field"),
    [
        ("performance", {}, "given"),
        ("score", {"bpm": 90}, "bpm"),
        ("voices", {"bars": 4}, "bars"),
        ("chorale", {"infill": "2", "prompt_file": LIED}, "prompt_file"),
        ("score", {"given": LIED}, "given"),
        ("score", {"given": Path("missing.mid")}, "given"),
    ],
)
def test_impossible_harmonies_are_request_errors(encoding: Any, fields: Any, field: str, tmp_path: Path) -> None:
    write_voice(tmp_path / "voice.mid", 0)
    codec = MidiCodec.fit([Piece(read_song(LIED))], MidiOptions(encoding=encoding))
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(**{"given": tmp_path / "voice.mid", **fields}))
    assert caught.value.field == field
