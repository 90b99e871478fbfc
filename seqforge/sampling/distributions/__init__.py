"""The distribution of the next step: one module per space, named after the kind of the space."""

from seqforge.sampling.distributions._base import Choice, Distribution, distribution_for

__all__ = ["Choice", "Distribution", "distribution_for"]
