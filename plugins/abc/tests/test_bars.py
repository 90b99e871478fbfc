import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_abc.bars import number_bars, split_bars
from seqforge_abc.export import write_svg
from seqforge_abc.music_parser import parse_music
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune import Tune


def parse(music: str, meter: str) -> Tune:
    key, parsed = parse_key("D"), parse_meter(meter)
    assert key is not None and parsed is not None
    return parse_music(music, key=key, meter=parsed)


@pytest.mark.parametrize(
    ("meter", "music", "numbers"),
    [
        ("6/8", "d3 f3|d3 d3|]", [1, 2]),
        ("6/8", "A|d3 f3|d3 d2|]", [0, 1, 2]),
        ("6/8", "A|:d3 f3|d3 d3:|", [0, 1, 2]),
        ("6/8", "|:A|d3 f3|d3 d2:|:e|f3 a3|d3 d2:|", [0, 1, 2, 2, 3, 4]),
        ("6/8", "A|d3 f3|d3 d2||e|f3 a3|d3 d2|]", [0, 1, 2, 2, 3, 4]),
        ("6/8", "d3 f3|d3:|:f3|a3 d3|d3:|", [1, 2, 2, 3, 4]),
        ("6/8", "|:d3 f3|1 d3 d3:|2 d3 e3||f3 a3|]", [1, 2, 3, 4]),
        ("6/8", "A|d3 f3|1 d3 d2:|2 d3 d2|]", [0, 1, 2, 3]),
        ("4/4", "D4 F4|A4 [1 D4:|[2 F4||d8|]", [1, 2, 2, 3]),
        ("4/4", "D4 F4|A4 [1 D4|E8:|[2 F4|D8||d8|]", [1, 2, 3, 3, 4, 5]),
        ("4/4", "D4 F4|A6|D8|]", [1, 2, 3]),
        ("4/4", "D4|]", [1]),
        ("none", "D4 F4|A4|", [1, 2]),
    ],
)
def test_bars_are_numbered_as_in_printed_books(meter: str, music: str, numbers: list[int]) -> None:
    bars = split_bars(parse(music, meter))
    assert [number for number, bar in zip(number_bars(bars), bars, strict=True) if bar.length] == numbers


@given(
    st.lists(st.tuples(st.sampled_from(["d", "d3", "d3 d3"]), st.sampled_from(["|", "||", ":|", "|:", "::", "|1 "])))
)
def test_numbers_are_consecutive(bars: list[tuple[str, str]]) -> None:
    numbers = number_bars(split_bars(parse("".join(note + line for note, line in bars) + "d6|]", "6/8")))
    assert numbers[0] in (0, 1)
    assert all(after - before in (0, 1) for before, after in pairwise(numbers))


def test_a_system_that_begins_with_an_upbeat_shows_the_number_of_its_first_complete_bar(tmp_path: Path) -> None:
    line = "|".join(["dfa fdf"] * 4)
    write_svg([parse(f"A|{line}|{line[:-1]}:|:e|{line}|{line[:-1]}:|", "6/8")], tmp_path / "a.svg")
    pattern = r'class="mNum[^"]*">\s*<text[^>]*>\s*<tspan[^>]*>\s*<tspan[^>]*>(\d+)<'
    assert re.findall(pattern, (tmp_path / "a.svg").read_text()) == ["5", "9", "13"]
