"""Infills in the voices encoding: the bars around the gap have the same pitches."""

from pathlib import Path

import numpy as np
import pytest

import seqforge_corpora
from seqforge import Example, Piece, ReadError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs
from seqforge_midi.voice_grid import SIXTEENTH, VoiceGrid
from seqforge_midi.voice_infill import InfillAutomaton

FILES = sorted((Path(str(next(iter(seqforge_corpora.__path__)))) / "jsb16" / "train").glob("*.mid"))[::20]


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


def random_walk(constraint: InfillAutomaton, kinds: list[str], seed: int, min_steps: int) -> list[int]:
    """Return random allowed steps, led to the nearest end; the laws of `Constraint` are checked on the way."""
    rng = np.random.default_rng(seed)
    state = constraint.start()
    steps: list[int] = []
    while True:
        allowed = np.flatnonzero(constraint.allowed(state)).tolist()
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
        if not distance and (len(steps) >= min_steps or not allowed):
            return steps
        assert allowed
        if len(allowed) == 1:
            step = allowed[0]
            assert not distance or constraint.to_end(constraint.advance(state, step)) == distance - 1
        elif len(steps) >= min_steps:
            step = next(step for step in allowed if constraint.to_end(constraint.advance(state, step)) == distance - 1)
        else:
            kind = rng.choice(sorted({kinds[step] for step in allowed}))
            step = int(rng.choice([step for step in allowed if kinds[step] == kind]))
        steps.append(step)
        state = constraint.advance(state, step)
        hash(state)


def random_infill(codec: MidiCodec, request: MidiRequest, seed: int, min_steps: int) -> Song:
    """Return a song whose gap is filled at random."""
    task = codec.task(request)
    [prompt] = task.prompts
    assert isinstance(prompt.constraint, InfillAutomaton)
    steps = random_walk(prompt.constraint, codec.encoding.vocabulary.kinds, seed, min_steps)
    assert steps[: len(prompt.example.steps)] == prompt.example.steps.tolist()
    piece = codec.decode(Example(np.array(steps), extras=prompt.example.extras))
    return task.finish([piece]).content


@pytest.mark.parametrize("extra_bars", [0, 3])
def test_infill_keeps_the_bars_around_the_gap(extra_bars: int, tmp_path: Path) -> None:
    prompt_file = tmp_path / "prompt.mid"
    for seed, path in enumerate(FILES):
        Midi().write([Piece(read_song(path).first_bars(20))], prompt_file)
        original = read_song(prompt_file)
        codec = MidiCodec.fit([Piece(original)], MidiOptions(encoding="voices"))
        expected = codec.canonical(Piece(original)).content
        bar_starts, bars = expected.bar_starts(), len(expected.bar_starts())
        rng = np.random.default_rng(seed)
        first = int(rng.integers(1, bars + 1))
        last = min(bars - (first == 1), first + int(rng.integers(0, 4)))
        request = MidiRequest(
            prompt_file=prompt_file, infill=f"{first}-{last}", bars=bars + extra_bars if extra_bars else 0
        )
        result = random_infill(codec, request, seed, min_steps=seed % 2 * 10_000 * (not extra_bars))
        assert len(result.bar_starts()) == bars + extra_bars, path
        Midi().write([Piece(result)], tmp_path / "result.mid")
        assert check_file(tmp_path / "result.mid") == []
        outside = np.ones(expected.length // SIXTEENTH, np.bool_)
        outside[bar_starts[first - 1] // SIXTEENTH : [*bar_starts, expected.length][last] // SIXTEENTH] = False
        rows = [VoiceGrid.from_song(song).pitches[: len(outside)] for song in (expected, result)]
        count = min(map(len, rows))  # the last bar may end early
        assert count == len(outside) or last == bars
        outside = outside[:count]
        assert np.array_equal(rows[0][:count][outside], rows[1][:count][outside]), path
