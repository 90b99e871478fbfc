"""The automaton of tunes with gaps: what stands around them is forced, and bars that add up are written into them."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_abc import tokens
from seqforge_abc.asking import Asked
from seqforge_abc.automaton import CACHED, NOTE, Automaton, untied
from seqforge_abc.measures import AFTER_FINAL, AFTER_NOTE, State, closing, line_token
from seqforge_abc.theory import NO_METER


class Stretch(NamedTuple):
    """What is written freely, up to the bar line that is forced after it.

    Attributes:
        stop: how full its bar is then, in 128ths of a whole note.
        last: whether its gap ends with it: nothing is tied to what follows.
    """

    stop: int
    last: bool


class _At(NamedTuple):
    """Where a tune stands in its programme, and in its bars."""

    place: int
    tune: State


class _MisfitError(Exception):
    """A programme that no tune can follow: as a sentence, and whether it is worth trying another end of the gap."""


class Filling(Constraint):
    """Whole tunes that begin with a prompt with gaps, which are filled.

    Where the prompt is over, the tune goes on as after any other prompt.

    Args:
        vocabulary: the codec's tokens.
        asked: what is asked for, with gaps.

    Attributes:
        beginning: the steps before the first gap.

    Raises:
        RequestError: no tune can go so.
    """

    def __init__(self, vocabulary: Sequence[str], asked: Asked) -> None:
        if asked.meter == NO_METER:
            raise RequestError(
                "a * in the prompt is a bar to fill, and without a meter there are no bars; give --meter"
            )
        self.inner = _automaton(vocabulary, asked, asked.bars)
        try:
            self.programme = programme(self.inner, asked)
        except _MisfitError as misfit:
            if not asked.bars or not _fits(vocabulary, asked):
                raise RequestError(str(misfit)) from None
            raise RequestError(f"a tune of --bars {asked.bars} cannot go as the prompt does: {misfit}") from None
        gap = next(place for place, entry in enumerate(self.programme) if isinstance(entry, Stretch))
        self.beginning = [entry for entry in self.programme[:gap] if isinstance(entry, int)]
        names = [*tokens.LINES, *(token for token in vocabulary if token[:2] == "K:" or token in ("[1", "[2"))]
        self._outside = np.array([self.inner.index[name] for name in names])
        self._tie = self.inner.index["-"]
        self._distance: dict[_At, int] = {}

    def start(self) -> Hashable:
        return _At(0, cast(State, self.inner.start()))

    def may_end(self, state: Hashable) -> bool:
        place, s = cast(_At, state)
        return place == len(self.programme) and self.inner.may_end(s)

    def allowed(self, state: Hashable) -> np.ndarray:
        place, s = cast(_At, state)
        if place == len(self.programme):
            return self.inner.allowed(s)
        if (forced := self._forced(place, s)) is None:
            mask = self.inner.allowed(s)
            mask[self._outside] = False
            return mask
        mask = np.zeros(len(self.inner.vocabulary), np.bool_)
        mask[forced] = True
        entry = self.programme[place]
        if isinstance(entry, Stretch) and not entry.last:
            mask[self._tie] = self.inner.allowed(s)[self._tie]
        return mask

    def _forced(self, place: int, s: State) -> int | None:
        """Return the step of the programme that is due: a fixed one, or the bar line after a full stretch."""
        entry = self.programme[place]
        if not isinstance(entry, Stretch):
            return entry
        full = s.fill == entry.stop and not s.left and s.rank in (0, NOTE)
        return cast(int, self.programme[place + 1]) if full else None

    def advance(self, state: Hashable, step: Any) -> Hashable:
        place, s = cast(_At, state)
        after = cast(State, self.inner.advance(s, step))
        if place == len(self.programme) or step != self._forced(place, s):
            return _At(place, after)
        place += 2 if isinstance(self.programme[place], Stretch) else 1
        return self._at(place, after)

    def _at(self, place: int, s: State) -> _At:
        entry = self.programme[place] if place < len(self.programme) else None
        return _At(place, s._replace(stop=entry.stop) if isinstance(entry, Stretch) else s)

    # -- the way to an end --------------------------------------------------------------------

    def to_end(self, state: Hashable) -> int:
        """Return the steps to an end on the way that `toward_end` takes: each of its steps lowers it by one."""
        path: list[_At] = []
        at = _plain(cast(_At, state))
        while at not in self._distance and at.place < len(self.programme):
            path.append(at)
            at = _plain(cast(_At, self.advance(at, self.toward_end(at))))
        distance = self._distance.get(at, -1)
        if distance < 0:
            distance = self.inner.to_end(at.tune)
        if len(self._distance) > CACHED:
            self._distance.clear()
        for at in reversed(path):
            distance += 1
            self._distance[at] = distance
        return distance

    def toward_end(self, at: _At) -> int:
        """Return an allowed step on a short way to an end."""
        if at.place == len(self.programme):
            return self.inner.toward_end(at.tune)
        forced = self._forced(at.place, at.tune)
        return self.inner.toward_end(at.tune) if forced is None else forced


def _plain(at: _At) -> _At:
    """Return a state as far from an end, without what does not matter on the way there."""
    return at._replace(tune=untied(at.tune))


def _automaton(vocabulary: Sequence[str], asked: Asked, bars: int) -> Automaton:
    return Automaton(vocabulary, rhythm=asked.rhythm, meter=asked.meter, key=asked.key, bars=bars)


def _fits(vocabulary: Sequence[str], asked: Asked) -> bool:
    """Return whether the prompt fits a tune of any number of bars."""
    try:
        programme(_automaton(vocabulary, asked, 0), asked)
    except _MisfitError:
        return False
    return True


# -- the programme ----------------------------------------------------------------------------


def programme(automaton: Automaton, asked: Asked) -> list[int | Stretch]:
    """Return what a tune with gaps must follow: steps that are forced, and stretches, a bar line after each.

    Raises:
        _MisfitError: no tune can.
    """
    (first, *parts), lengths = asked.parts(), [length for _, length in asked.gaps]
    plan = _Plan(automaton)
    plan.steps(first)
    for length, part in zip(lengths, parts, strict=True):
        plan.gap(length, part)
    return plan.entries


class _Plan:
    """A programme as it grows, with where the tune stands after it.

    Args:
        automaton: of whole tunes; a state right after a bar line does not depend on what stands in that bar.
    """

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self.entries: list[int | Stretch] = []
        self.state = cast(State, automaton.start())
        self.bar = 1

    def steps(self, part: Sequence[str]) -> None:
        """Go through tokens that are fixed."""
        for token in part:
            kind = tokens.LINES.get(token)
            name = token if kind is None else line_token(self.state, kind)  # its number counts the bars of gaps
            step = self.automaton.index[name]
            if not self.automaton.allowed(self.state)[step]:
                raise _MisfitError(
                    f"in the prompt's bar {self.bar}, {kind or token!r} does not fit; check the meter, and that bars"
                    " are full"
                )
            self._take(step, kind)

    def gap(self, bars: int, part: Sequence[str]) -> None:
        """Fill bars, so that the tokens after them fit."""
        s = self.state
        if s.fill or s.left or s.rank not in (0, NOTE) or s.tie >= 0 or not part or part[0] not in tokens.LINES:
            raise _MisfitError(
                f"in the prompt's bar {self.bar}, * must stand alone between bar lines, as in 'DED F2A|*|d2e f2g|'"
            )
        if s.last == AFTER_FINAL or s.ending == 2 or not s.bars:
            raise _MisfitError(f"in the prompt's bar {self.bar}, * stands where no bar can begin")
        if s.opening and s.due > 0:
            self._bar("|", s.due, last=False)
        for _ in range(bars - 1):
            self._bar("|", self.state.bar, last=False)
        self._last(part)

    def _last(self, part: Sequence[str]) -> None:
        """Fill the gap's last bar: whole, or else as much of it as lets the tokens after it fit."""
        kind, before = tokens.LINES[part[0]], self.state
        stops = [stop for stop in range(before.bar, 0, -1) if kind in closing(before, stop)]
        if kind == "|" or not stops:
            stops = [before.bar]
        told: _MisfitError | None = None
        number, bar = len(self.entries), self.bar
        for stop in stops:
            try:
                self._bar(kind, stop, last=True)
                return self.steps(part[1:])
            except _MisfitError as misfit:
                told = told or misfit
                self.state, self.bar = before, bar
                del self.entries[number:]
        assert told is not None
        raise told

    def _bar(self, kind: str, stop: int, *, last: bool) -> None:
        """Fill a bar, and close it."""
        self.entries.append(Stretch(stop, last))
        self.state = self.state._replace(fill=stop, last=AFTER_NOTE)
        step = self.automaton.index[line_token(self.state, kind)]
        if not self.automaton.allowed(self.state)[step]:
            raise _MisfitError(f"the prompt's bar {self.bar}, which is to be filled, cannot end with {kind!r}")
        self._take(step, kind)

    def _take(self, step: int, kind: str | None) -> None:
        s = self.state
        self.bar += kind is not None and s.fill > 0 and not (s.opening and s.fill < s.bar)
        self.entries.append(step)
        self.state = cast(State, self.automaton.advance(s, step))
