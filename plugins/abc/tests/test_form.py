import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge
from seqforge import Example, RequestError
from seqforge_abc import AbcCodec, AbcOptions, AbcRequest, Tune
from seqforge_abc.form import Form, parse_form
from seqforge_abc.form_automaton import FormAutomaton
from seqforge_abc.infill import Infill
from seqforge_abc.lint import violations
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune import BarLine, Element, Ending, Note

spec = importlib.util.spec_from_file_location("infill_tests", Path(__file__).parent / "test_infill.py")
assert spec and spec.loader
infill_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(infill_tests)

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
FORMS = ["A", "AA", "AB", "AABB", "AAB", "ABB", "AABBCC", "ABA", "AABA", "AABBA", "ABAB"]


def sections(tune: Tune) -> Iterator[tuple[list[Element], str, bool]]:
    """Yield the elements of each section without its last bar line, the kind of that bar line, and whether |: opens it.

    An upbeat before a double bar belongs to the section after it.
    """
    music: list[Element] = []
    opened = False
    for element in tune.elements:
        if not isinstance(element, BarLine) or element.kind == "|":
            music.append(element)
        elif element.kind == "|:" and not any(isinstance(other, Note) for other in music):
            opened = True
        else:
            yield music, element.kind, opened
            music, opened = [], element.kind in ("|:", "::")


def check_form(tune: Tune, form: Form) -> None:
    parts = list(sections(tune))
    assert len(parts) == len(form.letters)
    for (music, kind, opened), repeated in zip(parts, form.repeated, strict=True):
        assert opened == repeated == (kind in (":|", "::"))
        assert not any(isinstance(element, Ending) for element in music)
    counts = [bar.kind for bar in tune.elements if isinstance(bar, BarLine)]
    assert infill_tests.count_bars(tune) == form.total_bars, counts
    music_of: dict[str, list[Element]] = {}
    for letter, (music, _, _) in zip(form.letters, parts, strict=True):
        if letter in form.returning:
            assert music_of.setdefault(letter, music) == music
    assert violations(tune) == []


@settings(max_examples=80, deadline=None)
@given(
    text=st.sampled_from(FORMS),
    bars=st.sampled_from([1, 2, 4, 8]),
    meter=st.sampled_from(["2/4", "4/4", "6/8", "9/8", "3/4"]),
    seed=st.integers(0, 2**32),
    rhythm=st.sampled_from(["reel", "hornpipe"]),
)
def test_every_walk_has_the_form(text: str, bars: int, meter: str, seed: int, rhythm: str) -> None:
    form = parse_form(text, bars=bars)
    assert form is not None
    automaton = FormAutomaton(
        CODEC.vocabulary, form, meter=parse_meter(meter), key=parse_key("D") if seed % 2 else None, rhythm=rhythm
    )
    steps = infill_tests.walk(automaton, seed, max_steps=[0, 60, 2000][seed % 3])
    check_form(infill_tests.tune_of(steps), form)


PROMPTS = [
    ("AABB", "|:DED F2A|d3 d3|"),
    ("AABB", "DED F2A|d3 d3|"),
    ("AABB", "|:A|DED F2A|d3 d3|ded f2a|"),
    ("AABB", "|:DED F2A|d3 d3|ded f2a|d6:|"),
    ("AABB", "|:DED F2A|d3 d3|ded f2a|d6:|:d6|"),
    ("AB", "DED F2A|*|ded f2a|d6||d6|"),
    ("ABA", "DED F2A|d3 d3|ded f2a|d6||"),
    ("ABA", "DED F2A|*2|d6||ded f2a|"),
]


@pytest.mark.parametrize(("text", "prompt"), PROMPTS)
def test_a_prompt_of_the_form_is_continued(text: str, prompt: str) -> None:
    form = parse_form(text, bars=4)
    assert form is not None
    request = AbcRequest(form=text, bars=form.total_bars, prompt=prompt, key="D", meter="6/8")
    [task_prompt] = CODEC.task(request).prompts
    assert isinstance(task_prompt.constraint, Infill)
    for seed in range(6):
        steps = infill_tests.walk(task_prompt.constraint, seed, max_steps=[0, 100][seed % 2])
        tune = CODEC.decode(Example(np.array(steps))).content
        if prompt.startswith("|:") or text[0] != text[1:2]:
            check_form(tune, form)
        assert infill_tests.count_bars(tune) == form.total_bars


@pytest.mark.parametrize(
    ("fields", "field", "fragment"),
    [
        ({"form": "A1"}, "form", "letters such as AABB"),
        ({"form": "AAA"}, "form", "at most twice in a row"),
        ({"form": "AABB", "bars": 9}, "bars", "has 2 sections of equal length; set `bars` to a multiple of 2"),
        ({"form": "AABB", "prompt": "|:D6|E6:|"}, "prompt", "bar 2 of `prompt` ends with ':|', which is not in the"),
        ({"form": "AB", "prompt": "|:D6|"}, "prompt", "bar 1 of `prompt` begins with '|:'"),
        ({"form": "AABB", "prompt": "|:D6|1 D6:|"}, "prompt", "a tune of a requested `form` has no endings"),
        ({"form": "ABA", "prompt": "D|D6|"}, "prompt", "a `form` in which a section comes back has no upbeats"),
        ({"form": "AB", "bars": 2, "prompt": "D6|D6|"}, "prompt", "bar 1 of `prompt` ends with '|', which is not"),
    ],
)
def test_impossible_forms_are_refused(fields: dict[str, Any], field: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        CODEC.task(AbcRequest(key="D", meter="6/8", **fields))
    assert caught.value.field == field and fragment in str(caught.value)


def test_the_default_section_has_eight_bars() -> None:
    model = seqforge.load("abc:default")
    form = parse_form("AABA", bars=8)
    assert form is not None
    [piece] = model.generate(seed=1, form="AABA", candidates=1)
    check_form(piece.content, form)
