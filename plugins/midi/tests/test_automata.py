from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_midi import MidiOptions
from seqforge_midi.codec import make_encoding
from seqforge_midi.controls import EXPRESSION, control_array
from seqforge_midi.encoding import Encoding
from seqforge_midi.export import write_song
from seqforge_midi.key import KEYS, Key
from seqforge_midi.lint import check_file
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, Song, note_array, pedal_array

ALL_CONTROLLERS = "sustain,expression,bend"
ENCODINGS = {
    "score": make_encoding(MidiOptions()),
    "score with microtiming": make_encoding(MidiOptions(grid=4, microtiming=12)),
    "performance": make_encoding(MidiOptions(encoding="performance")),
    "chorale": make_encoding(MidiOptions(encoding="chorale")),
    "score with tracks": make_encoding(MidiOptions(), {40: 2, 73: 3}),
    "performance with tracks": make_encoding(MidiOptions(encoding="performance"), {40: 2, 73: 3}),
    "score with controllers": make_encoding(MidiOptions(controllers=ALL_CONTROLLERS), {40: 2}),
    "score with microtiming and controllers": make_encoding(
        MidiOptions(grid=4, microtiming=12, controllers=ALL_CONTROLLERS)
    ),
    "performance with controllers": make_encoding(MidiOptions(encoding="performance", controllers=ALL_CONTROLLERS)),
    "score with repeats and chords": make_encoding(MidiOptions(grid=4, bar_repeats=True, bar_chords=True)),
}
REQUESTS: dict[str, dict[str, Any]] = {
    "anything": {},
    "four bars": {"bars": 4},
    "one bar": {"bars": 1},
    "two seconds": {"seconds": 2.0},
    "shorter than a note": {"seconds": 0.01},
    "slow waltz": {"bpm": 60, "time_signature": (3, 4)},
    "flute and drums": {"programs": (73, DRUMS)},
    "violin only": {"programs": (40,), "bars": 2, "ranges": {40: (55, 60)}},
    "second violin": {"programs": (40, 73), "track_counts": {73: 1}},
    "drums only": {"programs": (DRUMS,), "drum_pitches": (36, 38)},
}


def random_walk(encoding: Encoding, request: ParsedRequest, rng: np.random.Generator, max_steps: int) -> list[int]:
    """Return random allowed steps, led to the nearest end; the laws of `Constraint` are checked on the way."""
    constraint = encoding.constraint(request)
    state = constraint.start()
    steps: list[int] = []
    for _ in range(max_steps):
        allowed = np.flatnonzero(constraint.allowed(state))
        assert len(allowed) or constraint.may_end(state)
        assert (constraint.to_end(state) == 0) == constraint.may_end(state)
        kinds = sorted({encoding.vocabulary.kinds[step] for step in allowed})
        if not kinds:
            break
        kind = rng.choice(kinds)
        step = int(rng.choice([step for step in allowed if encoding.vocabulary.kinds[step] == kind]))
        state = constraint.advance(state, step)
        hash(state)
        steps.append(step)
    while (distance := constraint.to_end(state)) > 0:
        nearer = [
            step
            for step in np.flatnonzero(constraint.allowed(state)).tolist()
            if constraint.to_end(constraint.advance(state, step)) < distance
        ]
        assert nearer, (state, distance)
        assert constraint.to_end(constraint.advance(state, nearer[0])) == distance - 1
        steps.append(nearer[int(rng.integers(len(nearer)))])
        state = constraint.advance(state, steps[-1])
    return steps


@pytest.mark.parametrize("key", KEYS)
def test_a_chorale_in_a_key_begins_with_its_tonic(key: Key) -> None:
    encoding, rng = ENCODINGS["chorale"], np.random.default_rng(0)
    for request in (ParsedRequest(key=key), ParsedRequest(key=key, bars=1), ParsedRequest(key=key, polyphony=2)):
        steps = np.array(random_walk(encoding, request, rng, int(rng.integers(0, 40))))
        first = steps[: int(np.argmax(steps >= 128))]
        assert len(first) >= (request.polyphony or 3) and set((first % 12).tolist()) <= set(key.tonic_triad)
    narrow = ParsedRequest(key=key, programs=(0,), ranges={0: (60 + key.tonic + 1, 60 + key.tonic + 2)})
    assert len(random_walk(encoding, narrow, rng, 40))


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("name", ENCODINGS)
def test_random_walks_are_valid_songs_that_meet_the_request(name: str, request_name: str, tmp_path: Path) -> None:
    encoding = ENCODINGS[name]
    request = ParsedRequest(**REQUESTS[request_name])
    if name == "chorale" and request.programs:
        request = ParsedRequest(bars=request.bars, ranges=request.ranges)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        song = encoding.decode(random_walk(encoding, request, rng, int(rng.integers(0, 250))), {})
        write_song(song, tmp_path / "walk.mid")
        assert check_file(tmp_path / "walk.mid") == []
        if request.bars and "performance" not in name:
            assert request.bars <= len(song.bar_starts()) <= request.bars + name.startswith("score")
            assert len(song.first_bars(request.bars).bar_starts()) == request.bars
        if request.seconds and "performance" in name:
            assert song.seconds() <= request.seconds + 0.11  # a drum hit has a length
        if request.programs and name != "chorale":
            assert set(song.programs) <= set(request.programs)
            assert all(track.number < request.track_counts.get(track.program, 3) for track in song.tracks)
            drums = song.notes["program"] == DRUMS
            assert set(song.notes["pitch"][drums].tolist()) <= set(request.drum_pitches)
            for program, (low, high) in request.ranges.items():
                pitches = song.notes["pitch"][song.notes["program"] == program]
                assert low <= pitches.min() <= pitches.max() <= high
        if request.time_signature and name != "chorale":
            assert song.time_signatures == ((0, request.time_signature),) and song.tempos == ((0, 60),)
        (piece,) = read_songs(tmp_path / "walk.mid")
        assert not isinstance(piece, ReadError)
        # where the first track of a program plays nothing, the second one becomes the first
        assert [row[:5] for row in piece.content.notes.tolist()] == [row[:5] for row in song.notes.tolist()]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(ENCODINGS)),
    bars=st.sampled_from([0, 1, 4]),
    steps=st.integers(0, 120),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_song_that_is_written_and_read_again_has_the_same_tokens(
    name: str, bars: int, steps: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    encoding, path = ENCODINGS[name], tmp_path_factory.getbasetemp() / "walk.mid"
    walk = random_walk(encoding, ParsedRequest(bars=bars), np.random.default_rng(seed), steps)
    song = encoding.canonical(encoding.decode(walk, {})).with_dense_tracks()
    write_song(song, path)
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError)
    names = encoding.vocabulary.names()
    restored = encoding.encode(piece.content).tolist()
    assert [names[step] for step in restored] == [names[step] for step in encoding.encode(song).tolist()]


def test_changes_that_cannot_be_heard_have_no_tokens() -> None:
    notes = note_array([(0, 480, 60, 80, 40), (1920, 2400, 60, 80, 40)])
    changes = {
        "tempos": [(0, 100), (2400, 90), (3000, 80)],
        "time_signatures": [(0, (4, 4))],
        "pedals": pedal_array([(0, 2400, 40), (0, 3000, 73)]),
        "controls": control_array([(0, EXPRESSION, 90, 40, 0), (0, EXPRESSION, 80, 73, 0)]),
    }
    song = Song.from_events(notes, **changes)
    canonical = ENCODINGS["score with controllers"].canonical(song)
    assert canonical.tempos == ((0, 100), (2400, 90)) and canonical.length == 3840
    for name in ("score with controllers", "performance with controllers"):
        canonical = ENCODINGS[name].canonical(song)
        assert canonical.pedals["program"].tolist() == [40] and canonical.controls["program"].tolist() == [40]
        assert [track.program for track in canonical.tracks] == [40]
