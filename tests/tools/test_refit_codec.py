"""A model with the codec of another corpus, from which a training can start."""

from pathlib import Path

import numpy as np
import pytest

import seqforge
from seqforge_midi.song import Song, note_array
from tools.refit_codec import refit_codec


def write_songs(folder: Path, lowest: int) -> str:
    """Write songs with pitches from the lowest one to the octave above it."""
    folder.mkdir()
    plugin = seqforge.load("midi:chorales").plugin
    for number in range(30):
        pitches = [lowest, *np.random.default_rng(number).integers(lowest, lowest + 13, 14), lowest + 12]
        notes = [(480 * beat, 480 * beat + 480, int(pitch), 80, 0) for beat, pitch in enumerate(pitches)]
        plugin.write([seqforge.Piece(Song.from_events(note_array(notes)))], folder / f"{number}.mid")
    return str(folder)


def trained(run: Path, plugin: str, corpus: str, **options: str) -> seqforge.Model:
    return seqforge.train(plugin, corpus=corpus, steps=2, hidden=8, layers=1, lookback=0, run=run, **options)


def test_weights_stay_and_ranges_are_those_of_the_corpus(tmp_path: Path) -> None:
    low, high = (write_songs(tmp_path / name, lowest) for name, lowest in (("low", 40), ("high", 70)))
    model = trained(tmp_path / "run", "midi", low, encoding="chorale")
    refit_codec(model, high, tmp_path / "start.safetensors")
    start = seqforge.load(tmp_path / "start.safetensors")
    assert model.codec.stats.ranges == {0: (40, 52)} and start.codec.stats.ranges == {0: (70, 82)}
    for name, array in model.arrays().items():
        np.testing.assert_array_equal(start.arrays()[name], array)
    continued = seqforge.train(
        "midi", corpus=high, init=str(tmp_path / "start.safetensors"), steps=1, run=tmp_path / "r"
    )
    assert continued.codec.stats.ranges == {0: (70, 82)}


def test_steps_must_have_the_same_meaning(tmp_path: Path) -> None:
    for name in ("ab", "bc"):
        (tmp_path / f"{name}.txt").write_text(f"{name}\n" * 600, encoding="utf-8")
    model = trained(tmp_path / "run", "text", str(tmp_path / "ab.txt"))
    with pytest.raises(ValueError, match="similar corpus"):
        refit_codec(model, str(tmp_path / "bc.txt"), tmp_path / "start.safetensors")
    assert not (tmp_path / "start.safetensors").exists()
