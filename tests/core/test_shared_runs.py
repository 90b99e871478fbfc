import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.run_index import RunIndex
from seqforge.core.shared_runs import MAX_RUN, mutual_runs, shared_runs

SEQUENCES = st.lists(st.lists(st.integers(0, 2), max_size=12), max_size=4)


def occurs(run: list[int], corpus: list[list[int]]) -> bool:
    return any(run == other[first : first + len(run)] for other in corpus for first in range(len(other) - len(run) + 1))


@given(SEQUENCES, SEQUENCES)
def test_runs_equal_a_naive_search(corpus: list[list[int]], sequences: list[list[int]]) -> None:
    for sequence, lengths in zip(sequences, shared_runs(corpus, sequences), strict=True):
        assert len(lengths) == len(sequence)
        for first, length in enumerate(lengths.tolist()):
            assert not length or occurs(sequence[first : first + length], corpus)
            assert first + length == len(sequence) or not occurs(sequence[first : first + length + 1], corpus)


@given(SEQUENCES)
def test_mutual_runs_are_those_shared_with_all_others(sequences: list[list[int]]) -> None:
    lengths = [values.tolist() for values in mutual_runs(sequences)]
    others = [sequences[:number] + sequences[number + 1 :] for number in range(len(sequences))]
    pairs = zip(others, sequences, strict=True)
    assert lengths == [shared_runs(rest, [sequence])[0].tolist() for rest, sequence in pairs]


def test_runs_are_limited() -> None:
    trace = np.arange(MAX_RUN * 2 + 5)
    (lengths,) = shared_runs([trace], [trace])
    assert MAX_RUN <= lengths.max() < 2 * MAX_RUN


@given(SEQUENCES, st.lists(st.integers(0, 2), max_size=4), st.integers(5, 9))
def test_index_knows_followers_and_suffixes(corpus: list[list[int]], run: list[int], longest: int) -> None:
    index = RunIndex(corpus, longest=longest)
    assert index.followers(tuple(run)) == {value for value in range(3) if occurs([*run, value], corpus)}
    suffix = index.longest_suffix(tuple(run))
    assert occurs(list(suffix), corpus) or not suffix
    assert len(suffix) == len(run) or not occurs(run[len(run) - len(suffix) - 1 :], corpus)
