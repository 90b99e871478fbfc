"""The file from which a run is resumed: weights, averages, optimiser, lane state, and a few numbers."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.errors import DamagedFileError
from seqforge.training.schedule import Decay

FORMAT = 1


@dataclass
class TrainerState:
    """Where a run stands, beside its tensors.

    Attributes:
        t: steps taken.
        best: the best loss on the valid split so far, in nats per row.
        waited: validations since then.
        seconds: spent so far.
        decay: where the rate falls, None while that is open.
        finished: whether the budget is used up.
    """

    t: int = 0
    best: float | None = None
    waited: int = 0
    seconds: float = 0.0
    decay: Decay | None = None
    finished: bool = False


def write_state(path: Path, state: TrainerState, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Write the state, whole or not at all.

    Raises:
        WriteError: the file cannot be written.
    """
    told = {"format": FORMAT, "kind": "state", "trainer": dataclasses.asdict(state), "config": config}
    write_tensors(path, {name: value.detach().cpu().numpy() for name, value in tensors.items()}, told)


def read_state(path: Path) -> tuple[TrainerState, dict[str, Tensor], dict[str, Any]]:
    """Return where a run stood, its tensors and its config.

    Raises:
        DamagedFileError: it is no state file of ours, or damaged.
    """
    file = TensorFile(path, "state")
    told = file.metadata
    if not isinstance(told, dict) or told.get("kind") != "state" or told.get("format") != FORMAT:
        raise file.damage("it is no state of a run that this seqforge can resume")
    try:
        state, config = _trainer_state(told["trainer"]), dict(told["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise file.damage(f"its header lacks or garbles {error}") from error
    tensors = {}
    for name, stored in file.tensors.items():
        if stored.dtype != "F32":
            raise DamagedFileError(f"{path} cannot be used: the tensor {name!r} is of type {stored.dtype}, not F32")
        tensors[name] = torch.from_numpy(np.array(file.array(name)))
    return state, tensors, config


def _trainer_state(values: Any) -> TrainerState:
    """Return where a run stood, once every value is of its kind."""
    decay = values["decay"]
    if decay is not None:
        decay = Decay(**decay)
        if not _counts(decay.first, decay.last):
            raise ValueError("the decay")
    state = TrainerState(**{**values, "decay": decay})
    numbers = [state.seconds, 0.0 if state.best is None else state.best]
    if not _counts(state.t, state.waited) or type(state.finished) is not bool:
        raise ValueError("its counts")
    if not all(type(number) in (int, float) for number in numbers):
        raise ValueError("its numbers")
    return state


def _counts(*values: Any) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
