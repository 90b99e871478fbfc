"""Evaluation: nats and bits per natural unit, attention, hidden states, comparison of generated and real pieces.

Importing the package does not import torch; names that need it are imported on first use.
"""

from typing import TYPE_CHECKING

from seqforge._lazy import lazy_attributes
from seqforge.evaluation.calibration import fit_temperature
from seqforge.evaluation.classification import (
    Classification,
    ClassifierEvaluation,
    classify,
    evaluate_classifier,
)
from seqforge.evaluation.metrics import Predictions
from seqforge.evaluation.novelty import Novelty, SharedRuns, longest_runs
from seqforge.evaluation.result import DynamicEvaluation, Evaluation
from seqforge.evaluation.samples import Comparison, compare

if TYPE_CHECKING:
    from seqforge.evaluation.attention import attention_weights, draw_attention
    from seqforge.evaluation.likelihood import evaluate_dataset, score_example, score_examples
    from seqforge.evaluation.states import hidden_states

__all__ = [
    "Classification",
    "ClassifierEvaluation",
    "Comparison",
    "DynamicEvaluation",
    "Evaluation",
    "Novelty",
    "Predictions",
    "SharedRuns",
    "attention_weights",
    "classify",
    "compare",
    "draw_attention",
    "evaluate_classifier",
    "evaluate_dataset",
    "fit_temperature",
    "hidden_states",
    "longest_runs",
    "score_example",
    "score_examples",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "attention_weights": "seqforge.evaluation.attention",
        "draw_attention": "seqforge.evaluation.attention",
        "evaluate_dataset": "seqforge.evaluation.likelihood",
        "hidden_states": "seqforge.evaluation.states",
        "score_example": "seqforge.evaluation.likelihood",
        "score_examples": "seqforge.evaluation.likelihood",
    },
)
