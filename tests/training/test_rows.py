from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.training.rows import Lane, deal

LENGTHS = st.lists(st.integers(0, 60) | st.integers(0, 5), min_size=1, max_size=25)


def dealt(lengths: list[int], lanes: int, *, seed: int | None = 0, lead: int = 1, cut: bool = True) -> list[Lane]:
    rng = None if seed is None else np.random.default_rng(seed)
    return deal(np.array(lengths), lanes, lead=lead, cut=cut, rng=rng)


def stretches(lanes: list[Lane]) -> list[tuple[int, int, int, int]]:
    """Return piece, first row, row after the last and lead of every stretch."""
    return [
        tuple(map(int, four))  # type: ignore[misc]
        for lane in lanes
        for four in zip(lane.piece, lane.first, lane.end, lane.lead, strict=True)
    ]


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(0, 99), st.integers(0, 7), st.booleans())
def test_every_row_of_every_piece_counts_exactly_once(
    lengths: list[int], lanes: int, seed: int | None, lead: int, cut: bool
) -> None:
    found = stretches(dealt(lengths, lanes, seed=seed, lead=lead, cut=cut))
    counted = Counter((piece, row) for piece, first, end, ahead in found for row in range(first + ahead, end))
    assert counted == Counter((piece, row) for piece, n in enumerate(lengths) for row in range(n + 1))


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(0, 99), st.integers(1, 7))
def test_only_what_is_longer_than_a_share_is_cut_and_into_shares(
    lengths: list[int], lanes: int, seed: int | None, lead: int
) -> None:
    share = max(2, -(-sum(n + 1 for n in lengths) // lanes))
    for piece, n in enumerate(lengths):
        mine = sorted(
            (first + ahead, end)
            for p, first, end, ahead in stretches(dealt(lengths, lanes, seed=seed, lead=lead))
            if p == piece
        )
        if n + 1 <= share:
            assert mine == [(0, n + 1)]
        else:
            sizes = [end - first for first, end in mine]
            assert len(sizes) > 1
            assert all(size == share for size in sizes[1:-1])
            assert max(sizes) <= share


@given(LENGTHS, st.integers(1, 9), st.integers(0, 7))
def test_a_stretch_inside_a_piece_leads_in_with_rows_that_are_there(lengths: list[int], lanes: int, lead: int) -> None:
    for _, first, end, ahead in stretches(dealt(lengths, lanes, lead=lead)):
        begins = first + ahead
        assert ahead == min(lead, begins)
        assert 0 <= first < end


@given(LENGTHS, st.integers(1, 9))
def test_nothing_is_cut_where_cutting_is_not_allowed(lengths: list[int], lanes: int) -> None:
    found = stretches(dealt(lengths, lanes, cut=False))
    assert sorted(found) == [(piece, 0, n + 1, 0) for piece, n in enumerate(lengths)]


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(0, 99))
def test_lanes_are_about_equally_long_and_know_where_each_stretch_begins(
    lengths: list[int], lanes: int, seed: int | None
) -> None:
    found = dealt(lengths, lanes, seed=seed)
    assert len(found) == lanes
    for lane in found:
        assert lane.at.tolist() == [0, *np.cumsum(lane.end - lane.first).tolist()]
    longest = max(end - first for _, first, end, _ in stretches(found))
    totals = [int(lane.at[-1]) for lane in found]
    assert max(totals) - min(totals) <= longest


@given(LENGTHS, st.integers(1, 9))
def test_the_order_is_the_seeds_or_that_of_the_lengths(lengths: list[int], lanes: int) -> None:
    assert stretches(dealt(lengths, lanes, seed=3)) == stretches(dealt(lengths, lanes, seed=3))
    assert stretches(dealt(lengths, lanes, seed=None)) == stretches(dealt(lengths, lanes, seed=None))


def test_another_seed_gives_another_order_and_other_cuts() -> None:
    lengths = [3] * 20 + [200]
    one, two = (stretches(dealt(lengths, 4, seed=seed)) for seed in (0, 1))
    assert one != two
    cuts = [{first for piece, first, *_ in found if piece == 20} for found in (one, two)]
    assert cuts[0] != cuts[1]


@pytest.mark.parametrize("lanes", [1, 3, 50])
def test_no_pieces_are_no_stretches(lanes: int) -> None:
    found = dealt([], lanes)
    assert [lane.at.tolist() for lane in found] == [[0]] * lanes
