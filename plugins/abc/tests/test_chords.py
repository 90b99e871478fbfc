import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge
from seqforge import Piece, RequestError
from seqforge_abc import AbcCodec, AbcOptions, AbcRequest, Tune, tokens
from seqforge_abc.ambiguities import ambiguities
from seqforge_abc.bars import split_bars
from seqforge_abc.lint import violations
from seqforge_abc.music_parser import parse_music
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune import Note
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.writer import tune_to_abc

spec = importlib.util.spec_from_file_location("automaton_tests", Path(__file__).parent / "test_tune_automaton.py")
assert spec and spec.loader
automaton_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(automaton_tests)

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
METERS = ["2/4", "3/4", "4/4", "C|", "6/8", "9/8", "12/8", "5/4", "3/8"]
WITH_CHORDS = parse_music('"D"D4 "A7"E4|"D"F8|]', key=parse_key("D"), meter=parse_meter("4/4"))  # type: ignore[arg-type]
PLAIN = parse_music("D4 E4|F8|]", key=parse_key("D"), meter=parse_meter("4/4"))  # type: ignore[arg-type]


def bars_without_chord(tune: Tune) -> list[int]:
    """Return the numbers of the bars that are no upbeats and whose first note, unless tied, has no chord symbol."""
    result, tied = [], False
    for number, bar in enumerate(bar for bar in split_bars(tune) if bar.length):
        notes = [element for element in bar.elements if isinstance(element, Note)]
        if not tied and notes[0].chord_symbol is None and bar.start == 0:
            result.append(number)
        tied = notes[-1].tied
    return result


def chord_walk(meter: str, seed: int, bars: int = 0, max_steps: int = 150) -> Tune:
    automaton = TuneAutomaton(
        CODEC.vocabulary, meter=parse_meter(meter), key=parse_key("D"), rhythm="reel", bars=bars, chords=True
    )
    steps = automaton_tests.walk(automaton, seed, max_steps=max_steps)
    return tokens.decode_tune([CODEC.vocabulary[step] for step in steps])


@settings(max_examples=100, deadline=None)
@given(meter=st.sampled_from(METERS), seed=st.integers(0, 2**32), bars=st.sampled_from([0, 2, 8]))
def test_every_bar_begins_with_a_chord_symbol(meter: str, seed: int, bars: int) -> None:
    tune = chord_walk(meter, seed, bars, max_steps=[0, 150][seed % 2])
    assert [number for number in bars_without_chord(tune) if number] == []  # the first bar may have none
    assert violations(tune) == []
    assert not any("chord symbols" in message for message in ambiguities(tune))


@pytest.mark.skipif(not shutil.which("abc2midi"), reason="abc2midi is not installed; CI has it")
@pytest.mark.parametrize("meter", METERS)
def test_abc2midi_reports_no_errors_in_tunes_with_chord_symbols(meter: str, tmp_path: Path) -> None:
    for seed in range(6):
        (tmp_path / "t.abc").write_text(tune_to_abc(chord_walk(meter, seed, max_steps=80)))
        result = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert not re.search("Error|time units", result.stdout), result.stdout


def test_a_chord_symbol_in_the_first_bar_means_that_it_is_no_upbeat() -> None:
    for music, expected in (('"D"d2d2d4|d4d2d2|]', 0), ('d2"D"d2d4|d8|]', 0), ('"D"d2|d8|d2d4|]', 1)):
        tune = parse_music(music, key=parse_key("D"), meter=parse_meter("4/4"))  # type: ignore[arg-type]
        messages = [message for message in ambiguities(tune) if "chord symbols stand in an upbeat" in message]
        assert len(messages) == expected
        automaton, allowed = TuneAutomaton(CODEC.vocabulary), True
        state = automaton.start()
        for token in tokens.encode_tune(tune):
            allowed &= bool(automaton.allowed(state)[CODEC.index[token]])
            state = automaton.advance(state, CODEC.index[token])
        assert allowed is not bool(expected)


@pytest.mark.parametrize(("with_chords", "plain", "expected"), [(1, 3, True), (1, 30, False), (0, 3, False)])
def test_the_codec_knows_whether_its_corpus_has_chord_symbols(with_chords: int, plain: int, expected: bool) -> None:
    pieces = [Piece(WITH_CHORDS)] * with_chords + [Piece(PLAIN)] * plain
    fitted = AbcCodec.fit(pieces, AbcOptions(pitches="names"))
    stored = AbcCodec.from_state(*fitted.state(), AbcOptions(pitches="names"))
    assert [codec.has_chord_symbols for codec in (fitted, stored, CODEC.extended_for(pieces))] == [expected] * 3
    assert CODEC.extended_for(pieces).vocabulary == CODEC.vocabulary


def test_a_model_without_chord_symbols_generates_none() -> None:
    with pytest.raises(RequestError, match="fewer than one in 20 tunes of this model's corpus") as caught:
        CODEC.task(AbcRequest(chords=True))
    assert caught.value.field == "chords"


def test_a_model_of_tunes_with_chord_symbols_generates_them(tmp_path: Path) -> None:
    (tmp_path / "book.abc").write_text("\n\n".join(tune_to_abc(WITH_CHORDS, number) for number in range(1, 5)))
    model = seqforge.train(
        "abc", corpus=str(tmp_path / "book.abc"), steps=2, hidden=16, layers=1, embedding=8, batch_size=2, bptt=16,
        dropout=0.0, recurrent_dropout=0.0, run=tmp_path / "run", workers=1,
    )  # fmt: skip
    for piece in model.generate(2, chords=True, meter="4/4", bars=4, seed=1):
        assert [number for number in bars_without_chord(piece.content) if number] == []
