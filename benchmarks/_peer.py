"""The baseline (peer) of the quality benchmarks: a plain PyTorch LSTM language model.

nn.Embedding, nn.LSTM, nn.Linear and Adam in float32. The pieces of an epoch are concatenated in random order, and the
hidden state is carried over from piece to piece. Its width is chosen so that it has as many parameters as the network
that it is compared with.
"""

import random
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

END = 0
"""The symbol between pieces."""
ROWS, LENGTH, EMBEDDING, LAYERS = 32, 64, 128, 2


class PlainLSTM(nn.Module):
    """The baseline network."""

    def __init__(self, symbols: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, steps: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, state = self.lstm(self.embedding(steps), state)
        return self.output(hidden), state


def peer_of(parameters: int, symbols: int) -> PlainLSTM:
    """Return the baseline whose number of parameters is nearest to a given number."""

    def size(hidden: int) -> int:
        first = 4 * hidden * (EMBEDDING + hidden + 2)
        return symbols * EMBEDDING + first + 4 * hidden * (2 * hidden + 2) + (hidden + 1) * symbols

    return PlainLSTM(symbols, min(range(64, 2048), key=lambda hidden: abs(size(hidden) - parameters)))


def train_step(
    network: PlainLSTM, optimiser: torch.optim.Optimizer, rows: Tensor, first: int, state: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor]:
    """Take one step of the baseline on LENGTH positions of the rows; return the state after them, without gradients."""
    outputs, state = network(rows[first : first + LENGTH], state)
    targets = rows[first + 1 : first + LENGTH + 1]
    loss = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return state[0].detach(), state[1].detach()


def train_peer(network: PlainLSTM, pieces: Sequence[Sequence[int]], minutes: float) -> None:
    """Train the baseline on pieces without END for a number of minutes; the pieces are shuffled in each epoch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    start, shuffle = time.perf_counter(), random.Random(0)
    order = list(pieces)
    while True:
        shuffle.shuffle(order)
        stream = torch.tensor([END, *(step for piece in order for step in (*piece, END))])
        share = len(stream) // ROWS
        rows = stream[: share * ROWS].view(ROWS, share).t().contiguous()
        state = None
        for first in range(0, share - LENGTH - 1, LENGTH):
            if time.perf_counter() - start > 60 * minutes:
                return
            state = train_step(network, optimiser, rows, first, state)


@torch.no_grad()
def nats_of(network: PlainLSTM, pieces: Sequence[Sequence[int]]) -> float:
    """Return the nats of the baseline for all pieces, each from an empty hidden state, its end included."""
    total = 0.0
    for piece in pieces:
        steps = torch.tensor([END, *piece, END]).unsqueeze(1)
        outputs, _ = network(steps[:-1], None)
        total += float(functional.cross_entropy(outputs[:, 0], steps[1:, 0], reduction="sum"))
    return total
