"""The size of the network and its dropout for a budget of minutes, from the speed of the machine. No torch."""

import math
from dataclasses import dataclass

__all__ = ["BudgetSize", "size_for_budget"]

HIDDEN_SIZES = (128, 192, 256, 384, 512, 640, 768, 896, 1024)
"""The sizes of the hidden state that are chosen from."""
POSITIONS_FOR_MILLION_WEIGHTS, EXPONENT = 1.15e6, 1.3
"""A network with W million weights is chosen if it can read 1.15e6 * W ** 1.3 positions in the budget."""
WEIGHTS_PER_POSITION = 50
"""Largest number of weights per position of the corpus."""
DROPOUT, EPOCHS_OF_DROPOUT, DROPOUT_PER_LOG_EPOCH = 0.05, 2.6, 0.09
"""Dropout at a number of epochs, and how much it rises with the logarithm of the epochs."""
HIDDEN_OF_DROPOUT, DROPOUT_PER_LOG_HIDDEN = 384, 0.15
"""The hidden size of that dropout, and how much it rises with the logarithm of the hidden size."""
MAX_DROPOUT = 0.5
RECURRENT_DIFFERENCE = 0.05
"""The recurrent dropout is lower by this number."""


@dataclass(frozen=True)
class BudgetSize:
    """What suits a budget.

    Attributes:
        hidden: Size of the hidden state of each layer, in units.
        dropout: Dropout probability between layers and before the output layer.
        recurrent_dropout: Dropout probability of the recurrent weights.
        positions: Number of positions that are read within the budget, about.
        epochs: Number of epochs within the budget, about.
    """

    hidden: int
    dropout: float
    recurrent_dropout: float
    positions: float
    epochs: float


def size_for_budget(
    seconds: float,
    *,
    operations_per_second: float,
    corpus_positions: int,
    layers: int,
    embedding: int,
    hidden: int | None = None,
) -> BudgetSize:
    """Return the hidden size and the dropout for a budget.

    A step over n positions takes 6 n W operations for W weights (2 forward, 4 backward), so the budget allows a number
    of positions for each size. The largest size is chosen that reads enough of them to be trained; the dropout rises
    with the number of epochs, because a corpus that is read once cannot be learnt by heart, and with the hidden size.

    >>> size = size_for_budget(180.0, operations_per_second=190e9, corpus_positions=1_000_000, layers=2, embedding=128)
    >>> size.hidden, size.dropout, size.recurrent_dropout, round(size.epochs, 1)
    (384, 0.06, 0.01, 2.9)

    Args:
        seconds: The duration of the training.
        operations_per_second: The speed of the machine for the steps of a training.
        corpus_positions: The number of positions of an epoch.
        layers: The number of recurrent layers.
        embedding: The size of the embedding.
        hidden: The hidden size if it is set; None chooses it.

    Source of the operations: J. Kaplan et al., "Scaling Laws for Neural Language Models", arXiv 2001.08361, section
    2.1. The constants are fitted to trainings on tinyshakespeare of 3 and 9 minutes; docs/training.md shows them.
    """
    if hidden is None:
        hidden = HIDDEN_SIZES[0]
        for candidate in HIDDEN_SIZES:
            weights = _weights(candidate, layers, embedding)
            enough = POSITIONS_FOR_MILLION_WEIGHTS * (weights / 1e6) ** EXPONENT
            is_trained = seconds * operations_per_second / (6 * weights) >= enough
            if is_trained and weights <= WEIGHTS_PER_POSITION * corpus_positions:
                hidden = candidate
    positions = seconds * operations_per_second / (6 * _weights(hidden, layers, embedding))
    epochs = positions / max(1, corpus_positions)
    dropout = DROPOUT + DROPOUT_PER_LOG_EPOCH * math.log(max(1e-9, epochs) / EPOCHS_OF_DROPOUT)
    dropout += DROPOUT_PER_LOG_HIDDEN * math.log(hidden / HIDDEN_OF_DROPOUT)
    dropout = round(min(max(dropout, 0.0), MAX_DROPOUT), 2)
    return BudgetSize(hidden, dropout, round(max(0.0, dropout - RECURRENT_DIFFERENCE), 2), positions, epochs)


def _weights(hidden: int, layers: int, embedding: int) -> int:
    """Return the number of weights of LSTM layers."""
    return 4 * hidden * (embedding + hidden) + (layers - 1) * 8 * hidden * hidden
