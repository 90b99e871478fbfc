"""The prompt of a generation as the batch that the network reads."""

from dataclasses import dataclass

import numpy as np
import torch

from seqforge.core.sequences import Prompt
from seqforge.network import Batch, Network, source_with_end


@dataclass(frozen=True)
class Conditions:
    """The labels and features that condition all pieces of a generation.

    >>> conditions = Conditions(np.array([2, 0]), np.zeros(0, np.float32))

    Attributes:
        labels: The number of each label's value, 0 if it is unknown; shape (labels,).
        features: The feature vector, shape (features,).
    """

    labels: np.ndarray
    features: np.ndarray


def prompt_batch(network: Network, prompt: Prompt, conditions: Conditions) -> Batch:
    """Return the batch that reads a prompt: one start row and one row per step, in one lane.

    Example:
        batch = prompt_batch(network, Prompt(Example(np.array([1, 2], np.uint8))), conditions)
        outputs, state = network(batch, network.zero_state(1))

    Args:
        network: The network that will read the batch.
        prompt: The prompt; its steps and its source are used.
        conditions: The labels and features, which are the same in every row.
    """
    steps = torch.from_numpy(np.array(prompt.example.steps))
    steps = steps.long() if not steps.is_floating_point() else steps.float()
    inputs = torch.cat([steps.new_zeros(1, *steps.shape[1:]), steps]).unsqueeze(1)
    rows = len(inputs)
    starts = torch.zeros(rows, 1, dtype=torch.bool)
    starts[0] = True
    labels = torch.from_numpy(conditions.labels.astype(np.int64)).expand(rows, 1, -1)
    features = torch.from_numpy(conditions.features.astype(np.float32)).expand(rows, 1, -1)
    sources, symbols = None, network.config.source_symbols
    if symbols:
        sources = torch.from_numpy(source_with_end(prompt.example.source, symbols - 1)).expand(rows, 1, -1)
    return Batch(inputs, inputs, starts, torch.zeros_like(starts), torch.ones(rows, 1), labels, features, sources)
