import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seqforge.network import Network
from seqforge.training.adam import AdamW, ParameterGroup
from seqforge.training.optimiser import BETAS, Optimiser

Maker = Callable[..., Network]


def set_gradients(network: Network, *, seed: int, scale: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator) * scale


def weights(network: Network) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in network.named_parameters()}


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_step_equals_adamw_equations(make_network: Maker, decay: float) -> None:
    network = make_network(layers=2)
    optimiser = Optimiser(network, weight_decay=decay, grad_clip=0.7, ema=0)
    second_beta = BETAS[1]
    expected = {name: p.double() for name, p in weights(network).items()}
    first, second = ({name: torch.zeros_like(p) for name, p in expected.items()} for _ in range(2))
    for t in range(5):
        set_gradients(network, seed=t)
        grads = {name: p.grad.double() for name, p in network.named_parameters() if p.grad is not None}
        norm = torch.stack([grad.square().sum() for grad in grads.values()]).sum().sqrt()
        optimiser.step(t, rate=0.01 * (t + 1), peak_share=1.0)
        for name, value in expected.items():
            grad = grads[name] * (0.7 / norm).clamp(max=1)
            first[name] = 0.9 * first[name] + 0.1 * grad
            second[name] = second_beta * second[name] + (1 - second_beta) * grad.square()
            update = first[name] / (1 - 0.9 ** (t + 1)) / ((second[name] / (1 - second_beta ** (t + 1))).sqrt() + 1e-8)
            weight_decay = decay if value.ndim > 1 else 0.0  # matrices only
            value.sub_(0.01 * (t + 1) * (update + weight_decay * value))
    for name, value in weights(network).items():
        torch.testing.assert_close(value.double(), expected[name], atol=1e-5, rtol=1e-5)


def test_step_clears_gradients(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, grad_clip=1.0, ema=0)
    set_gradients(network, seed=0)
    optimiser.step(0, rate=0.1, peak_share=1.0)
    assert all(p.grad is None or not p.grad.any() for p in network.parameters())


def test_without_ema_evaluation_weights_are_the_weights(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, grad_clip=1.0, ema=0)
    set_gradients(network, seed=0)
    optimiser.step(0, rate=0.1, peak_share=1.0)
    assert all(torch.equal(optimiser.evaluation_weights()[name], value) for name, value in weights(network).items())


def test_ema_horizon_shrinks_with_learning_rate(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, grad_clip=1.0, ema=30)
    expected = weights(network)
    for t, peak_share in enumerate([1.0] * 400 + [0.5, 0.2, 0.1]):
        set_gradients(network, seed=t)
        optimiser.step(t, rate=0.01, peak_share=peak_share)
        horizon = min(max(1.0, 30 * peak_share), (t + 10) / 9)
        for name, value in weights(network).items():
            expected[name] += (value - expected[name]) / horizon
    for name, value in expected.items():
        torch.testing.assert_close(optimiser.evaluation_weights()[name], value, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(value, weights(network)[name], atol=1e-4)


def test_ema_equals_weights_at_end_of_decay(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, grad_clip=1.0, ema=50)
    for t, peak_share in enumerate([1.0] * 5 + [0.01]):
        set_gradients(network, seed=t)
        optimiser.step(t, rate=0.01, peak_share=peak_share)
    for name, value in weights(network).items():
        torch.testing.assert_close(optimiser.evaluation_weights()[name], value, atol=1e-7, rtol=0)


def test_parameters_equal_those_of_torch_to_the_last_bit() -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = [(3, 5), (7,), (2, 4, 3)]
    ours, theirs = (
        [torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_() for shape in shapes]
        for _ in range(2)
    )
    adam = AdamW([ParameterGroup(ours[:1], 0.1), ParameterGroup(ours[1:], 0.0)], betas=BETAS)
    groups = [{"params": theirs[:1], "weight_decay": 0.1}, {"params": theirs[1:], "weight_decay": 0.0}]
    reference = torch.optim.AdamW(groups, lr=0.0, betas=BETAS, fused=True)
    for step in range(5):
        for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            has_gradient = (step, number) != (2, 1)  # a parameter without a gradient is left alone
            gradient = torch.randn(our.shape, generator=generator)
            our.grad, their.grad = (gradient.clone() if has_gradient else None for _ in range(2))
        adam.rate = 0.01 * (step + 1)
        for group in reference.param_groups:
            group["lr"] = adam.rate
        adam.step()
        reference.step()
        for our, their in zip(ours, theirs, strict=True):
            assert torch.equal(our, their)
            assert adam.state.get(our, {}).keys() == reference.state.get(their, {}).keys()
            assert all(torch.equal(adam.state[our][key], value) for key, value in reference.state[their].items())
    adam.clear_gradients()
    assert all(parameter.grad is None for parameter in ours)


STEP = """
import sys, torch
from seqforge.training.adam import AdamW, ParameterGroup
weight = torch.ones(3, requires_grad=True)
weight.sum().backward()
AdamW([ParameterGroup([weight], 0.0)], betas=(0.9, 0.95)).step()
print("torch._dynamo" in sys.modules)
"""


def test_step_does_not_import_the_compiler_of_torch() -> None:
    child = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=True)
    assert child.stdout == "False\n"
