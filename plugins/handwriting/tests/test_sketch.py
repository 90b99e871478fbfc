"""Drawings without a text: reading, encoding, training on a synthetic corpus, and drawing by label."""

from pathlib import Path

import inks
import numpy as np
import pytest
from hypothesis import given

import seqforge
from seqforge import Piece, RequestError
from seqforge_handwriting import Handwriting
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.options import HandwritingOptions, HandwritingRequest
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.sketch import SKETCH_SIZE
from tools.sketches import KINDS, write_sketches

OPTIONS = HandwritingOptions(encoding="sketch")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sketches")
    write_sketches(folder, 12)
    return folder


def pieces(corpus: Path) -> list[Piece[Ink]]:
    items = [item for path in sorted(corpus.iterdir()) for item in Handwriting().read(path, OPTIONS)]
    assert all(isinstance(item, Piece) for item in items)
    return [item for item in items if isinstance(item, Piece)]


def test_every_drawing_of_the_corpus_is_read_with_its_kind(corpus: Path) -> None:
    kinds = [piece.labels["kind"] for piece in pieces(corpus)]
    assert {kind: kinds.count(kind) for kind in KINDS} == dict.fromkeys(KINDS, 12)


def test_tall_drawing_in_two_rows_is_no_error_as_a_sketch(tmp_path: Path) -> None:
    rows = [[[0, 50, 100], [y, y + 9, y]] for y in (0, 12, 24, 500, 512, 524)]
    path = tmp_path / "rows.ndjson"
    path.write_text(f'{{"word": "rows", "drawing": {rows}}}\n')
    (sketch,) = Handwriting().read(path, OPTIONS)
    assert isinstance(sketch, Piece)
    (writing,) = Handwriting().read(path, HandwritingOptions())
    assert not isinstance(writing, Piece)


@given(ink=inks.inks)
def test_round_trip(ink: Ink) -> None:
    piece = Piece(ink, {"kind": "cat"})
    codec = InkCodec.fit([piece], OPTIONS)
    assert codec.decode(codec.encode(piece)) == codec.canonical(piece)
    assert codec.source is None
    assert codec.encode(piece).labels == {"kind": "cat"}


def test_drawings_have_one_size(corpus: Path) -> None:
    codec = InkCodec.fit(pieces(corpus), OPTIONS)
    for piece in pieces(corpus):
        points = np.cumsum(codec.encode(piece).steps[:, :2] * codec.scale, axis=0)
        assert np.ptp(points, axis=0).max() == pytest.approx(SKETCH_SIZE, rel=1e-4)


@pytest.mark.parametrize(("field", "value"), [("text", "cat"), ("style", "w014"), ("text_file", Path("a.txt"))])
def test_model_of_drawings_refuses_a_text(corpus: Path, field: str, value: str) -> None:
    codec = InkCodec.fit(pieces(corpus), OPTIONS)
    with pytest.raises(RequestError) as error:
        codec.task(HandwritingRequest(**{field: value}))
    assert error.value.field == field


def test_trains_on_drawings_and_draws_a_kind(corpus: Path, tmp_path: Path) -> None:
    model = seqforge.train(
        "handwriting", corpus=str(corpus), encoding="sketch", run=tmp_path / "run", steps=6, hidden=24, layers=1,
        components=4, batch_size=8, ema=0, threads=1, split="0.8,0.1,0.1", workers=1,
    )  # fmt: skip
    assert model.header.labels == {"kind": tuple(sorted(KINDS))}
    (drawing,) = model.generate(labels={"kind": "house"}, length=60, seed=1)
    path = tmp_path / "house.svg"
    Handwriting().write([drawing], path)
    (sample,) = read_ink(path)
    assert isinstance(sample, Sample)
    assert np.isfinite(model.score(pieces(corpus)[0]).nats)
    with pytest.raises(seqforge.SeqforgeError):
        model.generate(labels={"kind": "cat"})
