"""The distribution of real numbers and bits, or the end of the piece."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seqforge.core.spaces import Mixture
from seqforge.errors import RequestError
from seqforge.network.heads.mixture import MixtureParameters, log_density, mixture_parameters
from seqforge.sampling.controls import Controls
from seqforge.sampling.distributions._base import Choice, Distribution, check_finite
from seqforge.sampling.history import History

ROW_MULTIPLE = 64
"""Rows are padded to a multiple of this number, so that a row does not depend on how many there are."""
SUPPORTED_CONTROLS = ("temperature", "bias", "greedy")
"""The controls that apply to real-valued steps."""
MIN_TEMPERATURE = 1e-30
"""Lower temperatures above 0 are raised to this one, since dividing by them would overflow."""


class SpaceDistribution(Distribution):
    r"""A mixture of Gaussians for the real numbers, a Bernoulli distribution per bit and one for the end.

    The end is drawn first, then a component of the mixture, then a point of its Gaussian and the bits.

    A bias b favours probable points: deviations become :math:`e^{\hat\sigma - b}` and the logits of the components are
    multiplied by 1 + b (A. Graves, arXiv 1308.0850, section 5.4, equations 61 and 62). A temperature T divides all
    logits and multiplies variances by T (D. Ha and D. Eck, "A Neural Representation of Sketch Drawings", ICLR 2018,
    section 3.3). Greedy chooses the mean of the most probable component.

    >>> from seqforge.network.heads.mixture import SpaceHead
    >>> space = Mixture(reals=2, bits=1, components=4)
    >>> distribution = SpaceDistribution(space, Controls(greedy=True))
    >>> outputs = torch.zeros(1, 1 + 1 + 4 * 6)  # end, bit, 6 parameters per component
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
        outputs: Tensor,
        masks: np.ndarray | None,
        uniforms: np.ndarray,
        histories: Sequence[History | None] | None = None,
    ) -> Choice:
        # 1. Pad the rows: vector instructions compute the rows of an incomplete vector in another way.
        count = len(outputs)
        if count % ROW_MULTIPLE:
            missing = -count % ROW_MULTIPLE
            outputs = functional.pad(outputs, (0, 0, 0, missing))
            uniforms = np.pad(uniforms, ((0, missing), (0, 0)), constant_values=0.5)
            masks = None if masks is None else np.pad(masks, ((0, missing), (0, 0)), constant_values=True)
        parameters = self.probabilities(outputs)
        rows = torch.arange(len(outputs))
        numbers = torch.from_numpy(uniforms)
        temperature = 1.0 if self.greedy else max(self.controls.temperature, MIN_TEMPERATURE)
        allowed = torch.ones(len(rows), 2, dtype=torch.bool) if masks is None else torch.from_numpy(masks)
        # 2. Choose whether the piece ends; the mask may forbid or demand it.
        end_probability = torch.sigmoid(parameters.end_logit / temperature)
        ends = (end_probability > 0.5) if self.greedy else (numbers[:, 0] < end_probability)
        ends = (ends & allowed[:, 1]) | ~allowed[:, 0]
        # 3. Choose a component of the mixture.
        logits = parameters.component_logits * ((1 + self.controls.bias) / temperature)
        if self.greedy:
            components = logits.argmax(1)
        else:
            mass = logits.softmax(1).cumsum(1)
            components = (mass <= numbers[:, 1:2] * mass[:, -1:]).sum(1).clamp(max=logits.shape[1] - 1)
        # 4. Choose a point of its Gaussian, and the bits.
        points = parameters.means[rows, components]
        first_real = 2 + self.space.bits
        if not self.greedy:
            deviations = torch.exp(parameters.log_stds[rows, components] - self.controls.bias) * temperature**0.5
            normal = torch.special.ndtri(numbers[:, first_real:].clamp(1e-12, 1 - 1e-12))
            if self.space.reals == 2:
                rho = parameters.correlations[rows, components]
                second = rho * normal[:, 0] + torch.sqrt(1 - rho * rho) * normal[:, 1]
                normal = torch.stack([normal[:, 0], second], 1)
            points = points + deviations * normal
        bit_probabilities = torch.sigmoid(parameters.bit_logits / temperature)
        bits = bit_probabilities > 0.5 if self.greedy else numbers[:, 2:first_real] < bit_probabilities
        # 5. Score the choices under the network alone.
        scores = log_density(parameters, points) - functional.softplus(parameters.end_logit)
        bit_losses = functional.binary_cross_entropy_with_logits(parameters.bit_logits, bits.double(), reduction="none")
        scores = scores - bit_losses.sum(1)
        scores = torch.where(ends, -functional.softplus(-parameters.end_logit), scores)
        end = torch.sigmoid(parameters.end_logit)
        masked = torch.where(allowed[:, 1], torch.zeros_like(end), end) + torch.where(allowed[:, 0], 0.0, 1 - end)
        # 6. Return the rows without the padding.
        steps = torch.cat([points, bits.double()], 1).float().numpy()
        check_finite(steps)
        return Choice(
            steps[:count], ends.numpy()[:count], scores.numpy()[:count], masked.numpy()[:count], np.zeros(count)
        )

    def probabilities(self, outputs: Tensor) -> MixtureParameters:
        """Return the parameters of the distribution, in float64."""
        check_finite(outputs.numpy())
        return mixture_parameters(self.space, outputs.double())
