"""A trained model: generate, score, predict the next step, evaluate."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqforge.api.generated import Generated
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.model_base import ModelBase
from seqforge.core.labels import LabelIndex
from seqforge.core.sequences import Example, Prompt
from seqforge.corpus import PreparedCorpus, find_sources, prepare
from seqforge.errors import OptionsError, RequestError, did_you_mean, listing
from seqforge.evaluation import Comparison, Evaluation, attention_weights, compare, evaluate_dataset, score_example
from seqforge.plugin import Describes, Piece
from seqforge.plugin.validation import validate_example, validate_units
from seqforge.sampling import Controls, distribution_for, prompt_batch

CONTROLS = frozenset(field.name for field in dataclasses.fields(Controls))


class Model(ModelBase):
    """A trained model with its plugin and codec; `seqforge.load` and `seqforge.train` return one.

    Example:
        model = seqforge.load("text")
        piece = model.generate(prompt="ROMEO:", length=500, temperature=0.8)[0]
        print(piece.content)
    """

    def generate(
        self,
        n: int = 1,
        *,
        seed: int = 0,
        length: float | int | None = None,
        max_steps: int | None = None,
        max_seconds: float | int | None = None,
        labels: Mapping[str, str] | None = None,
        beams: int = 0,
        length_penalty: float | int = 0.0,
        candidates: int = 0,
        **options: Any,
    ) -> list[Piece[Any]]:
        """Return n new pieces. Piece k depends on the model, the request, the seed and k alone.

        Args:
            n: Number of pieces.
            seed: Seed of the random numbers.
            length: Length in natural units, prompt included; beyond it, a piece ends as soon as it may.
            max_steps: The same limit in steps.
            max_seconds: The same limit in seconds, for all pieces together.
            labels: Label name to value.
            beams: Width of a beam search, which returns the n most probable pieces; 0 samples.
            length_penalty: Length penalty of the beam search: 0 ranks by log-probability, 1 nearly by its mean per
                step.
            candidates: Number of candidates sampled per piece, of which one that fits the constraint is kept; 0 for
                the plugin's choice.
            options: Fields of `seqforge.sampling.Controls` (temperature=0.8, top_p=0.9, greedy=True; `ban` and `force`
                as tokens) and of the plugin's Request (prompt="ROMEO:").

        Raises:
            OptionsError: If an option is unknown or has a wrong type.
            RequestError: If the request is impossible.
        """
        self._check_names(options)
        request = GenerationRequest(
            n=n,
            seed=seed,
            length=None if length is None else float(length),
            max_steps=max_steps,
            max_seconds=None if max_seconds is None else float(max_seconds),
            beams=beams,
            length_penalty=float(length_penalty),
            precision=self.precision,
            candidates=candidates,
            labels=labels or {},
            controls={name: value for name, value in options.items() if name in CONTROLS},
            request={name: value for name, value in options.items() if name not in CONTROLS},
        )
        results: list[Generated] = sorted(Generation(self, request).run(), key=lambda generated: generated.k)
        return [generated.piece for generated in results]

    def _check_names(self, options: Mapping[str, Any]) -> None:
        """Check that every option is a sampling control or a field of the plugin's request.

        Raises:
            OptionsError: If one is not.
        """
        fields = [field.name for field in dataclasses.fields(self.plugin.Request)]
        names = [*fields, *sorted(CONTROLS)]
        for name, value in options.items():
            if name not in names:
                plugin_part = f" and the plugin {self.plugin.name!r} has {listing(fields)}" if fields else ""
                raise OptionsError(
                    f"there is no option {name!r}; the sampler has {listing(sorted(CONTROLS), most=30)}{plugin_part}."
                    f"{did_you_mean(name, names)}",
                    field=name, value=value, allowed=listing(names, most=60),
                )  # fmt: skip

    def next(self, prompt: Any = None, *, labels: Mapping[str, str] | None = None) -> Any:
        """Return the distribution of the step after a prompt: token (or step) to probability, most probable first.

        The end of the piece has the key None. Greedy search, temperature sampling and beam search can be built on it.

        Args:
            prompt: Content of the plugin's type, such as a string; None for the start of a piece.
            labels: Label name to value.
        """
        if prompt is None:
            beginning = Generation(self, GenerationRequest()).prompts[0]
        else:
            beginning = Prompt(validate_example(self.plugin, self.codec, self.codec.encode(Piece(prompt))))
        conditions = self.conditions(beginning, self.label_numbers(labels or {}))
        outputs, _, _ = self.engine.begin(prompt_batch(self.network, beginning, conditions))
        distribution = distribution_for(self.header.space, Controls()).probabilities(outputs)
        if not isinstance(distribution, np.ndarray):
            return distribution
        vocabulary: Sequence[Any] = getattr(self.codec, "vocabulary", range(len(distribution) - 1))
        named = dict(zip([*vocabulary, None], distribution.tolist(), strict=True))
        return dict(sorted(named.items(), key=lambda item: -item[1]))

    def attention(self, example: Example) -> np.ndarray:
        """Return the attention weights of each step over an example's source, shape (steps, symbols)."""
        return attention_weights(self.network, example, self.conditions(Prompt(example), self.label_numbers({})))

    def score(self, piece: Piece[Any] | Any) -> Evaluation:
        """Return the negative log-likelihood of a piece (or of its content), its end included."""
        piece = piece if isinstance(piece, Piece) else Piece(piece)
        example = validate_example(self.plugin, self.codec, self.codec.encode(piece))
        units = float(validate_units(self.plugin, self.codec, example.steps).sum())
        labels = LabelIndex(self.header.labels).numbers(piece.labels)
        evaluation = score_example(self.network, example, labels, units, self.header.unit)
        return dataclasses.replace(evaluation, dropped=sum(example.dropped.values()))

    def evaluate(self, corpus: Sequence[str] | str | None = None, *, split: str | None = None) -> Evaluation:
        """Return the negative log-likelihood of a split of a corpus.

        Args:
            corpus: Names or paths; None for the corpus that the model was trained on.
            split: The split: train, valid or test; None for test, or valid if there is no test split.

        Raises:
            RequestError: If the split is empty or unknown.
        """
        names, prepared, split = self._prepare_split(corpus, split)
        evaluation = evaluate_dataset(self.network, prepared.datasets[split], self.header.unit)
        dropped = prepared.report["dropped_total"]
        return dataclasses.replace(evaluation, split=split, corpus=tuple(names), dropped=dropped)

    def compare(self, n: int, corpus: Sequence[str] | str | None = None, *, split: str | None = None) -> Comparison:
        """Return statistics of n new pieces beside those of the real pieces of a split; arguments as of `evaluate`.

        Raises:
            RequestError: If the plugin has no statistics, or the split is empty.
        """
        if not isinstance(self.plugin, Describes):
            raise RequestError(f"the plugin {self.plugin.name!r} has no statistics, so pieces cannot be compared")
        _, prepared, split = self._prepare_split(corpus, split)
        datasets = prepared.datasets
        held_out = [self.codec.decode(datasets[split].example(number)) for number in range(len(datasets[split]))]
        training = (self.codec.decode(datasets["train"].example(number)) for number in range(len(datasets["train"])))
        return compare(self.plugin, self.generate(n), held_out, training)

    def _prepare_split(
        self, corpus: Sequence[str] | str | None, split: str | None
    ) -> tuple[list[str], PreparedCorpus, str]:
        """Return the names of a corpus, the prepared corpus, and the split to measure on."""
        if corpus is None:
            corpus = self.header.provenance.get("corpus", [])
        names = [corpus] if isinstance(corpus, str) else list(corpus or [])
        sources = find_sources(names, reads=self.plugin.reads, domain=self.plugin.name)
        prepared = prepare(self.plugin, self.options, sources, codec=self.codec)
        sizes = {name: len(dataset) for name, dataset in prepared.datasets.items()}
        if split is None:
            split = next((name for name in ("test", "valid") if sizes[name]), "train")
        if split not in sizes:
            suggestion = did_you_mean(split, sizes)
            raise RequestError(
                f"there is no split {split!r}; there are {listing(sizes)}.{suggestion}",
                field="split", value=split, allowed=listing(sizes),
            )  # fmt: skip
        if not sizes[split]:
            others = listing(f"{name} ({count} pieces)" for name, count in sizes.items() if count)
            raise RequestError(
                f"the split {split!r} of {listing(names)} is empty; there are {others}", field="split", value=split
            )
        return names, prepared, split
