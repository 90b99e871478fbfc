"""How the network reads and predicts a step: one file for each space, named after its kind."""

from seqforge.network.heads._base import Head, head_for

__all__ = ["Head", "head_for"]
