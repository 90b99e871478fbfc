"""The table of tunes allows exactly what the automaton allows."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from seqforge_abc import AbcCodec, AbcOptions
from seqforge_abc.bar_automaton import State
from seqforge_abc.options import KEEPABLE
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.tune_table import TuneTable

PLAIN = AbcCodec.fit([], AbcOptions(pitches="names")).vocabulary
KEPT = AbcCodec.fit([], AbcOptions(keep=",".join(KEEPABLE), pitches="names")).vocabulary
REQUESTS = {
    "any": (PLAIN, {}),
    "jig of 16 bars": (PLAIN, {"rhythm": "jig", "meter": parse_meter("6/8"), "bars": 16}),
    "chords": (PLAIN, {"meter": parse_meter("3/4"), "key": parse_key("D"), "chords": True}),
    "hornpipe": (KEPT, {"rhythm": "hornpipe", "meter": parse_meter("4/4")}),
    "slurs, parts, lyrics and voices": (KEPT, {"meter": parse_meter("4/4")}),
}


def weights_of(vocabulary: Sequence[str], automaton: TuneAutomaton) -> np.ndarray:
    """Return weights of steps with which random walks reach all parts of a tune."""
    weights = np.where(automaton.is_pitch, 5.0, 1.0)
    weights[list(automaton.bar_lines)] = 60
    weights[[automaton.index[token] for token in ("[1", "[2", "-")]] = 40
    weights[[step for step, token in enumerate(vocabulary) if token[:2] == "K:"]] = 0.05
    return weights


@pytest.mark.parametrize("name", REQUESTS)
def test_table_follows_the_automaton(name: str) -> None:
    vocabulary, request = REQUESTS[name]
    automaton = TuneAutomaton(vocabulary, **request)
    table = TuneTable(TuneAutomaton(vocabulary, **request))
    weights, rng = weights_of(vocabulary, automaton), np.random.default_rng(0)
    numbers = table.state_numbers()
    masks: dict[object, tuple[bytes, bool]] = {}
    for _ in range(8):
        state, tabled = automaton.start(), table.start()
        number_of_state = np.array([numbers.number(tabled)])
        for number in range(160):
            mask = automaton.allowed(state)
            assert table.full_state(tabled) == state
            assert (table.allowed(tabled) == mask).all()
            assert table.may_end(tabled) == automaton.may_end(state)
            if number % 20 == 0:
                assert table.to_end(tabled) == automaton.to_end(state)
            content = mask.tobytes(), automaton.may_end(state)
            assert masks.setdefault(table.mask_key(tabled), content) == content
            assert numbers.state(int(number_of_state[0])) == tabled
            assert masks.setdefault(int(numbers.mask_keys(number_of_state)[0]), content) == content
            if not mask.any():
                break
            probabilities = weights * mask
            step = int(rng.choice(len(mask), p=probabilities / probabilities.sum()))
            state, tabled = automaton.advance(state, step), table.advance(tabled, step)
            number_of_state = numbers.advance(number_of_state, np.array([step]))
    assert len({table.full_state(tabled)} | {cast(State, state)}) == 1


def test_full_cache_is_cleared_without_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge_abc.tune_table.MAX_CORES", 20)
    automaton = TuneAutomaton(PLAIN)
    table, rng = TuneTable(TuneAutomaton(PLAIN)), np.random.default_rng(1)
    state, tabled = automaton.start(), table.start()
    for _ in range(200):
        mask = automaton.allowed(state)
        assert (table.allowed(tabled) == mask).all()
        if not mask.any():
            break
        step = int(rng.choice(np.flatnonzero(mask)))
        state, tabled = automaton.advance(state, step), table.advance(tabled, step)
