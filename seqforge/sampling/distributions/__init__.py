"""The distribution of the next step: one module per space, named after the kind of the space."""

from seqforge.sampling.distributions._base import Choice, Distribution, check_finite, distribution_for

__all__ = ["Choice", "Distribution", "check_finite", "distribution_for"]
