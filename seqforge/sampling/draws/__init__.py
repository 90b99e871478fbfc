"""How a step is drawn: one file for each space, named after its kind."""

from seqforge.sampling.draws._base import Draw, draw_for

__all__ = ["Draw", "draw_for"]
