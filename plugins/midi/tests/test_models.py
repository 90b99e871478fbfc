"""What ships is loaded with today's codec, and writes what is asked."""

from pathlib import Path

import pytest

import seqforge
import seqforge_midi
from seqforge.api import choose
from seqforge.modelfile import read_header
from seqforge.plugin import registry
from seqforge_midi import Midi
from seqforge_midi.lint import findings
from seqforge_midi.song import DRUMS

SHIPPED = sorted((Path(seqforge_midi.__file__).parent / "models").glob("*.safetensors"))
WORST = {"songs": 4.2, "chorales": 1.2, "drums": 7.7}
"""Nats a note on the split they were chosen by."""


def test_three_models_ship_and_the_default_is_named() -> None:
    assert {path.stem for path in SHIPPED} == set(WORST)
    assert registry.shipped(Midi())[0].stem == Midi.default_model == "songs"
    assert choose("midi", "shipped")[0].stem == "songs"
    assert choose("midi", "drums")[0].stem == "drums"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_is_small_and_says_where_it_comes_from(path: Path) -> None:
    assert path.stat().st_size <= 16_000_000
    made = read_header(path).provenance
    assert [each["name"] for each in made["licences"]] == made["corpus"]
    assert made["valid_nats_per_unit"] < WORST[path.stem]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_shipped_model_writes_eight_bars(path: Path, temperature: float, tmp_path: Path) -> None:
    model = seqforge.load(path)
    for number, piece in enumerate(model.generate(3, bars=8, length=5000, temperature=temperature)):
        Midi().write([piece], tmp_path / f"{number}.mid")
        assert findings(tmp_path / f"{number}.mid") == []
        assert len(piece.content.bars()) == 8
        assert len(piece.content.notes) > 16 or temperature > 1


def test_labels_of_the_corpora() -> None:
    labels = {path.stem: read_header(path).labels for path in SHIPPED}
    assert "Schubert" in labels["songs"]["composer"]
    assert "funk" in labels["drums"]["style"] and "100-119" in labels["drums"]["bpm"]


def test_a_beat_is_drums_alone() -> None:
    path = next(path for path in SHIPPED if path.stem == "drums")
    (piece,) = seqforge.load(path).generate(bars=4, bpm=100, where={"style": "funk"})
    assert piece.content.programs == (DRUMS,) and piece.content.tempos == ((0, 100),)
