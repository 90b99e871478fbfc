"""A small convolutional encoder of the pictures, trained to read their letters, whose outputs become the features.

The encoder slides along the picture from left to right: four layers of convolutions reduce the 28 columns to 14
positions, and each has a probability per letter. Connectionist temporal classification (A. Graves et al., ICML 2006)
trains it without knowing where a letter stands.
"""

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIZE, POSITIONS = 28, 14
WIDTH = POSITIONS * (len(LETTERS) + 1)
"""Number of features of a picture: the probabilities of each letter and of no letter at each position."""


class Encoder(nn.Module):
    """Pictures into the probabilities of letters at each position.

    >>> Encoder()(torch.zeros(2, 784)).shape
    torch.Size([2, 14, 53])
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1)),
            nn.Conv2d(24, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(48, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Dropout2d(0.1),
        )  # fmt: skip
        self.columns = nn.Conv1d(64 * 7, 128, 3, padding=1)
        self.letters = nn.Conv1d(128, len(LETTERS) + 1, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return log-probabilities, shape (pictures, POSITIONS, letters + 1); the last one is that of no letter."""
        hidden = self.convolutions(pixels.view(-1, 1, SIZE, SIZE)).flatten(1, 2)
        scores = self.letters(functional.dropout(self.columns(hidden).relu(), 0.2, self.training))
        return scores.transpose(1, 2).log_softmax(-1)


def train_encoder(
    pixels: np.ndarray, texts: Sequence[str], *, minutes: float, seed: int = 0, rows: int = 64
) -> Encoder:
    """Return an encoder that was trained for a number of minutes.

    Args:
        pixels: The pixels of each picture, shape (pictures, 784).
        texts: The text of each picture.
        minutes: The time.
        seed: The seed of the weights and of the order of the pictures.
        rows: The number of pictures per step.
    """
    torch.manual_seed(seed)
    encoder, rng = Encoder(), np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=2e-3, weight_decay=0.01)
    numbers = [torch.tensor([LETTERS.index(letter) for letter in text]) for text in texts]
    start = time.monotonic()
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - share)
        batch = rng.integers(0, len(texts), rows)
        logs = encoder(torch.from_numpy(pixels[batch].astype(np.float32)))
        targets = [numbers[number] for number in batch]
        lengths = torch.tensor([len(target) for target in targets])
        loss = functional.ctc_loss(
            logs.transpose(0, 1), torch.cat(targets), torch.full((rows,), POSITIONS), lengths, blank=len(LETTERS)
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return encoder.eval()


@torch.no_grad()
def probabilities(encoder: Encoder, pixels: np.ndarray) -> np.ndarray:
    """Return the features of pictures, shape (pictures, WIDTH), float16."""
    parts = [
        encoder(torch.from_numpy(pixels[first : first + 512].astype(np.float32))).exp().flatten(1).numpy()
        for first in range(0, len(pixels), 512)
    ]
    return np.concatenate(parts).astype(np.float16)


def best_path(features: np.ndarray) -> list[str]:
    """Return the letters of the most probable path, repetitions and positions without a letter left out.

    Args:
        features: What `probabilities` returned.
    """
    texts = []
    for path in features.reshape(len(features), POSITIONS, -1).argmax(-1).tolist():
        symbols = [symbol for symbol, before in zip(path, [None, *path], strict=False) if symbol != before]
        texts.append("".join(LETTERS[symbol] for symbol in symbols if symbol < len(LETTERS)))
    return texts
