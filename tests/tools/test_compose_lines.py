"""Lines of handwriting that are composed from the words and characters of real writers."""

import json
from collections import Counter
from functools import cache

import numpy as np
import pytest

import seqforge
from seqforge.corpus import find_corpus
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import read_json
from tools.compose_lines.__main__ import composed_lines
from tools.compose_lines.alignment import AlignedLine, align
from tools.compose_lines.segmentation import character_spans, word_spans
from tools.compose_lines.units import WriterUnits, collect_units

WRITER, LINES = "w011", 5


@cache
def aligned() -> tuple[AlignedLine, ...]:
    [path] = [path for path in find_corpus("unipen").paths() if path.parent.name == "train"]
    samples = [sample for sample in read_json(path) if isinstance(sample, Sample)]
    lines = [sample for sample in samples if sample.labels["writer"] == WRITER and len(sample.ink.text) > 15]
    return tuple(align(seqforge.load("handwriting"), lines[:LINES]))


@cache
def units() -> dict[str, WriterUnits]:
    return collect_units(aligned())


def test_characters_stand_from_left_to_right() -> None:
    assert len(aligned()) == LINES
    for line in aligned():
        x = np.concatenate(line.strokes)[:, 0]
        numbers = line.weights.argmax(axis=1)
        middles = [float(np.median(x[numbers == n])) for n in range(len(line.text)) if (numbers == n).sum() > 2]
        assert np.corrcoef(middles, np.arange(len(middles)))[0, 1] > 0.98


def test_words_are_those_of_the_lines() -> None:
    written = Counter(word for line in aligned() for word in line.text.split())
    collected = Counter(word for word, _ in units()[WRITER].words)
    assert collected.total() > 0.6 * written.total()
    assert not collected - written


def test_strokes_of_units_start_at_the_left_edge() -> None:
    for _, strokes in units()[WRITER].words:
        points = np.concatenate(strokes)
        assert points[:, 0].min() == pytest.approx(0, abs=1e-5)
        assert -4.5 <= points[:, 1].min() < 0


def test_lines_depend_on_the_seed_and_have_no_excluded_text() -> None:
    lines = list(composed_lines(units(), 6, seed=3, excluded=set()))
    assert lines == list(composed_lines(units(), 6, seed=3, excluded=set()))
    assert lines != list(composed_lines(units(), 6, seed=4, excluded=set()))
    texts = [json.loads(line)["text"] for line in lines]
    assert all(len(text) >= 12 for text in texts)
    assert list(composed_lines(units(), 6, seed=3, excluded={texts[2]})) == lines[:2] + lines[3:]


def test_every_point_of_a_word_counts() -> None:
    weights = np.eye(4)[[0, 0, 1, 3, 3, 3]]
    assert [(span.first, span.end, span.fit) for span in word_spans("ab c", [2, 1, 3], weights)] == [
        (0, 2, pytest.approx(np.log(1.02))),
        (2, 3, pytest.approx(np.log(1.02))),
    ]
    assert word_spans("a b c", [3, 3], weights) == []


def test_a_stroke_may_draw_several_characters() -> None:
    weights = [np.eye(4)[[0, 1, 2]], np.eye(4)[[3]], np.eye(4)[[3]]]
    spans = [(span.first, span.end, span.start, span.stop) for span in character_spans(weights)]
    assert spans == [(0, 1, 0, 3), (1, 3, 3, 4)]
