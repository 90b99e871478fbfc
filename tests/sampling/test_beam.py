from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import BeamSearch, Conditions, Controls, Engine, Ensemble, Limits, Sampler

SIZE = 5
NOWHERE = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


def engine(seed: int) -> Engine:
    network = Network(Categorical(SIZE), NetworkConfig(layers=1, hidden=16, embedding=8), seed=seed)
    for parameter in network.parameters():
        parameter.data.mul_(4)
    return Engine(network)


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def prompt(constraint: Constraint | None = None) -> Prompt:
    return Prompt(Example(np.zeros(0, np.uint8)), constraint)


def search(engine: Engine | Ensemble, start: Prompt, beams: int, alpha: float = 0.0, length: int = 12) -> BeamSearch:
    return BeamSearch(
        engine, start, NOWHERE, beams=beams, length_penalty=alpha, controls=Controls(), limits=Limits(steps=length),
        units=units,
    )  # fmt: skip


def greedy(engine: Engine | Ensemble, start: Prompt, length: int = 12) -> tuple[list[int], float]:
    sampler = Sampler(engine, start, NOWHERE, controls=Controls(greedy=True), limits=Limits(steps=length), units=units)
    (found,) = sampler.samples(range(1), seed=0)
    return found.steps.tolist(), found.log_probability


@pytest.mark.parametrize("kind", ["free", "brackets", "exactly"])
@given(seed=st.integers(0, 200), beams=st.integers(1, 6), alpha=st.sampled_from([0.0, 0.6, 1.0]))
@settings(max_examples=15, deadline=None)
def test_a_beam_of_one_is_greedy_and_a_wider_one_never_worse(
    kind: str,
    brackets: Callable[..., Constraint],
    exactly: Callable[..., Constraint],
    seed: int,
    beams: int,
    alpha: float,
) -> None:
    start = prompt({"free": None, "brackets": brackets(SIZE, 3), "exactly": exactly(SIZE, 6)}[kind])
    network = engine(seed)
    steps, total = greedy(network, start)
    (one,) = search(network, start, 1, alpha).best(1)
    assert one.steps.tolist() == steps and one.log_probability == pytest.approx(total)
    wide = search(network, start, beams, alpha)
    found = wide.best(beams)
    scores = [wide.score(each.log_probability, len(each.scores)) for each in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= wide.score(total, len(one.scores)) - 1e-9
    assert len({tuple(each.steps.tolist()) for each in found}) == len(found)
    for each in found:
        assert each.log_probability == pytest.approx(sum(each.scores))


def test_a_beam_wide_enough_finds_the_best_of_all(exactly: Callable[..., Constraint]) -> None:
    network, start = engine(3), prompt(exactly(SIZE, 2))
    found = {tuple(each.steps.tolist()): each.log_probability for each in search(network, start, 25).best(25)}
    assert len(found) == SIZE**2
    for steps, total in found.items():
        forced = Controls(force=steps)
        sampler = Sampler(network, start, NOWHERE, controls=forced, limits=Limits(), units=units)
        (sample,) = sampler.samples(range(1), seed=0)
        assert sample.log_probability == pytest.approx(total, abs=1e-4)


def test_several_networks_are_the_mean_of_their_probabilities() -> None:
    engines = [engine(seed) for seed in (1, 2, 3)]
    together = Ensemble(engines)
    from seqforge.sampling import prompt_batch

    window = prompt_batch(engines[0].network, prompt(), NOWHERE)
    outputs, state, added = together.begin(window)
    single = [each.begin(window) for each in engines]
    mean = np.mean([part[0].softmax(-1).numpy() for part in single], axis=0)
    np.testing.assert_allclose(outputs.exp().numpy(), mean, rtol=1e-5)
    rows = together.rows_for(2)
    import torch

    states = together.state(state, rows)
    steps = torch.arange(rows) % SIZE
    after = together.step(steps, added.repeat(rows, 1), states)
    each = [
        e.step(steps, part[2].repeat(rows, 1), e.state(part[1], rows)) for e, part in zip(engines, single, strict=True)
    ]
    np.testing.assert_allclose(after.exp(), np.mean([one.softmax(-1).numpy() for one in each], axis=0), rtol=1e-4)
    assert greedy(together, prompt())[0] == search(together, prompt(), 1).best(1)[0].steps.tolist()


def test_what_has_no_meaning_for_a_beam_is_refused() -> None:
    network = engine(0)
    for values, words in (({"beams": 64}, "--beams is 64"), ({"alpha": -1.0}, "--length-penalty is -1")):
        with pytest.raises(RequestError, match=words):
            search(network, prompt(), **{"beams": 2, **values})  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="only --ban goes with it"):
        BeamSearch(
            network, prompt(), NOWHERE, beams=2, length_penalty=0.0, controls=Controls(temperature=0.5),
            limits=Limits(), units=units,
        )  # fmt: skip
