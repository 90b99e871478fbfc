"""Sampling: the engine that steps, the controls, constrained decoding, the loop of slots.

Light: torch is imported with what needs it, so that the command line can offer the controls without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqforge.sampling.controls import Controls, Limits, Precision

if TYPE_CHECKING:
    from seqforge.sampling.average import Averaged
    from seqforge.sampling.beam import BeamSearch
    from seqforge.sampling.draws import draw_for
    from seqforge.sampling.engine import Engine
    from seqforge.sampling.loop import Conditions, Sample, Sampler, opening

__all__ = [
    "Averaged",
    "BeamSearch",
    "Conditions",
    "Controls",
    "Engine",
    "Limits",
    "Precision",
    "Sample",
    "Sampler",
    "draw_for",
    "opening",
]

_HOMES = {"Averaged": "average", "BeamSearch": "beam", "draw_for": "draws", "Engine": "engine"}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in __all__:
        return getattr(import_module(f"seqforge.sampling.{_HOMES.get(name, 'loop')}"), name)
    raise AttributeError(f"module 'seqforge.sampling' has no attribute {name!r}")
