"""The baseline of the pronunciation benchmark: an encoder-decoder of two LSTMs without attention, in plain PyTorch."""

import random
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

BOUNDARY = 0
"""The symbol before the first phoneme and after the last one; letters are padded with it."""
EMBEDDING, LAYERS, BATCH_SIZE, MAX_PHONEMES = 64, 2, 256, 40


class Seq2Seq(nn.Module):
    """Reads the letters of a word in reverse order, and predicts its phonemes from the final state.

    Args:
        letters: The letters of the words.
        phonemes: The phonemes.
        hidden: Number of units per layer.
    """

    def __init__(self, letters: Sequence[str], phonemes: Sequence[str], hidden: int) -> None:
        super().__init__()
        self.letter_numbers = {letter: number for number, letter in enumerate(letters, 1)}
        self.phonemes = list(phonemes)
        self.phoneme_numbers = {phoneme: number for number, phoneme in enumerate(phonemes, 1)}
        self.letter_embedding = nn.Embedding(len(letters) + 1, EMBEDDING)
        self.encoder = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.phoneme_embedding = nn.Embedding(len(phonemes) + 1, EMBEDDING)
        self.decoder = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.output = nn.Linear(hidden, len(phonemes) + 1)

    def encode(self, words: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the state of the encoder after each word; shorter words are padded at the front."""
        longest = max(map(len, words))
        rows = [
            [BOUNDARY] * (longest - len(word)) + [self.letter_numbers.get(letter, BOUNDARY) for letter in word[::-1]]
            for word in words
        ]
        _, state = self.encoder(self.letter_embedding(torch.tensor(rows).t()))
        return state  # type: ignore[no-any-return]

    def loss(self, words: Sequence[str], pronunciations: Sequence[Sequence[int]]) -> Tensor:
        """Return the mean loss in nats per phoneme, with the end of a word as a phoneme."""
        length = max(map(len, pronunciations)) + 1
        inputs = torch.full((length, len(words)), BOUNDARY)
        targets = torch.full((length, len(words)), -100)  # ignored by cross_entropy
        for column, numbers in enumerate(pronunciations):
            inputs[1 : len(numbers) + 1, column] = torch.tensor(numbers)
            targets[: len(numbers) + 1, column] = torch.tensor([*numbers, BOUNDARY])
        hidden, _ = self.decoder(self.phoneme_embedding(inputs), self.encode(words))
        return functional.cross_entropy(self.output(hidden).flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def pronounce(self, words: Sequence[str], beams: int) -> list[tuple[str, ...]]:
        """Return the phonemes of each word, found by a beam search; all words are searched in one batch."""
        count = len(words)
        state = tuple(part.repeat_interleave(beams, 1) for part in self.encode(words))
        last = torch.full((count * beams,), BOUNDARY)
        scores = torch.full((count, beams), -torch.inf)
        scores[:, 0] = 0.0
        finished = torch.zeros(count, beams, dtype=torch.bool)
        hypotheses = torch.zeros(count, beams, 0, dtype=torch.long)
        for _ in range(MAX_PHONEMES):
            hidden, state = self.decoder(self.phoneme_embedding(last).unsqueeze(0), state)
            logs = self.output(hidden[0]).log_softmax(-1).view(count, beams, -1)
            logs = logs.masked_fill(finished.unsqueeze(2), -torch.inf)  # a finished beam only repeats the boundary
            logs[..., BOUNDARY] = torch.where(finished, 0.0, logs[..., BOUNDARY])
            scores, order = (scores.unsqueeze(2) + logs).flatten(1).topk(beams)
            parents, steps = order // logs.shape[2], order % logs.shape[2]
            index = parents.unsqueeze(2).expand(-1, -1, hypotheses.shape[2])
            hypotheses = torch.cat([hypotheses.gather(1, index), steps.unsqueeze(2)], 2)
            finished = finished.gather(1, parents) | (steps == BOUNDARY)
            rows = (parents + torch.arange(count).unsqueeze(1) * beams).flatten()
            state, last = tuple(part[:, rows] for part in state), steps.flatten()
            if bool(finished[:, 0].all()):
                break
        best = hypotheses[:, 0].tolist()
        return [tuple(self.phonemes[step - 1] for step in steps if step != BOUNDARY) for steps in best]


def build_baseline(parameters: int, entries: Mapping[str, Sequence[Sequence[str]]]) -> Seq2Seq:
    """Return a baseline whose number of parameters is as close as possible to `parameters`."""
    letters = sorted(set().union(*entries))
    phonemes = sorted({phoneme for options in entries.values() for option in options for phoneme in option})

    def size(hidden: int) -> int:
        lstm = 4 * hidden * (EMBEDDING + hidden + 2) + 4 * hidden * (2 * hidden + 2)
        embeddings = (len(letters) + len(phonemes) + 2) * EMBEDDING
        return 2 * lstm + embeddings + (hidden + 1) * (len(phonemes) + 1)

    torch.manual_seed(0)
    return Seq2Seq(letters, phonemes, min(range(64, 1024), key=lambda hidden: abs(size(hidden) - parameters)))


def train_baseline(network: Seq2Seq, entries: Mapping[str, Sequence[Sequence[str]]], minutes: float) -> int:
    """Train the baseline and return the number of steps. The learning rate decays to 0 in the last third."""
    numbers = network.phoneme_numbers
    pairs = [
        (word, [numbers[phoneme] for phoneme in option]) for word, options in entries.items() for option in options
    ]
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    rng, start, steps = random.Random(0), time.perf_counter(), 0
    while True:
        rng.shuffle(pairs)
        by_length = sorted(pairs, key=lambda pair: len(pair[0]))
        batches = [by_length[first : first + BATCH_SIZE] for first in range(0, len(by_length), BATCH_SIZE)]
        rng.shuffle(batches)
        for batch in batches:
            progress = (time.perf_counter() - start) / (60 * minutes)
            if progress > 1:
                return steps
            optimiser.param_groups[0]["lr"] = 2e-3 * min(1.0, 3 * (1 - progress))
            loss = network.loss([word for word, _ in batch], [pronunciation for _, pronunciation in batch])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            steps += 1
