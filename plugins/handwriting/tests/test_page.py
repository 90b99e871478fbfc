import itertools

import inks
import numpy as np
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
        ("a55", "or width x height such as 120x80mm; landscape may follow. Did you mean"),
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


def test_wrap_of_an_empty_line_has_no_parts() -> None:
    assert wrap("", 5) == []


def test_parts_may_be_shorter_than_the_longest_word() -> None:
    assert wrap("an incomprehensible word", 5, 20) == ["an", "incomprehensible", "word"]


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
def test_lines_on_paper_have_the_requested_height_at_the_margin(paper: tuple[float, float]) -> None:
    layout = Layout(paper, margin=12, x_height=2)
    lines = [line.translate(-line.bounds[0], 0) for line in corpus_lines(40)]
    pages = place(lines, layout)
    assert [page.number for page in pages] == [*range(1, len(pages) + 1)] and len(pages) == -(-40 // layout.lines)
    for page in pages:
        left, top, _, bottom = page.ink.bounds
        assert left == pytest.approx(12)
        assert top > 5 and bottom < paper[1] - 5
        assert (page.width, page.height) == paper
    strokes = [stroke for page in pages for stroke in page.ink.strokes]
    originals = [stroke for line in lines for stroke in line.strokes]
    for stroke, original in zip(strokes, originals, strict=True):
        assert np.ptp(stroke, axis=0) == pytest.approx(2 * np.ptp(original, axis=0))


@pytest.mark.parametrize(("align", "left"), [("left", 10 + 3 * 2.5), ("centre", 74 - 5.0), ("right", 138 - 10.0)])
def test_lines_are_aligned(align: str, left: float) -> None:
    line = Ink((np.array([[3.0, 0.0], [7.0, -1.0]]),), "l")
    (page,) = place([line], Layout(A5, align=align))
    assert page.ink.bounds[0] == pytest.approx(left)


def test_papers_have_two_orientations() -> None:
    assert parse_paper("a5 landscape") == (210, 148) == parse_paper("210x148mm") == parse_paper("148x210mm Landscape")
    assert parse_paper("dl") == (220, 110) and parse_paper("dl-portrait") == (110, 220)


def test_empty_line_takes_its_place() -> None:
    first, second = corpus_lines(2)
    (spaced,) = place([first, Ink(()), second], Layout(A5))
    (close,) = place([first, second], Layout(A5))
    assert spaced.ink.bounds[3] - close.ink.bounds[3] == pytest.approx(4.5 * 2.5)


def test_number_of_characters_and_pages() -> None:
    assert Layout(A5).characters(1.6) == 32
    with pytest.raises(RequestError, match="at most 1,000"):
        place([Ink(())] * 4000, Layout((60.0, 30.0), margin=5))
