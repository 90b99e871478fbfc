"""Sampling: the controls, constrained decoding, the sampler and beam search. No torch."""

from seqforge.inference import Conditions, Engine, Ensemble, Precision, prompt_batch
from seqforge.sampling.beam import BeamSearch
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.distributions import distribution_for
from seqforge.sampling.rows import sample_rows
from seqforge.sampling.sampler import Sample, Sampler, samplers_of
from seqforge.sampling.scoring import step_log_probabilities

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
    "sample_rows",
    "samplers_of",
    "step_log_probabilities",
]
