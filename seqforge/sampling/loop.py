"""The sampling loop: slots that step together, each refilled with the next piece when its own ends."""

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from seqforge.network import Window
from seqforge.sampling.average import Averaged
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.draws import Choice, draw_for
from seqforge.sampling.engine import Engine
from seqforge.sampling.guide import Guide
from seqforge.sampling.history import History
from seqforge.sampling.products import MOST_ROWS
from seqforge.sequences import Prompt
from seqforge.spaces import Categorical

BLOCK = 512


@dataclass(frozen=True, eq=False)
class Sample:
    """One generated sequence.

    Attributes:
        k: its number; it depends on model, prompt, controls, seed and k alone.
        steps: the prompt's steps (`Prompt.keep` of them) and those drawn.
        ended: whether the network ended it by itself; False where a limit did.
        log_probability: of what was drawn, its end included, under the network itself; in nats.
        scores: the same step by step.
        masked: the probability that the network gave to what the constraint forbade, the mean over all steps drawn.
    """

    k: int
    steps: np.ndarray
    ended: bool
    log_probability: float
    scores: tuple[float, ...] = ()
    masked: float = 0.0


@dataclass(frozen=True)
class Conditions:
    """What holds for all the pieces: label numbers, shape (labels,), and features, shape (features,)."""

    labels: np.ndarray
    features: np.ndarray


class Sampler:
    """Samples of one prompt.

    Args:
        engine: the network, ready for stepping.
        prompt: where to start, and the constraint.
        conditions: labels and features.
        controls: how a step is chosen.
        limits: where a piece is brought to an end.
        units: gives the natural units of an array of steps.
    """

    def __init__(
        self,
        engine: Engine | Averaged,
        prompt: Prompt,
        conditions: Conditions,
        *,
        controls: Controls,
        limits: Limits,
        units: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        self.engine, self.prompt, self.limits, self.units = engine, prompt, limits, units
        self.draw, self.controls = draw_for(engine.network.space, controls), controls
        self.guide = Guide(prompt.constraint) if prompt.constraint is not None else None
        self.first_state: Hashable = self.guide.after(prompt) if self.guide else None
        self.outputs, self.state, self.added = engine.begin(opening(engine, prompt, conditions))

    def samples(
        self,
        numbers: range,
        *,
        seed: int,
        part: int = 0,
        watch: Callable[[int, object], None] | None = None,
        rows: int | None = None,
    ) -> Iterator[Sample]:
        """Yield the samples with these numbers, as they end.

        Args:
            numbers: which.
            seed: of all of them.
            part: of a request with several prompts; each part has random numbers of its own.
            watch: is told every step as it is drawn, with the sample's number.
            rows: how many step side by side; the samples do not depend on it.
        """
        if self._prompt_is_enough():
            kept = self.prompt.example.steps[: self.prompt.keep]
            yield from (Sample(k, kept, False, 0.0) for k in numbers)
            return
        engine = self.engine
        self.ends_at = time.monotonic() + self.limits.seconds
        waiting = iter(numbers)
        count = engine.rows_for(min(len(numbers), rows or MOST_ROWS))
        slots: list[_Slot | None] = [None] * count
        for row in range(min(count, rows or MOST_ROWS)):
            slots[row] = self._slot(waiting, seed, part)
        threads = torch.get_num_threads()
        engine.use_threads(count)
        try:
            state = engine.state(self.state, count)
            added = self.added.repeat(count, 1)
            outputs = self.outputs.repeat(count, 1)
            while any(slots):
                choice = self._choose(outputs, slots)
                steps, ends = choice.steps, choice.ends
                late = time.monotonic() > self.ends_at
                fresh = []
                for row, slot in enumerate(slots):
                    if slot is None:
                        continue
                    slot.late = late
                    done = slot.take(choice, row, self)
                    if watch is not None and not ends[row]:
                        watch(slot.k, steps[row])
                    if done is not None:
                        yield done
                        slots[row] = self._slot(waiting, seed, part)
                        fresh.append(row)
                if any(slots):
                    void = np.where(ends, 0, steps) if steps.ndim == 1 else steps
                    outputs = engine.step(torch.from_numpy(void), added, state)
                for row in fresh:
                    outputs[row] = self.outputs
                    for layer, first in zip(state, self.state, strict=True):
                        for held, value in zip(layer, first, strict=True):
                            held[row, : len(value)] = value
        finally:
            torch.set_num_threads(threads)

    def _prompt_is_enough(self) -> bool:
        """Return whether the prompt alone reaches a limit, and is whole."""
        steps = self.prompt.example.steps
        full = len(steps) >= self.limits.steps or float(self.units(steps).sum()) >= self.limits.units
        return full and (self.guide is None or self.guide.constraint.may_end(self.first_state))

    def _slot(self, waiting: Iterator[int], seed: int, part: int) -> "_Slot | None":
        k = next(waiting, None)
        return None if k is None else _Slot(k, seed, part, self)

    def _choose(self, outputs: torch.Tensor, slots: "list[_Slot | None]") -> Choice:
        uniforms = np.zeros((len(slots), self.draw.uniforms))
        masks = None
        for row, slot in enumerate(slots):
            if slot is not None:
                uniforms[row] = slot.uniforms()
        if self.guide is not None:
            found = [None if slot is None else slot.mask(self.guide, self.limits) for slot in slots]
            some = next(mask for mask in found if mask is not None)
            masks = np.stack([some if mask is None else mask for mask in found])
        histories = [None if slot is None else slot.history for slot in slots] if self.controls.looks_back else None
        return self.draw.choose(outputs, masks, uniforms, histories)


class _Slot:
    """A piece in the making."""

    def __init__(self, k: int, seed: int, part: int, sampler: Sampler) -> None:
        prompt = sampler.prompt
        self.k, self.state = k, sampler.first_state
        self.drawn: list[np.generic] = []
        self.scores: list[float] = []
        self.masked, self.late = 0.0, False
        space = sampler.engine.network.space
        self.history: History | None = None
        if sampler.controls.looks_back and isinstance(space, Categorical):
            self.history = History(sampler.controls, space.size, prompt.example.steps.tolist())
        self.length = float(sampler.units(prompt.example.steps).sum())
        self.steps = len(prompt.example.steps)
        key, counter = np.array([seed, k], np.uint64), np.array([0, 0, 0, part], np.uint64)
        self._stream = np.random.Generator(np.random.Philox(counter=counter, key=key))
        self._width = sampler.draw.uniforms
        self._block, self._next = np.zeros((0, self._width)), 0
        self._check_at = sampler.limits.steps

    def uniforms(self) -> np.ndarray:
        """Return the random numbers of the next step: the sample's own stream."""
        if self._next == len(self._block):
            self._block, self._next = self._stream.random((BLOCK, self._width)), 0
        self._next += 1
        numbers: np.ndarray = self._block[self._next - 1]
        return numbers

    def mask(self, guide: Guide, limits: Limits) -> np.ndarray:
        """Return what may come next."""
        if self.length >= limits.units or self.late:
            return guide.mask(self.state, closing=True)
        left = limits.steps - self.steps
        if left > self._check_at:
            return guide.mask(self.state, closing=False)
        self._check_at = guide.next_check(self.state, left)
        return guide.mask_within(self.state, left)

    def take(self, choice: Choice, row: int, sampler: Sampler) -> Sample | None:
        """Take up what was chosen for a row; return the sample once it is complete."""
        step, end = choice.steps[row], bool(choice.ends[row])
        self.scores.append(float(choice.scores[row]))
        self.masked += float(choice.masked[row])
        if self.history is not None:
            self.history.add(int(step), float(choice.bits[row]))
        if not end:
            self.drawn.append(step)
            self.steps += 1
            self.length += float(sampler.units(np.asarray([step]))[0])
            if sampler.guide is not None:
                self.state = sampler.guide.constraint.advance(self.state, step)
        full = self.length >= sampler.limits.units or self.steps >= sampler.limits.steps or self.late
        whole = sampler.guide is None or sampler.guide.constraint.may_end(self.state)
        if not end and not (full and whole):
            return None
        example = sampler.prompt.example
        kept = example.steps[: sampler.prompt.keep]
        drawn = np.array(self.drawn, kept.dtype).reshape(-1, *kept.shape[1:])
        scores = tuple(self.scores)
        mean = self.masked / len(scores)
        return Sample(self.k, np.concatenate([kept, drawn]), end, sum(scores), scores, mean)


def opening(engine: Engine | Averaged, prompt: Prompt, conditions: Conditions) -> Window:
    """Return the window that reads a prompt: its start row and a row for each of its steps."""
    given = torch.from_numpy(np.array(prompt.example.steps))
    given = given.long() if not given.is_floating_point() else given.float()
    inputs = torch.cat([given.new_zeros(1, *given.shape[1:]), given]).unsqueeze(1)
    rows = len(inputs)
    starts = torch.zeros(rows, 1, dtype=torch.bool)
    starts[0] = True
    labels = torch.from_numpy(conditions.labels.astype(np.int64)).expand(rows, 1, -1)
    features = torch.from_numpy(conditions.features.astype(np.float32)).expand(rows, 1, -1)
    return Window(inputs, inputs, starts, torch.zeros_like(starts), torch.ones(rows, 1), labels, features)
