"""The announcement of the chord of a bar, and of the last bar: tokens, transposition and constraint."""

from typing import Any

import edits
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bar_repeats import BAR, names_of, song_of

from seqforge_midi.bar_chords import BAR_CHORDS, bar_chords
from seqforge_midi.chord_symbols import Chord
from seqforge_midi.codec import make_encoding
from seqforge_midi.fixed_bars import bar_masks
from seqforge_midi.options import MidiOptions
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.repeat_automaton import RepeatAutomaton
from seqforge_midi.score import Score
from seqforge_midi.score_window import FixedNote, FreeVoice, ScoreWindow
from seqforge_midi.song import DRUMS, Song, note_array

NOTES = st.lists(st.tuples(st.integers(0, 7), st.integers(30, 90)), max_size=6, unique=True)
SONGS = st.lists(NOTES, min_size=1, max_size=8).filter(lambda bars: bool(bars[-1]))


def score_of(**options: Any) -> Score:
    score = make_encoding(MidiOptions(**options))
    assert isinstance(score, Score)
    return score


@pytest.mark.parametrize("symbol", BAR_CHORDS)
def test_the_chord_of_a_bar_of_one_triad_is_that_triad(symbol: str) -> None:
    chord = Chord.parse(symbol)
    pitches = [48 + chord.root, *(60 + number for number in chord.classes)]
    notes = note_array([(0, BAR, pitch, 80, 0) for pitch in pitches] + [(0, BAR, 37, 80, DRUMS)])
    assert BAR_CHORDS[bar_chords(2, np.zeros(len(notes), np.int64), notes)[0]] == symbol
    assert bar_chords(2, np.zeros(len(notes), np.int64), notes)[1] == -1


def test_bar_tokens_announce_chords_repeats_and_the_last_bar() -> None:
    c, a, drum = [(0, 48), (0, 64), (0, 67)], [(0, 57), (0, 60), (0, 64)], [(4, -1)]
    names = names_of(score_of(), song_of([c, a, c, a, drum, [], c]))
    bars = ["bar:C", "bar:Am", "bar:2", "bar:2", "bar", "bar", "bar:C:last"]
    assert [name for name in names if name.startswith("bar")] == bars
    names = names_of(score_of(bar_repeats=False), song_of([c, c]))
    assert [name for name in names if name.startswith("bar")] == ["bar:C", "bar:C:last"]
    names = names_of(score_of(bar_chords=False), song_of([c, c]))
    assert [name for name in names if name.startswith("bar")] == ["bar", "bar:1"]


@given(SONGS, st.integers(-12, 12))
def test_chords_are_transposed_with_the_song(bars: list[list[tuple[int, int]]], semitones: int) -> None:
    score = score_of()
    song = song_of(bars)
    moved = song_of([[(eighth, pitch + semitones) for eighth, pitch in bar] for bar in bars])
    np.testing.assert_array_equal(score.transposed(score.encode(song), semitones), score.encode(moved))
    assert score.decode(score.encode(song).tolist(), {}) == score.canonical(song)


@given(SONGS, SONGS)
def test_the_beginning_of_a_song_announces_no_last_bar(
    bars: list[list[tuple[int, int]]], more: list[list[tuple[int, int]]]
) -> None:
    score = score_of(bar_repeats=False)
    beginning = score.continued(score.encode(song_of(bars)))
    np.testing.assert_array_equal(score.encode(song_of([*bars, *more]))[: len(beginning)], beginning)
    assert not any(name.endswith("last") for name in np.array(score.vocabulary.names())[beginning])


@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([{}, {"programs": (DRUMS,)}]))
def test_requested_bars_end_with_the_announced_one(seed: int, bars: int, fields: dict[str, Any]) -> None:
    score = score_of()
    constraint = score.constraint(ParsedRequest(bars=bars, **fields))
    steps = np.array(edits.random_walk(constraint, score.vocabulary.kinds, seed, 200))
    numbers = steps[score.vocabulary.mask("bar")[steps]] - score.vocabulary.first["bar"]
    last = score.bar_tokens.is_last[numbers].tolist()
    assert last[:bars] == [False] * (bars - 1) + [not fields]
    # a bar line behind the last bar ends the song
    assert len(last) == bars or (
        len(last) == bars + 1 and not last[bars] and score.vocabulary.kinds[steps[-1]] == "bar"
    )
    assert len(score.decode(steps.tolist(), {}).first_bars(bars).bar_starts()) == bars


@given(st.integers(0, 10_000))
def test_a_bar_line_behind_the_last_bar_ends_the_song(seed: int) -> None:
    score = score_of()
    constraint = score.constraint(ParsedRequest())
    steps = edits.random_walk(constraint, score.vocabulary.kinds, seed, 120)
    first, is_last = score.vocabulary.first["bar"], score.bar_tokens.is_last
    bars = [number for number, step in enumerate(steps) if score.vocabulary.kinds[step] == "bar"]
    last = [number for number in bars if is_last[steps[number] - first]]
    assert len(last) < 2
    song = score.decode(steps, {})
    if not last:
        return
    behind = bars[bars.index(last[0]) + 1 :]
    assert behind in ([], [len(steps) - 1])
    assert len(song.bar_starts()) == len(bars) - len(behind)
    if behind:
        assert song == score.decode(steps[:-1], {})
        return
    state = constraint.start()
    for step in steps:
        state = constraint.advance(state, step)
    lines = constraint.allowed(state)[score.vocabulary.block("bar")]
    assert lines.any() and not (lines & (is_last | score.bar_tokens.repeats)).any()
    state = constraint.advance(state, first + int(np.flatnonzero(lines)[0]))
    assert constraint.may_end(state) and not constraint.allowed(state).any()


@given(SONGS)
def test_real_songs_are_allowed(bars: list[list[tuple[int, int]]]) -> None:
    score = score_of()
    constraint = score.constraint(ParsedRequest())
    assert isinstance(constraint, RepeatAutomaton)
    state = constraint.start()
    for step in score.encode(song_of(bars)).tolist():
        assert constraint.allowed(state)[step]
        state = constraint.advance(state, step)
    assert constraint.may_end(state)


@given(SONGS, st.booleans())
def test_fixed_bars_have_the_tokens_of_their_notes(bars: list[list[tuple[int, int]]], is_whole: bool) -> None:
    score = score_of()
    song = score.canonical(song_of(bars))
    steps = score.encode(song) if is_whole else score.continued(score.encode(song))
    expected = steps[score.vocabulary.mask("bar")[steps]] - score.vocabulary.first["bar"]
    if not is_whole and (repeats := score_repeats(score, song))[-1]:
        expected[-1] = repeats[-1]
    notes = [
        FixedNote(start // BAR, start % BAR // score.step_ticks, 0, 0, pitch, 0, (end - start) // score.unit)
        for start, end, pitch in zip(*(song.notes[name].tolist() for name in ("start", "end", "pitch")), strict=True)
    ]
    count = len(expected)
    window = ScoreWindow([(4, 4)] * count, [120] * count, [48] * count, [{}] * count, notes, is_whole=is_whole)
    masks = bar_masks(window, score.bar_tokens)
    assert (masks[:-1].sum(1) == 1).all()
    np.testing.assert_array_equal(masks[:-1].argmax(1), expected)


def score_repeats(score: Score, song: Song) -> list[int]:
    """Return the distance that each bar announces in an encoding without chords."""
    plain = score_of(bar_chords=False)
    steps = plain.encode(song)
    return (steps[plain.vocabulary.mask("bar")[steps]] - plain.vocabulary.first["bar"]).tolist()


def test_free_bars_choose_their_chord_and_the_last_one_is_announced() -> None:
    tokens = score_of().bar_tokens
    voices = [{}, {0: FreeVoice(frozenset(range(128)), 4)}, {0: FreeVoice(frozenset(range(128)), 4)}]
    window = ScoreWindow([(4, 4)] * 3, [120] * 3, [48] * 3, voices, [FixedNote(0, 0, 0, 0, 60, 0, 12)], is_whole=True)
    masks = bar_masks(window, tokens)
    assert masks[0].sum() == 1
    assert masks[1][tokens.chords >= 0].sum() == len(BAR_CHORDS) and masks[1][tokens.repeats].sum() == 1
    np.testing.assert_array_equal(masks[2], tokens.is_last)


def test_a_requested_chord_is_announced() -> None:
    from seqforge_midi.chord_constraint import ChordAutomaton
    from seqforge_midi.chord_symbols import parse_progression
    from seqforge_midi.score_automaton import ScoreAutomaton

    score = score_of(bar_repeats=False)
    automaton = score.constraint(ParsedRequest())
    assert isinstance(automaton, ScoreAutomaton)
    constraint = ChordAutomaton(automaton, parse_progression("Am7 | C G"))
    bars = constraint.allowed(constraint.start())[score.vocabulary.block("bar")]
    assert {BAR_CHORDS[number] for number in score.bar_tokens.chords[bars]} == {"Am"}
    assert bars.sum() == 2  # as the last bar, or not
