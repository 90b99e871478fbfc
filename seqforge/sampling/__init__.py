"""Sampling: the engine for single steps, the controls, constrained decoding, the sampler and beam search.

Importing the package does not import torch; names that need it are imported on first use.
"""

from typing import TYPE_CHECKING

from seqforge._lazy import lazy_attributes
from seqforge.sampling.controls import Controls, Limits, Precision

if TYPE_CHECKING:
    from seqforge.sampling.beam import BeamSearch
    from seqforge.sampling.distributions import distribution_for
    from seqforge.sampling.engine import Engine
    from seqforge.sampling.ensemble import Ensemble
    from seqforge.sampling.prompts import Conditions, prompt_batch, read_prompt
    from seqforge.sampling.rows import sample_rows
    from seqforge.sampling.sampler import Sample, Sampler, samplers_of

__all__ = [
    "BeamSearch",
    "Conditions",
    "Controls",
    "Engine",
    "Ensemble",
    "Limits",
    "Precision",
    "Sample",
    "Sampler",
    "distribution_for",
    "prompt_batch",
    "read_prompt",
    "sample_rows",
    "samplers_of",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "BeamSearch": "seqforge.sampling.beam",
        "Conditions": "seqforge.sampling.prompts",
        "Engine": "seqforge.sampling.engine",
        "Ensemble": "seqforge.sampling.ensemble",
        "Sample": "seqforge.sampling.sampler",
        "Sampler": "seqforge.sampling.sampler",
        "distribution_for": "seqforge.sampling.distributions",
        "prompt_batch": "seqforge.sampling.prompts",
        "read_prompt": "seqforge.sampling.prompts",
        "sample_rows": "seqforge.sampling.rows",
        "samplers_of": "seqforge.sampling.sampler",
    },
)
