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
from seqforge.sampling.distributions._base import Choice, Distribution, Projection, check_finite
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
        bit_logits: Logits of the bits, shape (rows, bits); for several networks those of each component, shape (rows,
            components, bits).
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

    The end is drawn first, then a component of the mixture, then a point of its Gaussian and the bits. A mask has a
    column for going on, two per bit (whether it may be 0, and 1), and one for the end.

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

    choices: int = 0

    def __init__(self, space: Mixture, controls: Controls) -> None:
        self.space, self.controls = space, controls
        self.choices = 2 + 2 * space.bits
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
        project: Projection | None = None,
    ) -> Choice:
        parameters = self.probabilities(outputs)
        rows = np.arange(len(outputs))
        temperature = 1.0 if self.greedy else max(self.controls.temperature, MIN_TEMPERATURE)
        allowed = np.ones((len(rows), self.choices), np.bool_) if masks is None else masks
        # 1. Choose whether the piece ends; the mask may forbid or demand it.
        end_probability = _sigmoid(parameters.end_logit / temperature)
        ends = (end_probability > 0.5) if self.greedy else (uniforms[:, 0] < end_probability)
        ends = (ends & allowed[:, -1]) | ~allowed[:, 0]
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
        bit_logits = parameters.bit_logits
        bit_logits = bit_logits if bit_logits.ndim == 2 else bit_logits[rows, components]
        bit_probabilities = _sigmoid(bit_logits / temperature)
        bits = bit_probabilities > 0.5 if self.greedy else uniforms[:, 2:first_real] < bit_probabilities
        if masks is not None:  # a bit has two columns of the mask: whether it may be 0, and whether it may be 1
            bits = np.where(masks[:, 2:-1:2], bits | ~masks[:, 1:-1:2], False)
        steps = np.concatenate([points, bits], 1).astype(np.float32)
        check_finite(steps)
        # 4. Let the constraint move the steps.
        if project is not None:
            for row in np.flatnonzero(~ends).tolist():
                projected = project(row, steps[row])
                if projected is not steps[row] and not np.array_equal(projected, steps[row]):
                    steps[row] = projected
                    points[row], bits[row] = steps[row, : self.space.reals], steps[row, self.space.reals :] > 0.5
        # 5. Score the choices under the network alone.
        scores = _log_likelihood(parameters, points, bits) - _softplus(parameters.end_logit)
        scores = np.where(ends, -_softplus(-parameters.end_logit), scores)
        end = _sigmoid(parameters.end_logit)
        masked = np.where(allowed[:, -1], 0.0, end) + np.where(allowed[:, 0], 0.0, 1 - end)
        return Choice(steps, ends, scores, masked, np.zeros(len(rows)))

    def log_probabilities(self, outputs: np.ndarray, steps: np.ndarray, ends: np.ndarray) -> np.ndarray:
        parameters = self.probabilities(outputs)
        reals, bits = steps[:, : self.space.reals], steps[:, self.space.reals :]
        scores = _log_likelihood(parameters, reals, bits) - _softplus(parameters.end_logit)
        logs: np.ndarray = np.where(ends, -_softplus(-parameters.end_logit), scores)
        return logs

    def probabilities(self, outputs: np.ndarray) -> MixtureParameters:
        """Return the parameters of the distribution, in float64."""
        check_finite(outputs)
        return mixture_parameters(self.space, np.atleast_2d(outputs))


def mixture_parameters(space: Mixture, outputs: np.ndarray) -> MixtureParameters:
    r"""Return the parameters of the distribution of the next step.

    The outputs of several networks are averaged: with the end :math:`e_m` of each of M networks, the next step has the
    density :math:`\sum_m \frac{1 - e_m}{M} p_m(x)`, which is a mixture of all their components.

    >>> mixture_parameters(Mixture(reals=2, bits=1, components=3), np.zeros((5, 20))).means.shape
    (5, 3, 2)
    >>> mixture_parameters(Mixture(reals=2, bits=1, components=3), np.zeros((5, 40))).means.shape
    (5, 6, 2)

    Args:
        space: The real numbers and bits.
        outputs: The outputs of the head, or those of several heads side by side; shape (rows, outputs).
    """
    networks = outputs.shape[-1] // sum(mixture_sizes(space))
    if networks == 1:
        return _parameters_of_one(space, outputs)
    members = [_parameters_of_one(space, np.ascontiguousarray(part)) for part in np.split(outputs, networks, -1)]
    continues = [-_softplus(member.end_logit) for member in members]  # the logarithm of 1 - e
    ends = [-_softplus(-member.end_logit) for member in members]
    logits = [
        member.component_logits - _log_sum(member.component_logits)[:, None] + log[:, None]
        for member, log in zip(members, continues, strict=True)
    ]
    return MixtureParameters(
        end_logit=_log_sum(np.stack(ends, 1)) - _log_sum(np.stack(continues, 1)),
        bit_logits=np.concatenate([
            np.repeat(member.bit_logits[:, None], member.component_logits.shape[1], 1) for member in members
        ], 1),
        component_logits=np.concatenate(logits, 1),
        means=np.concatenate([member.means for member in members], 1),
        log_stds=np.concatenate([member.log_stds for member in members], 1),
        correlations=np.concatenate([member.correlations for member in members], 1),
    )  # fmt: skip


def _parameters_of_one(space: Mixture, outputs: np.ndarray) -> MixtureParameters:
    """Return the parameters of one network."""
    # every part is made contiguous, so that no function computes it in another way for one row than for many
    borders = np.cumsum(mixture_sizes(space))[:-1]
    parts = np.split(outputs.astype(np.float64), borders, -1)
    end, bits, components, means, log_stds, correlations = (np.ascontiguousarray(part) for part in parts)
    shape = (*components.shape, space.reals)
    means, log_stds = means.reshape(shape), MAX_LOG_STD * np.tanh(log_stds.reshape(shape) / MAX_LOG_STD)
    if space.standardisation:  # the density is that of the steps in the unit of the codec
        centres, scales = np.array(space.standardisation).T
        means, log_stds = centres + scales * means, log_stds + np.log(scales)
    return MixtureParameters(
        end_logit=end[:, 0],
        bit_logits=bits,
        component_logits=components,
        means=means,
        log_stds=log_stds,
        correlations=MAX_CORRELATION * np.tanh(correlations) if space.reals == 2 else np.zeros_like(components),
    )


def log_density(parameters: MixtureParameters, reals: np.ndarray) -> np.ndarray:
    """Return the logarithm of the density of the mixture of Gaussians at one point per row, in nats; shape (rows,).

    Args:
        parameters: The parameters of the distribution.
        reals: The real numbers of the points, shape (rows, reals).
    """
    return _log_mixture(parameters, _log_densities(parameters, reals))


def _log_likelihood(parameters: MixtureParameters, reals: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the density of real numbers times the probability of bits, in nats; shape (rows,)."""
    logits = parameters.bit_logits
    if logits.ndim == 2:
        result: np.ndarray = log_density(parameters, reals) - (_softplus(logits) - logits * bits).sum(1)
        return result
    logs = _log_densities(parameters, reals) - (_softplus(logits) - logits * bits[:, None]).sum(2)
    return _log_mixture(parameters, logs)


def _log_mixture(parameters: MixtureParameters, logs: np.ndarray) -> np.ndarray:
    """Return the logarithm of a mixture, from those of its components, shape (rows, components)."""
    result: np.ndarray = _log_sum(parameters.component_logits + logs) - _log_sum(parameters.component_logits)
    return result


def _log_densities(parameters: MixtureParameters, reals: np.ndarray) -> np.ndarray:
    """Return the logarithm of the density of each Gaussian, shape (rows, components)."""
    z = (reals[:, None] - parameters.means) * np.exp(-parameters.log_stds)
    logs = -parameters.log_stds.sum(-1) - 0.5 * reals.shape[-1] * math.log(2 * math.pi)
    if reals.shape[-1] != 2:
        densities: np.ndarray = logs - 0.5 * (z * z).sum(-1)
        return densities
    rho = parameters.correlations
    free = 1 - rho * rho
    x, y = z[..., 0], z[..., 1]
    densities = logs - 0.5 * np.log(free)
    densities -= (x * x + y * y - 2 * rho * x * y) / (2 * free)
    return densities


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
