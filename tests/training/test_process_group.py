"""Two processes that train together, started as a person would start them."""

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


def run(folder: Path, *, processes: int, more: tuple[str, ...] = ()) -> None:
    environment = {**os.environ, "SEQFORGE_CACHE": str(folder.parent / "cache"), "OMP_NUM_THREADS": "1"}
    alone = [sys.executable, "-m"]
    together = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "-m", "--"]
    start = together if processes > 1 else alone
    subprocess.run([*start, *TRAIN, "--run", str(folder), *more], check=True, env=environment, capture_output=True)


def state(folder: Path) -> dict[str, np.ndarray]:
    file = TensorFile(folder / "state.safetensors", "state")
    return {name: np.array(file.array(name)) for name in file.tensors}


def test_two_processes_take_the_steps_of_one_and_hand_over_to_one(tmp_path: Path) -> None:
    run(tmp_path / "one", processes=1)
    run(tmp_path / "two", processes=2, more=("--stop-at", "5"))
    run(tmp_path / "two", processes=1, more=("--resume",))
    one, two = state(tmp_path / "one"), state(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], atol=2e-5, err_msg=name)
