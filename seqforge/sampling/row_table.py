"""The table of the rows that step together: the sample in each row, and what changes at every step as arrays."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seqforge.core.sequences import Prompt
from seqforge.inference import EngineState, StepEngine, log_softmax
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.distributions import Choice, Distribution
from seqforge.sampling.drawn_steps import DrawnSteps
from seqforge.sampling.elimination import Elimination
from seqforge.sampling.guide import Guide, mask_source_end
from seqforge.sampling.joint import JointSteps
from seqforge.sampling.numbered_states import row_states
from seqforge.sampling.references import reference_rows
from seqforge.sampling.slot import Alternatives, Sample, Slot
from seqforge.sampling.state_rows import StateRows
from seqforge.sampling.streams import UniformStreams

__all__ = ["PromptReader", "RowTable", "StepCallback"]

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


class RowTable:
    """The rows that step together: the sample in each, the state of the engine, and its outputs.

    Example:
        table = RowTable({0: sampler}, 2, [(0, 0), (0, 1)], seed=0, deadline=math.inf, elimination=None)
        table.reset(range(2))
        choice = table.choose()

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
        self._unit_counts, self._unit_limits = np.zeros(count), np.full(count, np.inf)
        """The natural units in each row, those of the prompt included, and their limit."""
        self._log_allowed = np.zeros(count)
        """With elimination: the sum over the steps of each row of the log-probability of what is allowed."""
        self._joint_counts = np.zeros(count, np.int64)
        """The number of steps that each row draws jointly."""
        self._draws_jointly = False
        self._has_unit_limits = any(math.isfinite(sampler.limits.units) for sampler in samplers.values())
        self._until_limit = 0
        """The number of steps before which no row reaches its limit of steps."""
        self._timed_out = False
        self._drawn = DrawnSteps(count)
        self._rest = 0
        """The number of steps before which no slot must be asked for the mask."""
        self.slots = [self._start(row, part, k) for row, (part, k) in enumerate(pending[:count])]
        self._has_history = any(slot.history is not None for slot in self.slots)
        self._looks_back = any(slot.place_index is not None for slot in self.slots)
        self._needs_steps = self._has_history or self._looks_back or self._vectors or self._alternatives > 0
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
        limits = self.samplers[part].limits
        self._limits[row], self._rest = limits.steps, 0
        self._unit_counts[row], self._unit_limits[row] = slot.units, limits.units
        self._log_allowed[row], self._joint_counts[row], self._until_limit = 0, len(slot.joint_steps), 0
        self._draws_jointly |= len(slot.joint_steps) > 0
        self._drawn.start(row)
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
        self._unit_counts, self._unit_limits = self._unit_counts[remaining], self._unit_limits[remaining]
        self._log_allowed, self._joint_counts = self._log_allowed[remaining], self._joint_counts[remaining]
        self._drawn.keep(remaining)
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
        return self._distribution.choose(
            self._outputs,
            masks,
            self._uniforms.next(),
            [slot.history for slot in self.slots] if self._has_history else None,
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
        near, rest = self._states.end_checks(self._numbers, self._limits - self._counts)
        near |= self._checks < 0
        if np.count_nonzero(near):
            return np.flatnonzero(near)
        self._rest = rest - 1
        return NO_ROWS

    def _slot_with_state(self, row: int) -> Slot:
        """Return the slot of a row with its counts and the state of its constraint."""
        slot = self.slots[row]
        slot.step_count, slot.units = int(self._counts[row]), float(self._unit_counts[row])
        slot.timed_out = self._timed_out
        if not self._vectors:
            slot.constraint_state = self._states.state(int(self._numbers[row]))
        return slot

    def _project(self, row: int, step: np.ndarray) -> np.ndarray:
        """Return the step that the constraint of a row makes of a drawn vector."""
        return self._slot_with_state(row).project(step, self.samplers[self._parts[row]].limits)

    def record(self, choice: Choice, inputs: np.ndarray, on_step: StepCallback | None) -> list[tuple[int, int, Sample]]:
        """Record the choice of every row.

        Returns:
            The rows whose samples are complete, with the parts and the samples.
        """
        # 1. Add the choices to what is known of all rows.
        self._timed_out = time.monotonic() > self._deadline
        has_ends = np.count_nonzero(choice.ends) > 0
        continued = np.flatnonzero(~choice.ends) if has_ends else slice(None)
        self._counts[continued] += 1
        if self._has_unit_limits:
            self._unit_counts[continued] += self._units(inputs[continued])
        if self._is_guided and not self._vectors:
            if has_ends:
                self._numbers[continued] = self._states.advance(self._numbers[continued], inputs[continued])
            else:
                self._numbers = self._states.advance(self._numbers, inputs)
        masked = self._jointly_masked(choice.masked) if self._draws_jointly else choice.masked
        if self._elimination is not None:
            self._log_allowed += _log_rest(masked)
        self._drawn.append(inputs, choice.scores, masked)
        # 2. Add them to the slots that need the steps.
        if self._needs_steps or on_step is not None:
            self._add_to_slots(choice, inputs, on_step)
        # 3. Return the rows that end, and those that have reached a limit and may end.
        if not self._reaches_limit() and not has_ends:
            return []
        full = (self._unit_counts >= self._unit_limits) | (self._counts >= self._limits) | self._timed_out
        return [
            (row, self._parts[row], self._sample(row, ended=ended))
            for row, ended in ((row, bool(choice.ends[row])) for row in np.flatnonzero(full | choice.ends).tolist())
            if ended or self._slot_with_state(row).may_end
        ]

    def _reaches_limit(self) -> bool:
        """Return whether a row has reached a limit; its slot must then be asked for the mask."""
        self._until_limit -= 1
        if self._timed_out:
            self._checks[:], self._rest = -1, 0
            return True
        over = self._has_unit_limits and self._unit_counts >= self._unit_limits
        if np.any(over):
            self._checks[over], self._rest = -1, 0
            return True
        if self._until_limit < 0:
            self._until_limit = int((self._limits - self._counts).min())
        return self._until_limit <= 0

    def _jointly_masked(self, masked: np.ndarray) -> np.ndarray:
        """Return the probabilities of what is forbidden; that of forbidden sequences counts at their first step."""
        lengths = self._drawn.lengths()
        rows = np.flatnonzero(lengths < self._joint_counts).tolist()
        if rows:
            masked = masked.copy()
        for row in rows:
            joint = self.samplers[self._parts[row]].joint
            masked[row] = 1 - math.exp(joint.log_total) if joint is not None and not lengths[row] else 0.0
        return masked

    def _add_to_slots(self, choice: Choice, inputs: np.ndarray, on_step: StepCallback | None) -> None:
        """Add the choice of every row to its slot."""
        alternatives = self._most_probable() if self._alternatives else []
        steps = inputs.tolist() if inputs.ndim == 1 else list(inputs)
        for row, (slot, step, end) in enumerate(zip(self.slots, steps, choice.ends.tolist(), strict=True)):
            if alternatives:
                slot.alternatives.append(alternatives[row])
            if slot.history is not None:
                slot.history.add(int(choice.steps[row]), float(choice.bits[row]))
            if not end:
                if on_step is not None:
                    on_step(slot.k, choice.steps[row])
                slot.add(step)

    def _sample(self, row: int, *, ended: bool) -> Sample:
        """Return the complete sample of a row."""
        steps, masked = self._drawn.steps(row), self._drawn.masked(row)
        return self.slots[row].sample(
            steps[:-1] if ended else steps, self._drawn.scores(row).tolist(), ended=ended,
            masked=float(masked.mean()), log_allowed=float(_log_rest(masked).sum()),
        )  # fmt: skip

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
        for (part, k), log_allowed in zip(candidates, self._log_allowed.tolist(), strict=True):
            elimination.bound(part, k, log_allowed)
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
        indices = [slot.place_index for slot in self.slots] if self._looks_back else ()
        references = reference_rows(indices, self.count)
        self._outputs = self._engine.step(inputs, self._gates, self._state, references)


def _log_rest(masked: np.ndarray) -> np.ndarray:
    """Return the logarithm of the probability of what is allowed.

    Args:
        masked: The probability of what is forbidden.
    """
    logs: np.ndarray = np.log(np.maximum(1 - masked, MIN_PROBABILITY))
    return logs
