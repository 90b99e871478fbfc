"""What ships is loaded with today's codec, and writes."""

from pathlib import Path

import pytest

import seqforge
import seqforge_text
from seqforge.modelfile import read_header

SHIPPED = sorted((Path(seqforge_text.__file__).parent / "models").glob("*.safetensors"))


def test_a_default_model_ships() -> None:
    assert "default" in [path.stem for path in SHIPPED]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_is_small_and_says_where_it_comes_from(path: Path) -> None:
    assert path.stat().st_size <= 16_000_000
    made = read_header(path).provenance
    assert [each["name"] for each in made["licences"]] == made["corpus"]
    assert not any(name.startswith("/") for name in made["corpus"])
    assert made["valid_nats_per_unit"] < 1.45


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_writes_what_was_asked(path: Path) -> None:
    model = seqforge.load(path)
    (piece,) = model.generate(prompt="ROMEO:\n", length=200)
    assert piece.content.startswith("ROMEO:\n") and len(piece.content) == 200
    words = piece.content.split()
    assert len(words) > 20
    assert model.score(piece).nats_per_unit < 2.5
