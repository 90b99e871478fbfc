import itertools

import inks
import numpy as np
import pytest

from seqforge_handwriting.frame import normalize
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.words import fill_lines, split_words


def line_of(words: list[tuple[str, float]], space: float = 1.0) -> Ink:
    """Return a line whose words are strokes of these widths."""
    strokes, x = [], 0.0
    for _, width in words:
        strokes.append(np.array([[x, -1.0], [x + width, 0.0]]))
        x += width + space
    return Ink(tuple(strokes), " ".join(text for text, _ in words))


@pytest.mark.parametrize("number", range(0, 20, 4))
def test_words_of_a_line_of_the_corpus_are_all_its_strokes(number: int) -> None:
    line, _ = normalize(inks.corpus_samples()[number].ink)
    words = split_words(line)
    assert sum(len(word.strokes) for word in words) == len(line.strokes)
    assert " ".join(word.text for word in words) == line.text
    for before, after in itertools.pairwise(words):
        assert after.bounds[0] > before.bounds[2] - 0.2


def test_late_dot_belongs_to_the_word_below_it() -> None:
    line = line_of([("it", 2.0), ("is", 2.0)])
    dotted = Ink((*line.strokes, np.array([[0.5, -1.5]])), line.text)
    first, second = split_words(dotted)
    assert first.counts == (2, 1) and second.counts == (2,)


def test_line_without_gaps_stays_whole() -> None:
    line = line_of([("a", 5.0), ("b", 5.0)], space=-3.0)
    assert split_words(line) == [line]


def test_lines_are_filled_by_the_real_widths() -> None:
    parts = [line_of([("narrow", 3.0), ("widest", 9.0)]), line_of([("last", 4.0)])]
    lines, factor = fill_lines(parts, 14.0)
    assert [line.text for line in lines] == ["narrow widest", "last"] and factor == 1
    lines, _ = fill_lines(parts, 12.0)
    assert [line.text for line in lines] == ["narrow", "widest", "last"]
    assert all(line.bounds[0] == pytest.approx(0) and line.bounds[2] <= 12 for line in lines)
    assert concatenate(lines).points[:, 1].tolist() == concatenate(parts).points[:, 1].tolist()


def test_only_a_word_that_is_too_wide_is_narrowed() -> None:
    lines, factor = fill_lines([line_of([("a", 20.0), ("b", 2.0)])], 10.0)
    assert factor == pytest.approx(0.5)
    assert [np.ptp(line.points, axis=0).tolist() for line in lines] == [[10.0, 1.0], [2.0, 1.0]]


def test_no_parts_have_no_lines() -> None:
    assert fill_lines([], 10.0) == ([], 1.0) == fill_lines([Ink((), "a")], 10.0)
