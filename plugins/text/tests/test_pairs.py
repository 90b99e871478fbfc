"""Pairs of a source and a target: reading, encoding, training and generation."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqforge
from seqforge import OptionsError, Piece, ReadError, RequestError
from seqforge_text import Text, TextCodec, TextOptions, TextRequest
from seqforge_text.codec import TextPairCodec
from seqforge_text.pairs import Pair

PAIRS = [("ein Hund", "a dog"), ("zwei Hunde", "two dogs"), ("eine Katze", "a cat"), ("rote Katze", "red cat")]
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12)


def codec_of(level: str = "char") -> TextCodec:
    options: Any = {"pairs": "tsv", "level": level}
    return TextCodec.fit([Piece(Pair.of(*pair)) for pair in PAIRS], TextOptions(**options))


def read(path: Path, pairs: str) -> list[Piece[str] | ReadError]:
    return list(Text().read(path, TextOptions(pairs=pairs)))


def write(folder: Path, **lines: str) -> None:
    for suffix, text in lines.items():
        (folder / f"a.{suffix}").write_text(text, encoding="utf-8")


def contents(items: list[Piece[str] | ReadError]) -> list[str]:
    assert all(isinstance(item, Piece) for item in items), items
    return [item.content for item in items if isinstance(item, Piece)]


def test_parallel_files_are_read_from_the_source(tmp_path: Path) -> None:
    write(tmp_path, de="ein Hund\n\nKatze\n", en="a dog\n\ncat")
    assert contents(read(tmp_path / "a.de", "de-en")) == ["ein Hund\ta dog", "Katze\tcat"]
    assert contents(read(tmp_path / "a.en", "en-de")) == ["a dog\tein Hund", "cat\tKatze"]
    assert read(tmp_path / "a.en", "de-en") == []


def test_lines_with_a_tab_are_read(tmp_path: Path) -> None:
    write(tmp_path, tsv="ein Hund\ta dog\r\n \nKatze\tcat\n")
    assert contents(read(tmp_path / "a.tsv", "tsv")) == ["ein Hund\ta dog", "Katze\tcat"]


@pytest.mark.parametrize(
    ("files", "pairs", "line", "pieces"),
    [
        ({"de": "a\nb\n", "en": "a\n"}, "de-en", None, 0),
        ({"de": "a\nb\n", "en": "a\n\n"}, "de-en", 2, 1),
        ({"de": "a\n"}, "de-en", None, 0),
        ({"tsv": "a\tb\nc\nd\te\n"}, "tsv", 2, 2),
        ({"tsv": "a\tb\tc\n"}, "tsv", 1, 0),
        ({"tsv": "\tb\n"}, "tsv", 1, 0),
    ],
    ids=["unequal lengths", "empty target", "no target file", "no tab", "two tabs", "empty source"],
)
def test_damaged_pairs_are_reported(
    tmp_path: Path, files: dict[str, str], pairs: str, line: int | None, pieces: int
) -> None:
    write(tmp_path, **files)
    items = read(tmp_path / f"a.{next(iter(files))}", pairs)
    (error,) = (item for item in items if isinstance(item, ReadError))
    assert error.line == line and len(items) == pieces + 1


@pytest.mark.parametrize("pairs", ["de", "de-", "csv", "a-b-c", "-en"])
def test_wrong_suffixes_are_refused(pairs: str) -> None:
    with pytest.raises(OptionsError) as caught:
        TextOptions(pairs=pairs)
    assert caught.value.field == "pairs"


@pytest.mark.parametrize("level", ["char", "byte", "word"])
@settings(max_examples=40, deadline=None)
@given(source=LINE, target=LINE)
def test_a_pair_is_encoded_without_loss(level: str, source: str, target: str) -> None:
    codec = codec_of(level)
    piece = Piece(Pair.of(source, target))
    canonical = codec.canonical(piece)
    assert codec.decode(codec.encode(piece)) == canonical == codec.canonical(canonical)


def test_a_codec_is_restored() -> None:
    codec = codec_of("word")
    data, arrays = codec.state()
    restored = TextCodec.from_state(data, arrays, codec.options)
    assert isinstance(restored, TextPairCodec) and restored.state()[0] == data
    assert restored.source == codec.source and restored.attention == "content"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (TextRequest(), "source"),
        (TextRequest(source=" \n"), "source"),
        (TextRequest(prompt="a"), "source"),
    ],
    ids=["no source", "blank source", "prompt alone"],
)
def test_an_empty_source_is_refused(request_: TextRequest, field: str) -> None:
    with pytest.raises(RequestError) as caught:
        codec_of().task(request_)
    assert caught.value.field == field


def test_a_blank_line_of_a_source_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("Hund\n\nKatze\n")
    with pytest.raises(RequestError) as caught:
        codec_of().task(TextRequest(source_file=tmp_path / "s.txt"))
    assert caught.value.field == "source_file"


def test_a_model_of_text_has_no_source() -> None:
    codec = TextCodec.fit([Piece("to be")], TextOptions())
    with pytest.raises(RequestError) as caught:
        codec.task(TextRequest(source="Hund"))
    assert caught.value.field == "source"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqforge.Model:
    """Return a model of digits that writes its source backwards, which monotonic attention cannot learn."""
    folder = tmp_path_factory.mktemp("pairs")
    words = [str(10_000 + 7919 * number % 90_000)[: 2 + number % 4] for number in range(300)]
    (folder / "a.tsv").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words))
    return seqforge.train(
        "text", corpus=str(folder / "a.tsv"), pairs="tsv", size="small", hidden=48, embedding=24, encoder_units=24,
        layers=1, steps=140, batch_size=16, bptt=16, learning_rate=0.01, run=str(folder / "run"), threads=1,
    )  # fmt: skip


def test_reversal_is_learnt_by_content(model: seqforge.Model, tmp_path: Path) -> None:
    sources = ["385", "2716", "54", "90135"]
    (tmp_path / "s.txt").write_text("\n".join(sources))
    (piece,) = model.generate(source_file=tmp_path / "s.txt", beams=3, length_penalty=0.6, coverage_penalty=0.2)
    results = piece.content.split("\n")
    assert len(results) == 4
    assert sum(result == source[::-1] for result, source in zip(results, sources, strict=True)) >= 3


def test_predictions_are_measured(model: seqforge.Model) -> None:
    result = model.evaluate_predictions(["bleu", "chrf", "cer", "wer", "ser"], split="valid", limit=8)
    assert len(result.predictions) == 8 and result.split == "valid"
    wrong = sum(text not in options for text, options in zip(result.predictions, result.references, strict=True))
    assert result.metrics["ser"] == pytest.approx(100 * wrong / 8) == pytest.approx(result.metrics["wer"])
    assert result.metrics["cer"] <= result.metrics["ser"] < 70


def test_an_unknown_metric_is_refused(model: seqforge.Model) -> None:
    with pytest.raises(RequestError) as caught:
        model.evaluate_predictions("bleu,rouge")
    assert (caught.value.field, caught.value.value) == ("metrics", "rouge")


def test_a_model_without_a_source_has_no_predictions() -> None:
    with pytest.raises(RequestError) as caught:
        seqforge.load("text").evaluate_predictions()
    assert caught.value.field == "metrics"


def test_an_encoder_decoder_is_exported_to_pytorch(model: seqforge.Model, tmp_path: Path) -> None:
    from seqforge.api.export import export_model

    paths = export_model(model, tmp_path / "plain", to="pytorch")  # compares the outputs
    assert {path.name for path in paths} == {"network.py", "weights.safetensors", "model.json"}
    with pytest.raises(RequestError) as caught:
        export_model(model, tmp_path / "graph", to="onnx")
    assert caught.value.field == "to" and not (tmp_path / "graph").exists()
