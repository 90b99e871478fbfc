"""Evaluation: bits and nats per natural unit, and generated pieces beside real ones."""

from seqforge.evaluation.likelihood import Evaluation, evaluate_dataset, score_example
from seqforge.evaluation.samples import Comparison, compare

__all__ = ["Comparison", "Evaluation", "compare", "evaluate_dataset", "score_example"]
