"""One generated piece with its probability."""

from dataclasses import dataclass
from typing import Any

from seqforge.core.sequences import Example
from seqforge.plugin import Piece


@dataclass(frozen=True)
class Generated:
    """One generated piece.

    Attributes:
        k: Its number, from 0.
        piece: The piece.
        ended: Whether the network ended every part of it; False if a limit did.
        log_probability: The log-probability of everything that was sampled, in nats.
        scores: The log-probability of each sampled step.
        masked: The probability mass that the constraint removed, averaged over the sampled steps.
        alternatives: The most probable tokens at each sampled step under the network alone, each with its
            log-probability in nats; None stands for the end. Empty unless the request asks for them.
        examples: What the network read for each part: the steps of the prompt and those sampled.
    """

    k: int
    piece: Piece[Any]
    ended: bool
    log_probability: float
    scores: tuple[float, ...] = ()
    masked: float = 0.0
    examples: tuple[Example, ...] = ()
    alternatives: tuple[tuple[tuple[Any, float], ...], ...] = ()
