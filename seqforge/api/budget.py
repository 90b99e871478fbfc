"""The size of the network and its dropout, chosen for a budget of minutes on this machine."""

import dataclasses
from collections.abc import Callable

from seqforge.corpus import PreparedCorpus
from seqforge.errors import WriteError
from seqforge.training.budget_size import size_for_budget
from seqforge.training.config import TrainingConfig

__all__ = ["follows_from_budget", "training_for_budget"]


def follows_from_budget(config: TrainingConfig) -> bool:
    """Return whether options that are not set follow from the budget: on a CPU, with a budget of minutes.

    >>> follows_from_budget(TrainingConfig(minutes=5.0)), follows_from_budget(TrainingConfig(steps=100))
    (True, False)

    Args:
        config: The options, not resolved.
    """
    is_open = config.dropout is None or config.recurrent_dropout is None or _is_size_open(config)
    return is_open and config.budget.kind == "minutes" and config.device == "cpu"


def training_for_budget(
    config: TrainingConfig, prepared: PreparedCorpus, on_message: Callable[[str], None]
) -> TrainingConfig:
    """Return the options, resolved, with a hidden size and a dropout that suit the budget.

    The speed is measured, and the largest one of this machine is cached. If it cannot be cached, the options are those
    of the size "medium".

    Args:
        config: The options, not resolved.
        prepared: The corpus.
        on_message: Called with a line that says what was chosen.
    """
    import torch

    from seqforge.training.precision import choose_precision
    from seqforge.training.speed import fastest_operations
    from seqforge.training.step_speed import measure_operations

    resolved = config.resolved()
    if config.threads:
        torch.set_num_threads(config.threads)
    precision: str = config.precision
    if precision == "auto":
        precision = choose_precision(torch.device("cpu"), resolved.hidden or 0).precision
    try:
        operations = fastest_operations(precision, measure_operations)
    except WriteError:
        return resolved
    train = prepared.datasets["train"]
    size = size_for_budget(
        60 * resolved.budget.amount,
        operations_per_second=operations,
        corpus_positions=int(train.lengths.sum()) + len(train),
        layers=resolved.layers or 1,
        embedding=resolved.embedding or 1,
        hidden=None if _is_size_open(config) else resolved.hidden,
    )
    chosen = dataclasses.replace(
        config,
        hidden=size.hidden,
        dropout=size.dropout if config.dropout is None else config.dropout,
        recurrent_dropout=size.recurrent_dropout if config.recurrent_dropout is None else config.recurrent_dropout,
    ).resolved()
    on_message(
        f"note: for {resolved.budget.amount:g} minutes, about {size.epochs:.2g} epochs at {operations / 1e9:.0f}"
        f" GFLOP/s: hidden {chosen.hidden}, dropout {chosen.dropout:g}, recurrent dropout {chosen.recurrent_dropout:g}"
    )
    return chosen


def _is_size_open(config: TrainingConfig) -> bool:
    return config.hidden is None and config.layers is None and config.embedding is None
