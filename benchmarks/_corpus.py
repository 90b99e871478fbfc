"""The characters of tinyshakespeare with its published split, for the benchmarks of text."""

from pathlib import Path

import torch
from torch import Tensor

from seqforge.corpus import find_corpus


def tinyshakespeare() -> tuple[Tensor, Tensor, list[str]]:
    """Return the characters of the training split (the first 90 %) and the validation split, and the vocabulary.

    A split is an integer tensor of shape (characters,) with indices into the vocabulary.
    """
    (path,) = find_corpus("tinyshakespeare").paths()
    text = Path(path).read_text(encoding="utf-8")
    vocabulary = sorted(set(text))
    index = {character: number for number, character in enumerate(vocabulary)}
    steps = torch.tensor([index[character] for character in text])
    boundary = int(0.9 * len(steps))
    return steps[:boundary], steps[boundary:], vocabulary
