from fractions import Fraction

import pytest

from seqforge_abc.music_parser import parse_music
from seqforge_abc.spaced_tokens import join_spaced_tokens
from seqforge_abc.theory import parse_key, parse_meter


def music(text, meter="4/4"):
    return parse_music(text, key=parse_key("C"), meter=parse_meter(meter))


@pytest.mark.parametrize(
    ("spaced", "usual"),
    [("c 3 d c 2 B G | c 8 |", "c3d c2BG|c8|"), ("c 2 d c B G", "c2dcBG"), ("|: c > d c /2 B /2 :|", "|:c>d c/2B/2:|"),
     ("[ C e ] 3 (3 A B c |1 c 2 :|", "[Ce]3(3ABc|1 c2:|"), ("^f' 3/2 _e, /2 z 2", "^f'3/2_e,/2z2"),
     ("<s> c 2 d 2 </s>", "c2d2"), ("c - c 3 | ( d 2 e )", "c-c3|(d2e)")],
)  # fmt: skip
def test_spaced_tokens_are_read_as_the_same_music_without_spaces(spaced, usual):
    assert music(spaced).elements == music(usual).elements


@pytest.mark.parametrize(
    "line", ["A2 B c", "| 1 A B c :| 2 d", "A B c d | e f g a |", "It is 3 o'clock", "] 2 c 2", "c 3 de"]
)
def test_other_lines_are_returned_as_they_are(line):
    assert join_spaced_tokens(line) == line


def test_the_unit_of_spaced_tokens_is_an_eighth_unless_a_field_names_it():
    assert music("c 2 d 2 |", "2/4").notes()[0].duration == Fraction(1, 4)
    assert music("L:1/16\nc 2 d 2 |", "2/4").notes()[0].duration == Fraction(1, 8)
    assert music("c2 d2|", "2/4").notes()[0].duration == Fraction(1, 8)
