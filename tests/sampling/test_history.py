import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.sampling import Controls, distribution_for
from seqforge.sampling.distributions import Choice
from seqforge.sampling.filters import filter_mirostat, filter_top, filter_typical, softmax
from seqforge.sampling.history import History

SIZE = 4
STEPS = st.lists(st.integers(0, SIZE - 1), max_size=25)
LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=SIZE + 1, max_size=SIZE + 1)


def history(steps: list[int], **controls: Any) -> History:
    return History(Controls(**controls), SIZE, steps)


def choose(logits: list[float], past: list[int], uniform: float = 0.5, **controls: Any) -> Choice:
    parsed = Controls(**controls)
    histories = [History(parsed, SIZE, past)] if parsed.uses_history else None
    distribution = distribution_for(Categorical(SIZE), parsed)
    return distribution.choose(np.array([logits], np.float32), None, np.array([[uniform]]), histories)


@given(LOGITS, STEPS, st.integers(0, 8), st.floats(0.1, 4), st.floats(-2, 2), st.floats(-2, 2))
def test_penalties_follow_their_formulas(
    logits: list[float], past: list[int], penalty_window: int, repetition: float, presence: float, frequency: float
) -> None:
    actual = history(
        past,
        repetition_penalty=repetition,
        presence_penalty=presence,
        frequency_penalty=frequency,
        penalty_window=penalty_window,
    ).penalise(np.array(logits))
    counts = Counter(past[-penalty_window:] if penalty_window else past)
    for step, value in enumerate(logits):
        if step in counts:
            value = value / repetition if value > 0 else value * repetition
            value -= presence + frequency * counts[step]
        assert actual[step] == pytest.approx(value)


@given(LOGITS, STEPS, st.integers(1, 4))
def test_no_repeat_ngram_forbids_the_second_occurrence(logits: list[float], past: list[int], n: int) -> None:
    actual = history(past, no_repeat_ngram=n).penalise(np.array(logits))
    ngrams = {tuple(past[start : start + n]) for start in range(len(past) - n + 1)}
    for step in range(SIZE):
        repeats = len(past) >= n - 1 and (*past[len(past) - n + 1 :], step) in ngrams
        assert (actual[step] == -math.inf) == repeats
    assert actual[SIZE] == logits[SIZE]


@given(LOGITS, STEPS, st.floats(0.1, 3), st.floats(1, 3), st.integers(0, 4))
def test_dry_penalty_grows_with_the_repeated_run(
    logits: list[float], past: list[int], strength: float, base: float, length: int
) -> None:
    actual = history(past, dry=strength, dry_base=base, dry_length=length).penalise(np.array(logits))
    for step in range(SIZE):
        longest = 0
        for position in range(1, len(past)):
            if past[position] == step:
                run = 0
                while run < position and past[position - 1 - run] == past[len(past) - 1 - run]:
                    run += 1
                longest = max(longest, run)
        penalty = strength * base ** (longest - length) if longest >= max(length, 1) else 0
        assert actual[step] == pytest.approx(logits[step] - penalty)


@given(LOGITS, st.floats(0, 1))
def test_min_p_keeps_steps_above_the_fraction(logits: list[float], fraction: float) -> None:
    row = np.array([logits])
    actual, probabilities = filter_top(softmax(row), min_p=fraction)[0], softmax(row)[0]
    for step in range(SIZE + 1):
        if abs(probabilities[step] - fraction * probabilities.max()) > 1e-9:
            assert (actual[step] > 0) == (probabilities[step] >= fraction * probabilities.max())


@given(LOGITS, st.floats(0.01, 0.999))
def test_typical_keeps_the_fewest_steps_closest_to_the_entropy(logits: list[float], mass: float) -> None:
    row = np.array([[value + 1e-3 * index for index, value in enumerate(logits)]])
    actual, probabilities = filter_typical(row, mass)[0], softmax(row)[0]
    keep = np.isfinite(actual)
    assert probabilities[keep].sum() >= mass - 1e-9
    gap = np.abs(-np.log(probabilities) + (probabilities * np.log(probabilities)).sum())
    assert gap[keep].max() <= gap[~keep].min(initial=math.inf) + 1e-9
    farthest = np.flatnonzero(keep)[np.argmax(gap[keep])]
    assert keep.sum() == 1 or probabilities[keep].sum() - probabilities[farthest] < mass + 1e-9


@given(LOGITS, st.floats(0, 10))
def test_mirostat_keeps_steps_up_to_the_surprisal(logits: list[float], bits: float) -> None:
    row = np.array(logits)
    actual, probabilities = filter_mirostat(softmax(row[None])[0], bits), softmax(row[None])[0]
    for step in range(SIZE + 1):
        if step != probabilities.argmax() and abs(-np.log2(probabilities[step]) - bits) > 1e-9:
            assert (actual[step] > 0) == (-np.log2(probabilities[step]) <= bits)


def test_mirostat_reaches_its_target_surprisal() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(0, 3, (1, 200)).astype(np.float32)
    distribution = distribution_for(Categorical(199), Controls(mirostat=3.0))
    steps = History(Controls(mirostat=3.0), 199, [])
    bits = []
    for _ in range(2000):
        choice = distribution.choose(rows, None, random.random((1, 1)), [steps])
        steps.add(int(choice.steps[0]), float(choice.bits[0]))
        bits.append(float(choice.bits[0]))
    assert np.mean(bits[200:]) == pytest.approx(3.0, abs=0.1)


@given(LOGITS, STEPS, st.floats(0, 1, exclude_max=True), st.data())
def test_any_combination_of_controls_chooses_a_step(
    logits: list[float], past: list[int], uniform: float, data: st.DataObject
) -> None:
    controls = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "temperature": st.floats(0.1, 3),
                "top_k": st.integers(0, 6),
                "top_p": st.floats(0.05, 1),
                "typical": st.floats(0.05, 1),
                "min_p": st.floats(0, 1),
                "mirostat": st.floats(0, 5),
                "repetition_penalty": st.floats(0.5, 2),
                "no_repeat_ngram": st.integers(0, 3),
                "dry": st.floats(0, 2),
                "ban": st.sets(st.integers(0, SIZE - 1)).map(tuple),
                "greedy": st.booleans(),
            },
        )
    )
    choice = choose(logits, past, uniform, **controls)
    assert 0 <= choice.steps[0] <= SIZE and choice.scores[0] <= 1e-9
    assert choice.steps[0] not in controls.get("ban", ())


@given(LOGITS, STEPS)
def test_penalties_apply_to_greedy_choices(logits: list[float], past: list[int]) -> None:
    values = [value + 1e-3 * index for index, value in enumerate(logits)]
    best = int(np.argmax(history(past, presence_penalty=3.0).penalise(np.array(values, np.float32).astype(float))))
    assert choose(values, past, greedy=True, presence_penalty=3.0).steps.tolist() == [best]
    assert choose(values, past, temperature=0.0, presence_penalty=3.0).steps.tolist() == [best]


def test_forced_steps_are_chosen_first_and_must_be_allowed() -> None:
    logits = [0.0, 0.0, 9.0, 0.0, 0.0]
    assert choose(logits, [], force=(1, 3)).steps.tolist() == [1]
    distribution = distribution_for(Categorical(SIZE), Controls(force=(1,)))
    mask = np.array([[True, False, True, True, True]])
    with pytest.raises(RequestError, match="step 1 of `force`") as raised:
        distribution.choose(np.array([logits], np.float32), mask, np.array([[0.5]]), [history([], force=(1,))])
    assert (raised.value.field, raised.value.value) == ("force", 1)
    for name in ("ban", "force"):
        with pytest.raises(RequestError) as raised:
            distribution_for(Categorical(SIZE), Controls(**{name: (4,)}))
        assert (raised.value.field, raised.value.value, raised.value.allowed) == (name, 4, "from 0 to 3")


@pytest.mark.parametrize(
    "values",
    [{"min_p": 1.5}, {"typical": 0.0}, {"mirostat": -1.0}, {"repetition_penalty": 0.0}, {"no_repeat_ngram": -1},
     {"dry": -1.0}, {"dry_base": 0.5}, {"penalty_window": -1}],
    ids=repr,
)  # fmt: skip
def test_control_out_of_range_raises_with_its_field(values: dict[str, Any]) -> None:
    name, value = next(iter(values.items()))
    with pytest.raises(RequestError) as raised:
        Controls(**values)
    assert (raised.value.field, raised.value.value) == (name, value)
    assert raised.value.allowed
