"""The average of the weights of two models."""

from pathlib import Path

import numpy as np
import pytest

import seqforge
from tools.average_models import average_models


def trained(folder: Path, **options: object) -> seqforge.Model:
    folder.mkdir()
    for split in ("train", "valid"):
        (folder / f"{split}.txt").write_text(f"a line of {split}\n" * 40, encoding="utf-8")
    return seqforge.train(
        "text", corpus=str(folder / "train.txt"), valid=str(folder / "valid.txt"), steps=2, hidden=8, layers=1,
        run=folder / "run", **options,
    )  # fmt: skip


def test_weights_lie_between_those_of_both_models(tmp_path: Path) -> None:
    first = trained(tmp_path / "first", seed=0)
    second = trained(tmp_path / "second", seed=1)
    average_models(first, second, 0.25, tmp_path / "averaged.safetensors")
    averaged = seqforge.load(tmp_path / "averaged.safetensors")
    assert averaged.header.provenance["weight"] == 0.25
    for name, array in averaged.arrays().items():
        expected = 0.75 * np.asarray(first.arrays()[name]) + 0.25 * np.asarray(second.arrays()[name])
        np.testing.assert_allclose(array, expected, rtol=1e-6)


def test_networks_must_be_the_same(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="differ"):
        average_models(seqforge.load("text"), seqforge.load("handwriting"), 0.5, tmp_path / "averaged.safetensors")
    assert not (tmp_path / "averaged.safetensors").exists()
