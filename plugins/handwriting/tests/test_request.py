import io
import logging
import os
import threading
from pathlib import Path
from typing import Any

import inks
import numpy as np
import pytest

from seqforge import Piece, RequestError
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.drawing import write_pages
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.options import HandwritingOptions, HandwritingRequest
from seqforge_handwriting.page import page_around
from seqforge_handwriting.stroke_json import json_line

LINE = Ink((np.array([[0.0, 0.0], [2.0, -1.0]]),))
INKML = '<ink><annotation type="truth">abc de</annotation><trace>{}</trace></ink>'


@pytest.fixture(scope="module")
def codec() -> InkCodec:
    return InkCodec.fit(inks.zigzag_pieces(), HandwritingOptions())


@pytest.fixture
def style_file(tmp_path: Path) -> Path:
    path = tmp_path / "me.json"
    path.write_text(json_line(inks.zigzag_line("abc de")) + "\n")
    return path


# errors


@pytest.mark.parametrize(
    ("values", "field", "fragment"),
    [
        ({"text": ""}, "text", "empty"),
        ({"text": " \n "}, "text", "empty"),
        ({"text": "a" * 30_000}, "text", "20,000"),
        ({"text": "abc \N{GRINNING FACE}"}, "text", "(grinning face)"),
        ({"text": "a" * 50}, "text", "45"),
        ({"text": "abc", "text_file": Path("letter.txt")}, "text_file", "`text`"),
        ({"text_file": Path("nowhere.txt")}, "text_file", "nowhere.txt"),
        ({"text": "abc", "style": "p9"}, "style", "p0, p1, p2"),
        ({"text": "abc", "style_text": "abc"}, "style_text", "`style`"),
        ({"text": "abc", "style": "nowhere.svg"}, "style", "nowhere.svg"),
        ({"text": "abc", "paper": "a77"}, "paper", "'a77'"),
        ({"text": "abc", "margin": "15"}, "margin", "15mm"),
        ({"text": "abc", "letter_height": "2"}, "letter_height", "15mm"),
        ({"text": "abc", "spacing": 0.1}, "spacing", "1 to 50"),
        ({"text": "abc", "pen_width": 0.0}, "pen_width", "0.01"),
        ({"text": "abc", "colour": "blurple"}, "colour", "'blurple'"),
        ({"text": "abc", "missing": "guess"}, "missing", "fold, skip or refuse"),
        ({"text": "abc", "size_unit": "em"}, "size_unit", "mm or px"),
    ],
)
def test_impossible_requests_name_their_field(
    codec: InkCodec, values: dict[str, Any], field: str, fragment: str
) -> None:
    with pytest.raises(RequestError) as caught:
        codec.task(HandwritingRequest(**values))
    assert caught.value.field == field and fragment in str(caught.value)


def test_unreadable_text_files_raise(codec: InkCodec, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "large.txt").write_bytes(b"a" * ((1 << 20) + 1))
    (tmp_path / "empty.txt").write_text("\n")
    for name in ("latin.txt", "large.txt", "empty.txt"):
        with pytest.raises(RequestError, match=name) as caught:
            codec.task(HandwritingRequest(text_file=tmp_path / name))
        assert caught.value.field == "text_file"


def test_style_file_without_text_raises(codec: InkCodec, tmp_path: Path) -> None:
    (tmp_path / "mute.json").write_text(json_line(Ink(inks.zigzag_line("abc").strokes)) + "\n")
    with pytest.raises(RequestError, match=r"mute\.json") as caught:
        codec.task(HandwritingRequest(text="abc", style=str(tmp_path / "mute.json")))
    assert caught.value.field == "style_text"


def test_long_style_text_raises(codec: InkCodec, style_file: Path) -> None:
    with pytest.raises(RequestError, match="80") as caught:
        codec.task(HandwritingRequest(text="abc", style=str(style_file), style_text="a" * 81))
    assert caught.value.field == "style_text"


def test_rare_characters_are_written_with_a_warning(codec: InkCodec, caplog: pytest.LogCaptureFixture) -> None:
    rare = InkCodec(codec.options, {**codec.counts, "&": 3}, codec.scale, codec.writers)
    with caplog.at_level(logging.WARNING, "seqforge"):
        assert rare.task(HandwritingRequest(text="a & b")).request.parts == ("a & b",)
    assert "& (3)" in caplog.text


@pytest.mark.parametrize(
    ("text", "missing", "written"),
    [
        ("\u00e1b\u010d", "fold", "abc"),
        ("b\u00e6", "fold", "bae"),
        ("ab\u2603c", "skip", "abc"),
        ("\u00e1b", "skip", "b"),
    ],
)
def test_missing_characters_are_folded_or_left_out(
    codec: InkCodec, text: str, missing: str, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "seqforge"):
        assert codec.task(HandwritingRequest(text=text, missing=missing)).request.parts == (written,)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("text", "missing"), [("\u00e1b", "refuse"), ("ab\u2603", "fold"), ("\u2603", "skip")])
def test_missing_characters_are_refused(codec: InkCodec, text: str, missing: str) -> None:
    with pytest.raises(RequestError) as caught:
        codec.task(HandwritingRequest(text=text, missing=missing))
    assert caught.value.field == "text"


# prompts


def test_each_line_that_is_not_empty_has_a_prompt(codec: InkCodec) -> None:
    task = codec.task(HandwritingRequest(text="abc\n\nbad"))
    sources = [prompt.example.source.tolist() for prompt in task.prompts if prompt.example.source is not None]
    assert sources == [codec.encode_text("abc").tolist(), codec.encode_text("bad").tolist()]
    assert all(len(prompt.example.steps) == 0 and prompt.keep == 0 for prompt in task.prompts)


def test_without_text_there_is_one_prompt_without_source(codec: InkCodec) -> None:
    (prompt,) = codec.task(HandwritingRequest()).prompts
    assert prompt.example.source is None and len(prompt.example.steps) == 0


def test_text_file_equals_text(codec: InkCodec, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("abc\nbad\n")
    task = codec.task(HandwritingRequest(text_file=tmp_path / "letter.txt"))
    assert task.request.parts == ("abc", "bad") == codec.task(HandwritingRequest(text="abc\nbad")).request.parts


def test_writer_style_is_primed_with_the_line_of_the_writer(codec: InkCodec) -> None:
    line = codec.writers.lines["p1"]
    (prompt,) = codec.task(HandwritingRequest(text="bad", style="p1")).prompts
    assert np.array_equal(prompt.example.steps, codec.encode_ink(line)) and prompt.keep == 0
    assert np.array_equal(prompt.example.source, codec.encode_text(f"{line.text} bad"))


def test_replaced_characters_are_reported_once_per_request(codec: InkCodec, caplog: pytest.LogCaptureFixture) -> None:
    quotes = InkCodec(codec.options, {**codec.counts, '"': 99}, codec.scale, codec.writers)
    with caplog.at_level(logging.WARNING, "seqforge"):
        task = quotes.task(HandwritingRequest(text="\u201cbad\u201d"))
        task.finish([Piece(LINE)])
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "\u201c" in caplog.text
        quotes.task(HandwritingRequest(text="\u201cbad\u201d"))
        quotes.task(HandwritingRequest(text="bad"))
    assert len(caplog.records) == 2


# styles from files


def style_of(codec: InkCodec, style: str, **values: Any) -> Ink:
    (ink,) = codec.task(HandwritingRequest(text="bad", style=style, **values)).request.style.lines
    return ink


def test_style_file_is_normalized(codec: InkCodec, style_file: Path) -> None:
    style = style_of(codec, str(style_file))
    assert style.text == "abc de" and style.bounds[3] - style.bounds[1] < 3
    assert style_of(codec, str(style_file), style_text="e\nd").text == "e d"


def test_style_from_standard_input(codec: InkCodec, style_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(style_file.read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin)
    assert style_of(codec, "-") == style_of(codec, str(style_file))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("suffix", [".json", ".svg", ".inkml"])
@pytest.mark.parametrize("has_suffix", [True, False])
def test_style_from_a_pipe(codec: InkCodec, tmp_path: Path, suffix: str, has_suffix: bool) -> None:
    file = tmp_path / f"style{suffix}"
    line = inks.zigzag_line("abc de")
    if suffix == ".inkml":
        trace = "</trace><trace>".join(", ".join(f"{x} {y}" for x, y in stroke.tolist()) for stroke in line.strokes)
        file.write_text(INKML.format(trace))
    else:
        write_pages([page_around(line)], file)
    pipe = tmp_path / (f"pipe{suffix}" if has_suffix else "pipe")
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(file.read_bytes(),))
    writer.start()
    style = style_of(codec, str(pipe))
    writer.join()
    assert style == style_of(codec, str(file)) and style.text == "abc de"


def test_unreadable_style_from_a_pipe_names_the_pipe(codec: InkCodec, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"hello",))
    writer.start()
    with pytest.raises(RequestError, match=r"pipe\.json:1") as caught:
        style_of(codec, str(pipe))
    writer.join()
    assert caught.value.field == "style"


# pages


def test_empty_lines_take_their_place_on_paper(codec: InkCodec) -> None:
    lines = [Piece(LINE)] * 2
    request = HandwritingRequest(text="abc\n\n\nbad\n", paper="a5", letter_height="2mm", spacing=5.0)
    first, second = codec.task(request).finish(lines).content.strokes
    assert (second - first)[:, 1] == pytest.approx(3 * 5.0 * 2.0)
    request = HandwritingRequest(text="abc\nbad", letter_height="2mm", spacing=5.0)
    first, second = codec.task(request).finish(lines).content.strokes
    assert (second - first)[:, 1] == pytest.approx(5.0 * 2.0)


def test_lines_after_a_style_start_at_the_left(codec: InkCodec) -> None:
    pieces = [Piece(LINE.translate(5, 0)), Piece(LINE.translate(-3, 0))]
    request = HandwritingRequest(text="abc\nbad", style="p1")
    first, second = codec.task(request).finish(pieces).content.strokes
    assert first[0, 0] == pytest.approx(second[0, 0])
