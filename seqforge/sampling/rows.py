"""The sampling loop: rows that step together, each refilled with the next piece when its piece is complete."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from seqforge.core.sequences import Prompt
from seqforge.inference import MAX_ROWS, EngineState, StepEngine, log_softmax
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.distributions import Choice, Distribution
from seqforge.sampling.elimination import Elimination
from seqforge.sampling.guide import Guide, mask_source_end
from seqforge.sampling.joint import JointSteps
from seqforge.sampling.numbered_states import row_states
from seqforge.sampling.references import reference_rows
from seqforge.sampling.slot import Alternatives, Sample, Slot
from seqforge.sampling.state_rows import StateRows
from seqforge.sampling.streams import UniformStreams

__all__ = ["StepCallback", "sample_rows"]

MIN_PROBABILITY = 1e-12
"""The smallest probability whose logarithm is taken."""
NO_ROWS = np.zeros(0, np.int64)
NEVER = 1 << 62
"""A number of steps that no piece reaches."""
ELIMINATION_STEPS = 8
"""The number of steps after which candidates that cannot be chosen any more are looked for."""

StepCallback = Callable[[int, object], None]
"""A function that is called with the number of a sample and a step that was drawn for it."""


class PromptReader(ABC):
    """What the loop needs of a sampler: its engine, the beginning after its prompt, and slots for its samples."""

    engine: StepEngine
    prompt: Prompt
    guide: Guide | None
    limits: Limits
    controls: Controls
    units: Callable[[np.ndarray], np.ndarray]
    distribution: Distribution
    alternatives: int
    prompt_outputs: np.ndarray
    prompt_state: EngineState
    condition_gates: np.ndarray

    @property
    @abstractmethod
    def is_complete(self) -> bool:
        """Whether the prompt alone reaches a limit and may end."""

    @property
    @abstractmethod
    def joint(self) -> JointSteps | None:
        """The distribution of the first steps, None if they are drawn one by one."""

    @abstractmethod
    def slot(self, k: int, *, seed: int, part: int) -> Slot:
        """Return the slot of sample k, with the steps that are drawn jointly."""


def sample_rows(
    samplers: Mapping[int, PromptReader],
    pieces: Sequence[tuple[int, int]],
    *,
    seed: int,
    on_step: StepCallback | None = None,
    rows: int | None = None,
    elimination: Elimination | None = None,
) -> Iterator[tuple[int, Sample]]:
    """Yield the samples of one or several prompts in the order in which they are completed, each with its part.

    Samples of different prompts step together. A sample does not depend on those that step beside it.

    Example:
        for part, sample in sample_rows({0: first, 1: second}, [(0, 0), (1, 0)], seed=0):
            print(part, sample.steps)

    Args:
        samplers: The number of each prompt in the request, its part, and its sampler; all have the same engine and
            limit of time. Only samplers with equal controls step together.
        pieces: What is drawn: part and number of each sample.
        seed: The seed of the random numbers; a sample depends only on it, its part and its number.
        on_step: A function that is called with the number of the sample and each step as it is drawn.
        rows: The largest number of samples that step together; the samples do not depend on it.
        elimination: What decides which samples are not needed any more; they are not yielded. None if all are needed.
    """
    pending = []
    for part, k in pieces:
        sampler = samplers[part]
        if sampler.is_complete:
            sample = Sample(k, sampler.prompt.example.steps[: sampler.prompt.keep], False, 0.0)
            if elimination is None:
                yield part, sample
            else:
                elimination.add(part, sample)
                yield from elimination.chosen()
        else:
            pending.append((part, k))
    if not pending:
        return
    deadline = time.monotonic() + next(iter(samplers.values())).limits.seconds
    for parts in _parts_with_equal_controls(samplers):
        group = [(part, k) for part, k in pending if part in parts]
        if group:
            yield from _sample_group(
                samplers, group, seed=seed, deadline=deadline, on_step=on_step, rows=rows, elimination=elimination
            )


def _parts_with_equal_controls(samplers: Mapping[int, PromptReader]) -> list[list[int]]:
    """Return the parts in groups whose samplers have equal controls."""
    groups: list[list[int]] = []
    for part, sampler in samplers.items():
        equal = next((group for group in groups if samplers[group[0]].controls == sampler.controls), None)
        if equal is None:
            groups.append([part])
        else:
            equal.append(part)
    return groups


def _sample_group(
    samplers: Mapping[int, PromptReader],
    pending: Sequence[tuple[int, int]],
    *,
    seed: int,
    deadline: float,
    on_step: StepCallback | None,
    rows: int | None,
    elimination: Elimination | None,
) -> Iterator[tuple[int, Sample]]:
    """Yield the samples of prompts with equal controls in the order in which they are completed."""
    engine = next(iter(samplers.values())).engine
    max_active = rows or MAX_ROWS
    table = _Rows(samplers, engine.rows_for(min(len(pending), max_active)), pending, seed, deadline, elimination)
    # 1. Set the rows of the first samples to the state after their prompts.
    table.reset(range(table.count))
    while table.count:
        # 2. Choose a step or the end for every row.
        choice = table.choose()
        steps = choice.steps
        inputs = np.where(choice.ends, 0, steps) if steps.ndim == 1 else steps  # the engine cannot read the end
        # 3. Record the choices. Yield the samples that are complete, and refill their rows or drop them.
        refilled: list[int] = []
        dropped: list[int] = []
        complete = table.record(choice, inputs, on_step)
        eliminated = set() if elimination is None else table.eliminate(elimination, complete)
        yield from ((part, sample) for _, part, sample in complete) if elimination is None else elimination.chosen()
        for row in sorted({row for row, _, _ in complete} | eliminated):
            (refilled if table.refill(row) else dropped).append(row)
        if dropped:
            remaining = table.drop(dropped)
            inputs, refilled = inputs[remaining], [remaining.index(row) for row in refilled]
        # 4. Let the engine read the chosen steps, all rows at once.
        if table.count:
            table.read(inputs)
        # 5. Set the refilled rows to the state and the outputs after their prompts.
        table.reset(refilled)


class _Rows:
    """The rows that step together: the sample in each, the state of the engine, and its outputs.

    Args:
        samplers: The sampler of each part.
        count: The number of rows.
        pending: Part and number of the samples that are to be drawn.
        seed: The seed of the random numbers.
        deadline: The time on the monotonic clock from which pieces are led to their ends.
        elimination: What decides which samples are not needed any more; None if all are.

    Attributes:
        count: The number of rows.
        slots: The sample in each row.
    """

    def __init__(
        self,
        samplers: Mapping[int, PromptReader],
        count: int,
        pending: Sequence[tuple[int, int]],
        seed: int,
        deadline: float,
        elimination: Elimination | None,
    ) -> None:
        self.samplers, self.count, self.seed = samplers, count, seed
        self._elimination, self._steps_read = elimination, 0
        self._parts = [part for part, _ in pending[:count]]
        self._pending = iter(pending[count:])
        first = samplers[pending[0][0]]
        self._engine, self._units, self._distribution = first.engine, first.units, first.distribution
        self._alternatives = first.alternatives
        self._deadline = deadline
        self._uniforms = UniformStreams(count, first.distribution.uniforms, seed)
        # the sources of the prompts differ in length, and the rows of the state are as wide as the widest
        widest = [
            tuple(max(parts, key=len) for parts in zip(*layers, strict=True))
            for layers in zip(*(sampler.prompt_state for sampler in samplers.values()), strict=True)
        ]
        self._state = self._engine.state(widest, count)
        guides = [sampler.guide for sampler in samplers.values()]
        self._states = row_states(guides, choices=first.distribution.choices)
        self._is_guided = any(guide is not None for guide in guides)
        self._vectors = any(guide.vectors for guide in guides if guide is not None)
        self._numbers = np.zeros(count, np.int64)
        """The state of the constraint in each row, for symbols."""
        self._checks = np.zeros(count, np.int64)
        """The number of steps of each row from which its slot must be asked for the mask."""
        self._counts = np.zeros(count, np.int64)
        """The number of steps in each row, those of the prompt included."""
        self._limits = np.zeros(count, np.int64)
        """The limit of the number of steps in each row."""
        self._rest = 0
        """The number of steps before which no slot must be asked for the mask."""
        self.slots = [self._start(row, part, k) for row, (part, k) in enumerate(pending[:count])]
        self._gates = np.repeat(first.condition_gates[None], count, 0)
        self._outputs = np.repeat(first.prompt_outputs[None], count, 0)

    def refill(self, row: int) -> bool:
        """Put the next sample into a row, and start its random numbers; return False if no sample is left."""
        item, elimination = next(self._pending, None), self._elimination
        while elimination is not None and item is not None and elimination.is_lost(*item):
            item = next(self._pending, None)
        if item is None:
            return False
        self._parts[row] = item[0]
        self.slots[row] = self._start(row, *item)
        return True

    def _start(self, row: int, part: int, k: int) -> Slot:
        """Return the slot of a sample, whose random numbers a row reads from now on."""
        self._uniforms.start(row, k, part)
        slot = self.samplers[part].slot(k, seed=self.seed, part=part)
        if self._is_guided and not self._vectors:
            self._numbers[row] = self._states.number(slot.guide, slot.constraint_state)
        self._counts[row], self._checks[row] = slot.step_count, NEVER if slot.guide is None else -1
        self._limits[row], self._rest = self.samplers[part].limits.steps, 0
        return slot

    def drop(self, rows: Sequence[int]) -> list[int]:
        """Remove rows, and return the numbers that the remaining ones had."""
        remaining = [row for row in range(self.count) if row not in rows]
        self.count = len(remaining)
        self.slots = [self.slots[row] for row in remaining]
        self._parts = [self._parts[row] for row in remaining]
        self._gates = self._gates[remaining]
        self._state = [tuple(part[remaining] for part in layer) for layer in self._state]
        self._numbers, self._counts = self._numbers[remaining], self._counts[remaining]
        self._checks, self._limits = self._checks[remaining], self._limits[remaining]
        self._uniforms.keep(remaining)
        return remaining

    def reset(self, rows: Sequence[int]) -> None:
        """Set rows to the state and the outputs after their prompts."""
        for row in rows:
            sampler = self.samplers[self._parts[row]]
            self._outputs[row], self._gates[row] = sampler.prompt_outputs, sampler.condition_gates
            for layer, prompt_layer in zip(self._state, sampler.prompt_state, strict=True):
                for part, value in zip(layer, prompt_layer, strict=True):
                    part[row, : len(value)], part[row, len(value) :] = value, 0

    def choose(self) -> Choice:
        """Choose a step or the end for every row."""
        masks = self._masks() if self._is_guided else None
        steps_at_end = self._engine.steps_at_source_end(self._state)
        if steps_at_end is not None:
            whole = np.array([self.samplers[part].prompt.whole_source for part in self._parts])
            if whole.any():
                if masks is None:
                    masks = np.ones((self.count, self._distribution.choices), np.bool_)
                masks = np.where(whole[:, None], mask_source_end(masks, steps_at_end), masks)
        histories = [slot.history for slot in self.slots]
        any_history = any(history is not None for history in histories)
        return self._distribution.choose(
            self._outputs,
            masks,
            self._uniforms.next(),
            histories if any_history else None,
            self._project if self._vectors else None,
        )

    def _masks(self) -> np.ndarray:
        """Return the masks of all rows: those of their states, unless a limit is near or steps are drawn jointly."""
        if self._vectors:
            masks = np.ones((self.count, self._distribution.choices), np.bool_)
        else:
            masks = self._states.masks(self._numbers)
        for row in self._rows_to_check().tolist():
            slot = self._slot_with_state(row)
            mask = slot.mask(self.samplers[self._parts[row]].limits)
            if mask is not None:
                masks[row] = mask
            self._checks[row] = slot.next_check if not self._vectors and slot.may_rest else -1
        return masks

    def _rows_to_check(self) -> np.ndarray:
        """Return the rows whose slots must be asked for the mask."""
        if self._rest > 0:
            self._rest -= 1
            return NO_ROWS
        if not isinstance(self._states, StateRows) or self._vectors:
            due: np.ndarray = np.flatnonzero(self._counts >= self._checks)
            return due
        # all rows are checked together, so that most steps need no check
        near, rests = self._states.end_checks(self._numbers, self._limits - self._counts)
        near |= self._checks < 0
        if near.any():
            return np.flatnonzero(near)
        self._rest = int(rests.min()) - 1
        return NO_ROWS

    def _slot_with_state(self, row: int) -> Slot:
        """Return the slot of a row with the state of its constraint."""
        slot = self.slots[row]
        if not self._vectors:
            slot.constraint_state = self._states.state(int(self._numbers[row]))
        return slot

    def _project(self, row: int, step: np.ndarray) -> np.ndarray:
        """Return the step that the constraint of a row makes of a drawn vector."""
        return self.slots[row].project(step, self.samplers[self._parts[row]].limits)

    def record(self, choice: Choice, inputs: np.ndarray, on_step: StepCallback | None) -> list[tuple[int, int, Sample]]:
        """Add the choice of every row to its slot.

        Returns:
            The rows whose samples are complete, with the parts and the samples.
        """
        timed_out = time.monotonic() > self._deadline
        continued = np.flatnonzero(~choice.ends)
        self._counts[continued] += 1
        if self._is_guided and not self._vectors:
            self._numbers[continued] = self._states.advance(self._numbers[continued], inputs[continued])
        if timed_out:
            self._checks[:], self._rest = -1, 0
        steps = inputs.tolist() if inputs.ndim == 1 else list(inputs)
        rows = zip(
            self.slots, steps, choice.ends.tolist(), choice.scores.tolist(), choice.masked.tolist(),
            self._units(inputs).tolist(), strict=True,
        )  # fmt: skip
        complete = []
        alternatives = self._most_probable() if self._alternatives else [() for _ in range(self.count)]
        for row, (slot, step, end, score, masked, units) in enumerate(rows):
            sampler = self.samplers[self._parts[row]]
            slot.timed_out = timed_out
            slot.scores.append(score)
            if self._alternatives:
                slot.alternatives.append(alternatives[row])
            if len(slot.steps) < len(slot.joint_steps):  # the probability of forbidden sequences is that of one step
                joint = sampler.joint
                masked = 1 - math.exp(joint.log_total) if joint is not None and not slot.steps else 0.0
            slot.masked += masked
            slot.log_allowed += math.log(max(1 - masked, MIN_PROBABILITY))
            if slot.history is not None:
                slot.history.add(int(choice.steps[row]), float(choice.bits[row]))
            if not end:
                if on_step is not None:
                    on_step(slot.k, choice.steps[row])
                slot.add(step, units)
            if slot.units >= sampler.limits.units:
                self._checks[row], self._rest = -1, 0
            if end or (slot.is_full(sampler.limits) and self._slot_with_state(row).may_end):
                complete.append((row, self._parts[row], slot.sample(ended=end)))
        return complete

    def eliminate(self, elimination: Elimination, complete: Sequence[tuple[int, int, Sample]]) -> set[int]:
        """Add the candidates that are complete; return the rows whose samples are not needed any more.

        The rows are looked for every few steps.
        """
        for _, part, sample in complete:
            elimination.add(part, sample)
        self._steps_read += 1
        if self._steps_read % ELIMINATION_STEPS:
            return set()
        candidates = [(part, slot.k) for part, slot in zip(self._parts, self.slots, strict=True)]
        for (part, k), slot in zip(candidates, self.slots, strict=True):
            elimination.bound(part, k, slot.log_allowed)
        for part, k in candidates:
            elimination.decide(part, k)
        return {row for row, candidate in enumerate(candidates) if elimination.is_lost(*candidate)}

    def _most_probable(self) -> list[Alternatives]:
        """Return the most probable choices of each row under the network alone."""
        logs = log_softmax(self._outputs)
        order = np.argsort(-logs, axis=1, kind="stable")[:, : self._alternatives]
        ranked = np.take_along_axis(logs, order, 1)
        return [tuple(zip(*row, strict=True)) for row in zip(order.tolist(), ranked.tolist(), strict=True)]

    def read(self, inputs: np.ndarray) -> None:
        """Let the engine read the chosen steps, all rows at once."""
        references = reference_rows([slot.place_index for slot in self.slots], self.count)
        self._outputs = self._engine.step(inputs, self._gates, self._state, references)
