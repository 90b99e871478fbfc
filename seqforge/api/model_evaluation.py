"""The quality of a model on a split of a corpus: loss, accuracy of classification, and metrics of predictions."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import evaluation as _evaluation
from seqforge.api.arguments import check_names, check_text, positive_number, whole_number
from seqforge.api.feature_rows import check_features
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.model_scoring import ScoringModel
from seqforge.api.model_sources import sources_of_model
from seqforge.api.piece_classes import PieceClasses
from seqforge.corpus import PreparedCorpus, TableColumns, prepare
from seqforge.dataset import Dataset
from seqforge.errors import RequestError, did_you_mean, listing
from seqforge.evaluation import (
    ClassifierEvaluation,
    Evaluation,
    Predictions,
    classify,
    evaluate_classifier,
    fit_temperature,
)
from seqforge.evaluation.metrics import check_metrics, compute_metrics
from seqforge.plugin import Predicts

__all__ = ["EvaluatedModel"]

PIECES_AT_A_TIME = 256
"""The number of pieces that are classified at a time; it bounds the memory."""


class EvaluatedModel(ScoringModel):
    """A model that can be measured on a split of a corpus."""

    def evaluate(
        self,
        corpus: Sequence[str] | str | None = None,
        *,
        split: str | None = None,
        text_column: str | None = None,
        label_columns: Sequence[str] | str = (),
    ) -> Evaluation:
        """Return the negative log-likelihood of a split of a corpus.

        Args:
            corpus: Names or paths; None for the corpus that the model was trained on. The folder of a run stores its
                paths; a model file stores them relative to the directory in which it was trained.
            split: The split: train, valid or test; None for test, or valid if there is no test split.
            text_column: The column of the texts in tables; None for the one that the model was trained on.
            label_columns: The columns of the labels, as a sequence or separated by commas.

        Raises:
            RequestError: If the split is empty or unknown.
            UsageError: If a corpus does not exist, or a table lacks a column.
        """
        columns = TableColumns.from_names(text_column, label_columns)
        names, prepared, split = self.prepare_split(corpus, split, columns)
        evaluation = _evaluation.evaluate_dataset(self.network, prepared.datasets[split], self.header.unit)
        dropped = prepared.report["dropped_total"]
        return dataclasses.replace(evaluation, split=split, corpus=tuple(names), dropped=dropped)

    def evaluate_classifier(
        self,
        label: str | None = None,
        corpus: Sequence[str] | str | None = None,
        *,
        prior: str = "uniform",
        temperature: float | None = None,
        split: str | None = None,
        text_column: str | None = None,
        label_columns: Sequence[str] | str = (),
    ) -> ClassifierEvaluation:
        """Return how well the model classifies the pieces of a split by a label.

        Example:
            result = model.evaluate_classifier("language", prior="corpus")
            print(result.accuracy, result.calibration_error)

        Args:
            label: The label; None for the only one of the model.
            corpus: Names or paths; None for the corpus that the model was trained on.
            prior: The prior of the values: "uniform", or "corpus" for their shares of the training pieces.
            temperature: The divisor of the log-likelihoods, above 0; None for the one with the lowest nats on the valid
                split, or 1 if that is the split to evaluate, or has no piece with the label.
            split: The split: train, valid or test; None for test, or valid if there is no test split.
            text_column: The column of the texts in tables; None for the one that the model was trained on.
            label_columns: The columns of the labels, as a sequence or separated by commas.

        Raises:
            RequestError: If the model does not have the label, or no piece of the split has it.
        """
        classes = self.classes_of(label)
        fixed = None if temperature is None else positive_number("temperature", temperature)
        names, prepared, split = self.prepare_split(corpus, split, TableColumns.from_names(text_column, label_columns))
        nats, log_prior, targets = self._class_likelihoods_of(prepared.datasets[split], classes, prior)
        if not len(targets):
            raise RequestError(
                f"no piece of the split {split!r} of {listing(names)} has the label {classes.name!r}",
                field="label", value=classes.name,
            )  # fmt: skip
        fitted_on = ""
        if fixed is None and split != "valid":
            held_out = self._class_likelihoods_of(prepared.datasets["valid"], classes, prior)
            if len(held_out[2]):
                fixed, fitted_on = fit_temperature(*held_out), "valid"
        divisor = 1.0 if fixed is None else fixed

        def result_with(divisor: float) -> ClassifierEvaluation:
            probabilities = classify(nats, log_prior, divisor)
            return evaluate_classifier(classes.name, classes.values, probabilities, targets)

        return dataclasses.replace(
            result_with(divisor), unlabelled=len(prepared.datasets[split]) - len(targets), split=split,
            corpus=tuple(names), temperature=divisor, fitted_on=fitted_on,
            uncalibrated=None if divisor == 1 else result_with(1.0),
        )  # fmt: skip

    def _class_likelihoods_of(
        self, dataset: Dataset, classes: PieceClasses, prior: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the nats given each value, the logarithm of the prior and the value of the pieces with a value.

        The shapes are (pieces, values), (pieces, values) and (pieces,).
        """
        targets, size = classes.targets(dataset), len(classes.values)
        known = np.flatnonzero(targets)
        nats, log_prior = np.zeros((len(known), size)), np.zeros((len(known), size))
        for first in range(0, len(known), PIECES_AT_A_TIME):
            block = slice(first, first + PIECES_AT_A_TIME)
            numbers = known[block].tolist()
            examples = [dataset.example(number) for number in numbers]
            labels = dataset.labels[numbers].astype(np.int64)
            nats[block], log_prior[block] = self._class_likelihoods(examples, labels, classes, prior, rows=64)
        return nats, log_prior, targets[known] - 1

    def evaluate_predictions(
        self,
        metrics: Sequence[str] | str | None = None,
        corpus: Sequence[str] | str | None = None,
        *,
        limit: int | None = None,
        beams: int = 0,
        length_penalty: float = 0.0,
        coverage_penalty: float = 0.0,
        split: str | None = None,
    ) -> Predictions:
        """Return the targets that the model predicts from the sources of a split, measured against the real ones.

        Without beams, the most probable step is chosen always.

        Example:
            result = model.evaluate_predictions(["bleu"], beams=4, length_penalty=0.6, coverage_penalty=0.2)
            print(result.metrics["bleu"])

        Args:
            metrics: Names of metrics, or names separated by commas; None for those of the plugin.
            corpus: Names or paths; None for the corpus that the model was trained on.
            limit: The largest number of sources, the first of the split; None for all.
            beams: Width of a beam search; 0 for greedy search.
            length_penalty: Length penalty of the beam search.
            coverage_penalty: Coverage penalty of the beam search.
            split: The split: train, valid or test; None for test, or valid if there is no test split.

        Raises:
            RequestError: If a metric is unknown, the pieces have no source, or the split is empty.
        """
        plugin = self.plugin
        if not isinstance(plugin, Predicts) or not self.header.network.source_symbols:
            raise RequestError(
                f"`metrics` needs a model that predicts from a source, and this one of the plugin {plugin.name!r} reads"
                " none; leave it out, or train on pairs",
                field="metrics", value=metrics,
            )  # fmt: skip
        names = metrics.split(",") if isinstance(metrics, str) else list(metrics or plugin.metrics)
        check_metrics(names)
        if limit is not None and whole_number("limit", limit) < 1:
            raise RequestError.invalid("limit", limit, "at least 1")
        _, prepared, split = self.prepare_split(corpus, split)
        # 1. Collect the references of each request.
        requests: dict[str, Mapping[str, Any]] = {}
        references: dict[str, list[str]] = {}
        for piece in prepared.pieces(split):
            fields = plugin.prediction_request(piece)
            if fields is not None and (repr(fields) in requests or limit is None or len(requests) < limit):
                requests[repr(fields)] = fields
                references.setdefault(repr(fields), []).append(plugin.target_text(piece))
        if not requests:
            raise RequestError(f"no piece of the split {split!r} has a source", field="split", value=split)
        # 2. Predict the target of each, and compare.
        common: dict[str, Any] = {
            "beams": beams, "length_penalty": length_penalty, "coverage_penalty": coverage_penalty,
            "precision": self.precision, "controls": {} if beams else {"greedy": True},
        }  # fmt: skip
        predictions = []
        for fields in requests.values():
            (generated,) = Generation(self, GenerationRequest(request=fields, **common)).run()
            predictions.append(plugin.target_text(generated.piece))
        values = compute_metrics(names, predictions, list(references.values()))
        return Predictions(values, tuple(predictions), tuple(map(tuple, references.values())), split)

    def prepare_split(
        self,
        corpus: Sequence[str] | str | None = None,
        split: str | None = None,
        columns: TableColumns | None = None,
    ) -> tuple[list[str], PreparedCorpus, str]:
        """Return the names of a corpus, the corpus as the model's codec encodes it, and the split to measure on.

        Example:
            names, prepared, split = model.prepare_split()
            prepared.datasets[split].example(0).steps

        Args:
            corpus: Names or paths; None for the corpus that the model was trained on.
            split: The split: train, valid or test; None for test, or valid if there is no test split.
            columns: The columns that are read from tables; None for those of the training.

        Raises:
            RequestError: If the split is empty or unknown.
            UsageError: If a corpus does not exist, or a table lacks a column.
        """
        check_names("corpus", corpus)
        if split is not None:
            check_text("split", split, "train, valid or test")
        names, sources = sources_of_model(self.plugin, self.path, self.header.provenance, corpus, columns)
        prepared = prepare(self.plugin, self.options, sources, codec=self.codec)
        check_features(self.header.network.features, prepared.features, names)
        sizes = {name: len(dataset) for name, dataset in prepared.datasets.items()}
        if split is None:
            split = next((name for name in ("test", "valid") if sizes[name]), "train")
        if split not in sizes:
            suggestion = did_you_mean(split, sizes)
            raise RequestError(
                f"there is no split {split!r}; there are {listing(sizes)}{suggestion}",
                field="split", value=split, allowed=listing(sizes),
            )  # fmt: skip
        if not sizes[split]:
            others = listing(f"{name} ({count} pieces)" for name, count in sizes.items() if count)
            raise RequestError(
                f"the split {split!r} of {listing(names)} is empty; there are {others}", field="split", value=split
            )
        return names, prepared, split
