"""A piece: one tune, song, line of handwriting or document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

__all__ = ["ContentT", "Origin", "Piece"]

ContentT = TypeVar("ContentT")
"""The type of a piece's content, which the plugin chooses."""


@dataclass(frozen=True)
class Origin:
    """Where a piece comes from.

    >>> Origin("tunes.abc", "line 12")
    Origin(file='tunes.abc', place='line 12')
    >>> str(Origin("tunes.abc", "line 12"))
    'tunes.abc, line 12'

    Attributes:
        file: The path of the file; of a generated piece, the name of the model.
        place: The place in the file ("line 12", "tune 3"); of a generated piece, its seed and number.
    """

    file: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.file}, {self.place}" if self.place else self.file


@dataclass(frozen=True)
class Piece(Generic[ContentT]):
    """One tune, song, line of handwriting or document: what a plugin reads and writes.

    >>> piece = Piece("Once upon a time", {"language": "English"})
    >>> piece.content
    'Once upon a time'

    Attributes:
        content: The content, of a type that the plugin chooses; `==` on it must mean "the same piece".
        labels: Label name to value; the core adds those of `labels.csv` and corpus.toml.
        origin: The file and place that the piece was read from, or the model, seed and number that generated it.
        features: The real vector that conditions the whole piece, shape (features,), float32; None without features.
            The core adds that of `features.npy` or `features.csv` beside the corpus. It is not compared by `==`.
    """

    content: ContentT
    labels: Mapping[str, str] = field(default_factory=dict)
    origin: Origin | None = None
    features: np.ndarray | None = field(default=None, compare=False, kw_only=True)
