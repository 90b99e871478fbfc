import dataclasses
import importlib.util
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

import seqforge
import seqforge_corpora
from seqforge import Example, RequestError
from seqforge.plugin import registry
from seqforge_abc import Abc, AbcCodec, AbcOptions, AbcRequest, Tune, tokens
from seqforge_abc.bars import split_bars
from seqforge_abc.infill import Infill
from seqforge_abc.lint import violations
from seqforge_abc.request import ParsedRequest
from seqforge_abc.tune import Element, Note, Tuplet
from seqforge_abc.writer import tune_to_abc, written_unit
from seqforge_abc.written_prompt import WrittenPrompt

spec = importlib.util.spec_from_file_location("automaton_tests", Path(__file__).parent / "test_tune_automaton.py")
assert spec and spec.loader
automaton_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(automaton_tests)

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
BOOKS = Path(str(next(iter(seqforge_corpora.__path__))))
WEIGHTS = np.array([30.0 if token in tokens.PITCH_TOKENS else 0.3 for token in CODEC.vocabulary])
WEIGHTS[[CODEC.index[kind] for kind in tokens.BAR_LINE_TOKENS]] = 300


def infill(text: str, **fields: Any) -> tuple[Infill, list[int]]:
    [prompt] = CODEC.task(
        AbcRequest(prompt=text, **({"key": "D", "meter": "6/8", "rhythm": "unknown"} | fields))
    ).prompts
    assert isinstance(prompt.constraint, Infill)
    return prompt.constraint, prompt.example.steps.tolist()


def walk(constraint: Infill, seed: int, max_steps: int = 150) -> list[int]:
    """Return the steps of a random walk, and check the laws of `Constraint` on the way.

    Args:
        constraint: The constraint.
        seed: Seed of the random number generator.
        max_steps: The number of steps after which the walk takes the shortest path to an end.
    """
    rng = np.random.default_rng(seed)
    state, steps = constraint.start(), []
    while True:
        mask = constraint.allowed(state)
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
        if constraint.may_end(state) and (not mask.any() or len(steps) >= max_steps or rng.random() < 0.5):
            return steps
        assert mask.any()
        nearer = constraint.step_toward_end(state)  # type: ignore[arg-type]
        if distance:
            assert mask[nearer] and constraint.to_end(constraint.advance(state, nearer)) == distance - 1
        probabilities = WEIGHTS * mask / (WEIGHTS * mask).sum()
        steps.append(nearer if len(steps) >= max_steps else int(rng.choice(len(mask), p=probabilities)))
        state = constraint.advance(state, steps[-1])
        hash(state)


def tune_of(steps: list[int]) -> Tune:
    tune: Tune = CODEC.decode(Example(np.array(steps))).content
    return tune


def names(steps: list[int]) -> list[str]:
    return [CODEC.vocabulary[step] for step in steps]


def count_bars(tune: Tune) -> int:
    """Return the number of bars of a tune, without upbeats."""
    return len(automaton_tests.bar_lengths(tune)) - int(automaton_tests.count_upbeats(tune))


PROMPTS = {
    "one bar": ("|:DED F2A|*|d2e f2g|", "6/8", 4),
    "several bars": ("|:DED F2A|*2|d2e f2g|*3|", "6/8", 8),
    "after an upbeat": ("A|DED F2A|*6|d2e f2|]", "6/8", 8),
    "before a repeat": ("|:A|DED F2A|*3:|d|ded f2g|", "6/8", 8),
    "an upbeat in the gap": ("|:A|DED F2A|*3:|*2|d2e f2g|", "6/8", 9),
    "before an upbeat": ("D4F4|*||A2|d4f4|*|", "2/4", 5),
    "endings": ("|:D8|*2|1*:|2*|]", "2/4", 5),
    "from the first bar": ("*4|D2F2 A4|", "4/4", 8),
    "to the last": ("D2F2 A4|*7|]", "4/4", 8),
    "only gaps": ("|:*4:|*3|]", "9/8", 7),
    "a 5/4 meter": ("D8D2|*|d8d2|", "5/4", 5),
}


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("exact", [False, True])
def test_infill_generates_complete_tunes(name: str, exact: bool) -> None:
    text, meter, bars = PROMPTS[name]
    constraint, prefix = infill(text, meter=meter, bars=bars if exact else 0)
    fixed = [entry for entry in constraint.plan if isinstance(entry, int)]
    for seed in range(12):
        steps = walk(constraint, seed, max_steps=[20, 60, 300][seed % 3])
        tune = tune_of(steps)
        assert steps[: len(prefix)] == prefix
        assert list(tokens.bar_line_tokens(tune)) == [
            token for token in names(steps) if token in tokens.BAR_LINE_TOKENS
        ]
        assert _is_subsequence(fixed, steps)
        if name != "endings":
            assert automaton_tests.bar_errors(tune) == []
            assert not exact or count_bars(tune) == bars
        assert text[-1] != "]" or count_bars(tune) == bars


def _is_subsequence(part: list[int], steps: list[int]) -> bool:
    rest = iter(steps)
    return all(step in rest for step in part)


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), min_size=1, max_size=6).filter(any),
    meter=st.sampled_from(["2/4", "4/4", "6/8", "9/8", "3/4"]),
    final=st.sampled_from(["|", ":|", "|]"]),
    seed=st.integers(0, 2**32),
)
def test_any_combination_of_gaps_is_filled(gaps: list[int], meter: str, final: str, seed: int) -> None:
    full_bar = "D" * int((8 if Fraction(meter) >= Fraction(3, 4) else 16) * Fraction(meter))
    text = "|".join(f"*{length}" if length else full_bar for length in gaps) + final
    tune = tune_of(walk(infill(text, meter=meter, rhythm="unknown" if seed % 2 else "")[0], seed))
    assert automaton_tests.bar_errors(tune) == []
    assert count_bars(tune) >= sum(length or 1 for length in gaps)


# -- real tunes --------------------------------------------------------------------------------------------


MARKER = 999
"""The length in units of the rest that marks a gap; no real rest is as long."""


@pytest.mark.parametrize(("book", "stride"), [("cre", 40), ("oneills1850", 60), ("ryans", 30)])
def test_every_beginning_of_a_real_tune_can_be_continued(book: str, stride: int) -> None:
    rng = np.random.default_rng(0)
    for piece in list(Abc().read(BOOKS / book / f"{book}.abc", AbcOptions()))[::stride]:
        assert not isinstance(piece, seqforge.ReadError)
        tune = CODEC.canonical(piece).content
        end = 1 + int(rng.integers(len(tune.elements)))
        if violations(tune) or isinstance(tune.elements[end - 1], Tuplet):
            continue
        beginning = dataclasses.replace(tune, elements=tune.elements[:end])
        request = ParsedRequest(tune.rhythm, tune.meter, tune.key, 0, written=WrittenPrompt(beginning))
        result = tune_of(walk(Infill(CODEC.vocabulary, request), int(rng.integers(2**32)), max_steps=4 * end))
        assert result.elements[: end - 1] == tune.elements[: end - 1], piece


def text_of(tune: Tune) -> str:
    """Return the music of a tune as ABC, with a gap in place of a rest of `MARKER` units."""
    head, _, body = tune_to_abc(tune).partition("\nK:")
    return f"L:{head.rpartition('L:')[2]}\n{body.partition(chr(10))[2]}".replace(f"z{MARKER}", "*")


def tunes_with_gap(book: str, stride: int) -> list[tuple[Tune, tuple[Element, ...], tuple[Element, ...], AbcRequest]]:
    """Return real tunes, the elements before and after one of their bars, and the request to fill that bar."""
    result = []
    for number, piece in enumerate(list(Abc().read(BOOKS / book / f"{book}.abc", AbcOptions()))[::stride]):
        if isinstance(piece, seqforge.ReadError):
            continue  # a few bundled tunes have a wrong meter
        tune = CODEC.canonical(piece).content
        bars = split_bars(tune)
        full_bars = [index for index, bar in enumerate(bars) if not bar.start and bar.is_full and bar.elements]
        fields = {"key": str(tune.key), "meter": str(tune.meter), "rhythm": tune.rhythm or "unknown"}
        if violations(tune):
            continue  # the bars of the tune do not add up
        index = full_bars[number % len(full_bars)]
        elements = [[*bar.elements, *bar.closing] for bar in bars]
        before = tuple(element for bar in elements[:index] for element in bar)
        after = (*bars[index].closing, *(element for bar in elements[index + 1 :] for element in bar))
        gap = Note((), MARKER * written_unit(tune))
        text = text_of(dataclasses.replace(tune, elements=(*before, gap, *after)))
        assert text.count("*") == 1, text
        result.append((tune, before, after, AbcRequest(prompt=text, **fields)))
    return result


def untied(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """Return elements without a tie from the last note, since no tie leads into a gap."""
    last = max((index for index, element in enumerate(elements) if isinstance(element, Note)), default=-1)
    return tuple(
        dataclasses.replace(element, tied=False) if index == last and isinstance(element, Note) else element
        for index, element in enumerate(elements)
    )


@pytest.mark.parametrize(("book", "stride"), [("cre", 25), ("oneills1850", 41), ("ryans", 7)])
def test_infill_keeps_the_music_around_a_gap_in_real_tunes(book: str, stride: int, tmp_path: Path) -> None:
    tunes = tunes_with_gap(book, stride)
    assert len(tunes) >= 15
    clean = 0
    for seed, (tune, before, after, request) in enumerate(tunes):
        [prompt] = CODEC.task(request).prompts
        assert isinstance(prompt.constraint, Infill)
        filled = tune_of(walk(prompt.constraint, seed, max_steps=0 if seed % 2 else 400))
        assert filled.elements[: len(before)] == untied(before), request.prompt
        rest = filled.elements[len(before) :]
        assert any(rest[start : start + len(after)] == after for start in range(len(rest))), request.prompt
        assert filled.key == tune.key and filled.meter == tune.meter
        bars = automaton_tests.bar_lengths(tune)
        filled_bars = automaton_tests.bar_lengths(filled)[: len(bars)]
        if filled_bars[-1] != bars[-1]:  # the tune continues after the prompt
            assert bars[-1][1] == ":|"
        assert filled_bars[:-1] == bars[:-1]
        if shutil.which("abc2midi") and not abc2midi_errors(tune, tmp_path):
            assert not abc2midi_errors(filled, tmp_path), request.prompt
            clean += 1
    assert clean >= 10 or not shutil.which("abc2midi")


def abc2midi_errors(tune: Tune, folder: Path) -> list[str]:
    """Return the errors that abc2midi reports for a tune."""
    (folder / "t.abc").write_text(tune_to_abc(tune))
    result = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=folder, capture_output=True, text=True, check=False)
    return re.findall(".*(?:Error|time units).*", result.stdout)


# -- the shipped model, invalid requests ------------------------------------------------------------


def test_the_shipped_model_fills_gaps(tmp_path: Path) -> None:
    model = seqforge.load(registry.shipped_models(registry.load("abc"))[0])
    for piece in model.generate(4, seed=1, key="D", meter="6/8", prompt="|:DED F2A|*2|d2e f2g|*4:|", bars=16):
        tune = piece.content
        assert count_bars(tune) == 16 and not automaton_tests.bar_errors(tune)
        fourth = split_bars(tune)[4]  # bar 0 is empty: it stands before |:
        assert [str(note.pitches[0]) for note in fourth.elements if isinstance(note, Note)] == ["=d", "=e", "^f", "=g"]
        assert not shutil.which("abc2midi") or not abc2midi_errors(tune, tmp_path)
    [closed] = model.generate(key="D", meter="4/4", prompt="DFAF DFAF|*3|D8|]")
    assert count_bars(closed.content) == 5


@pytest.mark.parametrize(
    ("fields", "field", "fragment"),
    [
        ({"prompt": "DED *|"}, "prompt", "bar 1 of `prompt`, * must stand alone between bar lines, as in 'DED"),
        ({"prompt": "DED F2A|*2 ded|"}, "prompt", "bar 2 of `prompt`, * must stand alone"),
        ({"prompt": "DED F2A|*"}, "prompt", "bar 2 of `prompt`, * must stand alone"),
        ({"prompt": "|:DED F2A|d3- d2e:|!f!*|"}, "prompt", "no decoration, grace note or tie"),
        ({"prompt": "DED F2A|*0|"}, "prompt", "50 gaps (*), each of 1 to 1000 bars"),
        ({"prompt": "DED F2A|" + "*|" * 51}, "prompt", "50 gaps"),
        ({"prompt": "DED F2A|*3|d2e f2|"}, "prompt", "bar 5 of `prompt` has 5 eighths, and a bar of 6/8"),
        ({"prompt": "|:DED F2A|1 A6:|*|"}, "prompt", "bar 3 of `prompt`, * stands where no bar can begin"),
        ({"prompt": "DED F2A|*3|", "meter": "none"}, "meter", "without a meter there are no bars"),
        (
            {"prompt": "DED F2A|*3|", "bars": 3},
            "bars",
            "a tune of 3 bars cannot begin with `prompt`: it has more than 3",
        ),
        ({"prompt": "DED F2A|*3|]", "bars": 8}, "bars", "a tune of 8 bars cannot begin with `prompt`"),
    ],
)
def test_impossible_gaps_raise_request_error(fields: dict[str, Any], field: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        infill(**{"text": fields.pop("prompt"), **fields})
    assert caught.value.field == field
    assert fragment in str(caught.value) and "\n" not in str(caught.value)


def test_the_character_encoding_rejects_gaps() -> None:
    with pytest.raises(RequestError, match="`encoding` tokens") as caught:
        AbcCodec.fit([], AbcOptions("char")).task(AbcRequest(prompt="DED F2A|*|", key="D", meter="6/8"))
    assert caught.value.field == "prompt"


def test_an_asterisk_in_text_or_comments_is_no_gap() -> None:
    [prompt] = CODEC.task(AbcRequest(prompt='"^*"DED F2A|[r:*]d2e f2g| % *', key="D", meter="6/8")).prompts
    assert isinstance(prompt.constraint, Infill)
    assert all(isinstance(entry, int) for entry in prompt.constraint.plan)
