"""Constraints on vectors: masked bits, projected reals that the network reads back, and an end within the limit."""

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Mixture
from seqforge.errors import RequestError
from seqforge.inference import Conditions, Engine, NetworkWeights
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import Controls, Limits, Sample, Sampler, step_log_probabilities

SPACE = Mixture(2, 2, 3, ((0.5, 2.0), (0.0, 0.5)))
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


class Square(Constraint):
    """A pen that stays in a square of side 2, whose first bit is never 1 twice in a row and is 0 at the end."""

    def start(self) -> Hashable:
        return (0.0, 0.0, 1)

    def allowed(self, state: Any) -> np.ndarray:
        return np.array([[True, state[2] == 0], [True, True]])

    def project(self, state: Any, step: np.ndarray) -> np.ndarray:
        position = np.array(state[:2], np.float32)
        return np.concatenate([(position + step[:2]).clip(-1, 1) - position, step[2:]])

    def may_end(self, state: Any) -> bool:
        return bool(state[2] == 0)

    def to_end(self, state: Any) -> int:
        return int(state[2] != 0)

    def advance(self, state: Any, step: Any) -> Hashable:
        x, y = (float(a + b) for a, b in zip(state[:2], step[:2], strict=True))
        return (round(x, 4), round(y, 4), int(step[2]))


@pytest.fixture(scope="module")
def engine() -> Engine:
    network = Network(SPACE, NetworkConfig(layers=1, hidden=16, embedding=8), seed=1).eval()
    return Engine(NetworkWeights.from_network(network))


def draw(engine: Engine, prompt: Prompt, steps: int, n: int = 16, **controls: Any) -> list[Sample]:
    sampler = Sampler(
        engine, prompt, NO_CONDITIONS, controls=Controls(**controls), limits=Limits(steps=steps),
        units=lambda steps: np.ones(len(steps)),
    )  # fmt: skip
    return sorted(sampler.samples(range(n), seed=0), key=lambda sample: sample.k)


def empty(constraint: Constraint | None) -> Prompt:
    return Prompt(Example(np.zeros((0, 4), np.float32)), constraint)


@pytest.mark.parametrize("controls", [{}, {"greedy": True}, {"temperature": 2.0}], ids=str)
def test_bits_are_masked_and_reals_stay_in_the_square(engine: Engine, controls: dict[str, Any]) -> None:
    samples = draw(engine, empty(Square()), 30, **controls)
    for sample in samples:
        positions = sample.steps[:, :2].cumsum(axis=0)
        assert (np.abs(positions) <= 1.01).all()
        first = sample.steps[:, 2]
        assert first[0] == 0 and first[-1] == 0 and not (first[1:] * first[:-1]).any()
    assert max(len(sample.steps) for sample in samples) > 5
    free = draw(engine, empty(None), 30, **controls)
    assert any((np.abs(sample.steps[:, :2].cumsum(axis=0)) > 1.01).any() for sample in free)


@pytest.mark.parametrize("steps", range(1, 8))
def test_limit_of_steps_ends_every_piece(engine: Engine, steps: int) -> None:
    for sample in draw(engine, empty(Square()), steps):
        assert len(sample.steps) <= steps and sample.steps[-1, 2] == 0


def test_network_reads_the_projected_steps(engine: Engine) -> None:
    for sample in draw(engine, empty(Square()), 20, 4):
        prompt = Prompt(Example(sample.steps))
        (scores,) = step_log_probabilities(engine, [prompt.example], [NO_CONDITIONS])
        np.testing.assert_allclose(
            sample.scores[: len(sample.steps)], scores[: len(sample.steps)], rtol=1e-4, atol=1e-4
        )


def test_prompt_outside_of_the_square_is_rejected(engine: Engine) -> None:
    inside = np.array([[0.5, 0.5, 0, 1]], np.float32)
    assert all(
        sample.steps[0].tolist() == inside[0].tolist() for sample in draw(engine, Prompt(Example(inside), Square()), 9)
    )
    for wrong in ([[1.5, 0, 0, 0]], [[0, 0, 1, 0]]):
        with pytest.raises(RequestError) as caught:
            draw(engine, Prompt(Example(np.array(wrong, np.float32)), Square()), 9)
        assert caught.value.value == 1


def test_likelihood_has_the_constant_of_the_standardisation() -> None:
    rng = np.random.default_rng(0)
    steps = np.concatenate([rng.normal(3, 0.1, (50, 2)), rng.integers(0, 2, (50, 2))], 1).astype(np.float32)
    scaled = steps * np.array([10, 10, 1, 1], np.float32)
    scores = []
    for values in (steps, scaled):
        space = dataclasses.replace(SPACE, standardisation=()).standardised([values])
        network = Network(space, NetworkConfig(layers=1, hidden=16, embedding=8), seed=1).eval()
        engine = Engine(NetworkWeights.from_network(network))
        scores.append(step_log_probabilities(engine, [Example(values)], [NO_CONDITIONS])[0].sum())
    assert scores[0] - scores[1] == pytest.approx(100 * np.log(10), rel=1e-4)


def test_space_with_a_standardisation_survives_json_and_equals_the_space_of_the_codec() -> None:
    from seqforge.core.spaces import space_from_json

    assert space_from_json(SPACE.to_json()).to_json() == SPACE.to_json()
    assert dataclasses.replace(SPACE, standardisation=()) == SPACE
    with pytest.raises(ValueError, match="standardisation"):
        Mixture(2, standardisation=((0.0, 1.0),))
