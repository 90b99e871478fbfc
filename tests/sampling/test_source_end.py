"""When a piece with a source may end, for random, greedy and beam search: after its source, or by the network alone."""

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Free, Prompt
from seqforge.core.spaces import Categorical
from seqforge.inference import NetworkWeights
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import BeamSearch, Conditions, Controls, Engine, Limits, Sample, Sampler
from seqforge.sampling.guide import MAX_STEPS_AFTER_SOURCE, mask_source_end

SIZE, NO_CONDITIONS = 5, Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


@pytest.fixture(scope="module", params=[0, 6], ids=["symbols", "encoder"])
def engine(request: pytest.FixtureRequest) -> Engine:
    config = NetworkConfig(layers=2, hidden=16, embedding=8, source_symbols=4, gaussians=3, encoder_units=request.param)
    network = Network(Categorical(SIZE), config, seed=1, symbols_per_step=0.6).eval()
    with torch.no_grad():
        network.head.bias[-1] += 4.0  # type: ignore[index, operator] - the network alone ends at once
    return Engine(NetworkWeights.from_network(network))


def prompt(*, whole_source: bool, free: bool = False) -> Prompt:
    start = Example(np.zeros(0, np.uint8), source=np.array([0, 1, 2, 1, 0], np.uint8))
    return Prompt(start, Free(np.ones(SIZE, np.bool_)) if free else None, whole_source=whole_source)


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def draw(engine: Engine, start: Prompt, *, greedy: bool = False, n: int = 1) -> list[Sample]:
    sampler = Sampler(
        engine, start, NO_CONDITIONS, controls=Controls(greedy=greedy), limits=Limits(steps=200), units=units
    )  # fmt: skip
    return sorted(sampler.samples(range(n), seed=0), key=lambda sample: sample.k)


def search(engine: Engine, start: Prompt, beams: int, ban: tuple[int, ...] = ()) -> list[Sample]:
    return BeamSearch(
        engine, start, NO_CONDITIONS, beams=beams, length_penalty=0.0, controls=Controls(ban=ban),
        limits=Limits(steps=200), units=units,
    ).best(beams)  # fmt: skip


@pytest.mark.parametrize("free", [False, True], ids=["no constraint", "constraint"])
def test_piece_ends_after_its_source_or_by_the_network(engine: Engine, free: bool) -> None:
    bound, unbound = (draw(engine, prompt(whole_source=value, free=free), n=8) for value in (True, False))
    assert all(sample.ended and len(sample.steps) >= 4 for sample in bound)
    assert min(len(sample.steps) for sample in unbound) < 2


@pytest.mark.parametrize("beams", [1, 4])
def test_beam_search_ends_like_random_sampling(engine: Engine, beams: int) -> None:
    for whole_source in (True, False):
        start = prompt(whole_source=whole_source)
        (greedy,) = draw(engine, start, greedy=True)
        samples = search(engine, start, beams)
        assert samples[0].log_probability >= greedy.log_probability - 1e-6
        assert beams > 1 or samples[0].steps.tolist() == greedy.steps.tolist()
        assert all(sample.ended for sample in samples)
        assert all(len(sample.steps) >= 4 for sample in samples) or not whole_source
        assert min(len(sample.steps) for sample in samples) < 2 or whole_source
    banned = search(engine, prompt(whole_source=True), beams, ban=tuple(range(1, SIZE)))
    assert all(len(sample.steps) >= 4 and set(sample.steps.tolist()) == {0} for sample in banned)


def test_samples_do_not_depend_on_the_number_of_samples(engine: Engine) -> None:
    few, many = (draw(engine, prompt(whole_source=False), n=n) for n in (2, 24))
    for expected, actual in zip(few, many, strict=False):
        assert actual.steps.tolist() == expected.steps.tolist() and actual.scores == expected.scores


def test_mask_source_end_forbids_then_demands_the_end_and_never_forbids_everything() -> None:
    masks = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0]], np.bool_)
    steps_at_end = np.array([0.0, 1.0, MAX_STEPS_AFTER_SOURCE, 0.0, MAX_STEPS_AFTER_SOURCE])
    result = mask_source_end(masks, steps_at_end).astype(int).tolist()
    assert result == [[1, 1, 0], [1, 1, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0]]
