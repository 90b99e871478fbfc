"""The references of the rows of the engine: what a network that looks back reads of earlier steps."""

from collections.abc import Sequence

import numpy as np

from seqforge.core.places import PlaceIndex
from seqforge.core.sequences import Prompt
from seqforge.inference import NetworkWeights


def place_index(network: NetworkWeights, prompt: Prompt) -> PlaceIndex | None:
    """Return the places of a prompt's steps; None if the network does not look back.

    Example:
        index = place_index(network, Prompt(Example(np.array([1, 2], np.uint8))))
    """
    return None if network.history is None else network.history.index(prompt.example.steps.tolist())


def reference_rows(indices: Sequence[PlaceIndex | None], rows: int) -> np.ndarray | None:
    """Return the references of the next step of each row; None if no row has any.

    Example:
        engine.step(steps, condition_gates, state, reference_rows([index, None], rows=2))

    Args:
        indices: The places of the steps of each row; None for an empty row, or if the network does not look back.
        rows: The number of rows; those that follow the given ones are empty.
    """
    values = [None if index is None else index.references() for index in indices]
    empty = next(([0] * len(value) for value in values if value is not None), None)
    if empty is None:
        return None
    values += [None] * (rows - len(values))
    return np.array([empty if value is None else value for value in values], np.int64)
