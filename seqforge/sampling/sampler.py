"""The sampling loop: slots that step together, each refilled with the next piece when its own ends."""

import math
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical
from seqforge.network import Batch, Network, source_with_end
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.distributions import Choice, distribution_for
from seqforge.sampling.engine import Engine
from seqforge.sampling.ensemble import Ensemble
from seqforge.sampling.guide import Guide, Place, mask_source_end
from seqforge.sampling.history import History
from seqforge.sampling.linear import MOST_ROWS

BLOCK = 512
LEAST = 1e-12
"""Probability that is told apart from none."""


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
        log_allowed: the logarithm of the product, over all steps drawn, of the probability of what it allowed.
    """

    k: int
    steps: np.ndarray
    ended: bool
    log_probability: float
    scores: tuple[float, ...] = ()
    masked: float = 0.0
    log_allowed: float = 0.0


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
        self.first_state: Hashable = self.guide.after(prompt) if self.guide else None
        self.outputs, self.state, self.added = engine.begin(prompt_batch(engine.network, prompt, conditions))

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
        self.uniforms = _Uniforms(count, self.distribution.uniforms, seed, part)
        slots: list[_Slot | None] = [None] * count
        for row in range(min(count, rows or MOST_ROWS)):
            slots[row] = self._slot(waiting, row)
        threads = torch.get_num_threads()
        engine.use_threads(count)
        try:
            state = engine.state(self.state, count)
            added = self.added.repeat(count, 1)
            outputs = self.outputs.repeat(count, 1)
            while any(slots):
                choice = self._choose(outputs, slots, engine.rested(state))
                steps, ends = choice.steps, choice.ends
                void = np.where(ends, 0, steps) if steps.ndim == 1 else steps
                fresh = []
                for row, sample in self._take(choice, void, slots, watch):
                    yield sample
                    slots[row] = self._slot(waiting, row)
                    fresh.append(row)
                if any(slots):
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

    def _slot(self, waiting: Iterator[int], row: int) -> "_Slot | None":
        k = next(waiting, None)
        if k is None:
            return None
        self.uniforms.begin(row, k)
        return _Slot(k, self)

    def _choose(self, outputs: torch.Tensor, slots: "list[_Slot | None]", rested: np.ndarray | None) -> Choice:
        masks = None
        if self.guide is not None:
            found = [None if slot is None else slot.mask(self.guide, self.limits) for slot in slots]
            some = next(mask for mask in found if mask is not None)
            masks = np.concatenate([some if mask is None else mask for mask in found]).reshape(len(found), -1)
        if rested is not None and self.prompt.whole_source:
            every = np.ones((len(rested), self.distribution.choices), np.bool_)
            masks = mask_source_end(every if masks is None else masks, rested)
        histories = [None if slot is None else slot.history for slot in slots] if self.controls.looks_back else None
        return self.distribution.choose(outputs, masks, self.uniforms.next(), histories)

    def _take(
        self,
        choice: Choice,
        void: np.ndarray,
        slots: "list[_Slot | None]",
        watch: Callable[[int, object], None] | None,
    ) -> "list[tuple[int, Sample]]":
        """Take up what was chosen for every row; return the rows whose samples are complete."""
        late = time.monotonic() > self.ends_at
        steps = void.tolist() if void.ndim == 1 else list(void)
        rows = zip(
            slots, steps, choice.ends.tolist(), choice.scores.tolist(), choice.masked.tolist(),
            self.units(void).tolist(), strict=True,
        )  # fmt: skip
        done = []
        for row, (slot, step, end, score, masked, gain) in enumerate(rows):
            if slot is None:
                continue
            slot.late = late
            slot.scores.append(score)
            slot.masked += masked
            slot.log_allowed += math.log(max(1 - masked, LEAST))
            if slot.history is not None:
                slot.history.add(int(choice.steps[row]), float(choice.bits[row]))
            if not end:
                if watch is not None:
                    watch(slot.k, choice.steps[row])
                slot.add(step, gain, self.guide)
            if end or slot.is_over(self.limits):
                done.append((row, slot.sample(self.prompt, ended=end)))
        return done


class _Slot:
    """A piece in the making."""

    def __init__(self, k: int, sampler: Sampler) -> None:
        prompt = sampler.prompt
        self.k = k
        self.place: Place | None = None if sampler.guide is None else sampler.guide.place(sampler.first_state)
        self.drawn: list[Any] = []
        self.scores: list[float] = []
        self.masked, self.log_allowed, self.late = 0.0, 0.0, False
        space = sampler.engine.network.space
        self.history: History | None = None
        if sampler.controls.looks_back and isinstance(space, Categorical):
            self.history = History(sampler.controls, space.size, prompt.example.steps.tolist())
        self.length = float(sampler.units(prompt.example.steps).sum())
        self.steps = len(prompt.example.steps)
        self._free_until = -1
        """Steps up to which the limit need not be looked at."""

    def mask(self, guide: Guide, limits: Limits) -> np.ndarray:
        """Return what may come next."""
        assert self.place is not None
        if self.length >= limits.units or self.late:
            return guide.mask(self.place.state, closing=True)
        if self.steps < self._free_until:
            return self.place.mask
        left = limits.steps - self.steps
        self._free_until = limits.steps - guide.next_check(self.place.state, left)
        return guide.mask_within(self.place.state, left)

    def add(self, step: Any, units: float, guide: Guide | None) -> None:
        """Take up a step that was drawn."""
        self.drawn.append(step)
        self.steps += 1
        self.length += units
        if guide is not None and self.place is not None:
            self.place = guide.advance(self.place, step)

    def is_over(self, limits: Limits) -> bool:
        """Return whether a limit is reached where the piece is whole."""
        full = self.length >= limits.units or self.steps >= limits.steps or self.late
        return full and (self.place is None or self.place.may_end)

    def sample(self, prompt: Prompt, *, ended: bool) -> Sample:
        """Return the piece."""
        kept = prompt.example.steps[: prompt.keep]
        drawn = np.array(self.drawn, kept.dtype).reshape(-1, *kept.shape[1:])
        steps, scores = np.concatenate([kept, drawn]), tuple(self.scores)
        return Sample(self.k, steps, ended, sum(scores), scores, self.masked / len(scores), self.log_allowed)


class _Uniforms:
    """Random numbers of each row: the stream of the sample that is made there, whichever row that is.

    Args:
        rows: how many.
        width: how many numbers a step takes.
        seed: of all of them.
        part: of the request.
    """

    def __init__(self, rows: int, width: int, seed: int, part: int) -> None:
        self.seed, self.part, self.width = seed, part, width
        self.blocks = np.zeros((rows, BLOCK, width))
        self.at = np.zeros(rows, np.int64)
        self.streams: list[np.random.Generator | None] = [None] * rows
        self.every = np.arange(rows)

    def begin(self, row: int, k: int) -> None:
        """Begin the stream of sample k."""
        key, counter = np.array([self.seed, k], np.uint64), np.array([0, 0, 0, self.part], np.uint64)
        self.streams[row] = np.random.Generator(np.random.Philox(counter=counter, key=key))
        self.at[row] = BLOCK

    def next(self) -> np.ndarray:
        """Return the numbers of the next step, shape (rows, width)."""
        if self.at.max() == BLOCK:
            for row in np.flatnonzero(self.at == BLOCK).tolist():
                stream, self.at[row] = self.streams[row], 0
                if stream is not None:
                    self.blocks[row] = stream.random((BLOCK, self.width))
        numbers: np.ndarray = self.blocks[self.every, self.at]
        self.at += 1
        return numbers


def prompt_batch(network: Network, prompt: Prompt, conditions: Conditions) -> Batch:
    """Return the window that reads a prompt: its start row and a row for each of its steps."""
    given = torch.from_numpy(np.array(prompt.example.steps))
    given = given.long() if not given.is_floating_point() else given.float()
    inputs = torch.cat([given.new_zeros(1, *given.shape[1:]), given]).unsqueeze(1)
    rows = len(inputs)
    starts = torch.zeros(rows, 1, dtype=torch.bool)
    starts[0] = True
    labels = torch.from_numpy(conditions.labels.astype(np.int64)).expand(rows, 1, -1)
    features = torch.from_numpy(conditions.features.astype(np.float32)).expand(rows, 1, -1)
    sources, symbols = None, network.config.source_symbols
    if symbols:
        sources = torch.from_numpy(source_with_end(prompt.example.source, symbols - 1)).expand(rows, 1, -1)
    return Batch(inputs, inputs, starts, torch.zeros_like(starts), torch.ones(rows, 1), labels, features, sources)
