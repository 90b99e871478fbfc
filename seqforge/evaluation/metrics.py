"""Metrics of predictions against references: BLEU, chrF, and error rates by edit distance.

They are computed by sacrebleu and rapidfuzz, which the extra `metrics` installs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqforge.core.extras import require
from seqforge.errors import RequestError, did_you_mean, listing

__all__ = ["METRICS", "Predictions", "check_metrics", "compute_metrics"]

Metric = Callable[[Sequence[str], Sequence[Sequence[str]]], float]
"""A function from predictions, and the references of each, to a number."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of a split with their metrics.

    >>> result = Predictions({"cer": 12.5}, ("a dog",), (("a cat", "one cat"),), split="test")
    >>> result.to_json()
    {'predictions': 1, 'split': 'test', 'metrics': {'cer': 12.5}}

    Attributes:
        metrics: The value of each metric by its name.
        predictions: The predicted targets, one per source.
        references: The real targets of each source.
        split: The split.
    """

    metrics: Mapping[str, float]
    predictions: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    split: str

    def to_json(self) -> dict[str, Any]:
        """Return what `seqforge evaluate --metrics NAMES --json` prints."""
        rounded = {name: round(value, 4) for name, value in self.metrics.items()}
        return {"predictions": len(self.predictions), "split": self.split, "metrics": rounded}


def check_metrics(names: Sequence[str]) -> None:
    """Check that all metrics exist.

    >>> check_metrics(["bleu", "cer"])

    Raises:
        RequestError: If there is no metric of a name.
    """
    for name in names:
        if name not in METRICS:
            raise RequestError(
                f"there is no metric {name!r}; there are {listing(METRICS)}{did_you_mean(name, METRICS)}",
                field="metrics", value=name, allowed=listing(METRICS),
            )  # fmt: skip


def compute_metrics(
    names: Sequence[str], predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Return the value of each metric.

    >>> compute_metrics(["cer", "ser"], ["kitten", "dog"], [["sitting", "kitchen"], ["dog"]])
    {'cer': 20.0, 'ser': 50.0}

    Args:
        names: The names of metrics in `METRICS`.
        predictions: The predictions, at least one.
        references: The references of each prediction, at least one each.

    Raises:
        RequestError: If a metric does not exist, or the library that computes it is not installed.
    """
    check_metrics(names)
    return {name: METRICS[name](predictions, references) for name in names}


def _bleu(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return BLEU from 0 to 100, with the tokens of mteval-v13a.

    Source: K. Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002; M. Post, "A
    Call for Clarity in Reporting BLEU Scores", WMT 2018.
    """
    score: float = _library("sacrebleu").corpus_bleu(list(predictions), _streams(references)).score
    return score


def _chrf(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return chrF2 from 0 to 100.

    Source: M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015.
    """
    score: float = _library("sacrebleu").corpus_chrf(list(predictions), _streams(references)).score
    return score


def _character_error_rate(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the edit distance in characters to the closest reference, in percent of its length."""
    return _error_rate(predictions, references)


def _token_error_rate(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the edit distance in words (phonemes) to the closest reference, in percent of their number."""
    return _error_rate([text.split() for text in predictions], [[text.split() for text in ref] for ref in references])


def _sequence_error_rate(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the share of predictions that equal none of their references, in percent."""
    wrong = sum(text not in options for text, options in zip(predictions, references, strict=True))
    return 100 * wrong / len(predictions)


METRICS: Mapping[str, Metric] = {
    "bleu": _bleu,
    "chrf": _chrf,
    "cer": _character_error_rate,
    "wer": _token_error_rate,
    "per": _token_error_rate,
    "ser": _sequence_error_rate,
}
"""The metrics: BLEU and chrF, where higher is better; and the character, word, phoneme and sequence error rates, in
percent. The sequence error rate is called word error rate where the sequences are words, as in pronunciation."""


def _error_rate(predictions: Sequence[Sequence[Any]], references: Sequence[Sequence[Sequence[Any]]]) -> float:
    distance = _library("rapidfuzz.distance").Levenshtein.distance
    errors = length = 0
    for prediction, options in zip(predictions, references, strict=True):
        closest = min((distance(prediction, option), len(option)) for option in options)
        errors, length = errors + closest[0], length + closest[1]
    return 100 * errors / max(length, 1)


def _streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """Return references as sacrebleu takes them: the first ones of all predictions, then the second ones, and so on."""
    most = max(map(len, references))
    return [[options[n] if n < len(options) else None for options in references] for n in range(most)]


def _library(name: str) -> Any:
    return require(name, extra="metrics", purpose="a metric", field="metrics", kind=RequestError)
