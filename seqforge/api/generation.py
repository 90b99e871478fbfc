"""Generation: one request to a model, understood once, and the pieces that follow from it."""

import dataclasses
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.api.arguments import check_event
from seqforge.api.cancellation import Cancelled, cancellable
from seqforge.api.display import GeneratedPiece
from seqforge.api.generated import Generated
from seqforge.api.generation_request import GenerationRequest
from seqforge.api.model_base import ModelBase
from seqforge.api.piece_conditions import PieceConditions
from seqforge.api.training_corpus import copied_run, limit_copying
from seqforge.core.files import input_file
from seqforge.core.options import build_options
from seqforge.core.sequences import Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.corpus import probe
from seqforge.errors import DecodeError, RequestError, SeqforgeError
from seqforge.inference import GuidedEngine, StepEngine
from seqforge.plugin import Origin, Piece, Task
from seqforge.plugin.validation import contract_error, validate_piece, validate_task, validate_units
from seqforge.sampling import BeamSearch, Controls, Limits, Sample, samplers_of
from seqforge.sampling.candidates import Choose, resample, select
from seqforge.sampling.slot import Alternatives

__all__ = ["Generation", "GenerationRequest"]

DEFAULT_LENGTH = 1000.0
"""Natural units after which a piece is led to its end, if no length is given."""
MAX_STEPS = 1_000_000
COPY_ATTEMPTS = 16
"""The number of times that a piece with a longer run of the training corpus than `max_copy` is drawn."""
RESOLVE_COUNTER = np.array([0, 0, 3, 0], np.uint64)
"""The start of the random numbers of `Codec.resolve`; those of samples have other numbers in the third place."""


class Generation:
    """One request to a model: its controls, its task and its limits. The request is read once.

    Example:
        generation = Generation(model, GenerationRequest(n=3, request={"key": "D"}))
        for generated in generation.run():
            print(generated.piece.content)

    Args:
        model: The model.
        request: The request.
        cancel: An event that stops the generation at the next step; pieces that are complete by then are kept.

    Attributes:
        task: The task of the plugin's codec.

    Raises:
        OptionsError: If a control or a field of the request is unknown or has a wrong value.
        RequestError: If the request is impossible.
    """

    def __init__(self, model: ModelBase, request: GenerationRequest, *, cancel: threading.Event | None = None) -> None:
        check_event("cancel", cancel)
        self.model, self.request, self.cancel = model, request, cancel
        self.controls = model.controls(request.controls)
        self.label_numbers = model.label_numbers(request.labels)
        self._features = model.feature_rows(request.features)
        self.task = self._task()
        self.task.review(self._log_probability)

    @cached_property
    def prompts(self) -> Sequence[Prompt]:
        """The prompts of the task, one per part of the result; `max_copy` is a part of their constraints.

        Raises:
            RequestError: If `max_copy` is set and the training corpus is missing, or the steps are not symbols.
        """
        if not self.request.max_copy:
            return self.task.prompts
        return limit_copying(self.model, self.task.prompts, self.request.max_copy)

    @cached_property
    def conditions(self) -> PieceConditions:
        """The features and the drawn labels of each piece."""
        example, choices = self.prompts[0].example, () if self.request.beams else self.prompts[0].label_choices
        labels = {**example.labels, **self.request.labels}
        return PieceConditions(self._features, choices, labels, seed=self.request.seed)

    def run(
        self,
        on_step: Callable[[Any], None] | None = None,
        *,
        numbers: range | None = None,
        on_part: Callable[[Sequence[Sample]], None] | None = None,
    ) -> Iterator[Generated]:
        """Yield the pieces as they are completed; they may come out of order. `cancel` ends the iteration.

        Args:
            on_step: Called with every sampled step.
            numbers: The numbers of the pieces to generate, from 0; None for all.
            on_part: Called with the samples of the first parts of a piece when a further part is complete. The parts
                are drawn in their order only if `on_step` is set.
        """
        try:
            yield from self._run(on_step, range(self.request.n) if numbers is None else numbers, on_part)
        except Cancelled:
            return

    def run_in_order(
        self, on_step: Callable[[Any], None] | None = None, *, numbers: range | None = None
    ) -> Iterator[Generated]:
        """Yield the pieces in the order of their numbers, each as soon as all before it are completed.

        Args:
            on_step: Called with every sampled step.
            numbers: The numbers of the pieces to generate, from 0; None for all.
        """
        waiting: dict[int, Generated] = {}
        following = iter(range(self.request.n) if numbers is None else numbers)
        number = next(following, None)
        for generated in self.run(on_step, numbers=numbers):
            waiting[generated.k] = generated
            while number in waiting:
                yield waiting.pop(number)
                number = next(following, None)

    def draft(self, samples: Sequence[Sample]) -> Piece[Any] | None:
        """Return the result as far as its first parts go; None if the task has no draft.

        Args:
            samples: The samples of the first parts, as `on_part` of `run` receives them.
        """
        pieces = [self._part(number, sample)[1] for number, sample in enumerate(samples)]
        piece = self.task.draft(pieces)
        return None if piece is None else validate_piece(self.model.plugin, piece, "draft", owner=self.task)

    def _run(
        self,
        on_step: Callable[[Any], None] | None,
        numbers: range,
        on_part: Callable[[Sequence[Sample]], None] | None,
    ) -> Iterator[Generated]:
        samples: dict[int, dict[int, Sample]] = {}
        for part, sample in self._samples(numbers, on_step):
            parts = samples.setdefault(sample.k, {})
            parts[part] = sample
            if len(parts) == len(self.prompts):
                del samples[sample.k]
                generated = self._finish([parts[number] for number in range(len(parts))])
                yield self._within_copy_limit(generated) if self.request.max_copy and on_step is None else generated
            elif on_part is not None and all(number in parts for number in range(len(parts))):
                on_part([parts[number] for number in range(len(parts))])

    def _within_copy_limit(self, generated: Generated) -> Generated:
        """Return this piece, or one that is drawn again, whose file has no longer run of the corpus than `max_copy`.

        The random numbers of another attempt depend on the seed and the number of the attempt alone.

        Raises:
            RequestError: If no attempt succeeds.
        """
        limit, origin, again = self.request.max_copy, generated.piece.origin, copy(self)
        prompt_steps = max(len(prompt.example.steps) for prompt in self.prompts)
        for attempt in range(1, COPY_ATTEMPTS + 1):
            if copied_run(self.model, generated, limit, prompt_steps=prompt_steps) <= limit:
                return dataclasses.replace(generated, piece=dataclasses.replace(generated.piece, origin=origin))
            if attempt == COPY_ATTEMPTS or self.request.beams or self.controls.greedy:
                break
            (seed,) = np.random.SeedSequence([self.request.seed, attempt]).generate_state(1, np.uint64).tolist()
            again.request = dataclasses.replace(self.request, seed=seed >> 1)
            parts = dict(again._samples(range(generated.k, generated.k + 1), None))
            generated = again._finish([parts[number] for number in range(len(parts))])
        raise RequestError(
            f"`max_copy` is {limit}, and the pieces that were drawn have a longer run of the training corpus once they"
            " are encoded again; set a larger `max_copy`, or another seed",
            field="max_copy", value=limit,
        )  # fmt: skip

    def _task(self) -> Task[Any]:
        plugin = self.model.plugin
        request = build_options(plugin.Request, self.request.request, owner=f"the plugin {plugin.name!r}")
        copies: dict[str, str] = {}
        for name, value in vars(request).items():
            if isinstance(value, Path):
                suffix = plugin.reads[0] if plugin.reads else plugin.writes[0]
                path = input_file(value, field=name, suffix=suffix)
                fault = probe(plugin, self.model.options, path) if path.is_file() else None
                if fault is not None:
                    raise RequestError(
                        f"`{name}` is {value}, which cannot be read: {fault.reason}", field=name, value=str(value)
                    )
                if path != value:
                    copies[str(path)] = "standard input" if str(value) == "-" else str(value)
                    request = dataclasses.replace(request, **{name: path})
        request = self._resolved(request)
        try:
            task = self.model.codec.labelled_task(request, dict(self.request.labels))
            return validate_task(plugin, self.model.codec, task)
        except SeqforgeError as error:
            message = str(error)
            for copy, original in copies.items():
                message = message.replace(copy, original)
            error.args = (message,)
            raise

    def _resolved(self, request: Any) -> Any:
        """Return the plugin's request with the codec's choices, which become part of this request, too."""
        codec = self.model.codec
        stream = np.random.Philox(key=np.array([self.request.seed, 0], np.uint64), counter=RESOLVE_COUNTER)
        resolved = codec.resolve(request, np.random.Generator(stream))
        if type(resolved) is not type(request):
            problem = f"returns a {type(resolved).__name__}"
            raise contract_error(
                self.model.plugin, "resolve", problem, f"a {type(request).__name__}", owner=codec
            )  # fmt: skip
        before = vars(request) if dataclasses.is_dataclass(request) else {}
        chosen = {name: getattr(resolved, name) for name, value in before.items() if getattr(resolved, name) != value}
        if chosen:
            self.request = dataclasses.replace(self.request, request={**self.request.request, **chosen})
        return resolved

    def _log_probability(self, example: Example) -> float:
        """Return the log-probability of a whole example, in nats."""
        return self.model.log_probability(self.conditions.example(example, 0), self.label_numbers)

    def _attention(self, example: Example, prompt: Prompt) -> np.ndarray:
        """Return the attention weights of the sampled steps of an example over the symbols of its source."""
        beginning = dataclasses.replace(prompt.example, features=example.features, labels=example.labels)
        prompt = dataclasses.replace(prompt, example=beginning)
        return self.model.attention_weights(example, self.label_numbers, prompt)[len(prompt.example.steps) :]

    def _conditioned(self, number: int, part: int) -> Prompt:
        """Return the prompt of a part with the features and labels of conditions."""
        prompt = self.prompts[part]
        return dataclasses.replace(prompt, example=self.conditions.example(prompt.example, number))

    def _samples(self, numbers: range, on_step: Callable[[Any], None] | None) -> Iterator[tuple[int, Sample]]:
        """Yield the samples of all prompts, each with the number of its prompt."""
        request, model, count = self.request, self.model, len(self.prompts)
        # Part p of a piece with the conditions c is number c * count + p.
        parts = [c * count + p for c in sorted({self.conditions.number(k) for k in numbers}) for p in range(count)]
        prompts = [self._conditioned(*divmod(part, count)) for part in parts]
        conditions = [model.conditions(prompt, self.label_numbers) for prompt in prompts]
        limits = [self._limits(prompt) for prompt in prompts]
        engine: StepEngine = model.engine if request.guidance == 1 else GuidedEngine(model.engine, request.guidance)
        engine = engine if self.cancel is None else cancellable(engine, self.cancel)
        controls = [self._controls_of(prompt) for prompt in prompts]
        if request.alternatives and not isinstance(model.header.space, Categorical):
            kind = model.header.space.kind
            raise RequestError(
                f"`alternatives` applies to symbols, and the steps of this model are {kind}; leave it out",
                field="alternatives", value=request.alternatives, allowed="0",
            )  # fmt: skip
        if request.beams:
            beams: dict[str, Any] = {
                "beams": request.beams, "length_penalty": request.length_penalty,
                "coverage_penalty": request.coverage_penalty,
                "groups": request.beam_groups, "diversity": request.beam_diversity,
            }  # fmt: skip
            for part, prompt, condition, limit, control in zip(
                parts, prompts, conditions, limits, controls, strict=True
            ):
                search = BeamSearch(
                    engine, prompt, condition, limits=limit, controls=control, units=model.codec.units, **beams
                )
                row, step = part // count, self.conditions.feature_rows
                for sample in search.best(len(range(row, request.n, step))):
                    if row + sample.k * step in numbers:
                        yield part % count, dataclasses.replace(sample, k=row + sample.k * step)
            return
        alternatives, units = request.alternatives, model.codec.units
        readers = samplers_of(
            engine, prompts, conditions, limits, controls=controls, units=units, alternatives=alternatives
        )
        samplers = dict(zip(parts, readers, strict=True))
        watch = (lambda _, step: on_step(step)) if on_step is not None else None
        candidates = {part: self._candidates(prompt) for part, prompt in zip(parts, prompts, strict=True)}
        if on_step is None:
            pieces = [(self.conditions.number(k) * count + part, k) for k in numbers for part in range(count)]
            chosen = select(samplers, pieces, candidates, seed=request.seed, choose=self._chooser)
            yield from ((part % count, sample) for part, sample in chosen)
            return
        for part, sampler in samplers.items():  # a stream of steps has one part after the other
            ranges = [numbers]
            if len(samplers) > count:
                ranges = [range(k, k + 1) for k in numbers if self.conditions.number(k) == part // count]
            for selected in ranges:
                if candidates[part] > 1:
                    samples = resample(
                        sampler, selected, candidates=candidates[part], seed=request.seed, part=part, on_step=watch,
                        choose=self._chooser,
                    )  # fmt: skip
                else:
                    samples = sampler.samples(selected, seed=request.seed, part=part, on_step=watch)
                yield from ((part % count, sample) for sample in samples)

    @property
    def _chooser(self) -> Choose | None:
        """What chooses among the candidates: `best_of`, the task, or None if they are drawn by the constraint."""
        overrides = type(self.task).choose is not Task.choose
        return self._choose if self.request.best_of or overrides else None

    def _choose(self, part: int, group: list[Sample]) -> Sample | None:
        """Return the sample that `best_of` or the task keeps among the candidates of a part; None to draw one."""
        if self.request.best_of:
            return max(group, key=lambda sample: sum(sample.scores) / len(sample.scores))
        number, part = divmod(part, len(self.prompts))
        examples = [self._example(self.prompts[part], sample.steps, number) for sample in group]
        index: Any = self.task.choose(part, examples, [sample.scores for sample in group])
        if index is None:
            return None
        if not isinstance(index, int) or not 0 <= index < len(group):
            rule = f"None or an index below {len(group)}"
            raise contract_error(self.model.plugin, "choose", f"returns {index!r}", rule, owner=self.task)
        return group[index]

    def _example(self, prompt: Prompt, steps: np.ndarray, number: int) -> Example:
        """Return what the network read: the steps of the prompt and those that were sampled after them.

        Args:
            prompt: The prompt.
            steps: The steps of the result.
            number: The number of the conditions.
        """
        beginning = prompt.example.steps
        labels = {**prompt.example.labels, **self.request.labels}
        steps = np.concatenate([beginning, steps[len(beginning[: prompt.keep]) :]])
        return self.conditions.example(dataclasses.replace(prompt.example, steps=steps, labels=labels), number)

    def _named(self, alternatives: Sequence[Alternatives]) -> tuple[tuple[tuple[Any, float], ...], ...]:
        """Return alternatives with tokens in place of numbers."""
        space = self.model.header.space
        if not alternatives or not isinstance(space, Categorical):
            return ()
        tokens = [*getattr(self.model.codec, "vocabulary", range(space.size)), None]
        return tuple(tuple((tokens[step], log) for step, log in choices) for choices in alternatives)

    def _controls_of(self, prompt: Prompt) -> Controls:
        """Return the controls of a prompt: those of the request, and what the prompt changes."""
        return self.model.controls({**self.request.controls, **prompt.controls}) if prompt.controls else self.controls

    def _candidates(self, prompt: Prompt) -> int:
        """Return the number of candidates per piece of a prompt."""
        request = self.request
        return 1 if self.controls.greedy else request.best_of or request.candidates or prompt.candidates

    def _limits(self, prompt: Prompt) -> Limits:
        model, request = self.model, self.request
        units = float(validate_units(model.plugin, model.codec, prompt.example.steps).sum())
        if request.length is None:
            longest = float(model.header.provenance.get("longest_units", DEFAULT_LENGTH))
            length = max(units + min(2 * longest, DEFAULT_LENGTH), prompt.length or 0.0)
        else:
            length = float(request.length)
            if units > length:
                raise RequestError(
                    f"`length` is {length:g} {model.header.unit}s and includes the prompt, which has {units:g}; set a"
                    " larger length",
                    field="length", value=length, allowed=f"at least {units:g}",
                )  # fmt: skip
        steps = request.max_steps or max(MAX_STEPS, int(16 * length))
        return Limits(length, steps, math.inf if request.max_seconds is None else float(request.max_seconds))

    def _part(self, number: int, sample: Sample) -> tuple[Example, Piece[Any]]:
        """Return what the network read for a part of the result, and the decoded part."""
        model, prompt = self.model, self.prompts[number]
        example = self._example(prompt, sample.steps, self.conditions.number(sample.k))
        try:
            decoded = model.codec.decode(dataclasses.replace(example, steps=sample.steps))
            piece = validate_piece(model.plugin, decoded, "decode", owner=model.codec)
        except DecodeError as error:
            problem = f"rejects steps that the codec's own constraint allowed ({error})"
            raise contract_error(model.plugin, "decode", problem, owner=model.codec) from error
        piece = self.task.refine(number, piece, partial(self._attention, example, prompt))
        return example, validate_piece(model.plugin, piece, "refine", owner=self.task)

    def _finish(self, samples: list[Sample]) -> Generated:
        """Return the piece that the samples of all parts make up."""
        model = self.model
        examples, pieces = zip(*(self._part(number, sample) for number, sample in enumerate(samples)), strict=True)
        piece = validate_piece(model.plugin, self.task.finish(pieces), "finish", owner=self.task)
        origin = Origin(model.name, f"seed {self.request.seed}, number {samples[0].k + 1}")
        return Generated(
            k=samples[0].k,
            piece=GeneratedPiece(piece.content, piece.labels, origin, model.plugin),
            ended=all(sample.ended for sample in samples),
            log_probability=sum(sample.log_probability for sample in samples),
            scores=tuple(score for sample in samples for score in sample.scores),
            masked=sum(sample.masked for sample in samples) / len(samples),
            examples=examples,
            alternatives=self._named([alternatives for sample in samples for alternatives in sample.alternatives]),
        )
