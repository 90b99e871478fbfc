"""Models that were trained apart as members of one model."""

from pathlib import Path

import numpy as np
import pytest

import seqforge
from tools.join_members import join_members


def trained(folder: Path, text: str, seed: int) -> seqforge.Model:
    folder.mkdir()
    for split in ("train", "valid"):
        (folder / f"{split}.txt").write_text(text * 40, encoding="utf-8")
    return seqforge.train(
        "text", corpus=str(folder / "train.txt"), valid=str(folder / "valid.txt"), steps=2, hidden=8, layers=1,
        run=folder / "run", seed=seed,
    )  # fmt: skip


def test_probabilities_are_averaged(tmp_path: Path) -> None:
    models = [trained(tmp_path / str(seed), "a line\n", seed) for seed in (0, 1)]
    join_members(models, tmp_path / "members.safetensors")
    joined = seqforge.load(tmp_path / "members.safetensors")
    assert joined.header.members == 2
    distributions = [dict(model.next("a l")) for model in (*models, joined)]
    for symbol, probability in distributions[2].items():
        expected = np.mean([distribution[symbol] for distribution in distributions[:2]])
        np.testing.assert_allclose(probability, expected, rtol=1e-5)


def test_codecs_must_be_the_same(tmp_path: Path) -> None:
    models = [trained(tmp_path / str(seed), text, seed) for seed, text in enumerate(("a line\n", "b line\n"))]
    with pytest.raises(ValueError, match="codecs"):
        join_members(models, tmp_path / "members.safetensors")
    assert not (tmp_path / "members.safetensors").exists()
