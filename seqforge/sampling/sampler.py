"""The sampler: what continues one prompt under a constraint, with controls and limits."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property

import numpy as np

from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical
from seqforge.inference import Beginning, Conditions, StepEngine, prompt_batch
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.distributions import distribution_for
from seqforge.sampling.guide import Guide
from seqforge.sampling.joint import JointSteps
from seqforge.sampling.references import place_index
from seqforge.sampling.row_table import PromptReader, StepCallback
from seqforge.sampling.rows import sample_rows
from seqforge.sampling.slot import Sample, Slot

__all__ = ["Sample", "Sampler", "samplers_of"]


class Sampler(PromptReader):
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
        alternatives: The number of most probable choices that are recorded at each step.
        beginning: What `Engine.begin` returned for the prompt; None to read the prompt here.
        guide: The guide of the prompt's constraint, which samplers of one constraint share; None for a new one.

    Raises:
        RequestError: If no valid piece starts with the prompt, or a control does not apply to the space.
    """

    def __init__(
        self,
        engine: StepEngine,
        prompt: Prompt,
        conditions: Conditions,
        *,
        controls: Controls,
        limits: Limits,
        units: Callable[[np.ndarray], np.ndarray],
        alternatives: int = 0,
        beginning: Beginning | None = None,
        guide: Guide | None = None,
    ) -> None:
        self.alternatives = alternatives
        self.engine, self.prompt, self.limits, self.units = engine, prompt, limits, units
        self.distribution, self.controls = distribution_for(engine.network.space, controls), controls
        self.guide = guide_of(engine, prompt) if guide is None else guide
        self.initial_state: Hashable = self.guide.state_after(prompt) if self.guide else None
        """The state of the constraint after the prompt."""
        self.place_index = place_index(engine.network, prompt)
        """The places of the prompt's steps; None if the network does not look back."""
        if beginning is None:
            batch = prompt_batch(engine.network, prompt, conditions)
            beginning = engine.begin(batch)
        self.prompt_outputs, self.prompt_state, self.condition_gates = beginning

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
        pieces = [(part, k) for k in numbers]
        return (sample for _, sample in sample_rows({part: self}, pieces, seed=seed, on_step=on_step, rows=rows))

    @property
    def is_complete(self) -> bool:
        """Whether the prompt alone reaches a limit and may end."""
        steps = self.prompt.example.steps
        full = len(steps) >= self.limits.steps or float(self.units(steps).sum()) >= self.limits.units
        return full and (self.guide is None or self.guide.constraint.may_end(self.initial_state))

    def slot(self, k: int, *, seed: int, part: int) -> Slot:
        """Return the slot of sample k, with the steps that are drawn jointly."""
        guide, joint = self.guide, self.joint
        return Slot(
            k, self.prompt, self.controls, self.engine.network.space, units=self.units, guide=guide,
            constraint_state=None if guide is None else guide.lookup(self.initial_state), places=self.place_index,
            joint_steps=() if joint is None else joint.draw(seed=seed, k=k, part=part),
        )  # fmt: skip

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


def guide_of(engine: StepEngine, prompt: Prompt) -> Guide | None:
    """Return a guide of the constraint of a prompt; None if it has none."""
    vectors = not isinstance(engine.network.space, Categorical)
    return None if prompt.constraint is None else Guide(prompt.constraint, vectors=vectors)


def samplers_of(
    engine: StepEngine,
    prompts: Sequence[Prompt],
    conditions: Sequence[Conditions],
    limits: Sequence[Limits],
    *,
    controls: Sequence[Controls],
    units: Callable[[np.ndarray], np.ndarray],
    alternatives: int = 0,
) -> list[Sampler]:
    """Return a sampler for each prompt.

    Prompts of equal length are read side by side, and samplers with the same constraint share its cached masks.

    Args:
        engine: The network in step mode, or several networks as an ensemble.
        prompts: The prompts.
        conditions: The labels and features of each prompt.
        limits: The limits of each prompt.
        controls: How a step is chosen after each prompt.
        units: A function that returns the natural units of each step of an array.
        alternatives: The number of most probable choices that are recorded at each step.

    Raises:
        RequestError: If no valid piece starts with a prompt, or a control does not apply to the space.
    """
    batches = [prompt_batch(engine.network, *pair) for pair in zip(prompts, conditions, strict=True)]
    beginnings = engine.begin_all(batches)
    guides = {id(prompt.constraint): guide_of(engine, prompt) for prompt in prompts}
    return [
        Sampler(
            engine,
            prompt,
            condition,
            controls=control,
            limits=limit,
            units=units,
            alternatives=alternatives,
            beginning=beginning,
            guide=guides[id(prompt.constraint)],
        )
        for prompt, condition, limit, control, beginning in zip(
            prompts, conditions, limits, controls, beginnings, strict=True
        )
    ]
