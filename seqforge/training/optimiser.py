"""AdamW with gradient clipping, and the exponential moving average (EMA) of the weights."""

import math

import torch
from torch import Tensor

from seqforge.network import AnyNetwork, networks_of
from seqforge.training.adam import AdamW, ParameterGroup

BETAS = (0.9, 0.95)


class Optimiser:
    """AdamW with weight decay on matrices only, gradient clipping and an EMA of the weights.

    Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2;
    clipping: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
    networks", ICML 2013, algorithm 1; averaging: B. Polyak and A. Juditsky, SIAM J. Control and
    Optimization 30(4), 1992, here with exponential weights.

    Example:
        optimiser = Optimiser(network, weight_decay=0.05, grad_clip=1.0, ema=200)
        loss.backward()
        optimiser.step(t, rate=5e-3, peak_share=1.0)
        network.load_state_dict(optimiser.evaluation_weights())

    Args:
        network: The network; its parameters are changed in place.
        weight_decay: Weight decay of matrices.
        grad_clip: The largest norm of the whole gradient; 0 for no clipping.
        ema: Horizon of the EMA in steps at the peak learning rate; 0 for no EMA.
    """

    def __init__(self, network: AnyNetwork, *, weight_decay: float, grad_clip: float, ema: int) -> None:
        self.parameters = dict(network.named_parameters())
        self.members = [list(member.parameters()) for member in networks_of(network)]
        self.grad_clip, self.horizon = grad_clip, ema
        matrices = [p for p in self.parameters.values() if p.ndim > 1]
        vectors = [p for p in self.parameters.values() if p.ndim <= 1]
        groups = [ParameterGroup(matrices, weight_decay), ParameterGroup(vectors, 0.0)]
        self.adam = AdamW(groups, betas=BETAS)
        self.ema = {name: p.detach().clone() for name, p in self.parameters.items()} if ema else {}

    def step(self, t: int, *, rate: float, peak_share: float) -> float:
        """Update the weights and the EMA with the current gradients, and clear the gradients.

        If the gradients are not finite, they are cleared and nothing is updated.

        Args:
            t: The number of the step.
            rate: The learning rate.
            peak_share: The learning rate divided by the peak learning rate. The horizon of the EMA shrinks with it, so
                that the EMA equals the weights at the end of the decay.

        Returns:
            The norm of the whole gradient before clipping; of several members, the largest, each of which is clipped
            by itself.
        """
        totals = [
            torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
            for parameters in self.members
        ]
        norm = max(float(total) if torch.isfinite(total) else math.inf for total in totals)
        if not math.isfinite(norm):
            self.adam.clear_gradients()
            return norm
        if self.grad_clip:
            for parameters, total in zip(self.members, totals, strict=True):
                torch.nn.utils.clip_grads_with_norm_(parameters, self.grad_clip, total)
        self.adam.rate = rate
        self.adam.step()
        self.adam.clear_gradients()
        if self.ema:
            horizon = min(max(1.0, self.horizon * peak_share), (t + 10) / 9)
            with torch.no_grad():
                torch._foreach_lerp_(list(self.ema.values()), [p.data for p in self.parameters.values()], 1 / horizon)
        return norm

    def evaluation_weights(self) -> dict[str, Tensor]:
        """Return the weights to evaluate and save: the EMA, or the current weights without EMA."""
        return self.ema or {name: p.detach() for name, p in self.parameters.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs, by name."""
        tensors = {f"weights.{name}": p.detach() for name, p in self.parameters.items()}
        tensors |= {f"ema.{name}": value for name, value in self.ema.items()}
        for name, p in self.parameters.items():
            for key, value in self.adam.state.get(p, {}).items():
                tensors[f"adam.{key}.{name}"] = value
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore the result of `tensors`.

        Raises:
            KeyError: If a tensor is missing.
            ValueError: If a tensor has another shape.
        """
        has_adam_state = any(name.startswith("adam.") for name in tensors)
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(_check_shape(tensors[f"weights.{name}"], p))
                if self.ema:
                    self.ema[name].copy_(_check_shape(tensors[f"ema.{name}"], p))
                if has_adam_state:
                    self.adam.state[p] = {
                        "step": _check_scalar(tensors[f"adam.step.{name}"]).to(p.device),
                        "exp_avg": _check_shape(tensors[f"adam.exp_avg.{name}"], p).clone(),
                        "exp_avg_sq": _check_shape(tensors[f"adam.exp_avg_sq.{name}"], p).clone(),
                    }


def _check_scalar(value: Tensor) -> Tensor:
    if value.shape != ():
        raise ValueError(f"the number of steps has shape {tuple(value.shape)} and must be a scalar")
    return value.clone()


def _check_shape(value: Tensor, parameter: Tensor) -> Tensor:
    if value.shape != parameter.shape:
        raise ValueError(f"a tensor has shape {tuple(value.shape)}, not {tuple(parameter.shape)}")
    return value.to(parameter.device)
