"""Evaluation: nats and bits per natural unit, attention, hidden states, comparison of generated and real pieces."""

from seqforge.evaluation.attention import attention_weights, draw_attention
from seqforge.evaluation.hidden_states import hidden_states
from seqforge.evaluation.likelihood import Evaluation, evaluate_dataset, score_example, score_examples
from seqforge.evaluation.samples import Comparison, compare

__all__ = [
    "Comparison",
    "Evaluation",
    "attention_weights",
    "compare",
    "draw_attention",
    "evaluate_dataset",
    "hidden_states",
    "score_example",
    "score_examples",
]
