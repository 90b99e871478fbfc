import re
from pathlib import Path

import numpy as np
import pytest

import seqforge
import seqforge_handwriting
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.modelfile import read_header
from seqforge_handwriting.codec import InkCodec

SHIPPED = Path(seqforge_handwriting.__file__).parent / "models" / "default.safetensors"


@pytest.fixture(scope="module")
def model() -> seqforge.Model:
    return seqforge.load(SHIPPED)


@pytest.fixture(scope="module")
def codec(model: seqforge.Model) -> InkCodec:
    assert isinstance(model.codec, InkCodec)
    return model.codec


def test_shipped_model_is_small_and_has_a_provenance() -> None:
    assert SHIPPED.stat().st_size <= 16_000_000
    provenance = read_header(SHIPPED).provenance
    assert provenance["corpus"] == ["unipen"] == [licence["name"] for licence in provenance["licences"]]
    assert provenance["valid_nats_per_unit"] < 0.5


def test_shipped_model_writes_a_text_and_ends(model: seqforge.Model) -> None:
    request = GenerationRequest(seed=1, controls={"bias": 1.0}, request={"text": "seven green bottles"})
    (generated,) = Generation(model, request).run()
    ink = generated.piece.content
    assert generated.ended
    left, _, right, _ = ink.bounds
    assert 60 < len(ink.points) < 400 and len(ink.strokes) > 5
    assert 20 < right - left < 120, "millimetres at an x-height of 2.5 mm"
    assert np.isfinite(ink.points).all()


def test_shipped_model_writes_in_the_style_of_a_writer(model: seqforge.Model, codec: InkCodec) -> None:
    (piece,) = model.generate(text="a line", style=min(codec.writers.lines), bias=1.0)
    assert len(piece.content.points) > 20


def test_specimen_sheet_shows_all_writers_with_their_names(codec: InkCodec, tmp_path: Path) -> None:
    from seqforge.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["plugins", "show", "handwriting", "-o", str(tmp_path / "styles.svg")])
    assert ended.value.code == 0
    drawing = (tmp_path / "styles.svg").read_text(encoding="utf-8")
    assert re.findall(r"<text[^>]*>(.*?)</text>", drawing) == sorted(codec.writers.lines)
    assert drawing.count("<path") == sum(len(ink.strokes) for ink in codec.writers.lines.values())
