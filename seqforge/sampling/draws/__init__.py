"""How a step is drawn: one file for each space, named after its kind."""

from seqforge.sampling.draws._base import Choice, Draw, draw_for

__all__ = ["Choice", "Draw", "draw_for"]
