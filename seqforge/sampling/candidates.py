"""Several continuations for each piece, of which one is kept: so that what is fixed further on fits what is drawn."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from seqforge.sampling.sampler import Sample, Sampler

MOST_CANDIDATES = 1000


def resampled(
    sampler: Sampler,
    numbers: range,
    *,
    candidates: int,
    seed: int,
    part: int = 0,
    watch: Callable[[int, object], None] | None = None,
) -> Iterator[Sample]:
    r"""Yield samples with these numbers, each chosen among so many candidates.

    A mask at every step draws from the network's distribution, renewed among what the constraint allows; what the
    constraint demands later (the bars after a gap) has no say in it. The distribution of the network given the
    constraint gives each piece its probability under the network alone. So a candidate is kept with a chance in
    proportion to the ratio of both, which is what the constraint left at each step:

    .. math:: w = \prod_t \sum_{x \in A_t} p(x \mid x_{<t})

    The more candidates, the nearer to that distribution.

    Source: sampling-importance-resampling; D. Rubin, "Using the SIR Algorithm to Simulate Posterior Distributions",
    Bayesian Statistics 3, 1988.

    Args:
        sampler: of the prompt.
        numbers: which samples.
        candidates: of each.
        seed: of all of them.
        part: of a request with several prompts.
        watch: is told every step of what is kept, once it is chosen, with the sample's number.
    """
    waiting: dict[int, list[Sample]] = {}
    every = range(numbers.start * candidates, numbers.stop * candidates)
    for sample in sampler.samples(every, seed=seed, part=part):
        k = sample.k // candidates
        waiting.setdefault(k, []).append(sample)
        if len(waiting[k]) == candidates:
            found = sorted(waiting.pop(k), key=lambda each: each.k)
            logs = np.array([each.log_allowed for each in found])
            stream = np.random.Generator(np.random.Philox(key=[seed, k], counter=[0, 0, 1, part]))
            mass = np.exp(logs - logs.max()).cumsum()
            chosen = int((mass <= stream.random() * mass[-1]).sum())
            kept = dataclasses.replace(found[min(chosen, candidates - 1)], k=k)
            if watch is not None:
                for step in kept.steps[len(sampler.prompt.example.steps[: sampler.prompt.keep]) :]:
                    watch(k, step)
            yield kept
