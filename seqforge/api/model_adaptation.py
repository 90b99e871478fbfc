"""A model that follows pieces: dynamic evaluation, and adaptation to the pieces of a user."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from seqforge.api.adaptation_arguments import ADAPT_RATE, ADAPT_STEPS, check_adaptation
from seqforge.api.arguments import real_number
from seqforge.api.model_evaluation import EvaluatedModel
from seqforge.core.labels import LabelIndex
from seqforge.corpus import TableColumns
from seqforge.errors import RequestError
from seqforge.evaluation import DynamicEvaluation
from seqforge.evaluation.result import check_finite_loss
from seqforge.inference import NetworkWeights
from seqforge.modelfile import write_model
from seqforge.plugin import Piece

__all__ = ["AdaptableModel"]


class AdaptableModel(EvaluatedModel):
    """A model whose weights can follow pieces; the model file is never changed."""

    def evaluate_dynamic(
        self,
        corpus: Sequence[str] | str | None = None,
        *,
        rate: float | None = None,
        decay: float | None = None,
        split: str | None = None,
        text_column: str | None = None,
        label_columns: Sequence[str] | str = (),
    ) -> DynamicEvaluation:
        """Return the likelihood of a split by dynamic evaluation: each part is predicted, then learnt from.

        The pieces are read in their order, 64 steps per update. The model itself is not changed.

        Source: B. Krause, E. Kahembwe, I. Murray and S. Renals, "Dynamic Evaluation of Neural Sequence Models", ICML
        2018.

        Example:
            result = model.evaluate_dynamic()
            print(result.adapted.nats_per_unit, result.trained.nats_per_unit)

        Args:
            corpus: Names or paths; None for the corpus that the model was trained on. Its train split must be there,
                because the updates are scaled by the gradients on it.
            rate: The learning rate of the updates; None chooses it on the valid split if the split is test.
            decay: The decay towards the trained weights, from 0 to 1; None chooses it like the rate.
            split: The split: train, valid or test; None for test, or valid if there is no test split.
            text_column: The column of the texts in tables; None for the one that the model was trained on.
            label_columns: The columns of the labels, as a sequence or separated by commas.

        Raises:
            RequestError: If the split is empty or unknown, or the corpus has no train split.
            RunError: If the loss is not finite, because the rate is too high.
        """
        from seqforge.training import DynamicUpdate, choose_update, dynamic_likelihood, gradient_scales

        columns = TableColumns.from_names(text_column, label_columns)
        trained = self.evaluate(corpus, split=split, text_column=text_column, label_columns=label_columns)
        _, prepared, split = self.prepare_split(corpus, split, columns)
        train, valid = prepared.datasets["train"], prepared.datasets["valid"]
        if not len(train):
            raise RequestError(
                "dynamic evaluation scales its updates by the gradients on the train split, and the corpus has none;"
                " name the corpus that the model was trained on",
                field="corpus",
            )
        rate, decay = (
            None if value is None else real_number(name, value) for name, value in (("rate", rate), ("decay", decay))
        )
        update = DynamicUpdate(
            rate=DynamicUpdate.rate if rate is None else rate, decay=DynamicUpdate.decay if decay is None else decay
        )
        scales = gradient_scales(self.network, train, length=update.length)
        chosen_on = ""
        if split == "test" and len(valid) and (rate is None or decay is None):
            update, chosen_on = choose_update(self.network, valid, scales, rate=rate, decay=decay), "valid"
        likelihood = dynamic_likelihood(self.network, prepared.datasets[split], update, scales)
        check_finite_loss(likelihood.nats)
        return DynamicEvaluation(
            dataclasses.replace(trained, nats=likelihood.nats),
            trained,
            rate=update.rate,
            decay=update.decay,
            length=update.length,
            chosen_on=chosen_on,
        )

    def adapt(
        self,
        pieces: Sequence[Piece[Any] | Any],
        *,
        steps: int = ADAPT_STEPS,
        rate: float = ADAPT_RATE,
        seed: int = 0,
    ) -> Self:
        """Return a copy of this model after a few gradient steps on pieces, so that it writes more like them.

        This model and its file are not changed; `save` stores the copy.

        Example:
            mine = model.adapt(["My own text, as long as possible."], steps=50)
            print(mine.generate(prompt="My ")[0].content)

        Args:
            pieces: The pieces, or their contents; their labels are used where the model knows them.
            steps: The number of gradient steps.
            rate: The largest learning rate.
            seed: The seed of the order in which the pieces are read.

        Raises:
            RequestError: If there are no pieces, or a number is not allowed.
            OptionsError: If a piece has a content that the codec cannot encode.
        """
        from seqforge.network import networks_of
        from seqforge.training.fine_tuning import fine_tuned

        steps, rate = check_adaptation(steps, rate)
        if not pieces:
            raise RequestError("there are no pieces to adapt the model to", field="pieces", value=())
        examples, numbers = self._examples(pieces, None)
        index = LabelIndex(self.header.labels)
        labelled = [
            dataclasses.replace(example, labels=index.labels(row.tolist()))
            for example, row in zip(examples, numbers, strict=True)
        ]
        network = fine_tuned(
            self.network, labelled, self.header.labels, self.codec.source, steps=steps, rate=rate, seed=seed
        )  # fmt: skip
        adaptation = {"steps": steps, "rate": rate, "seed": seed, "pieces": len(pieces)}
        header = dataclasses.replace(self.header, provenance={**self.header.provenance, "adaptation": adaptation})
        weights = [NetworkWeights.from_network(member) for member in networks_of(network)]
        return type(self)(
            header, weights, self.plugin, self.codec, options=self.options, precision=self.precision,
            device=self.device,
        )  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Write the model file, such as that of an adapted model.

        Example:
            model.adapt(pieces).save("mine.safetensors")

        Args:
            path: The path of the file; an existing file is replaced.

        Raises:
            WriteError: If the file cannot be written.
        """
        write_model(Path(path), self.header, self.arrays())
