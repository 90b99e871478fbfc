"""Letters as JSON, whose lines have a hand, a colour, a pen width and a place."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge import Piece, RequestError
from seqforge_handwriting.drawing import PagedInk
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.letter import HandwritingTask, ParsedRequest
from seqforge_handwriting.letter_file import parse_letter
from seqforge_handwriting.options import HandwritingRequest
from seqforge_handwriting.request import parse_request

LINE = np.array([[0.0, 0.0], [2.0, -1.0], [4.0, 0.0], [6.0, -1.0], [8.0, 0.0]])
WRITERS = {"w1": Ink((LINE,), "one"), "w2": Ink((LINE * 2,), "two")}
COUNTS = dict.fromkeys("abcdefghijklmnopqrstuvwxyz", 90)


def parsed(tmp_path: Path, content: Any, **fields: Any) -> ParsedRequest:
    path = tmp_path / "letter.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    request = HandwritingRequest(**{"text_file": path, "style": "w1", **fields})
    return parse_request(request, writers=WRITERS, counts=COUNTS, tolerance=0.06)


def test_lines_have_their_hand_pen_and_place(tmp_path: Path) -> None:
    other = {"text": "  i am well\nand you", "style": "w2", "colour": "navy", "pen_width": 0.7}
    request = parsed(tmp_path, ["dear ann", other, "", {"text": "yours", "align": "right"}], paper="a6")
    assert request.parts == ("dear ann", "i am well", "and you", "yours")
    assert request.paragraphs is not None
    assert [paragraph.indent for paragraph in request.paragraphs] == [0, 2, 0, 0, 0]
    assert [request.prime(number) is WRITERS["w2"] for number in range(4)] == [False, True, True, False]
    pens = [paragraph.pen for paragraph in request.paragraphs if paragraph.pen is not None]
    assert [(pen.colour, pen.width) for pen in pens] == [("black", 0.4), ("navy", 0.7), ("navy", 0.7), ("black", 0.4)]


def test_lines_have_their_bias(tmp_path: Path) -> None:
    request = parsed(tmp_path, ["dear ann", {"text": "i am\nwell", "bias": 2}, "yours"])
    assert request.biases == (None, 2, 2, None)
    path = tmp_path / "letter.json"
    model = seqforge.load("handwriting")
    prompts = model.codec.task(HandwritingRequest(text_file=path)).prompts
    assert [dict(prompt.controls) for prompt in prompts] == [{}, {"bias": 2}, {"bias": 2}, {}]
    assert model.generate(text_file=path, candidates=1)[0].content.strokes


@pytest.mark.parametrize("paper", ["", "a6"])
@pytest.mark.parametrize("order", ["writing", "shortest"])
def test_pages_have_the_pens_and_places(tmp_path: Path, paper: str, order: str) -> None:
    if order == "shortest":
        pytest.importorskip("vpype")
    entries = ["one", {"text": "two", "colour": "navy"}, {"text": "three", "align": "right"}]
    request = parsed(tmp_path, entries, paper=paper, order=order)
    parts = [Piece(Ink((LINE, LINE + np.array([9.0, 0.0])), text)) for text in request.parts]
    content = HandwritingTask([], request).finish(parts).content
    assert isinstance(content, PagedInk)
    (page,) = content.pages
    colours = ["black", "black", "navy", "navy", "black", "black"]
    assert sorted(pen.colour for pen in page.pens) == sorted(colours)
    rows = sorted(zip((stroke[:, 1].mean() for stroke in page.ink.strokes), page.pens, strict=True), key=lambda x: x[0])
    assert [pen.colour for _, pen in rows] == colours
    bottom = max(stroke[:, 1].max() for stroke in page.ink.strokes)
    last_row = np.concatenate([stroke for stroke in page.ink.strokes if stroke[:, 1].max() > bottom - 1])
    assert last_row[:, 0].max() == pytest.approx(page.width - 10)


FAULTS = {
    "not-json": "dear ann",
    "no-list": '{"text": "a"}',
    "empty": "[]",
    "number": "[3]",
    "no-text": '[{"colour": "navy"}]',
    "misspelt-field": '[{"text": "a", "color": "navy"}]',
    "negative-bias": '[{"text": "a", "bias": -1}]',
    "bias-as-text": '[{"text": "a", "bias": "neat"}]',
    "wide-pen": '[{"text": "a", "pen_width": "wide"}]',
    "unknown-colour": '["a", {"text": "b", "colour": "nocolour"}]',
    "unknown-writer": '["a", {"text": "b", "style": "w9"}]',
    "unknown-place": '["a", {"text": "b", "align": "middle"}]',
    "only-blanks": '["", " "]',
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_letter_names_the_file(tmp_path: Path, fault: str) -> None:
    with pytest.raises(RequestError) as error:
        parsed(tmp_path, FAULTS[fault])
    assert error.value.field == "text_file"


def test_entry_with_a_number_in_place_of_a_text_names_it() -> None:
    with pytest.raises(RequestError, match="entry 2"):
        parse_letter('["a", {"text": "b", "style": 3}]', "letter.json")
