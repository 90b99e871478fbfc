"""The sampling loop: rows that step together, each refilled with the next piece when its piece is complete."""

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seqforge.inference import MAX_ROWS
from seqforge.sampling.elimination import Elimination
from seqforge.sampling.row_table import PromptReader, RowTable, StepCallback
from seqforge.sampling.slot import Sample

__all__ = ["sample_rows"]


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
    table = RowTable(samplers, engine.rows_for(min(len(pending), max_active)), pending, seed, deadline, elimination)
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
