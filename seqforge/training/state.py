"""The state file, from which a run is resumed: weights, EMA, optimiser, hidden state, and a few numbers."""

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
    """The numbers of a trainer that a resumed run needs.

    >>> TrainerState(t=100, best_loss=1.25).finished
    False

    Attributes:
        t: Number of steps so far.
        best_loss: Best loss on the valid split so far, in nats per position; None before the first validation.
        bad_validations: Number of validations since the best one.
        seconds: Duration so far.
        decay: The decay of the learning rate; None until it is scheduled.
        finished: Whether the run is finished.
    """

    t: int = 0
    best_loss: float | None = None
    bad_validations: int = 0
    seconds: float = 0.0
    decay: Decay | None = None
    finished: bool = False


def write_state(path: Path, state: TrainerState, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Write a state file; after a failure the previous file is unchanged.

    Example:
        write_state(Path("state.safetensors"), trainer.state, trainer.tensors(), {"seed": 0})

    Args:
        path: The path of the file.
        state: The numbers.
        tensors: The tensors by name.
        config: The config of the run, as plain JSON.

    Raises:
        WriteError: If the file cannot be written.
    """
    metadata = {"format": FORMAT, "kind": "state", "trainer": dataclasses.asdict(state), "config": config}
    write_tensors(path, {name: value.detach().cpu().numpy() for name, value in tensors.items()}, metadata)


def read_state(path: Path) -> tuple[TrainerState, dict[str, Tensor], dict[str, Any]]:
    """Return the numbers, the tensors and the config of a state file.

    Example:
        state, tensors, config = read_state(Path("state.safetensors"))
        trainer.restore(state, tensors)

    Raises:
        DamagedFileError: If the file is not a state file of this version, or is damaged.
    """
    file = TensorFile(path, "state")
    metadata = file.metadata
    if not isinstance(metadata, dict) or metadata.get("kind") != "state" or metadata.get("format") != FORMAT:
        raise file.damage("it is not the state of a run that this version of seqforge can resume")
    try:
        state, config = _trainer_state(metadata["trainer"]), dict(metadata["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise file.damage(f"its header has a missing or wrong value: {error}") from error
    tensors = {}
    for name, stored in file.tensors.items():
        if stored.dtype != "F32":
            raise DamagedFileError(f"{path} cannot be used: the tensor {name!r} is of type {stored.dtype}, not F32")
        tensors[name] = torch.from_numpy(np.array(file.array(name)))
    return state, tensors, config


def _trainer_state(values: Any) -> TrainerState:
    """Return the state from its JSON form; raise TypeError, KeyError or ValueError for a wrong value."""
    decay = values["decay"]
    if decay is not None:
        decay = Decay(**decay)
        if not _are_counts(decay.first, decay.last):
            raise ValueError("decay")
    state = TrainerState(**{**values, "decay": decay})
    if not _are_counts(state.t, state.bad_validations) or type(state.finished) is not bool:
        raise ValueError("t, bad_validations or finished")
    if decay is not None and not decay.first <= decay.last >= state.t:
        raise ValueError("t is beyond the last step")
    numbers = [state.seconds, 0.0 if state.best_loss is None else state.best_loss]
    if not all(type(number) in (int, float) for number in numbers):
        raise ValueError("seconds or best_loss")
    return state


def _are_counts(*values: Any) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
