"""Prompts as arrays: what the engine reads before the first step that is drawn."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqforge.core.sequences import Prompt, source_with_end
from seqforge.inference.weights import NetworkWeights

__all__ = ["Conditions", "PromptBatch", "groups_of_equal_length", "join_prompts", "prompt_batch"]


@dataclass(frozen=True)
class Conditions:
    """The labels and features that condition all pieces of a generation.

    >>> conditions = Conditions(np.array([2, 0]), np.zeros(0, np.float32))

    Attributes:
        labels: The number of each label's value, 0 if it is unknown; shape (labels,).
        features: The feature vector, shape (features,).
    """

    labels: np.ndarray
    features: np.ndarray


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """One or several prompts of equal length, side by side.

    Attributes:
        steps: The steps, shape (steps, rows) or (steps, rows, width).
        labels: The number of the value of each label, shape (rows, labels).
        features: The features, shape (rows, features), float32.
        sources: The number of each source symbol from 1, then the extra symbol, then 0 as padding; shape
            (rows, length).
        references: What the network reads of earlier steps at each position, the start of the piece first: the numbers
            of `AlignedHistory.references`, shape (steps + 1, rows, numbers); None if it does not look back.
        source_starts: `Prompt.source_start` of each prompt; NaN for none; shape (rows,).
    """

    steps: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    sources: np.ndarray
    references: np.ndarray | None
    source_starts: np.ndarray


def prompt_batch(network: NetworkWeights, prompt: Prompt, conditions: Conditions) -> PromptBatch:
    """Return a batch of one row that reads a prompt.

    Example:
        batch = prompt_batch(network, Prompt(Example(np.array([1, 2], np.uint8))), conditions)
        outputs, state, condition_gates = Engine(network).begin(batch)

    Args:
        network: The network that will read the batch.
        prompt: The prompt; its steps and its source are used.
        conditions: The labels and features.
    """
    steps, symbols = np.asarray(prompt.example.steps), network.config.source_symbols
    source = np.zeros(0, np.int64)
    if symbols:
        source = source_with_end(prompt.example.source, symbols - 1).astype(np.int64)
    references = None
    if network.history is not None:
        references = np.ascontiguousarray(network.history.references(steps)[:, None], np.int64)
    return PromptBatch(
        steps=(steps.astype(np.float32) if np.issubdtype(steps.dtype, np.floating) else steps.astype(np.int64))[
            :, None
        ],
        labels=np.asarray(conditions.labels, np.int64)[None],
        features=np.asarray(conditions.features, np.float32)[None],
        sources=source[None],
        references=references,
        source_starts=np.array([np.nan if prompt.source_start is None else prompt.source_start], np.float32),
    )


def groups_of_equal_length(batches: Sequence[PromptBatch], largest: int) -> list[list[int]]:
    """Return the numbers of the batches in groups whose batches have the same number of steps.

    Example:
        groups_of_equal_length([prompt_batch(network, prompt, conditions) for prompt in prompts], largest=64)

    Args:
        batches: The batches.
        largest: The largest number of batches in a group.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, batch in enumerate(batches):
        by_length[len(batch.steps)].append(number)
    return [group[first : first + largest] for group in by_length.values() for first in range(0, len(group), largest)]


def join_prompts(batches: Sequence[PromptBatch]) -> PromptBatch:
    """Return batches with the same number of steps as one batch; shorter sources are padded.

    Example:
        batch = join_prompts([prompt_batch(network, prompt, conditions) for prompt in prompts])
    """
    if len(batches) == 1:
        return batches[0]
    length = max(batch.sources.shape[1] for batch in batches)
    references = [batch.references for batch in batches if batch.references is not None]
    return PromptBatch(
        steps=np.concatenate([batch.steps for batch in batches], 1),
        labels=np.concatenate([batch.labels for batch in batches]),
        features=np.concatenate([batch.features for batch in batches]),
        sources=np.concatenate([
            np.pad(batch.sources, ((0, 0), (0, length - batch.sources.shape[1]))) for batch in batches
        ]),
        references=np.concatenate(references, 1) if references else None,
        source_starts=np.concatenate([batch.source_starts for batch in batches]),
    )  # fmt: skip
