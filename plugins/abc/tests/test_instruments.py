import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge
from seqforge import RequestError
from seqforge_abc import AbcCodec, AbcOptions, AbcRequest, tokens
from seqforge_abc.infill import Infill
from seqforge_abc.instruments import HIGHLAND_PIPES, INSTRUMENTS, unplayable
from seqforge_abc.lint import violations
from seqforge_abc.theory import Key, parse_key, parse_meter
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.tune_table import TuneTable

spec = importlib.util.spec_from_file_location("automaton_tests", Path(__file__).parent / "test_tune_automaton.py")
assert spec and spec.loader
automaton_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(automaton_tests)

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
ALL = {**INSTRUMENTS, "Highland pipes": HIGHLAND_PIPES}
RANGES = {
    "fiddle": ("G,", "b"), "whistle": ("D", "b"), "flute": ("D", "d'"), "pipes": ("D", "d'"), "banjo": ("G,", "b"),
    "Highland pipes": ("G", "a"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_the_range_of_an_instrument(name: str) -> None:
    pitches = ALL[name].pitches()
    naturals = [str(pitch).removeprefix("=") for pitch in pitches if pitch.alter == 0]
    assert (naturals[0], naturals[-1]) == RANGES[name]
    assert pitches[0].midi == ALL[name].lowest and pitches[-1].midi == ALL[name].highest


def test_the_pipes_have_nine_notes() -> None:
    assert [str(pitch) for pitch in HIGHLAND_PIPES.pitches()] == ["=G", "=A", "=B", "^c", "=d", "=e", "^f", "=g", "=a"]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(ALL)),
    meter=st.sampled_from(["2/4", "4/4", "6/8", "9/8"]),
    count=st.sampled_from([0, 2, 8]),
    seed=st.integers(0, 2**32),
)
def test_an_instrument_plays_every_generated_tune(name: str, meter: str, count: int, seed: int) -> None:
    instrument = ALL[name]
    keys = instrument.playable_keys()
    automaton = TuneAutomaton(
        CODEC.vocabulary, meter=parse_meter(meter), bars=count, keys=keys, instruments=[instrument]
    )
    tune = tokens.decode_tune([CODEC.vocabulary[step] for step in automaton_tests.walk(automaton, seed)])
    assert unplayable(tune, instrument) == "" and violations(tune) == []
    assert tune.key in keys


def keys_of(**fields: Any) -> set[str]:
    """Return the keys that a request allows."""
    [prompt] = CODEC.task(AbcRequest(**fields)).prompts
    constraint = prompt.constraint
    assert isinstance(constraint, TuneTable)
    state = constraint.start()
    for token in ("R:", "M:4/4", "L:1/8"):
        state = constraint.advance(state, CODEC.index[token])
    return {CODEC.vocabulary[step].removeprefix("K:") for step in np.flatnonzero(constraint.allowed(state))}


def test_a_mode_is_any_key_of_that_mode() -> None:
    assert keys_of(mode="dorian") == {str(Key(signature + 2, "dor")) for signature in range(-7, 8)}
    assert {"Am", "Em", "F#m"} <= keys_of(mode="minor") and not {"C", "Ador"} & keys_of(mode="minor")
    assert keys_of(mode="major", instrument="whistle") == {"D", "G"}
    assert keys_of(mode="minor", key="Em") == {"Em"}


@pytest.mark.parametrize("key", ["HP", "Hp"])
def test_the_key_of_the_pipes_keeps_their_notes(key: str) -> None:
    for fields in ({"key": key}, {"prompt": f"K:{key}\nM:2/4\nL:1/8\nA2 c2|"}):
        [prompt] = CODEC.task(AbcRequest(**fields)).prompts  # type: ignore[arg-type]
        constraint = prompt.constraint
        automaton = constraint.automaton if isinstance(constraint, Infill | TuneTable) else constraint
        assert isinstance(automaton, TuneAutomaton)
        playable = [CODEC.vocabulary[step] for step in automaton.pitches]
        assert playable == [str(pitch) for pitch in HIGHLAND_PIPES.pitches()]
    assert parse_key(key) == parse_key("Amix")


def test_the_shipped_model_generates_for_an_instrument() -> None:
    model = seqforge.load("abc:default")
    for piece in model.generate(3, seed=2, instrument="whistle", mode="major", bars=4):
        assert unplayable(piece.content, INSTRUMENTS["whistle"]) == "" and str(piece.content.key) in ("D", "G")


@pytest.mark.parametrize(
    ("fields", "field", "fragment"),
    [
        ({"instrument": "whistle", "key": "F"}, "key", "a whistle in D lacks some of its notes; it plays in G, D, "),
        ({"mode": "major", "key": "Edor"}, "mode", "`key` is Edor, which is dorian"),
        ({"mode": "major", "prompt": "K:Edor\nM:C\nE8|"}, "mode", "`key` is Edor, which is dorian"),
        ({"instrument": "flute", "prompt": "K:D\nM:C\nA,8|"}, "instrument", "`prompt` has =A,, which a flute cannot"),
        ({"instrument": "flute", "prompt": "K:D\nM:C\n[DF]8|"}, "instrument", "`prompt` has [=D^F], which a flute"),
        ({"key": "HP", "prompt": "M:C\n{b}a8|"}, "instrument", "`prompt` has =b, which the Highland pipes cannot"),
    ],
)
def test_requests_that_an_instrument_cannot_play(fields: dict[str, Any], field: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        CODEC.task(AbcRequest(**fields))
    assert caught.value.field == field and fragment in str(caught.value)


@pytest.mark.parametrize("fields", [{"instrument": "flute"}, {"mode": "major"}, {"key": "HP"}])
def test_a_model_of_characters_has_no_instruments(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="`encoding` tokens"):
        AbcCodec.fit([], AbcOptions("char")).task(AbcRequest(**({"key": "D", "meter": "C"} | fields)))
