"""What people can ask of the sampler, and the order in which it is applied."""

from dataclasses import dataclass

from seqforge.errors import RequestError


@dataclass(frozen=True)
class Controls:
    """How a step is chosen from the network's distribution.

    Applied in this order: the constraint's mask, temperature, top-k, top-p; then one is drawn, or with
    `greedy` the most probable taken.

    Attributes:
        greedy: take the most probable step; the others are without effect then.
        temperature: what log-probabilities are divided by.
        top_k: keep the k most probable; 0 keeps all.
        top_p: keep the fewest whose probabilities sum to at least p; 1 keeps all.
    """

    greedy: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 100:
            raise RequestError(f"--temperature is {self.temperature:g}; it must be from 0 (greedy) to 100")
        if self.top_k < 0:
            raise RequestError(f"--top-k is {self.top_k}; it must be 1 or more, or 0 for all")
        if not 0 < self.top_p <= 1:
            raise RequestError(f"--top-p is {self.top_p:g}; it must be above 0 and at most 1")


@dataclass(frozen=True)
class Limits:
    """Where a piece is brought to an end if it does not end by itself.

    Attributes:
        units: natural units, prompt included; the piece is then led to the nearest end.
        steps: steps, prompt included; never exceeded unless the nearest end is farther.
    """

    units: float = float("inf")
    steps: int = 1_000_000
