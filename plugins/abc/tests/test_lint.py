"""The bar checker: on tunes whose faults are known, and on what it must leave alone."""

import dataclasses
from pathlib import Path

import pytest

from seqforge_abc.lint import findings
from seqforge_abc.measures import State, closing
from seqforge_abc.reading import read_book
from seqforge_abc.tune import Note, Tune


def tune(music: str, tmp_path: Path, meter: str = "6/8") -> Tune:
    (tmp_path / "t.abc").write_text(f"X:1\nT:t\nM:{meter}\nL:1/8\nK:D\n{music}\n")
    ((found, _),) = [each for each in read_book(tmp_path / "t.abc") if isinstance(each, tuple)]
    return found


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
def test_bars_that_add_up(music: str, tmp_path: Path) -> None:
    assert findings(tune(music, tmp_path)) == []


@pytest.mark.parametrize(
    ("music", "words"),
    [
        ("DED F2|d3 d3|d6|]", ["bar 3 lasts 3/4 of a whole note, not 1/8"]),  # its first bar is taken for an upbeat
        ("DED F2A|d3 d2|e3 e3|]", ["bar 2 lasts 5/8 of a whole note, not 3/4"]),
        ("A|DED F2A|d3 d3|]", ["bar 3 lasts 3/4 of a whole note, not 5/8"]),
        ("|:A|DED F2A|d3 d3:|d6|]", ["bar 3 lasts 3/4 of a whole note, not 5/8", "bar 4 lasts 3/4"]),
        ("|:DED F2A|d3 d3 d:|", ["bar 2 lasts 7/8 of a whole note, not 3/4"]),
        ("|:A|DED F2A|[1d3 d3:|[2d3 d2|]", ["bar 3 lasts 3/4 of a whole note, not 5/8"]),
        ("(3DED F2 (3A2|B2 d3 d3|]", ["bar 1: a tuplet goes on over the bar line"]),
    ],
)
def test_bars_that_do_not(music: str, words: list[str], tmp_path: Path) -> None:
    found = findings(tune(music, tmp_path))
    assert len(found) >= len(words)
    for word, finding in zip(words, found, strict=False):
        assert finding.startswith(word)


def test_a_tune_without_a_meter_has_no_bars_to_fill(tmp_path: Path) -> None:
    assert findings(tune("DED F2|d|]", tmp_path, "none")) == []


def test_ties_that_lead_nowhere(tmp_path: Path) -> None:
    whole = tune("D6|E6|]", tmp_path)
    first, line, second, last = whole.music
    assert isinstance(first, Note) and isinstance(second, Note)
    tied = [dataclasses.replace(note, tied=True) for note in (first, second)]
    other = dataclasses.replace(whole, music=(tied[0], line, second, last))
    assert findings(other) == ["bar 2: a tie leads to another pitch"]
    nothing = dataclasses.replace(whole, music=(first, line, tied[1], last))
    assert findings(nothing) == ["the last note is tied to nothing"]


def test_no_upbeat_leaves_what_no_note_can_fill() -> None:
    begun = State(head=4, bar=32, unit=4)  # found by a walk: nothing could ever have closed such a tune
    assert closing(begun._replace(fill=31), 31) == []
    assert closing(begun._replace(fill=30), 30) == ["|", "|:"]
