"""The average of the weights of models."""

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
    average_models([first, second], tmp_path / "averaged.safetensors", weights=[0.75, 0.25])
    averaged = seqforge.load(tmp_path / "averaged.safetensors")
    assert averaged.header.provenance["weights"] == [0.75, 0.25]
    for name, array in averaged.arrays().items():
        expected = 0.75 * np.asarray(first.arrays()[name]) + 0.25 * np.asarray(second.arrays()[name])
        np.testing.assert_allclose(array, expected, rtol=1e-6)


def test_equal_weights_are_the_default(tmp_path: Path) -> None:
    models = [trained(tmp_path / str(seed), seed=seed) for seed in range(3)]
    average_models(models, tmp_path / "averaged.safetensors")
    name, array = next(iter(seqforge.load(tmp_path / "averaged.safetensors").arrays().items()))
    expected = np.mean([np.asarray(model.arrays()[name]) for model in models], axis=0)
    np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match="3 models need as many weights"):
        average_models(models, tmp_path / "other.safetensors", weights=[0.5, 0.5])


def test_networks_must_be_the_same(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="differ"):
        average_models([seqforge.load("text"), seqforge.load("handwriting")], tmp_path / "averaged.safetensors")
    assert not (tmp_path / "averaged.safetensors").exists()
