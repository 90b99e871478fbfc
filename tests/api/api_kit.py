"""Helpers of the tests of the API: train tiny models, and read the files of their runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from fakekit import TINY

import seqforge
from seqforge import Model
from seqforge.core.tensorfile import TensorFile, write_tensors


def train(plugin: str = "text", corpus: Any = "a.txt", **options: Any) -> Model:
    """Train a tiny model; a resumed run keeps its shape."""
    shape = {} if options.get("resume") else dict(TINY)
    return seqforge.train(plugin, corpus=corpus, **{**shape, **options})


def folder_of(model: Model) -> Path:
    """Return the folder of a model's run."""
    assert model.path is not None
    return model.path.parent


def copy_run(model: Model, folder: Path, *, finished: bool = True) -> Path:
    """Copy a model's run to another folder and return the path of the model there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder_of(model), folder)
    if not finished:
        (folder / "state.safetensors").unlink()
    return folder / "model.safetensors"


def edit_model(path: Path, edit: Any) -> None:
    """Change the metadata of a model file; `edit` changes the dict in place."""
    file = TensorFile(path, "model")
    metadata, tensors = file.metadata, {name: np.array(file.array(name)) for name in file.tensors}
    edit(metadata)
    write_tensors(path, tensors, metadata)


def tensors_of(path: Path) -> dict[str, bytes]:
    """Return the tensors of a model or state file as bytes."""
    file = TensorFile(path, "model")
    return {name: file.array(name).tobytes() for name in file.tensors}


def metrics_of(folder: Path) -> list[dict[str, Any]]:
    """Return the metrics of a run."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
