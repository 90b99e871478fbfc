"""The prompt of a generation as the batch that the network reads, and how it is read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqforge.core.sequences import Prompt
from seqforge.network import Batch, Network, NetworkState, example_batch

PROMPT_CHUNK = 1024
"""The number of steps of a prompt that are read in one call."""


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


def read_prompt(
    network: Network, batch: Batch, source_starts: Sequence[int | None], attention_weights: list[Tensor] | None = None
) -> tuple[Tensor, NetworkState]:
    """Return the output of the last layer after prompts, and the state, with the attention at `source_starts`.

    Example:
        hidden, state = read_prompt(network, prompt_batch(network, prompt, conditions), [prompt.source_start])

    Args:
        network: The network.
        batch: The prompts, one per row, as `prompt_batch` and `join_rows` return them.
        source_starts: `Prompt.source_start` of each row.
        attention_weights: If given, the weight of each source position is appended to it, one tensor of shape
            (row, length) per step.
    """
    window, length = network.attention, len(batch.starts)
    moves = window is not None and length > 1 and any(start is not None for start in source_starts)
    state, whole = network.zero_state(len(source_starts)), length - 1 if moves else length
    for first in range(0, whole, PROMPT_CHUNK):
        part = batch.slice_time(first, min(whole, first + PROMPT_CHUNK))
        hidden, state = network.forward_layers(part, state, attention_weights=attention_weights)
    if moves:
        assert window is not None
        # the last step is read twice, the second time with the attention moved by what it missed the start by
        last = batch.slice_time(whole, length)
        hidden, after = network.forward_layers(last, state)
        parameters = functional.linear(after[0][0], window.weight, window.bias).float()
        starts = torch.tensor([math.nan if start is None else float(start) for start in source_starts])
        distance = window.distance_to(starts, parameters, after[-1][0])
        state[-1] = (state[-1][0] + distance, *state[-1][1:])
        hidden, state = network.forward_layers(last, state, attention_weights=attention_weights)
    return hidden, state
