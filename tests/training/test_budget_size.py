"""The rule by which size and dropout follow from a budget; the measured points are in docs/training.md."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.training.budget_size import HIDDEN_SIZES, BudgetSize, size_for_budget

XEON = 190e9
"""Operations per second at which a step of 512 units takes 0.22 s."""


def size(minutes: float, operations: float = XEON, positions: int = 1_000_000, hidden: int | None = None) -> BudgetSize:
    return size_for_budget(
        60.0 * minutes,
        operations_per_second=operations,
        corpus_positions=positions,
        layers=2,
        embedding=128,
        hidden=hidden,
    )


@pytest.mark.parametrize(
    ("minutes", "hidden", "dropout", "recurrent"), [(3, 384, 0.05, 0.0), (9, 384, 0.15, 0.1), (180, 896, 0.43, 0.38)]
)
def test_measured_points_are_met(minutes: float, hidden: int, dropout: float, recurrent: float) -> None:
    chosen = size(minutes)
    assert chosen.hidden == hidden
    assert chosen.dropout == pytest.approx(dropout, abs=0.03)
    assert chosen.recurrent_dropout == pytest.approx(recurrent, abs=0.03)


@given(st.floats(0.01, 1e4), st.floats(1e8, 1e14), st.integers(1, 10**10), st.floats(1.0, 100.0))
def test_more_time_and_speed_never_choose_a_smaller_network(
    minutes: float, operations: float, positions: int, factor: float
) -> None:
    chosen, longer, faster = (
        size(minutes * a, operations * b, positions) for a, b in ((1.0, 1.0), (factor, 1.0), (1.0, factor))
    )
    assert chosen.hidden in HIDDEN_SIZES
    assert longer.hidden == faster.hidden >= chosen.hidden
    assert 0 <= chosen.recurrent_dropout <= chosen.dropout <= 0.5


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_larger_corpus_never_needs_more_dropout(small: int, more: int) -> None:
    assert size(5, positions=small + more, hidden=256).dropout <= size(5, positions=small, hidden=256).dropout


def test_hidden_size_that_is_set_decides_the_epochs() -> None:
    assert size(3, hidden=64).hidden == 64 and size(3, hidden=64).epochs > size(3, hidden=1024).epochs
