from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.inference import MAX_ROWS, NetworkWeights, log_softmax
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import BeamSearch, Conditions, Controls, Engine, Ensemble, Limits, Sampler, prompt_batch
from seqforge.sampling.controls import MAX_BEAMS

SIZE = 5
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


def engine(seed: int) -> Engine:
    network = Network(Categorical(SIZE), NetworkConfig(layers=1, hidden=16, embedding=8), seed=seed)
    for parameter in network.parameters():
        parameter.data.mul_(4)
    return Engine(NetworkWeights.from_network(network))


def units(steps: np.ndarray) -> np.ndarray:
    return np.ones(len(steps))


def prompt(constraint: Constraint | None = None) -> Prompt:
    return Prompt(Example(np.zeros(0, np.uint8)), constraint)


def search(engine: Engine | Ensemble, start: Prompt, beams: int, alpha: float = 0.0, length: int = 12) -> BeamSearch:
    return BeamSearch(
        engine, start, NO_CONDITIONS, beams=beams, length_penalty=alpha, controls=Controls(),
        limits=Limits(steps=length), units=units,
    )  # fmt: skip


def grouped(start: Prompt, seed: int, *, groups: int, diversity: float) -> list[list[int]]:
    samples = BeamSearch(
        engine(seed), start, NO_CONDITIONS, beams=4, length_penalty=0.0, groups=groups, diversity=diversity,
        controls=Controls(), limits=Limits(steps=12), units=units,
    ).best(groups)  # fmt: skip
    return [sample.steps.tolist() for sample in samples]


@given(seed=st.integers(0, 200))
@settings(max_examples=15, deadline=None)
def test_groups_without_diversity_search_the_same_and_with_it_choose_other_steps(seed: int) -> None:
    start = prompt()
    assert grouped(start, seed, groups=2, diversity=0.0)[0] == search(engine(seed), start, 2).best(1)[0].steps.tolist()
    pieces = grouped(start, seed, groups=4, diversity=100.0)
    assert len({tuple(piece[:1]) for piece in pieces}) == len(pieces)


@pytest.mark.parametrize(("groups", "diversity", "field"), [(3, 0.5, "beam_groups"), (0, 0.5, "beam_groups"),
                                                            (2, -1.0, "beam_diversity")])  # fmt: skip
def test_impossible_groups_are_errors(groups: int, diversity: float, field: str) -> None:
    with pytest.raises(RequestError) as caught:
        grouped(prompt(), 0, groups=groups, diversity=diversity)
    assert caught.value.field == field


def greedy(engine: Engine | Ensemble, start: Prompt, length: int = 12) -> tuple[list[int], float]:
    sampler = Sampler(
        engine, start, NO_CONDITIONS, controls=Controls(greedy=True), limits=Limits(steps=length), units=units
    )
    (sample,) = sampler.samples(range(1), seed=0)
    return sample.steps.tolist(), sample.log_probability


@pytest.mark.parametrize("kind", ["free", "brackets", "exactly"])
@given(seed=st.integers(0, 200), beams=st.integers(1, 6), alpha=st.sampled_from([0.0, 0.6, 1.0]))
@settings(max_examples=15, deadline=None)
def test_one_beam_is_greedy_and_more_beams_score_at_least_as_high(
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
    (best,) = search(network, start, 1, alpha).best(1)
    assert best.steps.tolist() == steps and best.log_probability == pytest.approx(total)
    wide = search(network, start, beams, alpha)
    samples = wide.best(beams)
    scores = [wide.score(sample.log_probability, len(sample.scores)) for sample in samples]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= wide.score(total, len(best.scores)) - 1e-9
    assert len({tuple(sample.steps.tolist()) for sample in samples}) == len(samples)
    for sample in samples:
        assert sample.log_probability == pytest.approx(sum(sample.scores))


def test_wide_beam_finds_all_pieces_with_their_log_probabilities(exactly: Callable[..., Constraint]) -> None:
    network, start = engine(3), prompt(exactly(SIZE, 2))
    samples = search(network, start, 25).best(25)
    log_probabilities = {tuple(sample.steps.tolist()): sample.log_probability for sample in samples}
    assert len(log_probabilities) == SIZE**2
    for steps, total in log_probabilities.items():
        forced = Controls(force=steps)
        sampler = Sampler(network, start, NO_CONDITIONS, controls=forced, limits=Limits(), units=units)
        (sample,) = sampler.samples(range(1), seed=0)
        assert sample.log_probability == pytest.approx(total, abs=1e-4)


def test_ensemble_averages_probabilities() -> None:
    engines = [engine(seed) for seed in (1, 2, 3)]
    ensemble = Ensemble(engines)
    batch = prompt_batch(engines[0].network, prompt(), NO_CONDITIONS)
    outputs, state, condition_gates = ensemble.begin(batch)
    members = [member.begin(batch) for member in engines]
    mean = np.mean([np.exp(log_softmax(member[0])) for member in members], axis=0)
    np.testing.assert_allclose(np.exp(outputs), mean, rtol=1e-12)
    rows = ensemble.rows_for(2)
    states = ensemble.state(state, rows)
    steps = np.arange(rows) % SIZE
    next_outputs = ensemble.step(steps, np.tile(condition_gates, (rows, 1)), states)
    member_outputs = [
        member.step(steps, np.tile(gates, (rows, 1)), member.state(member_state, rows))
        for member, (_, member_state, gates) in zip(engines, members, strict=True)
    ]
    mean = np.mean([np.exp(log_softmax(outputs)) for outputs in member_outputs], axis=0)
    np.testing.assert_allclose(np.exp(next_outputs), mean, rtol=1e-12)
    assert greedy(ensemble, prompt())[0] == search(ensemble, prompt(), 1).best(1)[0].steps.tolist()


def test_wrong_values_and_controls_are_refused() -> None:
    network = engine(0)
    for values, field, allowed in (
        ({"beams": 64}, "beams", "from 1 to 63"),
        ({"alpha": -1.0}, "length_penalty", "from 0 to 10"),
    ):
        with pytest.raises(RequestError) as raised:
            search(network, prompt(), **{"beams": 2, **values})  # type: ignore[arg-type]
        assert (raised.value.field, raised.value.allowed) == (field, allowed)
    with pytest.raises(RequestError, match="accepts only the control `ban`") as raised:
        BeamSearch(
            network, prompt(), NO_CONDITIONS, beams=2, length_penalty=0.0, controls=Controls(temperature=0.5),
            limits=Limits(), units=units,
        )  # fmt: skip
    assert (raised.value.field, raised.value.value) == ("temperature", 0.5)


@pytest.mark.parametrize(("kind", "length"), [("free", 1), ("brackets", 1), ("exactly", 6)])
def test_time_limit_leads_every_hypothesis_to_its_nearest_end(
    kind: str, length: int, brackets: Callable[..., Constraint], exactly: Callable[..., Constraint]
) -> None:
    start = prompt({"free": None, "brackets": brackets(SIZE, 3), "exactly": exactly(SIZE, 6)}[kind])
    limits = Limits(steps=10**6, seconds=0.0)
    beam = BeamSearch(
        engine(3), start, NO_CONDITIONS, beams=4, length_penalty=0.0, controls=Controls(), limits=limits, units=units
    )
    lengths = [len(sample.steps) for sample in beam.best(4)]
    assert lengths and max(lengths) == length


def test_largest_beam_width_fits_the_rows_of_the_engine() -> None:
    assert MAX_BEAMS == MAX_ROWS - 1


def attending(seed: int, attention: str = "content") -> Engine:
    config = NetworkConfig(
        hidden=8, embedding=8, source_symbols=5, encoder_units=6 if attention != "none" else 0, attention=attention  # type: ignore[arg-type]
    )  # fmt: skip
    network = Network(Categorical(SIZE), config, seed=seed)
    for parameter in network.parameters():
        parameter.data.mul_(3)
    return Engine(NetworkWeights.from_network(network))


def with_source(source: list[int]) -> Prompt:
    return Prompt(Example(np.zeros(0, np.uint8), source=np.array(source, np.uint8)), whole_source=False)


def coverage_search(engine: Engine | Ensemble, beams: int, penalty: float) -> BeamSearch:
    return BeamSearch(
        engine, with_source([2, 0, 1, 3]), NO_CONDITIONS, beams=beams, length_penalty=0.6, coverage_penalty=penalty,
        controls=Controls(), limits=Limits(steps=8), units=units,
    )  # fmt: skip


@pytest.mark.parametrize("members", [1, 2])
def test_coverage_penalty_ranks_by_the_attention_on_the_source(members: int) -> None:
    engines = [attending(seed) for seed in range(members)]
    averaged: Engine | Ensemble = engines[0] if members == 1 else Ensemble(engines)
    order = {}
    for penalty in (0.0, 2.0):
        samples = coverage_search(averaged, 8, penalty).best(8)
        scores = []
        for sample in samples:
            example = Example(sample.steps, source=np.array([2, 0, 1, 3], np.uint8))
            read = len(sample.steps) + sample.ended  # the last step of a piece that reached a limit is not read
            weights = np.mean([
                one.attention(prompt_batch(one.network, Prompt(example), NO_CONDITIONS))[:read, :-1] for one in engines
            ], 0)  # fmt: skip
            logs = np.log(np.minimum(weights.sum(0), 1))
            scores.append(sample.log_probability / ((5 + read) / 6) ** 0.6 + penalty * logs.sum())
        assert scores == sorted(scores, reverse=True)
        order[penalty] = [sample.steps.tolist() for sample in samples]
    assert order[0.0] != order[2.0]


@pytest.mark.parametrize("attention", ["monotonic", "none"])
def test_coverage_penalty_needs_attention_by_content(attention: str) -> None:
    with pytest.raises(RequestError) as caught:
        coverage_search(attending(0, attention), 4, 0.2)
    assert caught.value.field == "coverage_penalty"
