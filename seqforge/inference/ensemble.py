"""An ensemble of networks: the probabilities of the next step are averaged."""

from collections.abc import Iterator, Sequence

import numpy as np

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.inference.engine import Engine
from seqforge.inference.prompts import PromptBatch
from seqforge.inference.stepping import Beginning, EngineState, StepEngine

__all__ = ["Ensemble", "log_softmax"]


class Ensemble(StepEngine):
    """Engines of one space that step together; a `StepEngine`.

    The distribution of the next step is the arithmetic mean of the distributions of all engines, which is a mixture
    whose members are equally probable at every step.

    Example:
        ensemble = Ensemble([Engine(network_1), Engine(network_2)])
        sampler = Sampler(ensemble, prompt, conditions, controls=Controls(), limits=Limits(steps=200), units=units)

    Args:
        engines: Two or more engines.

    Raises:
        RequestError: If the steps are not symbols, a network attends to a source, or two networks look back by
            different distances.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = list(engines)
        self.network = engines[0].network
        """A network of the ensemble that looks back, if there is one, otherwise the first."""
        if not isinstance(self.network.space, Categorical):
            raise RequestError(
                f"models with {self.network.space.kind} steps cannot be averaged, because their steps are not symbols;"
                " give one `model`",
                field="model",
            )  # fmt: skip
        if any(engine.network.config.source_symbols for engine in engines):
            raise RequestError("models that attend to a source cannot be averaged; give one `model`", field="model")
        looking_back = [engine.network for engine in engines if engine.network.config.distances]
        if len({network.config.distances for network in looking_back}) > 1:
            raise RequestError(
                "models that look back by different distances cannot be averaged; give one `model`", field="model"
            )
        self.network = (looking_back or [self.network])[0]
        self._layer_counts = [engine.network.config.layers for engine in engines]
        self._gate_widths: list[int] = []

    def begin_all(self, batches: Sequence[PromptBatch]) -> list[Beginning]:
        """Read several prompts."""
        parts = zip(*(engine.begin_all(batches) for engine in self.engines), strict=True)
        return [self._join(results) for results in parts]

    def _join(self, results: Sequence[Beginning]) -> Beginning:
        self._gate_widths = [gates.shape[-1] for _, _, gates in results]
        state = [layer for _, layers, _ in results for layer in layers]
        outputs = _log_mean([outputs for outputs, _, _ in results])
        return outputs, state, np.concatenate([gates for _, _, gates in results], -1)

    def output_chunks(self, batch: PromptBatch) -> Iterator[np.ndarray]:
        """Yield the logarithms of the averaged probabilities at the positions of whole pieces, chunk by chunk."""
        for outputs in zip(*(engine.output_chunks(batch) for engine in self.engines), strict=True):
            yield _log_mean(outputs)

    def step(
        self,
        steps: np.ndarray,
        condition_gates: np.ndarray,
        state: EngineState,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read one step per row; the state is changed in place."""
        gate_parts = np.split(condition_gates, np.cumsum(self._gate_widths)[:-1], -1)
        outputs, first = [], 0
        for engine, layers, gates in zip(self.engines, self._layer_counts, gate_parts, strict=True):
            outputs.append(engine.step(steps, np.ascontiguousarray(gates), state[first : first + layers], references))
            first += layers
        return _log_mean(outputs)

    def steps_at_source_end(self, state: EngineState) -> None:
        """Return None: the networks of an ensemble have no source."""


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities of logits along the last axis, in float64.

    >>> log_softmax(np.zeros(2)).round(3)
    array([-0.693, -0.693])
    """
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    result: np.ndarray = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return result


def _log_mean(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Return the logarithms of the averaged probabilities of several logits."""
    logs = np.stack([log_softmax(logits) for logits in outputs])
    result: np.ndarray = np.logaddexp.reduce(logs, axis=0) - np.log(len(outputs))
    return result
