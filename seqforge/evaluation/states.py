"""The hidden states of a network while it reads a piece."""

import numpy as np
import torch
from jaxtyping import Float

from seqforge.core.sequences import Example
from seqforge.inference import Conditions
from seqforge.network import Network, example_batch
from seqforge.training.likelihood import evaluation_mode


@torch.no_grad()
def hidden_states(
    network: Network, example: Example, conditions: Conditions
) -> Float[np.ndarray, "positions layers hidden"]:
    """Return the hidden state h of every layer after every position of a piece, float32.

    Position 0 is the state after the start of the piece, position t the state after step t. The cell state c of an
    LSTM is not included.

    Args:
        network: The network.
        example: The encoded piece.
        conditions: The labels and features.

    Returns:
        The states, shape (steps + 1, layers, hidden).
    """
    symbols, history = network.config.source_symbols, network.history
    batch = example_batch(example, conditions.labels, conditions.features, symbols, history)
    state, positions = network.zero_state(1), []
    with evaluation_mode(network):
        for t in range(len(batch.starts)):
            _, state = network.forward_layers(batch.slice_time(t, t + 1), state)
            positions.append(torch.stack([layer[0][0] for layer in state[: network.config.layers]]))
    states: np.ndarray = torch.stack(positions).float().numpy()
    return states
