"""Evaluation: bits and nats per natural unit."""

from seqforge.evaluation.likelihood import Evaluation, evaluate_dataset, score_example

__all__ = ["Evaluation", "evaluate_dataset", "score_example"]
