"""What ships is loaded with today's codec, writes what is asked, and ends by itself."""

import re
from pathlib import Path

import numpy as np
import pytest

import seqforge
import seqforge_handwriting
from seqforge.modelfile import read_header

SHIPPED = Path(seqforge_handwriting.__file__).parent / "models" / "default.safetensors"


def test_the_shipped_model_is_small_and_says_where_it_comes_from() -> None:
    assert SHIPPED.stat().st_size <= 16_000_000
    made = read_header(SHIPPED).provenance
    assert made["corpus"] == ["unipen"] == [each["name"] for each in made["licences"]]
    assert made["valid_nats_per_unit"] < 0.5


def test_it_writes_a_text_and_ends_by_itself() -> None:
    model = seqforge.load(SHIPPED)
    controls, request = model.controls({"text": "seven green bottles", "bias": 1.0})
    (made,) = model.stream(1, seed=1, length=None, where=None, controls=controls, request=request)
    ink = made.piece.content
    assert made.ended
    left, _, right, _ = ink.bounds
    assert 60 < len(ink.points) < 400 and len(ink.strokes) > 5
    assert 20 < right - left < 120, "millimetres, at an x-height of 2.5"
    assert np.isfinite(ink.points).all()


def test_a_hand_of_the_corpus_can_be_chosen() -> None:
    model = seqforge.load(SHIPPED)
    writer = sorted(model.codec.hands.lines)[0]  # type: ignore[attr-defined]
    (piece,) = model.generate(text="a line", style=writer, bias=1.0)
    assert len(piece.content.points) > 20


def test_the_hands_are_drawn_each_beside_its_name(tmp_path: Path) -> None:
    from seqforge.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["plugins", "show", "handwriting", "-o", str(tmp_path / "hands.svg")])
    assert ended.value.code == 0
    drawn = (tmp_path / "hands.svg").read_text(encoding="utf-8")
    hands = seqforge.load("handwriting").codec.hands.lines  # type: ignore[attr-defined]
    assert re.findall(r"<text[^>]*>(.*?)</text>", drawn) == sorted(hands)
    assert drawn.count("<path") == sum(len(ink.strokes) for ink in hands.values())
