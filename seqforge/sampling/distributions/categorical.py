"""The distribution of a symbol or the end of the piece."""

import ctypes
from collections.abc import Sequence

import numpy as np

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.inference import kernels, log_softmax
from seqforge.inference.kernels import address
from seqforge.sampling import filters
from seqforge.sampling.controls import Controls
from seqforge.sampling.distributions._base import Choice, Distribution, Projection, check_finite
from seqforge.sampling.history import History

MAX_MASKED = 1 - 1e-9
"""If a mask removes at least this probability, the remaining one is computed from logits, which do not underflow."""
CONTROLS_OF_LOGITS = ("logit_bias", "temperature_range", "top_n_sigma", "epsilon", "eta", "xtc_probability")
"""Controls with which the fast path is not possible."""
MIN_WEIGHT_TEMPERATURE = 0.1
"""Below this temperature the remaining probability is computed from logits for the same reason."""


class _Draw(ctypes.Structure):
    """The arguments of a draw, as `draw.inc.h` declares them."""

    _fields_ = (
        ("logits", ctypes.c_void_p), ("factor", ctypes.c_double), ("masks", ctypes.c_void_p),
        ("uniforms", ctypes.c_void_p), ("rows", ctypes.c_int64), ("choices", ctypes.c_int64), ("k", ctypes.c_int64),
        ("p", ctypes.c_double), ("min_p", ctypes.c_double), ("chosen", ctypes.c_void_p),
        ("score", ctypes.c_void_p), ("masked", ctypes.c_void_p),
    )  # fmt: skip


class SpaceDistribution(Distribution):
    """A categorical distribution over the symbols and the end, which has the number `size`.

    Steps are drawn by inverse transform sampling.

    >>> distribution = SpaceDistribution(Categorical(3), Controls(top_k=2))
    >>> outputs = np.array([[2.0, 1.0, 0.0, -1.0]])  # the logits of three symbols and the end
    >>> distribution.probabilities(outputs[0]).round(3)
    array([0.644, 0.237, 0.087, 0.032])
    >>> masks = np.array([[False, True, True, True]])  # symbol 0 is forbidden
    >>> choice = distribution.choose(outputs, masks, uniforms=np.array([[0.5]]))
    >>> choice.steps, choice.masked.round(3)
    (array([1]), array([0.644]))

    Source: inverse transform sampling: L. Devroye, "Non-Uniform Random Variate Generation", Springer 1986, section
    III.2; the filters name their sources in `seqforge.sampling.filters`.

    Args:
        space: The space of the symbols.
        controls: How a symbol is chosen.

    Raises:
        RequestError: If `bias` is set, or a banned or forced step is not in the space.
    """

    choices: int = 0
    uniforms: int = 1

    def __init__(self, space: Categorical, controls: Controls) -> None:
        self.size, self.controls = space.size, controls
        if controls.bias:
            raise RequestError(
                "`bias` applies to real-valued steps, and the steps of this model are symbols;"
                " a lower `temperature` favours probable steps",
                field="bias", value=controls.bias, allowed="0",
            )  # fmt: skip
        self.choices = space.size + 1
        self.uniforms = 2 if controls.xtc_probability else 1
        self.greedy = controls.greedy or controls.temperature == 0
        biases = dict(controls.logit_bias)
        for name, steps in (("ban", controls.ban), ("force", controls.force), ("logit_bias", biases)):
            for step in steps:
                if not 0 <= step < space.size:
                    raise RequestError(
                        f"`{name}` contains the step {step}; steps are numbered from 0 to {space.size - 1}",
                        field=name, value=step, allowed=f"from 0 to {space.size - 1}",
                    )  # fmt: skip
        self._logit_bias = np.zeros(space.size + 1)
        self._logit_bias[list(biases)] = list(biases.values())
        self._banned = np.zeros(space.size + 1, np.bool_)
        self._banned[list(controls.ban)] = True
        self._works_on_weights = controls.typical == 1 and not controls.ban and not self.greedy
        self._works_on_weights &= controls.temperature >= MIN_WEIGHT_TEMPERATURE
        self._works_on_weights &= not any(getattr(controls, name) for name in CONTROLS_OF_LOGITS)
        # without top-k, top-p sorts all weights, which numpy does faster
        sorts_all = controls.top_p < 1 and not 0 < controls.top_k < self.choices
        self._is_compiled = self._works_on_weights and not sorts_all and kernels.library() is not None

    def choose(
        self,
        outputs: np.ndarray,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
        project: Projection | None = None,
    ) -> Choice:
        if not self._is_compiled or histories is not None or outputs.dtype != np.float32:
            return self._choose_plain(outputs, masks, uniforms, histories)
        choice = self._choose_compiled(outputs, masks, uniforms)
        if masks is not None and np.count_nonzero(underflows := choice.masked >= MAX_MASKED):
            rows = np.flatnonzero(underflows)
            others = self._choose_plain(outputs[rows], masks[rows], uniforms[rows], None)
            for name in ("steps", "ends", "scores", "masked"):
                getattr(choice, name)[rows] = getattr(others, name)
        return choice

    def _choose_plain(
        self,
        outputs: np.ndarray,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None,
    ) -> Choice:
        """Choose by numpy."""
        logits = outputs.astype(np.float64)
        largest = logits.max(axis=1, keepdims=True)
        check_finite(largest)  # NaN and infinity reach the maximum
        logits -= largest
        weights = np.exp(logits)
        allowed = weights if masks is None else weights * masks
        total = weights.sum(axis=1)
        masked = np.zeros(len(logits)) if masks is None else 1 - allowed.sum(axis=1) / total
        bits = np.zeros(len(logits))
        rows = np.arange(len(logits))
        if self._works_on_weights and histories is None and masked.max() < MAX_MASKED:
            chosen = _draw(self._filtered_weights(logits, allowed, masks), uniforms[:, 0])
        else:
            adjusted = logits if masks is None else np.where(masks, logits, -np.inf)
            adjusted = self._apply_history(adjusted, histories)
            check_finite(adjusted.max(axis=1))  # a row without a possible step
            if self.greedy:
                chosen = adjusted.argmax(axis=1)
            else:
                filtered = self._filter(adjusted, histories, uniforms)
                chosen = _draw(filtered, uniforms[:, 0])
                if self.controls.mirostat:
                    bits = -np.log2(np.maximum(filtered[rows, chosen] / filtered.sum(axis=1), 1e-300))
        return Choice(chosen, chosen == self.size, logits[rows, chosen] - np.log(total), masked, bits)

    def _choose_compiled(self, outputs: np.ndarray, masks: np.ndarray | None, uniforms: np.ndarray) -> Choice:
        """Choose by the compiled library; a choice does not count if the weights of what is allowed may underflow.

        Raises:
            RunError: If the outputs are not finite.
        """
        controls, rows, choices = self.controls, len(outputs), self.choices
        logits, numbers = np.ascontiguousarray(outputs), np.ascontiguousarray(uniforms[:, 0])
        masks = None if masks is None else np.ascontiguousarray(masks)
        chosen, (scores, masked) = np.empty(rows, np.int64), np.empty((2, rows))
        bad_rows = kernels.library().draw_rows(ctypes.byref(_Draw(
            address(logits), 1 / controls.temperature, None if masks is None else address(masks), address(numbers),
            rows, choices, controls.top_k if controls.top_k < choices else 0, controls.top_p, controls.min_p,
            address(chosen), address(scores), address(masked),
        )))  # fmt: skip
        if bad_rows:
            check_finite(outputs.max(axis=1))
        return Choice(chosen, chosen == self.size, scores, masked, np.zeros(rows))

    def log_probabilities(self, outputs: np.ndarray, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        choices = np.where(ends, self.size, steps.astype(np.int64))
        logs: np.ndarray = log_softmax(outputs)[np.arange(len(outputs)), choices]
        return logs

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        logits = outputs.astype(np.float64)[None]
        check_finite(logits.max(axis=1))
        result: np.ndarray = filters.softmax(logits)[0]
        return result

    def _filtered_weights(self, logits: np.ndarray, allowed: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        """Return the weights to draw with if temperature, top-k, top-p and min-p are the only controls."""
        controls = self.controls
        if controls.temperature != 1:
            allowed = np.exp(logits * (1 / controls.temperature))
            if masks is not None:
                allowed *= masks
        if controls.top_k or controls.top_p < 1 or controls.min_p > 0:
            return filters.filter_top(allowed, k=controls.top_k, p=controls.top_p, min_p=controls.min_p)
        return allowed

    def _apply_history(self, logits: np.ndarray, histories: Sequence[History | None] | None) -> np.ndarray:
        """Return logits after `ban`, `force` and the penalties of earlier steps.

        Raises:
            RequestError: If the mask or a ban forbids a forced step.
        """
        if self.controls.ban:
            logits = _unless_empty(np.where(self._banned, -np.inf, logits), logits)
        if self.controls.logit_bias:
            logits = logits + self._logit_bias
        if histories is None:
            return logits
        logits = np.array(logits)
        for row, history in enumerate(histories):
            if history is None:
                continue
            step = history.forced_step()
            if step is not None:
                if logits[row, step] == -np.inf:
                    raise RequestError(
                        f"step {history.drawn_count + 1} of `force` is not possible there: the constraint or `ban`"
                        " forbids it; force another step, or none",
                        field="force", value=step,
                    )  # fmt: skip
                logits[row, np.arange(self.size + 1) != step] = -np.inf
            else:
                penalised = history.penalise(logits[row])
                if penalised.max() > -np.inf:
                    logits[row] = penalised
        return logits

    def _filter(
        self, logits: np.ndarray, histories: Sequence[History | None] | None, uniforms: np.ndarray
    ) -> np.ndarray:
        """Return the weights to draw with, after temperature and all filters."""
        controls, k = self.controls, self.controls.top_k
        if controls.temperature_range:
            logits = filters.scale_by_entropy(
                logits, controls.temperature, controls.temperature_range, controls.temperature_exponent
            )
        elif controls.temperature != 1:
            logits = filters.scale_by_temperature(logits, controls.temperature)
        if controls.top_n_sigma:
            logits = filters.filter_top_n_sigma(logits, controls.top_n_sigma)
        if controls.typical < 1:
            logits = np.where(filters.filter_top(filters.softmax(logits), k=k) > 0, logits, -np.inf)
            logits, k = filters.filter_typical(logits, controls.typical), 0
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        if controls.epsilon or controls.eta:
            weights = filters.filter_top(weights, k=k)
            weights, k = filters.filter_epsilon(weights, epsilon=controls.epsilon, eta=controls.eta), 0
        weights = filters.filter_top(weights, k=k, p=controls.top_p, min_p=controls.min_p)
        if controls.xtc_probability:
            applies = uniforms[:, 1] < controls.xtc_probability
            weights = filters.exclude_top_choices(weights, controls.xtc_threshold, applies)
        if controls.mirostat and histories is not None:
            weights = np.stack([
                row if history is None else filters.filter_mirostat(row, history.max_surprisal)
                for row, history in zip(weights, histories, strict=True)
            ])  # fmt: skip
        return weights


def _draw(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Return a column for each row, drawn with probabilities in proportion to the weights.

    A column of weight 0 is never drawn: its sum of weights equals that of the column before it.
    """
    mass = weights.cumsum(axis=1)
    total = mass[:, -1]
    threshold = np.minimum(uniforms * total, np.nextafter(total, 0))  # the product may be rounded up to the total
    columns: np.ndarray = np.count_nonzero(mass <= threshold[:, None], axis=1)
    return columns


def _unless_empty(filtered: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Return the filtered logits; a row in which no step is left keeps its original logits."""
    has_step = (filtered > -np.inf).any(axis=1, keepdims=True)
    return np.where(has_step, filtered, original)
