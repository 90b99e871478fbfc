import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.sequences import Constraint, Example, Free, Prompt
from seqforge.errors import RequestError
from seqforge.inference import NetworkWeights
from seqforge.network import Network, example_batch
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sample, Sampler

NetworkFactory = Callable[..., Network]
KINDS = ["lstm", "gru", "rnn"]
SIZE = 5


def ones(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def symbol_plus_one(steps: np.ndarray) -> np.ndarray:
    return np.asarray(steps, float) + 1


def sampler_for(
    network: Network,
    *,
    steps: tuple[int, ...] = (),
    constraint: Constraint | None = None,
    keep: int | None = None,
    conditions: Conditions | None = None,
    limits: Limits = Limits(steps=60),  # noqa: B008 - frozen
    units: Callable[[np.ndarray], np.ndarray] = ones,
    **controls: Any,
) -> Sampler:
    prompt = Prompt(Example(np.array(steps, np.uint8)), constraint, keep)
    conditions = conditions or Conditions(np.zeros(len(network.config.labels), np.int64), np.zeros(0, np.float32))
    engine = Engine(NetworkWeights.from_network(network))
    return Sampler(engine, prompt, conditions, controls=Controls(**controls), limits=limits, units=units)


def draw(sampler: Sampler, numbers: range, *, seed: int = 0, rows: int | None = None) -> dict[int, Sample]:
    samples = list(sampler.samples(numbers, seed=seed, rows=rows))
    assert sorted(sample.k for sample in samples) == list(numbers)
    return {sample.k: sample for sample in samples}


def values(sample: Sample) -> tuple[int, list[int], bool, float]:
    return sample.k, sample.steps.tolist(), sample.ended, sample.log_probability


@pytest.fixture
def endless(make_network: NetworkFactory) -> Network:
    """Return a network that never ends a piece."""
    network = make_network()
    with torch.no_grad():
        network.head.bias[SIZE] = -1000.0  # type: ignore[index, operator]
    return network


# -- sample k is a pure function of k -------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape",
    [{"layers": 2}, {"layers": 3, "residual": False}, {"hidden": 13, "embedding": 6, "tie_embeddings": False}],
    ids=str,
)
def test_sample_k_does_not_depend_on_the_number_of_samples(
    make_network: NetworkFactory, kind: str, shape: dict[str, Any]
) -> None:
    sampler = sampler_for(make_network(cell=kind, **shape), steps=(1, 3))
    many = draw(sampler, range(64), seed=5)
    for numbers in (range(1), range(8), range(7, 9), range(40, 64, 5)):
        for k, sample in draw(sampler, numbers, seed=5).items():
            assert values(sample) == values(many[k])


@settings(max_examples=10)
@given(rows=st.integers(1, 70), seed=st.integers(0, 2**63), first=st.integers(0, 10**6))
def test_sample_k_does_not_depend_on_the_rows(make_network: NetworkFactory, rows: int, seed: int, first: int) -> None:
    sampler = sampler_for(make_network(layers=2))
    numbers = range(first, first + 20)
    expected = draw(sampler, numbers, seed=seed)
    actual = draw(sampler, numbers, seed=seed, rows=rows)
    assert [values(actual[k]) for k in numbers] == [values(expected[k]) for k in numbers]


def test_new_sampler_draws_the_same_samples(make_network: NetworkFactory) -> None:
    first = draw(sampler_for(make_network(), steps=(2,), top_p=0.9), range(10))
    second = draw(sampler_for(make_network(), steps=(2,), top_p=0.9), range(10))
    assert [values(first[k]) for k in first] == [values(second[k]) for k in first]


def test_samples_and_seeds_differ(make_network: NetworkFactory) -> None:
    sampler = sampler_for(make_network(), limits=Limits(steps=1000))
    seed_0, seed_1 = draw(sampler, range(30)), draw(sampler, range(30), seed=1)
    assert len({tuple(sample.steps.tolist()) for sample in [*seed_0.values(), *seed_1.values()]}) > 30


def test_parts_and_neighbouring_seeds_share_no_random_numbers(make_network: NetworkFactory) -> None:
    sampler = sampler_for(make_network(), limits=Limits(steps=1000))
    part_0, part_1, next_seed = (
        {s.k: tuple(s.steps.tolist()) for s in sampler.samples(range(30), seed=seed, part=part)}
        for seed, part in ((0, 0), (0, 1), (1, 0))
    )
    for left, right in ((part_0, part_1), (part_1, next_seed), (part_0, next_seed)):
        assert sum(left[k] != right[k] for k in left) > 15


def test_refilled_row_equals_a_fresh_row(make_network: NetworkFactory) -> None:
    network = make_network(cell="gru", layers=2)
    with torch.no_grad():
        network.head.bias[SIZE] = 1.0  # type: ignore[index, operator]
    sampler = sampler_for(network, steps=(4,))
    samples = draw(sampler, range(300), rows=4)
    assert np.mean([len(sample.steps) for sample in samples.values()]) < 6
    for k in (0, 1, 50, 299):
        assert values(samples[k]) == values(draw(sampler, range(k, k + 1))[k])


def test_pieces_are_drawn_with_their_probabilities(make_network: NetworkFactory) -> None:
    network = make_network(size=2)
    sampler = sampler_for(network)
    scores: dict[tuple[int, ...], list[float]] = {}
    for sample in draw(sampler, range(4000), seed=3).values():
        scores.setdefault(tuple(sample.steps.tolist()), []).append(sample.log_probability)
    likely = [steps for steps, log_probabilities in scores.items() if np.exp(log_probabilities[0]) > 0.01]
    assert likely
    for steps in likely:
        p = float(np.exp(scores[steps][0]))
        assert len(scores[steps]) / 4000 == pytest.approx(p, abs=5 * (p * (1 - p) / 4000) ** 0.5)


# -- the drawn steps ------------------------------------------------------------------------


def argmax_loop(network: Network, steps: tuple[int, ...], max_steps: int) -> list[int]:
    """Decode greedily in sequence mode, which reads the complete piece again for every step."""
    piece = list(steps)
    labels, features = np.zeros(len(network.config.labels), np.int64), np.zeros(0, np.float32)
    while len(piece) < max_steps:
        batch = example_batch(Example(np.array(piece, np.uint8)), labels, features, 0)
        with torch.no_grad():
            best = int(network(batch, network.zero_state(1))[0][-1, 0].argmax())
        if best == SIZE:
            break
        piece.append(best)
    return piece


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("controls", [{"greedy": True}, {"temperature": 0.0}, {"top_k": 1}], ids=str)
@pytest.mark.parametrize("steps", [(), (2, 0, 1)])
def test_greedy_chooses_the_most_probable_step_every_time(
    make_network: NetworkFactory, kind: str, controls: dict[str, Any], steps: tuple[int, ...]
) -> None:
    network = make_network(cell=kind, layers=2, weight_scale=2.0)
    with torch.no_grad():
        network.head.bias[SIZE] = -3.0  # type: ignore[index, operator]
    samples = draw(sampler_for(network, steps=steps, limits=Limits(steps=25), **controls), range(5))
    expected = argmax_loop(network, steps, 25)
    assert len(expected) > len(steps)
    assert all(sample.steps.tolist() == expected for sample in samples.values())


@pytest.mark.parametrize("kind", KINDS)
def test_log_probability_equals_sequence_mode(make_network: NetworkFactory, kind: str) -> None:
    network = make_network(cell=kind, layers=2, labels=(3,))
    conditions = Conditions(np.array([2]), np.zeros(0, np.float32))
    samples = draw(sampler_for(network, steps=(1, 4), conditions=conditions, temperature=1.3), range(20))
    assert any(sample.ended for sample in samples.values())
    for sample in samples.values():
        batch = example_batch(Example(sample.steps), conditions.labels, conditions.features, 0)
        with torch.no_grad():
            losses, _ = network.loss(batch, network.zero_state(1))
        counted = losses[2:, 0] if sample.ended else losses[2:-1, 0]
        assert sample.log_probability == pytest.approx(-counted.double().sum().item(), abs=1e-4)


def test_labels_condition_the_samples(make_network: NetworkFactory) -> None:
    network = make_network(labels=(3,), weight_scale=2.0)
    label_1, label_2 = (
        draw(sampler_for(network, conditions=Conditions(np.array([n]), np.zeros(0))), range(20)) for n in (1, 2)
    )
    assert [s.steps.tolist() for s in label_1.values()] != [s.steps.tolist() for s in label_2.values()]


@pytest.mark.parametrize(("keep", "prompt_steps"), [(None, [1, 3, 2]), (0, []), (2, [1, 3])])
def test_keep_limits_the_steps_of_the_prompt_in_the_sample(
    make_network: NetworkFactory, keep: int | None, prompt_steps: list[int]
) -> None:
    expected = draw(sampler_for(make_network(), steps=(1, 3, 2)), range(8))
    actual = draw(sampler_for(make_network(), steps=(1, 3, 2), keep=keep), range(8))
    for k, sample in actual.items():
        assert sample.steps.tolist() == prompt_steps + expected[k].steps.tolist()[3:]
        assert sample.steps.dtype == np.uint8


def test_on_step_receives_every_drawn_step(make_network: NetworkFactory) -> None:
    sampler = sampler_for(make_network(), steps=(1,))
    steps: dict[int, list[object]] = {k: [] for k in range(20)}
    samples = list(sampler.samples(range(20), seed=0, rows=4, on_step=lambda k, step: steps[k].append(step)))
    assert {sample.k: sample.steps.tolist()[1:] for sample in samples} == steps


def test_empty_range_yields_no_samples(make_network: NetworkFactory) -> None:
    assert list(sampler_for(make_network()).samples(range(0), seed=0)) == []


def test_samples_that_are_not_read_to_the_end_change_nothing(make_network: NetworkFactory) -> None:
    sampler = sampler_for(make_network())
    expected = draw(sampler, range(30), rows=4)
    samples = sampler.samples(range(30), seed=0, rows=4)
    next(samples)
    samples.close()  # type: ignore[attr-defined]
    again = draw(sampler, range(30), rows=4)
    assert [values(again[k]) for k in again] == [values(expected[k]) for k in again]


# -- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt_length", [0, 3])
def test_piece_stops_at_the_limit_of_steps(endless: Network, prompt_length: int) -> None:
    samples = draw(sampler_for(endless, steps=(1,) * prompt_length, limits=Limits(steps=12)), range(5))
    assert [len(sample.steps) for sample in samples.values()] == [12] * 5
    assert not any(sample.ended for sample in samples.values())


@settings(max_examples=15)
@given(limit=st.integers(1, 40), steps=st.lists(st.integers(0, SIZE - 1), max_size=4))
def test_piece_stops_at_the_step_that_reaches_the_limit_of_units(
    make_network: NetworkFactory, limit: int, steps: list[int]
) -> None:
    sampler = sampler_for(make_network(), steps=tuple(steps), limits=Limits(units=float(limit)), units=symbol_plus_one)
    for sample in draw(sampler, range(10)).values():
        counts = symbol_plus_one(sample.steps)
        if len(sample.steps) > len(steps):
            assert counts[:-1].sum() < limit, "a step was drawn after the limit"
        assert sample.ended or counts.sum() >= limit


@pytest.mark.parametrize("limits", [Limits(steps=12), Limits(units=12.0), Limits(units=20.0, steps=9)], ids=str)
@pytest.mark.parametrize("end_bias", [-1000.0, -1.0])
@pytest.mark.parametrize("prompt_length", [0, 3])
def test_constraint_that_allows_everything_changes_nothing(
    make_network: NetworkFactory, limits: Limits, end_bias: float, prompt_length: int
) -> None:
    network = make_network()
    with torch.no_grad():
        network.head.bias[SIZE] = end_bias  # type: ignore[index, operator]
    free = Free(np.ones(SIZE, bool))
    expected = draw(sampler_for(network, steps=(2,) * prompt_length, limits=limits), range(20))
    actual = draw(sampler_for(network, steps=(2,) * prompt_length, limits=limits, constraint=free), range(20))
    assert [values(actual[k]) for k in actual] == [values(expected[k]) for k in actual]


# -- constraints ----------------------------------------------------------------------------


def is_balanced(steps: list[int], depth: int) -> bool:
    level = 0
    for step in steps:
        level += {0: 1, 1: -1}.get(step, 0)
        if not 0 <= level <= depth:
            return False
    return level == 0 and bool(steps)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    depth=st.integers(1, 6),
    limit=st.integers(1, 40),
    by_units=st.booleans(),
    controls=st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.just(0.0) | st.floats(0.05, 5),
            "top_k": st.integers(1, 3),
            "top_p": st.floats(0.1, 1),
        },
    ),
    open_bias=st.floats(-2, 8),
    end_bias=st.floats(-10, 4),
)
def test_every_piece_is_complete_and_valid(
    make_network: NetworkFactory,
    brackets: Callable[..., Constraint],
    seed: int,
    depth: int,
    limit: int,
    by_units: bool,
    controls: dict[str, Any],
    open_bias: float,
    end_bias: float,
) -> None:
    network = make_network(seed=seed % 7)
    with torch.no_grad():
        network.head.bias[0] = open_bias  # type: ignore[index, operator]
        network.head.bias[SIZE] = end_bias  # type: ignore[index, operator]
    limits = Limits(units=float(limit)) if by_units else Limits(steps=limit)
    limits = dataclasses.replace(limits, steps=min(limits.steps, 200))
    sampler = sampler_for(network, constraint=brackets(SIZE, depth), limits=limits, **controls)
    for sample in draw(sampler, range(6), seed=seed).values():
        steps = sample.steps.tolist()
        assert is_balanced(steps, depth)
        if by_units:
            assert len(steps) <= limit + depth + 1
        else:
            assert len(steps) <= max(limit, 1)


def test_last_piece_ends_within_the_limit(make_network: NetworkFactory, brackets: Callable[..., Constraint]) -> None:
    sampler = sampler_for(make_network(seed=1), constraint=brackets(SIZE, 1), limits=Limits(steps=3))
    for sample in draw(sampler, range(6), seed=1).values():
        assert is_balanced(sample.steps.tolist(), 1) and len(sample.steps) <= 3


@pytest.mark.parametrize("prompt", [(0, 0, 2), (0, 1), (3,)])
def test_prompt_is_continued_to_a_valid_piece(
    make_network: NetworkFactory, brackets: Callable[..., Constraint], prompt: tuple[int, ...]
) -> None:
    sampler = sampler_for(make_network(), steps=prompt, constraint=brackets(SIZE, 3), limits=Limits(steps=20))
    for sample in draw(sampler, range(30)).values():
        assert sample.steps[: len(prompt)].tolist() == list(prompt)
        assert is_balanced(sample.steps.tolist(), 3)


@pytest.mark.parametrize("prompt", [(1,), (0, 1, 1), (0, 0, 0)])
def test_prompt_of_no_valid_piece_is_refused_before_sampling(
    make_network: NetworkFactory, brackets: Callable[..., Constraint], prompt: tuple[int, ...]
) -> None:
    with pytest.raises(RequestError, match="begins no valid piece"):
        sampler_for(make_network(), steps=prompt, constraint=brackets(SIZE, 2))


@pytest.mark.parametrize("length", [0, 1, 2, 30])
@pytest.mark.parametrize("limits", [Limits(), Limits(steps=10), Limits(units=5.0)], ids=str)
def test_constraint_of_exact_length_holds_at_any_limit(
    make_network: NetworkFactory, exactly: Callable[..., Constraint], length: int, limits: Limits
) -> None:
    sampler = sampler_for(make_network(), constraint=exactly(SIZE, length), limits=limits)
    assert {len(sample.steps) for sample in draw(sampler, range(20)).values()} == {length}


@pytest.mark.parametrize("limit", [1, 5, 9, 10, 11, 40])
def test_phrase_that_does_not_fit_is_not_started(
    endless: Network, phrases: Callable[..., Constraint], limit: int
) -> None:
    constraint = phrases(SIZE, 9)
    sampler = sampler_for(endless, constraint=constraint, limits=Limits(steps=limit))
    for sample in draw(sampler, range(30)).values():
        assert len(sample.steps) <= limit
        state = constraint.start()
        for step in sample.steps:
            state = constraint.advance(state, step)
        assert constraint.may_end(state)


def test_end_comes_only_where_the_constraint_allows_it(
    make_network: NetworkFactory, exactly: Callable[..., Constraint]
) -> None:
    network = make_network()
    with torch.no_grad():
        network.head.bias[SIZE] = 1000.0  # type: ignore[index, operator]
    sampler = sampler_for(network, constraint=exactly(SIZE, 7), greedy=True)
    (sample,) = draw(sampler, range(1)).values()
    assert len(sample.steps) == 7
    assert sample.ended


@pytest.mark.parametrize("limits", [Limits(steps=12), Limits(units=12.0)], ids=str)
def test_piece_that_a_limit_ends_is_not_marked_as_ended(
    endless: Network, brackets: Callable[..., Constraint], limits: Limits
) -> None:
    sampler = sampler_for(endless, constraint=brackets(SIZE, 3), limits=limits)
    assert not any(sample.ended for sample in draw(sampler, range(10)).values())


def test_mask_caches_are_bounded_while_sampling(
    endless: Network, exactly: Callable[..., Constraint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqforge.sampling.guide.MAX_CACHED_STATES", 16)
    monkeypatch.setattr("seqforge.sampling.guide.MAX_CACHED_MASKS", 16)
    for limits in (Limits(), Limits(steps=200), Limits(units=20.0)):
        sampler = sampler_for(endless, constraint=exactly(SIZE, 200), limits=limits)
        draw(sampler, range(3))
        caches = [value for value in vars(sampler.guide).values() if isinstance(value, dict)]
        assert caches
        assert max(map(len, caches)) <= 16
