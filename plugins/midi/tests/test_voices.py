"""The voices encoding: notes are given to voices, keys are estimated, and prompts are continued."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge_corpora
from seqforge import DecodeError, Piece, Places
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.key import KEYS, Key
from seqforge_midi.key_estimate import estimate_key
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.reader import read_songs
from seqforge_midi.song import note_array
from seqforge_midi.voice_grid import REST, VOICE_PROGRAMS, VoiceGrid, assign_voices
from seqforge_midi.voice_prompt import CONTINUED_BARS
from seqforge_midi.voices import Voices

CORPUS = Path(str(next(iter(seqforge_corpora.__path__)))) / "jsb16"
ENCODING = Voices()
INDEX = ENCODING.vocabulary.index
HEADER = [INDEX["key", Key(7, False)], INDEX["time_signature", (3, 4)], INDEX["bar", 2], INDEX["time", 4]]


def chorales(split: str) -> list[Song]:
    pieces = [piece for path in sorted((CORPUS / split).glob("*.mid")) for piece in read_songs(path)]
    return [piece.content for piece in pieces if isinstance(piece, Piece)]


def test_the_corpus_is_kept_exactly() -> None:
    sixteenths = 0
    for song in chorales("test"):
        assert ENCODING.losses(song) == Counter()
        assert np.array_equal(ENCODING.canonical(song).notes, song.notes)
        sixteenths += len(VoiceGrid.from_song(song).pitches)
    assert sixteenths == 18_900


def test_a_note_that_is_struck_again_is_another_note() -> None:
    notes = [(0, 240, 67, 80, 40), (240, 480, 67, 80, 40), (0, 480, 43, 80, 43)]
    song = Song.from_events(note_array(notes), [(0, 80)], [(0, (1, 4))])
    names = ENCODING.vocabulary.names()
    assert " ".join(names[step] for step in ENCODING.encode(song)) == (
        "key:G time_signature:1/4 bar:1 time:4 pitch:67 rest rest pitch:43 time:2 pitch:67 rest rest hold:43 bar:0"
    )
    assert np.array_equal(ENCODING.canonical(song).notes, song.notes)


def test_a_pickup_is_a_shorter_first_bar() -> None:
    notes = note_array([(0, 480, 67, 80, 40), (480, 1920, 65, 80, 40)])
    song = Song.from_events(notes, [(0, 80)], [(0, (1, 4)), (480, (3, 4))])
    steps = ENCODING.encode(song)
    assert [ENCODING.vocabulary.names()[step] for step in steps[1:4]] == ["time_signature:3/4", "bar:2", "time:4"]
    assert ENCODING.canonical(song).time_signatures == song.time_signatures
    assert VoiceGrid.from_song(song).bars == len(song.bar_starts()) == 2


def test_notes_of_one_instrument_are_given_to_the_voices_by_pitch() -> None:
    for song in chorales("test")[:20]:
        grid = VoiceGrid.from_song(song)
        notes = np.array(song.notes)
        notes["program"] = 19
        other = VoiceGrid.from_song(Song.from_events(notes, song.tempos, song.time_signatures, length=song.length))
        assert (np.sort(grid.pitches, 1) == np.sort(other.pitches, 1)).mean() > 0.98
        assert (grid.pitches == other.pitches).mean() > 0.8


def test_the_inner_notes_beyond_four_are_counted() -> None:
    chord = note_array([(0, 480, pitch, 80, 0) for pitch in (48, 55, 60, 64, 67, 72)])
    song = Song.from_events(chord)
    assert ENCODING.losses(song)["notes beyond four voices"] == 2
    assert {48, 72} <= set(ENCODING.canonical(song).notes["pitch"].tolist())


def test_parts_that_play_one_note_at_a_time_are_the_voices_even_where_they_cross() -> None:
    starts, ends = np.array([0, 0, 4, 4]), np.array([4, 4, 8, 8])
    voices = assign_voices(starts, ends, np.array([72, 60, 64, 65]), np.array([0, 5, 0, 5]))
    assert voices.tolist() == [0, 3, 0, 3]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_key_of_a_transposed_scale(key: Key) -> None:
    scale = (3, 0, 1.5, 2, 0, 2, 0, 2.5, 1.5, 0, 0, 1) if key.is_minor else (3, 0, 1.5, 0, 2, 1.5, 0, 2.5, 0, 1, 0, 1)
    durations = np.roll(np.array(scale, float), key.tonic)
    assert estimate_key(durations, final_bass=36 + key.tonic) == key
    assert Key.parse(str(key)) == key


def test_the_key_is_transposed_with_the_piece() -> None:
    song = chorales("train")[0]
    notes = np.array(song.notes)
    notes["pitch"] += 2
    steps, other = (
        ENCODING.encode(Song.from_events(rows, song.tempos, song.time_signatures, length=song.length))
        for rows in (song.notes, notes)
    )
    assert ENCODING.key_of(other).tonic == (ENCODING.key_of(steps).tonic + 2) % 12
    assert np.array_equal(ENCODING.transposed(steps, 2), other)


def test_training_pieces_stay_within_the_ranges_of_the_voices() -> None:
    pieces = [Piece(song) for song in chorales("valid")[:12]]
    codec = MidiCodec.fit(pieces, MidiOptions(encoding="voices"))
    keys = set()
    for seed in range(40):
        example = codec.augment(codec.encode(pieces[seed % 12]), np.random.default_rng(seed))
        keys.add(str(ENCODING.key_of(example.steps)))
        for program, (low, high) in ENCODING.ranges_of(example.steps).items():
            assert codec.stats.ranges[program][0] <= low <= high <= codec.stats.ranges[program][1]
        codec.decode(example)
    assert len(keys) > len({str(ENCODING.key_of(codec.encode(piece).steps)) for piece in pieces})


@pytest.mark.parametrize(("bars", "total"), [(0, 4 + CONTINUED_BARS), (7, 7)])
def test_the_bars_of_a_prompt_count_down_from_the_whole(bars: int, total: int) -> None:
    path = CORPUS / "train" / "001.mid"
    codec = MidiCodec.fit([Piece(chorales("train")[0])], MidiOptions(encoding="voices"))
    (prompt,) = codec.task(MidiRequest(prompt_file=path, bars=bars)).prompts
    lines = [codec.vocabulary[step] for step in prompt.example.steps if codec.vocabulary[step].startswith("bar:")]
    assert lines == [f"bar:{total - number}" for number in range(5)]


def test_strict_rules_hold_after_a_prompt_that_breaks_them() -> None:
    path = CORPUS / "test" / "005.mid"  # bar 2 has parallels
    codec = MidiCodec.fit([Piece(song) for song in chorales("valid")[:12]], MidiOptions(encoding="voices"))
    (prompt,) = codec.task(MidiRequest(prompt_file=path, prompt_bars=4, bars=6, rules="strict")).prompts
    with_rules, constraint = codec.encoding.constraint(ParsedRequest(bars=6, strict=True)), prompt.constraint
    states: list[Any] = [with_rules.start(), constraint.start()]
    broken = 0
    for step in prompt.example.steps.tolist():
        broken += not with_rules.allowed(states[0])[step]
        assert np.flatnonzero(constraint.allowed(states[1])).tolist() == [step]
        distance = constraint.to_end(states[1])
        states = [with_rules.advance(states[0], step), constraint.advance(states[1], step)]
        assert constraint.to_end(states[1]) == distance - 1
    assert broken and constraint.allowed(states[1]).sum() > 1


@pytest.mark.parametrize(
    "steps",
    [
        HEADER[1:],
        [*HEADER, *[INDEX["rest", None]] * 3],
        [*HEADER, INDEX["hold", 60], *[INDEX["rest", None]] * 3, INDEX["bar", 1]],
        [*HEADER, *[INDEX["rest", None]] * 4, INDEX["time", 4]],
        [*HEADER, *[INDEX["rest", None]] * 5],
        [*HEADER[:3], INDEX["time", 13]],
    ],
    ids=["no key", "half a frame", "hold of silence", "no time passes", "no position", "long bar"],
)
def test_impossible_tokens_are_a_decode_error(steps: list[int]) -> None:
    with pytest.raises(DecodeError):
        ENCODING.decode(steps, {})


def test_places_are_bars_and_positions() -> None:
    song = chorales("train")[0]
    steps = ENCODING.encode(song)
    places = ENCODING.places()
    array = Places.places(places, steps)
    assert (array[:4] == -1).all() and (array[4:] >= 0).all()
    assert array[-2:, 0].tolist() == [len(song.bar_starts()) - 1, len(song.bar_starts())]
    assert (array[4:-1, 1] % 5 == np.arange(len(steps) - 4) % 5).all()


def test_a_written_chorale_is_read_with_its_voices(tmp_path: Path) -> None:
    song = ENCODING.canonical(chorales("test")[3])
    Midi().write([Piece(song)], tmp_path / "chorale.mid")
    (piece,) = read_songs(tmp_path / "chorale.mid")
    assert isinstance(piece, Piece)
    assert np.array_equal(VoiceGrid.from_song(piece.content).pitches, VoiceGrid.from_song(song).pitches)
    assert set(song.programs) == set(VOICE_PROGRAMS)
    assert (VoiceGrid.from_song(song).pitches != REST).any()
