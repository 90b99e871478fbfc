"""Candidates that cannot be chosen any more end early; the samples that are chosen stay the same."""

import math
from collections.abc import Mapping

import numpy as np

from seqforge.sampling.slot import Sample

__all__ = ["Elimination"]

MARGIN = 1e-9
"""What rounding may change, as a fraction of the sum of all weights."""


class Elimination:
    r"""The draws among the candidates of each sample, and which of them are decided before all are complete.

    One candidate is drawn with a probability proportional to its weight, the product of the probabilities that the
    constraint allowed per step (`select`). The weight of a candidate that is not complete lies between 0 and its
    weight so far. The random number of the draw is known, so the draw is decided as soon as only one candidate can be
    drawn with any weights between these bounds. The other candidates then need no more steps: often a short candidate
    is complete when the weights of long ones are already small.

    >>> elimination = Elimination({0: 2}, seed=0)
    >>> elimination.add(0, Sample(0, np.array([3]), True, -2.0, log_allowed=-0.1))  # candidate 0 is complete
    >>> elimination.bound(0, 1, -0.3)
    >>> elimination.chosen()
    []
    >>> elimination.bound(0, 1, -40.0)  # the draw is not that close
    >>> elimination.decide(0, 1)
    >>> [(part, sample.k) for part, sample in elimination.chosen()], elimination.is_lost(0, 1)
    ([(0, 0)], True)

    Args:
        candidates: The number of candidates of each part.
        seed: The seed of the random numbers; each draw depends only on it, its part and the number of its sample.
    """

    def __init__(self, candidates: Mapping[int, int], *, seed: int) -> None:
        self._candidates, self._seed = candidates, seed
        self._logs: dict[tuple[int, int], list[float]] = {}
        """The logarithm of the weight so far of each candidate, by part and sample; only of draws that are open."""
        self._samples: dict[tuple[int, int], dict[int, Sample]] = {}
        """The complete candidates of these samples, by their position among the candidates."""
        self._winners: dict[tuple[int, int], int] = {}
        self._chosen: list[tuple[int, Sample]] = []

    def add(self, part: int, candidate: Sample) -> None:
        """Add a complete candidate, and decide the draw if that is possible.

        Args:
            part: The part.
            candidate: The candidate.
        """
        k, index = divmod(candidate.k, self._candidates[part])
        if (part, k) in self._winners:
            if self._winners[part, k] == index:
                self._chosen.append((part, candidate))
            return
        self._samples.setdefault((part, k), {})[index] = candidate
        self.bound(part, candidate.k, candidate.log_allowed)
        self.decide(part, candidate.k)

    def chosen(self) -> list[tuple[int, Sample]]:
        """Return the candidates that were chosen and completed since the last call, each with its part."""
        chosen, self._chosen = self._chosen, []
        return chosen

    def bound(self, part: int, candidate: int, log_weight: float) -> None:
        """Set the logarithm of the weight so far of a candidate."""
        k, index = divmod(candidate, self._candidates[part])
        if (part, k) not in self._winners:
            self._logs.setdefault((part, k), [0.0] * self._candidates[part])[index] = log_weight

    def decide(self, part: int, candidate: int) -> None:
        """Decide the draw to which a candidate belongs, if that is possible."""
        k, size = candidate // self._candidates[part], self._candidates[part]
        samples = self._samples.get((part, k))
        if samples is None:  # no weight is known, so every candidate can be drawn
            return
        complete = [index in samples for index in range(size)]
        winner = draw(self._logs[part, k], complete, uniform(self._seed, k, part))
        if winner is not None:
            self._winners[part, k] = winner
            if winner in samples:
                self._chosen.append((part, samples[winner]))
            del self._logs[part, k], self._samples[part, k]

    def is_lost(self, part: int, candidate: int) -> bool:
        """Return whether another candidate has been chosen."""
        k, index = divmod(candidate, self._candidates[part])
        return self._winners.get((part, k), index) != index


def uniform(seed: int, k: int, part: int) -> float:
    """Return the random number of the draw among the candidates of sample k.

    >>> 0 <= uniform(0, 3, 0) < 1
    True
    """
    stream = np.random.Philox(key=np.array([seed, k], np.uint64), counter=np.array([0, 0, 1, part], np.uint64))
    return float(np.random.Generator(stream).random())


def draw(logs: list[float], complete: list[bool], number: float) -> int | None:
    """Return the index of the candidate that is drawn with any final weights of the incomplete ones; None if it varies.

    With all candidates complete it is inverse transform sampling.

    >>> draw([-1.0, -1.0], [True, True], 0.4), draw([-1.0, -1.0], [True, False], 0.6)
    (0, None)

    Args:
        logs: The logarithms of the weights; those so far of the incomplete candidates.
        complete: Whether each candidate is complete.
        number: The random number, from 0 to 1.
    """
    largest = max(logs)
    high = [math.exp(log - largest) for log in logs]
    if all(complete):
        mass = np.array(high).cumsum()
        return min(int((mass <= number * mass[-1]).sum()), len(high) - 1)
    low = [weight if known else 0.0 for weight, known in zip(high, complete, strict=True)]
    margin, possible = MARGIN * sum(high), []
    for index, weight in enumerate(high):
        # Index is drawn if before <= number * total < before + weight, where total = before + weight + after. Its
        # incomplete weight helps it if it is large; `before` must be small for the first, large for the second.
        reached = number * (weight + sum(high[index + 1 :])) - (1 - number) * sum(low[:index])
        passed = number * sum(low[index + 1 :]) - (1 - number) * (sum(high[:index]) + weight)
        if reached >= -margin and passed <= margin:
            possible.append(index)
    return possible[0] if len(possible) == 1 else None
