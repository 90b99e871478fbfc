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

from seqforge import RequestError
from seqforge_abc import AbcCodec, AbcOptions, AbcRequest, Tune, tokens
from seqforge_abc.ambiguities import ambiguities
from seqforge_abc.lint import violations
from seqforge_abc.theory import Meter, parse_key, parse_meter
from seqforge_abc.tune import BarLine, Ending, Note, Tuplet
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.writer import tune_to_abc

CODEC = AbcCodec.fit([], AbcOptions())
VOCABULARY = CODEC.vocabulary
METERS = ["2/4", "3/4", "4/4", "C|", "6/8", "9/8", "12/8", "5/4", "3/8"]


def walk(automaton: TuneAutomaton, seed: int, *, most: int = 150) -> list[int]:
    """A tune drawn at random among what is allowed, notes more often than signs; led to its end after `most` steps."""
    rng = np.random.default_rng(seed)
    weights = np.array([30.0 if automaton.is_pitch[step] else 0.2 for step in range(len(VOCABULARY))])
    weights[[automaton.index[kind] for kind in (*tokens.BAR_LINE_TOKENS, "[1", "[2")]] = 300
    weights[automaton.key_changes] = 0.01
    state, steps = automaton.start(), []
    distance = None
    while not (automaton.may_end(state) and (len(steps) >= most or rng.random() < 0.3)):
        mask = automaton.allowed(state)
        if len(steps) >= most:
            step = automaton.step_toward_end(state)  # type: ignore[arg-type]
            assert mask[step]
            now = automaton.to_end(state)
            assert distance is None or now == distance - 1
            distance = now
        elif not mask.any():
            assert automaton.may_end(state)
            break
        else:
            chances = weights * mask
            step = int(rng.choice(len(mask), p=chances / chances.sum()))
        steps.append(step)
        state = automaton.advance(state, step)
        if distance == 1:
            distance = 0
    return steps


def bars(tune: Tune) -> list[tuple[Fraction, str]]:
    """The lengths of what stands between bar lines, as they sound, with the bar line after each."""
    found, length, scale, left = [], Fraction(0), Fraction(1), 0
    for element in tune.elements:
        if isinstance(element, Tuplet):
            scale, left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length += element.duration * (scale if left else 1)
            left = max(0, left - 1)
        elif isinstance(element, BarLine) and length:
            found.append((length, element.kind))
            length = Fraction(0)
    assert not length, "a tune ends with a bar line"
    return found


def bars_that_do_not_add_up(tune: Tune) -> list[str]:
    """What a bar checker of our own finds, first and last bars too; independent of the automaton."""
    bar, wrong = tune.meter.bar_length, []
    found = bars(tune)
    if not bar:
        return []
    first = found[0][0] if found[0][0] < bar and found[0][1] in ("|", "|:") else Fraction(0)
    sections: list[list[tuple[Fraction, str]]] = [[]]
    for length, kind in found:
        sections[-1].append((length, kind))
        if kind != "|":
            sections.append([])
    owed: Fraction | None = None
    upbeat = Fraction(0)
    second = False
    for section in filter(None, sections):
        lengths = [length for length, _ in section]
        kind = section[-1][1]
        if kind == "|:" and len(section) == 1 and lengths[0] < bar and owed in (None, lengths[0]):
            owed = Fraction(0)  # an upbeat that is not repeated: it stands before the sign
            continue
        if not second:
            upbeat = lengths[0] if lengths[0] < bar and len(lengths) > 1 else Fraction(0)
            if owed is not None and owed != upbeat:
                wrong.append(f"an upbeat of {upbeat} where {owed} completes the bar before")
        inner = lengths[(1 if upbeat and not second else 0) : -1]
        wrong += [f"a bar of {length}" for length in inner if length != bar]
        if kind in (":|", "::") and lengths[-1] + upbeat not in (bar, 2 * bar):
            wrong.append(f"a repeat that ends with {lengths[-1]} after an upbeat of {upbeat}")
        owed = (bar - lengths[-1]) % bar
        second = False
    if sections[-1] == [] and found[-1][1] == "|]" and (found[-1][0] + first) not in (bar, 2 * bar):
        wrong.append(f"a last bar of {found[-1][0]} after an upbeat of {first}")
    return wrong


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), meter=st.sampled_from(METERS), count=st.sampled_from([0, 1, 2, 5, 8, 16]))
def test_random_walks_are_complete_tunes(seed: int, meter: str, count: int) -> None:
    asked = parse_meter(meter)
    automaton = TuneAutomaton(VOCABULARY, meter=asked, key=parse_key("Edor"), rhythm="jig", bars=count)
    drawn = [VOCABULARY[step] for step in walk(automaton, seed)]
    tune = tokens.decode_tune(drawn)
    assert list(tokens.bar_line_tokens(tune)) == [token for token in drawn if token in tokens.BAR_LINE_TOKENS]
    assert tokens.decode_tune(tokens.encode_tune(tune)) == tune
    assert (tune.meter, str(tune.key), tune.rhythm) == (asked, "Edor", "jig")
    assert isinstance(tune.elements[-1], BarLine) and tune.elements[-1].kind in ("|]", ":|")
    endings = [element.number for element in tune.elements if isinstance(element, Ending)]
    assert endings == ["1", "2"] * (len(endings) // 2)
    for note, after in itertools.pairwise(tune.notes()):
        assert not note.tied or set(note.pitches) <= set(after.pitches)
    assert violations(tune) == []
    assert ambiguities(tune) == [] or tokens.encode_tune(tune) != drawn  # it was drawn in a unit that is not its own
    if not endings:
        assert bars_that_do_not_add_up(tune) == []
    if count:
        upbeats = counted_upbeats(tune)
        assert len(bars(tune)) - upbeats == count


def counted_upbeats(tune: Tune) -> int:
    """How many stretches are upbeats: shorter than a bar, first in their section, and in no second ending."""
    upbeats, opening, lengths = 0, True, iter(bars(tune))
    played = False
    for element in tune.elements:
        if isinstance(element, Note):
            played = True
        elif isinstance(element, Ending):
            opening = False
        elif isinstance(element, BarLine) and played:
            length, kind = next(lengths)
            upbeats += opening and length < tune.meter.bar and kind in ("|", "|:")
            opening, played = kind != "|", False
    return upbeats


@pytest.mark.skipif(not shutil.which("abc2midi"), reason="abc2midi is a judge from outside; CI installs it")
@pytest.mark.parametrize("meter", METERS)
def test_abc2midi_reports_no_errors_in_random_walks(meter: str, tmp_path: Path) -> None:
    for seed in range(6):
        rhythm = "hornpipe" if meter in ("2/4", "4/4") and seed % 2 else "reel"
        automaton = TuneAutomaton(VOCABULARY, meter=parse_meter(meter), key=parse_key("D"), rhythm=rhythm)
        tune = tokens.decode_tune([VOCABULARY[step] for step in walk(automaton, seed, most=80)])
        (tmp_path / "t.abc").write_text(tune_to_abc(tune))
        said = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert not re.search("Error|time units", said.stdout), said.stdout + tune_to_abc(tune)


def test_the_shortest_path_from_the_start_is_a_complete_tune() -> None:
    automaton = TuneAutomaton(VOCABULARY)
    state, steps = automaton.start(), []
    while not automaton.may_end(state):
        steps.append(automaton.step_toward_end(state))  # type: ignore[arg-type]
        state = automaton.advance(state, steps[-1])
    assert len(steps) == automaton.to_end(automaton.start())
    assert bars_that_do_not_add_up(tokens.decode_tune([VOCABULARY[step] for step in steps])) == []


# -- requests -------------------------------------------------------------------------------


def opening(**asked: Any) -> list[str]:
    [prompt] = CODEC.task(AbcRequest(**asked)).prompts
    return [VOCABULARY[step] for step in prompt.example.steps]


def test_the_example_of_a_prompt_contains_its_tokens() -> None:
    begun = opening(prompt="|:DED F2A|", key="D", meter="6/8", rhythm="jig")
    assert begun == ["R:jig", "M:6/8", "L:1/8", "K:D", "|:", "=D", "=E", "=D", "*2", "^F", "=A", "|1"]


def test_requested_header_fields_are_forced_and_others_free() -> None:
    [prompt] = CODEC.task(AbcRequest(key="F#m", meter="C|")).prompts
    constraint = prompt.constraint
    assert constraint is not None and len(prompt.example.steps) == 0
    state, seen = constraint.start(), []
    for _ in range(4):
        allowed = [VOCABULARY[step] for step in np.flatnonzero(constraint.allowed(state))]
        seen.append(allowed if len(allowed) < 2 else len(allowed))
        state = constraint.advance(state, CODEC.index[allowed[0]])
    assert seen[0] > 20 and seen[1] == ["M:2/2"] and seen[2] > 2 and seen[3] == ["K:F#m"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"key": "H"}, "--key H is no key; write a letter"),
        ({"meter": "6"}, "--meter 6 is no meter; write it as 6/8"),
        ({"rhythm": "real"}, "no rhythm 'real'.*Did you mean 'reel'"),
        ({"bars": -1}, "--bars is -1; it must be from 0 to 1000"),
        ({"prompt": "DED", "key": "D"}, "give --key and --meter with it"),
        ({"prompt": "hello, world; 42%", "key": "D", "meter": "6/8"}, "the prompt is no ABC"),
        ({"prompt": "DED F2A B|", "key": "D", "meter": "6/8"}, "bar 1.*does not fit"),
        ({"prompt": "DEF|" * 9000, "key": "D", "meter": "3/8"}, "36,000 characters; 20,000 are allowed"),
    ],
)
def test_invalid_requests_raise_request_error(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError, match=told) as caught:
        CODEC.task(AbcRequest(**asked))
    assert "\n" not in str(caught.value)


def test_no_meter_is_generated_only_on_request() -> None:
    free = TuneAutomaton(VOCABULARY)
    state = free.advance(free.start(), CODEC.index["R:"])
    assert not free.allowed(state)[CODEC.index["M:none"]]
    asked = TuneAutomaton(VOCABULARY, meter=Meter(0, 0))
    tune = tokens.decode_tune([VOCABULARY[step] for step in walk(asked, 1)])
    assert tune.meter == Meter(0, 0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    meter=st.sampled_from(METERS),
    count=st.sampled_from([0, 1, 2, 3, 8]),
    signs=st.lists(st.sampled_from([40.0, 400.0, 4000.0]), min_size=4, max_size=4),
)
def test_every_reachable_state_has_a_short_path_to_an_end(
    seed: int, meter: str, count: int, signs: list[float]
) -> None:
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter(meter), bars=count)
    weights = np.where(automaton.is_pitch, 30.0, 0.2)
    for names, weight in zip((["[1", "[2"], [":|", "::"], ["|:", "||"], ["|]"]), signs, strict=True):
        weights[[automaton.index[name] for name in names]] = weight
    weights[[automaton.index[token] for token, kind in tokens.BAR_LINE_TOKENS.items() if kind == "|"]] = 400
    rng = np.random.default_rng(seed)
    state: Any = automaton.start()
    for _ in range(60):
        mask = automaton.allowed(state)
        if not mask.any():
            break
        state = automaton.advance(state, int(rng.choice(len(mask), p=weights * mask / (weights * mask).sum())))
    way = 0
    while not automaton.may_end(state):
        step = automaton.step_toward_end(state)
        assert automaton.allowed(state)[step]
        state = automaton.advance(state, step)
        way += 1
        assert way <= 20 * max(8, count), "the way to the end goes in circles"


def test_repeats_without_opening_sign_are_allowed_only_where_abc2midi_agrees() -> None:
    """The first section may lack its `|:`, and one after a repeat; not where abc2midi goes back to somewhere else."""
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter("2/4"), key=parse_key("D"), rhythm="reel")
    bar = ["*4", "=D"]

    def allowed_after(*music: str) -> set[str]:
        state = automaton.start()
        for token in ["R:reel", "M:2/4", "L:1/8", "K:D", *music]:
            assert automaton.allowed(state)[CODEC.index[token]], token
            state = automaton.advance(state, CODEC.index[token])
        return {VOCABULARY[step] for step in np.flatnonzero(automaton.allowed(state))}

    assert "[1" in allowed_after(*bar, "|1")
    assert "[1" not in allowed_after(*bar, "|1", *bar, ":|", *bar, "|1")  # abc2midi finds it, and calls it an error
    assert ":|" in allowed_after(*bar, "|1", *bar, ":|", *bar)
    assert ":|" in allowed_after(*bar, ":|", *bar, "||", *bar)
    assert ":|" not in allowed_after(*bar, "||", *bar)  # abc2midi would go back to the tune's start
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
    """Whatever stands before them: a note that another came right before was once not."""
    automaton = TuneAutomaton(VOCABULARY, meter=parse_meter("2/4"), key=parse_key("D"), rhythm="reel")
    state = automaton.start()
    for token in ["R:reel", "M:2/4", "L:1/8", "K:D", "=D", "=E", "*2", "=F"]:
        state = automaton.advance(state, CODEC.index[token])
        assert automaton.allowed(state)[CODEC.index["-"]] == (token in ("=D", "=E", "=F"))


def test_bar_numbers_of_a_second_ending_continue_from_the_start_of_the_first() -> None:
    bar = Note((tokens.PITCH_TOKENS["=D"],), Fraction(1, 2))
    one, two = Ending("1"), Ending("2")
    music = (
        bar,
        BarLine("|"),
        bar,
        BarLine("|"),
        one,
        bar,
        BarLine(":|"),
        two,
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
    found = {VOCABULARY[step] for step in np.flatnonzero(automaton.allowed(state))}
    assert found == meters if meters else {"M:2/2", "M:6/8"} <= found
