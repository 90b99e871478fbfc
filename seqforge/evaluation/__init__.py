"""Evaluation: bits and nats per natural unit, and generated pieces beside real ones."""

from seqforge.evaluation.attention import attention_of, draw_attention
from seqforge.evaluation.likelihood import Evaluation, evaluate_dataset, score_example
from seqforge.evaluation.samples import Comparison, compare

__all__ = [
    "Comparison",
    "Evaluation",
    "attention_of",
    "compare",
    "draw_attention",
    "evaluate_dataset",
    "score_example",
]
