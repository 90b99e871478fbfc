"""The hidden states of a network while it reads a piece."""

import numpy as np
import torch
from jaxtyping import Float

from seqforge.core.sequences import Example, Prompt
from seqforge.network import Network
from seqforge.sampling import Conditions, prompt_batch
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
    batch = prompt_batch(network, Prompt(example), conditions)
    state, positions = network.zero_state(1), []
    with evaluation_mode(network):
        for t in range(len(batch.starts)):
            _, state = network.forward_layers(batch.slice_time(t, t + 1), state)
            positions.append(torch.stack([layer[0][0] for layer in state[: network.config.layers]]))
    states: np.ndarray = torch.stack(positions).float().numpy()
    return states
