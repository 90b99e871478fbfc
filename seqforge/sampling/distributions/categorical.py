"""Drawing a symbol, or the end of the piece."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.sampling import filters
from seqforge.sampling.controls import Controls
from seqforge.sampling.distributions._base import Choice, Distribution
from seqforge.sampling.history import History

ALMOST_ALL = 1 - 1e-9
"""Of the probability: where a constraint takes so much, what is left is worked out in logarithms."""
LOWEST = 0.1
"""Temperature, likewise: below it weights of what is left could vanish."""


class SpaceDistribution(Distribution):
    """Inverse-transform sampling over the symbols and the end, which is number `size`.

    Args:
        space: the symbols.
        controls: how to choose.
    """

    uniforms = 1
    choices: int = 0

    def __init__(self, space: Categorical, controls: Controls) -> None:
        self.size, self.controls = space.size, controls
        if controls.bias:
            raise RequestError("--bias has no meaning for symbols; --temperature makes the probable more probable")
        self.choices = space.size + 1
        self.greedy = controls.greedy or controls.temperature == 0
        wrong = [step for step in (*controls.ban, *controls.force) if not 0 <= step < space.size]
        if wrong:
            raise RequestError(f"step {wrong[0]} is banned or forced, and there are only {space.size}")
        self._banned = np.zeros(space.size + 1, np.bool_)
        self._banned[list(controls.ban)] = True
        self._plain = controls.typical == 1 and not controls.ban and not self.greedy
        self._plain &= controls.temperature >= LOWEST

    def choose(
        self,
        outputs: Tensor,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
    ) -> Choice:
        raw = outputs.double().numpy()
        raw = raw - raw.max(axis=1, keepdims=True)
        weights = np.exp(raw)
        total = weights.sum(axis=1)
        allowed = weights if masks is None else weights * masks
        masked = np.zeros(len(raw)) if masks is None else 1 - allowed.sum(axis=1) / total
        bits = np.zeros(len(raw))
        rows = np.arange(len(raw))
        if self._plain and histories is None and masked.max() < ALMOST_ALL:
            chosen = _drawn(self._sharpened(raw, allowed, masks), uniforms[:, 0])
        else:
            logits = raw if masks is None else np.where(masks, raw, -np.inf)
            logits = self._before(logits, histories)
            if self.greedy:
                chosen = logits.argmax(axis=1)
            else:
                wanted = self._filter(logits, histories)
                chosen = _drawn(wanted, uniforms[:, 0])
                if self.controls.mirostat:
                    bits = -np.log2(np.maximum(wanted[rows, chosen] / wanted.sum(axis=1), 1e-300))
        return Choice(chosen, chosen == self.size, raw[rows, chosen] - np.log(total), masked, bits)

    def probabilities(self, outputs: Tensor) -> np.ndarray:
        found: np.ndarray = filters.softmax(outputs.double().numpy()[None])[0]
        return found

    def _sharpened(self, raw: np.ndarray, allowed: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        """Return weights to draw with, where temperature and the top filters are all there is."""
        controls = self.controls
        if controls.temperature != 1:
            allowed = np.exp(raw * (1 / controls.temperature))
            if masks is not None:
                allowed *= masks
        if controls.top_k or controls.top_p < 1 or controls.min_p > 0:
            return filters.top(allowed, k=controls.top_k, p=controls.top_p, min_p=controls.min_p)
        return allowed

    def _before(self, logits: np.ndarray, histories: Sequence[History | None] | None) -> np.ndarray:
        """Force, ban, and make less probable what has come already."""
        if self.controls.ban:
            logits = _unless_empty(np.where(self._banned, -np.inf, logits), logits)
        if histories is None:
            return logits
        logits = np.array(logits)
        for row, history in enumerate(histories):
            if history is None:
                continue
            step = history.forced()
            if step is not None:
                if logits[row, step] == -np.inf:
                    raise RequestError(
                        f"a forced step, number {history.drawn + 1}, cannot come there: the constraint or a ban forbids"
                        " it; leave --force out, or force something else"
                    )
                logits[row, np.arange(self.size + 1) != step] = -np.inf
            else:
                penalised = history.penalised(logits[row])
                if penalised.max() > -np.inf:
                    logits[row] = penalised
        return logits

    def _filter(self, logits: np.ndarray, histories: Sequence[History | None] | None) -> np.ndarray:
        """Return weights, in proportion to the probabilities to draw with."""
        controls, k = self.controls, self.controls.top_k
        if controls.temperature != 1:
            logits = filters.temperature(logits, controls.temperature)
        if controls.typical < 1:
            logits = np.where(filters.top(filters.softmax(logits), k=k) > 0, logits, -np.inf)
            logits, k = filters.typical(logits, controls.typical), 0
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights = filters.top(weights, k=k, p=controls.top_p, min_p=controls.min_p)
        if controls.mirostat and histories is not None:
            weights = np.stack([
                row if history is None else filters.mirostat(row, history.surprise)
                for row, history in zip(weights, histories, strict=True)
            ])  # fmt: skip
        return weights


def _drawn(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Return a column for each row, drawn with probabilities in proportion to weights."""
    mass = weights.cumsum(axis=1)
    chosen: np.ndarray = (mass <= (uniforms * mass[:, -1])[:, None]).sum(axis=1)
    return chosen


def _unless_empty(filtered: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return filtered rows; where one has nothing left, as it was before."""
    left = (filtered > -np.inf).any(axis=1, keepdims=True)
    return np.where(left, filtered, before)
