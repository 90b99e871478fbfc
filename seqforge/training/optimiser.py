"""AdamW, the clipping of gradients, and the running average of the weights."""

import torch
from torch import Tensor

from seqforge.network import Network

BETAS = (0.9, 0.95)


class Optimiser:
    """AdamW on a network, weight decay on matrices alone, and an average of the weights it passes through.

    Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2;
    clipping: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
    networks", ICML 2013, algorithm 1; averaging: B. Polyak and A. Juditsky, SIAM J. Control and
    Optimization 30(4), 1992, here with an exponential window.

    Args:
        network: its parameters are changed in place.
        weight_decay: share of a matrix lost at a step of rate one.
        grad_clip: the largest norm of the whole gradient.
        ema: horizon of the average in steps at the full rate; 0 keeps none.
    """

    def __init__(self, network: Network, *, weight_decay: float, grad_clip: float, ema: int) -> None:
        self.parameters = dict(network.named_parameters())
        self.grad_clip, self.horizon = grad_clip, ema
        matrices = [p for p in self.parameters.values() if p.ndim > 1]
        vectors = [p for p in self.parameters.values() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=0.0, betas=BETAS, fused=True)
        self.ema = {name: p.detach().clone() for name, p in self.parameters.items()} if ema else {}

    def step(self, t: int, *, rate: float, share: float) -> None:
        """Take step t with the gradients that are there, and forget them.

        Args:
            t: the step's number.
            rate: the learning rate.
            share: the rate over the schedule's highest: the average's horizon shrinks with it, so that at
                the end of the decay the average is the weights themselves.
        """
        parameters = list(self.parameters.values())
        torch.nn.utils.clip_grad_norm_(parameters, self.grad_clip)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()
        self.adam.zero_grad()
        if self.ema:
            horizon = min(max(1.0, self.horizon * share), (t + 10) / 9)
            with torch.no_grad():
                torch._foreach_lerp_(list(self.ema.values()), [p.data for p in parameters], 1 / horizon)

    def evaluation_weights(self) -> dict[str, Tensor]:
        """Return the weights to evaluate and keep: the average, or the weights themselves."""
        return self.ema or {name: p.detach() for name, p in self.parameters.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that a resumed run needs, by name."""
        found = {f"weights.{name}": p.detach() for name, p in self.parameters.items()}
        found |= {f"ema.{name}": value for name, value in self.ema.items()}
        for name, p in self.parameters.items():
            for part, value in self.adam.state.get(p, {}).items():
                found[f"adam.{part}.{name}"] = value
        return found

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up what `tensors` returned.

        Raises:
            KeyError, ValueError: something is missing or of another shape.
        """
        begun = any(name.startswith("adam.") for name in tensors)
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(_fitting(tensors[f"weights.{name}"], p))
                if self.ema:
                    self.ema[name].copy_(_fitting(tensors[f"ema.{name}"], p))
                if begun:
                    self.adam.state[p] = {
                        "step": _scalar(tensors[f"adam.step.{name}"]).to(p.device),
                        "exp_avg": _fitting(tensors[f"adam.exp_avg.{name}"], p).clone(),
                        "exp_avg_sq": _fitting(tensors[f"adam.exp_avg_sq.{name}"], p).clone(),
                    }


def _scalar(value: Tensor) -> Tensor:
    if value.shape != ():
        raise ValueError(f"a count of steps has shape {tuple(value.shape)}")
    return value.clone()


def _fitting(value: Tensor, parameter: Tensor) -> Tensor:
    if value.shape != parameter.shape:
        raise ValueError(f"a tensor has shape {tuple(value.shape)}, not {tuple(parameter.shape)}")
    return value.to(parameter.device)
