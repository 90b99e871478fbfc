"""Infills in place: what is outside the gap stays, event by event."""

import logging
from pathlib import Path
from typing import Any

import edits
import midi_files as files
import mido
import numpy as np
import pretty_midi
import pytest

import seqforge_corpora
from seqforge import Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.infill import MAX_NOTES_AFTER, MAX_NOTES_BEFORE
from seqforge_midi.infill_task import OTHER_FIELDS
from seqforge_midi.lint import check_file
from seqforge_midi.midi_parts import read_parts
from seqforge_midi.reader import read_songs
from seqforge_midi.window_bars import bars_of

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
DAW = Path(__file__).parent / "files" / "daw.mid"
OPTIONS = {
    "score": MidiOptions(),
    "score with microtiming": MidiOptions(grid=4, microtiming=12),
    "chorale": MidiOptions(encoding="chorale"),
}
FILES = {
    "score": [DAW, *sorted((CORPORA / "lieder").glob("*.mid"))[::40]],
    "score with microtiming": sorted((CORPORA / "groove").glob("*.mid"))[::30],
    "chorale": sorted((CORPORA / "jsb" / "train").glob("*.mid"))[::40],
}
CHORALE_FILE = sorted((CORPORA / "jsb" / "train").glob("*.mid"))[0]


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def codec_for(path: Path, options: MidiOptions = OPTIONS["score"]) -> MidiCodec:
    return MidiCodec.fit([Piece(read_song(path))], options)


@pytest.mark.parametrize("name", OPTIONS)
def test_infill_leaves_everything_outside_the_gap_as_it_is(name: str, tmp_path: Path) -> None:
    for seed, path in enumerate(FILES[name]):
        codec = codec_for(path, OPTIONS[name])
        file = read_parts(path, "prompt_file")
        bars = bars_of(file.song)
        if len(bars) < 3:
            continue
        rng = np.random.default_rng(seed)
        first = int(rng.integers(1, len(bars) + 1))
        last = min(len(bars) - (first == 1), first + int(rng.integers(0, 3)))
        part = file.parts[int(rng.integers(len(file.parts)))]
        is_one = seed % 2 and len(file.parts) > 1
        infill = f"{part.number}:{first}-{last}" if is_one else f"{first}-{last}"
        result = edits.random_edit(codec, MidiRequest(prompt_file=path, infill=infill), seed, 5 if seed % 3 else 60)
        gap = range(file.first_file_tick(bars[first - 1].start), file.first_file_tick(bars[last - 1].end))
        removed, added = edits.changes(file.data, result.data)
        for number, (lost, new) in enumerate(zip(removed, added, strict=True)):
            assert all(edits.is_note(event) or event.data == b"\xff\x2f\0" for event in [*lost, *new]), path
            assert all(event.tick in gap for event in [*lost, *new] if edits.is_note_on(event)), path
            assert not is_one or number == part.track or not (lost or new)
        common = min(len(bars_of(result)), len(bars))  # a gap at the end may have silent bars
        assert bars_of(result)[:common] == bars[:common]
        (tmp_path / "result.mid").write_bytes(result.data)
        assert set(check_file(tmp_path / "result.mid")) <= set(check_file(path))


@pytest.mark.parametrize(
    "infill", ["right hand:5-8", "Left:1-16", "3:3", "5-8", "voice:1-2,left hand+right:9-12", "1-16"]
)
def test_infill_of_a_file_of_a_sequencer(infill: str, tmp_path: Path) -> None:
    song = edits.random_edit(codec_for(DAW), MidiRequest(prompt_file=DAW, infill=infill), seed=3)
    path = tmp_path / "result.mid"
    Midi().write([Piece(song)], path)
    before, after = mido.MidiFile(DAW), mido.MidiFile(path)
    assert [track.name for track in after.tracks] == [track.name for track in before.tracks]
    for old, new in zip(before.tracks, after.tracks, strict=True):
        assert [message for message in absolute(new) if not is_note(message)] == [
            message for message in absolute(old) if not is_note(message)
        ]
    assert np.allclose(*(pretty_midi.PrettyMIDI(str(file)).get_tempo_changes() for file in (DAW, path)))


def absolute(track: mido.MidiTrack) -> list[tuple[int, str]]:
    """Return the time and text of each message."""
    times = np.cumsum([message.time for message in track]).tolist()
    return [(time, str(message.copy(time=0))) for time, message in zip(times, track, strict=True)]


def is_note(message: tuple[int, str]) -> bool:
    return message[1].startswith("note_")


def test_an_infill_without_new_notes_removes_exactly_the_notes_of_the_gap() -> None:
    result = edits.random_edit(codec_for(DAW), MidiRequest(prompt_file=DAW, infill="Right hand:5-8"), seed=0, choices=0)
    removed, added = edits.changes(DAW.read_bytes(), result.data)
    assert [len(events) for events in removed] == [0, 64, 0, 0, 0]
    assert not any(added)


def test_the_network_reads_a_window_of_a_long_file(tmp_path: Path) -> None:
    notes = b"".join(files.note_on(0, 60 + step % 12) + files.note_off(240, 60 + step % 12) for step in range(12_000))
    path = tmp_path / "long.mid"
    path.write_bytes(files.midi_file(notes + files.END_OF_TRACK))
    codec = codec_for(path)
    [prompt] = codec.task(MidiRequest(prompt_file=path, infill="1000-1001")).prompts
    kinds = np.array(codec.encoding.vocabulary.kinds)
    assert 0 < (kinds[prompt.example.steps] == "pitch").sum() <= MAX_NOTES_BEFORE
    assert prompt.constraint is not None
    assert prompt.constraint.to_end(prompt.constraint.start()) < 5 * (MAX_NOTES_BEFORE + MAX_NOTES_AFTER)


def test_distant_gaps_have_windows_of_their_own() -> None:
    codec = codec_for(DAW)
    assert len(codec.task(MidiRequest(prompt_file=DAW, infill="1,16")).prompts) == 1
    song = max(FILES["score"][1:], key=lambda path: len(read_song(path).bar_starts()))
    bars = len(read_song(song).bar_starts())
    assert bars > 40
    assert len(codec_for(song).task(MidiRequest(prompt_file=song, infill=f"2,{bars - 1}")).prompts) == 2


@pytest.mark.parametrize("signature", [(15, 2), (33, 3), (5, 5), (1, 7)])
def test_bars_of_any_length(signature: tuple[int, int], tmp_path: Path) -> None:
    numerator, power = signature
    quarters = 4 * numerator / 2**power
    steps = [files.note_on(0, 60) + files.note_off(round(96 * quarters / 4), 60) for _ in range(16)]
    path = tmp_path / "bars.mid"
    meter = files.time_signature(0, numerator, power)
    path.write_bytes(files.midi_file(meter + b"".join(steps) + files.END_OF_TRACK, division=96))
    before = read_parts(path, "prompt_file")
    result = edits.random_edit(codec_for(path), MidiRequest(prompt_file=path, infill="2-3"), seed=1)
    assert [bar.start for bar in bars_of(result)] == [bar.start for bar in bars_of(before.song)]
    gap = range(round(96 * quarters), round(3 * 96 * quarters))
    _, [added] = edits.changes(path.read_bytes(), result.data)
    assert {event.tick for event in added if edits.is_note_on(event)} <= set(gap)


def test_programs_that_the_model_lacks_are_mapped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    codec = codec_for(FILES["score"][1])
    strings = files.program_change(0, 48) + b"".join(files.note_on(0, 70) + files.note_off(480, 70) for _ in range(16))
    drums = b"".join(files.note_on(0, 38, channel=9) + files.note_off(480, 38, channel=9) for _ in range(16))
    path = tmp_path / "strings.mid"
    path.write_bytes(files.midi_file(strings + files.END_OF_TRACK, drums + files.END_OF_TRACK))
    with caplog.at_level(logging.WARNING, "seqforge"):
        result = edits.random_edit(codec, MidiRequest(prompt_file=path, infill="2-3"), seed=1)
    assert "String Ensemble 1" in caplog.text
    removed, added = edits.changes(path.read_bytes(), result.data)
    assert removed[0]
    assert not (removed[1] or added[1])
    assert set(result.programs) == {48, 128}
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(prompt_file=path, infill="drums:2-3"))
    assert caught.value.field == "infill"


def test_an_explicit_map_replaces_the_nearest_program(caplog: pytest.LogCaptureFixture) -> None:
    codec = codec_for(CHORALE_FILE)
    program = next(iter(codec.stats.ranges))
    codec.task(MidiRequest(prompt_file=DAW, infill="2", map=f"0={program},52={program}"))
    assert not caplog.text
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(prompt_file=DAW, infill="2", map="0=81"))
    assert (caught.value.field, caught.value.value) == ("map", "0=81")


@pytest.mark.parametrize("suffix", [".mid", ".rmi", ".svg", ".wav"])
def test_an_edited_file_is_written_in_every_format(suffix: str, tmp_path: Path) -> None:
    song = edits.random_edit(codec_for(DAW), MidiRequest(prompt_file=DAW, infill="2-3"), seed=1)
    path = tmp_path / f"song{suffix}"
    Midi().write([Piece(song)], path)
    if suffix in (".mid", ".rmi"):
        assert edits.read_bytes(path) == song.data
    assert path.stat().st_size > 1000


@pytest.mark.parametrize(
    ("encoding", "request_fields", "field"),
    [
        ("chorale", {"infill": "3-4"}, "infill"),
        ("chorale", {"infill": "4-3", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "0-3", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "3to4", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "3-400", "prompt_file": CHORALE_FILE}, "infill"),
        ("score", {"infill": "hand:2", "prompt_file": DAW}, "infill"),
        ("score", {"infill": "kazoo:2", "prompt_file": DAW}, "infill"),
        ("score", {"infill": "4:2", "prompt_file": DAW}, "infill"),
        ("performance", {"infill": "2", "prompt_file": CHORALE_FILE}, "infill"),
    ],
)
def test_impossible_infill_is_a_request_error(encoding: Any, request_fields: dict[str, Any], field: str) -> None:
    codec = codec_for(DAW, MidiOptions(encoding=encoding))
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(**request_fields))
    assert (caught.value.field, caught.value.value) == (field, request_fields[field])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", OTHER_FIELDS)
def test_fields_that_change_the_whole_song_do_not_apply(name: str) -> None:
    values = {"program": "violin", "time_signature": "3/4", "seconds": 3.0}
    with pytest.raises(RequestError) as caught:
        codec_for(DAW).task(MidiRequest(prompt_file=DAW, infill="2", **{name: values.get(name, 7)}))
    assert caught.value.field == name


def test_a_track_that_is_not_known_is_answered_with_the_tracks() -> None:
    with pytest.raises(RequestError) as caught:
        codec_for(DAW).task(MidiRequest(prompt_file=DAW, infill="kazoo:2"))
    assert caught.value.allowed.startswith("1 Right hand (Acoustic Grand Piano), 2 Left hand")


def test_prompt_without_infill_has_four_bars_by_default() -> None:
    codec = codec_for(CHORALE_FILE, OPTIONS["chorale"])
    default, four, all_bars = (
        len(codec.task(MidiRequest(prompt_file=CHORALE_FILE, prompt_bars=bars)).prompts[0].example.steps)
        for bars in (None, 4, 0)
    )
    assert default == four < all_bars
