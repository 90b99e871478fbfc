"""Polyphony: at most a number of notes sound at once, and a song can always go on and end."""

import dataclasses
from pathlib import Path
from typing import Any

import edits
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_encodings import ENCODINGS

import seqforge_corpora
from seqforge import Example, Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.chorale import Chorale
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.performance import Performance
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
LIED = sorted((CORPORA / "lieder").glob("*.mid"))[0]


def most_notes_at_once(song: Song, start: int = 0) -> int:
    """Return the largest number of notes that sound at one tick, at or behind `start`."""
    starts, ends = song.notes["start"], song.notes["end"]
    ticks = np.unique(np.append(starts[starts >= start], start))
    return max(int(((starts <= tick) & (ends > tick)).sum()) for tick in ticks.tolist())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    programs=st.sets(st.sampled_from([0, 32, 73, DRUMS]), min_size=1),
    signature=st.sampled_from([None, (4, 4), (6, 8), (1, 16)]),
    bars=st.sampled_from([0, 1, 4]),
    polyphony=st.sampled_from([1, 2, 4]),
    name=st.sampled_from(sorted(ENCODINGS)),
)
def test_random_walks_end_and_keep_the_polyphony(
    seed: int, programs: set[int], signature: Any, bars: int, polyphony: int, name: str
) -> None:
    encoding = ENCODINGS[name]
    request = ParsedRequest(
        bars=bars, time_signature=signature, programs=tuple(sorted(programs)), polyphony=polyphony, ranges={0: (60, 61)}
    )
    steps = edits.random_walk(encoding.constraint(request), encoding.vocabulary.kinds, seed, 120)
    assert most_notes_at_once(encoding.decode(steps, {})) <= polyphony


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    programs=st.sets(st.sampled_from([0, 32, DRUMS]), min_size=1),
    polyphony=st.sampled_from([1, 2, 4]),
    seconds=st.sampled_from([0.0, 2.0]),
)
def test_performances_keep_the_polyphony(seed: int, programs: set[int], polyphony: int, seconds: float) -> None:
    encoding = Performance(10, 8, {})
    request = ParsedRequest(programs=tuple(programs), polyphony=polyphony, seconds=seconds, ranges={0: (60, 70)})
    steps = edits.random_walk(encoding.constraint(request), encoding.vocabulary.kinds, seed, 120)
    song = encoding.decode(steps, {})
    pitched = dataclasses.replace(song, notes=song.notes[song.notes["program"] != DRUMS])
    assert most_notes_at_once(pitched) <= polyphony


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30), st.sampled_from([1, 2, 4]), st.sampled_from([0, 3]))
def test_chorales_keep_the_polyphony(seed: int, polyphony: int, bars: int) -> None:
    encoding = Chorale(4)
    request = ParsedRequest(polyphony=polyphony, bars=bars, ranges={0: (50, 80)})
    steps = edits.random_walk(encoding.constraint(request), encoding.vocabulary.kinds, seed, 120)
    assert most_notes_at_once(encoding.decode(steps, {})) <= polyphony


def test_the_limit_is_reached() -> None:
    encoding = ENCODINGS["plain"]
    constraint = encoding.constraint(ParsedRequest(polyphony=3))
    walks = [edits.random_walk(constraint, encoding.vocabulary.kinds, seed, 200) for seed in range(5)]
    assert max(most_notes_at_once(encoding.decode(steps, {})) for steps in walks) == 3


def test_a_prompt_may_have_more_notes(tmp_path: Path) -> None:
    (piece,) = read_songs(LIED)
    assert not isinstance(piece, ReadError)
    codec = MidiCodec.fit([Piece(piece.content)], MidiOptions())
    Midi().write([Piece(piece.content.first_bars(2))], tmp_path / "prompt.mid")
    [prompt] = codec.task(MidiRequest(prompt_file=tmp_path / "prompt.mid", polyphony=1, bars=5)).prompts
    assert prompt.constraint is not None
    steps = edits.random_walk(prompt.constraint, codec.encoding.vocabulary.kinds, 1, 200)
    assert steps[: len(prompt.example.steps)] == prompt.example.steps.tolist()
    song = codec.decode(Example(np.array(steps), extras=prompt.example.extras)).content
    assert most_notes_at_once(song) > 1
    assert most_notes_at_once(song, start=song.bar_starts()[3]) <= 1


@pytest.mark.parametrize(
    ("encoding", "fields"),
    [
        ("score", {"polyphony": -1}), ("voices", {"polyphony": 2}), ("chorale", {"chords": "C"}),
        ("score", {"polyphony": 2, "given": LIED}),
    ],
)  # fmt: skip
def test_impossible_polyphony_is_a_request_error(encoding: Any, fields: Any) -> None:
    (piece,) = read_songs(LIED)
    assert not isinstance(piece, ReadError)
    codec = MidiCodec.fit([Piece(piece.content)], MidiOptions(encoding=encoding))
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(**fields))
    assert caught.value.field in fields
