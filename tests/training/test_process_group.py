"""Two processes that train together, started with torchrun as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from seqforge.core.tensorfile import TensorFile

TRAIN = [
    *["seqforge", "train", "--plugin", "text", "--corpus", "names", "--hidden", "16", "--layers", "1"],
    *["--embedding", "8", "--steps", "8", "--seed", "3", "--dropout", "0.1", "--precision", "float32", "--quiet"],
]


def train(folder: Path, *, processes: int, options: tuple[str, ...] = ()) -> None:
    environment = {**os.environ, "SEQFORGE_CACHE": str(folder.parent / "cache"), "OMP_NUM_THREADS": "1"}
    python = [sys.executable, "-m"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "-m", "--"]
    command = [*(torchrun if processes > 1 else python), *TRAIN, "--run", str(folder), *options]
    subprocess.run(command, check=True, env=environment, capture_output=True)


def read_tensors(folder: Path) -> dict[str, np.ndarray]:
    file = TensorFile(folder / "state.safetensors", "state")
    return {name: np.array(file.array(name)) for name in file.tensors}


def test_two_processes_equal_one_and_can_be_resumed_by_one(tmp_path: Path) -> None:
    train(tmp_path / "one", processes=1)
    train(tmp_path / "two", processes=2, options=("--stop-at", "5"))
    train(tmp_path / "two", processes=1, options=("--resume",))
    one, two = read_tensors(tmp_path / "one"), read_tensors(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], atol=2e-5, err_msg=name)
