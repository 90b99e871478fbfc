"""The bar checker, on tunes with known violations and on valid tunes."""

import dataclasses
from pathlib import Path

import pytest
from abc_tunes import tune_of_music as tune

from seqforge_abc.lint import violations
from seqforge_abc.tune import Note


@pytest.mark.parametrize(
    "music",
    [
        "DED F2A|d3 d3|]",
        "A|DED F2A|d3 d2|]",  # the last bar completes the upbeat
        "|:A|DED F2A|d3 d2:|",
        "A|:DED F2A|d3 d2:|",  # the upbeat stands before the sign
        "|:A|DED F2A|[1d3 d2:|[2d3 d2|]",
        "A|DED F2A|d3 d2||B|d3 d3|e3 e2|]",  # across the double bar
        "(3DED F2 A2|d3 d3|]",
        "D6-|D6|]",
    ],
)
def test_valid_tunes_have_no_violations(music: str, tmp_path: Path) -> None:
    assert violations(tune(music, tmp_path)) == []


@pytest.mark.parametrize(
    ("music", "prefixes"),
    [
        ("DED F2|d3 d3|d6|]", ["bar 3 lasts 3/4 of a whole note, not 1/8"]),  # the first bar is read as an upbeat
        ("DED F2A|d3 d2|e3 e3|]", ["bar 2 lasts 5/8 of a whole note, not 3/4"]),
        ("A|DED F2A|d3 d3|]", ["bar 3 lasts 3/4 of a whole note, not 5/8"]),
        ("|:A|DED F2A|d3 d3:|d6|]", ["bar 3 lasts 3/4 of a whole note, not 5/8", "bar 4 lasts 3/4"]),
        ("|:DED F2A|d3 d3 d:|", ["bar 2 lasts 7/8 of a whole note, not 3/4"]),
        ("|:A|DED F2A|[1d3 d3:|[2d3 d2|]", ["bar 3 lasts 3/4 of a whole note, not 5/8"]),
        ("(3DED F2 (3A2|B2 d3 d3|]", ["bar 1: a tuplet continues over the bar line"]),
    ],
)
def test_bars_of_a_wrong_length_are_violations(music: str, prefixes: list[str], tmp_path: Path) -> None:
    messages = violations(tune(music, tmp_path))
    assert len(messages) >= len(prefixes)
    for prefix, message in zip(prefixes, messages, strict=False):
        assert message.startswith(prefix)


def test_a_tune_without_a_meter_has_no_violations(tmp_path: Path) -> None:
    assert violations(tune("DED F2|d|]", tmp_path, "none")) == []


def test_ties_to_other_pitches_are_violations(tmp_path: Path) -> None:
    parsed = tune("D6|E6|]", tmp_path)
    first, bar_line, second, final = parsed.elements
    assert isinstance(first, Note) and isinstance(second, Note)
    tied = [dataclasses.replace(note, tied=True) for note in (first, second)]
    to_other_pitch = dataclasses.replace(parsed, elements=(tied[0], bar_line, second, final))
    assert violations(to_other_pitch) == ["bar 2: a tie leads to another pitch"]
    to_nothing = dataclasses.replace(parsed, elements=(first, bar_line, tied[1], final))
    assert violations(to_nothing) == ["the last note is tied to nothing"]
