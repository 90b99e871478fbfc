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
from seqforge import Example, RequestError, registry
from seqforge_abc import Abc, AbcCodec, AbcOptions, AbcRequest, Tune, tokens
from seqforge_abc.bars import split_bars
from seqforge_abc.infill import Infill
from seqforge_abc.tune import Element, Note
from seqforge_abc.writer import tune_to_abc, written_unit

spec = importlib.util.spec_from_file_location("automaton_tests", Path(__file__).parent / "test_automaton.py")
assert spec and spec.loader
automaton_tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(automaton_tests)

CODEC = AbcCodec.fit([], AbcOptions())
BOOKS = Path(str(next(iter(seqforge_corpora.__path__))))
KINDS = np.array([30.0 if token in tokens.PITCH_TOKENS else 0.3 for token in CODEC.vocabulary])
CHORD_KINDS[[CODEC.index[kind] for kind in tokens.BAR_LINE_TOKENS]] = 300


def filling(text: str, **asked: Any) -> tuple[Infill, list[int]]:
    [prompt] = CODEC.task(AbcRequest(prompt=text, **({"key": "D", "meter": "6/8"} | asked))).prompts
    assert isinstance(prompt.constraint, Infill)
    return prompt.constraint, prompt.example.steps.tolist()


def walk(constraint: Infill, seed: int, most: int = 150) -> list[int]:
    """A tune drawn at random, led to its end after `most` steps; the laws of `Constraint` hold on the way."""
    rng = np.random.default_rng(seed)
    state, steps = constraint.start(), []
    while True:
        mask = constraint.allowed(state)
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
        if constraint.may_end(state) and (not mask.any() or len(steps) >= most or rng.random() < 0.5):
            return steps
        assert mask.any()
        nearer = constraint.step_toward_end(state)  # type: ignore[arg-type]
        if distance:
            assert mask[nearer] and constraint.to_end(constraint.advance(state, nearer)) == distance - 1
        chances = KINDS * mask
        steps.append(nearer if len(steps) >= most else int(rng.choice(len(mask), p=chances / chances.sum())))
        state = constraint.advance(state, steps[-1])
        hash(state)


def tune_of(steps: list[int]) -> Tune:
    tune: Tune = CODEC.decode(Example(np.array(steps))).content
    return tune


def names(steps: list[int]) -> list[str]:
    return [CODEC.vocabulary[step] for step in steps]


def counted(tune: Tune) -> int:
    """Return how many bars a tune has, upbeats not counted."""
    return len(automaton_tests.bars(tune)) - int(automaton_tests.counted_upbeats(tune))


PROMPTS = {
    "one bar": ("|:DED F2A|*|d2e f2g|", "6/8", 4),
    "several": ("|:DED F2A|*2|d2e f2g|*3|", "6/8", 8),
    "after an upbeat": ("A|DED F2A|*6|d2e f2|]", "6/8", 8),
    "before a repeat": ("|:A|DED F2A|*3:|d|ded f2g|", "6/8", 8),
    "an upbeat in the gap": ("|:A|DED F2A|*3:|*2|d2e f2g|", "6/8", 9),
    "before an upbeat": ("D4F4|*||A2|d4f4|*|", "2/4", 5),
    "endings": ("|:D8|*2|1*:|2*|]", "2/4", 5),
    "from the first bar": ("*4|D2F2 A4|", "4/4", 8),
    "to the last": ("D2F2 A4|*7|]", "4/4", 8),
    "everything": ("|:*4:|*3|]", "9/8", 7),
    "an odd meter": ("D8D2|*|d8d2|", "5/4", 5),
}


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("exactly", [False, True])
def test_infill_generates_complete_tunes(name: str, exactly: bool) -> None:
    text, meter, bars = PROMPTS[name]
    constraint, beginning = filling(text, meter=meter, bars=bars if exactly else 0)
    fixed = [entry for entry in constraint.plan if isinstance(entry, int)]
    for seed in range(12):
        steps = walk(constraint, seed, most=[20, 60, 300][seed % 3])
        tune = tune_of(steps)
        assert steps[: len(beginning)] == beginning
        assert list(tokens.bar_line_tokens(tune)) == [
            token for token in names(steps) if token in tokens.BAR_LINE_TOKENS
        ]
        assert _within(fixed, steps)
        if name != "endings":
            assert automaton_tests.bars_that_do_not_add_up(tune) == []
            assert not exactly or counted(tune) == bars
        assert text[-1] != "]" or counted(tune) == bars


def _within(some: list[int], every: list[int]) -> bool:
    """Return whether some steps come in this order among others."""
    rest = iter(every)
    return all(step in rest for step in some)


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.integers(0, 3), min_size=1, max_size=6).filter(any),
    meter=st.sampled_from(["2/4", "4/4", "6/8", "9/8", "3/4"]),
    final=st.sampled_from(["|", ":|", "|]"]),
    seed=st.integers(0, 2**32),
)
def test_any_combination_of_gaps_is_filled(gaps: list[int], meter: str, final: str, seed: int) -> None:
    whole = "D" * int((8 if Fraction(meter) >= Fraction(3, 4) else 16) * Fraction(meter))
    text = "|".join(f"*{length}" if length else whole for length in gaps) + final
    tune = tune_of(walk(filling(text, meter=meter)[0], seed))
    assert automaton_tests.bars_that_do_not_add_up(tune) == []
    assert counted(tune) >= sum(length or 1 for length in gaps)


# -- real tunes --------------------------------------------------------------------------------------------


MARKER = 999
"""Units that a rest lasts in no tune."""


def text_of(tune: Tune) -> str:
    """Return the music of a tune as a person types it; a rest of `MARKER` units becomes a gap of a bar."""
    head, _, body = tune_to_abc(tune).partition("\nK:")
    return f"L:{head.rpartition('L:')[2]}\n{body.partition(chr(10))[2]}".replace(f"z{MARKER}", "*")


def cut_tunes(book: str, every: int) -> list[tuple[Tune, tuple[Element, ...], tuple[Element, ...], AbcRequest]]:
    """Whole real tunes, what stands before and after a bar of them, and the request to fill that bar."""
    found = []
    for number, piece in enumerate(list(Abc().read(BOOKS / book / f"{book}.abc", AbcOptions()))[::every]):
        assert not isinstance(piece, seqforge.ReadError)
        tune = CODEC.canonical(piece).content
        cut = split_bars(tune)
        wholes = [place for place, run in enumerate(cut) if not run.start and run.counts and run.elements]
        asked = {"key": str(tune.key), "meter": str(tune.meter), "rhythm": tune.rhythm or "unknown"}
        try:
            CODEC.task(AbcRequest(prompt=text_of(tune), **asked))
        except RequestError:
            continue  # its bars do not add up
        place = wholes[number % len(wholes)]
        elements = [[*run.elements, *run.lines] for run in cut]
        before = tuple(element for run in elements[:place] for element in run)
        after = (*cut[place].lines, *(element for run in elements[place + 1 :] for element in run))
        gap = Note((), MARKER * written_unit(tune))
        text = text_of(dataclasses.replace(tune, music=(*before, gap, *after)))
        assert text.count("*") == 1, text
        found.append((tune, before, after, AbcRequest(prompt=text, **asked)))
    return found


def untied(music: tuple[Element, ...]) -> tuple[Element, ...]:
    """Return elements without a tie from the last note: into a bar that is cut out it binds nothing."""
    place = max((place for place, each in enumerate(music) if isinstance(each, Note)), default=-1)
    return tuple(
        dataclasses.replace(each, tied=False) if number == place and isinstance(each, Note) else each
        for number, each in enumerate(music)
    )


@pytest.mark.parametrize(("book", "every"), [("cre", 25), ("oneills1850", 41), ("ryans", 7)])
def test_infill_keeps_the_music_around_a_gap_in_real_tunes(book: str, every: int, tmp_path: Path) -> None:
    tunes = cut_tunes(book, every)
    assert len(tunes) >= 15
    content = 0
    for seed, (tune, before, after, request) in enumerate(tunes):
        [prompt] = CODEC.task(request).prompts
        assert isinstance(prompt.constraint, Infill)
        made = tune_of(walk(prompt.constraint, seed, most=0 if seed % 2 else 400))
        assert made.elements[: len(before)] == untied(before), request.prompt
        rest = made.elements[len(before) :]
        assert any(rest[place : place + len(after)] == after for place in range(len(rest))), request.prompt
        assert made.key == tune.key and made.meter == tune.meter
        bars = automaton_tests.bars(tune)
        again = automaton_tests.bars(made)[: len(bars)]
        if again[-1] != bars[-1]:  # it went on
            assert bars[-1][1] == ":|"
        assert again[:-1] == bars[:-1]
        if shutil.which("abc2midi") and not complaints(tune, tmp_path):
            assert not complaints(made, tmp_path), request.prompt
            content += 1
    assert content >= 10 or not shutil.which("abc2midi")


def complaints(tune: Tune, folder: Path) -> list[str]:
    """Return what abc2midi finds wrong in a tune."""
    (folder / "t.abc").write_text(tune_to_abc(tune))
    said = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=folder, capture_output=True, text=True, check=False)
    return re.findall(".*(?:Error|time units).*", said.stdout)


# -- models and people -------------------------------------------------------------------------------------


def test_the_shipped_model_fills_gaps(tmp_path: Path) -> None:
    model = seqforge.load(registry.shipped(registry.load("abc"))[0])
    for piece in model.generate(4, seed=1, key="D", meter="6/8", prompt="|:DED F2A|*2|d2e f2g|*4:|", bars=16):
        tune = piece.content
        assert counted(tune) == 16 and not automaton_tests.bars_that_do_not_add_up(tune)
        fourth = split_bars(tune)[4]  # the one before the first is empty
        assert [str(note.pitches[0]) for note in fourth.elements if isinstance(note, Note)] == ["=d", "=e", "^f", "=g"]
        assert not shutil.which("abc2midi") or not complaints(tune, tmp_path)
    [shut] = model.generate(key="D", meter="4/4", prompt="DFAF DFAF|*3|D8|]")
    assert counted(shut.content) == 5


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"prompt": "DED *|"}, "bar 1, [*] must stand alone between bar lines, as in 'DED"),
        ({"prompt": "DED F2A|*2 ded|"}, "bar 2, [*] must stand alone between bar lines"),
        ({"prompt": "DED F2A|*"}, "bar 2, [*] must stand alone between bar lines"),
        ({"prompt": "|:DED F2A|d3- d2e:|!f!*|"}, "no sign can be written to it"),
        ({"prompt": "DED F2A|*0|"}, "50 gaps .*, each of 1 to 1000 bars"),
        ({"prompt": "DED F2A|" + "*|" * 51}, "50 gaps"),
        ({"prompt": "DED F2A|*3|d2e f2|"}, "bar 5, '|' does not fit"),
        ({"prompt": "|:DED F2A|*|]"}, "bar 2, which is to be filled, cannot end with '[|]]'"),
        ({"prompt": "|:DED F2A|1 A6:|*|"}, "bar 3, [*] stands where no bar can begin"),
        ({"prompt": "DED F2A|*3|", "meter": "none"}, "without a meter there are no bars"),
        ({"prompt": "DED F2A|*3|", "bars": 3}, "a tune of --bars 3 cannot go as the prompt does: the prompt's bar 3,"),
        ({"prompt": "DED F2A|*3|]", "bars": 8}, "a tune of --bars 8 cannot go as the prompt does"),
    ],
)
def test_impossible_gaps_raise_request_error(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError, match=told) as caught:
        filling(**{"text": asked.pop("prompt"), **asked})
    assert "\n" not in str(caught.value)


def test_the_character_encoding_rejects_gaps() -> None:
    with pytest.raises(RequestError, match=r"a \* in the --prompt needs a model of tokens"):
        AbcCodec.fit([], AbcOptions("char")).task(AbcRequest(prompt="DED F2A|*|", key="D", meter="6/8"))


def test_an_asterisk_in_text_or_comments_is_no_gap() -> None:
    [prompt] = CODEC.task(AbcRequest(prompt='"^*"DED F2A|[r:*]d2e f2g| % *', key="D", meter="6/8")).prompts
    assert not isinstance(prompt.constraint, Infill)
