"""Several candidates per piece, of which one is kept, so that what is drawn fits what the constraint demands later."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from seqforge.sampling.sampler import Sample, Sampler


def resample(
    sampler: Sampler,
    numbers: range,
    *,
    candidates: int,
    seed: int,
    part: int = 0,
    on_step: Callable[[int, object], None] | None = None,
) -> Iterator[Sample]:
    r"""Yield the samples with these numbers, each chosen among several candidates.

    A mask at every step renormalises the network's distribution over the allowed steps, without regard to what the
    constraint demands later (for example the bars after a gap). The network's distribution conditioned on the
    constraint weights each piece by its probability under the network alone. A candidate is kept with a probability
    proportional to the ratio of both, which is the product of the probabilities that the constraint allowed per step:

    .. math:: w = \prod_t \sum_{x \in A_t} p(x \mid x_{<t})

    The result approaches the conditional distribution as the number of candidates grows.

    Source: sampling-importance-resampling; D. Rubin, "Using the SIR Algorithm to Simulate Posterior Distributions",
    Bayesian Statistics 3, 1988.

    Example:
        for sample in resample(sampler, range(10), candidates=16, seed=0):
            print(sample.k, sample.steps)

    Args:
        sampler: The sampler of the prompt.
        numbers: The numbers of the samples.
        candidates: The number of candidates per sample.
        seed: The seed of the random numbers; sample k depends only on it, `part`, `candidates` and k.
        part: The number of the prompt in a request with several prompts.
        on_step: A function that is called with the number of the sample and each of its steps once it is chosen.
    """
    pending: dict[int, list[Sample]] = {}
    candidate_numbers = range(numbers.start * candidates, numbers.stop * candidates)
    for candidate in sampler.samples(candidate_numbers, seed=seed, part=part):
        # 1. Collect the candidates of sample k; they complete in any order.
        k = candidate.k // candidates
        pending.setdefault(k, []).append(candidate)
        if len(pending[k]) < candidates:
            continue
        # 2. Draw one of them with a probability proportional to its weight.
        group = sorted(pending.pop(k), key=lambda sample: sample.k)
        log_weights = np.array([sample.log_allowed for sample in group])
        stream = np.random.Generator(np.random.Philox(key=[seed, k], counter=[0, 0, 1, part]))
        mass = np.exp(log_weights - log_weights.max()).cumsum()
        index = int((mass <= stream.random() * mass[-1]).sum())
        chosen = dataclasses.replace(group[min(index, candidates - 1)], k=k)
        # 3. Report its steps and yield it.
        if on_step is not None:
            for step in chosen.steps[len(sampler.prompt.example.steps[: sampler.prompt.keep]) :]:
                on_step(k, step)
        yield chosen
