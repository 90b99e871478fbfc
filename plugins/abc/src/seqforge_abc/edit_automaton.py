"""The automaton of a tune some of whose bars are rewritten: everything else is fixed, and the bars add up."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint
from seqforge_abc import tokens
from seqforge_abc.bar_automaton import (
    AFTER_BAR,
    CHORD_1,
    CHORD_2,
    CHORD_OPEN,
    GRACE,
    GRACE_OPEN,
    NOTE,
    State,
    after_note,
)
from seqforge_abc.instruments import Instrument
from seqforge_abc.kept import Kept
from seqforge_abc.options import KEEPABLE
from seqforge_abc.tune import ENDINGS
from seqforge_abc.tune_automaton import TuneAutomaton

__all__ = ["FIXED", "EditAutomaton", "Stretch"]

FIXED = -1
"""The group of a stretch that is never rewritten."""


class Stretch(NamedTuple):
    """Consecutive steps of a tune: the music of a region, or what stands between two regions.

    Attributes:
        steps: The steps of the present tune.
        group: The number of the region's group, whose regions have the same music; FIXED if it is never rewritten.
        length: The length of the region in 128ths of a whole note; 0 between two regions.
        may_tie: Whether new music in the region may be tied to the next region.
        last_pitch: The step of the pitch with which new music in the region ends, -1 for any end.
        chord_symbols: Whether new music in the region may have chord symbols.
    """

    steps: tuple[int, ...]
    group: int = FIXED
    length: int = 0
    may_tie: bool = False
    last_pitch: int = -1
    chord_symbols: bool = False


class EditState(NamedTuple):
    """The state of a tune that is edited.

    Attributes:
        position: The index of the current stretch.
        offset: The number of steps of the current stretch so far, if its steps are known.
        bar: The state of the bar, if the music of the current stretch is new; None if its steps are known.
        music: The new steps of the current stretch so far.
        written: The new steps of each group that is complete: pairs of group and steps.
        rewritten: The groups that are rewritten; None as long as they are not drawn.
        tie: The step of the pitch that is tied to the next region, -1 for none.
    """

    position: int
    offset: int = 0
    bar: State | None = None
    music: tuple[int, ...] = ()
    written: tuple[tuple[int, tuple[int, ...]], ...] = ()
    rewritten: frozenset[int] | None = None
    tie: int = -1


class EditAutomaton(Constraint):
    """The constraint that allows a tune with new music in some of its regions.

    The regions of a group get the same new music, which differs from the present one. New music follows the rules of
    `TuneAutomaton` within a bar; what is fixed need not.

    Args:
        vocabulary: The tokens of the codec.
        stretches: The stretches of the tune.
        unit: The unit note length in 128ths of a whole note.
        hornpipe: Whether the tune is a hornpipe.
        rewritten: The groups that are rewritten; None to draw them.
        instruments: The instruments that play the new music.
        draw: Returns the groups that are rewritten for the new steps of the first region. A constraint has no random
            numbers of its own, so they come from music that is sampled: the music of the first region is always new
            while the tune is generated, and is replaced by the present music afterwards if its group was not drawn.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        stretches: Sequence[Stretch],
        *,
        unit: int,
        hornpipe: bool,
        rewritten: frozenset[int] | None,
        instruments: Sequence[Instrument] = (),
        draw: Callable[[tuple[int, ...]], frozenset[int]] | None = None,
    ) -> None:
        self.automaton = TuneAutomaton(vocabulary, instruments=instruments)
        self.stretches, self.rewritten, self.draw = stretches, rewritten, draw
        self.first_region = next(i for i, stretch in enumerate(stretches) if stretch.group != FIXED)
        self.bar_start = State(
            header=4, unit=unit, previous=AFTER_BAR, section_start=False, hornpipe=hornpipe, first_upbeat=0
        )
        changes = [name for name in vocabulary if name[:2] in ("K:", "M:")]
        endings = [f"[{number}" for number in ENDINGS]
        names = {*tokens.BAR_LINE_TOKENS, *changes, *endings, *Kept(KEEPABLE).vocabulary()}
        self._not_in_bar = np.array([step for step, name in enumerate(vocabulary) if name in names])
        self._tie, self._rest = self.automaton.index["-"], self.automaton.index["z"]
        self._chord = self.automaton.index["["]
        self._decisive = [self._decisive_index(stretch) for stretch in stretches]

    @property
    def prefix(self) -> list[int]:
        """The steps before the first new music."""
        steps: list[int] = []
        state = cast(EditState, self.start())
        while state.bar is None and state.position < len(self.stretches):
            steps.append(self._known_step(state))
            state = cast(EditState, self.advance(state, steps[-1]))
        return steps

    # -- the constraint -----------------------------------------------------------------------

    def start(self) -> Hashable:
        return self._enter(EditState(0, rewritten=self.rewritten))

    def may_end(self, state: Hashable) -> bool:
        s = cast(EditState, state)
        return s.position == len(self.stretches) or (s.position == len(self.stretches) - 1 and self._is_full(s))

    def allowed(self, state: Hashable) -> np.ndarray:
        s = cast(EditState, state)
        if s.bar is not None and not self._is_full(s):
            mask = self.automaton.allowed(s.bar)
            mask[self._not_in_bar] = False
            if not self.stretches[s.position].chord_symbols:
                mask[self.automaton.roots] = False
            self._demand_last_pitch(s, mask)
            forbidden = self._forbidden_step(s)
            if forbidden >= 0 and np.count_nonzero(mask & self.automaton.is_pitch) > 1:
                mask[forbidden] = False
            return mask
        mask = np.zeros(len(self.automaton.vocabulary), np.bool_)
        if s.bar is not None:
            mask[self._tie] = self.stretches[s.position].may_tie and self.automaton.allowed(s.bar)[self._tie]
            s = self._leave(s)
        if s.position < len(self.stretches):
            mask[self._known_step(s)] = True
        return mask

    def advance(self, state: Hashable, step: Any) -> Hashable:
        s, step = cast(EditState, state), int(step)
        if s.bar is not None and (step == self._tie or not self._is_full(s)):
            return s._replace(bar=cast(State, self.automaton.advance(s.bar, step)), music=(*s.music, step))
        s = self._leave(s)
        if s.offset + 1 < len(self._steps(s)):
            return s._replace(offset=s.offset + 1)
        return self._after_known(s)

    def to_end(self, state: Hashable) -> int:
        """Return the number of steps to the end if each new bar is completed on the path of `_path_to_full_bar`."""
        s, distance = cast(EditState, state), 0
        while s.position < len(self.stretches):
            if s.bar is not None:
                path = list(self._path_to_full_bar(s))
                distance += len(path)
                for step in path:
                    s = cast(EditState, self.advance(s, step))
                s = self._leave(s)
            else:
                distance += len(self._steps(s)) - s.offset
                s = self._after_known(s)
        return distance

    # -- steps --------------------------------------------------------------------------------

    def _enter(self, s: EditState) -> EditState:
        """Return the state at the beginning of the stretch at its position."""
        if s.position == len(self.stretches):
            return s
        stretch = self.stretches[s.position]
        drawn = s.rewritten is None and s.position == self.first_region
        is_known = stretch.group == FIXED or stretch.group in dict(s.written)
        if drawn or (not is_known and s.rewritten is not None and stretch.group in s.rewritten):
            bar = self.bar_start._replace(bar_length=stretch.length, target_fill=stretch.length, tie=s.tie)
            return s._replace(bar=bar, music=())
        return s

    def _after_known(self, s: EditState) -> EditState:
        """Return the state after a stretch whose steps are known."""
        steps, tie = self._steps(s), s.tie
        if self.stretches[s.position].length:
            is_tied = len(steps) > 1 and steps[-1] == self._tie and self.automaton.is_pitch[steps[-2]]
            tie = steps[-2] if is_tied else -1
        return self._enter(s._replace(position=s.position + 1, offset=0, tie=tie))

    def _leave(self, s: EditState) -> EditState:
        """Return the state after a full bar of new music; another state is returned unchanged."""
        if s.bar is None:
            return s
        rewritten, group, written = s.rewritten, self.stretches[s.position].group, s.written
        if rewritten is None:
            assert self.draw is not None
            rewritten = self.draw(s.music)
        if group in rewritten:
            written = (*written, (group, s.music))
        return self._enter(EditState(s.position + 1, written=written, rewritten=rewritten, tie=s.bar.tie))

    def _steps(self, s: EditState) -> tuple[int, ...]:
        """Return the steps of a stretch whose steps are known."""
        stretch = self.stretches[s.position]
        return dict(s.written).get(stretch.group, stretch.steps)

    def _known_step(self, s: EditState) -> int:
        return self._steps(s)[s.offset]

    def _is_full(self, s: EditState) -> bool:
        bar = s.bar
        return bar is not None and bar.fill == bar.target_fill and not bar.tuplet_left and bar.note_stage in (0, NOTE)

    def _demand_last_pitch(self, s: EditState, mask: np.ndarray) -> None:
        """Allow only the last pitch of the stretch, if it has one, where the next pitch fills the bar.

        Other pitches are not tied, since the note that follows a tie may fill the bar.
        """
        bar, last_pitch = s.bar, self.stretches[s.position].last_pitch
        if bar is None or last_pitch < 0 or bar.tie >= 0:
            return
        mask[self._tie] &= bar.last_mark == last_pitch
        if bar.note_stage in (GRACE_OPEN, GRACE, CHORD_OPEN, CHORD_1, CHORD_2):  # the next pitch ends no note
            return
        after = after_note(bar, self.automaton.tuplets.get(bar.tuplet))
        if after.fill == bar.target_fill and not after.tuplet_left and (mask & self.automaton.is_pitch).any():
            mask[self.automaton.is_pitch] = False
            mask[[self._rest, self._chord]] = False
            mask[last_pitch] = True

    def _decisive_index(self, stretch: Stretch) -> int:
        """Return the index of the last pitch or rest of a region for which another could stand, -1 for none."""
        depth, decisive = 0, -1
        for index, step in enumerate(stretch.steps):
            name = self.automaton.vocabulary[step]
            depth += (name in "[{") - (name in "]}")
            if depth == 0 and (self.automaton.is_pitch[step] or step == self._rest):
                is_last = all(other == self._tie for other in stretch.steps[index + 1 :])
                if not (is_last and stretch.last_pitch >= 0):
                    decisive = index
        return decisive

    def _forbidden_step(self, s: EditState) -> int:
        """Return the step with which the new music would be the present one, -1 if another step may follow."""
        index, present = self._decisive[s.position], self.stretches[s.position].steps
        may_differ = index >= 0 and s.bar is not None and s.bar.tie < 0
        return present[index] if may_differ and s.music == present[:index] else -1

    def _path_to_full_bar(self, s: EditState) -> Iterator[int]:
        """Yield allowed steps with which the current bar is full."""
        while not self._is_full(s):
            assert s.bar is not None
            step = self.automaton.step_toward_end(s.bar)
            allowed = self.allowed(s)
            if not allowed[step]:
                step = int(np.flatnonzero(allowed & self.automaton.is_pitch)[0])
            yield step
            s = s._replace(bar=cast(State, self.automaton.advance(s.bar, step)), music=(*s.music, step))
