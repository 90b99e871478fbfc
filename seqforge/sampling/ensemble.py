"""An ensemble of networks: the probabilities of the next step are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.network import Batch, NetworkState
from seqforge.sampling.beginnings import Beginning
from seqforge.sampling.engine import Engine


class Ensemble:
    """Engines of one space that step together; it has the methods of `Engine`.

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

    def rows_for(self, count: int) -> int:
        """Return the number of rows to compute if `count` rows are needed."""
        return max(engine.rows_for(count) for engine in self.engines)

    def begin(self, batch: Batch) -> Beginning:
        """Read a prompt; the outputs are the logarithms of the averaged probabilities."""
        results = [engine.begin(batch) for engine in self.engines]
        self._gate_widths = [gates.shape[-1] for _, _, gates in results]
        state = [layer for _, layers, _ in results for layer in layers]
        outputs = _log_mean([outputs for outputs, _, _ in results])
        return outputs, state, torch.cat([gates for _, _, gates in results], -1)

    def begin_all(self, batches: Sequence[Batch], source_starts: Sequence[int | None]) -> list[Beginning]:
        """Read several prompts, one after the other; the networks of an ensemble have no source."""
        return [self.begin(batch) for batch in batches]

    def state(self, like: NetworkState, rows: int) -> NetworkState:
        """Return the state of several rows, each a copy of a state without a row axis."""
        return self.engines[0].state(like, rows)

    def step(
        self, steps: Tensor, condition_gates: Tensor, state: NetworkState, references: Tensor | None = None
    ) -> Tensor:
        """Read one step per row; the state is changed in place."""
        gate_parts = torch.split(condition_gates, self._gate_widths, -1)
        outputs, first = [], 0
        for engine, layers, gates in zip(self.engines, self._layer_counts, gate_parts, strict=True):
            outputs.append(engine.step(steps, gates, state[first : first + layers], references))
            first += layers
        return _log_mean(outputs)

    def steps_at_source_end(self, state: NetworkState) -> None:
        """Return None: the networks of an ensemble have no source."""

    def use_threads(self, rows: int) -> None:
        """Set torch to the number of threads that is fastest for the first engine."""
        self.engines[0].use_threads(rows)


def _log_mean(outputs: Sequence[Tensor]) -> Tensor:
    """Return the logarithms of the averaged probabilities of several logits."""
    logs = torch.stack([logits.double().log_softmax(-1) for logits in outputs])
    return logs.logsumexp(0).sub(torch.tensor(float(len(outputs))).log())
