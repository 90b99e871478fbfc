"""Several networks as one: their probabilities of the next step are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.network import Batch, NetworkState
from seqforge.sampling.engine import Engine


class Ensemble:
    """Engines of one space that step together, in the place of one; see `Engine` for its methods.

    The arithmetic mean of the distributions: the mixture whose members are equally probable at every step.

    Args:
        engines: two or more.

    Raises:
        RequestError: their space has no probabilities of single steps to average.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = list(engines)
        self.network = engines[0].network
        if not isinstance(self.network.space, Categorical):
            raise RequestError(f"models of {self.network.space.kind} steps cannot be averaged; name one --model")
        if any(engine.network.config.source_symbols for engine in engines):
            raise RequestError("models that attend to a source cannot be averaged; name one --model")
        self._layers = [engine.network.config.layers for engine in engines]
        self._widths: list[int] = []

    def rows_for(self, wanted: int) -> int:
        """Return how many rows to compute where `wanted` are asked for."""
        return max(engine.rows_for(wanted) for engine in self.engines)

    def begin(self, window: Batch) -> tuple[Tensor, NetworkState, Tensor]:
        """Read the beginning of a piece; outputs are the logarithms of averaged probabilities."""
        found = [engine.begin(window) for engine in self.engines]
        self._widths = [added.shape[-1] for _, _, added in found]
        state = [layer for _, states, _ in found for layer in states]
        return _mean([outputs for outputs, _, _ in found]), state, torch.cat([added for _, _, added in found], -1)

    def state(self, like: NetworkState, rows: int) -> NetworkState:
        """Return a state of so many rows, each a copy of one without a row axis."""
        return self.engines[0].state(like, rows)

    def step(self, steps: Tensor, added: Tensor, state: NetworkState) -> Tensor:
        """Read one step in each row; the state is changed in place."""
        parts = torch.split(added, self._widths, -1)
        outputs, first = [], 0
        for engine, layers, own in zip(self.engines, self._layers, parts, strict=True):
            outputs.append(engine.step(steps, own, state[first : first + layers]))
            first += layers
        return _mean(outputs)

    def rested(self, state: NetworkState) -> None:
        """There is no source."""

    def use_threads(self, rows: int) -> None:
        """Set torch to the number of threads that suits the first."""
        self.engines[0].use_threads(rows)


def _mean(outputs: Sequence[Tensor]) -> Tensor:
    logs = torch.stack([each.double().log_softmax(-1) for each in outputs])
    return logs.logsumexp(0).sub(torch.tensor(float(len(outputs))).log())
