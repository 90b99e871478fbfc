"""Steps that are a vector of real numbers and bits."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqforge.core.spaces._base import Space

MAX_REALS, MAX_BITS, MAX_COMPONENTS = 2, 64, 1000
MAX_VALUE = 1e4
"""Largest absolute value of a real number: codecs scale their numbers to about one."""


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
        components: Number of Gaussians, from 1 to 1000.
    """

    kind: ClassVar[str] = "mixture"
    reals: int
    bits: int = 0
    components: int = 20

    def __post_init__(self) -> None:
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
        return {"kind": self.kind, "reals": self.reals, "bits": self.bits, "components": self.components}
