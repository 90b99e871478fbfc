"""The state file, from which a run is resumed: weights, EMA, optimiser, hidden state, and a few numbers."""

import dataclasses
from dataclasses import dataclass, field
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
        rate_share: Factor of the learning rate, below 1 after the training was unstable.
        skipped: Number of consecutive steps whose loss was not finite.
        halvings: Number of times that the loss diverged.
        explosions: Number of steps with an exploding gradient.
        judged: Number of steps in the running means.
        mean_loss: Running mean of the training loss, in nats per position.
        lowest_loss: The lowest value of `mean_loss`.
        log_norm: Running mean of the logarithm of the gradient's norm.
        first_losses: The losses of the first validations, in nats per position.
    """

    t: int = 0
    best_loss: float | None = None
    bad_validations: int = 0
    seconds: float = 0.0
    decay: Decay | None = None
    finished: bool = False
    rate_share: float = 1.0
    skipped: int = 0
    halvings: int = 0
    explosions: int = 0
    judged: int = 0
    mean_loss: float = 0.0
    lowest_loss: float = 0.0
    log_norm: float = 0.0
    first_losses: list[float] = field(default_factory=list)


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
    if not _are_counts(state.skipped, state.halvings, state.explosions, state.judged):
        raise ValueError("skipped, halvings, explosions or judged")
    if not isinstance(state.first_losses, list) or not 0 < state.rate_share <= 1:
        raise ValueError("first_losses or rate_share")
    numbers = [state.seconds, 0.0 if state.best_loss is None else state.best_loss, *state.first_losses]
    numbers += [state.rate_share, state.mean_loss, state.lowest_loss, state.log_norm]
    if not all(type(number) in (int, float) for number in numbers):
        raise ValueError("seconds or best_loss")
    return state


def _are_counts(*values: Any) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def with_shape(value: Tensor, expected: Tensor) -> Tensor:
    """Return a tensor on the device of another one of the same shape.

    Raises:
        ValueError: If the shapes differ.
    """
    if value.shape != expected.shape:
        raise ValueError(f"a hidden state has shape {tuple(value.shape)}, not {tuple(expected.shape)}")
    return value.to(expected.device)
