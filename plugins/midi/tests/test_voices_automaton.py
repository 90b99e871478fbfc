"""Walks through the automaton of the voices encoding: they always finish, and strict ones break no rule."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge_midi.key import KEYS, Key
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.tokens import TIME_SIGNATURES
from seqforge_midi.voice_grid import REST, VOICE_PROGRAMS, VoiceGrid
from seqforge_midi.voice_rules import FIFTH, MAX_LEAP, are_parallel, final_chords
from seqforge_midi.voices import Voices

RANGES = dict(zip(VOICE_PROGRAMS, [(60, 81), (52, 74), (46, 69), (36, 66)], strict=True))
ENCODING = Voices()
KINDS = ("rest", "time", "bar")


def walk(request: ParsedRequest, seed: int, most: int = 400) -> list[int]:
    """Return random allowed steps, after `most` of them led to the nearest end; every distance is checked."""
    rng, constraint = np.random.default_rng(seed), ENCODING.constraint(request)
    state: Any = constraint.start()
    steps: list[int] = []
    distance = constraint.to_end(state)
    while distance:
        allowed = np.flatnonzero(constraint.allowed(state)).tolist()
        assert allowed
        nearer = [step for step in allowed if constraint.to_end(constraint.advance(state, step)) == distance - 1]
        assert nearer
        assert all(constraint.to_end(constraint.advance(state, step)) >= distance - 1 for step in allowed[::7])
        sounding = [step for step in allowed if ENCODING.vocabulary.kinds[step] not in KINDS]
        choices = nearer if len(steps) >= most else sounding if sounding and rng.random() < 0.9 else allowed
        steps.append(int(rng.choice(choices)))
        state = constraint.advance(state, steps[-1])
        hash(state)
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
    return steps


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(0, 6), st.sampled_from([None, (4, 4), (3, 4), (5, 8), (1, 16), (3, 2)]),
    st.sampled_from([None, *KEYS]), st.booleans(),
)  # fmt: skip
def test_walks_finish_and_meet_the_request(
    seed: int, bars: int, time_signature: tuple[int, int] | None, key: Key | None, strict: bool
) -> None:
    request = ParsedRequest(bars=bars, time_signature=time_signature, key=key, strict=strict, ranges=RANGES)
    steps = walk(request, seed)
    grid = ENCODING.decode_grid(steps)
    assert (grid.pitches != REST).any()
    assert not bars or grid.bars == ENCODING.bars_of(np.array(steps)) == bars
    assert time_signature in (None, grid.time_signature)
    assert key in (None, ENCODING.key_of(np.array(steps)))
    song = ENCODING.decode(steps, {})
    assert ENCODING.canonical(song) == song
    if strict:
        check_rules(grid, ENCODING.key_of(np.array(steps)))


def check_rules(grid: VoiceGrid, key: Key) -> None:
    """Check that no rule is broken before the last quarter note, where every chord is a triad of the tonic."""
    edges = np.flatnonzero(np.append(True, (np.diff(grid.pitches, axis=0) != 0).any(1)))
    last_quarter = len(grid.pitches) - ((grid.bar_length - 1) % 4 + 1)
    for edge in edges.tolist():
        chord = grid.pitches[edge].tolist()
        sounding = [pitch for pitch in chord if pitch != REST]
        if edge >= last_quarter:
            classes = {(pitch - key.tonic) % 12 for pitch in chord}
            assert REST not in chord
            assert chord[3] % 12 == key.tonic and classes & {3, 4} and classes <= {0, 3, 4, 7}
            continue
        assert sounding == sorted(sounding, reverse=True)
        if not edge:
            continue
        previous = grid.pitches[edge - 1].tolist()
        for high, low in itertools.combinations(range(4), 2):
            for interval in (0, FIFTH):
                assert not are_parallel((previous[high], previous[low]), (chord[high], chord[low]), interval)
        for before, after in zip(previous, chord, strict=True):
            assert REST in (before, after) or abs(after - before) <= MAX_LEAP


@pytest.mark.parametrize("key", [Key(0, False), Key(9, True), Key(6, False)])
def test_a_final_chord_exists_after_every_kind_of_chord(key: Key) -> None:
    ranges = tuple(RANGES.values())
    rng = np.random.default_rng(1)
    relaxed = 0
    for _ in range(200):
        chord = tuple(sorted((int(rng.integers(low, high + 1)) for low, high in ranges), reverse=True))
        chords = final_chords(chord, key, ranges)
        assert chords
        relaxed += any(abs(after - before) > MAX_LEAP for after, before in zip(chords[0], chord, strict=True))
    assert relaxed < 100


def test_an_open_piece_may_have_more_bars_than_the_bar_tokens_count() -> None:
    constraint: Any = ENCODING.constraint(ParsedRequest(key=KEYS[0], time_signature=(1, 4)))
    index = ENCODING.vocabulary.index
    frame = [index["pitch", 72], index["pitch", 67], index["pitch", 64], index["pitch", 48]]
    header = [index["key", KEYS[0]], index["time_signature", TIME_SIGNATURES[TIME_SIGNATURES.index((1, 4))]]]
    state = constraint.start()
    for step in [*header, index["bar", 63], index["time", 4], *frame]:
        assert constraint.allowed(state)[step]
        state = constraint.advance(state, step)
    assert constraint.allowed(state)[[index["bar", 63], index["bar", 62]]].all()
