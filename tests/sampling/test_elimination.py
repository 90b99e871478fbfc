"""Candidates that end early: the chosen samples are those of a draw among complete candidates."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.inference import NetworkWeights
from seqforge.network import Network
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sampler
from seqforge.sampling.candidates import select
from seqforge.sampling.elimination import Elimination, draw, uniform
from seqforge.sampling.rows import sample_rows
from seqforge.sampling.slot import Sample

NetworkFactory = Callable[..., Network]
CANDIDATES, SEED = {0: 4, 1: 3}, 3
WEIGHTS = st.tuples(st.floats(-50, 0), st.booleans(), st.floats(0, 60))
"""The logarithm of a weight so far, whether it is complete, and how much lower it will be otherwise."""


@given(weights=st.lists(WEIGHTS, min_size=1, max_size=8), number=st.floats(0, 1, exclude_max=True))
def test_a_decided_draw_does_not_depend_on_later_weights(
    weights: list[tuple[float, bool, float]], number: float
) -> None:
    logs, complete = [log for log, _, _ in weights], [known for _, known, _ in weights]
    early = draw(logs, complete, number)
    final = [log if known else log - fall for log, known, fall in weights]
    assert early in (None, draw(final, [True] * len(final), number))
    if not all(complete):
        gone = [log if known else -1e6 for log, known, _ in weights]
        assert not any(complete) or early in (None, draw(gone, [True] * len(gone), number))


def test_a_draw_is_decided_by_the_first_complete_candidate_if_the_others_are_improbable() -> None:
    assert draw([-0.1, -60.0, -70.0], [True, False, False], 0.5) == 0
    assert draw([-60.0, -0.1], [False, True], 0.5) == 1
    assert draw([-0.1, -0.2], [True, False], 0.7) is None
    assert draw([-0.1, -0.2], [False, False], 0.7) is None


class Turns(Constraint):
    """Symbols 0 and 1 take turns with symbols 2 to 4; a piece ends after an even number of steps."""

    def start(self) -> Hashable:
        return 0

    def allowed(self, state: Any) -> np.ndarray:
        return np.array([state == 0, state == 0, state == 1, state == 1, state == 1])

    def may_end(self, state: Any) -> bool:
        return bool(state == 0)

    def to_end(self, state: Any) -> int:
        return int(state)

    def advance(self, state: Any, step: Any) -> Hashable:
        return 1 - int(state)


def make_sampler(network: Network, engine: Engine) -> Sampler:
    prompt = Prompt(Example(np.zeros(0, np.uint8)), Turns())
    none = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
    limits = Limits(steps=80)
    return Sampler(engine, prompt, none, controls=Controls(), limits=limits, units=lambda s: np.ones(len(s)))


def test_the_same_samples_are_chosen_with_fewer_steps(make_network: NetworkFactory) -> None:
    network = make_network(seed=3, weight_scale=3.0)
    engine = Engine(NetworkWeights.from_network(network))
    samplers = {part: make_sampler(network, engine) for part in CANDIDATES}
    pieces = [(part, k) for k in range(6) for part in CANDIDATES]
    # 1. Draw all candidates to their ends, then draw among them.
    numbers = [(part, k * size + index) for part, size in CANDIDATES.items() for k in range(6) for index in range(size)]
    complete = {(part, sample.k): sample for part, sample in sample_rows(samplers, numbers, seed=SEED)}
    expected = {}
    for part, k in pieces:
        group = [complete[part, k * CANDIDATES[part] + index] for index in range(CANDIDATES[part])]
        index = draw([sample.log_allowed for sample in group], [True] * len(group), uniform(SEED, k, part))
        assert index is not None
        expected[part, k] = group[index]
    # 2. Candidates that cannot be chosen end early, whatever the number of rows.
    for rows in (1, 5, 64):
        steps = 0

        def count(_: int, step: object) -> None:
            nonlocal steps
            steps += 1

        elimination = Elimination(CANDIDATES, seed=SEED)
        drawn = sample_rows(samplers, numbers, seed=SEED, rows=rows, on_step=count, elimination=elimination)
        chosen = {(part, sample.k // CANDIDATES[part]): sample for part, sample in drawn}
        assert chosen.keys() == expected.keys()
        for key, sample in chosen.items():
            assert sample.steps.tolist() == expected[key].steps.tolist() and sample.scores == expected[key].scores
        assert steps < sum(len(sample.steps) for sample in complete.values())
    # 3. `select` returns them with the numbers of the samples.
    selected = {
        (part, sample.k): sample.steps.tolist() for part, sample in select(samplers, pieces, CANDIDATES, seed=SEED)
    }
    assert selected == {key: sample.steps.tolist() for key, sample in expected.items()}


def test_a_function_that_chooses_sees_all_candidates(make_network: NetworkFactory) -> None:
    network = make_network(seed=3, weight_scale=3.0)
    samplers = {0: make_sampler(network, Engine(NetworkWeights.from_network(network)))}
    sizes = []

    def longest(part: int, group: list[Sample]) -> Sample:
        sizes.append(len(group))
        return max(group, key=lambda sample: len(sample.steps))

    drawn = [sample for _, sample in select(samplers, [(0, 0), (0, 1)], {0: 4}, seed=SEED, choose=longest)]
    assert sizes == [4, 4] and sorted(sample.k for sample in drawn) == [0, 1]
