"""Steps that are a vector of real numbers and bits."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from seqforge.core.spaces._base import Space

MAX_REALS, MAX_BITS, MAX_COMPONENTS = 2, 64, 1000
MAX_VALUE = 1e4
"""Largest absolute value of a real number, in the unit of the codec."""


@dataclass(frozen=True)
class Mixture(Space):
    """A vector of real numbers, whose distribution is a mixture of Gaussians, and of bits that are 0 or 1.

    A step is a float32 vector with the real numbers first. Two real numbers may be correlated. The end of a piece is
    not a step of the space: the core adds it.

    >>> Mixture(reals=2, bits=1).shape
    (3,)

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, section 4.1.

    Attributes:
        reals: Number of real numbers, 1 or 2.
        bits: Number of bits, from 0 to 64.
        components: Number of Gaussians, from 1 to 1000. More of them fit sharper distributions and cost time.
        standardisation: The centre and the scale of each real number, in the unit of the steps. The network reads and
            predicts (x - centre) / scale; steps and likelihoods stay in the unit of the codec. The core computes it
            from the training pieces and stores it in the model; a codec leaves it out. It does not count for equality.
    """

    kind: ClassVar[str] = "mixture"
    reals: int
    bits: int = 0
    components: int = 20
    standardisation: Sequence[Sequence[float]] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        pairs = tuple((float(centre), float(scale)) for centre, scale in self.standardisation)
        object.__setattr__(self, "standardisation", pairs)  # JSON has lists
        if pairs and (len(pairs) != self.reals or not all(math.isfinite(c) and 0 < s < math.inf for c, s in pairs)):
            raise ValueError(f"standardisation is {pairs!r}; it must be {self.reals} pairs of a centre and a scale")
        bounds = (("reals", 1, MAX_REALS), ("bits", 0, MAX_BITS), ("components", 1, MAX_COMPONENTS))
        for name, least, most in bounds:
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} is {value!r}; it must be from {least} to {most}")

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.reals + self.bits,)

    def check(self, steps: np.ndarray) -> None:
        if steps.ndim != 2 or steps.shape[1:] != self.shape or not np.issubdtype(steps.dtype, np.floating):
            raise ValueError(
                f"mixture steps are a float array of shape (steps, {self.shape[0]}), not {steps.dtype} of {steps.shape}"
            )
        reals, bits = steps[:, : self.reals], steps[:, self.reals :]
        valid = (np.abs(reals) <= MAX_VALUE).all(1) & ((bits == 0) | (bits == 1)).all(1)  # NaN is not valid
        wrong = np.flatnonzero(~valid)
        if wrong.size:
            at = int(wrong[0])
            raise ValueError(
                f"step {at} is {steps[at].tolist()}; real numbers must be finite and at most {MAX_VALUE:g}, bits 0 or 1"
            )

    def to_json(self) -> dict[str, Any]:
        pairs = [list(pair) for pair in self.standardisation]
        data = {"kind": self.kind, "reals": self.reals, "bits": self.bits, "components": self.components}
        return {**data, "standardisation": pairs} if pairs else data

    def standardised(self, pieces: Iterable[np.ndarray]) -> "Mixture":
        """Return the space with the standardisation of these pieces.

        The centre is the median. The scale is the interquartile range divided by 1.349, which equals the standard
        deviation of a normal distribution and ignores outliers. If more than half of the numbers are equal, it is the
        standard deviation of all; if all are equal, it is 1.

        >>> space = Mixture(reals=1).standardised([np.array([[9.0], [10.0], [11.0], [500.0]], np.float32)])
        >>> [round(value, 2) for value in space.standardisation[0]]
        [10.5, 91.55]

        Source: P. Huber, E. Ronchetti, "Robust Statistics", 2nd edition, Wiley 2009, section 1.2.

        Args:
            pieces: The steps of the pieces, each of shape (steps, width).
        """
        reals = np.concatenate([np.zeros((0, self.reals)), *(steps[:, : self.reals] for steps in pieces)])
        if not len(reals):
            return self
        first, centre, third = np.percentile(reals, [25, 50, 75], axis=0)
        ranges = (third - first) / 1.349
        deviations = reals.std(axis=0)
        scales = np.where(ranges > 1e-6 * deviations, ranges, np.where(deviations > 0, deviations, 1.0))
        return dataclasses.replace(self, standardisation=tuple(zip(centre.tolist(), scales.tolist(), strict=True)))
