"""Guidance on labels: the difference that the labels make is enlarged."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.inference.ensemble import log_softmax
from seqforge.inference.prompts import PromptBatch
from seqforge.inference.stepping import Beginning, EngineState, StepEngine

__all__ = ["GuidedEngine"]


class GuidedEngine(StepEngine):
    r"""An engine that steps with and without the labels and enlarges the difference.

    .. math:: \log p(x) = \log p(x \mid \varnothing) + \gamma \, (\log p(x \mid y) - \log p(x \mid \varnothing)) + c

    With :math:`\gamma = 1` only the labels count, above 1 they count more. The network knows both distributions because
    labels are hidden from some rows in training (`Dropout.labels`). A step takes twice the time.

    Example:
        sampler = Sampler(
            GuidedEngine(Engine(network), 2.0), prompt, conditions, controls=Controls(), limits=Limits(), units=units
        )

    Source: J. Ho and T. Salimans, "Classifier-Free Diffusion Guidance", arXiv 2207.12598, section 3.2; for sequences of
    symbols: G. Sanchez et al., "Stay on Topic with Classifier-Free Guidance", arXiv 2306.17806, section 2.

    Args:
        engine: The engine or ensemble.
        guidance: The factor gamma.

    Raises:
        RequestError: If the steps are not symbols, or the network has no labels.
    """

    def __init__(self, engine: StepEngine, guidance: float) -> None:
        self.engine, self.guidance, self.network = engine, guidance, engine.network
        if not isinstance(self.network.space, Categorical):
            raise RequestError(
                f"`guidance` applies to symbols, and the steps of this model are"
                f" {self.network.space.kind}; leave it out",
                field="guidance", value=guidance, allowed="1",
            )  # fmt: skip
        if not self.network.config.labels:
            raise RequestError(
                "`guidance` enlarges the effect of labels, and this model has none; leave it out",
                field="guidance", value=guidance, allowed="1",
            )  # fmt: skip

    def begin_all(self, batches: Sequence[PromptBatch]) -> list[Beginning]:
        """Read several prompts with and without their labels."""
        without = [_without_labels(batch) for batch in batches]
        pairs = zip(self.engine.begin_all(without), self.engine.begin_all(batches), strict=True)
        return [
            (self._guide(free[0], labelled[0]), [*free[1], *labelled[1]], np.concatenate([free[2], labelled[2]], -1))
            for free, labelled in pairs
        ]

    def output_chunks(self, batch: PromptBatch) -> Iterator[np.ndarray]:
        """Yield the guided logarithms of probabilities at the positions of whole pieces, chunk by chunk."""
        pairs = zip(self.engine.output_chunks(_without_labels(batch)), self.engine.output_chunks(batch), strict=True)
        for free, labelled in pairs:
            yield self._guide(free, labelled)

    def step(
        self,
        steps: np.ndarray,
        condition_gates: np.ndarray,
        state: EngineState,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read one step per row with and without the labels; the state is changed in place."""
        free_gates, labelled_gates = (np.ascontiguousarray(part) for part in np.split(condition_gates, 2, -1))
        half = len(state) // 2
        free = self.engine.step(steps, free_gates, state[:half], references)
        return self._guide(free, self.engine.step(steps, labelled_gates, state[half:], references))

    def steps_at_source_end(self, state: EngineState) -> np.ndarray | None:
        """Return for how many steps the attention with the labels has been at the end of the source of each row."""
        return self.engine.steps_at_source_end(state[len(state) // 2 :])

    def coverage(self, state: EngineState) -> np.ndarray | None:
        """Return the total weight of each source symbol with the labels."""
        return self.engine.coverage(state[len(state) // 2 :])

    def _guide(self, free: np.ndarray, labelled: np.ndarray) -> np.ndarray:
        free, labelled = log_softmax(free), log_softmax(labelled)
        logs: np.ndarray = free + self.guidance * (labelled - free)
        return logs


def _without_labels(batch: PromptBatch) -> PromptBatch:
    """Return a batch whose labels are all unknown."""
    return dataclasses.replace(batch, labels=np.zeros_like(batch.labels))
