from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seqforge.network import Network
from seqforge.training.optimiser import BETAS, Optimiser

Maker = Callable[..., Network]


def give_gradients(network: Network, *, seed: int, size: float = 1.0) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator) * size


def weights(network: Network) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in network.named_parameters()}


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_a_step_is_adamw_written_out(make_network: Maker, decay: float) -> None:
    network = make_network(layers=2)
    optimiser = Optimiser(network, weight_decay=decay, clip=0.7, average=0)
    second_beta = BETAS[1]
    expected = {name: p.double() for name, p in weights(network).items()}
    first, second = ({name: torch.zeros_like(p) for name, p in expected.items()} for _ in range(2))
    for t in range(5):
        give_gradients(network, seed=t)
        grads = {name: p.grad.double() for name, p in network.named_parameters() if p.grad is not None}
        norm = torch.stack([g.square().sum() for g in grads.values()]).sum().sqrt()
        optimiser.step(t, rate=0.01 * (t + 1), share=1.0)
        for name, value in expected.items():
            g = grads[name] * (0.7 / norm).clamp(max=1)
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = second_beta * second[name] + (1 - second_beta) * g.square()
            moved = first[name] / (1 - 0.9 ** (t + 1)) / ((second[name] / (1 - second_beta ** (t + 1))).sqrt() + 1e-8)
            lost = decay if value.ndim > 1 else 0.0  # matrices alone
            value.sub_(0.01 * (t + 1) * (moved + lost * value))
    for name, value in weights(network).items():
        torch.testing.assert_close(value.double(), expected[name], atol=1e-5, rtol=1e-5)


def test_gradients_are_forgotten_after_a_step(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, clip=1.0, average=0)
    give_gradients(network, seed=0)
    optimiser.step(0, rate=0.1, share=1.0)
    assert all(p.grad is None or not p.grad.any() for p in network.parameters())


def test_without_an_average_the_weights_themselves_are_kept(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, clip=1.0, average=0)
    give_gradients(network, seed=0)
    optimiser.step(0, rate=0.1, share=1.0)
    assert all(torch.equal(optimiser.evaluation_weights()[name], value) for name, value in weights(network).items())


def test_the_average_has_an_exponential_window_that_shrinks_with_the_rate(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, clip=1.0, average=30)
    expected = weights(network)
    for t, share in enumerate([1.0] * 400 + [0.5, 0.2, 0.1]):
        give_gradients(network, seed=t)
        optimiser.step(t, rate=0.01, share=share)
        horizon = min(max(1.0, 30 * share), (t + 10) / 9)
        for name, value in weights(network).items():
            expected[name] += (value - expected[name]) / horizon
    for name, value in expected.items():
        torch.testing.assert_close(optimiser.evaluation_weights()[name], value, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(value, weights(network)[name], atol=1e-4)


def test_at_the_end_of_the_decay_the_average_is_the_weights(make_network: Maker) -> None:
    network = make_network()
    optimiser = Optimiser(network, weight_decay=0.0, clip=1.0, average=50)
    for t, share in enumerate([1.0] * 5 + [0.01]):
        give_gradients(network, seed=t)
        optimiser.step(t, rate=0.01, share=share)
    for name, value in weights(network).items():
        torch.testing.assert_close(optimiser.evaluation_weights()[name], value, atol=1e-7, rtol=0)
