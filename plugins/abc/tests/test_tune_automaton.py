import itertools
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge_abc import AbcCodec, AbcOptions, Tune, tokens
from seqforge_abc.ambiguities import ambiguities
from seqforge_abc.bar_automaton import State
from seqforge_abc.lint import violations
from seqforge_abc.theory import Meter, parse_key, parse_meter
from seqforge_abc.tune import BarLine, Ending, Note, Tuplet
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.writer import tune_to_abc

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
VOCABULARY = CODEC.vocabulary
METERS = ["2/4", "3/4", "4/4", "C|", "6/8", "9/8", "12/8", "5/4", "3/8"]


def walk(automaton: TuneAutomaton, seed: int, *, max_steps: int = 150) -> list[int]:
    """Return the steps of a random walk among the allowed steps.

    Args:
        automaton: The automaton.
        seed: Seed of the random number generator.
        max_steps: The number of steps after which the walk takes the shortest path to an end.
    """
    rng = np.random.default_rng(seed)
    weights = np.array([30.0 if automaton.is_pitch[step] else 0.2 for step in range(len(VOCABULARY))])
    weights[[automaton.index[kind] for kind in (*tokens.BAR_LINE_TOKENS, "[1", "[2")]] = 300
    weights[automaton.header.key_changes] = 0.01
    state, steps = automaton.start(), []
    distance: int | None = None
    while not (automaton.may_end(state) and (len(steps) >= max_steps or rng.random() < 0.3)):
        mask = automaton.allowed(state)
        if len(steps) >= max_steps:
            step = automaton.step_toward_end(state)  # type: ignore[arg-type]
            assert mask[step]
            previous, distance = distance, automaton.to_end(state)
            assert previous is None or distance == previous - 1
        elif not mask.any():
            assert automaton.may_end(state)
            break
        else:
            probabilities = weights * mask / (weights * mask).sum()
            step = int(rng.choice(len(mask), p=probabilities))
        steps.append(step)
        state = automaton.advance(state, step)
        if distance == 1:
            distance = 0
    return steps


def bar_lengths(tune: Tune) -> list[tuple[Fraction, str]]:
    """Return the sounding length of each bar, and the kind of the bar line after it."""
    bars, length, scale, tuplet_left = [], Fraction(0), Fraction(1), 0
    for element in tune.elements:
        if isinstance(element, Tuplet):
            scale, tuplet_left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length += element.duration * (scale if tuplet_left else 1)
            tuplet_left = max(0, tuplet_left - 1)
        elif isinstance(element, BarLine) and length:
            bars.append((length, element.kind))
            length = Fraction(0)
    assert not length, "a tune ends with a bar line"
    return bars


def bar_errors(tune: Tune) -> list[str]:
    """Return the bars that do not add up, by a check that is independent of the automaton and of `lint`."""
    bar_length, errors = tune.meter.bar_length, []
    bars = bar_lengths(tune)
    if not bar_length:
        return []
    first_upbeat = bars[0][0] if bars[0][0] < bar_length and bars[0][1] in ("|", "|:") else Fraction(0)
    sections: list[list[tuple[Fraction, str]]] = [[]]
    for length, kind in bars:
        sections[-1].append((length, kind))
        if kind != "|":
            sections.append([])
    missing: Fraction | None = None  # what the last bar of the section before lacks
    for section in filter(None, sections):
        lengths = [length for length, _ in section]
        kind = section[-1][1]
        if kind == "|:" and len(section) == 1 and lengths[0] < bar_length and missing in (None, lengths[0]):
            missing = Fraction(0)  # an upbeat before the sign of a repeat
            continue
        upbeat = lengths[0] if lengths[0] < bar_length and len(lengths) > 1 else Fraction(0)
        if missing is not None and missing != upbeat:
            errors.append(f"an upbeat of {upbeat} where {missing} completes the bar before")
        inner = lengths[(1 if upbeat else 0) : -1]
        errors += [f"a bar of {length}" for length in inner if length != bar_length]
        if kind in (":|", "::") and lengths[-1] + upbeat not in (bar_length, 2 * bar_length):
            errors.append(f"a repeat that ends with {lengths[-1]} after an upbeat of {upbeat}")
        missing = (bar_length - lengths[-1]) % bar_length
    last, kind = bars[-1]
    if kind == "|]" and (last + first_upbeat) not in (bar_length, 2 * bar_length):
        errors.append(f"a last bar of {last} after an upbeat of {first_upbeat}")
    return errors


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), meter=st.sampled_from(METERS), count=st.sampled_from([0, 1, 2, 5, 8, 16]))
def test_random_walks_are_complete_tunes(seed: int, meter: str, count: int) -> None:
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter(meter), key=parse_key("Edor"), rhythm="jig", bars=count)
    sampled = [VOCABULARY[step] for step in walk(automaton, seed)]
    tune = tokens.decode_tune(sampled)
    assert list(tokens.bar_line_tokens(tune)) == [token for token in sampled if token in tokens.BAR_LINE_TOKENS]
    assert tokens.decode_tune(tokens.encode_tune(tune)) == tune
    assert (tune.meter, str(tune.key), tune.rhythm) == (parse_meter(meter), "Edor", "jig")
    assert isinstance(tune.elements[-1], BarLine) and tune.elements[-1].kind in ("|]", ":|")
    endings = [element.number for element in tune.elements if isinstance(element, Ending)]
    assert endings == ["1", "2"] * (len(endings) // 2)
    for note, following in itertools.pairwise(tune.notes()):
        assert not note.tied or set(note.pitches) <= set(following.pitches)
    assert violations(tune) == []
    # a tune that was sampled in a unit other than its most common length may have ambiguities
    assert ambiguities(tune) == [] or tokens.encode_tune(tune) != sampled
    if not endings:
        assert bar_errors(tune) == []
    if count:
        assert len(bar_lengths(tune)) - count_upbeats(tune) == count


def count_upbeats(tune: Tune) -> int:
    """Return the number of upbeats: short bars at the beginning of a section, outside second endings."""
    upbeats, section_start, bars = 0, True, iter(bar_lengths(tune))
    has_notes = False
    for element in tune.elements:
        if isinstance(element, Note):
            has_notes = True
        elif isinstance(element, Ending):
            section_start = False
        elif isinstance(element, BarLine) and has_notes:
            length, kind = next(bars)
            upbeats += section_start and length < tune.meter.bar_length and kind in ("|", "|:")
            section_start, has_notes = kind != "|", False
    return upbeats


@pytest.mark.skipif(not shutil.which("abc2midi"), reason="abc2midi is not installed; CI has it")
@pytest.mark.parametrize("meter", METERS)
def test_abc2midi_reports_no_errors_in_random_walks(meter: str, tmp_path: Path) -> None:
    for seed in range(6):
        rhythm = "hornpipe" if meter in ("2/4", "4/4") and seed % 2 else "reel"
        automaton = TuneAutomaton(VOCABULARY, meter=parse_meter(meter), key=parse_key("D"), rhythm=rhythm)
        tune = tokens.decode_tune([VOCABULARY[step] for step in walk(automaton, seed, max_steps=80)])
        (tmp_path / "t.abc").write_text(tune_to_abc(tune))
        result = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert not re.search("Error|time units", result.stdout), result.stdout + tune_to_abc(tune)


def test_the_shortest_path_from_the_start_is_a_complete_tune() -> None:
    automaton = TuneAutomaton(VOCABULARY)
    state, steps = automaton.start(), []
    while not automaton.may_end(state):
        steps.append(automaton.step_toward_end(state))  # type: ignore[arg-type]
        state = automaton.advance(state, steps[-1])
    assert len(steps) == automaton.to_end(automaton.start())
    assert bar_errors(tokens.decode_tune([VOCABULARY[step] for step in steps])) == []


def test_no_meter_is_generated_only_on_request() -> None:
    free = TuneAutomaton(VOCABULARY)
    state = free.advance(free.start(), CODEC.index["R:"])
    assert not free.allowed(state)[CODEC.index["M:none"]]
    without_meter = TuneAutomaton(VOCABULARY, meter=Meter(0, 0))
    tune = tokens.decode_tune([VOCABULARY[step] for step in walk(without_meter, 1)])
    assert tune.meter == Meter(0, 0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    meter=st.sampled_from(METERS),
    count=st.sampled_from([0, 1, 2, 3, 8]),
    sign_weights=st.lists(st.sampled_from([40.0, 400.0, 4000.0]), min_size=4, max_size=4),
)
def test_every_reachable_state_has_a_short_path_to_an_end(
    seed: int, meter: str, count: int, sign_weights: list[float]
) -> None:
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter(meter), bars=count)
    weights = np.where(automaton.is_pitch, 30.0, 0.2)
    for names, weight in zip((["[1", "[2"], [":|", "::"], ["|:", "||"], ["|]"]), sign_weights, strict=True):
        weights[[automaton.index[name] for name in names]] = weight
    weights[[automaton.index[token] for token, kind in tokens.BAR_LINE_TOKENS.items() if kind == "|"]] = 400
    rng = np.random.default_rng(seed)
    state: Any = automaton.start()
    for _ in range(60):
        mask = automaton.allowed(state)
        if not mask.any():
            break
        state = automaton.advance(state, int(rng.choice(len(mask), p=weights * mask / (weights * mask).sum())))
    path_length = 0
    while not automaton.may_end(state):
        step = automaton.step_toward_end(state)
        assert automaton.allowed(state)[step]
        state = automaton.advance(state, step)
        path_length += 1
        assert path_length <= 20 * max(8, count), "the path to the end has a cycle"


def test_repeats_without_opening_sign_are_allowed_only_where_abc2midi_agrees() -> None:
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter("2/4"), key=parse_key("D"), rhythm="reel")
    bar = ["*4", "=D"]

    def allowed_after(*music: str) -> set[str]:
        state = automaton.start()
        for token in ["R:reel", "M:2/4", "L:1/8", "K:D", *music]:
            assert automaton.allowed(state)[CODEC.index[token]], token
            state = automaton.advance(state, CODEC.index[token])
        return {VOCABULARY[step] for step in np.flatnonzero(automaton.allowed(state))}

    assert "[1" in allowed_after(*bar, "|1")
    assert "[1" not in allowed_after(*bar, "|1", *bar, ":|", *bar, "|1")  # an error for abc2midi
    assert ":|" in allowed_after(*bar, "|1", *bar, ":|", *bar)
    assert ":|" in allowed_after(*bar, ":|", *bar, "||", *bar)
    assert ":|" not in allowed_after(*bar, "||", *bar)  # abc2midi would go back to the beginning of the tune
    endings = [*bar, "|1", "[1", *bar, ":|", "[2", *bar, "||"]
    assert not {":|", "::"} & allowed_after(*endings, *bar)  # abc2midi would not go back
    assert "[1" not in allowed_after(*endings, *bar, "|1")
    assert "[1" in allowed_after(*endings, "|:", *bar, "|1")


def test_an_upbeat_may_stand_before_the_sign_of_its_repeat() -> None:
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter("2/4"), key=parse_key("D"), rhythm="reel")
    upbeat, bar, short = ["=A"], ["=D", "=E", "=F", "=G"], ["=D", "=E", "=F"]
    head = ["R:reel", "M:2/4", "L:1/8", "K:D"]
    for music in (
        [*upbeat, "|:", *bar, "|1", *bar, ":|", *bar, "|1", *short, "|]"],
        ["|:", *upbeat, "|", *bar, "|1", *short, ":|", *upbeat, "|:", *bar, ":|"],
        [*bar, "|1", *short, "||", *upbeat, "|", *bar, "|1", "*2", "=D", "||", "*2", "=D", "|", *bar, "|]"],
    ):
        state = automaton.start()
        for token in [*head, *music]:
            assert automaton.allowed(state)[CODEC.index[token]], (token, music)
            state = automaton.advance(state, CODEC.index[token])
        assert automaton.may_end(state)
        tune = tokens.decode_tune([*head, *music])
        assert violations(tune) == ambiguities(tune) == []


def test_plain_notes_may_be_tied() -> None:
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter("2/4"), key=parse_key("D"), rhythm="reel")
    state = automaton.start()
    for token in ["R:reel", "M:2/4", "L:1/8", "K:D", "=D", "=E", "*2", "=F"]:
        state = automaton.advance(state, CODEC.index[token])
        assert automaton.allowed(state)[CODEC.index["-"]] == (token in ("=D", "=E", "=F"))


def test_bar_numbers_of_a_second_ending_continue_from_the_start_of_the_first() -> None:
    bar = Note((tokens.PITCH_TOKENS["=D"],), Fraction(1, 2))
    first, second = Ending("1"), Ending("2")
    music = (
        bar,
        BarLine("|"),
        bar,
        BarLine("|"),
        first,
        bar,
        BarLine(":|"),
        second,
        bar,
        BarLine("|"),
        bar,
        BarLine("||"),
        bar,
        BarLine("|"),
        bar,
    )
    tune = Tune((*music, BarLine("|]")), meter=Meter(2, 4))
    assert list(tokens.bar_line_tokens(tune)) == ["|1", "|2", ":|", "|3", "||", "|1", "|]"]


@pytest.mark.parametrize(("rhythm", "meters"), [("hornpipe", {"M:2/4", "M:4/4"}), ("reel", None)])
def test_hornpipes_have_a_meter_that_abc2midi_supports(rhythm: str, meters: set[str] | None) -> None:
    automaton = TuneAutomaton(VOCABULARY)
    state = automaton.advance(automaton.start(), CODEC.index[f"R:{rhythm}"])
    allowed = {VOCABULARY[step] for step in np.flatnonzero(automaton.allowed(state))}
    assert allowed == meters if meters else {"M:2/2", "M:6/8"} <= allowed


@given(st.integers(0, 2**32 - 1))
def test_a_shared_mask_is_the_mask_of_the_state(seed: int) -> None:
    automaton, rng = TuneAutomaton(VOCABULARY), np.random.default_rng(seed)
    state = automaton.start()
    for _ in range(120):
        mask = automaton.allowed(state)
        assert isinstance(state, State)
        assert np.array_equal(mask, automaton.mask(state))
        mask[:] = False  # the caller may change it
        steps = automaton.allowed(state).nonzero()[0]
        if not len(steps):
            break
        state = automaton.advance(state, int(rng.choice(steps)))
