import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.excerpts import SHORTEST, excerpt_starts
from seqforge.core.places import AlignedHistory, Places
from seqforge.core.repeat_places import RepeatPlaces
from seqforge.core.repeats import RepeatIndex, latest_repeats

STEPS = st.lists(st.integers(0, 2), max_size=300).map(lambda steps: np.array(steps, np.uint8))


@given(length=st.integers(1, 5000), seed=st.integers(0, 99))
def test_excerpts_start_at_zero_and_have_at_least_the_shortest_length(length: int, seed: int) -> None:
    starts = excerpt_starts(length, np.random.default_rng(seed))
    assert starts[0] == 0 and (np.diff(starts) >= SHORTEST).all() and starts[-1] < length


def test_excerpts_of_a_long_piece_have_all_lengths() -> None:
    lengths = np.diff(excerpt_starts(1_000_000, np.random.default_rng(1)))
    assert 0.1 < lengths[lengths < 4 * SHORTEST].sum() / 1_000_000 < 0.6
    assert lengths.max() > 100 * SHORTEST


@given(STEPS, st.lists(st.integers(1, 300), max_size=5))
def test_references_of_an_excerpt_are_those_of_the_excerpt_alone(steps: np.ndarray, cuts: list[int]) -> None:
    starts = np.array(sorted({0, *(cut for cut in cuts if cut <= len(steps))}))
    history = AlignedHistory(RepeatPlaces())
    references = history.references(steps, starts)
    for start, end in zip(starts, [*starts[1:], len(steps) + 1], strict=True):
        np.testing.assert_array_equal(references[start:end], history.references(steps[start : end - 1]))


@given(STEPS, st.lists(st.integers(1, 300), max_size=5))
def test_excerpts_of_lines_look_back_at_no_earlier_excerpt(steps: np.ndarray, cuts: list[int]) -> None:
    starts = np.array(sorted({0, *(cut for cut in cuts if cut <= len(steps))}))
    history = AlignedHistory(Lines(), (1, 2))
    whole, parts = history.references(steps)[:, :2], history.references(steps, starts)[:, :2]
    indices = history.indices(steps)
    firsts = starts[np.searchsorted(starts, np.arange(len(parts)), side="right") - 1]
    np.testing.assert_array_equal(parts, np.where(indices >= firsts[:, None], whole, 0))


@given(STEPS, st.integers(1, 3))
def test_growing_piece_finds_the_repeats_of_the_whole_piece(steps: np.ndarray, period: int) -> None:
    classes, offsets = steps.astype(np.int64) - 1, np.arange(len(steps) + 1) % period
    indices, lengths = latest_repeats(classes, offsets)
    index, pairs = RepeatIndex(), []
    for position, offset in enumerate(offsets.tolist()):
        pairs.append(index.find(offset))
        if position < len(steps):
            index.add(int(classes[position]), offset)
    assert pairs == list(zip(indices.tolist(), lengths.tolist(), strict=True))


class Lines(Places):
    """Step 0 ends a line."""

    def start(self) -> tuple[int, int]:
        return 0, 0

    def place(self, state: tuple[int, int]) -> tuple[int, int]:
        return state

    def advance(self, state: tuple[int, int], step: int) -> tuple[int, int]:
        return (state[0] + 1, 0) if step == 0 else (state[0], state[1] + 1)
