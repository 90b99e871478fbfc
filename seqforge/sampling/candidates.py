"""Several candidates per piece, of which one is kept, so that what is drawn fits what the constraint demands later."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from seqforge.sampling.elimination import Elimination
from seqforge.sampling.rows import sample_rows
from seqforge.sampling.sampler import Sample, Sampler

__all__ = ["Choose", "candidate_numbers", "resample", "select"]

Choose = Callable[[int, list[Sample]], Sample | None]
"""A function of a part and its candidates that returns the sample to keep; None to draw one by the constraint."""


def candidate_numbers(k: int, candidates: int) -> range:
    """Return the numbers of the samples among which sample k is chosen.

    >>> candidate_numbers(2, 4)
    range(8, 12)
    """
    return range(k * candidates, (k + 1) * candidates)


def select(
    samplers: Mapping[int, Sampler],
    pieces: Sequence[tuple[int, int]],
    candidates: Mapping[int, int],
    *,
    seed: int,
    choose: Choose | None = None,
) -> Iterator[tuple[int, Sample]]:
    r"""Draw the candidates of several samples together, and yield one per sample, with its part.

    A mask at every step renormalises the network's distribution over the allowed steps, without regard to what the
    constraint demands later (for example the bars after a gap). The network's distribution conditioned on the
    constraint weights each piece by its probability under the network alone. A candidate is kept with a probability
    proportional to the ratio of both, which is the product of the probabilities that the constraint allowed per step:

    .. math:: w = \prod_t \sum_{x \in A_t} p(x \mid x_{<t})

    The result approaches the conditional distribution as the number of candidates grows. A candidate that cannot be
    drawn any more ends early (`Elimination`).

    Source: sampling-importance-resampling; D. Rubin, "Using the SIR Algorithm to Simulate Posterior Distributions",
    Bayesian Statistics 3, 1988.

    Example:
        ((part, sample),) = select({0: sampler}, [(0, 0)], {0: 16}, seed=0)

    Args:
        samplers: The number of each prompt in the request, its part, and its sampler, as for `sample_rows`.
        pieces: Part and number of each sample.
        candidates: The number of candidates of each part.
        seed: The seed of the random numbers; sample k depends only on it, its part, the number of candidates and k.
        choose: A function that chooses itself among all candidates; None to draw by the constraint always.
    """
    numbers = [(part, number) for part, k in pieces for number in candidate_numbers(k, candidates[part])]
    elimination = Elimination(candidates, seed=seed)
    if choose is None:
        for part, sample in sample_rows(samplers, numbers, seed=seed, elimination=elimination):
            yield part, dataclasses.replace(sample, k=sample.k // candidates[part])
        return
    pending: dict[tuple[int, int], list[Sample]] = {}
    for part, candidate in sample_rows(samplers, numbers, seed=seed):
        # 1. Collect the candidates of sample k; they complete in any order.
        k = candidate.k // candidates[part]
        group = pending.setdefault((part, k), [])
        group.append(candidate)
        if len(group) < candidates[part]:
            continue
        # 2. Keep the one that `choose` returns, or draw one.
        group = sorted(pending.pop((part, k)), key=lambda sample: sample.k)
        chosen = choose(part, group) if len(group) > 1 else None
        if chosen is None:
            for sample in group:
                elimination.add(part, sample)
            ((_, chosen),) = elimination.chosen()
        yield part, dataclasses.replace(chosen, k=k)


def resample(
    sampler: Sampler,
    numbers: range,
    *,
    candidates: int,
    seed: int,
    part: int = 0,
    on_step: Callable[[int, object], None] | None = None,
    choose: Choose | None = None,
) -> Iterator[Sample]:
    """Yield the samples of one prompt with these numbers, each selected among several candidates (`select`).

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
        choose: A function that chooses itself; None to draw by the constraint always.
    """
    pieces = [(part, k) for k in numbers]
    for _, chosen in select({part: sampler}, pieces, {part: candidates}, seed=seed, choose=choose):
        if on_step is not None:
            for step in chosen.steps[len(sampler.prompt.example.steps[: sampler.prompt.keep]) :]:
                on_step(chosen.k, step)
        yield chosen
