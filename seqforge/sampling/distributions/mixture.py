"""The distribution of real numbers and bits, or the end of the piece."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist

import numpy as np

from seqforge.core.spaces import Mixture
from seqforge.errors import RequestError
from seqforge.network.shapes import MAX_CORRELATION, MAX_LOG_STD, mixture_sizes
from seqforge.sampling.controls import Controls
from seqforge.sampling.distributions._base import Choice, Distribution, check_finite
from seqforge.sampling.history import History

SUPPORTED_CONTROLS = ("temperature", "bias", "greedy")
"""The controls that apply to real-valued steps."""
MIN_TEMPERATURE = 1e-30
"""Lower temperatures above 0 are raised to this one, since dividing by them would overflow."""

_normal_quantile = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


@dataclass(frozen=True, eq=False)
class MixtureParameters:
    """The parameters of the distribution of the next step of several rows, float64.

    >>> parameters = mixture_parameters(Mixture(reals=2, bits=1, components=4), np.zeros((3, 26)))
    >>> parameters.means.shape, parameters.bit_logits.shape
    ((3, 4, 2), (3, 1))

    Attributes:
        end_logit: Logit of the end of the piece, shape (rows,).
        bit_logits: Logits of the bits, shape (rows, bits).
        component_logits: Logits of the mixture components, shape (rows, components).
        means: Means, shape (rows, components, reals).
        log_stds: Logarithms of the standard deviations, shape (rows, components, reals).
        correlations: Correlations of the two real numbers, shape (rows, components); zero if there is one real number.
    """

    end_logit: np.ndarray
    bit_logits: np.ndarray
    component_logits: np.ndarray
    means: np.ndarray
    log_stds: np.ndarray
    correlations: np.ndarray


class SpaceDistribution(Distribution):
    r"""A mixture of Gaussians for the real numbers, a Bernoulli distribution per bit and one for the end.

    The end is drawn first, then a component of the mixture, then a point of its Gaussian and the bits.

    A bias b favours probable points: deviations become :math:`e^{\hat\sigma - b}` and the logits of the components are
    multiplied by 1 + b (A. Graves, arXiv 1308.0850, section 5.4, equations 61 and 62). A temperature T divides all
    logits and multiplies variances by T (D. Ha and D. Eck, "A Neural Representation of Sketch Drawings", ICLR 2018,
    section 3.3). Greedy chooses the mean of the most probable component.

    >>> space = Mixture(reals=2, bits=1, components=4)
    >>> distribution = SpaceDistribution(space, Controls(greedy=True))
    >>> outputs = np.zeros((1, 1 + 1 + 4 * 6))  # end, bit, 6 parameters per component
    >>> choice = distribution.choose(outputs, None, uniforms=np.full((1, distribution.uniforms), 0.5))
    >>> choice.steps, choice.ends
    (array([[0., 0., 0.]], dtype=float32), array([False]))

    Args:
        space: The space of the numbers and bits.
        controls: How a step is chosen.

    Raises:
        RequestError: If a control is set that does not apply to real numbers.
    """

    choices = 2

    def __init__(self, space: Mixture, controls: Controls) -> None:
        self.space, self.controls = space, controls
        defaults = Controls()
        for field in fields(Controls):
            value = getattr(controls, field.name)
            if field.name not in SUPPORTED_CONTROLS and value != getattr(defaults, field.name):
                raise RequestError(
                    f"`{field.name}` has no meaning for real numbers, because they have no list of choices; use"
                    " `temperature` or `bias`",
                    field=field.name, value=value,
                )  # fmt: skip
        self.greedy = controls.greedy or controls.temperature == 0

    @property
    def uniforms(self) -> int:
        return 2 + self.space.bits + self.space.reals

    def choose(
        self,
        outputs: np.ndarray,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
    ) -> Choice:
        parameters = self.probabilities(outputs)
        rows = np.arange(len(outputs))
        temperature = 1.0 if self.greedy else max(self.controls.temperature, MIN_TEMPERATURE)
        allowed = np.ones((len(rows), 2), np.bool_) if masks is None else masks
        # 1. Choose whether the piece ends; the mask may forbid or demand it.
        end_probability = _sigmoid(parameters.end_logit / temperature)
        ends = (end_probability > 0.5) if self.greedy else (uniforms[:, 0] < end_probability)
        ends = (ends & allowed[:, 1]) | ~allowed[:, 0]
        # 2. Choose a component of the mixture.
        logits = parameters.component_logits * ((1 + self.controls.bias) / temperature)
        if self.greedy:
            components = logits.argmax(1)
        else:
            mass = np.exp(logits - logits.max(1, keepdims=True)).cumsum(1)
            components = (mass <= uniforms[:, 1:2] * mass[:, -1:]).sum(1).clip(max=logits.shape[1] - 1)
        # 3. Choose a point of its Gaussian, and the bits.
        points = parameters.means[rows, components]
        first_real = 2 + self.space.bits
        if not self.greedy:
            deviations = np.exp(parameters.log_stds[rows, components] - self.controls.bias) * temperature**0.5
            normal = _normal_quantile(uniforms[:, first_real:].clip(1e-12, 1 - 1e-12)).astype(np.float64)
            if self.space.reals == 2:
                rho = parameters.correlations[rows, components]
                normal[:, 1] = rho * normal[:, 0] + np.sqrt(1 - rho * rho) * normal[:, 1]
            points = points + deviations * normal
        bit_probabilities = _sigmoid(parameters.bit_logits / temperature)
        bits = bit_probabilities > 0.5 if self.greedy else uniforms[:, 2:first_real] < bit_probabilities
        # 4. Score the choices under the network alone.
        scores = log_density(parameters, points) - _softplus(parameters.end_logit)
        scores -= (_softplus(parameters.bit_logits) - parameters.bit_logits * bits).sum(1)
        scores = np.where(ends, -_softplus(-parameters.end_logit), scores)
        end = _sigmoid(parameters.end_logit)
        masked = np.where(allowed[:, 1], 0.0, end) + np.where(allowed[:, 0], 0.0, 1 - end)
        steps = np.concatenate([points, bits], 1).astype(np.float32)
        check_finite(steps)
        return Choice(steps, ends, scores, masked, np.zeros(len(rows)))

    def log_probabilities(self, outputs: np.ndarray, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        parameters = self.probabilities(outputs)
        reals, bits = steps[:, : self.space.reals], steps[:, self.space.reals :]
        scores = log_density(parameters, reals) - _softplus(parameters.end_logit)
        scores -= (_softplus(parameters.bit_logits) - parameters.bit_logits * bits).sum(1)
        logs: np.ndarray = np.where(ends, -_softplus(-parameters.end_logit), scores)
        return logs

    def probabilities(self, outputs: np.ndarray) -> MixtureParameters:
        """Return the parameters of the distribution, in float64."""
        check_finite(outputs)
        return mixture_parameters(self.space, np.atleast_2d(outputs))


def mixture_parameters(space: Mixture, outputs: np.ndarray) -> MixtureParameters:
    """Return the parameters of the distribution of the next step.

    >>> mixture_parameters(Mixture(reals=2, bits=1, components=3), np.zeros((5, 20))).means.shape
    (5, 3, 2)

    Args:
        space: The real numbers and bits.
        outputs: The outputs of the head, shape (rows, outputs).
    """
    # every part is made contiguous, so that no function computes it in another way for one row than for many
    borders = np.cumsum(mixture_sizes(space))[:-1]
    parts = np.split(outputs.astype(np.float64), borders, -1)
    end, bits, components, means, log_stds, correlations = (np.ascontiguousarray(part) for part in parts)
    shape = (*components.shape, space.reals)
    return MixtureParameters(
        end_logit=end[:, 0],
        bit_logits=bits,
        component_logits=components,
        means=means.reshape(shape),
        log_stds=MAX_LOG_STD * np.tanh(log_stds.reshape(shape) / MAX_LOG_STD),
        correlations=MAX_CORRELATION * np.tanh(correlations) if space.reals == 2 else np.zeros_like(components),
    )


def log_density(parameters: MixtureParameters, reals: np.ndarray) -> np.ndarray:
    """Return the logarithm of the density of the mixture of Gaussians at one point per row, in nats; shape (rows,).

    Args:
        parameters: The parameters of the distribution.
        reals: The real numbers of the points, shape (rows, reals).
    """
    z = (reals[:, None] - parameters.means) * np.exp(-parameters.log_stds)
    logs = -parameters.log_stds.sum(-1) - 0.5 * reals.shape[-1] * math.log(2 * math.pi)
    if reals.shape[-1] == 2:
        rho = parameters.correlations
        free = 1 - rho * rho
        x, y = z[..., 0], z[..., 1]
        logs = logs - 0.5 * np.log(free) - (x * x + y * y - 2 * rho * x * y) / (2 * free)
    else:
        logs = logs - 0.5 * (z * z).sum(-1)
    density: np.ndarray = _log_sum(parameters.component_logits + logs) - _log_sum(parameters.component_logits)
    return density


def _log_sum(logs: np.ndarray) -> np.ndarray:
    largest = logs.max(1, keepdims=True)
    result: np.ndarray = largest[:, 0] + np.log(np.exp(logs - largest).sum(1))
    return result


def _softplus(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.logaddexp(0, x)
    return result


def _sigmoid(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.exp(-np.logaddexp(0, -x))
    return result
