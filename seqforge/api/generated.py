"""What a model made, and how probable it found that."""

from dataclasses import dataclass

from seqforge.plugin import Piece
from seqforge.core.sequences import Example


@dataclass(frozen=True)
class Generated:
    """One generated piece.

    Attributes:
        k: its number, from 0.
        piece: what was made.
        ended: whether the network ended every part of it by itself.
        log_probability: of all that was drawn, in nats.
        scores: the same step by step.
        masked: the probability that the network gave to what the constraint forbade, the mean over the steps drawn.
        examples: of each part what the network read: the prompt's steps, whether they are kept or not, and those drawn.
    """

    k: int
    piece: Piece
    ended: bool
    log_probability: float
    scores: tuple[float, ...] = ()
    masked: float = 0.0
    examples: tuple[Example, ...] = ()
