"""The log-probability of every step of given pieces, computed by an engine. No torch."""

from collections.abc import Iterator, Sequence

import numpy as np

from seqforge.core.sequences import Example, Prompt
from seqforge.inference import Conditions, PromptBatch, StepEngine, join_prompts, prompt_batch
from seqforge.sampling.controls import Controls
from seqforge.sampling.distributions import distribution_for

__all__ = ["step_log_probabilities"]

MAX_POSITIONS = 1 << 16
"""The largest number of positions that are computed at a time, over all rows; it bounds the memory."""


def step_log_probabilities(
    engine: StepEngine, examples: Sequence[Example], conditions: Sequence[Conditions], *, rows: int = 32
) -> list[np.ndarray]:
    """Return the log-probability of every step of each piece and of its end, in nats, shape (steps + 1,), float64.

    Pieces of similar length are read side by side. The result of a piece does not depend on the others.

    Example:
        (logs,) = step_log_probabilities(Engine(network), [example], [conditions])
        print(-logs.sum(), "nats")

    Args:
        engine: An engine, or an ensemble, whose averaged distribution is scored.
        examples: The encoded pieces.
        conditions: The labels and features of each piece.
        rows: Largest number of pieces that are read side by side.

    Raises:
        RunError: If the outputs of the network are not finite.
    """
    distribution = distribution_for(engine.network.space, Controls())
    results: list[np.ndarray] = [np.zeros(0)] * len(examples)
    for numbers in _groups([len(example.steps) for example in examples], rows):
        batches = [prompt_batch(engine.network, Prompt(examples[n]), conditions[n]) for n in numbers]
        lengths = np.array([len(batch.steps) for batch in batches])
        batch = join_prompts([_padded(batch, int(lengths.max())) for batch in batches])
        targets = np.concatenate([batch.steps, np.zeros_like(batch.steps[:1], shape=(1, *batch.steps.shape[1:]))])
        logs, first = np.empty(targets.shape[:2]), 0
        for outputs in engine.output_chunks(batch):
            end = first + len(outputs)
            steps, ends = targets[first:end], np.arange(first, end)[:, None] == lengths
            flat = distribution.log_probabilities(
                outputs.reshape(-1, outputs.shape[-1]), steps.reshape(-1, *steps.shape[2:]), ends.ravel()
            )
            logs[first:end], first = flat.reshape(len(outputs), -1), end
        for row, number in enumerate(numbers):
            results[number] = logs[: lengths[row] + 1, row].copy()
    return results


def _groups(lengths: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Yield the indices of at most `rows` pieces whose lengths differ so little that padding costs little."""
    group: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = len(group) == rows or (len(group) + 1) * lengths[number] > MAX_POSITIONS
        if group and (full or lengths[number] > 1.25 * lengths[group[0]] + 8):
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _padded(batch: PromptBatch, length: int) -> PromptBatch:
    """Return a batch of one row with zeros after its steps, so that it has `length` steps."""
    missing = length - len(batch.steps)
    if not missing:
        return batch

    def pad(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.zeros_like(values, shape=(missing, *values.shape[1:]))])

    references = None if batch.references is None else pad(batch.references)
    return PromptBatch(pad(batch.steps), batch.labels, batch.features, batch.sources, references, batch.source_starts)
