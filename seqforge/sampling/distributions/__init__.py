"""How a step is drawn: one file for each space, named after its kind."""

from seqforge.sampling.distributions._base import Choice, Distribution, distribution_for

__all__ = ["Choice", "Distribution", "distribution_for"]
