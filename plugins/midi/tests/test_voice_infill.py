"""Infills in the voices encoding: what is outside the gap stays, event by event."""

from pathlib import Path
from typing import Any

import edits
import numpy as np
import pytest

import seqforge_corpora
from seqforge import Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.infill_task import OTHER_FIELDS
from seqforge_midi.lint import check_file
from seqforge_midi.midi_parts import read_parts
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Track, note_array
from seqforge_midi.voice_infill_task import parts_of_voices
from seqforge_midi.window_bars import bars_of

FILES = sorted((Path(str(next(iter(seqforge_corpora.__path__)))) / "jsb16" / "train").glob("*.mid"))[::40]


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def codec_for(song: Song) -> MidiCodec:
    return MidiCodec.fit([Piece(song)], MidiOptions(encoding="voices"))


def write_song(path: Path, rows: list[tuple[int, ...]], **fields: Any) -> Song:
    song = Song.from_events(note_array(rows), **fields)
    Midi().write([Piece(song)], path)
    return song


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_infill_leaves_everything_outside_the_gap_as_it_is(path: Path, tmp_path: Path) -> None:
    seed = FILES.index(path)
    prompt_file = tmp_path / "prompt.mid"
    Midi().write([Piece(read_song(path).first_bars(8))], prompt_file)
    file = read_parts(prompt_file, "prompt_file")
    bars = bars_of(file.song)
    rng = np.random.default_rng(seed)
    first = int(rng.integers(1, len(bars) + 1))
    last = min(len(bars) - (first == 1), first + int(rng.integers(0, 3)))
    request = MidiRequest(prompt_file=prompt_file, infill=f"{first}-{last}")
    result = edits.random_edit(codec_for(file.song), request, seed, choices=150)
    gap = range(file.first_file_tick(bars[first - 1].start), file.first_file_tick(bars[last - 1].end))
    removed, added = edits.changes(file.data, result.data)
    assert any(added)
    for lost, new in zip(removed, added, strict=True):
        assert all(edits.is_note(event) or event.data == b"\xff\x2f\0" for event in [*lost, *new])
        assert all(event.tick in gap for event in [*lost, *new] if edits.is_note_on(event))
    (tmp_path / "result.mid").write_bytes(result.data)
    assert check_file(tmp_path / "result.mid") == []


def test_each_voice_goes_to_its_part(tmp_path: Path) -> None:
    pitches = {0: 48, 1: 72, 2: 64, 3: 57}  # the bass is the first track of the file
    rows = [
        (1920 * bar, 1920 * bar + 1920, pitch + bar % 2, 80, 52, number)
        for bar in range(4)
        for number, pitch in pitches.items()
    ]
    tracks = [Track(52, number, name) for number, name in enumerate(("Bass", "Soprano", "Alto", "Tenor"))]
    song = write_song(tmp_path / "song.mid", rows, tracks=tracks)
    file = read_parts(tmp_path / "song.mid", "prompt_file")
    assert [part.name for _, part in sorted(parts_of_voices(file).items())] == ["Soprano", "Alto", "Tenor", "Bass"]
    request = MidiRequest(prompt_file=tmp_path / "song.mid", infill="3", rules="strict")
    result = edits.random_edit(codec_for(song), request, seed=1, choices=200)
    assert [track.name for track in result.tracks] == ["Bass", "Soprano", "Alto", "Tenor"]
    in_gap = result.notes[(result.notes["start"] >= 3840) & (result.notes["start"] < 5760)]
    assert set(in_gap["track"].tolist()) == {0, 1, 2, 3}


def test_drums_stay_as_they_are(tmp_path: Path) -> None:
    voices = [(480 * beat, 480 * beat + 480, 60 + beat % 5, 80, 0) for beat in range(16)]
    drums = [(480 * beat, 480 * beat + 60, 36, 80, DRUMS) for beat in range(16)]
    song = write_song(tmp_path / "song.mid", voices + drums)
    request = MidiRequest(prompt_file=tmp_path / "song.mid", infill="2-3")
    result = edits.random_edit(codec_for(song), request, seed=2)
    before, after = (music.notes[music.notes["program"] == DRUMS] for music in (read_song(request.prompt_file), result))
    assert np.array_equal(before, after)


@pytest.mark.parametrize("field", OTHER_FIELDS)
def test_fields_that_change_the_whole_song_do_not_apply(field: str) -> None:
    values = {"bpm": 90, "time_signature": "3/4", "program": "0"}
    request = MidiRequest(prompt_file=FILES[0], infill="2", **{field: values.get(field, 1)})
    with pytest.raises(RequestError) as caught:
        codec_for(read_song(FILES[0])).task(request)
    assert caught.value.field == field


@pytest.mark.parametrize("infill", ["0", "x", "1-1000", "Soprano:2"])
def test_bars_that_cannot_be_filled_in_are_request_errors(infill: str) -> None:
    with pytest.raises(RequestError) as caught:
        codec_for(read_song(FILES[0])).task(MidiRequest(prompt_file=FILES[0], infill=infill))
    assert caught.value.field == "infill"


@pytest.mark.parametrize(("infill", "is_refused"), [("1", False), ("2", True), ("3", True)])
def test_a_gap_behind_a_change_of_meter_is_refused(infill: str, is_refused: bool, tmp_path: Path) -> None:
    rows = [(480 * beat, 480 * beat + 480, 60, 80, 0) for beat in range(14)]
    song = write_song(tmp_path / "song.mid", rows, time_signatures=[(0, (4, 4)), (1920, (3, 4))], length=6240)
    codec, request = codec_for(song), MidiRequest(prompt_file=tmp_path / "song.mid", infill=infill)
    if is_refused:
        with pytest.raises(RequestError) as caught:
            codec.task(request)
        assert caught.value.field == "infill"
    else:
        assert codec.task(request).prompts
