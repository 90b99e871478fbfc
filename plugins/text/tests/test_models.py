"""The shipped models load with the current codec and generate text."""

import os
import sys
from pathlib import Path

import pytest

import seqforge
import seqforge_text
from seqforge.modelfile import read_header

MODELS = sorted((Path(seqforge_text.__file__).parent / "models").glob("*.safetensors"))


def test_a_default_model_is_shipped() -> None:
    assert "default" in [path.stem for path in MODELS]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_shipped_model_is_small_and_names_its_corpus(path: Path) -> None:
    assert path.stat().st_size <= 16_000_000
    provenance = read_header(path).provenance
    assert [licence["name"] for licence in provenance["licences"]] == provenance["corpus"]
    assert not any(name.startswith("/") for name in provenance["corpus"])
    assert provenance["valid_nats_per_unit"] < 1.45


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_shipped_model_continues_a_prompt(path: Path) -> None:
    model = seqforge.load(path)
    (piece,) = model.generate(prompt="ROMEO:\n", length=200)
    assert piece.content.startswith("ROMEO:\n") and len(piece.content) == 200
    assert len(piece.content.split()) > 20
    assert model.score(piece).nats_per_unit < 2.5


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /dev/fd")
def test_prompt_file_can_be_a_pipe() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"ROMEO:\n")
        os.close(writer)
        (piece,) = seqforge.load("text").generate(prompt_file=f"/dev/fd/{reader}", length=40)
    finally:
        os.close(reader)
    assert piece.content.startswith("ROMEO:\n") and len(piece.content) == 40
