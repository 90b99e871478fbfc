"""Sampling: the engine that steps, the controls, constrained decoding, the loop of slots."""

from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.draws import draw_for
from seqforge.sampling.engine import Engine
from seqforge.sampling.loop import Conditions, Sample, Sampler, opening

__all__ = ["Conditions", "Controls", "Engine", "Limits", "Sample", "Sampler", "draw_for", "opening"]
