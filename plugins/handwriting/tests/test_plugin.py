from pathlib import Path
from typing import Any

import inks
import numpy as np
import pytest

import seqforge
from seqforge import Piece, ReadError, RequestError
from seqforge_handwriting import Handwriting, HandwritingOptions
from seqforge_handwriting.drawing import PagedInk
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.stroke_json import json_line


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqforge.Model:
    folder = tmp_path_factory.mktemp("lines")
    rows = [json_line(piece.content, piece.labels) for piece in inks.zigzag_pieces()]
    (folder / "lines.jsonl").write_text("\n".join(rows) + "\n")
    return seqforge.train(
        "handwriting", corpus=str(folder / "lines.jsonl"), steps=4, layers=2, hidden=16, embedding=8, bptt=32,
        batch_size=4, threads=1, precision="float32", run=folder / "run",
    )  # fmt: skip


# reading


def test_writing_on_two_rows_is_rejected(tmp_path: Path) -> None:
    first = inks.zigzag_line("abcde abcde")
    second = first.translate(0, 120)
    both = Ink(first.strokes + second.strokes, "abcde abcde abcde abcde")
    (tmp_path / "two.jsonl").write_text(json_line(first) + "\n" + json_line(both) + "\n")
    piece, error = Handwriting().read(tmp_path / "two.jsonl", HandwritingOptions())
    assert isinstance(piece, Piece) and piece.content == first.round(2)
    assert isinstance(error, ReadError) and "two lines" in error.reason and error.line == 2
    (tmp_path / "list.json").write_text(f"[{json_line(first)}, {json_line(both)}]")
    _, error = Handwriting().read(tmp_path / "list.json", HandwritingOptions())
    assert isinstance(error, ReadError) and error.reason.startswith("sample 2: ")


def test_dense_strokes_are_simplified_when_read(tmp_path: Path) -> None:
    x = np.linspace(0, 100, 2000)
    wave = Ink((np.stack([x, 10 * np.sin(x)], 1),), "waves")
    (tmp_path / "wave.json").write_text(json_line(wave))
    (piece,) = Handwriting().read(tmp_path / "wave.json", HandwritingOptions())
    (full,) = Handwriting().read(tmp_path / "wave.json", HandwritingOptions(simplify=0))
    assert isinstance(piece, Piece) and isinstance(full, Piece)
    assert len(piece.content.points) < 500 < len(full.content.points) == 2000


def test_fingerprints_of_different_tiny_drawings_differ() -> None:
    plugin = Handwriting()
    lines = [inks.zigzag_line("abc", seed=seed) for seed in (1, 2)]
    for scale in (1.0, 1e-4):
        keys = [tuple(plugin.fingerprints(Piece(line.scale(scale)))) for line in lines]
        assert keys[0] != keys[1]
        assert keys[0] == tuple(plugin.fingerprints(Piece(lines[0].scale(scale).translate(1e-9, 0))))


# generating and writing


@pytest.mark.parametrize("style", ["", "p1"])
def test_generated_text_is_placed_on_pages(model: seqforge.Model, style: str, tmp_path: Path) -> None:
    (piece,) = model.generate(text="abc dea " * 12, paper="a6", style=style, letter_height="4mm")
    ink = piece.content
    assert isinstance(ink, PagedInk) and len(ink.pages[0].ink.strokes) > 0
    assert (ink.pages[0].width, ink.pages[0].height) == (105, 148)
    assert np.isfinite(ink.points).all()
    for suffix in Handwriting.writes:
        if suffix == ".png":
            pytest.importorskip("resvg_py")
        Handwriting().write([piece], tmp_path / f"letter{suffix}")
    if len(ink.pages) == 1:
        lines = list(Handwriting().read(tmp_path / "letter.json", HandwritingOptions(simplify=0)))
        assert len(lines) == len(ink.pages[0].lines) > 1
    drawing = (tmp_path / "letter.svg").read_text()
    assert "105mm" in drawing and "%" not in drawing and "nan" not in drawing


def test_five_seeds_give_five_drawings(model: seqforge.Model) -> None:
    drawings = [model.generate(text="abc", seed=seed)[0].content.points for seed in range(5)]
    assert len({points.tobytes() for points in drawings}) == 5


def test_generation_without_a_text(model: seqforge.Model) -> None:
    assert isinstance(model.generate(length=40)[0].content, PagedInk)


def test_generation_in_the_style_of_a_file(model: seqforge.Model, tmp_path: Path) -> None:
    (tmp_path / "me.json").write_text(json_line(inks.zigzag_line("abc de")) + "\n")
    (piece,) = model.generate(text="bad", style=str(tmp_path / "me.json"))
    assert len(piece.content.strokes) > 0


@pytest.mark.parametrize(
    ("values", "field"),
    [({"text": "abc", "style": "p9"}, "style"), ({"text": ""}, "text"), ({"text": "abc", "top_k": 3}, "top_k")],
)
def test_impossible_requests_raise(model: seqforge.Model, values: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        model.generate(**values)
    assert caught.value.field == field


# the command line


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from seqforge.cli import main

    monkeypatch.chdir(tmp_path)

    def run_command(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return int(ended.value.code or 0)

    return run_command


def test_attention_is_drawn_per_line(
    model: seqforge.Model, run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ["generate", "--model", str(model.path), "--text", "abc dea " * 12]
    assert run(*text, "-o", "a.svg", "--style", "p1", "--show-attention", "attention.svg") == 0
    drawing = (tmp_path / "attention.svg").read_text(encoding="utf-8")
    assert drawing.count("<image") == drawing.count(">end<") == 3
    for flags, fragment in (
        (["--show-attention", "attention.png"], ".svg"),
        (["--show-attention", "two.svg", "-n", "2"], "-n"),
    ):
        assert run(*text, "-o", "b/", *flags) == 2
        assert fragment in capsys.readouterr().err
    assert run(*text[:3], "--length", "9", "-o", "c.svg", "--show-attention", "none.svg") == 2
    assert "--show-attention" in capsys.readouterr().err
    assert not (tmp_path / "two.svg").exists() and not (tmp_path / "none.svg").exists()


def test_request_errors_name_flags(model: seqforge.Model, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "--model", str(model.path), "-o", "a.svg", "--text", "abc"]
    for flags, fragment in (
        (["--style-text", "abc"], "--style-text"),
        (["--size-unit", "em"], "--size-unit"),
        (["--letter-height", "2"], "--letter-height"),
        (["--text-file", "gone.txt"], "--text-file"),
    ):
        assert run(*words, *flags) == 2
        assert fragment in capsys.readouterr().err
