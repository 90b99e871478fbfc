"""What a model knows of itself: network, codec, labels and controls. `Model` adds generation and evaluation."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqforge.api.feature_rows import FeatureRows, feature_rows
from seqforge.api.generation_request import check_labels
from seqforge.core.labels import LabelIndex
from seqforge.core.options import build_options
from seqforge.core.run_index import RunIndex
from seqforge.core.sequences import Example, Prompt
from seqforge.errors import OptionsError, RequestError
from seqforge.evaluation.attention import attention_weights
from seqforge.inference import Engine, Ensemble, NetworkWeights, Precision, StepEngine
from seqforge.modelfile import ModelHeader
from seqforge.plugin import AnyCodec, AnyPlugin, Streams
from seqforge.plugin.alignment import aligned_history
from seqforge.sampling import Conditions, Controls, distribution_for, prompt_batch

if TYPE_CHECKING:
    from seqforge.network import Members, Network


class ModelBase:
    """A trained network with its plugin and codec, as far as a generation needs it.

    Args:
        header: The header of the model file.
        weights: The parameters of the network, or of each member if it has several.
        plugin: The plugin of the model's domain.
        codec: The codec that the model was trained with.
        options: The plugin's options.
        path: The path of the model file, None for a model in training.
        precision: Precision of the matrix products in generation.
        device: The device of the matrix products in generation.
    """

    def __init__(
        self,
        header: ModelHeader,
        weights: NetworkWeights | Sequence[NetworkWeights],
        plugin: AnyPlugin,
        codec: AnyCodec,
        *,
        options: Any,
        path: Path | None = None,
        precision: Precision = "float32",
        device: str = "cpu",
    ) -> None:
        self.header, self.plugin, self.codec = header, plugin, codec
        self.members = [weights] if isinstance(weights, NetworkWeights) else list(weights)
        self.weights = self.members[0]
        self.options, self.path, self.precision, self.device = options, path, precision, device
        self.run_indices: dict[int, RunIndex] = {}
        if self.weights.config.distances:
            for member in self.members:
                member.history = aligned_history(plugin, codec, member.config.distances)

    @property
    def name(self) -> str:
        """The name of the model in the origin of generated pieces."""
        if self.path is not None:
            return "/".join(self.path.parts[-3:])
        adapted = "adaptation" in self.header.provenance
        return f"an adapted {self.plugin.name} model" if adapted else f"a {self.plugin.name} model in training"

    @cached_property
    def engine(self) -> StepEngine:
        """The network in step mode; the average of several after `ensemble_with`, or if the model has members."""
        return self._engine_of(self.members, self.precision, self.device)

    @staticmethod
    def _engine_of(members: Sequence[NetworkWeights], precision: Precision, device: str = "cpu") -> StepEngine:
        engines = [Engine(member, precision, device) for member in members]
        return engines[0] if len(engines) == 1 else Ensemble(engines)

    @cached_property
    def network(self) -> "Network | Members":
        """The network of torch, for evaluation. Importing torch takes a second, and generation does not need it."""
        from seqforge.network import Members, Network

        network: Network | Members
        if len(self.members) > 1:
            parts = [member.arrays for member in self.members]
            network = Members.from_arrays(self.weights.space, self.weights.config, parts)
        else:
            network = Network.from_arrays(self.weights.space, self.weights.config, self.weights.arrays)
        network.history = self.weights.history
        return network

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name, as `write_model` stores them; names of members begin with "members.0."."""
        if len(self.members) == 1:
            return dict(self.weights.arrays)
        return {
            f"members.{number}.{name}": array
            for number, member in enumerate(self.members)
            for name, array in member.arrays.items()
        }

    def ensemble_with(self, others: Sequence["ModelBase"]) -> None:
        """Generate from the mean of this model's and others' probabilities from now on.

        Raises:
            RequestError: If a model has another plugin or codec, so that its steps have another meaning.
        """
        for other in others:
            if other.header.plugin != self.header.plugin or other.header.codec != self.header.codec:
                raise RequestError(
                    f"{other.path} and {self.path} cannot form an ensemble: their steps have different meanings; train"
                    " both on the same corpus with the same options, or one from the other with `init`",
                    field="model",
                    value=str(other.path),
                )
        if others:
            members = [member for model in (self, *others) for member in model.members]
            self.engine = self._engine_of(members, self.precision, self.device)

    def streamer(self) -> Callable[[Any], str] | None:
        """Return a function that turns sampled steps into text; None if the codec does not stream."""
        return self.codec.stream() if isinstance(self.codec, Streams) else None

    def label_numbers(self, labels: Mapping[str, str]) -> np.ndarray:
        """Return the number of each label's value, shape (labels,); 0 for a missing label.

        Raises:
            RequestError: If the model does not know a label or value.
        """
        known = self.header.labels
        check_labels(labels, known)
        return LabelIndex(known).numbers(labels)

    def feature_rows(self, features: FeatureRows) -> np.ndarray | None:
        """Return the features of a request, shape (rows, features); None if the model reads none from a request.

        Raises:
            RequestError: If they do not fit the model.
        """
        return feature_rows(features, self.header.network.features, computed=bool(self.codec.features))

    def conditions(self, prompt: Prompt, labels: np.ndarray, features: np.ndarray | None = None) -> Conditions:
        """Return labels and features for a prompt.

        Args:
            prompt: The prompt.
            labels: The number of each label's value; numbers above 0 take precedence over the prompt's labels.
            features: The features, shape (features,); None for those of the prompt, or zeros without them.
        """
        labels = np.where(labels > 0, labels, self.label_numbers(prompt.example.labels))
        if features is None:
            features = prompt.example.features
        zeros = np.zeros(self.header.network.features, np.float32)
        return Conditions(labels, zeros if features is None else np.asarray(features, np.float32))

    def log_probability(self, example: Example, labels: np.ndarray) -> float:
        """Return the log-probability of a whole example by the engine, its end included, in nats.

        Args:
            example: The example.
            labels: The number of each label's value, which replaces that of the example; 0 keeps that of the example.
        """
        batch = prompt_batch(self.engine.network, Prompt(example), self.conditions(Prompt(example), labels))
        distribution = distribution_for(self.header.space, Controls())
        outputs = np.concatenate(list(self.engine.output_chunks(batch)))
        return distribution.log_probability(outputs[:, 0], example.steps)

    def attention_weights(self, example: Example, labels: np.ndarray, prompt: Prompt | None = None) -> np.ndarray:
        """Return the attention weights of each step over an example's source, shape (steps, symbols).

        Of several networks that are averaged, they are those of the first.

        Args:
            example: The example with its source.
            labels: The number of each label's value, which replaces that of the example; 0 keeps that of the example.
            prompt: The prompt that it continues, if it was generated; its `source_start` moves the attention.
        """
        engine = self.engine if isinstance(self.engine, Engine) else Engine(self.weights, self.precision)
        conditions = self.conditions(Prompt(example) if prompt is None else prompt, labels)
        return attention_weights(engine, example, conditions, prompt=prompt)

    def controls(self, values: Mapping[str, Any]) -> Controls:
        """Return the sampling controls with these values, completed by the plugin's defaults.

        Args:
            values: Fields of `seqforge.sampling.Controls`; `ban` and `force` as tokens, `logit_bias` as texts
                TOKEN=VALUE.

        Raises:
            OptionsError: If a value has a wrong type.
            RequestError: If a value is out of range, or a token is unknown.
        """
        values = {**self.plugin.sampling_defaults, **values}
        tokens = {name: values[name] for name in ("ban", "force") if name in values}
        steps: dict[str, Any] = {name: self._token_steps(name, names) for name, names in tokens.items()}
        if "logit_bias" in values:
            steps["logit_bias"] = self._logit_biases(values["logit_bias"])
        others = {name: value for name, value in values.items() if name not in steps}
        return dataclasses.replace(build_options(Controls, others, owner="the sampler"), **steps)

    def _logit_biases(self, texts: Any) -> tuple[tuple[int, float], ...]:
        allowed = "a list of texts TOKEN=VALUE, as in e=-2.5"
        if isinstance(texts, str) or not isinstance(texts, Sequence) or not all(isinstance(t, str) for t in texts):
            raise OptionsError.invalid("logit_bias", texts, allowed)
        biases = []
        for text in texts:
            token, separator, value = text.rpartition("=")
            try:
                number = float(value)
            except ValueError:
                number = float("nan")
            if not separator or not math.isfinite(number):
                raise RequestError.invalid("logit_bias", text, allowed)
            (step,) = self._token_steps("logit_bias", [token])
            biases.append((step, number))
        return tuple(biases)

    def _token_steps(self, control: str, tokens: Any) -> tuple[int, ...]:
        vocabulary = list(getattr(self.codec, "vocabulary", ()))
        if isinstance(tokens, str) or not isinstance(tokens, Sequence):
            raise OptionsError.invalid(control, tokens, "a list of tokens")
        for token in tokens:
            if token not in vocabulary:
                raise RequestError(
                    f"`{control}` contains {token!r}, which is not a token of the model; `seqforge inspect` shows"
                    " tokens of a file",
                    field=control,
                    value=token,
                )
        return tuple(vocabulary.index(token) for token in tokens)
