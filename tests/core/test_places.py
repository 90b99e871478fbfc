from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core.places import MARKER, MAX_AGREEMENT, NAMED, REPEAT, AlignedHistory, PlaceIndex, Places

STEPS = st.lists(st.integers(0, 5), max_size=60)
DISTANCES = st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(tuple)


class Lines(Places):
    """Step 0 ends a line, step 1 goes back one line, step 2 has no place, step 3 does not advance."""

    def start(self) -> tuple[int, int, int]:
        return 0, 0, 0

    def place(self, state: Any) -> tuple[int, int] | None:
        line, offset, previous = state
        return None if previous == 2 else (line, offset)

    def advance(self, state: Any, step: int) -> tuple[int, int, int]:
        line, offset, _ = state
        if step < 2:
            return (line + 1 if step == 0 else max(0, line - 1)), 0, step
        return line, offset + (step != 3), step


def expected_indices(steps: list[int], distances: tuple[int, ...]) -> list[list[int]]:
    """Return the indices by their definition: the latest earlier step at the place so many lines before."""
    places, state, walked = Lines(), Lines().start(), []
    for step in [*steps, None]:
        walked.append(places.place(state))
        state = state if step is None else places.advance(state, step)
    result = []
    for position, place in enumerate(walked):
        row = []
        for distance in distances:
            wanted = None if place is None else (place[0] - distance, place[1])
            earlier = [index for index in range(position) if wanted is not None and walked[index] == wanted]
            row.append(max(earlier, default=-1))
        result.append(row)
    return result


@given(STEPS, DISTANCES)
def test_indices_are_the_latest_steps_at_corresponding_places(steps: list[int], distances: tuple[int, ...]) -> None:
    history = AlignedHistory(Lines(), distances)
    assert history.indices(np.array(steps, np.uint8)).tolist() == expected_indices(steps, distances)


@given(STEPS, DISTANCES)
def test_references_are_the_corresponding_steps_and_the_lengths_of_agreement(
    steps: list[int], distances: tuple[int, ...]
) -> None:
    references = AlignedHistory(Lines(), distances).references(np.array(steps, np.uint8))
    indices, runs = expected_indices(steps, distances), [0] * len(distances)
    for position, row in enumerate(references.tolist()):
        levels = [min(run.bit_length(), MAX_AGREEMENT) for run in runs]
        assert row == [*(steps[index] + 1 if index >= 0 else 0 for index in indices[position]), *levels]
        if position < len(steps):
            equal = [index >= 0 and steps[index] == steps[position] for index in indices[position]]
            runs = [run + 1 if same else 0 for run, same in zip(runs, equal, strict=True)]


@given(STEPS, DISTANCES)
def test_growing_piece_has_the_references_of_the_whole_piece(steps: list[int], distances: tuple[int, ...]) -> None:
    history = AlignedHistory(Lines(), distances)
    index = history.index()
    rows = [index.references()]
    for step in steps:
        index.add(step)
        rows.append(index.references())
    assert rows == history.references(np.array(steps, np.uint8)).tolist()


class Passages(Lines):
    """Lines in which step 4 is not compared, and step 5 is equal to step 3."""

    classes = np.array([0, 1, 2, 3, -1, 3])


class Marked(Lines):
    """Lines in which the steps 0 and 4 are markers of one kind, and step 5 is one of another kind."""

    markers = np.array([0, -1, -1, -1, 0, 1])


@given(STEPS, st.sets(st.integers(1, 40), max_size=3))
def test_marker_is_the_latest_one_of_the_excerpt(steps: list[int], others: set[int]) -> None:
    history, array = AlignedHistory(Marked(), (1, MARKER, MARKER - 1)), np.array(steps, np.uint8)
    starts = [0, *sorted(start for start in others if start <= len(steps))]
    references = history.references(array, np.array(starts))
    for position in range(len(steps) + 1):
        first = max(start for start in starts if start <= position)
        markers = [step for step in steps[first:position] if step in (0, 4)]
        assert references[position, 1] == (markers[-1] + 1 if markers else 0)
        assert references[position, 2] == (6 if 5 in steps[first:position] else 0)
    index, copies = history.index(), []
    for step in steps:
        copies.append(index.copy())
        index.add(step)
    rows = [copy.references() for copy in [*copies, index]]
    assert rows == history.references(array).tolist()
    without = AlignedHistory(Lines(), (MARKER,)).references(array)
    assert not without.any() and history.indices(array)[:, 1].tolist() == [
        max((at for at in range(position) if steps[at] in (0, 4)), default=-1) for position in range(len(steps) + 1)
    ]


def expected_repeats(steps: list[int]) -> list[tuple[int, int]]:
    """Return step and length of each repeat by their definition, both 0 for none."""
    places, state, offsets = Passages(), Passages().start(), []
    for step in [*steps, 3]:
        place = places.place(state)
        offsets.append(None if place is None else place[1])
        state = places.advance(state, step)
    passages = [[c for c in Passages.classes[steps[:end]].tolist() if c >= 0] for end in range(len(steps) + 1)]
    result = []
    for position, passage in enumerate(passages):
        best = (0, 0)
        for earlier in range(position):
            if offsets[position] is None or offsets[earlier] != offsets[position]:
                continue
            for length in (1, 2, 4, 8, 16, 32, 64):
                is_equal = len(passages[earlier]) >= length and passages[earlier][-length:] == passage[-length:]
                if is_equal and length >= best[1]:
                    best = (steps[earlier] + 1, length)
        result.append(best)
    return result


@given(st.lists(STEPS, min_size=1, max_size=5), st.sampled_from([1, 3]))
def test_repeat_is_the_latest_step_after_the_longest_equal_passage(verses: list[list[int]], times: int) -> None:
    steps = [step for verse in verses for step in verse] * times
    references = AlignedHistory(Passages(), (1, REPEAT)).references(np.array(steps, np.uint8))[:, [1, 3]]
    levels = [(step, min(length.bit_length(), MAX_AGREEMENT)) for step, length in expected_repeats(steps)]
    assert list(map(tuple, references.tolist())) == levels


@given(st.lists(STEPS, min_size=1, max_size=4), st.data())
def test_growing_piece_and_its_copy_have_the_repeats_of_the_whole_piece(
    verses: list[list[int]], data: st.DataObject
) -> None:
    steps = [step for verse in verses for step in verse] * 2
    history = AlignedHistory(Passages(), (REPEAT, 2))
    index, rows = history.index(), []
    copied_at = data.draw(st.integers(0, len(steps)))
    for position, step in enumerate(steps):
        rows.append(index.references())
        if position == copied_at:
            other, index = index, index.copy()
            other.add(4)
        index.add(step)
    assert [*rows, index.references()] == history.references(np.array(steps, np.uint8)).tolist()


def test_verse_that_returns_at_any_distance_is_found_after_its_first_step() -> None:
    verse = [7, 8, 9, 10]
    steps = np.array([*verse, 0, 20, 0, 21, 22, 0, *verse, 0])
    references = AlignedHistory(Lines(), (REPEAT,)).references(steps)
    assert (references[11:14, 0] - 1).tolist() == verse[1:]
    assert references[11:15, 1].tolist() == [1, 2, 2, 3]  # of 1, 2, 3 and 4 equal steps


@given(STEPS, STEPS, STEPS)
def test_copies_grow_independently(prefix: list[int], first: list[int], second: list[int]) -> None:
    history = AlignedHistory(Lines())
    original = history.index(prefix)
    other = original.copy()
    for step in first:
        original.add(step)
    for step in second:
        other.add(step)
    assert original.references() == PlaceIndex(history, prefix + first).references()
    assert other.references() == PlaceIndex(history, prefix + second).references()


def test_a_run_of_sixteen_equal_steps_has_the_largest_agreement() -> None:
    steps = np.array([0] * 20)  # twenty empty lines, each equal to the one before
    agreements = AlignedHistory(Lines(), (1,)).references(steps)[:, 1].tolist()
    assert agreements == [0, 0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5]


def test_piece_without_places_has_no_references() -> None:
    class Nowhere(Lines):
        def place(self, state: Any) -> None:
            return None

    history = AlignedHistory(Nowhere())
    assert not history.references(np.array([3, 4, 3, 4])).any()
    assert not any(history.index([3, 4, 3]).references())


class NamingLines(Lines):
    """Lines that name their distance: steps 3, 4 and 5 name the distances 0, 1 and 2."""

    def start(self) -> tuple[int, ...]:  # type: ignore[override]
        return *super().start(), 0

    def place(self, state: Any) -> tuple[int, int] | None:
        return super().place(state[:3])

    def named_distance(self, state: Any) -> int:
        return int(state[3])

    def advance(self, state: Any, step: int) -> tuple[int, ...]:  # type: ignore[override]
        return *super().advance(state[:3], step), step - 3 if step >= 3 else state[3]


@given(STEPS)
def test_the_named_distance_is_that_of_the_last_step_that_names_one(steps: list[int]) -> None:
    history = AlignedHistory(NamingLines(), (2, NAMED))
    array, index = np.array(steps, np.uint8), history.index()
    rows, named = [index.references()], 0
    by_distance = {distance: expected_indices(steps, (distance,)) for distance in (1, 2)}
    indices = history.indices(array).tolist()
    for position, step in enumerate([*steps, None]):
        expected = by_distance[named][position][0] if named else -1
        assert indices[position] == [by_distance[2][position][0], expected]
        if step is not None:
            named = step - 3 if step >= 3 else named
            index.add(step)
            rows.append(index.references())
    assert history.references(array).tolist() == rows
