import itertools

import inks
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import RequestError
from seqforge_handwriting.frame import estimate_frame
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Layout, page_around, parse_length, parse_paper, place, wrap

A5 = (148.0, 210.0)


def corpus_lines(count: int) -> list[Ink]:
    lines = [sample.ink for sample in inks.corpus_samples() if sample.labels["kind"] == "line"]
    normalized = [estimate_frame(ink).apply(ink) for ink in lines]
    return [normalized[number % len(normalized)] for number in range(count)]


# papers and lengths


def test_papers_and_lengths() -> None:
    assert parse_paper("a5") == A5 == parse_paper(" A5 ")
    assert parse_paper("120x80mm") == (120, 80) == parse_paper("12 x 8 cm")
    assert parse_length("15mm") == 15 == parse_length("1.5 cm") and parse_length("96px") == pytest.approx(25.4)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("a55", "a4, a5, a6, letter, postcard, or width x height such as 120x80mm. Did you mean"),
        ("120x80", "'120x80'"),
        ("-1x5mm", "'-1x5mm'"),
        ("nanxnanmm", "'nanxnanmm'"),
        ("1x1mm", "from 10 to 5000 mm"),
        ("999999x10mm", "from 10 to 5000 mm"),
    ],
)
def test_invalid_papers_raise(text: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_paper(text)
    assert caught.value.field == "paper" and fragment in str(caught.value)


@pytest.mark.parametrize("text", ["", "15", "mm", "-3mm", "15 miles", "1e3mm", "\u0663mm" * 9])
def test_invalid_lengths_raise(text: str) -> None:
    with pytest.raises(RequestError, match="a number with a unit, such as 15mm") as caught:
        parse_length(text)
    assert (caught.value.field, caught.value.value) == ("margin", text)


@pytest.mark.parametrize(
    ("values", "field", "fragment"),
    [
        ({"paper": (50.0, 50.0), "margin": 25.0}, "margin", "leaves no room"),
        ({"paper": (200.0, 20.0), "margin": 5.0, "x_height": 5.0}, "margin", "leaves no room"),
        ({"x_height": 0.0}, "letter_height", "from 0.2 to 500 mm"),
        ({"spacing": 0.5}, "spacing", "from 1 to 50"),
        ({"margin": -1.0}, "margin", "from 0 to 5000 mm"),
    ],
)
def test_invalid_layouts_raise(values: dict[str, float], field: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        Layout(**values)  # type: ignore[arg-type]
    assert caught.value.field == field and fragment in str(caught.value)


# wrapping


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=9), max_size=30), st.integers(9, 40))
def test_wrap_keeps_all_words_and_fills_lines(words: list[str], limit: int) -> None:
    lines = wrap(" ".join(words), limit)
    assert " ".join(lines).split() == words and all(len(line) <= limit for line in lines)
    for line, following in itertools.pairwise(lines):
        assert len(line) + 1 + len(following.split()[0]) > limit


def test_wrap_keeps_line_ends() -> None:
    assert wrap("Dear Ann,\n\nI am well", 6 + 3) == ["Dear Ann,", "", "I am well"]
    assert wrap("", 5) == [""]


def test_words_longer_than_a_line_raise() -> None:
    with pytest.raises(RequestError, match=r"'incomprehensible' .* has 16 characters, and a line has room for 9"):
        wrap("quite incomprehensible", 9)
    with pytest.raises(RequestError, match=r"'a{40}\.\.\.' .* has 1000000 characters"):
        wrap("a" * 1_000_000, 9)


# placing


def test_page_without_paper_fits_the_ink() -> None:
    (page,) = place(corpus_lines(3), Layout(margin=4))
    left, top, right, bottom = page.ink.bounds
    assert (left, top) == pytest.approx((4, 4))
    assert (page.width - right, page.height - bottom) == pytest.approx((4, 4))
    assert page.ink.text.count("\n") == 2 and page.count == 1


def test_page_around_a_dot_has_a_minimum_size() -> None:
    page = page_around(Ink(([[3.0, 4.0]],)))  # type: ignore[arg-type]
    assert (page.width, page.height) == (1, 1) and page.ink.bounds == (0, 0, 0, 0)


@pytest.mark.parametrize("paper", [A5, (105.0, 148.0), (297.0, 60.0)])
def test_lines_on_paper_stay_inside_the_margins(paper: tuple[float, float]) -> None:
    layout = Layout(paper, margin=12, x_height=2)
    pages = place(corpus_lines(40), layout)
    assert [page.number for page in pages] == [*range(1, len(pages) + 1)] and len(pages) == -(-40 // layout.lines)
    for page in pages:
        left, top, right, bottom = page.ink.bounds
        assert left >= 12 - 1e-6 and right <= paper[0] - 12 + 1e-6
        assert top > 5 and bottom < paper[1] - 5
        assert (page.width, page.height) == paper
    assert sum(len(page.ink.strokes) for page in pages) == sum(len(ink.strokes) for ink in corpus_lines(40))


def test_empty_line_takes_its_place() -> None:
    first, second = corpus_lines(2)
    (spaced,) = place([first, Ink(()), second], Layout(A5))
    (close,) = place([first, second], Layout(A5))
    assert spaced.ink.bounds[3] - close.ink.bounds[3] == pytest.approx(4.5 * 2.5)


def test_line_wider_than_the_column_scales_all_lines_down() -> None:
    first, second = corpus_lines(2)
    (page,) = place([first.scale(20), second], Layout(A5))
    assert page.ink.bounds[2] == pytest.approx(148 - 10)


def test_number_of_characters_and_pages() -> None:
    assert Layout(A5).characters(1.6) == 32
    with pytest.raises(RequestError, match="at most 1,000"):
        place([Ink(())] * 4000, Layout((60.0, 30.0), margin=5))
