"""The peer of the quality benchmarks: what one writes first in PyTorch.

nn.Embedding, nn.LSTM, nn.Linear, Adam, float32, pieces one after the other in every epoch's order, the state carried
from piece to piece; as wide as it must be to have as many parameters as ours.
"""

import random
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

END = 0
"""The symbol between pieces."""
LANES, WINDOW, EMBEDDING, LAYERS = 32, 64, 128, 2


class Plain(nn.Module):
    """The peer."""

    def __init__(self, symbols: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, steps: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, state = self.lstm(self.embedding(steps), state)
        return self.output(hidden), state


def peer_of(parameters: int, symbols: int) -> Plain:
    """Return the peer with as many parameters, to the nearest unit of its width."""

    def size(hidden: int) -> int:
        first = 4 * hidden * (EMBEDDING + hidden + 2)
        return symbols * EMBEDDING + first + 4 * hidden * (2 * hidden + 2) + (hidden + 1) * symbols

    return Plain(symbols, min(range(64, 2048), key=lambda hidden: abs(size(hidden) - parameters)))


def train_peer(network: Plain, pieces: Sequence[Sequence[int]], minutes: float) -> None:
    """Train the peer on pieces without END, shuffled in every epoch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    began, shuffle = time.perf_counter(), random.Random(0)
    order = list(pieces)
    while True:
        shuffle.shuffle(order)
        stream = torch.tensor([END, *(step for piece in order for step in (*piece, END))])
        share = len(stream) // LANES
        columns = stream[: share * LANES].view(LANES, share).t().contiguous()
        state = None
        for at in range(0, share - WINDOW - 1, WINDOW):
            if time.perf_counter() - began > 60 * minutes:
                return
            outputs, state = network(columns[at : at + WINDOW], state)
            state = (state[0].detach(), state[1].detach())
            wanted = columns[at + 1 : at + WINDOW + 1]
            loss = functional.cross_entropy(outputs.flatten(0, 1), wanted.flatten())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()


@torch.no_grad()
def nats_of(network: Plain, pieces: Sequence[Sequence[int]]) -> float:
    """Return the peer's nats for all pieces, each from a fresh state, its end included."""
    total = 0.0
    for piece in pieces:
        steps = torch.tensor([END, *piece, END]).unsqueeze(1)
        outputs, _ = network(steps[:-1], None)
        total += float(functional.cross_entropy(outputs[:, 0], steps[1:, 0], reduction="sum"))
    return total
