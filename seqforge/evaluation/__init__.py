"""Evaluation: nats and bits per natural unit, attention, and generated pieces compared with real ones."""

from seqforge.evaluation.attention import attention_weights, draw_attention
from seqforge.evaluation.likelihood import Evaluation, evaluate_dataset, score_example, score_examples
from seqforge.evaluation.samples import Comparison, compare

__all__ = [
    "Comparison",
    "Evaluation",
    "attention_weights",
    "compare",
    "draw_attention",
    "evaluate_dataset",
    "score_example",
    "score_examples",
]
