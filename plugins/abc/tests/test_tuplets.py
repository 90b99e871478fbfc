from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge_abc.music_parser import parse_music
from seqforge_abc.theory import NO_KEY, Meter
from seqforge_abc.tune import Note, Tuplet
from seqforge_abc.tuplets import divide_tuplets, group_irregular_lengths


def music(text):
    return parse_music(text, key=NO_KEY, meter=Meter(4, 4))


def tuplets(text):
    return [(element.p, element.q, element.r) for element in music(text).elements if isinstance(element, Tuplet)]


def sounding(elements):
    """Return the sounding lengths of the notes, in whole notes."""
    lengths, scale, left = [], Fraction(1), 0
    for element in elements:
        if isinstance(element, Tuplet):
            scale, left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            lengths.append(element.duration * (scale if left else 1))
            left = max(0, left - 1)
    return lengths


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(10:8:10CDEFGABcde|", [(5, 4, 5)] * 2), ("(12:8CDEFGABcdefg|", [(3, 2, 3)] * 4),
     ("(11:8CDEFGABcdef|", [(11, 8, 11)]), ("(10CDEFGABcde|", []), ("(1:FG|", []), ("(1FG|", []),
     ("(9CDEFGABcd", [(9, 2, 9)]), ("(10:8:7CDEFGAB|", [(10, 8, 7)])],
)  # fmt: skip
def test_tuplets_of_ten_and_more_need_a_time_and_are_divided(text, expected):
    assert tuplets(text) == expected


def test_a_tuplet_without_a_time_is_counted():
    assert music("(10CDEFGABcde|").losses == {"tuplets without a time": 1}
    assert not music("(1:FG|").losses


@pytest.mark.parametrize(
    ("text", "expected"),
    [("C2/3D2/3E2/3 F2 G|", [(3, 2, 3)]), ("C4/3D2/3 F|", [(3, 2, 2)]), ("C2/3D E/3 F|", [(3, 2, 3)]),
     ("C2/3D2/3|E2/3|", []), ("C4/5D4/5E4/5F4/5G4/5", [(5, 4, 5)]), ("C2/11D20/11", [])],
)  # fmt: skip
def test_thirds_and_fifths_of_a_unit_become_tuplets(text, expected):
    assert tuplets(text) == expected


notes = st.fractions(min_value=Fraction(1, 24), max_value=2, max_denominator=48).map(lambda length: Note((), length))
elements = st.lists(st.one_of(notes, st.builds(Tuplet, st.integers(2, 16), st.integers(2, 9), st.integers(1, 12))))


@given(elements)
def test_the_sounding_lengths_stay_as_they_are(items):
    last = max((index for index, item in enumerate(items) if isinstance(item, Tuplet)), default=-1)
    complete = [Tuplet(item.p, item.q, 1) if isinstance(item, Tuplet) and index < last else item
                for index, item in enumerate(items)]  # fmt: skip
    assert sounding(divide_tuplets(complete)) == sounding(complete)
    assert sounding(group_irregular_lengths(items)) == sounding(items)


def test_written_lengths_of_thirds_are_exact():
    tune = music("C2/3D2/3E2/3 F2 G|")
    assert Counter(sounding(tune.elements)) == {Fraction(1, 12): 3, Fraction(1, 4): 1, Fraction(1, 8): 1}
