"""The peer of the pronunciation benchmark: an encoder-decoder of two LSTMs without attention, in plain PyTorch."""

import random
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

EDGE = 0
"""The symbol before the first phoneme and behind the last; letters use it to fill up."""
EMBEDDING, LAYERS, BATCH, MOST = 64, 2, 256, 40


class Peer(nn.Module):
    """Reads the letters last to first, and says the phonemes from the state that leaves."""

    def __init__(self, letters: Sequence[str], phonemes: Sequence[str], hidden: int) -> None:
        super().__init__()
        self.letters = {letter: number for number, letter in enumerate(letters, 1)}
        self.phonemes = list(phonemes)
        self.numbers = {phoneme: number for number, phoneme in enumerate(phonemes, 1)}
        self.spelling = nn.Embedding(len(letters) + 1, EMBEDDING)
        self.encoder = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.sound = nn.Embedding(len(phonemes) + 1, EMBEDDING)
        self.decoder = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.output = nn.Linear(hidden, len(phonemes) + 1)

    def read(self, words: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the state after the letters, those of shorter words filled up in front."""
        longest = max(map(len, words))
        rows = [[0] * (longest - len(word)) + [self.letters.get(letter, 0) for letter in word[::-1]] for word in words]
        _, state = self.encoder(self.spelling(torch.tensor(rows).t()))
        return state  # type: ignore[no-any-return]

    def loss(self, words: Sequence[str], wanted: Sequence[Sequence[int]]) -> Tensor:
        """Return the mean nats a phoneme, the end included."""
        longest = max(map(len, wanted)) + 1
        inputs, targets = torch.zeros(longest, len(words), dtype=torch.long), torch.full((longest, len(words)), -100)
        for column, steps in enumerate(wanted):
            inputs[1 : len(steps) + 1, column] = torch.tensor(steps)
            targets[: len(steps) + 1, column] = torch.tensor([*steps, EDGE])
        hidden, _ = self.decoder(self.sound(inputs), self.read(words))
        return functional.cross_entropy(self.output(hidden).flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def say(self, words: Sequence[str], beams: int) -> list[tuple[str, ...]]:
        """Return the phonemes of words; all are searched side by side, `beams` beginnings each."""
        count = len(words)
        state = tuple(part.repeat_interleave(beams, 1) for part in self.read(words))
        last = torch.zeros(count * beams, dtype=torch.long)
        totals = torch.full((count, beams), -torch.inf)
        totals[:, 0] = 0.0
        done, said = torch.zeros(count, beams, dtype=torch.bool), torch.zeros(count, beams, 0, dtype=torch.long)
        for _ in range(MOST):
            hidden, state = self.decoder(self.sound(last).unsqueeze(0), state)
            logs = self.output(hidden[0]).log_softmax(-1).view(count, beams, -1)
            logs = logs.masked_fill(done.unsqueeze(2), -torch.inf)  # what has ended goes on as it is, by EDGE
            logs[..., EDGE] = torch.where(done, 0.0, logs[..., EDGE])
            totals, order = (totals.unsqueeze(2) + logs).flatten(1).topk(beams)
            row, step = order // logs.shape[2], order % logs.shape[2]
            said = torch.cat([said.gather(1, row.unsqueeze(2).expand(-1, -1, said.shape[2])), step.unsqueeze(2)], 2)
            done = done.gather(1, row) | (step == EDGE)
            flat = (row + torch.arange(count).unsqueeze(1) * beams).flatten()
            state, last = tuple(part[:, flat] for part in state), step.flatten()
            if bool(done[:, 0].all()):
                break
        best = said[:, 0].tolist()
        return [tuple(self.phonemes[step - 1] for step in steps if step != EDGE) for steps in best]


def peer_of(parameters: int, entries: Mapping[str, Sequence[Sequence[str]]]) -> Peer:
    """Return the peer with as many parameters, to the nearest unit of its width."""
    letters = sorted(set().union(*entries))
    phonemes = sorted({phoneme for each in entries.values() for one in each for phoneme in one})

    def size(hidden: int) -> int:
        one = 4 * hidden * (EMBEDDING + hidden + 2) + 4 * hidden * (2 * hidden + 2)
        return 2 * one + (len(letters) + len(phonemes) + 2) * EMBEDDING + (hidden + 1) * (len(phonemes) + 1)

    torch.manual_seed(0)
    return Peer(letters, phonemes, min(range(64, 1024), key=lambda hidden: abs(size(hidden) - parameters)))


def train_peer(network: Peer, entries: Mapping[str, Sequence[Sequence[str]]], minutes: float) -> int:
    """Train the peer; return its steps. The rate falls to nothing over the last third of the minutes."""
    pairs = [(word, [network.numbers[p] for p in phonemes]) for word, each in entries.items() for phonemes in each]
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    shuffle, began, steps = random.Random(0), time.perf_counter(), 0
    while True:
        shuffle.shuffle(pairs)
        order = sorted(pairs, key=lambda pair: len(pair[0]))
        batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
        shuffle.shuffle(batches)
        for batch in batches:
            spent = (time.perf_counter() - began) / (60 * minutes)
            if spent > 1:
                return steps
            optimiser.param_groups[0]["lr"] = 2e-3 * min(1.0, 3 * (1 - spent))
            loss = network.loss([word for word, _ in batch], [wanted for _, wanted in batch])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            steps += 1
