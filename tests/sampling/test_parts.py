"""Samples of several prompts that step together, and the position of the attention after a prompt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.sequences import Example, Free, Prompt
from seqforge.core.spaces import Categorical, Mixture
from seqforge.inference import NetworkWeights
from seqforge.inference.attention import START_DISTANCE, START_TOLERANCE
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sample, Sampler, sample_rows, samplers_of

SIZE, CONDITIONS = 5, Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
LIMITS = Limits(steps=20)
SOURCES = ([0, 1, 2], [2, 1, 0, 2, 1] * 14, [1])


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def network(*, reals: bool, encoder_units: int = 0) -> NetworkWeights:
    config = NetworkConfig(
        layers=2, hidden=16, embedding=8, source_symbols=4, gaussians=3, encoder_units=encoder_units
    )  # fmt: skip
    space = Mixture(2, 1, 3) if reals else Categorical(SIZE)
    return NetworkWeights.from_network(Network(space, config, seed=1, symbols_per_step=0.6))


def prompts(*, reals: bool) -> list[Prompt]:
    """Return prompts of two lengths with sources of several widths; every second one has a constraint."""
    rng = np.random.default_rng(0)
    result = []
    for number, source in enumerate(SOURCES):
        length = 2 * (number % 2) + 3
        steps = rng.normal(size=(length, 3)).astype(np.float32) if reals else rng.integers(0, SIZE, length, np.uint8)
        if reals:
            steps[:, 2] = steps[:, 2] > 0
        free = Free(np.arange(SIZE) > 0) if number % 2 and not reals else None
        if free is not None:
            steps = np.maximum(steps, 1)
        result.append(Prompt(Example(steps, source=np.array(source, np.uint8)), free, keep=number, source_start=1))
    return result


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(network(reals=True))


def values(samples: list[tuple[int, Sample]]) -> list[tuple[int, int, list[float], bool, float]]:
    rows = [(part, item.k, item.steps.ravel().tolist(), item.ended, item.log_probability) for part, item in samples]
    return sorted(rows)


@pytest.mark.parametrize("reals", [False, True], ids=["symbols", "reals"])
@pytest.mark.parametrize("encoder_units", [0, 6], ids=["no encoder", "encoder"])
def test_samples_of_several_prompts_do_not_depend_on_those_beside_them(reals: bool, encoder_units: int) -> None:
    engine = Engine(network(reals=reals, encoder_units=encoder_units))
    items = prompts(reals=reals)
    controls = [Controls(), Controls(temperature=0.5), Controls()]  # prompts with equal controls step together
    samplers = samplers_of(engine, items, [CONDITIONS] * 3, [LIMITS] * 3, controls=controls, units=units)
    pieces = [(part, k) for k in range(3) for part in range(3)]
    together = values(list(sample_rows(dict(enumerate(samplers)), pieces, seed=7, rows=5)))
    alone = [
        (part, sample)
        for part, sampler in enumerate(samplers)
        for sample in sampler.samples(range(3), seed=7, part=part)
    ]
    assert together == values(alone)


@settings(max_examples=15)
@given(
    limits=st.lists(
        st.builds(Limits, steps=st.integers(8, 30), units=st.integers(5, 40).map(float)), min_size=3, max_size=3
    ),
    rows=st.integers(1, 7),
)
def test_each_sample_reaches_its_own_limit(limits: list[Limits], rows: int) -> None:
    engine, items = Engine(network(reals=False)), prompts(reals=False)
    samplers = samplers_of(engine, items, [CONDITIONS] * 3, limits, controls=[Controls(ban=(0,))] * 3, units=units)
    pieces = [(part, k) for k in range(3) for part in range(3)]
    together = list(sample_rows(dict(enumerate(samplers)), pieces, seed=7, rows=rows))
    alone = [
        (part, sample)
        for part, sampler in enumerate(samplers)
        for k in range(3)
        for sample in sampler.samples(range(k, k + 1), seed=7, part=part)
    ]
    assert values(together) == values(alone)
    for part, sample in together:
        length = len(items[part].example.steps) + len(sample.steps) - items[part].keep
        assert sample.ended or length == min(limits[part].steps, limits[part].units)


def test_prompts_of_equal_length_are_read_as_if_alone(engine: Engine) -> None:
    items = prompts(reals=True)
    together = samplers_of(engine, items, [CONDITIONS] * 3, [LIMITS] * 3, controls=[Controls()] * 3, units=units)
    for sampler, prompt in zip(together, items, strict=True):
        alone = Sampler(engine, prompt, CONDITIONS, controls=Controls(), limits=LIMITS, units=units)
        assert np.array_equal(sampler.prompt_outputs, alone.prompt_outputs)
        for layer, other in zip(sampler.prompt_state, alone.prompt_state, strict=True):
            for part, value in zip(layer, other, strict=True):  # a shorter source is padded with zeros
                assert np.array_equal(part[: len(value)], value)


def heaviest_position(engine: Engine, prompt: Prompt) -> float:
    """Return where the Gaussian with the largest weight stands after a prompt."""
    sampler = Sampler(engine, prompt, CONDITIONS, controls=Controls(), limits=LIMITS, units=units)
    attention = engine.network.part("attention")
    parameters = attention["weight"] @ sampler.prompt_state[0][0] + attention["bias"]
    alpha = parameters[: engine.network.config.gaussians]
    return float(sampler.prompt_state[-1][0][alpha.argmax()])


@pytest.mark.parametrize("start", [0, 3, 30])
def test_attention_stands_before_the_start_after_a_prompt(engine: Engine, start: int) -> None:
    example = prompts(reals=True)[1].example
    position = heaviest_position(engine, Prompt(example, source_start=start))
    assert position == pytest.approx(start - START_DISTANCE, abs=START_TOLERANCE + 1e-4)


def test_attention_that_stands_at_the_start_stays(engine: Engine) -> None:
    example = prompts(reals=True)[1].example
    position = heaviest_position(engine, Prompt(example))
    start = round(position + START_DISTANCE)
    moved = heaviest_position(engine, Prompt(example, source_start=start))
    expected = position if abs(start - START_DISTANCE - position) <= START_TOLERANCE else start - START_DISTANCE
    assert moved == pytest.approx(expected, abs=1e-5)


def test_prompt_without_steps_keeps_its_attention(engine: Engine) -> None:
    nothing = Example(np.zeros((0, 3), np.float32), source=np.array([1, 2], np.uint8))
    assert heaviest_position(engine, Prompt(nothing, source_start=1)) == heaviest_position(engine, Prompt(nothing))
