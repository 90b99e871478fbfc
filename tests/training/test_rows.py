from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.training.rows import Row, assign_rows

LENGTHS = st.lists(st.integers(0, 60) | st.integers(0, 5), min_size=1, max_size=25)


def assigned(
    lengths: list[int], rows: int, *, seed: int | None = 0, burn_in: int = 1, divide: bool = True
) -> list[Row]:
    rng = None if seed is None else np.random.default_rng(seed)
    return assign_rows(np.array(lengths), rows, burn_in=burn_in, divide=divide, rng=rng)


def segments(rows: list[Row]) -> list[tuple[int, int, int, int]]:
    """Return piece, first position, position after the last one and burn-in of every segment."""
    return [
        tuple(map(int, values))  # type: ignore[misc]
        for row in rows
        for values in zip(row.pieces, row.first, row.end, row.burn_in, strict=True)
    ]


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(0, 99), st.integers(0, 7), st.booleans())
def test_every_position_of_every_piece_counts_exactly_once(
    lengths: list[int], rows: int, seed: int | None, burn_in: int, divide: bool
) -> None:
    result = segments(assigned(lengths, rows, seed=seed, burn_in=burn_in, divide=divide))
    counts = Counter((piece, position) for piece, first, end, skip in result for position in range(first + skip, end))
    assert counts == Counter((piece, position) for piece, n in enumerate(lengths) for position in range(n + 1))


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(0, 99), st.integers(1, 7))
def test_only_pieces_longer_than_a_share_are_divided_into_shares(
    lengths: list[int], rows: int, seed: int | None, burn_in: int
) -> None:
    share = max(2, -(-sum(n + 1 for n in lengths) // rows))
    result = segments(assigned(lengths, rows, seed=seed, burn_in=burn_in))
    for piece, n in enumerate(lengths):
        counted = sorted((first + skip, end) for number, first, end, skip in result if number == piece)
        if n + 1 <= share:
            assert counted == [(0, n + 1)]
        else:
            sizes = [end - first for first, end in counted]
            assert len(sizes) > 1
            assert all(size == share for size in sizes[1:-1])
            assert max(sizes) <= share


@given(LENGTHS, st.integers(1, 9), st.integers(0, 7))
def test_burn_in_lies_within_the_piece(lengths: list[int], rows: int, burn_in: int) -> None:
    for _, first, end, skip in segments(assigned(lengths, rows, burn_in=burn_in)):
        assert skip == min(burn_in, first + skip)
        assert 0 <= first < end


@given(LENGTHS, st.integers(1, 9))
def test_no_piece_is_divided_if_dividing_is_off(lengths: list[int], rows: int) -> None:
    result = segments(assigned(lengths, rows, divide=False))
    assert sorted(result) == [(piece, 0, n + 1, 0) for piece, n in enumerate(lengths)]


@given(LENGTHS, st.integers(1, 9), st.none() | st.integers(0, 99))
def test_rows_have_about_equal_length_and_correct_offsets(lengths: list[int], rows: int, seed: int | None) -> None:
    result = assigned(lengths, rows, seed=seed)
    assert len(result) == rows
    for row in result:
        assert row.offsets.tolist() == [0, *np.cumsum(row.end - row.first).tolist()]
    totals = [int(row.offsets[-1]) for row in result]
    longest = result[int(np.argmax(totals))]
    shortest_segment = int((longest.end - longest.first).min(initial=1 << 30))
    assert max(totals) - min(totals) <= shortest_segment  # its last segment went to the shortest row


def test_one_long_piece_does_not_lengthen_the_epoch() -> None:
    totals = [int(row.offsets[-1]) for row in assigned([899, *[99] * 31], 4)]
    assert totals == [1000] * 4


@given(LENGTHS, st.integers(1, 9))
def test_order_is_reproducible(lengths: list[int], rows: int) -> None:
    assert segments(assigned(lengths, rows, seed=3)) == segments(assigned(lengths, rows, seed=3))
    assert segments(assigned(lengths, rows, seed=None)) == segments(assigned(lengths, rows, seed=None))


def test_seeds_differ_in_order_and_in_edges() -> None:
    lengths = [3] * 20 + [200]
    one, two = (segments(assigned(lengths, 4, seed=seed)) for seed in (0, 1))
    assert one != two
    edges = [{first for piece, first, *_ in result if piece == 20} for result in (one, two)]
    assert edges[0] != edges[1]


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_no_pieces_give_empty_rows(rows: int) -> None:
    assert [row.offsets.tolist() for row in assigned([], rows)] == [[0]] * rows
