import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge_corpora
from seqforge import Constraint, Example, Piece, ReadError
from seqforge_abc import AbcCodec, AbcOptions, Tune, lint
from seqforge_abc.edits import Edit, EditTask, answer, rewrite_bars, vary
from seqforge_abc.instruments import INSTRUMENTS, unplayable
from seqforge_abc.music_parser import parse_music
from seqforge_abc.reader import read_book
from seqforge_abc.regions import Region, find_regions
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune import BarLine, Element, Note, Tuplet
from seqforge_abc.writer import tune_to_abc

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
KESH = "|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|"


def parse(music: str, *, key: str = "G", meter: str = "6/8") -> Tune:
    parsed_key, parsed_meter = parse_key(key), parse_meter(meter)
    assert parsed_key is not None and parsed_meter is not None
    return parse_music(music, key=parsed_key, meter=parsed_meter)


def task_of(edit: Edit) -> EditTask:
    canonical = CODEC.canonical(Piece(edit.tune)).content
    return EditTask(edit, canonical, CODEC.vocabulary, dtype=CODEC.space.dtype, title="", source="kesh.abc")


def walk(constraint: Constraint, seed: int, *, check_laws: bool = False) -> list[int]:
    """Return the steps of a random walk through a constraint that has one end."""
    rng, state, steps = np.random.default_rng(seed), constraint.start(), []
    while True:
        mask = constraint.allowed(state)
        steps_allowed = np.flatnonzero(mask).tolist()
        if check_laws:
            distance = constraint.to_end(state)
            assert (distance == 0) == constraint.may_end(state)
            nearer = (constraint.to_end(constraint.advance(state, step)) == distance - 1 for step in steps_allowed)
            assert not distance or any(nearer)
        if not steps_allowed:
            assert constraint.may_end(state)
            return steps
        steps.append(int(rng.choice(steps_allowed)))
        state = constraint.advance(state, steps[-1])


def edited(edit: Edit, seed: int, *, check_laws: bool = False) -> Tune:
    task = task_of(edit)
    constraint = task.prompts[0].constraint
    assert constraint is not None
    steps = walk(constraint, seed, check_laws=check_laws)
    assert steps[: len(task.prompts[0].example.steps)] == task.prompts[0].example.steps.tolist()
    return task.finish([CODEC.decode(Example(np.array(steps, CODEC.space.dtype)))]).content


def music_of(tune: Tune, region: Region) -> tuple[Element, ...]:
    return tune.elements[region.begin : region.end]


def form(tune: Tune) -> list[Element]:
    return [element for element in tune.elements if not isinstance(element, Note | Tuplet)]


def without_slurs(music: tuple[Element, ...]) -> list[Element]:
    return [dataclasses.replace(e, slur_starts=0, slur_ends=0) if isinstance(e, Note) else e for e in music]


def check(edit: Edit, result: Tune) -> set[int]:
    """Assert that only whole groups of regions have changed and that the new bars are full; return those groups."""
    assert form(result) == form(edit.tune)
    new: dict[int, tuple[Element, ...]] = {}
    for before, after, group in zip(find_regions(edit.tune), find_regions(result), edit.groups, strict=True):
        old_music, new_music = music_of(edit.tune, before), music_of(result, after)
        if group < 0 or without_slurs(old_music) == without_slurs(new_music):
            assert without_slurs(old_music) == without_slurs(new_music)
            continue
        assert after.length == before.length and after.rewritable
        assert new.setdefault(group, new_music) == new_music
    return set(new)


def bundled_tunes(every: int) -> Iterator[Tune]:
    number = 0
    for book in sorted(Path(str(next(iter(seqforge_corpora.__path__)))).rglob("*.abc")):
        for item in read_book(book):
            number += 1
            if number % every == 0 and not isinstance(item, ReadError):
                yield item[0]


BARS = st.sampled_from(["DED F2A", "d2e fdA", "(3DEF G2 A B", "d3 e3", "z3 A3", "[DA]3 f3", "A>B c/d/e f2", ".d3 Te3"])
PARTS = st.tuples(st.lists(BARS, min_size=1, max_size=6), st.sampled_from(["", "A", "A2"]), st.booleans())


@st.composite
def tunes(draw: Callable) -> Tune:  # type: ignore[type-arg]
    """Tunes of one to three parts with upbeats, repeats and endings whose bars add up."""
    text = ""
    for bars, upbeat, repeated in draw(st.lists(PARTS, min_size=1, max_size=3)):
        last = {"": "g3 e3", "A": "g3 e2", "A2": "g3 e"}[upbeat]
        body = "|".join(bars)
        if not repeated:
            text += f"{upbeat}{'|' if upbeat else ''}{body}|{last}||"
        elif draw(st.booleans()):
            text += f"|:{upbeat}{'|' if upbeat else ''}{body}|1 {last}:|2 {last}||"
        else:
            text += f"|:{upbeat}{'|' if upbeat else ''}{body}|{last}:|"
    return parse(text)


@settings(max_examples=60, deadline=None)
@given(tunes(), st.floats(0, 0.99), st.integers(0, 2**32))
def test_a_variation_keeps_the_form_and_all_other_bars(tune: Tune, keep: float, seed: int) -> None:
    try:
        edit = vary(tune, keep)
    except ValueError:
        assert len({music_of(tune, region) for region in find_regions(tune) if not region.upbeat}) < 2
        return
    result = edited(edit, seed)
    changed = check(edit, result)
    sizes = Counter(group for group in edit.groups if group >= 0)
    target = round((1 - keep) * sizes.total())
    assert changed
    assert sum(sizes[group] for group in changed) <= max(target, min(sizes.values()))
    assert lint.violations(tune) == lint.violations(result)


@settings(max_examples=60, deadline=None)
@given(tunes(), st.data(), st.integers(0, 2**32))
def test_only_the_chosen_bars_are_rewritten(tune: Tune, data: st.DataObject, seed: int) -> None:
    numbers = sorted({region.bar for region in find_regions(tune)})
    bars = data.draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=4, unique=True))
    edit = rewrite_bars(tune, bars)
    regions = zip(find_regions(tune), edit.groups, strict=True)
    assert {region.bar for region, group in regions if group >= 0} == set(bars)
    result = edited(edit, seed)
    check(edit, result)
    assert lint.violations(tune) == lint.violations(result)


@settings(max_examples=60, deadline=None)
@given(tunes(), st.integers(0, 2**32))
def test_a_second_part_has_the_length_and_meter_of_the_first(tune: Tune, seed: int) -> None:
    edit = answer(tune)
    result = edited(edit, seed)
    check(edit, result)
    regions = find_regions(result)
    first = [region for region, group in zip(regions, edit.groups, strict=True) if group < 0]
    second = regions[len(first) :]
    assert {region.bar for region in second if not region.upbeat} == {
        region.bar + max(r.bar for r in first) for region in first if not region.upbeat
    }
    assert [music_of(result, region) for region in first] == [
        music_of(tune, region) for region in find_regions(tune)[: len(first)]
    ]
    assert not [sentence for sentence in lint.violations(result) if sentence not in lint.violations(tune)]


def test_edits_of_bundled_tunes() -> None:
    for number, tune in enumerate(bundled_tunes(150)):
        for edit in (vary(tune, 0.6), answer(tune), rewrite_bars(tune, [2, 3])):
            check(edit, edited(edit, number))


@pytest.mark.parametrize("edit", [vary(parse(KESH), 0.5), answer(parse(KESH)), rewrite_bars(parse(KESH), [2, 3, 8])])
def test_the_constraint_follows_its_laws(edit: Edit) -> None:
    edited(edit, 1, check_laws=True)


def test_every_bar_is_drawn_about_equally_often() -> None:
    edit = vary(parse("|".join(f"{note}3 {note}3" for note in "CDEFGABcde") + "|]"), 0.7)
    counts = Counter(group for seed in range(200) for group in check(edit, edited(edit, seed)))
    assert sum(counts.values()) == 600
    assert all(35 <= counts[group] <= 85 for group in range(10))


def test_bars_that_were_the_same_stay_the_same() -> None:
    result = edited(vary(parse(KESH), 0), 3)
    music = [music_of(result, region) for region in find_regions(result)]
    assert music[0] == music[4] and music[1] == music[5] and music[2] != music[6]


def test_the_last_note_of_a_part_stays_in_a_variation() -> None:
    tune = parse("A|DED F2A|d2f d3|F2A dFA|f3 e2:|A|dFA d2e|f2e d3|1 A2B c2A|f3 d2:|2 f3 e2|]")
    for seed in range(20):
        result = edited(vary(tune, 0), seed)
        regions = [region for region in find_regions(result) if result.elements[region.end] != BarLine("|")]
        ends = [result.elements[region.end - 1] for region in regions]
        assert [str(end.pitches[0]) for end in ends if isinstance(end, Note)] == ["=e", "=d", "=e"]


@pytest.mark.parametrize("music", [KESH, "A|DED F2A|d3 d2:|", "FA|:BA2 D2A|d2A d2A|1 d2d dFA:|2 d2d dfg||"])
def test_a_second_part_ends_with_the_note_of_the_first(music: str) -> None:
    for seed in range(5):
        result = edited(answer(parse(music)), seed)
        assert str(result.notes()[-1].pitches[0]) == ("=G" if music == KESH else "=d")
        assert not lint.violations(result)


def test_an_instrument_bounds_the_new_bars_only() -> None:
    edit = rewrite_bars(parse("C3 C,3|d3 d3|d3 f3|]", key="D"), [2])
    canonical = CODEC.canonical(Piece(edit.tune)).content
    instruments = [INSTRUMENTS["whistle"]]
    task = EditTask(
        edit, canonical, CODEC.vocabulary, dtype=CODEC.space.dtype, title="", source="a", instruments=instruments
    )
    constraint = task.prompts[0].constraint
    assert constraint is not None
    for seed in range(5):
        steps = np.array(walk(constraint, seed), CODEC.space.dtype)
        result = task.finish([CODEC.decode(Example(steps))]).content
        region = find_regions(result)[1]
        assert not unplayable(dataclasses.replace(result, elements=music_of(result, region)), instruments[0])


def test_a_bar_that_a_repeat_divides_is_rewritten_as_one() -> None:
    tune = parse("A|d3 f3|d3 d2:|e|f3 a3|d3 d2|]")
    assert rewrite_bars(tune, [2]).groups == (-1, -1, 0, 1, -1, -1)
    assert rewrite_bars(tune, [0]).groups == (0, -1, -1, -1, -1, -1)


def test_a_bar_that_is_too_short_or_too_long_becomes_full() -> None:
    result = edited(rewrite_bars(parse("d3 f3|z3|d3 f3 d3|d3 d3|]"), [2, 3]), 0)
    assert lint.violations(result) == []


def test_a_tie_into_a_new_bar_leads_to_the_same_pitch() -> None:
    for seed in range(5):
        result = edited(rewrite_bars(parse("d3 f3-|f3 d3|d3 f3|]"), [2]), seed)
        assert lint.violations(result) == []
        assert result.notes()[2].pitches == result.notes()[1].pitches


def test_a_slur_into_a_new_bar_is_left_out_and_others_stay() -> None:
    tune = parse("(d3 f3)|(d3 f3|d3) (f3|d3) f3|(d3 f3)|]")
    notes = edited(rewrite_bars(tune, [2]), 0).notes()
    assert [(note.slur_starts, note.slur_ends) for note in notes[:2]] == [(1, 0), (0, 1)]
    assert [(n.slur_starts, n.slur_ends) for n in notes[-6:]] == [(0, 0), (1, 0), (0, 1), (0, 0), (1, 0), (0, 1)]


@pytest.mark.parametrize("music", ["c3 d3|e3 f3|d3 d3|]", 'A|"D"d3 f3|d3 d3|f3 d3|"G"d3 d2|]'])
def test_new_bars_have_chord_symbols_only_if_the_tune_has_some(music: str) -> None:
    edit = rewrite_bars(parse(music), [2, 3])
    has_chords = False
    for seed in range(10):
        result = edited(edit, seed)
        new = [region for region, group in zip(find_regions(result), edit.groups, strict=True) if group >= 0]
        notes = [element for region in new for element in music_of(result, region) if isinstance(element, Note)]
        has_chords |= any(note.chord_symbol is not None for note in notes)
    assert has_chords == ('"' in music)


def test_unknown_bars_and_tuplets_over_a_bar_line_are_errors() -> None:
    with pytest.raises(ValueError, match=re.escape("has no bar 9; its bars are 1 to 8")):
        rewrite_bars(parse(KESH), [3, 9])
    with pytest.raises(ValueError, match="bar 1 cannot be rewritten, since a tuplet"):
        rewrite_bars(parse("d3 (3de|f d3 d|]"), [1])
    with pytest.raises(ValueError, match="fewer than two different bars"):
        vary(parse("d3 d3|d3 d3|]"), 0.5)


@pytest.mark.parametrize(
    ("music", "second_part"),
    [
        ("DED F2A|d3 d3|]", "z6|z6|]"),
        ("DED F2A|d3 d3||f3 f3|f3 f3|]", "z6|z6|]"),
        ("|:DED F2A|d3 d3:|", "|:z6|z6:|"),
        ("A|DED F2A|d3 d2:|", "|:z|z6|z5:|"),
        ("A|:DED F2A|d3 d2A:|", "|:z6|z6:|"),
        ("A|:DED F2A|d3 d2:|", "z|:z6|z5:|"),
        ("FA|:DED F2A|1 d3 dFA:|2 d3 def||", "|:z6|1 z6:|2 z4|]"),
        ("A|DED F2A|1 d3 d2:|2 d3 d3||", "|:z6|1 z6:|2 z5|]"),
        ("A|DED F2A|1 d3 d2:|2 d3 d2||", "|:z|z6|1 z5:|2 z5|]"),
        ("DED F2A|d3 d2||", "z|z6|z6|]"),
        ("A|DED F2A|d3 z||", "z2|z6|z5|]"),
        ("DED F2A|d3 [1 d3:|[2 f3||", "|:z6|z3 [1 z3:|2 z3|]"),
        ("|:DED F2A|1 d3 d3:|2 d3 d3||", "|:z6|1 z6:|2 z6|]"),
        ("|:DED F2A|[M:9/8]d3 d3 d3:|", "|:z6|[M:9/8]z9:|"),
        ("|:DED F2A|[K:D]d3 d3:|", "|:z6|z6:|"),
    ],
)
def test_a_second_part_has_the_repeats_and_upbeat_of_the_first(music: str, second_part: str) -> None:
    edit = answer(parse(music))
    assert tune_to_abc(edit.tune).replace("\n", "").endswith(second_part)
