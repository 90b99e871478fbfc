"""The trainer of a run: its network, fresh or from a model, its data and its device."""

import dataclasses
import os
from typing import Any, cast

import torch

from seqforge.api.feature_rows import check_training
from seqforge.api.model import Model
from seqforge.api.run_config import no_places
from seqforge.core.spaces import Categorical, Space
from seqforge.corpus import PreparedCorpus
from seqforge.errors import OptionsError
from seqforge.network import Members, Network, networks_of
from seqforge.network.config import NetworkConfig
from seqforge.plugin import AnyPlugin
from seqforge.plugin.alignment import aligned_history
from seqforge.plugin.validation import validated_augment
from seqforge.training import ProcessGroup, Trainer, TrainingConfig

__all__ = ["build_trainer", "check_device", "resolved_by"]


def build_trainer(
    plugin: AnyPlugin,
    config: TrainingConfig,
    prepared: PreparedCorpus,
    base: Model | None,
    teacher: Model | None,
    group: ProcessGroup,
    space: Space,
) -> Trainer:
    """Return the trainer with fresh networks, or with the weights of `base`; a checkpoint replaces them.

    Args:
        plugin: The plugin.
        config: The options of the training.
        prepared: The prepared corpus.
        base: The model to start from; None for fresh weights.
        teacher: The model whose predictions are targets as well; None for the data alone.
        group: The processes that train together.
        space: The type of a step.

    Raises:
        OptionsError: If an option does not fit the corpus, or the networks do not fit the memory.
    """
    codec, datasets = prepared.codec, prepared.datasets
    if config.threads:
        torch.set_num_threads(config.threads)  # the sums of matrix products depend on the number of threads
    labels = tuple(len(values) for values in codec.labels.values())
    history = aligned_history(plugin, codec, base.network.config.distances if base else None)
    if config.lookback and history is None:
        raise no_places(plugin, config.lookback)
    shape = config.network(
        space,
        source=codec.source,
        attention=codec.attention,
        labels=labels,
        features=prepared.features,
        distances=() if history is None else history.distances,
    )
    if teacher is not None:
        _check_teacher(teacher, shape)
    check_training(config.features_at, prepared.features, base.header.network if base else None)
    try:
        networks = [
            Network(space, shape, seed=config.seed + number, symbols_per_step=datasets["train"].symbols_per_step())
            for number in range(config.members)
        ]
    except RuntimeError as error:  # PyTorch has no class for this error on a CPU
        if "allocate memory" not in str(error):
            raise
        raise OptionsError(
            f"`hidden` is {config.hidden} and `layers` is {config.layers}: there is not enough memory for this network",
            field="hidden", value=config.hidden,
        ) from error  # fmt: skip
    network = networks[0] if len(networks) == 1 else Members(networks)
    network.history = history if shape.distances else None
    if base is not None:
        trained = networks_of(base.network)
        for number, member in enumerate(networks):
            member.load_state_dict(trained[number % len(trained)].state_dict())
    distributed_gpu = config.device == "cuda" and group.world_size > 1
    device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if distributed_gpu else config.device
    augment = validated_augment(plugin, codec)
    return Trainer(
        network.to(device),
        datasets["train"],
        datasets["valid"],
        config,
        augment=augment,
        group=group,
        teacher=None if teacher is None else teacher.network,
    )


def _check_teacher(teacher: Model, shape: NetworkConfig) -> None:
    """Check that a teacher reads what the network reads.

    Raises:
        OptionsError: If it looks back by other distances, or reads another number of features.
    """
    config = teacher.header.network
    if config.distances and config.distances != shape.distances:
        raise OptionsError(
            f"`distil` names a model that looks back by {list(config.distances)} periods, and this network looks back"
            f" by {list(shape.distances)}; leave `lookback` out",
            field="distil",
        )
    if config.features != shape.features:
        raise OptionsError(
            f"`distil` names a model that reads {config.features} features, and the corpus has {shape.features}",
            field="distil",
        )


def check_device(config: TrainingConfig) -> None:
    """Check shape and device before anything is prepared.

    Raises:
        OptionsError: If the network or the device is not possible.
    """
    config.network()
    try:
        torch.zeros(1, device=config.device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise OptionsError(
            f"`device` is {config.device!r}, which cannot be used here: {reason}", field="device", value=config.device
        ) from error


def resolved_by(trainer: Trainer, config: TrainingConfig) -> TrainingConfig:
    """Return the options with the values that the trainer chose, so that a resumed run does not choose again."""
    shape = trainer.network.config
    threads = config.threads or torch.get_num_threads()
    precision = cast(Any, trainer.precision)
    return dataclasses.replace(
        config, precision=precision, attention=shape.attention if shape.source_symbols else None,
        encoder_units=shape.encoder_units, lookback=shape.lookback, threads=threads,
        softmax=shape.softmax if isinstance(trainer.network.space, Categorical) else None,
    )  # fmt: skip
