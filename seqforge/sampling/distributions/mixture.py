"""Drawing real numbers and bits, or the end of the piece."""

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
from seqforge.sampling.distributions._base import Choice, Distribution
from seqforge.sampling.history import History

WHOLE = 64
"""Rows that are drawn together, at least."""
MEANT = ("temperature", "bias", "greedy")
"""Controls that mean something for real numbers."""


class SpaceDistribution(Distribution):
    r"""A component, then a point of its Gaussian; each bit; the end before all of them.

    A bias b makes what is drawn more probable: deviations become :math:`e^{\hat\sigma - b}` and the logits of the
    components are multiplied by 1 + b (A. Graves, arXiv 1308.0850, section 5.4, equations 61 and 62). A
    temperature T divides all logits and multiplies variances by T (D. Ha and D. Eck, "A Neural Representation of
    Sketch Drawings", ICLR 2018, section 3.3). Greedy: the mean of the most probable component.

    Args:
        space: the numbers and bits.
        controls: how to choose.

    Raises:
        RequestError: a control that has no meaning for real numbers.
    """

    choices = 2

    def __init__(self, space: Mixture, controls: Controls) -> None:
        self.space, self.controls = space, controls
        plain = Controls()
        for field in fields(Controls):
            if field.name not in MEANT and getattr(controls, field.name) != getattr(plain, field.name):
                flag = "--" + field.name.replace("_", "-")
                raise RequestError(
                    f"{flag} has no meaning for real numbers, which have no list of choices; there are --temperature"
                    " and --bias"
                )
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
        count = len(outputs)
        if count % WHOLE:  # what is behind the last whole vector would be computed in another way
            missing = -count % WHOLE
            outputs = functional.pad(outputs, (0, 0, 0, missing))
            uniforms = np.pad(uniforms, ((0, missing), (0, 0)), constant_values=0.5)
            masks = None if masks is None else np.pad(masks, ((0, missing), (0, 0)), constant_values=True)
        given = self.probabilities(outputs)
        rows = torch.arange(len(outputs))
        numbers = torch.from_numpy(uniforms)
        heat = 1.0 if self.greedy else self.controls.temperature
        may = torch.ones(len(rows), 2, dtype=torch.bool) if masks is None else torch.from_numpy(masks)
        chance = torch.sigmoid(given.end_logit / heat)
        ends = (chance > 0.5) if self.greedy else (numbers[:, 0] < chance)
        ends = (ends & may[:, 1]) | ~may[:, 0]
        logits = given.component_logits * ((1 + self.controls.bias) / heat)
        if self.greedy:
            chosen = logits.argmax(1)
        else:
            mass = logits.softmax(1).cumsum(1)
            chosen = (mass <= numbers[:, 1:2] * mass[:, -1:]).sum(1).clamp(max=logits.shape[1] - 1)
        points = given.means[rows, chosen]
        first = 2 + self.space.bits
        if not self.greedy:
            spread = torch.exp(given.log_stds[rows, chosen] - self.controls.bias) * heat**0.5
            normal = torch.special.ndtri(numbers[:, first:].clamp(1e-12, 1 - 1e-12))
            if self.space.reals == 2:
                rho = given.correlations[rows, chosen]
                second = rho * normal[:, 0] + torch.sqrt(1 - rho * rho) * normal[:, 1]
                normal = torch.stack([normal[:, 0], second], 1)
            points = points + spread * normal
        chances = torch.sigmoid(given.bit_logits / heat)
        bits = chances > 0.5 if self.greedy else numbers[:, 2:first] < chances
        scores = log_density(given, points) - functional.softplus(given.end_logit)
        scores = scores - functional.binary_cross_entropy_with_logits(
            given.bit_logits, bits.double(), reduction="none"
        ).sum(1)
        scores = torch.where(ends, -functional.softplus(-given.end_logit), scores)
        end = torch.sigmoid(given.end_logit)
        masked = torch.where(may[:, 1], torch.zeros_like(end), end) + torch.where(may[:, 0], 0.0, 1 - end)
        steps = torch.cat([points, bits.double()], 1).float().numpy()
        return Choice(
            steps[:count], ends.numpy()[:count], scores.numpy()[:count], masked.numpy()[:count], np.zeros(count)
        )

    def probabilities(self, outputs: Tensor) -> MixtureParameters:
        """Return the parameters of the distribution, in float64."""
        return mixture_parameters(self.space, outputs.double())
