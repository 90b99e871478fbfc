"""When a piece with a source may end: drawn, greedy and by a beam, by its source or by the network alone."""

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Free, Prompt
from seqforge.core.spaces import Categorical
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import BeamSearch, Conditions, Controls, Engine, Limits, Sample, Sampler
from seqforge.sampling.guide import LINGER, mask_source_end

SIZE, NOWHERE = 5, Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


@pytest.fixture(scope="module", params=[0, 6], ids=["symbols", "encoder"])
def engine(request: pytest.FixtureRequest) -> Engine:
    shape = NetworkConfig(layers=2, hidden=16, embedding=8, source_symbols=4, gaussians=3, encoder_units=request.param)
    network = Network(Categorical(SIZE), shape, seed=1, symbols_per_step=0.6).eval()
    with torch.no_grad():
        network.head.bias[-1] += 4.0  # type: ignore[index, operator] - it would end at once
    return Engine(network)


def prompt(*, whole_source: bool, free: bool = False) -> Prompt:
    start = Example(np.zeros(0, np.uint8), source=np.array([0, 1, 2, 1, 0], np.uint8))
    return Prompt(start, Free(np.ones(SIZE, np.bool_)) if free else None, whole_source=whole_source)


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def drawn(engine: Engine, start: Prompt, *, greedy: bool = False, n: int = 1) -> list[Sample]:
    sampler = Sampler(
        engine, start, NOWHERE, controls=Controls(greedy=greedy), limits=Limits(steps=200), units=units
    )  # fmt: skip
    return sorted(sampler.samples(range(n), seed=0), key=lambda sample: sample.k)


def searched(engine: Engine, start: Prompt, beams: int, ban: tuple[int, ...] = ()) -> list[Sample]:
    return BeamSearch(
        engine, start, NOWHERE, beams=beams, length_penalty=0.0, controls=Controls(ban=ban), limits=Limits(steps=200),
        units=units,
    ).best(beams)  # fmt: skip


@pytest.mark.parametrize("free", [False, True], ids=["no constraint", "a constraint"])
def test_a_piece_ends_with_its_source_or_where_the_network_likes(engine: Engine, free: bool) -> None:
    bound, alone = (drawn(engine, prompt(whole_source=whole, free=free), n=8) for whole in (True, False))
    assert all(sample.ended and len(sample.steps) >= 4 for sample in bound)
    assert min(len(sample.steps) for sample in alone) < 2


@pytest.mark.parametrize("beams", [1, 4])
def test_a_beam_ends_where_drawing_does(engine: Engine, beams: int) -> None:
    for whole in (True, False):
        start = prompt(whole_source=whole)
        (greedy,) = drawn(engine, start, greedy=True)
        found = searched(engine, start, beams)
        assert found[0].log_probability >= greedy.log_probability - 1e-6
        assert beams > 1 or found[0].steps.tolist() == greedy.steps.tolist()
        assert all(each.ended for each in found)
        assert all(len(each.steps) >= 4 for each in found) or not whole
        assert min(len(each.steps) for each in found) < 2 or whole
    banned = searched(engine, prompt(whole_source=True), beams, ban=tuple(range(1, SIZE)))
    assert all(len(each.steps) >= 4 and set(each.steps.tolist()) == {0} for each in banned)


def test_rows_do_not_depend_on_each_other(engine: Engine) -> None:
    few, many = (drawn(engine, prompt(whole_source=False), n=n) for n in (2, 24))
    for one, other in zip(few, many, strict=False):
        assert one.steps.tolist() == other.steps.tolist() and one.scores == other.scores


def test_masks_hold_the_end_back_then_demand_it_and_never_leave_nothing() -> None:
    masks = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 1], [1, 0, 0]], np.bool_)
    rested = np.array([0.0, 1.0, LINGER, 0.0, LINGER])
    found = mask_source_end(masks, rested).astype(int).tolist()
    assert found == [[1, 1, 0], [1, 1, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0]]
