"""A shipped model of every plugin in which one weight is NaN: the file is refused, and so is the network in memory."""

from pathlib import Path

import numpy as np
import pytest

import seqforge
from seqforge import Model
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.errors import DamagedFileError, RunError

PLUGINS = ("text", "abc", "midi", "handwriting")


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("bits", [0x7FC0, 0x7F80], ids=["nan", "infinity"])
def test_model_file_with_one_weight_that_is_not_finite_is_damaged(plugin: str, bits: int, tmp_path: Path) -> None:
    path = seqforge.load(plugin).path
    assert path is not None
    file = TensorFile(path, "model")
    tensors = {name: np.array(file.array(name)) for name in file.tensors}
    weight = tensors["network.layers.0.recurrent_weight"]
    assert weight.dtype == np.uint16  # bfloat16
    weight[3, 4] = bits
    write_tensors(tmp_path / "m.safetensors", tensors, file.metadata, bf16=True)
    with pytest.raises(DamagedFileError, match="recurrent_weight' contains NaN or infinity"):
        seqforge.load(tmp_path / "m.safetensors")


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Model:
    """The default model of a plugin with one NaN weight."""
    model = seqforge.load(request.param)
    model.weights.arrays["layers.0.recurrent_weight"][3, 4] = np.nan
    return model


@pytest.mark.parametrize("broken", PLUGINS, indirect=True)
def test_generation_and_next_with_nan_end_in_an_error(broken: Model) -> None:
    with pytest.raises(RunError, match="not finite"):
        broken.generate(1, max_steps=2000)
    piece = seqforge.load(broken.plugin.name).generate(1, max_steps=40)[0]
    with pytest.raises(RunError, match="not finite"):
        broken.next(piece.content)
    with pytest.raises(RunError, match="not finite"):
        broken.score(piece)
