"""Drawing a symbol, or the end of the piece."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from seqforge.errors import RequestError
from seqforge.sampling import filters
from seqforge.sampling.controls import Controls
from seqforge.sampling.draws._base import Choice, Draw
from seqforge.sampling.history import History
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
        wrong = [step for step in (*controls.ban, *controls.force) if not 0 <= step < space.size]
        if wrong:
            raise RequestError(f"step {wrong[0]} is banned or forced, and there are only {space.size}")
        self._banned = np.zeros(space.size + 1, np.bool_)
        self._banned[list(controls.ban)] = True

    def choose(
        self,
        outputs: Tensor,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
    ) -> Choice:
        raw = outputs.double().numpy()
        logits = raw if masks is None else np.where(masks, raw, -np.inf)
        logits = self._before(logits, histories)
        wanted = logits if self.greedy else self._filter(logits, histories)
        chosen = wanted.argmax(axis=1) if self.greedy else self._draw(wanted, uniforms[:, 0])
        rows = np.arange(len(chosen))
        peak = raw.max(axis=1)
        weights = np.exp(raw - peak[:, None])
        total = weights.sum(axis=1)
        scores = raw[rows, chosen] - peak - np.log(total)
        masked = np.zeros(len(chosen)) if masks is None else np.where(masks, 0.0, weights).sum(axis=1) / total
        bits = np.zeros(len(chosen))
        if self.controls.mirostat:
            bits = -np.log2(np.maximum(filters.softmax(wanted)[rows, chosen], 1e-300))
        return Choice(chosen, chosen == self.size, scores, masked, bits)

    def probabilities(self, outputs: Tensor) -> np.ndarray:
        found: np.ndarray = filters.softmax(outputs.double().numpy()[None])[0]
        return found

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
        controls = self.controls
        if controls.temperature != 1:
            logits = filters.temperature(logits, controls.temperature)
        if controls.top_k:
            logits = filters.top_k(logits, controls.top_k)
        if controls.typical < 1:
            logits = filters.typical(logits, controls.typical)
        if controls.top_p < 1:
            logits = filters.top_p(logits, controls.top_p)
        if controls.min_p > 0:
            logits = filters.min_p(logits, controls.min_p)
        if controls.mirostat and histories is not None:
            logits = np.stack([
                row if history is None else filters.mirostat(row, history.surprise)
                for row, history in zip(logits, histories, strict=True)
            ])  # fmt: skip
        return logits

    @staticmethod
    def _draw(logits: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        mass = np.exp(logits - logits.max(axis=1, keepdims=True)).cumsum(axis=1)
        chosen: np.ndarray = (mass <= (uniforms * mass[:, -1])[:, None]).sum(axis=1)
        return chosen


def _unless_empty(filtered: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return filtered rows; where one has nothing left, as it was before."""
    left = (filtered > -np.inf).any(axis=1, keepdims=True)
    return np.where(left, filtered, before)
