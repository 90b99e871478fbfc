"""Chords: symbols, the notes on strong beats, and the chord that is recognised in a bar."""

import itertools
from pathlib import Path
from typing import Any

import edits
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_encodings import ENCODINGS
from test_polyphony import most_notes_at_once

import seqforge_corpora
from seqforge import Example, Piece, ReadError, RequestError
from seqforge_midi import Midi, MidiCodec, MidiOptions, MidiRequest, Song
from seqforge_midi.chord_constraint import ChordAutomaton
from seqforge_midi.chord_estimate import chord_of_span, chords_of_bars
from seqforge_midi.chord_symbols import KINDS, Chord, parse_progression
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.reader import read_songs
from seqforge_midi.repeat_automaton import RepeatAutomaton
from seqforge_midi.score import Score
from seqforge_midi.score_automaton import ScoreAutomaton
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, note_array

CORPORA = Path(str(next(iter(seqforge_corpora.__path__))))
LIED = sorted((CORPORA / "lieder").glob("*.mid"))[0]
BEAT = sorted((CORPORA / "groove").glob("*.mid"))[0]
BEATS = {(4, 4): 480, (3, 4): 480, (6, 8): 720, (2, 2): 960, (5, 16): 120}


def read_song(path: Path) -> Song:
    (piece,) = read_songs(path)
    assert not isinstance(piece, ReadError), piece
    return piece.content


@pytest.mark.parametrize(
    ("text", "root", "classes", "bass"),
    [
        ("C", 0, {0, 4, 7}, 0),
        ("Am", 9, {9, 0, 4}, 9),
        ("F#7", 6, {6, 10, 1, 4}, 6),
        ("B♭maj7", 10, {10, 2, 5, 9}, 10),
        ("Dm7b5", 2, {2, 5, 8, 0}, 2),
        ("G/B", 7, {7, 11, 2}, 11),
        ("C/Bb", 0, {0, 4, 7, 10}, 10),
        ("Cb", 11, {11, 3, 6}, 11),
        ("Esus", 4, {4, 9, 11}, 4),
        ("Gmin7/F", 7, {7, 10, 2, 5}, 5),
    ],
)
def test_a_symbol_names_pitch_classes(text: str, root: int, classes: set[int], bass: int) -> None:
    chord = Chord.parse(text)
    assert (chord.root, chord.classes, chord.bass) == (root, classes, bass)


@given(st.integers(0, 11), st.sampled_from(sorted(KINDS)), st.integers(0, 11))
def test_the_symbol_of_a_chord_names_it(root: int, kind: str, bass: int) -> None:
    chord = Chord(root, kind, bass)
    assert Chord.parse(str(chord)) == chord


@pytest.mark.parametrize("text", ["H", "am", "Cfoo", "C/", "C/x", "C | | G", "|", "", "C,G"])
def test_other_texts_are_no_progressions(text: str) -> None:
    with pytest.raises(ValueError):
        parse_progression(text)


def assert_has_chords(song: Song, chords: str, first_bar: int = 0) -> None:
    """Check the notes on strong beats from the tokens' point of view: onsets on the grid of the encoding."""
    progression = parse_progression(chords)
    (_, signature), *_ = song.time_signatures
    notes = song.notes[song.notes["program"] != DRUMS]
    starts = [*song.bar_starts(), song.length]
    for bar, (start, end) in enumerate(itertools.pairwise(starts)):
        symbols = progression[(bar - first_bar) % len(progression)] if bar >= first_bar else ()
        length = (end - start) / max(1, len(symbols))
        for number, chord in enumerate(symbols):
            low, high = start + number * length, start + (number + 1) * length
            onsets = sorted(set(notes["start"][(notes["start"] >= low) & (notes["start"] < high)].tolist()))
            for onset in onsets:
                pitches = notes["pitch"][notes["start"] == onset]
                if onset == onsets[0]:
                    assert pitches.min() % 12 == chord.bass, (bar, chord)
                if onset == onsets[0] or (onset - start) % BEATS[signature] == 0:
                    assert set((pitches % 12).tolist()) <= chord.classes, (bar, chord)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    ranges=st.dictionaries(
        st.sampled_from([0, 32, 52, 73]),
        st.tuples(st.integers(20, 100), st.integers(0, 14)).map(lambda pair: (pair[0], pair[0] + pair[1])),
        min_size=1,
    ),
    drums=st.booleans(),
    chords=st.sampled_from(["Am F C G", "Am F | C G/B", "G7", "C5/D | Bdim7 E Am", "C D E F G A B | C"]),
    signature=st.sampled_from(sorted(BEATS)),
    bars=st.sampled_from([0, 1, 3, 6]),
    name=st.sampled_from(sorted(ENCODINGS)),
    bpm=st.sampled_from([None, 100]),
    polyphony=st.sampled_from([0, 1, 2, 4]),
)
def test_random_walks_end_and_keep_the_chords(
    seed: int,
    ranges: Any,
    drums: bool,
    chords: str,
    signature: Any,
    bars: int,
    name: str,
    bpm: int | None,
    polyphony: int,
) -> None:
    encoding = ENCODINGS[name]
    assert isinstance(encoding, Score)
    programs = (*sorted(ranges), *([DRUMS] if drums else []))
    request = ParsedRequest(
        bars=bars, time_signature=signature, bpm=bpm, programs=programs, ranges=ranges, polyphony=polyphony
    )
    inner = score_automaton(encoding, request)
    assert isinstance(inner, ScoreAutomaton)
    automaton = ChordAutomaton(inner, parse_progression(chords))
    if automaton.unplayable_chord() is not None:
        return
    steps = edits.random_walk(automaton, encoding.vocabulary.kinds, seed, 60)
    song = encoding.decode(steps, {})
    assert not bars or len(song.first_bars(bars).bar_starts()) == bars
    assert not polyphony or most_notes_at_once(song) <= polyphony
    if name in ("plain", "controllers"):
        assert_has_chords(song, chords)


@pytest.mark.parametrize(("low", "high", "chord"), [(60, 60, None), (61, 71, "C"), (53, 59, "C"), (48, 58, None)])
def test_a_chord_needs_an_instrument_with_its_bass(low: int, high: int, chord: str | None) -> None:
    encoding = ENCODINGS["plain"]
    inner = score_automaton(encoding, ParsedRequest(programs=(0, DRUMS), ranges={0: (low, high), DRUMS: (0, 127)}))
    assert isinstance(inner, ScoreAutomaton)
    unplayable = ChordAutomaton(inner, parse_progression("C")).unplayable_chord()
    assert (unplayable and str(unplayable)) == chord


def test_the_bars_of_a_prompt_are_free(tmp_path: Path) -> None:
    codec = MidiCodec.fit([Piece(read_song(LIED))], MidiOptions())
    Midi().write([Piece(read_song(LIED).first_bars(2))], tmp_path / "prompt.mid")
    request = MidiRequest(prompt_file=tmp_path / "prompt.mid", chords="Ebm B7", bars=6)
    [prompt] = codec.task(request).prompts
    assert prompt.candidates > 1 and prompt.constraint is not None
    constraint, state = prompt.constraint, prompt.constraint.start()
    for step in prompt.example.steps.tolist():
        assert constraint.allowed(state)[step]
        state = constraint.advance(state, step)
    rest = Continued(constraint, state)
    steps = edits.random_walk(rest, codec.encoding.vocabulary.kinds, 3, 80)
    whole = np.array([*prompt.example.steps.tolist(), *steps])
    song = codec.decode(Example(whole, extras=prompt.example.extras)).content
    assert_has_chords(song.first_bars(6), "Ebm B7", first_bar=2)


def score_automaton(encoding: Score, request: ParsedRequest) -> ScoreAutomaton:
    """Return the automaton of a score in which announced bars need not return."""
    constraint = encoding.constraint(request)
    constraint = constraint.base if isinstance(constraint, RepeatAutomaton) else constraint
    assert isinstance(constraint, ScoreAutomaton)
    return constraint


class Continued:
    """A constraint that starts in a state of another one."""

    def __init__(self, constraint: Any, state: Any) -> None:
        self.constraint, self.state = constraint, state

    def start(self) -> Any:
        return self.state

    def __getattr__(self, name: str) -> Any:
        return getattr(self.constraint, name)


@pytest.mark.parametrize(
    ("encoding", "path", "fields"),
    [
        ("performance", LIED, {"chords": "Am"}),
        ("chorale", LIED, {"chords": "Am"}),
        ("score", BEAT, {"chords": "Am"}),
        ("score", LIED, {"chords": "Am H"}),
        ("score", LIED, {"chords": "Am", "infill": "2", "prompt_file": LIED}),
        ("score", LIED, {"chords": "Am", "given": LIED}),
    ],
)
def test_impossible_chords_are_request_errors(encoding: Any, path: Path, fields: Any) -> None:
    codec = MidiCodec.fit([Piece(read_song(path))], MidiOptions(encoding=encoding))
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(**fields))
    assert caught.value.field == "chords"


def test_an_instrument_without_the_bass_is_a_request_error() -> None:
    song = Song.from_events(note_array([(0, 480, 60, 80, 0), (480, 960, 64, 80, 0)]))
    codec = MidiCodec.fit([Piece(song)], MidiOptions())
    codec.task(MidiRequest(chords="C"))
    with pytest.raises(RequestError) as caught:
        codec.task(MidiRequest(chords="C F"))
    assert caught.value.field == "chords"


@given(st.integers(0, 11), st.sampled_from(["", "m", "dim", "7", "maj7", "m7", "m7b5"]), st.integers(3, 6))
def test_a_chord_in_root_position_is_recognised(root: int, kind: str, octave: int) -> None:
    pitches = [12 * octave + root + interval for interval in KINDS[kind]]
    song = Song.from_events(note_array([(0, 960, pitch, 80, 0) for pitch in pitches]))
    assert chord_of_span(song, 0, 960) == Chord(root, kind, root)


def test_passing_notes_and_drums_do_not_change_a_chord() -> None:
    triad = [(0, 1920, pitch, 80, 0) for pitch in (48, 52, 55)]
    passing = [(480, 600, 65, 80, 0), (600, 720, 62, 80, 0), (0, 60, 38, 80, DRUMS)]
    song = Song.from_events(note_array(triad + passing), length=4 * 4 * TICKS_PER_QUARTER // 2)
    assert chords_of_bars(song) == [Chord(0, "", 0), None]
