"""The announcement of repeated bars: distances, tokens and places."""

from typing import Any

import edits
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_midi.bar_repeats import MAX_DISTANCE, repeat_distances
from seqforge_midi.codec import make_encoding
from seqforge_midi.options import MidiOptions
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.repeat_automaton import RepeatAutomaton
from seqforge_midi.score import Score
from seqforge_midi.score_automaton import ScoreAutomaton
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song, note_array
from seqforge_midi.voice_prompt import AfterPrompt

BAR = 4 * TICKS_PER_QUARTER
BARS = st.lists(st.sampled_from(["", "A", "B", "C"]), max_size=90)


@given(BARS)
def test_distances_lead_to_equal_bars_and_no_repeat_is_missed(bars: list[str]) -> None:
    distances = repeat_distances(bars).tolist()
    assert len(distances) == len(bars)
    for bar, distance in enumerate(distances):
        before = distances[bar - 1] if bar else 0
        repeats = [k for k in range(1, min(bar, MAX_DISTANCE) + 1) if bars[bar] and bars[bar - k] == bars[bar]]
        assert distance in repeats or (distance == 0 and not repeats)
        if before in repeats:
            assert distance == before
        elif repeats:
            runs = {k: run_length(bars, bar, k) for k in repeats}
            assert distance == min(k for k in repeats if runs[k] == max(runs.values()))


def run_length(bars: list[str], bar: int, distance: int) -> int:
    length = 0
    while bar + length < len(bars) and bars[bar + length] and bars[bar + length] == bars[bar + length - distance]:
        length += 1
    return length


def song_of(bars: list[list[tuple[int, int]]], velocity: int = 80) -> Song:
    """Return a song whose bars have eighths: pairs of the number of the eighth and the pitch; -1 is a drum."""
    notes = []
    for bar, content in enumerate(bars):
        for eighth, pitch in content:
            start = bar * BAR + eighth * TICKS_PER_QUARTER // 2
            is_drum = pitch < 0
            length = TICKS_PER_QUARTER // (8 if is_drum else 2)
            program = DRUMS if is_drum else 0
            notes.append((start, start + length, 36 if is_drum else pitch, velocity + bar % 3, program))
    return Song.from_events(note_array(notes))


def names_of(score: Score, song: Song) -> list[str]:
    return [score.vocabulary.names()[step] for step in score.encode(song)]


def test_bar_tokens_announce_repeats_of_notes_whatever_their_velocities() -> None:
    score = Score(grid=4, microtiming=1, velocity_bins=127, bar_repeats=True)
    first, second = [(0, 60), (2, 64), (4, -1)], [(1, 62)]
    song = song_of([first, second, first, second, second, [], [(1, 62), (3, 62)], first])
    names = names_of(score, song)
    assert [name for name in names if name.startswith("bar")] == [
        "bar", "bar", "bar:2", "bar:2", "bar:1", "bar", "bar", "bar:5",
    ]  # fmt: skip
    assert score.decode(score.encode(song).tolist(), {}) == score.canonical(song)
    plain = Score(grid=4, microtiming=1, velocity_bins=127)
    assert [name.split(":")[0] for name in names_of(plain, song)] == [name.split(":")[0] for name in names]


def test_the_announced_bar_is_what_the_network_reads() -> None:
    score = Score(grid=4, microtiming=1, velocity_bins=127, bar_repeats=True)
    first = [(0, 60), (2, 64), (4, 67)]
    steps = score.encode(song_of([first, [(0, 65)], [(0, 67)], first]))
    places = score.places()
    assert places.distances == (1, 2, 4, 8, 0, -1)
    assert places.named_distances(steps).tolist() == type(places).__mro__[1].named_distances(places, steps).tolist()
    (start,) = np.flatnonzero(steps == score.vocabulary.index["bar", 3])
    assert (
        not places.named_distances(steps)[: start + 1].any() and (places.named_distances(steps)[start + 1 :] == 3).all()
    )
    assert Score(grid=4, microtiming=1, velocity_bins=127).places().distances == (1, 2, 4, 8, 0)


def bars_of(score: Score, steps: list[int]) -> list[tuple[int, list[tuple[object, ...]]]]:
    """Return the announced distance and the notes of each bar: position, program, token of the pitch, duration."""
    bars: list[tuple[int, list[tuple[object, ...]]]] = []
    position, program = -1, None
    for step in steps:
        kind, value = score.vocabulary.kinds[step], score.vocabulary.values[step]
        match kind:
            case "bar":
                bars.append((value if isinstance(value, int) else 0, []))
            case "position":
                position = value
            case "program":
                program = value
            case "pitch" | "drum":
                bars[-1][1].append((position, None if kind == "drum" else program, step))
            case "duration":
                bars[-1][1][-1] += (value,)
    return bars


def bar_numbers(score: Score, steps: list[int]) -> list[int]:
    """Return the numbers of the tokens of bar lines among these tokens."""
    block = score.vocabulary.block("bar")
    return [step - block.start for step in steps if block.start <= step < block.stop]


@given(st.integers(0, 10_000), st.sampled_from([{}, {"bars": 5}, {"bpm": 90, "bars": 3}, {"time_signature": (3, 4)}]))
def test_announced_bars_have_the_notes_of_the_bar_that_they_repeat(seed: int, fields: dict[str, Any]) -> None:
    score = make_encoding(MidiOptions(), {40: 2})
    assert isinstance(score, Score)
    constraint = score.constraint(ParsedRequest(**fields))
    assert isinstance(constraint, RepeatAutomaton)
    steps = edits.random_walk(constraint, score.vocabulary.kinds, seed, 120)
    bars = bars_of(score, steps)
    for number, (distance, notes) in enumerate(bars):
        assert not distance or (notes and notes == bars[number - distance][1])
    song = score.decode(steps, {})
    is_ended = len(bars) > 1 and score.bar_tokens.is_last[bar_numbers(score, steps)[-2]]
    assert len(song.bar_starts()) == len(bars) - is_ended


def test_a_request_can_forbid_that_bars_of_a_prompt_return() -> None:
    score = make_encoding(MidiOptions())
    assert isinstance(score, Score)
    repeats = {}
    for programs in ((0,), (40,)):
        constraint = AfterPrompt(
            score.constraint(ParsedRequest(programs=programs)),
            score.continued(score.encode(song_of([[(0, 60)], [(2, 62)]]))).tolist(),
        )
        state = constraint.start()
        for step in constraint.prompt:
            state = constraint.advance(state, step)
        allowed = constraint.allowed(state)[score.vocabulary.block("bar")] & score.bar_tokens.repeats
        repeats[programs] = np.flatnonzero(allowed).tolist()
    assert repeats == {(0,): [1, 2], (40,): []}


@pytest.mark.parametrize("options", [{"microtiming": 5}, {"controllers": "sustain"}, {"bar_repeats": False}])
def test_notes_off_the_grid_and_controllers_are_not_forced(options: dict[str, Any]) -> None:
    assert isinstance(make_encoding(MidiOptions(**options)).constraint(ParsedRequest()), ScoreAutomaton)
