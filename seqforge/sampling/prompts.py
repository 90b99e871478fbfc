"""The prompt of a generation as the batch that the network reads."""

from dataclasses import dataclass

import numpy as np

from seqforge.core.sequences import Prompt
from seqforge.network import Batch, Network, example_batch


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
    """Return the batch of one row that reads a prompt: a start position and one position per step.

    Example:
        batch = prompt_batch(network, Prompt(Example(np.array([1, 2], np.uint8))), conditions)
        outputs, state = network(batch, network.zero_state(1))

    Args:
        network: The network that will read the batch.
        prompt: The prompt; its steps and its source are used.
        conditions: The labels and features, which are the same at every position.
    """
    symbols, history = network.config.source_symbols, network.history
    return example_batch(prompt.example, conditions.labels, conditions.features, symbols, history)
