"""What every engine offers: prompts and steps are read, and outputs for the next step are returned."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from seqforge.inference.layers import LayerState
from seqforge.inference.prompts import PromptBatch
from seqforge.inference.weights import NetworkWeights

__all__ = ["MAX_ROWS", "Beginning", "EngineState", "StepEngine"]

MAX_ROWS = 64
"""The largest number of rows that step together."""

EngineState = list[LayerState]
"""The state of each layer, first layer first; the last entry is that of the attention or source, if there is one."""
Beginning = tuple[np.ndarray, EngineState, np.ndarray]
"""What the engine knows after a prompt: the outputs, the state, and the part of the conditions in the gates."""


class StepEngine(ABC):
    """One or several networks in step mode; the sampler, beam search and the first joint steps need nothing else.

    Example:
        outputs, prompt_state, condition_gates = engine.begin(prompt_batch(engine.network, prompt, conditions))
        state = engine.state(prompt_state, rows=1)
        outputs = engine.step(np.array([3]), condition_gates[None], state)

    Attributes:
        network: The parameters of the network, or of one of several.
    """

    network: NetworkWeights

    def rows_for(self, count: int) -> int:
        """Return the number of rows to compute if `count` rows are needed; at most `MAX_ROWS`."""
        return min(count, MAX_ROWS)

    def begin(self, batch: PromptBatch) -> Beginning:
        """Read a prompt: the start of the piece and its steps.

        Args:
            batch: The batch of `prompt_batch`.

        Returns:
            The outputs of the head after the last step, the state, and the part of the labels and features in the
            gates of the first layer; all without a row axis, to be copied into rows.
        """
        (beginning,) = self.begin_all([batch])
        return beginning

    def state(self, like: EngineState, rows: int) -> EngineState:
        """Return the state of several rows, each a copy of a state without a row axis.

        Args:
            like: The state to copy, as `begin` returns it.
            rows: The number of rows.
        """
        return [tuple(np.repeat(part[None], rows, 0) for part in layer) for layer in like]

    @abstractmethod
    def begin_all(self, batches: Sequence[PromptBatch]) -> list[Beginning]:
        """Read several prompts."""

    @abstractmethod
    def output_chunks(self, batch: PromptBatch) -> Iterator[np.ndarray]:
        """Yield the outputs of the head at the positions of whole pieces, chunk by chunk.

        Position t is the prediction after t steps. The attention moves as it does in reading, whatever `source_starts`
        says.

        Args:
            batch: The pieces, all with the same number of steps.

        Yields:
            Arrays of shape (positions, rows, outputs); together they have one position more than the pieces have steps.
        """

    @abstractmethod
    def step(
        self,
        steps: np.ndarray,
        condition_gates: np.ndarray,
        state: EngineState,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read one step per row and return the outputs of the head, shape (rows, outputs). The state changes in place.

        Args:
            steps: The steps, shape (rows,) or (rows, width).
            condition_gates: The part of the labels and features in the gates of the first layer, shape (rows, gates).
            state: The state of all rows; its parts are contiguous.
            references: What the network reads of earlier steps, as in `PromptBatch.references`, shape (rows, numbers);
                None if it does not look back.

        Raises:
            ValueError: If the network looks back and `references` is None.
        """

    @abstractmethod
    def steps_at_source_end(self, state: EngineState) -> np.ndarray | None:
        """Return for how many steps the attention of each row has been at the end of its source; None without one."""

    @abstractmethod
    def coverage(self, state: EngineState) -> np.ndarray | None:
        """Return the total weight that each source symbol has received in each row; None without attention by content.

        The weight is NaN at padding and at the extra symbol after the source. Shape (rows, length).
        """
