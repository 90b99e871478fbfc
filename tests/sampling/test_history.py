import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.sampling import Controls, distribution_for
from seqforge.sampling.distributions import Choice
from seqforge.sampling.filters import mirostat, softmax, top, typical
from seqforge.sampling.history import History

SIZE = 4
STEPS = st.lists(st.integers(0, SIZE - 1), max_size=25)
LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=SIZE + 1, max_size=SIZE + 1)


def history(steps: list[int], **controls: Any) -> History:
    return History(Controls(**controls), SIZE, steps)


def choose(logits: list[float], past: list[int], uniform: float = 0.5, **controls: Any) -> Choice:
    asked = Controls(**controls)
    histories = [History(asked, SIZE, past)] if asked.looks_back else None
    draw = distribution_for(Categorical(SIZE), asked)
    return draw.choose(torch.tensor([logits]), None, np.array([[uniform]]), histories)


@given(LOGITS, STEPS, st.integers(0, 8), st.floats(0.1, 4), st.floats(-2, 2), st.floats(-2, 2))
def test_penalties_are_those_of_their_formulas(
    logits: list[float], past: list[int], penalty_window: int, repetition: float, presence: float, frequency: float
) -> None:
    found = history(
        past,
        repetition_penalty=repetition,
        presence_penalty=presence,
        frequency_penalty=frequency,
        penalty_window=penalty_window,
    ).penalised(np.array(logits))
    counts = Counter(past[-penalty_window:] if penalty_window else past)
    for step, value in enumerate(logits):
        if step in counts:
            value = value / repetition if value > 0 else value * repetition
            value -= presence + frequency * counts[step]
        assert found[step] == pytest.approx(value)


@given(LOGITS, STEPS, st.integers(1, 4))
def test_no_run_of_n_steps_comes_twice(logits: list[float], past: list[int], n: int) -> None:
    found = history(past, no_repeat_ngram=n).penalised(np.array(logits))
    known = {tuple(past[at : at + n]) for at in range(len(past) - n + 1)}
    for step in range(SIZE):
        again = len(past) >= n - 1 and (*past[len(past) - n + 1 :], step) in known
        assert (found[step] == -math.inf) == again
    assert found[SIZE] == logits[SIZE]


@given(LOGITS, STEPS, st.floats(0.1, 3), st.floats(1, 3), st.integers(0, 4))
def test_dry_grows_with_the_run_that_would_be_repeated(
    logits: list[float], past: list[int], strength: float, base: float, length: int
) -> None:
    found = history(past, dry=strength, dry_base=base, dry_length=length).penalised(np.array(logits))
    for step in range(SIZE):
        longest = 0
        for at in range(1, len(past)):
            if past[at] == step:
                run = 0
                while run < at and past[at - 1 - run] == past[len(past) - 1 - run]:
                    run += 1
                longest = max(longest, run)
        penalty = strength * base ** (longest - length) if longest >= max(length, 1) else 0
        assert found[step] == pytest.approx(logits[step] - penalty)


@given(LOGITS, st.floats(0, 1))
def test_min_p_keeps_what_is_near_the_most_probable(logits: list[float], share: float) -> None:
    row = np.array([logits])
    found, probabilities = top(softmax(row), min_p=share)[0], softmax(row)[0]
    for step in range(SIZE + 1):
        if abs(probabilities[step] - share * probabilities.max()) > 1e-9:
            assert (found[step] > 0) == (probabilities[step] >= share * probabilities.max())


@given(LOGITS, st.floats(0.01, 0.999))
def test_typical_keeps_the_fewest_nearest_to_the_entropy(logits: list[float], mass: float) -> None:
    row = np.array([[value + 1e-3 * at for at, value in enumerate(logits)]])
    found, probabilities = typical(row, mass)[0], softmax(row)[0]
    kept = np.isfinite(found)
    assert probabilities[kept].sum() >= mass - 1e-9
    gap = np.abs(-np.log(probabilities) + (probabilities * np.log(probabilities)).sum())
    assert gap[kept].max() <= gap[~kept].min(initial=math.inf) + 1e-9
    farthest = np.flatnonzero(kept)[np.argmax(gap[kept])]
    assert kept.sum() == 1 or probabilities[kept].sum() - probabilities[farthest] < mass + 1e-9


@given(LOGITS, st.floats(0, 10))
def test_mirostat_keeps_what_surprises_no_more(logits: list[float], bits: float) -> None:
    row = np.array(logits)
    found, probabilities = mirostat(softmax(row[None])[0], bits), softmax(row[None])[0]
    for step in range(SIZE + 1):
        if step != row.argmax() and abs(-np.log2(probabilities[step]) - bits) > 1e-9:
            assert (found[step] > 0) == (-np.log2(probabilities[step]) <= bits)


def test_mirostat_holds_the_surprise_near_what_was_asked() -> None:
    random = np.random.default_rng(0)
    rows = torch.from_numpy(random.normal(0, 3, (1, 200)).astype(np.float32))
    draw = distribution_for(Categorical(199), Controls(mirostat=3.0))
    one = History(Controls(mirostat=3.0), 199, [])
    bits = []
    for _ in range(2000):
        choice = draw.choose(rows, None, random.random((1, 1)), [one])
        one.add(int(choice.steps[0]), float(choice.bits[0]))
        bits.append(float(choice.bits[0]))
    assert np.mean(bits[200:]) == pytest.approx(3.0, abs=0.1)


@given(LOGITS, STEPS, st.floats(0, 1, exclude_max=True), st.data())
def test_whatever_is_asked_for_something_comes_and_is_a_distribution(
    logits: list[float], past: list[int], uniform: float, data: st.DataObject
) -> None:
    asked = data.draw(
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
    choice = choose(logits, past, uniform, **asked)
    assert 0 <= choice.steps[0] <= SIZE and choice.scores[0] <= 1e-9
    assert choice.steps[0] not in asked.get("ban", ())


@given(LOGITS, STEPS)
def test_looking_back_counts_for_greedy_too(logits: list[float], past: list[int]) -> None:
    values = [value + 1e-3 * at for at, value in enumerate(logits)]
    best = int(np.argmax(history(past, presence_penalty=3.0).penalised(np.array(values, np.float32).astype(float))))
    assert choose(values, past, greedy=True, presence_penalty=3.0).steps.tolist() == [best]
    assert choose(values, past, temperature=0.0, presence_penalty=3.0).steps.tolist() == [best]


def test_forced_steps_come_first_and_must_be_allowed() -> None:
    logits = [0.0, 0.0, 9.0, 0.0, 0.0]
    assert choose(logits, [], force=(1, 3)).steps.tolist() == [1]
    draw = distribution_for(Categorical(SIZE), Controls(force=(1,)))
    mask = np.array([[True, False, True, True, True]])
    with pytest.raises(RequestError, match="a forced step, number 1, cannot come there"):
        draw.choose(torch.tensor([logits]), mask, np.array([[0.5]]), [history([], force=(1,))])
    with pytest.raises(RequestError, match="step 4 is banned or forced"):
        distribution_for(Categorical(SIZE), Controls(ban=(4,)))


@pytest.mark.parametrize(
    "values",
    [{"min_p": 1.5}, {"typical": 0.0}, {"mirostat": -1.0}, {"repetition_penalty": 0.0}, {"no_repeat_ngram": -1},
     {"dry": -1.0}, {"dry_base": 0.5}, {"penalty_window": -1}],
    ids=repr,
)  # fmt: skip
def test_a_control_out_of_range_names_its_flag(values: dict[str, Any]) -> None:
    name = next(iter(values))
    with pytest.raises(RequestError, match=f"--{name.replace('_', '-')} is"):
        Controls(**values)
