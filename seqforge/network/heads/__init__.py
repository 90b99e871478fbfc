"""The heads: how the network reads and predicts a step; one module per kind of space."""

from seqforge.network.heads._base import Head, head_for

__all__ = ["Head", "head_for"]
