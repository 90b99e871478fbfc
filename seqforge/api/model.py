"""A model in the hands of a person: generate, score, look at the next step, evaluate."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np

from seqforge.plugin import registry
from seqforge.plugin.validation import broken, validate_example, validate_piece, validate_prompts, validate_units
from seqforge.corpus import PreparedCorpus, find_sources, prepare
from seqforge.errors import (
    DecodeError,
    OptionsError,
    RequestError,
    did_you_mean,
    listing,
)
from seqforge.evaluation import (
    Comparison,
    Evaluation,
    attention_of,
    compare,
    evaluate_dataset,
    score_example,
)
from seqforge.api.model_paths import locate
from seqforge.api.model_loading import codec_from_header
from seqforge.api.generated import Generated
from seqforge.api.settings import build
from seqforge.modelfile import ModelHeader, read_model
from seqforge.network import Network
from seqforge.plugin import Describes, Origin, Piece, Plugin, Streams
from seqforge.sampling import (
    Ensemble,
    BeamSearch,
    Conditions,
    Controls,
    Engine,
    Limits,
    Precision,
    Sample,
    Sampler,
    distribution_for,
    prompt_batch,
)
from seqforge.sampling.candidates import MOST_CANDIDATES, resampled
from seqforge.core.sequences import Example, Prompt

DEFAULT_LENGTH = 1000.0


class Model:
    """A trained model with its plugin and codec.

    Args:
        header: of the model file.
        network: with its weights.
        plugin: of the model's domain.
        path: where the file lies, for messages.

    Attributes:
        precision: of the matrix products when it generates; set before the first piece.
    """

    precision: Precision = "float32"

    def __init__(self, header: ModelHeader, network: Network, plugin: Plugin, path: Path | None = None) -> None:
        self.header, self.network, self.plugin, self.path = header, network, plugin, path
        self.options = build(plugin.Options, header.options, what=f"the plugin {plugin.name!r}")
        self.codec = codec_from_header(header, plugin, self.options, path)

    def generate(
        self,
        n: int = 1,
        *,
        seed: int = 0,
        length: float | int | None = None,
        steps: int | None = None,
        time: float | int | None = None,
        where: Mapping[str, str] | None = None,
        beams: int = 0,
        length_penalty: float | int = 0.0,
        candidates: int = 0,
        **asked: Any,
    ) -> list[Piece]:
        """Return n new pieces; piece k depends on the model, the request, seed and k alone.

        Args:
            n: how many.
            seed: of all of them.
            length: in natural units, prompt included; a piece is then led to its nearest end.
            steps: likewise in steps.
            time: likewise in seconds of the clock, for all pieces together.
            where: label name to value.
            beams: so many hypotheses of a beam search, which gives the n most probable pieces; 0: draw.
            length_penalty: of the beam search: 0 ranks by log-probability, 1 nearly by that per step.
            candidates: so many are drawn for each piece, and one kept that fits what the constraint demands; 0: as
                the plugin has it (1, or more where something fixed follows).
            asked: fields of `seqforge.sampling.Controls` (temperature=0.8, top_p=0.9, greedy=True; `ban` and `force`
                as tokens), and the plugin's own request (text: prompt="ROMEO:").

        Raises:
            RequestError: what is asked for is impossible.
        """
        controls, request = self.controls(asked)
        found = list(
            self.stream(
                n,
                seed=seed,
                length=length,
                steps=steps,
                time=time,
                where=where,
                beams=beams,
                length_penalty=length_penalty,
                candidates=candidates,
                controls=controls,
                request=request,
            )
        )
        return [generated.piece for generated in sorted(found, key=lambda generated: generated.k)]

    def stream(
        self,
        n: int,
        *,
        seed: int,
        length: float | int | None,
        where: Mapping[str, str] | None,
        controls: Controls,
        request: Mapping[str, Any],
        steps: int | None = None,
        time: float | int | None = None,
        beams: int = 0,
        length_penalty: float | int = 0.0,
        candidates: int = 0,
        watch: Callable[[Any], None] | None = None,
    ) -> Iterator[Generated]:
        """Yield n new pieces as they are completed; see `generate`. `watch` is told every step drawn."""
        if n < 1:
            raise RequestError(f"-n is {n}; it must be at least 1")
        if not 0 <= seed < 2**63:
            raise RequestError(f"--seed is {seed}; it must be from 0 to 2^63 - 1")
        if length is not None and not length > 0:
            raise RequestError(f"--length is {length:g}; it must be more than 0 {self.header.unit}s")
        for name, value in (("steps", steps), ("time", time)):
            if value is not None and not value > 0:
                raise RequestError(f"--{name} is {value:g}; it must be more than 0")
        if not 0 <= candidates <= MOST_CANDIDATES:
            raise RequestError(f"--candidates is {candidates}; it must be from 1 to {MOST_CANDIDATES}, or 0")
        if 0 < beams < n:
            raise RequestError(f"-n is {n} and --beams {beams}; a beam gives at most as many pieces as it is wide")
        asked = build(self.plugin.Request, request, what=f"the plugin {self.plugin.name!r}")
        prompts = validate_prompts(self.plugin, self.codec, asked)
        labels = self.label_numbers(where or {})
        parts: dict[int, list[Sample]] = {}
        for number, prompt in enumerate(prompts):
            conditions = self._conditions(prompt, labels)
            limit = self._limit(prompt, None if length is None else float(length))
            limits = Limits(limit, steps or max(1_000_000, int(16 * limit)), math.inf if time is None else float(time))
            common: Any = {"controls": controls, "limits": limits, "units": self.codec.units}
            if beams:
                search = BeamSearch(
                    self.engine, prompt, conditions, beams=beams, length_penalty=float(length_penalty), **common
                )
                samples = iter(search.best(n))
            else:
                told = (lambda _, step: watch(step)) if watch is not None else None
                sampler = Sampler(self.engine, prompt, conditions, **common)
                many = 1 if controls.greedy else candidates or prompt.candidates
                if many > 1:
                    samples = resampled(sampler, range(n), candidates=many, seed=seed, part=number, watch=told)
                else:
                    samples = sampler.samples(range(n), seed=seed, part=number, watch=told)
            for sample in samples:
                parts.setdefault(sample.k, []).append(sample)
                if number == len(prompts) - 1:
                    made = self._finish(parts.pop(sample.k), prompts, asked, where or {})
                    origin = Origin(self._name(), f"seed {seed}, number {sample.k + 1}")
                    yield dataclasses.replace(made, piece=dataclasses.replace(made.piece, origin=origin))

    def controls(self, asked: Mapping[str, Any]) -> tuple[Controls, dict[str, Any]]:
        """Return the sampler's controls among what is asked for, and the plugin's request.

        Raises:
            OptionsError: a control of the wrong type.
            RequestError: a control out of range, or a banned or forced token that the model does not know.
        """
        own, asked = {field.name for field in dataclasses.fields(Controls)}, {**self.plugin.controls, **asked}
        named = {name: self._steps(name, asked[name]) for name in ("ban", "force") if name in asked}
        plain = {name: value for name, value in asked.items() if name in own - set(named)}
        controls = dataclasses.replace(build(Controls, plain, what="the sampler"), **named)
        return controls, {name: value for name, value in asked.items() if name not in own}

    def _steps(self, control: str, tokens: Sequence[Any]) -> tuple[int, ...]:
        """Return the steps of tokens."""
        names = list(getattr(self.codec, "vocabulary", ()))
        for token in tokens:
            if token not in names:
                raise RequestError(f"--{control} {token!r}: the model has no such token; `seqforge inspect` shows some")
        return tuple(names.index(token) for token in tokens)

    def next(self, prompt: Any = None, *, where: Mapping[str, str] | None = None) -> Any:
        """Return what may come after a prompt, most probable first: token (or step) to probability.

        The end of the piece stands as None. This is all that greedy search, sampling with a temperature
        or a beam search need.

        Args:
            prompt: content of the plugin's type (text: a string); None: the start of a piece.
            where: label name to value.
        """
        example = self.codec.encode(Piece(prompt)) if prompt is not None else None
        start = (
            Prompt(example)
            if example is not None
            else validate_prompts(self.plugin, self.codec, self.plugin.Request())[0]
        )
        outputs, _, _ = self.engine.begin(
            prompt_batch(self.network, start, self._conditions(start, self.label_numbers(where or {})))
        )
        found = distribution_for(self.header.space, Controls()).probabilities(outputs)
        if not isinstance(found, np.ndarray):
            return found
        names: Sequence[Any] = getattr(self.codec, "vocabulary", range(len(found) - 1))
        named = dict(zip([*names, None], found.tolist(), strict=True))
        return dict(sorted(named.items(), key=lambda item: -item[1]))

    def attention(self, example: Example) -> np.ndarray:
        """Return what of an example's source the network attends to at each step; see `evaluation.attention_of`."""
        start = Prompt(example)
        return attention_of(self.network, example, self._conditions(start, self.label_numbers({})))

    def score(self, piece: Piece | Any) -> Evaluation:
        """Return how probable the model finds a piece (or bare content), its end included."""
        piece = piece if isinstance(piece, Piece) else Piece(piece)
        example = validate_example(self.plugin, self.codec, self.codec.encode(piece))
        units = float(validate_units(self.plugin, self.codec, example.steps).sum())
        labels = self.label_numbers({k: v for k, v in piece.labels.items() if k in self.header.labels})
        found = score_example(self.network, example, labels, units, self.header.unit)
        return dataclasses.replace(found, unseen=sum(self.codec.unseen(piece).values()))

    def evaluate(self, corpus: Sequence[str] | str | None = None, *, split: str | None = None) -> Evaluation:
        """Return the model's loss on a split of a corpus: test, or valid where there is no test.

        Args:
            corpus: names or paths; default: what the model was trained on.
            split: train, valid or test.

        Raises:
            RequestError: the split is empty or unknown.
        """
        named, prepared, split = self._split(corpus, split)
        found = evaluate_dataset(self.network, prepared.datasets[split], self.header.unit)
        return dataclasses.replace(found, split=split, corpus=tuple(named), unseen=prepared.report["unseen_total"])

    def compare(self, n: int, corpus: Sequence[str] | str | None = None, *, split: str | None = None) -> Comparison:
        """Return what n new pieces are like beside the real ones of a split; see `evaluate` for the arguments.

        Raises:
            RequestError: the plugin cannot describe its pieces, or the split is empty.
        """
        if not isinstance(self.plugin, Describes):
            raise RequestError(f"the plugin {self.plugin.name!r} cannot describe its pieces, so they are not compared")
        _, prepared, split = self._split(corpus, split)
        sides = prepared.datasets
        held_out = [self.codec.decode(sides[split].example(number)) for number in range(len(sides[split]))]
        training = (self.codec.decode(sides["train"].example(number)) for number in range(len(sides["train"])))
        return compare(self.plugin, self.generate(n), held_out, training)

    def _split(self, corpus: Sequence[str] | str | None, split: str | None) -> tuple[list[str], PreparedCorpus, str]:
        """Return the names of a corpus, what was prepared of it, and the split to measure on."""
        if corpus is None:
            corpus = self.header.provenance.get("corpus", [])
        named = [corpus] if isinstance(corpus, str) else list(corpus or [])
        sources = find_sources(named, reads=self.plugin.reads, domain=self.plugin.name)
        prepared = prepare(self.plugin, self.options, sources, codec=self.codec)
        sizes = {side: len(data) for side, data in prepared.datasets.items()}
        if split is None:
            split = next((side for side in ("test", "valid") if sizes[side]), "train")
        if split not in sizes:
            raise RequestError(f"there is no split {split!r}; there are {listing(sizes)}.{did_you_mean(split, sizes)}")
        if not sizes[split]:
            filled = listing(f"{side} ({count} pieces)" for side, count in sizes.items() if count)
            raise RequestError(f"the split {split!r} of {listing(named)} is empty; there are {filled}")
        return named, prepared, split

    @cached_property
    def engine(self) -> Engine | Ensemble:
        """The network, ready for stepping; with others, where `average` was called."""
        return Engine(self.network, self.precision)

    def average(self, others: Sequence["Model"]) -> None:
        """Generate from now on by the mean of this model's and others' probabilities.

        Raises:
            RequestError: one has another plugin or codec, so that its steps mean something else.
        """
        for other in others:
            if other.header.plugin != self.header.plugin or other.header.codec != self.header.codec:
                raise RequestError(
                    f"{other.path} and {self.path} cannot be averaged: their steps do not mean the same; train both"
                    " on the same corpus with the same options, or one from the other with --init"
                )
        if others:
            self.engine = Ensemble([Engine(model.network, self.precision) for model in (self, *others)])

    def label_numbers(self, where: Mapping[str, str]) -> np.ndarray:
        """Return the number of each label's value, 0 where it is not given.

        Raises:
            RequestError: a label or value that the model does not know.
        """
        known = self.header.labels
        for name, value in where.items():
            if name not in known:
                offer = f"it has {listing(known)}" if known else "it has none"
                raise RequestError(f"the model has no label {name!r}; {offer}.{did_you_mean(name, known)}")
            if value not in known[name]:
                raise RequestError(
                    f"the label {name!r} has no value {value!r}; allowed are {listing(known[name], most=40)}."
                    f"{did_you_mean(value, known[name])}"
                )
        return np.array(
            [values.index(where[name]) + 1 if name in where else 0 for name, values in known.items()],
            np.int64,
        )

    def streamer(self) -> Callable[[Any], str] | None:
        """Return what turns steps into text as they come, None where the codec cannot."""
        return self.codec.stream() if isinstance(self.codec, Streams) else None

    def _name(self) -> str:
        """Return what to call the model in what it makes."""
        return "/".join(self.path.parts[-3:]) if self.path else f"a {self.plugin.name} model in training"

    def _conditions(self, prompt: Prompt, labels: np.ndarray) -> Conditions:
        labels = np.where(labels > 0, labels, self.label_numbers(prompt.example.labels))
        none = np.zeros(self.header.network.features, np.float32)
        return Conditions(labels, none if prompt.example.features is None else prompt.example.features)

    def _limit(self, prompt: Prompt, length: float | None) -> float:
        before = float(validate_units(self.plugin, self.codec, prompt.example.steps).sum())
        if length is not None:
            if before > length:
                raise RequestError(
                    f"the prompt has {before:g} {self.header.unit}s, and --length {length:g} counts it in; ask for more"
                )
            return length
        longest = float(self.header.provenance.get("longest_units", DEFAULT_LENGTH))
        return before + min(2 * longest, DEFAULT_LENGTH)

    def _finish(
        self, samples: list[Sample], prompts: Sequence[Prompt], request: Any, where: Mapping[str, str]
    ) -> Generated:
        pieces, read = [], []
        for sample, prompt in zip(samples, prompts, strict=True):
            labels = {**prompt.example.labels, **where}
            example = dataclasses.replace(prompt.example, steps=sample.steps, labels=labels)
            before = prompt.example.steps
            whole = np.concatenate([before, sample.steps[len(before[: prompt.keep]) :]])
            read.append(dataclasses.replace(example, steps=whole))
            try:
                pieces.append(validate_piece(self.plugin, self.codec.decode(example), "decode", owner=self.codec))
            except DecodeError as error:
                what = f"refuses what the codec's own constraint allowed ({error})"
                raise broken(self.plugin, "decode", what, owner=self.codec) from error
        return Generated(
            k=samples[0].k,
            piece=validate_piece(self.plugin, self.codec.finish(pieces, request), "finish", owner=self.codec),
            ended=all(sample.ended for sample in samples),
            log_probability=sum(sample.log_probability for sample in samples),
            scores=tuple(score for sample in samples for score in sample.scores),
            masked=sum(sample.masked for sample in samples) / len(samples),
            examples=tuple(read),
        )


def load(path: str | Path, *, precision: Precision = "float32") -> Model:
    """Return the model of a file, of a run's folder, or of a plugin's name; see `locate`.

    Args:
        path: which.
        precision: of the matrix products when it generates: "float32", "bfloat16" or "int8"; evaluation and scores
            are always in float32.

    Raises:
        DamagedFileError: it is no model of ours.
        OptionsError: there is no such precision.
        PluginError: its plugin is not installed.
    """
    if precision not in get_args(Precision):
        raise OptionsError(f"precision is {precision!r}; allowed are {listing(get_args(Precision))}")
    found = locate(path)
    header, network = read_model(found)
    model = Model(header, network, registry.load(header.plugin), found)
    model.precision = precision
    return model
