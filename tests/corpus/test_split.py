import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqforge.corpus.split import Groups, parse_shares, split_by_content
from seqforge.errors import OptionsError

LAW = settings(max_examples=150, deadline=None)
keys = st.lists(st.lists(st.integers(0, 25), min_size=1, max_size=4), max_size=30)
representatives = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=60).map(
    lambda numbers: np.array(numbers, np.uint64)
)


def naive(pieces: list[list[int]]) -> list[int]:
    """Return the smallest key of each piece's group, by joining until nothing changes."""
    groups = [set(piece) for piece in pieces]
    changed = True
    while changed:
        changed = False
        for one in groups:
            for other in groups:
                if one & other and one != other:
                    one |= other
                    changed = True
    return [min(group) for group in groups]


@LAW
@given(keys)
def test_representatives_equal_naive_union(pieces: list[list[int]]) -> None:
    groups = Groups()
    for piece in pieces:
        groups.add(piece)
    assert groups.representatives().tolist() == naive(pieces)


@LAW
@given(st.lists(keys, max_size=4))
def test_groups_do_not_depend_on_chunks(chunks: list[list[list[int]]]) -> None:
    all_groups, joined = Groups(), Groups()
    for chunk in chunks:
        part = Groups()
        for piece in chunk:
            all_groups.add(piece)
            part.add(piece)
        joined.extend(*part.arrays(), part.pieces)
    assert joined.pieces == all_groups.pieces
    assert joined.representatives().tolist() == all_groups.representatives().tolist()


def test_chain_of_shared_keys_is_one_group() -> None:
    groups = Groups()
    for number in range(300):
        groups.add([300 - number, 301 - number])
    assert set(groups.representatives().tolist()) == {1}


def test_keys_are_reduced_modulo_64_bits() -> None:
    groups = Groups()
    groups.add([-1])
    groups.add([2**64 - 1])
    assert len(set(groups.representatives().tolist())) == 1


@LAW
@given(representatives)
def test_group_stays_in_one_split(fingerprints: np.ndarray) -> None:
    doubled = np.concatenate([fingerprints, fingerprints, fingerprints[::2]])
    splits = split_by_content(doubled).splits
    for key in set(doubled.tolist()):
        assert len(set(splits[doubled == np.uint64(key)].tolist())) == 1


@LAW
@given(representatives)
@example(np.array([0, 5442], np.uint64))  # they fall into train and test
def test_no_split_is_empty_with_enough_groups(fingerprints: np.ndarray) -> None:
    split = split_by_content(fingerprints)
    counts = np.bincount(split.splits, minlength=3)
    groups = len(set(fingerprints.tolist()))
    assert counts.sum() == len(fingerprints) and counts[0] > 0
    if groups >= 2:
        assert counts[1] > 0
    if groups >= 3:
        assert counts[2] > 0


@LAW
@given(representatives)
@example(np.array([0, 5442], np.uint64))  # they fall into train and test
def test_empty_split_is_in_remark(fingerprints: np.ndarray) -> None:
    split = split_by_content(fingerprints)
    if not (split.splits == 1).any() or not (split.splits == 2).any():
        assert split.remark


@LAW
@given(st.integers(0, 2**32), st.integers(1, 300))
def test_growing_corpus_keeps_its_split(seed: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    fingerprints = rng.integers(0, 2**64, 400, np.uint64)
    grown = np.concatenate([fingerprints, rng.integers(0, 2**64, more, np.uint64)])
    first, second = split_by_content(fingerprints), split_by_content(grown)
    if not first.remark:
        assert second.splits[: len(fingerprints)].tolist() == first.splits.tolist()


@LAW
@given(st.integers(0, 2**32))
def test_split_does_not_depend_on_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fingerprints = rng.integers(0, 2**64, 100, np.uint64)
    order = rng.permutation(100)
    assert (
        split_by_content(fingerprints[order]).splits.tolist() == split_by_content(fingerprints).splits[order].tolist()
    )


def test_shares_are_about_90_5_5() -> None:
    fingerprints = np.random.default_rng(1).integers(0, 2**64, 50_000, np.uint64)
    counts = np.bincount(split_by_content(fingerprints).splits, minlength=3) / 50_000
    assert abs(counts - [0.9, 0.05, 0.05]).max() < 0.005
    assert split_by_content(fingerprints).remark == ""


def test_small_keys_are_spread() -> None:
    splits = split_by_content(np.arange(10_000, dtype=np.uint64)).splits
    assert abs(np.bincount(splits, minlength=3) / 10_000 - [0.9, 0.05, 0.05]).max() < 0.01


def test_one_group_goes_to_train_with_remark() -> None:
    split = split_by_content(np.full(7, 5, np.uint64))
    assert split.splits.tolist() == [0] * 7 and "near duplicates of each other" in split.remark


def test_two_groups_fill_train_and_valid_with_remark() -> None:
    split = split_by_content(np.array([1, 1, 1, 2], np.uint64))
    assert sorted(np.bincount(split.splits, minlength=3).tolist()) == [0, 1, 3]
    assert (split.splits == 1).any() and "2 distinct pieces" in split.remark and "test" in split.remark


@pytest.mark.parametrize(
    ("pieces", "shares", "counts"),
    [
        (10, (0.9, 0.05, 0.05), [8, 1, 1]),
        (10, (0.8, 0.1, 0.1), [8, 1, 1]),
        (10, (0.5, 0.3, 0.2), [5, 3, 2]),
        (20, (0.9, 0.05, 0.05), [18, 1, 1]),
        (10, (0.8, 0.2, 0.0), [8, 2, 0]),
        (3, (0.9, 0.05, 0.05), [1, 1, 1]),
        (10, (1.0, 0.0, 0.0), [10, 0, 0]),
    ],
)
def test_few_pieces_are_split_by_number(pieces: int, shares: tuple[float, ...], counts: list[int]) -> None:
    for seed in range(20):
        fingerprints = np.random.default_rng(seed).integers(0, 2**64, pieces, np.uint64)
        split = split_by_content(fingerprints, shares)
        assert np.bincount(split.splits, minlength=3).tolist() == counts
        assert f"only {pieces} distinct pieces: {counts[0]} train, {counts[1]} valid, {counts[2]} test" == split.remark


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.7, 0.3, 0.0), (0.6, 0.0, 0.4)])
def test_shares_of_a_large_corpus(shares: tuple[float, ...]) -> None:
    fingerprints = np.random.default_rng(1).integers(0, 2**64, 50_000, np.uint64)
    counts = np.bincount(split_by_content(fingerprints, shares).splits, minlength=3) / 50_000
    assert abs(counts - shares).max() < 0.01 and all(counts[np.equal(shares, 0)] == 0)


@pytest.mark.parametrize(
    "text", ["", "x", "1", "0.5,0.6", "0,0.5,0.5", "0.8,0.3,-0.1", "nan,0.5,0.5", "0.2,0.2,0.2,0.4"]
)
def test_wrong_shares(text: str) -> None:
    with pytest.raises(OptionsError) as caught:
        parse_shares(text)
    assert caught.value.field == "split"


def test_two_shares_leave_no_test_split() -> None:
    assert parse_shares("0.9,0.1") == (0.9, 0.1, 0.0)


def test_no_pieces_have_no_remark() -> None:
    split = split_by_content(np.zeros(0, np.uint64))
    assert split.splits.tolist() == [] and split.remark == ""
