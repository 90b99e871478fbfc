"""An ensemble of networks: the probabilities of the next step are averaged."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np

from seqforge.core.spaces import Categorical, Mixture
from seqforge.errors import RequestError
from seqforge.inference.engine import Engine
from seqforge.inference.prompts import PromptBatch
from seqforge.inference.stepping import Beginning, EngineState, StepEngine

__all__ = ["Ensemble", "log_softmax"]


class Ensemble(StepEngine):
    """Engines of one space that step together; a `StepEngine`.

    The distribution of the next step is the arithmetic mean of the distributions of all engines, which is a mixture
    whose members are equally probable at every step. For real numbers and bits it is a mixture of their mixtures: the
    outputs of all engines stand side by side, and `seqforge.sampling.distributions.mixture` joins their components.

    Example:
        ensemble = Ensemble([Engine(network_1), Engine(network_2)])
        sampler = Sampler(ensemble, prompt, conditions, controls=Controls(), limits=Limits(steps=200), units=units)

    Args:
        engines: Two or more engines.

    Raises:
        RequestError: If two networks look back by different distances, or standardise real numbers differently.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = list(engines)
        self.network = engines[0].network
        """A network of the ensemble that looks back, if there is one, otherwise the first."""
        looking_back = [engine.network for engine in engines if engine.network.config.distances]
        if len({network.config.distances for network in looking_back}) > 1:
            raise RequestError(
                "models that look back by different distances cannot be averaged; give one `model`", field="model"
            )
        self.network = (looking_back or [self.network])[0]
        spaces = [engine.network.space for engine in engines]
        if len({space.standardisation for space in spaces if isinstance(space, Mixture)}) > 1:
            raise RequestError(
                "models that standardise their real numbers differently cannot be averaged; they were trained on other"
                " pieces; give one `model`",
                field="model",
            )
        configs = [engine.network.config for engine in engines]
        self._entries = [config.layers + bool(config.source_symbols) for config in configs]
        self._average = _log_mean if isinstance(self.network.space, Categorical) else _side_by_side
        self._gate_widths: list[int] = []

    def begin_all(self, batches: Sequence[PromptBatch]) -> list[Beginning]:
        """Read several prompts."""
        parts = zip(*(engine.begin_all(batches) for engine in self.engines), strict=True)
        return [self._join(results) for results in parts]

    def _join(self, results: Sequence[Beginning]) -> Beginning:
        self._gate_widths = [gates.shape[-1] for _, _, gates in results]
        state = [layer for _, layers, _ in results for layer in layers]
        outputs = self._average([outputs for outputs, _, _ in results])
        return outputs, state, np.concatenate([gates for _, _, gates in results], -1)

    def output_chunks(self, batch: PromptBatch) -> Iterator[np.ndarray]:
        """Yield the average of the outputs at the positions of whole pieces, chunk by chunk."""
        for outputs in zip(*(engine.output_chunks(batch) for engine in self.engines), strict=True):
            yield self._average(outputs)

    def step(
        self,
        steps: np.ndarray,
        condition_gates: np.ndarray,
        state: EngineState,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read one step per row; the state is changed in place."""
        gate_parts = np.split(condition_gates, np.cumsum(self._gate_widths)[:-1], -1)
        outputs = [
            engine.step(steps, np.ascontiguousarray(gates), layers, references)
            for engine, layers, gates in zip(self.engines, self._states(state), gate_parts, strict=True)
        ]
        return self._average(outputs)

    def steps_at_source_end(self, state: EngineState) -> np.ndarray | None:
        """Return for how many steps at least half of the monotonic attentions have been at the end of the source."""
        counts = self._of_each(state, lambda engine, part: engine.steps_at_source_end(part))
        if not counts:
            return None
        result: np.ndarray = np.sort(counts, axis=0)[len(counts) // 2]
        return result

    def coverage(self, state: EngineState) -> np.ndarray | None:
        """Return the mean over all networks with attention by content of the weight that each symbol has received."""
        weights = self._of_each(state, lambda engine, part: engine.coverage(part))
        if not weights:
            return None
        result: np.ndarray = np.mean(weights, axis=0)
        return result

    def _of_each(
        self, state: EngineState, function: Callable[[Engine, EngineState], np.ndarray | None]
    ) -> list[np.ndarray]:
        """Return what a function returns for each engine and its state, those that return None left out."""
        values = (function(engine, part) for engine, part in zip(self.engines, self._states(state), strict=True))
        return [value for value in values if value is not None]

    def _states(self, state: EngineState) -> list[EngineState]:
        """Return the state of each engine."""
        ends = list(accumulate(self._entries, initial=0))
        return [state[first:end] for first, end in pairwise(ends)]


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


def _side_by_side(outputs: Sequence[np.ndarray]) -> np.ndarray:
    """Return the outputs of several heads of real numbers and bits side by side."""
    return np.concatenate(outputs, -1)
