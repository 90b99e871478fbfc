"""The sampling loop: rows that step together, each refilled with the next piece when its piece is complete."""

import math
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from seqforge.core.places import PlaceIndex
from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical
from seqforge.network import NetworkState
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.distributions import Choice, distribution_for
from seqforge.sampling.engine import Engine
from seqforge.sampling.ensemble import Ensemble
from seqforge.sampling.guide import CachedState, Guide, mask_source_end
from seqforge.sampling.history import History
from seqforge.sampling.joint import JointSteps
from seqforge.sampling.linear import MAX_ROWS
from seqforge.sampling.prompts import Conditions, prompt_batch
from seqforge.sampling.references import place_index, reference_rows
from seqforge.sampling.streams import UniformStreams

MIN_PROBABILITY = 1e-12
"""The smallest probability whose logarithm is taken."""

StepCallback = Callable[[int, object], None]
"""A function that is called with the number of a sample and a step that was drawn for it."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One generated sequence.

    Attributes:
        k: The number of the sample; the sample depends only on the model, the prompt, the controls, the seed and k.
        steps: The first `Prompt.keep` steps of the prompt and the steps that were drawn.
        ended: Whether the network ended the piece; False if a limit did.
        log_probability: The log-probability of the drawn steps and the end under the network alone, in nats.
        scores: The log-probability of each drawn step, the end last, in nats.
        masked: The probability that the network gave to forbidden steps, averaged over all drawn steps.
        log_allowed: The sum over all drawn steps of the log-probability that the network gave to allowed steps.
    """

    k: int
    steps: np.ndarray
    ended: bool
    log_probability: float
    scores: tuple[float, ...] = ()
    masked: float = 0.0
    log_allowed: float = 0.0


class Sampler:
    """Draws samples that continue one prompt.

    Example:
        prompt = Prompt(Example(np.zeros(0, np.uint8)))
        sampler = Sampler(
            Engine(network), prompt, Conditions(np.zeros(0), np.zeros(0)), controls=Controls(top_p=0.9),
            limits=Limits(steps=200), units=lambda steps: np.ones(len(steps)),
        )
        for sample in sampler.samples(range(10), seed=0):
            print(sample.k, sample.steps)

    Args:
        engine: The network in step mode, or several networks as an ensemble.
        prompt: The steps to start from, and the constraint.
        conditions: The labels and features.
        controls: How a step is chosen.
        limits: Where a piece is ended if the network does not end it.
        units: A function that returns the natural units of each step of an array.

    Raises:
        RequestError: If no valid piece starts with the prompt, or a control does not apply to the space.
    """

    def __init__(
        self,
        engine: Engine | Ensemble,
        prompt: Prompt,
        conditions: Conditions,
        *,
        controls: Controls,
        limits: Limits,
        units: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.engine, self.prompt, self.limits, self.units = engine, prompt, limits, units
        self.distribution, self.controls = distribution_for(engine.network.space, controls), controls
        self.guide = Guide(prompt.constraint) if prompt.constraint is not None else None
        self.initial_state: Hashable = self.guide.state_after(prompt) if self.guide else None
        """The state of the constraint after the prompt."""
        self.place_index = place_index(engine.network, prompt)
        """The places of the prompt's steps; None if the network does not look back."""
        batch = prompt_batch(engine.network, prompt, conditions)
        self.prompt_outputs, self.prompt_state, self.condition_gates = engine.begin(batch)

    def samples(
        self,
        numbers: range,
        *,
        seed: int,
        part: int = 0,
        on_step: StepCallback | None = None,
        rows: int | None = None,
    ) -> Iterator[Sample]:
        """Yield the samples with these numbers in the order in which they are completed.

        Args:
            numbers: The numbers of the samples.
            seed: The seed of the random numbers; sample k depends only on it, `part` and k.
            part: The number of the prompt in a request with several prompts; each has independent random numbers.
            on_step: A function that is called with the number of the sample and each step as it is drawn.
            rows: The largest number of samples that step together; the samples do not depend on it.
        """
        if self._prompt_is_complete():
            prompt_steps = self.prompt.example.steps[: self.prompt.keep]
            yield from (Sample(k, prompt_steps, False, 0.0) for k in numbers)
            return
        engine, max_active = self.engine, rows or MAX_ROWS
        self.deadline = time.monotonic() + self.limits.seconds
        # 1. Fill the rows with the first samples. The engine may need more rows than that; they stay empty.
        pending = iter(numbers)
        count = engine.rows_for(min(len(numbers), max_active))
        self.uniforms = UniformStreams(count, self.distribution.uniforms, seed, part)
        slots: list[_Slot | None] = [None] * count
        threads = torch.get_num_threads()
        engine.use_threads(count)
        try:
            for row in range(min(count, max_active)):
                slots[row] = self._next_slot(pending, row)
            # 2. Give every row a copy of the state and the outputs after the prompt.
            state = engine.state(self.prompt_state, count)
            condition_gates = self.condition_gates.repeat(count, 1)
            outputs = self.prompt_outputs.repeat(count, 1)
            while any(slots):
                # 3. Choose a step or the end for every row.
                choice = self._choose(outputs, slots, engine.steps_at_source_end(state))
                # 4. Record the choices. Yield the samples that are complete and refill their rows.
                steps, ends = choice.steps, choice.ends
                inputs = np.where(ends, 0, steps) if steps.ndim == 1 else steps  # the engine cannot read the end
                refilled = []
                for row, sample in self._record(choice, inputs, slots, on_step):
                    yield sample
                    slots[row] = self._next_slot(pending, row)
                    refilled.append(row)
                # 5. Let the engine read the chosen steps, all rows at once.
                if any(slots):
                    references = reference_rows([None if slot is None else slot.place_index for slot in slots], count)
                    outputs = engine.step(torch.from_numpy(inputs), condition_gates, state, references)
                # 6. Reset the refilled rows to the state and the outputs after the prompt.
                for row in refilled:
                    outputs[row] = self.prompt_outputs
                    self._reset_row(state, row)
        finally:
            torch.set_num_threads(threads)

    def _prompt_is_complete(self) -> bool:
        """Return whether the prompt alone reaches a limit and may end."""
        steps = self.prompt.example.steps
        full = len(steps) >= self.limits.steps or float(self.units(steps).sum()) >= self.limits.units
        return full and (self.guide is None or self.guide.constraint.may_end(self.initial_state))

    def _next_slot(self, pending: Iterator[int], row: int) -> "_Slot | None":
        """Return the slot of the next sample, and start its random numbers in a row; None if no sample is left."""
        k = next(pending, None)
        if k is None:
            return None
        self.uniforms.start(row, k)
        joint = self.joint
        return _Slot(
            k, self, () if joint is None else joint.draw(seed=self.uniforms.seed, k=k, part=self.uniforms.part)
        )

    @cached_property
    def joint(self) -> JointSteps | None:
        """The distribution of the first steps, None if they are drawn one by one."""
        prompt, guide = self.prompt, self.guide
        is_categorical = isinstance(self.engine.network.space, Categorical)
        if guide is None or not is_categorical or not prompt.joint_steps or self.controls.force:
            return None
        return JointSteps(
            self.engine, guide, guide.lookup(self.initial_state), self.prompt_outputs, self.prompt_state,
            self.condition_gates, depth=prompt.joint_steps, controls=self.controls, places=self.place_index,
        )  # fmt: skip

    def _reset_row(self, state: NetworkState, row: int) -> None:
        """Set one row of the engine's state to the state after the prompt."""
        for layer, prompt_layer in zip(state, self.prompt_state, strict=True):
            for part, value in zip(layer, prompt_layer, strict=True):
                part[row, : len(value)] = value

    def _choose(
        self, outputs: torch.Tensor, slots: "list[_Slot | None]", steps_at_source_end: np.ndarray | None
    ) -> Choice:
        """Choose a step or the end for every row; the choices of empty rows are ignored."""
        masks = None
        if self.guide is not None:
            slot_masks = [None if slot is None else slot.mask(self.guide, self.limits) for slot in slots]
            filler = next(mask for mask in slot_masks if mask is not None)
            filled = [filler if mask is None else mask for mask in slot_masks]
            masks = np.concatenate(filled).reshape(len(filled), -1)
        if steps_at_source_end is not None and self.prompt.whole_source:
            if masks is None:
                masks = np.ones((len(steps_at_source_end), self.distribution.choices), np.bool_)
            masks = mask_source_end(masks, steps_at_source_end)
        uses_history = self.controls.uses_history
        histories = [None if slot is None else slot.history for slot in slots] if uses_history else None
        return self.distribution.choose(outputs, masks, self.uniforms.next(), histories)

    def _record(
        self, choice: Choice, inputs: np.ndarray, slots: "list[_Slot | None]", on_step: StepCallback | None
    ) -> "list[tuple[int, Sample]]":
        """Add the choice of every row to its slot.

        Returns:
            The rows whose samples are complete, with the samples.
        """
        timed_out = time.monotonic() > self.deadline
        steps = inputs.tolist() if inputs.ndim == 1 else list(inputs)
        rows = zip(
            slots, steps, choice.ends.tolist(), choice.scores.tolist(), choice.masked.tolist(),
            self.units(inputs).tolist(), strict=True,
        )  # fmt: skip
        complete = []
        for row, (slot, step, end, score, masked, units) in enumerate(rows):
            if slot is None:
                continue
            slot.timed_out = timed_out
            slot.scores.append(score)
            if len(slot.steps) < len(slot.joint_steps):  # the probability of forbidden sequences is that of one step
                masked = 1 - math.exp(self.joint.log_total) if self.joint is not None and not slot.steps else 0.0
            slot.masked += masked
            slot.log_allowed += math.log(max(1 - masked, MIN_PROBABILITY))
            if slot.history is not None:
                slot.history.add(int(choice.steps[row]), float(choice.bits[row]))
            if not end:
                if on_step is not None:
                    on_step(slot.k, choice.steps[row])
                slot.add(step, units, self.guide)
            if end or slot.reached_limit(self.limits):
                complete.append((row, slot.sample(self.prompt, ended=end)))
        return complete


class _Slot:
    """The state of one sample while it is drawn.

    Args:
        k: The number of the sample.
        sampler: The sampler that draws it.
        joint_steps: Its first steps, which have been drawn jointly.
    """

    def __init__(self, k: int, sampler: Sampler, joint_steps: Sequence[int]) -> None:
        prompt, guide = sampler.prompt, sampler.guide
        self.k, self.joint_steps = k, joint_steps
        self.constraint_state: CachedState | None = None if guide is None else guide.lookup(sampler.initial_state)
        self.steps: list[Any] = []
        self.scores: list[float] = []
        self.masked, self.log_allowed, self.timed_out = 0.0, 0.0, False
        space = sampler.engine.network.space
        self.history: History | None = None
        if sampler.controls.uses_history and isinstance(space, Categorical):
            self.history = History(sampler.controls, space.size, prompt.example.steps.tolist())
        self.place_index: PlaceIndex | None = None if sampler.place_index is None else sampler.place_index.copy()
        self.units = float(sampler.units(prompt.example.steps).sum())
        self.step_count = len(prompt.example.steps)
        self._next_check = -1
        """The step count from which the limit of steps must be considered again."""

    def mask(self, guide: Guide, limits: Limits) -> np.ndarray:
        """Return the mask of the next step."""
        assert self.constraint_state is not None
        if len(self.steps) < len(self.joint_steps):
            mask = np.zeros_like(self.constraint_state.mask)
            mask[self.joint_steps[len(self.steps)]] = True
            return mask
        if self.units >= limits.units or self.timed_out:
            return guide.mask(self.constraint_state.state, nearest_end=True)
        if self.step_count < self._next_check:
            return self.constraint_state.mask
        steps_left = limits.steps - self.step_count
        self._next_check = limits.steps - guide.next_check(self.constraint_state.state, steps_left)
        return guide.mask_within(self.constraint_state.state, steps_left)

    def add(self, step: Any, units: float, guide: Guide | None) -> None:
        """Add a step that was drawn.

        Args:
            step: The step: an int, or a vector.
            units: Its natural units.
            guide: The constraint, if there is one.
        """
        self.steps.append(step)
        self.step_count += 1
        self.units += units
        if self.place_index is not None:
            self.place_index.add(step)
        if guide is not None and self.constraint_state is not None:
            self.constraint_state = guide.advance(self.constraint_state, step)

    def reached_limit(self, limits: Limits) -> bool:
        """Return whether the piece has reached a limit and may end."""
        full = self.units >= limits.units or self.step_count >= limits.steps or self.timed_out
        return full and (self.constraint_state is None or self.constraint_state.may_end)

    def sample(self, prompt: Prompt, *, ended: bool) -> Sample:
        """Return the complete sample."""
        prompt_steps = prompt.example.steps[: prompt.keep]
        drawn_steps = np.array(self.steps, prompt_steps.dtype).reshape(-1, *prompt_steps.shape[1:])
        steps, scores = np.concatenate([prompt_steps, drawn_steps]), tuple(self.scores)
        return Sample(self.k, steps, ended, sum(scores), scores, self.masked / len(scores), self.log_allowed)
