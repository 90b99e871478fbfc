import pytest

from seqforge_abc.macros import expand_macros, parse_macro
from seqforge_abc.music_parser import parse_music
from seqforge_abc.theory import NO_KEY, NO_METER


@pytest.mark.parametrize(
    ("macro", "line", "expanded"),
    [("~g2 = {a}g{f}g", "~g2 ~G2 ~g2|", "{a}g{f}g ~G2 {a}g{f}g|"),
     ("~n3 = n{o}n{m}n", "~G3 ~b3 ~B,3|", "G{A}G{F}G b{c'}b{a}b B,{C}B,{A,}B,|"),
     ("~n = {o}n", "~A ~A2", "{B}A ~A2"),
     ("nn = n>n", "AA AB cc", "A>A AB c>c"),
     ("k = !turn!n", "kA", "!turn!nA"),
     ("C = D", '"C"C C2 !C!', '"C"D C2 !C!'),
     ("n2 = !trill!n2 \"o\"", "A2", '!trill!A2 "o"')],
)  # fmt: skip
def test_macros_are_expanded(macro, line, expanded):
    assert expand_macros(line, [parse_macro(macro)]) == expanded


def test_fields_without_a_target_are_no_macros():
    assert [parse_macro(text) for text in ("", "x", " = A")] == [None, None, None]


def test_macros_in_the_music_apply_to_the_lines_after_them():
    tune = parse_music("A2|\nm:A2 = A/A/A\nA2|", key=NO_KEY, meter=NO_METER)
    assert len(tune.notes()) == 4
