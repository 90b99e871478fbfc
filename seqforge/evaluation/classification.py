"""Classification by a labelled generator: Bayes' rule turns likelihoods into the probabilities of a label's values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CALIBRATION_BINS", "Classification", "ClassifierEvaluation", "classify", "evaluate_classifier"]

CALIBRATION_BINS = 15
"""The number of bins of the expected calibration error."""


@dataclass(frozen=True)
class Classification:
    """The probabilities of the values of a label for one piece.

    >>> classification = Classification("language", {"Irish": 0.8, "Czech": 0.2}, {"Irish": 10.0, "Czech": 11.4})
    >>> classification.value, classification.probability
    ('Irish', 0.8)

    Attributes:
        label: The name of the label.
        probabilities: The posterior probability of each value; they sum to 1.
        nats: The negative log-likelihood of the piece given each value, in nats.
    """

    label: str
    probabilities: Mapping[str, float]
    nats: Mapping[str, float]

    @property
    def value(self) -> str:
        """The most probable value."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """The probability of the most probable value."""
        return self.probabilities[self.value]

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge classify --json` prints of a piece."""
        return {
            "label": self.label,
            "value": self.value,
            "probability": self.probability,
            "probabilities": dict(self.probabilities),
            "nats": dict(self.nats),
        }


@dataclass(frozen=True)
class ClassifierEvaluation:
    """The quality of a classifier on pieces whose label is known.

    Attributes:
        label: The name of the label.
        values: The values of the label, in the order of the rows and columns of `confusion`.
        confusion: Number of pieces by true value (row) and most probable value (column), shape (values, values).
        nats: The mean negative logarithm of the probability of the true value, in nats per piece.
        calibration_error: The expected calibration error: the mean difference between the probability of the most
            probable value and the share of pieces for which it is true, over `CALIBRATION_BINS` bins of equal width,
            weighted by their numbers of pieces.
        unlabelled: Number of pieces that were left out because their label is unknown.
        split: The split that was evaluated, "" for single pieces.
        corpus: The names of the corpora.
        temperature: The divisor of the log-likelihoods.
        fitted_on: The split on which the temperature was fitted; "" if it was set.
        uncalibrated: The evaluation of the same pieces with a temperature of 1; None if the temperature is 1.
    """

    label: str
    values: Sequence[str]
    confusion: np.ndarray
    nats: float
    calibration_error: float
    unlabelled: int = 0
    split: str = ""
    corpus: tuple[str, ...] = ()
    temperature: float = 1.0
    fitted_on: str = ""
    uncalibrated: "ClassifierEvaluation | None" = None

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """The share of pieces whose most probable value is the true one."""
        return float(np.trace(self.confusion) / max(1, self.pieces))

    @property
    def majority_share(self) -> float:
        """The accuracy of a classifier that always returns the most frequent value."""
        return float(self.confusion.sum(1).max() / max(1, self.pieces))

    def figures(self) -> dict[str, float]:
        """Return accuracy, nats and calibration error by name."""
        return {"accuracy": self.accuracy, "nats": self.nats, "calibration_error": self.calibration_error}

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --classify LABEL --json` prints."""
        return {
            "label": self.label,
            "corpus": list(self.corpus),
            "split": self.split,
            "pieces": self.pieces,
            "unlabelled": self.unlabelled,
            "majority_share": self.majority_share,
            **self.figures(),
            "temperature": self.temperature,
            "fitted_on": self.fitted_on,
            "uncalibrated": None if self.uncalibrated is None else self.uncalibrated.figures(),
            "values": list(self.values),
            "confusion": self.confusion.tolist(),
        }


def classify(nats: np.ndarray, log_prior: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the posterior probabilities of the values of a label, shape (pieces, values).

    >>> classify(np.array([[10.0, 10.0]]), np.log([0.75, 0.25]))
    array([[0.75, 0.25]])

    Source: Bayes' rule with the likelihoods of a labelled generator: Z. Lipton, S. Vikram and J. McAuley, "Generative
    Concatenative Nets Jointly Learn to Write and Classify Reviews", arXiv 1511.03683, section 3.

    Args:
        nats: The negative log-likelihood of each piece given each value, in nats, shape (pieces, values).
        log_prior: The logarithm of the prior probability of each value, shape (values,) or (pieces, values); -inf
            excludes a value.
        temperature: The divisor of the log-likelihoods; above 1, the probabilities are less certain.
    """
    joint = log_prior - nats / temperature
    joint = np.exp(joint - joint.max(1, keepdims=True))
    posterior: np.ndarray = joint / joint.sum(1, keepdims=True)
    return posterior


def evaluate_classifier(
    label: str, values: Sequence[str], probabilities: np.ndarray, targets: np.ndarray
) -> ClassifierEvaluation:
    """Return accuracy, confusion matrix and calibration error of predicted probabilities.

    >>> result = evaluate_classifier("kind", ["jig", "reel"], np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]))
    >>> result.accuracy, round(result.calibration_error, 3)
    (0.5, 0.45)

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2.

    Args:
        label: The name of the label.
        values: The values of the label.
        probabilities: The probability of each value for each piece, shape (pieces, values).
        targets: The index of the true value of each piece, shape (pieces,).
    """
    best = probabilities.argmax(1)
    confusion = np.zeros((len(values), len(values)), np.int64)
    np.add.at(confusion, (targets, best), 1)
    rows = np.arange(len(targets))
    nats = -np.log(np.maximum(probabilities[rows, targets], 1e-300)).mean()
    confidence, correct = probabilities[rows, best], best == targets
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = [abs(float((confidence - correct)[bins == number].sum())) for number in range(CALIBRATION_BINS)]
    return ClassifierEvaluation(label, tuple(values), confusion, float(nats), sum(gaps) / len(targets))
