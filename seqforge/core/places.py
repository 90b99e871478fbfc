"""Places: the positions of steps in the structure of their piece, and the earlier steps at corresponding places.

A melody repeats its bars, and a poem repeats its lines. A codec names the place of each step: a period and an offset
within it, such as the bar and the position in the bar. A network that looks back reads the steps at the same offset
one, two, four and eight periods before as further inputs. The codec decides what a period is.

Source: E. Waite, "Generating Long-Term Structure in Songs and Stories", Magenta, 2016: the Lookback RNN, which reads
the events one and two bars before.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from copy import copy
from typing import Any

import numpy as np

from seqforge.core.repeats import RepeatIndex, latest_repeats

__all__ = ["LOWEST_DISTANCE", "MARKER", "MAX_AGREEMENT", "NAMED", "REPEAT", "AlignedHistory", "PlaceIndex", "Places"]

REPEAT = 0
"""The distance that stands for the repeat: the earlier step that follows the same passage (`core.repeats`)."""
NAMED = -1
"""The distance that stands for the one that the piece itself names, such as by a token that announces a repeat."""
MARKER = -2
"""The distance that stands for the latest marker: a symbol that says something of all steps up to the next one.

A second kind of markers has the distance -3, a third one -4, and so on.
"""
LOWEST_DISTANCE = -5
"""The lowest distance: there are at most four kinds of markers."""

MAX_AGREEMENT = 5
"""The largest agreement: 16 or more equal steps in a row."""
_LEVELS = np.array([min(run.bit_length(), MAX_AGREEMENT) for run in range(1 << (MAX_AGREEMENT - 1) | 1)])
_LEVEL_LIST, _LAST_LEVEL = _LEVELS.tolist(), len(_LEVELS) - 1


class Places(ABC):
    """An automaton over steps that names the place of the step that comes next: a period and an offset in it.

    The place is a pure function of the steps before, so that training, scoring and sampling agree. States are never
    changed; `advance` returns another state.

    >>> class Words(Places):  # the offset is the number of words since the start of the line
    ...     def start(self): return (0, 0)
    ...     def place(self, state): return state
    ...     def advance(self, state, step): return (state[0] + 1, 0) if step == 9 else (state[0], state[1] + 1)
    >>> AlignedHistory(Words(), distances=(1,)).indices(np.array([4, 5, 9, 4, 6, 9])).tolist()  # 9 ends a line
    [[-1], [-1], [-1], [0], [1], [2], [3]]

    Attributes:
        distances: The numbers of periods by which the network looks back, each at least 1; 0 stands for the repeat at
            any distance, -1 for the distance that `named_distance` returns, -2 for the latest marker of kind 0, -3 for
            that of kind 1, and so on.
        classes: The class of each symbol, by which passages are compared to find a repeat, -1 for symbols that are not
            compared; None if every symbol is a class of its own.
        markers: The kind of each symbol that is a marker, -1 for other symbols: integers, shape (symbols,). Bar lines
            that announce a chord can be one kind, and keys another. The network reads the latest marker of each kind at
            every step. None, the default, is for no markers.
        marker_weights: The weight that the loss of a step has in training behind each marker of kind 0, up to the next
            one: floats from 0, shape (symbols,). A larger weight is for rare markers whose steps differ from others,
            such as the last bar of a song. The weight depends on earlier steps alone, so it does not change which
            probabilities have the lowest expected loss. None, the default, is for a weight of 1.
        excerpts: Whether training reads a piece in excerpts of random lengths (`core.excerpts`), whose steps have no
            corresponding steps in earlier excerpts. It is for pieces that generation does not begin at their start,
            such as a long text: the network then learns to write with a short history as well as with a long one.
    """

    distances: tuple[int, ...] = (1, 2, 4, 8)
    classes: np.ndarray | None = None
    markers: np.ndarray | None = None
    marker_weights: np.ndarray | None = None
    excerpts: bool = False

    @abstractmethod
    def start(self) -> Hashable:
        """Return the state before the first step."""

    @abstractmethod
    def advance(self, state: Any, step: int) -> Hashable:
        """Return the state after a step; every step of the space is accepted."""

    @abstractmethod
    def place(self, state: Any) -> tuple[int, int] | None:
        """Return period and offset of the step that comes next, integers from 0; None if it has no place.

        If several steps have the same place, the latest of them counts.
        """

    def named_distance(self, state: Any) -> int:
        """Return the number of periods to look back that the steps before name; 0 for none, which is the default."""
        return 0

    def named_distances(self, steps: np.ndarray) -> np.ndarray:
        """Return the named distance before each step and after the last one, shape (steps + 1,).

        It equals `named_distance` after each prefix. A subclass may override it with a faster computation.
        """
        state, result = self.start(), np.zeros(len(steps) + 1, np.int64)
        for position, step in enumerate([*steps.tolist(), None]):
            result[position] = self.named_distance(state)
            if step is not None:
                state = self.advance(state, step)
        return result

    def places(self, steps: np.ndarray) -> np.ndarray:
        """Return the places before each step and after the last one, shape (steps + 1, 2); -1, -1 for no place.

        It equals `place` after each prefix. A subclass may override it with a faster computation, for training.
        """
        state, result = self.start(), np.full((len(steps) + 1, 2), -1, np.int64)
        for position, step in enumerate([*steps.tolist(), None]):
            place = self.place(state)
            if place is not None:
                result[position] = place
            if step is not None:
                state = self.advance(state, step)
        return result


class AlignedHistory:
    """Computes the references of each step: what a network that looks back reads of the earlier steps.

    The corresponding step for a distance is the latest earlier step at the same offset, that many periods before. For
    the distance 0 it is the repeat: the latest earlier step at the same offset that follows the longest equal passage,
    whose length in steps is compared as far as 64, by powers of two. For the distances from -2 down it is the latest
    marker of a kind. The references are two numbers per distance:

    - the corresponding step plus one, or 0 for none;
    - the agreement: the number of last steps in a row that were equal to their own corresponding steps, given as the
      number of its binary digits, at most `MAX_AGREEMENT`. It shows whether the piece is repeating the earlier period.
      For the distance 0 it is the length of the equal passage.

    Args:
        places: The automaton that names the places.
        distances: The numbers of periods to look back; None for those of `places`.

    Attributes:
        places: The automaton.
        distances: The numbers of periods to look back.
    """

    def __init__(self, places: Places, distances: tuple[int, ...] | None = None) -> None:
        self.places, self.distances = places, places.distances if distances is None else distances

    def indices(self, steps: np.ndarray) -> np.ndarray:
        """Return the index of the corresponding step before each step and after the last one; -1 for none.

        Args:
            steps: The steps of a whole piece.

        Returns:
            An array of shape (steps + 1, distances). Row r contains indices below r.
        """
        return self._compute(steps, None)[0]

    def _compute(self, steps: np.ndarray, starts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices, and the lengths of the passages of the repeat, 0 for none."""
        places, lengths, firsts = self.places_of(steps), np.zeros(len(steps) + 1, np.int64), None
        if starts is not None:  # the steps of an excerpt have offsets of their own
            excerpts = np.searchsorted(starts, np.arange(len(places)), side="right") - 1
            offsets = places[:, 1] + excerpts * (int(places[:, 1].max()) + 1)
            places = np.stack([places[:, 0], np.where(places[:, 1] < 0, -1, offsets)], 1)
            firsts = starts[excerpts]
        indices = self._indices(places, self.places.named_distances(steps) if NAMED in self.distances else lengths)
        if REPEAT in self.distances:
            repeated, lengths = latest_repeats(self._classes(steps), places[:, 1], firsts)
            indices[:, self.distances.index(REPEAT)] = repeated
        for column, distance in enumerate(self.distances):
            if distance <= MARKER:
                indices[:, column] = self._latest_markers(steps, MARKER - distance, firsts)
        return indices, lengths

    def _latest_markers(self, steps: np.ndarray, kind: int, firsts: np.ndarray | None) -> np.ndarray:
        """Return the index of the latest marker before each step and after the last one; -1 for none.

        Args:
            steps: The steps of a whole piece.
            kind: The kind of the markers.
            firsts: The position at which the excerpt of each step starts; None for the whole piece.
        """
        result = np.full(len(steps) + 1, -1, np.int64)
        if self.places.markers is not None:
            is_marker = self.places.markers[steps] == kind
            result[1:] = np.maximum.accumulate(np.where(is_marker, np.arange(len(steps)), -1))
        return result if firsts is None else np.where(result < firsts, -1, result)

    def places_of(self, steps: np.ndarray) -> np.ndarray:
        """Return the places of the steps of a whole piece."""
        return self.places.places(steps)

    def _classes(self, steps: np.ndarray) -> np.ndarray:
        return steps.astype(np.int64) if self.places.classes is None else self.places.classes[steps]

    def _indices(self, places: np.ndarray, named: np.ndarray) -> np.ndarray:
        """Return the indices for the distances from 1 and for the named one, and -1 for the other distances."""
        length = len(places)
        result = np.full((length, len(self.distances)), -1, np.int64)
        at = np.flatnonzero(places[:, 0] >= 0)
        if not len(at):
            return result
        # 1. Number the places, and sort their occurrences by place, then by position.
        periods = places[at, 0]
        offsets = np.unique(places[at, 1], return_inverse=True)[1].reshape(-1)
        width = int(offsets.max()) + 1
        keys = periods * width + offsets
        known, numbers = np.unique(keys, return_inverse=True)
        occurrences = np.sort(numbers.reshape(-1) * length + at)
        # 2. Look up the latest occurrence before each position.
        for column, distance in enumerate(self.distances):
            if distance == REPEAT or distance <= MARKER:
                continue
            back = named[at] if distance == NAMED else np.full(len(at), distance)
            number = np.searchsorted(known, keys - back * width).clip(max=len(known) - 1)
            latest = np.searchsorted(occurrences, number * length + at) - 1
            earlier = occurrences[latest.clip(min=0)]
            exists = (periods >= back) & (back > 0) & (known[number] == keys - back * width)
            exists &= (latest >= 0) & (earlier // length == number)
            result[at[exists], column] = earlier[exists] % length
        return result

    def references(self, steps: np.ndarray, starts: np.ndarray | None = None) -> np.ndarray:
        """Return the references before each step and after the last one.

        Args:
            steps: The steps of a whole piece.
            starts: The positions at which excerpts start, in ascending order from 0: a step has no corresponding step
                in an earlier excerpt. None for the whole piece.

        Returns:
            An array of shape (steps + 1, 2 x distances): the corresponding steps, then the agreements.
        """
        numbers = steps.astype(np.int64) + 1
        indices, lengths = self._compute(steps, starts)
        aligned = np.append(numbers, 0)[indices]  # the index -1 selects the appended 0
        # Agreement at position r: r minus the last position at or before r whose previous step differs.
        positions = np.arange(len(aligned))[:, None]
        differs = np.ones(aligned.shape, np.bool_)
        differs[1:] = aligned[:-1] != numbers[:, None]
        runs = positions - np.maximum.accumulate(np.where(differs, positions, 0))
        if REPEAT in self.distances:
            runs[:, self.distances.index(REPEAT)] = lengths
        return np.concatenate([aligned, _LEVELS[runs.clip(max=len(_LEVELS) - 1)]], 1)

    def weights(self, steps: np.ndarray) -> np.ndarray | None:
        """Return the weight in training of each step and of the end, shape (steps + 1,); None for equal weights.

        Args:
            steps: The steps of a whole piece.
        """
        if self.places.marker_weights is None:
            return None
        markers = self._latest_markers(steps, 0, None)
        weights: np.ndarray = np.append(self.places.marker_weights[steps], 1.0)[markers]  # -1 selects the appended 1
        return weights

    def index(self, steps: Iterable[int] = ()) -> "PlaceIndex":
        """Return the index of a piece that begins with these steps and grows step by step."""
        return PlaceIndex(self, steps)


class PlaceIndex:
    """The latest step at each place of one growing piece; every operation takes constant time.

    Args:
        history: The aligned history.
        steps: The first steps of the piece.
    """

    def __init__(self, history: AlignedHistory, steps: Iterable[int] = ()) -> None:
        self._places, self._distances = history.places, history.distances
        self._repeats = RepeatIndex() if REPEAT in history.distances else None
        self._named_column = history.distances.index(NAMED) if NAMED in history.distances else None
        columns = [(column, distance) for column, distance in enumerate(self._distances) if distance <= MARKER]
        self._markers = {column: 0 for column, _ in columns}
        """The latest marker of each column that reads one, plus one, 0 for none."""
        self._marker_columns = {MARKER - distance: column for column, distance in columns}
        """The column of each kind of markers."""
        self._numbers: list[int] = []
        """The steps, each plus one, if repeats are looked up."""
        self._state = self._places.start()
        self._latest: dict[int, dict[int, int]] = {}
        """The latest step at each place, plus one, by offset, then by period."""
        self._runs = [0] * len(self._distances)
        """The number of last steps that were equal to their corresponding steps, for each distance."""
        self._look_up()
        for step in steps:
            self.add(step)

    def _look_up(self) -> None:
        """Look up the corresponding steps of the current place."""
        place = self._place = self._places.place(self._state)
        latest = None if place is None else self._latest.get(place[1])
        if place is None or latest is None:
            self._aligned = [0] * len(self._distances)
        else:
            period, get = place[0], latest.get
            self._aligned = [get(period - distance, 0) for distance in self._distances]  # REPEAT is set below
            if self._named_column is not None:
                distance = self._places.named_distance(self._state)
                self._aligned[self._named_column] = get(period - distance, 0) if distance > 0 else 0
        if self._repeats is not None:
            index, length = self._repeats.find(-1 if self._place is None else self._place[1])
            column = self._distances.index(REPEAT)
            self._aligned[column] = self._numbers[index] if length else 0
            self._runs[column] = length
        for column, marker in self._markers.items():
            self._aligned[column] = marker

    def add(self, step: int) -> None:
        """Append a step."""
        number = step + 1
        if self._place is not None:
            period, offset = self._place
            latest = self._latest.get(offset)
            if latest is None:
                self._latest[offset] = {period: number}
            else:
                latest[period] = number
        if self._repeats is not None:
            classes = self._places.classes
            self._repeats.add(
                step if classes is None else int(classes[step]), -1 if self._place is None else self._place[1]
            )
            self._numbers.append(number)
        markers = self._places.markers
        if self._markers and markers is not None and (column := self._marker_columns.get(int(markers[step]), -1)) >= 0:
            self._markers = {**self._markers, column: number}
        self._runs = [run + 1 if number == other else 0 for run, other in zip(self._runs, self._aligned, strict=True)]
        self._state = self._places.advance(self._state, step)
        self._look_up()

    def references(self) -> list[int]:
        """Return the references before the step that comes next, as one row of `AlignedHistory.references`."""
        return [*self._aligned, *[_LEVEL_LIST[run] if run <= _LAST_LEVEL else MAX_AGREEMENT for run in self._runs]]

    def copy(self) -> "PlaceIndex":
        """Return an index that grows independently."""
        result = copy(self)
        result._latest = {offset: dict(latest) for offset, latest in self._latest.items()}
        if self._repeats is not None:
            result._repeats, result._numbers = self._repeats.copy(), list(self._numbers)
        return result
