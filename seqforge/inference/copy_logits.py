"""Copy scores, which raise or lower the logits of the earlier steps at corresponding places."""

import numpy as np

from seqforge.inference import kernels
from seqforge.inference.kernels import address
from seqforge.inference.weights import NetworkWeights

__all__ = ["CopyLogits"]


class CopyLogits:
    """What `network.references.CopyLogits` computes, on arrays; the result of a row depends on that row alone.

    Example:
        CopyLogits(network)(outputs, hidden, references)

    Args:
        network: The network; its `config.copy_logits` is true.
    """

    def __init__(self, network: NetworkWeights) -> None:
        part = network.part("copy_logits")
        self._weight = np.ascontiguousarray(part["weight"], np.float32)
        self._agreements = np.ascontiguousarray(part["agreements"], np.float32)
        self._addresses = address(self._weight), address(self._agreements)

    def __call__(self, outputs: np.ndarray, hidden: np.ndarray, references: np.ndarray | None) -> None:
        """Add the scores to the outputs, in place.

        Args:
            outputs: The logits, shape (rows, outputs), float32, contiguous.
            hidden: The output of the last layer, shape (rows, hidden), float32.
            references: The numbers of `AlignedHistory.references`, shape (rows, 2 x distances).

        Raises:
            ValueError: If `references` is None.
        """
        if references is None:
            raise ValueError("the network looks back, and the step has no references")
        (distances, inputs), rows = self._weight.shape, len(outputs)
        compiled = kernels.library()
        if compiled is None:
            for distance, weight in enumerate(self._weight):
                at = np.flatnonzero(references[:, distance])
                scores = (hidden[at] * weight).sum(1) + self._agreements[references[at, distances + distance], distance]
                outputs[at, references[at, distance] - 1] += scores
            return
        hidden, references = np.ascontiguousarray(hidden, np.float32), np.ascontiguousarray(references, np.int64)
        compiled.add_copy_scores(
            address(hidden), rows, inputs, *self._addresses, distances, address(references), address(outputs),
            outputs.shape[1],
        )  # fmt: skip
