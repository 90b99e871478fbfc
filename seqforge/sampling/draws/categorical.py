"""Drawing a symbol, or the end of the piece."""

import numpy as np
from torch import Tensor

from seqforge.sampling import filters
from seqforge.sampling.controls import Controls
from seqforge.sampling.draws._base import Draw
from seqforge.spaces import Categorical


class SpaceDraw(Draw):
    """Inverse-transform sampling over the symbols and the end, which is number `size`.

    Args:
        space: the symbols.
        controls: how to choose.
    """

    uniforms = 1

    def __init__(self, space: Categorical, controls: Controls) -> None:
        self.size, self.controls = space.size, controls
        self.greedy = controls.greedy or controls.temperature == 0

    def choose(
        self, outputs: Tensor, masks: np.ndarray | None, uniforms: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        raw = outputs.double().numpy()
        logits = raw if masks is None else np.where(masks, raw, -np.inf)
        chosen = logits.argmax(axis=1) if self.greedy else self._draw(self._filter(logits), uniforms[:, 0])
        peak = raw.max(axis=1)
        total = peak + np.log(np.exp(raw - peak[:, None]).sum(axis=1))
        scores = raw[np.arange(len(chosen)), chosen] - total
        return chosen, chosen == self.size, scores

    def probabilities(self, outputs: Tensor) -> np.ndarray:
        found: np.ndarray = filters.softmax(outputs.double().numpy()[None])[0]
        return found

    def _filter(self, logits: np.ndarray) -> np.ndarray:
        controls = self.controls
        if controls.temperature != 1:
            logits = filters.temperature(logits, controls.temperature)
        if controls.top_k:
            logits = filters.top_k(logits, controls.top_k)
        if controls.top_p < 1:
            logits = filters.top_p(logits, controls.top_p)
        return logits

    @staticmethod
    def _draw(logits: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        mass = np.exp(logits - logits.max(axis=1, keepdims=True)).cumsum(axis=1)
        chosen: np.ndarray = (mass <= (uniforms * mass[:, -1])[:, None]).sum(axis=1)
        return chosen
