"""Figures of the structure of tunes."""

import math
from fractions import Fraction

import numpy as np
import pytest

from seqforge import Piece
from seqforge_abc import Abc
from seqforge_abc.music_parser import parse_music
from seqforge_abc.structure import ends_on_tonic, sections_of, similarity_matrix, statistics, structure
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.tune import Tune


def tune(music: str, key: str = "D") -> Tune:
    return parse_music(music, key=parse_key(key), meter=parse_meter("2/4"), unit=Fraction(1, 8))


RETURNING = tune("|:A|DEFG|A2F2|G2E2|A4|DEFG|A2F2|G2E2|D3:|")
"""Bars 1 and 2 return as bars 5 and 6; the upbeat is no bar."""


def test_bars_are_counted_without_upbeats() -> None:
    assert [len(section) for section in sections_of(RETURNING)] == [8]
    assert [len(section) for section in sections_of(tune("D4|E4||F4|]"))] == [2, 1]


def test_returning_bars_are_counted_by_distance() -> None:
    rows = structure([RETURNING])
    assert rows["bars 1-2 return as bars 5-6, per cent of sections"] == 100
    assert rows["similarity of bars 1 and 5"] == 1
    assert rows["distinct bars, per cent"] == 100 * 5 / 8
    assert rows["bars equal to the bar 4 before, per cent"] == 75
    assert rows["bars equal to the bar 1 before, per cent"] == 0
    assert rows["sections of 8 bars, per cent"] == 100


def test_grace_notes_and_decorations_do_not_count() -> None:
    first, second = tune("D4|]"), tune("~{E}D4|]")
    assert sections_of(first) == sections_of(second)


TUNES_AND_ENDS = [("A2D2|]", "D", True), ("D2A2|]", "D", False), ("A4|]", "Amix", True)]


@pytest.mark.parametrize(("music", "key", "expected"), TUNES_AND_ENDS)
def test_end_on_the_tonic(music: str, key: str, *, expected: bool) -> None:
    assert ends_on_tonic(tune(music, key)) == expected
    assert structure([tune(music, key)])["sections that end on the tonic, per cent"] == 100 * expected


def test_notes_outside_the_key_and_leaps() -> None:
    rows = structure([tune("D=FA^G|]")])
    assert rows["notes outside the key, per cent"] == 50
    assert rows["range, semitones"] == 7 and rows["leaps, per cent of intervals"] == 0


def test_similarity_is_symmetric_and_one_on_the_diagonal() -> None:
    matrix = similarity_matrix(RETURNING)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert (np.diag(matrix) == 1).all() and matrix[0, 4] == 1 and matrix[0, 1] < 1
    assert Abc().similarity(Piece(RETURNING)).shape == (8, 8)


def test_tunes_without_bars_have_no_figures() -> None:
    rows = structure([Tune(())])
    assert math.isnan(rows["similarity of bars 1 and 5"]) and rows["last note on the tonic, per cent"] == 0
    assert similarity_matrix(Tune(())).shape == (0, 0)


def test_degrees_are_counted_from_the_tonic() -> None:
    assert statistics(tune("DEFA|]"))["degree"].tolist() == [0, 2, 4, 1]
