import importlib.util
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import RequestError
from seqforge_handwriting.folding import LONGEST, check_written, fold, named, unwritten
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Layout, length_mm, paper_mm, place, wrap
from seqforge_handwriting.shape import frame_of

spec = importlib.util.spec_from_file_location("inks", Path(__file__).parent / "inks.py")
assert spec and spec.loader
inks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inks)

A5 = (148.0, 210.0)


def lines(count: int) -> list[Ink]:
    found = [frame_of(sample.ink).apply(sample.ink) for sample in inks.real() if sample.labels["kind"] == "line"]
    return [found[number % len(found)] for number in range(count)]


# papers and lengths


def test_papers() -> None:
    assert paper_mm("a5") == A5 == paper_mm(" A5 ")
    assert paper_mm("120x80mm") == (120, 80) == paper_mm("12 x 8 cm")
    assert length_mm("15mm") == 15 == length_mm("1.5 cm") and length_mm("96px") == pytest.approx(25.4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "a55",
            "is no paper; allowed are a4, a5, a6, letter, postcard, or width x height as in 120x80mm. Did you mean",
        ),
        ("120x80", "is no paper"),
        ("-1x5mm", "is no paper"),
        ("nanxnanmm", "is no paper"),
        ("1x1mm", "each side must be from 10 to 5000 mm"),
        ("999999x10mm", "each side must be from 10 to 5000 mm"),
    ],
)
def test_what_is_no_paper(text: str, reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        paper_mm(text)


@pytest.mark.parametrize("text", ["", "15", "mm", "-3mm", "15 miles", "1e3mm", "٣mm" * 9])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(RequestError, match=r"--margin .* is no length; write a number and a unit"):
        length_mm(text)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"paper": (50.0, 50.0), "margin": 25.0}, "margins of 25 mm leave no room"),
        ({"paper": (200.0, 20.0), "margin": 5.0, "x_height": 5.0}, "leave no room"),
        ({"x_height": 0.0}, "an x-height of 0 mm cannot be written"),
        ({"spacing": 0.5}, "a line spacing of 0.5 x-heights is not allowed"),
        ({"margin": -1.0}, "a margin of -1 mm is not allowed"),
    ],
)
def test_what_is_no_layout(values: dict[str, float], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        Layout(**values)  # type: ignore[arg-type]


# wrapping


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=9), max_size=30), st.integers(9, 40))
def test_wrapping_keeps_every_word_and_fills_lines(words: list[str], most: int) -> None:
    found = wrap(" ".join(words), most)
    assert " ".join(found).split() == words and all(len(line) <= most for line in found)
    for line, following in itertools.pairwise(found):
        assert len(line) + 1 + len(following.split()[0]) > most


def test_lines_of_the_text_stay_lines() -> None:
    assert wrap("Dear Ann,\n\nI am well", 6 + 3) == ["Dear Ann,", "", "I am well"]
    assert wrap("", 5) == [""]


def test_a_word_that_is_longer_than_a_line() -> None:
    with pytest.raises(RequestError, match="the word 'incomprehensible' has 16 characters and a line has room for 9"):
        wrap("quite incomprehensible", 9)
    with pytest.raises(RequestError, match=r"the word 'a{40}\.\.\.' has 1000000 characters"):
        wrap("a" * 1_000_000, 9)


# placing


def test_without_paper_the_canvas_fits() -> None:
    (page,) = place(lines(3), Layout(margin=4))
    left, top, right, bottom = page.ink.bounds
    assert (left, top) == pytest.approx((4, 4))
    assert (page.width - right, page.height - bottom) == pytest.approx((4, 4))
    assert page.ink.text.count("\n") == 2 and page.count == 1


@pytest.mark.parametrize("paper", [A5, (105.0, 148.0), (297.0, 60.0)])
def test_on_paper_everything_lies_inside_the_margins(paper: tuple[float, float]) -> None:
    layout = Layout(paper, margin=12, x_height=2)
    pages = place(lines(40), layout)
    assert [page.number for page in pages] == [*range(1, len(pages) + 1)] and len(pages) == -(-40 // layout.lines)
    for page in pages:
        left, top, right, bottom = page.ink.bounds
        assert left >= 12 - 1e-6 and right <= paper[0] - 12 + 1e-6
        assert top > 5 and bottom < paper[1] - 5
        assert (page.width, page.height) == paper
    assert sum(len(page.ink.strokes) for page in pages) == sum(len(ink.strokes) for ink in lines(40))


def test_an_empty_line_takes_its_place_and_a_wide_one_makes_all_smaller() -> None:
    first, second = lines(2)
    (page,) = place([first, Ink(()), second], Layout(A5))
    (close,) = place([first, second], Layout(A5))
    assert page.ink.bounds[3] - close.ink.bounds[3] == pytest.approx(4.5 * 2.5)
    (small,) = place([first.scaled(20), second], Layout(A5))
    assert small.ink.bounds[2] == pytest.approx(148 - 10)


def test_characters_in_a_line_and_pages_beyond_bounds() -> None:
    assert Layout(A5).characters(1.6) == 32
    with pytest.raises(RequestError, match="1,000 are allowed"):
        place([Ink(())] * 4000, Layout((60.0, 30.0), margin=5))


# folding


def test_typographic_characters_are_folded_and_that_is_said() -> None:
    found = fold("\u201cIt\u2019s \u2014 so\u2026\u201d\u00a0he said\u00ad\r\n\tno ")
    assert found.text == '"It\'s - so..." he said\nno'
    assert ("\u2014", "-", 1) in found.changes
    assert found.told() == 'written as pens write: \u201c as ", \u2019 as \', \u2014 as -, \u2026 as ..., \u201d as "'
    assert fold("plain text").told() == "" and fold("a\tb").told() == ""


@given(st.text(max_size=60).filter(lambda text: any(letter.isalpha() for letter in text)))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = fold(text)
    assert fold(once.text) == type(once)(once.text)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b\ufeff"])
def test_an_empty_text(text: str) -> None:
    with pytest.raises(RequestError, match="--text is empty; give what is to be written"):
        fold(text)


def test_a_megabyte_of_text() -> None:
    with pytest.raises(RequestError, match=r"letter\.txt has 1,000,000 characters; up to 20,000 are written at once"):
        fold("a" * 1_000_000, name="letter.txt")
    assert len(fold("a" * LONGEST).text) == LONGEST


def test_characters_that_no_pen_wrote_are_named() -> None:
    seen = {"a": 100, "e": 50, "z": 3, " ": 900}
    assert unwritten("a zé\n\U0001f600", seen) == (["é", "\U0001f600"], ["z"])
    assert check_written("a e", seen) == "" and "z (3)" in check_written("az", seen)
    with pytest.raises(RequestError) as caught:
        check_written("é\U0001f600 a", seen)
    told = str(caught.value)
    assert "'é' (latin small letter e with acute)" in told and "(grinning face)" in told
    assert "e for é" in told and told.endswith("It knows aez")
    assert named("\ue000") == "'\\ue000' (U+E000)"
