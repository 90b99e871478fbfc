"""AdamW with PyTorch's fused kernel; `torch.optim` would import its compiler, which takes longer than a short run."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["AdamW", "ParameterGroup"]

EPSILON = 1e-8


@dataclass
class ParameterGroup:
    """Parameters that share their weight decay.

    Attributes:
        parameters: The parameters.
        weight_decay: Their weight decay.
    """

    parameters: Sequence[Tensor]
    weight_decay: float


class AdamW:
    """AdamW; the result equals that of `torch.optim.AdamW(..., fused=True)` to the last bit.

    Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.

    >>> weight = torch.zeros(2, requires_grad=True)
    >>> adam = AdamW([ParameterGroup([weight], weight_decay=0.0)], betas=(0.9, 0.95))
    >>> (weight - 1).square().sum().backward()
    >>> adam.rate = 0.5
    >>> adam.step()
    >>> weight.tolist()
    [0.5, 0.5]

    Args:
        groups: The parameters. They are changed in place.
        betas: The decay of the means of the gradient and of its square.

    Attributes:
        rate: The learning rate.
        state: The number of steps and the two means of each parameter, from its first step.
    """

    def __init__(self, groups: Sequence[ParameterGroup], *, betas: tuple[float, float]) -> None:
        self.groups, self.betas, self.rate = list(groups), betas, 0.0
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for group in self.groups:
            parameters = [p for p in group.parameters if p.grad is not None]
            if not parameters:
                continue
            states = [self._state_of(p) for p in parameters]
            steps, means, squares = ([state[key] for state in states] for key in ("step", "exp_avg", "exp_avg_sq"))
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                parameters, [p.grad for p in parameters if p.grad is not None], means, squares, [], steps,
                lr=self.rate, beta1=self.betas[0], beta2=self.betas[1], weight_decay=group.weight_decay, eps=EPSILON,
                amsgrad=False, maximize=False,
            )  # fmt: skip

    def clear_gradients(self) -> None:
        """Remove the gradients of all parameters."""
        for group in self.groups:
            for parameter in group.parameters:
                parameter.grad = None

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter not in self.state:
            self.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return self.state[parameter]
