"""A trained model: generate, stream, score, predict the next step, evaluate."""

import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import evaluation as _evaluation
from seqforge.api.arguments import check_event, check_labels, same_arguments, whole_number
from seqforge.api.feature_rows import plain_features
from seqforge.api.generated import Generated
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.generation_arguments import CONTROLS, GENERATION_OPTIONS, FieldValue, request_fields
from seqforge.api.model_adaptation import AdaptableModel
from seqforge.api.runs import Run
from seqforge.api.streaming import StopEvent, Streaming, StreamingStep
from seqforge.core.labels import LabelIndex
from seqforge.core.sequences import Example, Prompt
from seqforge.corpus import TableColumns
from seqforge.errors import RequestError
from seqforge.evaluation import Comparison, Novelty, SharedRuns, compare, longest_runs
from seqforge.evaluation.novelty import symbols_of
from seqforge.plugin import Describes, Piece
from seqforge.sampling import Controls, distribution_for, prompt_batch


class Model(AdaptableModel):
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
        max_copy: int = 0,
        labels: Mapping[str, str] | None = None,
        beams: int = 0,
        length_penalty: float | int = 0.0,
        coverage_penalty: float | int = 0.0,
        beam_groups: int = 1,
        beam_diversity: float = 0.5,
        candidates: int = 0,
        best_of: int = 0,
        guidance: float | int = 1.0,
        features: Any = None,
        cancel: threading.Event | None = None,
        greedy: bool | None = None,
        temperature: float | None = None,
        temperature_range: float | None = None,
        temperature_exponent: float | None = None,
        top_n_sigma: float | None = None,
        top_k: int | None = None,
        typical: float | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        epsilon: float | None = None,
        eta: float | None = None,
        xtc_probability: float | None = None,
        xtc_threshold: float | None = None,
        mirostat: float | None = None,
        mirostat_rate: float | None = None,
        repetition_penalty: float | None = None,
        presence_penalty: float | None = None,
        frequency_penalty: float | None = None,
        no_repeat_ngram: int | None = None,
        dry: float | None = None,
        dry_base: float | None = None,
        dry_length: int | None = None,
        penalty_window: int | None = None,
        bias: float | None = None,
        ban: Sequence[Any] | None = None,
        logit_bias: Mapping[str, float] | Sequence[str] | None = None,
        force: Sequence[Any] | None = None,
        request: object = None,
        **fields: FieldValue,
    ) -> list[Piece[Any]]:
        """Return n new pieces. Piece k depends on the model, the request, the seed and k alone.

        Jupyter shows a piece as its plugin draws it: a score, a drawing, a player of its sound, or text.

        The arguments from `greedy` to `force` are the sampling controls, which `seqforge.sampling.Controls` describes.
        A control that is None has the default of the plugin, or else of the sampler.

        Example:
            model.generate(prompt="ROMEO:", temperature=0.8)
            model.generate(request=TextRequest(prompt="ROMEO:"), temperature=0.8)  # a type checker knows the fields

        Args:
            n: Number of pieces.
            seed: Seed of the random numbers.
            length: Length in natural units, prompt included; beyond it, a piece ends as soon as it may.
            max_steps: The same limit in steps.
            max_seconds: The same limit in seconds, for all pieces together.
            max_copy: Length of the longest run of the training corpus that may be written, in steps; 0 for no limit.
                The corpus of the training must still be there.
            labels: Label name to value.
            beams: Width of a beam search, which returns the n most probable pieces; 0 samples.
            length_penalty: Length penalty of the beam search: 0 ranks by log-probability, 1 nearly by its mean per
                step.
            coverage_penalty: Weight of the penalty on parts of a source that attention by content has not read.
            beam_groups: Number of groups of beams, a divisor of `beams`. A group avoids what earlier groups choose; the
                best piece of each group comes first.
            beam_diversity: Cost in nats of a choice per hypothesis of an earlier group that has just chosen it.
            candidates: Number of candidates sampled per piece, of which one that fits the constraint is kept; 0 for
                the plugin's choice.
            best_of: Number of candidates sampled per piece, of which the one with the highest mean log-probability of a
                step under the network is kept; 0 to keep one as `candidates` says.
            guidance: Factor of the effect of the labels: above 1 they count more; 1 leaves the network as it is.
            features: The features of each piece, for a model that reads features: the path of a .npy or .csv file, or
                an array of shape (features,) or (pieces, features). Piece k has those of row k; after the last row the
                first follows.
            cancel: An event that another thread sets to stop the generation at the next step. Only the pieces that are
                complete by then are returned; the origin of each names its number.
            greedy: Whether to choose the most probable step always.
            temperature: Sampling temperature; 0 is greedy.
            temperature_range: Largest difference of a dynamic temperature from `temperature`; it follows the entropy.
                0 turns it off.
            temperature_exponent: Exponent of the normalised entropy that dynamic temperature follows.
            top_n_sigma: Number of standard deviations below the largest logit within which steps are kept; 0 keeps all.
            top_k: Number of most probable steps to sample among; 0 for all.
            typical: Total probability of locally typical sampling; 1 keeps all steps.
            top_p: Total probability of nucleus sampling; 1 keeps all steps.
            min_p: Smallest fraction of the highest probability; 0 keeps all steps.
            epsilon: Smallest probability of a step; 0 keeps all.
            eta: As `epsilon`, with a lower bound where the distribution is flat; 0 keeps all.
            xtc_probability: Probability per step that all steps above `xtc_threshold` but the least probable of them
                are removed; 0 turns it off.
            xtc_threshold: Probability from which a step counts as a top choice.
            mirostat: Target surprisal of mirostat sampling, in bits; 0 turns it off.
            mirostat_rate: Learning rate of mirostat sampling.
            repetition_penalty: Divisor of the positive logits of earlier steps; 1 turns it off.
            presence_penalty: Subtracted from the logit of every step that has occurred.
            frequency_penalty: Subtracted from the logit of a step once per earlier occurrence.
            no_repeat_ngram: Length of runs that are never repeated, in steps; 0 turns it off.
            dry: Strength of the DRY penalty; 0 turns it off.
            dry_base: Growth of the DRY penalty per step of the repeated run.
            dry_length: Length of a repeated run from which the DRY penalty applies.
            penalty_window: Number of last steps that the penalties count; 0 for all.
            bias: Bias of real-valued steps; 0 samples the network as it is, 1 or more is neater.
            ban: Tokens that are never chosen.
            logit_bias: Token to a number that is added to its logit, or texts TOKEN=VALUE.
            force: Tokens with which the piece continues the prompt.
            request: The plugin's Request, such as `seqforge_text.TextRequest(prompt="ROMEO:")`; None for `fields`.
            fields: Fields of the plugin's Request, such as prompt="ROMEO:". A type checker reports a number with a
                fraction here, since it may be a misspelt control; a request object accepts it.

        Raises:
            OptionsError: If an option is unknown or has a wrong type.
            RequestError: If the request is impossible.
        """
        values = locals()
        options = {name: value for name, value in values.items() if name in GENERATION_OPTIONS}
        controls = {name: value for name, value in values.items() if name in CONTROLS and value is not None}
        generation = self._generation(cancel, controls, request_fields(self.plugin, request, fields), options)
        results: list[Generated] = sorted(generation.run(), key=lambda generated: generated.k)
        return [generated.piece for generated in results]

    @same_arguments(generate)
    def stream(self, n: int = 1, **options: Any) -> Iterator[StreamingStep]:
        """Yield the steps of one piece while it grows, and the complete piece at last.

        The steps are those that are sampled; the prompt is not among them. A beam search yields the piece alone, and
        a request with several `candidates` yields the steps of the one that is kept. Leaving the loop early stops the
        generation.

        Example:
            for item in model.stream(prompt="ROMEO:", length=200):
                print(item.text, end="", flush=True)

        Args:
            n: Number of pieces, which must be 1.
            options: The other arguments of `generate`.

        Raises:
            OptionsError: If an option is unknown or has a wrong type.
            RequestError: If the request is impossible.
        """
        return iter(self._streaming(n, options))

    @same_arguments(generate)
    def astream(self, n: int = 1, **options: Any) -> AsyncIterator[StreamingStep]:
        """Yield the same as `stream`, for `async for`; the event loop is free while the network computes.

        Example:
            async for item in model.astream(prompt="ROMEO:", length=200):
                await websocket.send_text(item.text)

        Args:
            n: Number of pieces, which must be 1.
            options: The other arguments of `generate`.

        Raises:
            OptionsError: If an option is unknown or has a wrong type.
            RequestError: If the request is impossible.
        """
        return aiter(self._streaming(n, options))

    def _streaming(self, n: int, options: Mapping[str, Any]) -> Streaming:
        """Return the streaming of one piece; wrong options are errors here, before the iteration."""
        if whole_number("n", n) != 1:
            raise RequestError.invalid("n", n, "1 in a stream")
        cancel = options.get("cancel")
        check_event("cancel", cancel)
        stop = StopEvent(cancel)
        controls = {name: value for name, value in options.items() if name in CONTROLS and value is not None}
        fields = {n: v for n, v in options.items() if n not in CONTROLS | GENERATION_OPTIONS | {"cancel", "request"}}
        request = request_fields(self.plugin, options.get("request"), fields)
        others = {name: value for name, value in options.items() if name in GENERATION_OPTIONS}
        return Streaming(self._generation(stop, controls, request, others), stop, self.streamer())

    def _generation(
        self, cancel: Any, controls: Mapping[str, Any], request: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Generation:
        options = {
            **options,
            "labels": check_labels(options.get("labels")),
            "features": plain_features(options.get("features")),
        }
        biases = controls.get("logit_bias")
        if isinstance(biases, Mapping):
            controls = {**controls, "logit_bias": [f"{token}={value}" for token, value in biases.items()]}
        values = GenerationRequest(
            precision=self.precision, device=self.device, controls=controls, request=request, **options
        )
        return Generation(self, values, cancel=cancel)

    def next(self, prompt: Any = None, *, labels: Mapping[str, str] | None = None, features: Any = None) -> Any:
        """Return the distribution of the step after a prompt: token (or step) to probability, most probable first.

        The end of the piece has the key None. Greedy search, temperature sampling and beam search can be built on it.

        Args:
            prompt: Content of the plugin's type, such as a string; None for the start of a piece.
            labels: Label name to value.
            features: The features of the piece, shape (features,), for a model that reads features.
        """
        rows = self.feature_rows(plain_features(features))
        vector = None if rows is None else rows[0]
        if prompt is None:
            beginning = Generation(self, GenerationRequest(features=plain_features(features))).prompts[0]
        else:
            beginning = Prompt(self._encode(Piece(prompt, features=vector), "prompt"))
        conditions = self.conditions(beginning, self.label_numbers(check_labels(labels)), vector)
        outputs, _, _ = self.engine.begin(prompt_batch(self.engine.network, beginning, conditions))
        distribution = distribution_for(self.header.space, Controls()).probabilities(outputs)
        if not isinstance(distribution, np.ndarray):
            return distribution
        vocabulary: Sequence[Any] = getattr(self.codec, "vocabulary", range(len(distribution) - 1))
        named = dict(zip([*vocabulary, None], distribution.tolist(), strict=True))
        return dict(sorted(named.items(), key=lambda item: -item[1]))

    def attention(self, example: Example, *, prompt: Prompt | None = None) -> np.ndarray:
        """Return the attention weights of each step over an example's source, shape (steps, symbols).

        Args:
            example: The example with its source.
            prompt: The prompt that it continues, if it was generated.
        """
        return self.attention_weights(example, self.label_numbers({}), prompt)

    def hidden_states(self, piece: Piece[Any] | Any, *, labels: Mapping[str, str] | None = None) -> np.ndarray:
        """Return the hidden state of every layer after every step of a piece, float32.

        Position 0 is the state after the start of the piece, position t the state after step t. Of an LSTM, this is
        the output h; the cell state is not included.

        Example:
            states = model.hidden_states("To be, or not to be")
            states.shape  # (20, 2, 384): 19 characters and the start, 2 layers, 384 units

        Args:
            piece: A piece or its content, such as a string.
            labels: Label name to value; they take precedence over the labels of the piece.

        Returns:
            The states, shape (steps + 1, layers, hidden).
        """
        from seqforge.network import networks_of

        piece = piece if isinstance(piece, Piece) else Piece(piece)
        prompt = Prompt(self._encode(piece, "piece"))
        numbers = LabelIndex(self.header.labels).numbers({**piece.labels, **check_labels(labels)})
        return _evaluation.hidden_states(networks_of(self.network)[0], prompt.example, self.conditions(prompt, numbers))

    @property
    def run(self) -> Run | None:
        """The run of the model, whose curves Jupyter shows; None if the model is not in a run folder."""
        run = None if self.path is None else Run(self.path.parent)
        return run if run is not None and run.metrics.exists() else None

    def compare(
        self,
        n: int,
        corpus: Sequence[str] | str | None = None,
        *,
        split: str | None = None,
        text_column: str | None = None,
        label_columns: Sequence[str] | str = (),
    ) -> Comparison:
        """Return statistics of n new pieces beside those of the real pieces of a split; arguments as of `evaluate`.

        Raises:
            RequestError: If the plugin has no statistics, or the split is empty.
        """
        whole_number("n", n)
        if not isinstance(self.plugin, Describes):
            raise RequestError(f"the plugin {self.plugin.name!r} has no statistics, so pieces cannot be compared")
        columns = TableColumns.from_names(text_column, label_columns)
        _, prepared, split = self.prepare_split(corpus, split, columns)
        held_out, training = prepared.pieces(split), prepared.pieces("train")
        width = 0 if self.codec.features else self.header.network.features
        features = prepared.datasets[split].features[:n] if width else None
        return compare(self.plugin, self.generate(n, features=features), list(held_out), training)

    def novelty(
        self,
        pieces: Sequence[Piece[Any] | Any] | None = None,
        corpus: Sequence[str] | str | None = None,
        *,
        n: int = 50,
        split: str | None = None,
        text_column: str | None = None,
        label_columns: Sequence[str] | str = (),
    ) -> Novelty:
        """Return the longest runs that pieces, and held-out pieces, share with the training corpus.

        Example:
            print(model.novelty(n=100).runs["steps"].summary("generated"))  # median and maximum

        Args:
            pieces: The pieces, or their contents; None for n generated ones.
            corpus: Names or paths; None for the corpus that the model was trained on.
            n: Number of pieces that are generated if `pieces` is None.
            split: The split of the held-out pieces; None for test, or valid if there is no test split.
            text_column: The column of the texts in tables; None for the one that the model was trained on.
            label_columns: The columns of the labels, as a sequence or separated by commas.
        """
        whole_number("n", n)
        columns = TableColumns.from_names(text_column, label_columns)
        names, prepared, split = self.prepare_split(corpus, split, columns)
        if pieces is None:
            width = 0 if self.codec.features else self.header.network.features
            features = prepared.datasets[split].features[:n] if width else None
            generated = list(self.generate(n, features=features))
        else:
            generated = [item if isinstance(item, Piece) else Piece(item) for item in pieces]
        train, held_out = prepared.datasets["train"], prepared.datasets[split]
        sides = [[held_out.steps(number) for number in range(len(held_out))]]
        sides.insert(0, [self._encode(piece, "pieces").steps for piece in generated])
        training = [train.steps(number) for number in range(len(train))]
        lengths = longest_runs(map(symbols_of, training), [symbols_of(steps) for side in sides for steps in side])
        runs = {"steps": SharedRuns(lengths[: len(generated)], lengths[len(generated) :])}
        if isinstance(self.plugin, Describes):
            real = [self.codec.decode(held_out.example(number)) for number in range(len(held_out))]
            known = (self.plugin.trace(self.codec.decode(train.example(number))) for number in range(len(train)))
            lengths = longest_runs(known, [self.plugin.trace(piece) for piece in [*generated, *real]])
            runs["signature"] = SharedRuns(lengths[: len(generated)], lengths[len(generated) :])
        return Novelty(len(train), sum(map(len, training)), runs, split, tuple(names))
