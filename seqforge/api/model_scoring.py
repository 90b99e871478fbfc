"""The likelihood of given pieces under a model: scores, the surprisal of each step, and classification by a label."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from seqforge.api.arguments import check_labels, check_text, positive_number
from seqforge.api.feature_rows import check_features
from seqforge.api.model_base import ModelBase
from seqforge.api.piece_classes import FirstStepClasses, LabelClasses, PieceClasses
from seqforge.core.labels import LabelIndex
from seqforge.core.sequences import Example
from seqforge.errors import OptionsError, RequestError, did_you_mean, listing
from seqforge.evaluation import Classification, Evaluation, classify
from seqforge.evaluation.result import check_finite_loss
from seqforge.inference import Engine, Ensemble, StepEngine
from seqforge.plugin import Piece
from seqforge.plugin.first_steps import first_step_classes
from seqforge.plugin.validation import validate_example, validate_units
from seqforge.sampling import Conditions, step_log_probabilities

__all__ = ["PRIORS", "ScoringModel"]

PRIORS = ("uniform", "corpus")
"""The prior probabilities of the values of a label: all equal, or their shares of the training pieces."""


class ScoringModel(ModelBase):
    """A model that scores and classifies pieces; it needs no torch and always computes in float32."""

    @cached_property
    def scoring_engine(self) -> StepEngine:
        """The engine of scores: float32, and an ensemble after `ensemble_with`."""
        if isinstance(self.engine, Ensemble):
            members = [Engine(engine.network) for engine in self.engine.engines]
            return Ensemble(members) if self.precision != "float32" else self.engine
        return self.engine if self.precision == "float32" else self._engine_of(self.members, "float32")

    def score(self, piece: Piece[Any] | Any, *, labels: Mapping[str, str] | None = None) -> Evaluation:
        """Return the negative log-likelihood of a piece (or of its content), its end included.

        Args:
            piece: The piece; its labels are used where the model knows them.
            labels: Label name to value; they take precedence over the labels of the piece.
        """
        return self.score_many([piece], labels=labels)[0]

    def score_many(
        self, pieces: Sequence[Piece[Any] | Any], *, labels: Mapping[str, str] | None = None, rows: int = 32
    ) -> list[Evaluation]:
        """Return the negative log-likelihood of each piece (or content); pieces of similar length are read together.

        Example:
            for evaluation in model.score_many(["To be", "or not to be"]):
                print(evaluation.nats_per_unit)

        Args:
            pieces: The pieces; their labels are used where the model knows them.
            labels: Label name to value; they take precedence over the labels of the pieces.
            rows: Maximal number of pieces that are read in parallel; the results do not depend on it.

        Raises:
            RequestError: If the model does not know a label or value.
        """
        examples, numbers = self._examples(pieces, labels)
        units = [float(validate_units(self.plugin, self.codec, example.steps).sum()) for example in examples]
        logs = self._surprisals(examples, numbers, rows)
        return [
            Evaluation(self.header.unit, count, 1, len(nats), float(nats.sum()), dropped=sum(example.dropped.values()))
            for example, count, nats in zip(examples, units, logs, strict=True)
        ]

    def surprisal(self, piece: Piece[Any] | Any, *, labels: Mapping[str, str] | None = None) -> list[tuple[Any, float]]:
        """Return each token (or step) of a piece with its negative log-probability in nats; the end is None.

        Example:
            for token, nats in model.surprisal("To be, or not to be"):
                print(repr(token), round(nats, 2))

        Args:
            piece: The piece; its labels are used where the model knows them.
            labels: Label name to value; they take precedence over the labels of the piece.
        """
        examples, numbers = self._examples([piece], labels)
        (logs,) = self._surprisals(examples, numbers, 1)
        return list(zip([*self.tokens_of(examples[0]), None], logs.tolist(), strict=True))

    def tokens_of(self, example: Example) -> list[Any]:
        """Return the steps of an example as tokens where the codec has a vocabulary, else as numbers or vectors."""
        steps: list[Any] = example.steps.tolist()
        vocabulary: Sequence[Any] | None = getattr(self.codec, "vocabulary", None)
        return steps if vocabulary is None else [vocabulary[step] for step in steps]

    def classify(
        self, piece: Piece[Any] | Any, *, label: str | None = None, prior: str = "uniform", temperature: float = 1.0
    ) -> Classification:
        """Return the probabilities of the values of a label for a piece, by Bayes' rule; see `classify_many`.

        Example:
            model.classify("O'Brien", label="language").value  # "Irish"
        """
        return self.classify_many([piece], label=label, prior=prior, temperature=temperature)[0]

    def classify_many(
        self,
        pieces: Sequence[Piece[Any] | Any],
        *,
        label: str | None = None,
        prior: str = "uniform",
        temperature: float = 1.0,
        rows: int = 32,
    ) -> list[Classification]:
        """Return the probabilities of the values of a label for each piece, by Bayes' rule.

        The likelihood of a piece is computed once per value of the label. The other labels of the piece are used where
        they are known. Beside the labels of the model, pieces can be classified by what their first step states, if the
        codec has the capability `Classifies`.

        Source: Z. Lipton, S. Vikram and J. McAuley, "Generative Concatenative Nets Jointly Learn to Write and Classify
        Reviews", arXiv 1511.03683, section 3.

        Args:
            pieces: The pieces, or their contents.
            label: The label; None for the only one of the model.
            prior: The prior of the values: "uniform", or "corpus" for their shares of the training pieces.
            temperature: The divisor of the log-likelihoods, above 0. `evaluate_classifier` fits it; above 1, the
                probabilities are less certain.
            rows: Maximal number of sequences that are read in parallel; the results do not depend on it.

        Raises:
            RequestError: If the model does not have the label, or has several and `label` is None.
        """
        classes = self.classes_of(label)
        divisor = positive_number("temperature", temperature)
        examples, numbers = self._examples(pieces, None)
        nats, log_prior = self._class_likelihoods(examples, numbers, classes, prior, rows)
        return [
            Classification(
                classes.name,
                dict(zip(classes.values, row.tolist(), strict=True)),
                dict(zip(classes.values, scores, strict=True)),
            )
            for row, scores in zip(classify(nats, log_prior, divisor), nats.tolist(), strict=True)
        ]

    def classes_of(self, label: str | None) -> PieceClasses:
        """Return what pieces are classified by: a label of the model, or what the first step of a piece states.

        Raises:
            RequestError: If the model does not have the label, or has several and `label` is None.
        """
        labels, stated = self.header.labels, first_step_classes(self.plugin, self.codec)
        names = [*labels, *stated]
        if not names:
            raise RequestError(
                "the model has no labels, so it cannot classify; train with a `labels.csv` beside the files, or with"
                " `label_columns` of a table",
                field="label", value=label,
            )  # fmt: skip
        if label is None:
            if len(names) > 1:
                raise RequestError(
                    f"the model has the labels {listing(names)}; set `label` to one of them",
                    field="label", allowed=listing(names),
                )  # fmt: skip
            label = names[0]
        check_text("label", label, f"one of {listing(names)}")
        if label not in names:
            raise RequestError(
                f"the model has no label {label!r}; it has {listing(names)}{did_you_mean(label, names)}",
                field="label", value=label, allowed=listing(names),
            )  # fmt: skip
        if label in labels:
            return LabelClasses(label, labels[label], list(labels).index(label))
        return FirstStepClasses(label, stated[label])

    def _class_likelihoods(
        self, examples: Sequence[Example], labels: np.ndarray, classes: PieceClasses, prior: str, rows: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the nats of examples given each value, shape (examples, values), and the logarithm of the prior.

        The prior has the shape (values,), or (examples, values) if it is the probability of the first step.
        """
        if prior not in PRIORS:
            raise OptionsError.invalid("prior", prior, f"one of {listing(PRIORS)}")
        size = len(classes.values)
        logs = self._surprisals(*classes.variants(examples, labels), rows)
        if isinstance(classes, FirstStepClasses):
            firsts = np.array([values[0] for values in logs]).reshape(len(examples), size)
            nats = np.array([values[1:].sum() for values in logs]).reshape(len(examples), size)
            return nats, np.zeros(size) if prior == "uniform" else -firsts
        counts = np.zeros(size) if prior == "uniform" else self._label_counts(classes.name)
        log_prior: np.ndarray = np.log((counts + 1) / (counts.sum() + size))
        return np.array([values.sum() for values in logs]).reshape(len(examples), size), log_prior

    def _label_counts(self, label: str) -> np.ndarray:
        """Return the number of training pieces with each value of a label, from the header of the model."""
        stored = self.header.provenance.get("label_counts")
        counts = stored.get(label) if isinstance(stored, dict) else None
        valid = isinstance(counts, list) and len(counts) == len(self.header.labels[label])
        if not valid or not all(isinstance(count, int) and count >= 0 for count in counts or ()):
            raise RequestError(
                f"the model does not store how often each value of {label!r} occurs in its corpus; set `prior` to"
                " uniform, or train again",
                field="prior", value="corpus", allowed="uniform",
            )  # fmt: skip
        return np.array(counts, np.float64)

    def _examples(
        self, pieces: Sequence[Piece[Any] | Any], labels: Mapping[str, str] | None
    ) -> tuple[list[Example], np.ndarray]:
        """Return encoded pieces and the numbers of the values of their labels, shape (pieces, labels)."""
        override = self.label_numbers(check_labels(labels))
        index = LabelIndex(self.header.labels)
        examples, numbers = [], []
        for item in pieces:
            piece = item if isinstance(item, Piece) else Piece(item)
            example = self._encode(piece, "piece")
            examples.append(example)
            known = index.numbers({**piece.labels, **example.labels})
            numbers.append(np.where(override > 0, override, known))
        return examples, np.array(numbers, np.int64).reshape(len(examples), len(self.header.labels))

    def _surprisals(self, examples: Sequence[Example], labels: np.ndarray, rows: int) -> list[np.ndarray]:
        """Return the negative log-probability of every step of examples and of their ends, in nats."""
        zeros = np.zeros(self.header.network.features, np.float32)
        conditions = [
            Conditions(numbers, zeros if example.features is None else example.features)
            for example, numbers in zip(examples, labels, strict=True)
        ]
        logs = step_log_probabilities(self.scoring_engine, examples, conditions, rows=rows)
        for values in logs:
            check_finite_loss(-float(values.sum()))
        return [-values for values in logs]

    def _encode(self, piece: Piece[Any], argument: str) -> Example:
        """Return an encoded piece, with its features if the model reads some.

        Raises:
            OptionsError: If the content has a type that the codec cannot encode.
            CorpusError: If the piece has another number of features than the model reads.
        """
        try:
            example = self.codec.encode(piece)
        except (TypeError, AttributeError) as error:
            raise OptionsError.invalid(
                argument, repr(piece.content)[:80], f"content of the plugin {self.plugin.name!r}"
            ) from error
        example = validate_example(self.plugin, self.codec, example)
        if self.codec.features:
            return example
        width = 0 if piece.features is None else len(piece.features)
        check_features(self.header.network.features, width, ["the piece"])
        return replace(example, features=piece.features)
