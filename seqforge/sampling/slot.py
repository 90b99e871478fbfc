"""One sample while it is drawn, and when it is complete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqforge.core.places import PlaceIndex
from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical, Space
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.guide import CachedState, Guide
from seqforge.sampling.history import History

__all__ = ["Alternatives", "Sample", "Slot"]


Alternatives = tuple[tuple[int, float], ...]
"""Choices with their log-probabilities in nats, the most probable first; the end has the number of symbols."""


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
        alternatives: The most probable choices under the network alone at each step, if they were requested.
        log_allowed: The sum over all drawn steps of the log-probability that the network gave to allowed steps.
    """

    k: int
    steps: np.ndarray
    ended: bool
    log_probability: float
    scores: tuple[float, ...] = ()
    masked: float = 0.0
    log_allowed: float = 0.0
    alternatives: tuple[Alternatives, ...] = ()


class Slot:
    """The state of one sample while it is drawn; the table of all rows holds what changes at every step.

    Example:
        slot = Slot(0, prompt, controls, Categorical(5), units=lambda steps: np.ones(len(steps)))
        slot.add(3)

    Args:
        k: The number of the sample.
        prompt: The prompt that it continues.
        controls: How its steps are chosen.
        space: The space of the steps.
        units: A function that returns the natural units of each step of an array.
        guide: The constraint of the prompt; None without one.
        constraint_state: The state of the constraint after the prompt; None without one.
        places: The places of the prompt's steps; None if the network does not look back.
        joint_steps: Its first steps, which have been drawn jointly.

    Attributes:
        step_count: The number of steps, those of the prompt included.
        units: Their natural units.
        timed_out: Whether the time limit has passed.
    """

    def __init__(
        self,
        k: int,
        prompt: Prompt,
        controls: Controls,
        space: Space,
        *,
        units: Callable[[np.ndarray], np.ndarray],
        guide: Guide | None = None,
        constraint_state: CachedState | None = None,
        places: PlaceIndex | None = None,
        joint_steps: Sequence[int] = (),
    ) -> None:
        self.k, self.prompt, self.guide, self.joint_steps = k, prompt, guide, joint_steps
        self.constraint_state = constraint_state
        self.alternatives: list[Alternatives] = []
        self.history: History | None = None
        if controls.uses_history and isinstance(space, Categorical):
            self.history = History(controls, space.size, prompt.example.steps.tolist())
        self.place_index = None if places is None else places.copy()
        self.units = float(units(prompt.example.steps).sum())
        self.step_count = len(prompt.example.steps)
        self.timed_out = False
        self.next_check = -1
        """The step count from which the mask of the state alone does not suffice, because a limit is near."""

    @property
    def drawn_count(self) -> int:
        """The number of steps that were drawn."""
        return self.step_count - len(self.prompt.example.steps)

    def mask(self, limits: Limits) -> np.ndarray | None:
        """Return the mask of the next step; None without a constraint. `next_check` is set."""
        guide = self.guide
        if guide is None or self.constraint_state is None:
            return None
        if self.drawn_count < len(self.joint_steps):
            mask = np.zeros_like(self.constraint_state.mask)
            mask[self.joint_steps[self.drawn_count]] = True
            return mask
        if self.units >= limits.units or self.timed_out:
            return guide.mask(self.constraint_state.state, nearest_end=True)
        if self.step_count < self.next_check:
            return self.constraint_state.mask
        steps_left = limits.steps - self.step_count
        self.next_check = limits.steps - guide.next_check(self.constraint_state.state, steps_left)
        return guide.mask_within(self.constraint_state.state, steps_left)

    def project(self, step: np.ndarray, limits: Limits) -> np.ndarray:
        """Return the vector that takes the place of a drawn one: what the constraint makes of it."""
        if self.guide is None or self.constraint_state is None:
            return step
        full = self.units >= limits.units or self.timed_out
        steps_left = 1 if full else max(1, limits.steps - self.step_count)
        return self.guide.project(self.constraint_state.state, step, steps_left)

    def add(self, step: Any) -> None:
        """Add a step that was drawn to the places, and to the state of a constraint over vectors."""
        if self.place_index is not None:
            self.place_index.add(step)
        if self.guide is not None and self.guide.vectors and self.constraint_state is not None:
            self.constraint_state = self.guide.advance(self.constraint_state, step)

    @property
    def may_end(self) -> bool:
        """Whether the constraint allows the piece to end."""
        return self.constraint_state is None or self.constraint_state.may_end

    @property
    def may_rest(self) -> bool:
        """Whether the mask of the state alone counts until `next_check`: no limit is reached, no step drawn jointly."""
        return self.next_check >= 0 and self.drawn_count >= len(self.joint_steps)

    def sample(
        self, drawn_steps: np.ndarray, scores: Sequence[float], *, ended: bool, masked: float, log_allowed: float
    ) -> Sample:
        """Return the complete sample.

        Args:
            drawn_steps: The steps that were drawn, without the end.
            scores: The log-probability of each of them in nats, and of the end.
            ended: Whether the network ended the piece.
            masked: The probability of what was forbidden, averaged over all steps.
            log_allowed: The sum over all steps of the log-probability of what was allowed.
        """
        prompt = self.prompt
        prompt_steps = prompt.example.steps[: prompt.keep]
        drawn_steps = drawn_steps.astype(prompt_steps.dtype).reshape(-1, *prompt_steps.shape[1:])
        steps, alternatives = np.concatenate([prompt_steps, drawn_steps]), tuple(self.alternatives)
        return Sample(self.k, steps, ended, sum(scores), tuple(scores), masked, log_allowed, alternatives)
