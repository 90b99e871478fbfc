"""Dropout masks that are constant in time and drawn from counters, so that a resumed run draws the same masks."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqforge.network.config import Dropout, NetworkConfig

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""Number of gates of each type of layer."""

LEVELS = 1 << 16
"""Number of values of the two random bytes that decide whether a connection is kept."""


@dataclass(frozen=True)
class Masks:
    """The dropout masks of one batch.

    Attributes:
        input: Factors of the embedding, shape (row, embedding).
        between: Factors of the output of each layer but the last, shape (row, hidden) each.
        output: Factors of the output of the last layer, shape (row, hidden).
        hide_labels: True for rows whose labels are hidden, shape (row,).
        recurrent: Factors of the recurrent matrix of each layer, shape (gates, hidden) each; None without dropout
            there.
    """

    input: Tensor
    between: list[Tensor]
    output: Tensor
    hide_labels: Tensor
    recurrent: list[Tensor] | None

    def to(self, device: torch.device) -> "Masks":
        """Return the masks on a device."""
        return Masks(
            input=self.input.to(device),
            between=[mask.to(device) for mask in self.between],
            output=self.output.to(device),
            hide_labels=self.hide_labels.to(device),
            recurrent=None if self.recurrent is None else [mask.to(device) for mask in self.recurrent],
        )

    def select_rows(self, rows: Tensor) -> "Masks":
        """Return the masks of the rows with these numbers; those of recurrent matrices belong to all rows."""
        return Masks(
            input=self.input[rows],
            between=[mask[rows] for mask in self.between],
            output=self.output[rows],
            hide_labels=self.hide_labels[rows],
            recurrent=self.recurrent,
        )


def draw_masks(dropout: Dropout, config: NetworkConfig, *, seed: int, step: int, rows: range) -> Masks:
    """Draw the masks of one training step: a pure function of (seed, step, row).

    >>> masks = draw_masks(Dropout(output=0.5), NetworkConfig(hidden=8), seed=0, step=3, rows=range(4))
    >>> masks.output.shape, sorted(set(masks.output.flatten().tolist()))
    (torch.Size([4, 8]), [0.0, 2.0])

    Args:
        dropout: The dropout probabilities.
        config: The architecture of the network.
        seed: The seed of the run.
        step: The number of the training step.
        rows: The numbers of the rows of the batch that this process reads.
    """
    widths = [config.embedding, *[config.hidden] * config.layers]
    rates = [dropout.input, *[dropout.between] * (config.layers - 1), dropout.output]
    keep = np.repeat(1.0 - np.array(rates), widths)
    factors = np.empty((len(rows), len(keep)), np.float32)
    hide_labels = np.empty(len(rows), bool)
    for index, row in enumerate(rows):
        rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, step, row]))
        factors[index] = (rng.random(len(keep), np.float32) < keep) / keep
        hide_labels[index] = rng.random() < dropout.labels
    first, *between, last = torch.split(torch.from_numpy(factors), widths, 1)
    recurrent = None
    if dropout.recurrent:
        bits = np.random.SFC64(np.random.SeedSequence((seed, step)))  # the fastest generator, for millions of entries
        shape = (GATES[config.cell] * config.hidden, config.hidden)
        count = max(1, round((1 - dropout.recurrent) * LEVELS))  # two bytes per entry: far faster than floats
        size = shape[0] * shape[1]
        recurrent = []
        for _ in range(config.layers):
            levels = bits.random_raw((size + 3) // 4).astype("<u8", copy=False).view("<u2")[:size]
            keep_entry = torch.from_numpy((levels <= np.uint16(count - 1)).reshape(shape))
            recurrent.append(keep_entry.to(torch.float32).mul_(LEVELS / count))
    return Masks(first, between, last, torch.from_numpy(hide_labels), recurrent)
