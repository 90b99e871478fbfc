"""The plugin: its codec, what can be asked of it, and what it writes."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge import Piece, ReadError, RequestError
from seqforge_handwriting import Handwriting, Ink
from seqforge_handwriting.asking import Letter
from seqforge_handwriting.codec import UNKNOWN, InkCodec
from seqforge_handwriting.options import Options, Request
from seqforge_handwriting.strokes import json_line

LETTERS = "ab cde"


def line_of(text: str, *, seed: int = 0, lean: float = 0.0) -> Ink:
    """Return zigzags that stand for letters: an x-height of 10, tall ones now and then."""
    rng = np.random.default_rng(seed)
    strokes = []
    for place, letter in enumerate(text):
        if letter == " ":
            continue
        x = 8.0 * place + np.array([0, 2, 4, 6, 7])
        y = 100 - np.array([0, 10 + 6 * (letter in "bd"), 1, 10, 0]) + rng.normal(0, 0.3, 5)
        strokes.append(np.stack([x + lean * (100 - y), y], 1))
    return Ink(tuple(strokes), text)


def pieces(count: int = 60) -> list[Piece]:
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list(LETTERS), 14)).strip() or "a" for _ in range(count)]
    return [
        Piece(line_of(text, seed=number, lean=0.1 * (number % 3)), labels={"writer": f"p{number % 3}"})
        for number, text in enumerate(texts)
    ]


@pytest.fixture(scope="module")
def codec() -> InkCodec:
    return Handwriting().fit(pieces(), Options())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqforge.Model:
    folder = tmp_path_factory.mktemp("hand")
    rows = [json_line(piece.content, piece.labels) for piece in pieces()]
    (folder / "hands.jsonl").write_text("\n".join(rows) + "\n")
    return seqforge.train(
        "handwriting", corpus=str(folder / "hands.jsonl"), steps=4, layers=2, hidden=16, embedding=8, window=32,
        batch_size=4, threads=1, precision="float32", run=folder / "run",
    )  # fmt: skip


def test_ink_comes_back(codec: InkCodec) -> None:
    for piece in pieces(20):
        example = codec.encode(piece)
        codec.space.check(example.steps)
        codec.source.check(example.source)
        back = codec.decode(example)
        assert back.content == piece.content == codec.canonical(piece).content
    assert 0.5 < np.abs(np.concatenate([codec.encode(piece).steps[1:, :2] for piece in pieces()])).std() < 2


def test_letters_that_were_never_seen_are_told(codec: InkCodec) -> None:
    piece = Piece(dataclasses.replace(line_of("ab"), text="aZ"))
    assert codec.unseen(piece) == {"Z": 1}
    assert codec.decode(codec.encode(piece)).content.text == "a" + UNKNOWN == codec.canonical(piece).content.text


def test_the_codec_comes_back_from_its_file(codec: InkCodec) -> None:
    again = InkCodec.from_json(json.loads(json.dumps(codec.to_json())), codec.arrays(), codec.options)
    piece = pieces(1)[0]
    assert np.array_equal(again.encode(piece).steps, codec.encode(piece).steps)
    assert set(again.hands.lines) == {"p0", "p1", "p2"} == set(codec.hands.lines)
    for writer, ink in codec.hands.lines.items():
        assert again.hands.lines[writer].text == ink.text
        np.testing.assert_allclose(again.hands.lines[writer].points, ink.points, atol=1e-3)


def test_further_pieces_bring_their_hands(codec: InkCodec) -> None:
    other = Piece(line_of("abcde abcde abc"), labels={"writer": "p9"})
    assert sorted(codec.hands.lines) == ["p0", "p1", "p2"]
    extended_for = codec.extended_for([other])
    assert sorted(extended_for.hands.lines) == ["p9"] and extended_for.to_json()["counts"] == codec.to_json()["counts"]
    assert codec.extended_for([Piece(line_of("abc"))]).hands.lines == codec.hands.lines


def test_ink_whose_text_nobody_knows_is_learnt_too() -> None:
    silent = [Piece(Ink(piece.content.strokes), piece.labels) for piece in pieces(4)]
    codec = Handwriting().fit(silent, Options())
    again = InkCodec.from_json(codec.to_json(), codec.arrays(), codec.options)
    example = again.encode(silent[0])
    assert example.source is None and len(again.decode(example).content.strokes) == len(silent[0].content.strokes)


def test_a_variant_has_as_many_points_and_sometimes_no_text(codec: InkCodec) -> None:
    example = codec.encode(pieces(1)[0])
    variants = [codec.augment(example, np.random.default_rng(seed)) for seed in range(200)]
    assert all(variant.steps.shape == example.steps.shape for variant in variants)
    assert all(np.array_equal(variant.steps[:, 2], example.steps[:, 2]) for variant in variants)
    told = np.mean([variant.source is not None for variant in variants])
    assert 0.8 < told < 0.97
    lengths = [np.linalg.norm(variant.steps[1:, :2]) / np.linalg.norm(example.steps[1:, :2]) for variant in variants]
    assert 0.7 < min(lengths) < max(lengths) < 1.4


def test_writing_on_two_rows_is_refused(tmp_path: Path) -> None:
    one, two = line_of("abcde abcde"), line_of("abcde abcde").moved(0, 120)
    (tmp_path / "two.jsonl").write_text(json_line(Ink(one.strokes + two.strokes, "abcde abcde abcde abcde")) + "\n")
    (found,) = Handwriting().read(tmp_path / "two.jsonl", Options())
    assert isinstance(found, ReadError) and "as if it stood on two rows" in str(found)


@pytest.mark.parametrize("style", ["", "p1"])
def test_a_text_is_written_on_pages(model: seqforge.Model, style: str, tmp_path: Path) -> None:
    (piece,) = model.generate(text="abc dea " * 12, paper="a6", style=style, letter_height="4mm")
    letter = piece.content
    assert isinstance(letter, Letter) and len(letter.pages[0].ink.strokes) > 0
    assert (letter.pages[0].width, letter.pages[0].height) == (105, 148)
    assert np.isfinite(letter.points).all()
    for suffix in Handwriting.writes:
        if suffix == ".png":
            pytest.importorskip("resvg_py")
        Handwriting().write([piece], tmp_path / f"letter{suffix}")
    (again,) = Handwriting().read(tmp_path / "letter.json", Options(thin=0)) if len(letter.pages) == 1 else (None,)
    assert again is None or isinstance(again, Piece | ReadError)
    drawing = (tmp_path / "letter.svg").read_text()
    assert "105mm" in drawing and "%" not in drawing and "nan" not in drawing


def test_five_seeds_give_five_drawings(model: seqforge.Model) -> None:
    found = [model.generate(text="abc", seed=seed)[0].content.points for seed in range(5)]
    assert len({points.tobytes() for points in found}) == 5


def test_without_a_text_anything_is_written(model: seqforge.Model) -> None:
    assert isinstance(model.generate(length=40)[0].content, Letter)


def test_a_hand_of_one_s_own(model: seqforge.Model, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json_line(line_of("abc de")) + "\n")
    (piece,) = model.generate(text="bad", style=str(tmp_path / "mine.json"))
    assert len(piece.content.strokes) > 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"text": ""}, "--text is empty"),
        ({"text": " \n "}, "--text is empty"),
        ({"text": "a" * 30_000}, "--text has 30,000 characters; up to 20,000 are written at once"),
        ({"text": "abc \N{GRINNING FACE}"}, "the model has never seen '\N{GRINNING FACE}' (grinning face) written"),
        ({"text": "abc", "text_file": Path("letter.txt")}, "--text and --text-file are both given"),
        ({"text_file": Path("nowhere.txt")}, "--text-file nowhere.txt cannot be read: No such file or directory"),
        ({"text": "abc", "style": "p9"}, "there is no writer 'p9'; there are p0, p1, p2"),
        ({"text": "abc", "style_text": "abc"}, "--style-text says what a --style FILE says"),
        ({"text": "abc", "style": "nowhere.svg"}, "--style: nowhere.svg"),
        ({"text": "abc", "paper": "a77"}, "--paper 'a77' is no paper"),
        ({"text": "abc", "margin": "15"}, "--margin '15' is no length"),
        ({"text": "abc", "colour": "blurple"}, "--colour 'blurple' is no colour"),
        ({"text": "abc", "in_unit": "em"}, "--size-unit is 'em'; allowed are mm and px"),
        ({"text": "abc", "top_k": 3}, "--top-k has no meaning for real numbers"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(model: seqforge.Model, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError) as caught:
        model.generate(**asked)
    assert words in str(caught.value)


def test_a_style_without_its_text_is_refused(model: seqforge.Model, tmp_path: Path) -> None:
    (tmp_path / "mute.json").write_text(json_line(Ink(line_of("abc").strokes)) + "\n")
    with pytest.raises(RequestError, match="does not tell what it says; give that with --style-text"):
        model.generate(text="abc", style=str(tmp_path / "mute.json"))


def test_letters_that_were_seldom_seen_are_named_before_anything_is_drawn(codec: InkCodec) -> None:
    seldom = InkCodec(codec.options, {**codec.counts, "q": 3}, codec.scale, codec.hands)
    with pytest.raises(RequestError, match=r"seldom seen in training, .*: q \(3\)"):
        seldom.prompts(Request(text="aqa"))


def test_attention_is_drawn_line_by_line(
    model: seqforge.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seqforge.cli import main

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return int(ended.value.code or 0)

    monkeypatch.chdir(tmp_path)
    words = ["generate", "--model", str(model.path), "--text", "abc dea " * 12, "-o", "a.svg", "--style", "p1"]
    assert run(*words, "--show-attention", "seen.svg") == 0
    drawn = (tmp_path / "seen.svg").read_text(encoding="utf-8")
    assert drawn.count("<image") == drawn.count(">end<") == 3
    for more, reason in (
        (["--show-attention", "seen.png"], "must end in .svg"),
        (["--show-attention", "two.svg", "-n", "2"], "draws one piece, and -n is 2"),
    ):
        assert run(*words[:-4], "-o", "b/", *more) == 2
        assert reason in capsys.readouterr().err
    assert run(*words[:3], "--length", "9", "-o", "c.svg", "--show-attention", "none.svg") == 2
    assert "nothing was attended to" in capsys.readouterr().err
    assert not (tmp_path / "two.svg").exists() and not (tmp_path / "none.svg").exists()


def test_empty_lines_of_a_letter_stay(codec: InkCodec) -> None:
    lines = [Piece(Ink((np.array([[0.0, 0.0], [2.0, -1.0]]),), text)) for text in ("abc", "bad")]
    asked = Request(text="abc\n\n\nbad\n", paper="a5", letter_height="2mm", spacing=5.0)
    first, second = codec.finish(lines, asked).content.strokes
    assert (second - first)[:, 1] == pytest.approx(3 * 5.0 * 2.0)
    first, second = codec.finish(lines, Request(text="abc\nbad", letter_height="2mm", spacing=5.0)).content.strokes
    assert (second - first)[:, 1] == pytest.approx(5.0 * 2.0)
