"""Dropout masks that are held through time and drawn from counters, so that a resumed run draws the same."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqforge.network.config import Dropout, NetworkConfig

GATES = {"lstm": 4, "gru": 3, "rnn": 1}

LEVELS = 1 << 16
"""Of the two bytes that decide whether a connection is kept."""


@dataclass(frozen=True)
class Masks:
    """The masks of one window.

    Attributes:
        input: factors for the embedding, shape (lane, embedding).
        between: factors for what each layer but the last hands on, shape (lane, hidden).
        output: factors for what the last layer hands on, shape (lane, hidden).
        hide_labels: whose labels are hidden, shape (lane,).
        recurrent: factors for each layer's recurrent matrix, shape (gates, hidden); None: all are one.
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


def draw_masks(dropout: Dropout, config: NetworkConfig, *, seed: int, step: int, lanes: range) -> Masks:
    """Draw the masks of one training step: a pure function of (seed, step, lane).

    Args:
        dropout: the shares.
        config: the network's widths.
        seed: of the run.
        step: the training step's number.
        lanes: which lanes of the batch.
    """
    widths = [config.embedding, *[config.hidden] * config.layers]
    shares = [dropout.input, *[dropout.between] * (config.layers - 1), dropout.output]
    keep = np.repeat(1.0 - np.array(shares), widths)
    rows = np.empty((len(lanes), len(keep)), np.float32)
    hidden = np.empty(len(lanes), bool)
    for row, lane in enumerate(lanes):
        stream = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, step, lane]))
        rows[row] = (stream.random(len(keep), np.float32) < keep) / keep
        hidden[row] = stream.random() < dropout.labels
    first, *between, last = torch.split(torch.from_numpy(rows), widths, 1)
    recurrent = None
    if dropout.recurrent:
        stream = np.random.Generator(np.random.Philox(key=seed, counter=[0, 1, step, 0]))
        shape = (GATES[config.cell] * config.hidden, config.hidden)
        kept = max(1, round((1 - dropout.recurrent) * LEVELS)) / LEVELS  # two bytes decide: far faster than floats
        size = shape[0] * shape[1]
        draws = [np.frombuffer(stream.bytes(2 * size), "<u2") < kept * LEVELS for _ in range(config.layers)]
        recurrent = [torch.from_numpy(draw.reshape(shape)).float().div_(kept) for draw in draws]
    return Masks(first, between, last, torch.from_numpy(hidden), recurrent)
