"""What the benchmarks share: the characters of tinyshakespeare, split as published."""

from pathlib import Path

import torch
from torch import Tensor

from seqforge.corpus import find_corpus


def tinyshakespeare() -> tuple[Tensor, Tensor, list[str]]:
    """Return the first 90 % and the last 10 % of the characters as numbers, and the characters."""
    (path,) = find_corpus("tinyshakespeare").paths()
    text = Path(path).read_text(encoding="utf-8")
    letters = sorted(set(text))
    numbers = {letter: number for number, letter in enumerate(letters)}
    every = torch.tensor([numbers[letter] for letter in text])
    edge = int(0.9 * len(every))
    return every[:edge], every[edge:], letters
