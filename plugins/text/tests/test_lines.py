"""Lines of a text are rewritten, and all others stay as they are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqforge
from seqforge_text.lines import LineRequest, LinesConstraint, line_regions
from seqforge_text.utf8 import Utf8Constraint

POEM = "ROMEO:\nBut soft, what light!\nIt is the east.\n\nArise, fair sun.\n"


@pytest.fixture
def poem(tmp_path: Path) -> Path:
    path = tmp_path / "poem.txt"
    path.write_text(POEM)
    return path


@pytest.mark.parametrize("seed", [0, 1])
def test_only_the_chosen_lines_are_new(poem: Path, seed: int) -> None:
    (piece,) = seqforge.load("text:default").generate(infill=f"{poem}:2-3,5", seed=seed)
    old, new = POEM.split("\n"), piece.content.split("\n")
    assert len(new) == len(old) and [new[i] for i in (0, 3, 5)] == [old[i] for i in (0, 3, 5)]
    assert all(new[i] and new[i] != old[i] for i in (1, 2, 4))


@pytest.mark.parametrize("lines", ["", ":", ":0", ":7", ":3-2", ":a", ":1-99999999", ":1,", "missing:1", ":1;2"])
def test_wrong_lines_are_an_error_of_the_field(poem: Path, lines: str) -> None:
    with pytest.raises(seqforge.RequestError) as error:
        LineRequest.read(f"{poem}{lines}")
    assert error.value.field == "infill"


def test_lines_are_joined_to_runs(poem: Path) -> None:
    assert LineRequest.read(f"{poem}:5,1-2,2").runs() == [(0, 2), (4, 5)]


def test_regions_are_the_lines_with_text() -> None:
    assert [region.number for region in line_regions(POEM)] == [1, 2, 3, 5]


def test_a_prompt_beside_the_file_is_an_error(poem: Path) -> None:
    with pytest.raises(seqforge.RequestError, match="prompt"):
        seqforge.load("text:default").generate(infill=f"{poem}:1", prompt="To be")


@given(st.booleans(), st.integers(1, 3), st.data())
def test_some_step_leads_nearer_to_the_end(in_bytes: bool, count: int, data: st.DataObject) -> None:
    inner, size, newline = (Utf8Constraint(), 257, 11) if in_bytes else (None, 5, 1)
    constraint = LinesConstraint(inner, size=size, newline=newline, start=[], count=count)
    state = constraint.start()
    for _ in range(data.draw(st.integers(0, 12))):
        allowed = np.flatnonzero(constraint.allowed(state))
        assert constraint.may_end(state) == (constraint.to_end(state) == 0) == (len(allowed) == 0)
        if not len(allowed):
            return
        distances = {constraint.to_end(constraint.advance(state, step)) for step in allowed}
        assert constraint.to_end(state) - 1 in distances
        state = constraint.advance(state, data.draw(st.sampled_from(allowed.tolist())))
