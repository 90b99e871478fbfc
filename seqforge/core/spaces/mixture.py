"""Steps that are a vector of real numbers and bits."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqforge.core.spaces._base import Space

MOST_REALS, MOST_BITS = 2, 64
LARGEST = 1e4
"""Of a real number, in absolute value: codecs scale their numbers to about one."""


@dataclass(frozen=True)
class Mixture(Space):
    """`reals` real numbers, whose distribution is a mixture of Gaussians, and `bits` that are 0 or 1.

    A step is a float32 vector, the real numbers first. Two real numbers may be correlated. The end of a
    piece is no step of the space: the core adds it.

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, section 4.1.
    """

    kind: ClassVar[str] = "mixture"
    reals: int
    bits: int = 0
    components: int = 20

    def __post_init__(self) -> None:
        for name, least, most in (("reals", 1, MOST_REALS), ("bits", 0, MOST_BITS), ("components", 1, 1000)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} is {value!r}, and must lie between {least} and {most}")

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
        fine = (np.abs(reals) <= LARGEST).all(1) & ((bits == 0) | (bits == 1)).all(1)  # NaN is not fine
        wrong = np.flatnonzero(~fine)
        if wrong.size:
            at = int(wrong[0])
            raise ValueError(
                f"step {at} is {steps[at].tolist()}; real numbers must be finite and at most {LARGEST:g}, bits 0 or 1"
            )

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "reals": self.reals, "bits": self.bits, "components": self.components}
