"""The probabilities of a model at each position of a piece, for benchmarks that divide them by other units."""

from collections.abc import Mapping

import numpy as np
import torch

import seqforge
from seqforge import Example
from seqforge.network import example_batch
from seqforge.network.members import log_probabilities

__all__ = ["position_log_probabilities"]


def position_log_probabilities(
    model: seqforge.Model, steps: np.ndarray, labels: Mapping[str, str] | None = None
) -> np.ndarray:
    """Return the logarithm of the probability of every symbol and of the end at each position.

    Args:
        model: The model, whose members are averaged if it has several.
        steps: The steps of a piece, shape (steps,).
        labels: The labels of the piece; None hides all.

    Returns:
        Float64, shape (steps + 1, symbols + 1). Row t predicts step t, the last row the end, which has the last column.
    """
    numbers = model.label_numbers(labels or {})
    batch = example_batch(Example(steps), numbers, np.zeros(0, np.float32), 0, model.network.history)
    with torch.no_grad():
        logs, _ = log_probabilities(model.network.eval(), batch, model.network.zero_state(1))
    rows: np.ndarray = logs[:, 0].double().numpy()
    return rows
