"""The form of a tune: sections of equal length, which sections have repeat signs, and which come back.

A section that comes back is the same music. The steps of its first occurrence are part of the state, and the automaton
allows only these steps when it comes back. Such a form has no upbeats, so that the section fits both places.
"""

import itertools
import re
from dataclasses import dataclass
from functools import cached_property

from seqforge_abc.bar_automaton import AFTER_SECTION, AT_START, State

__all__ = ["Form", "parse_form"]

MAX_SECTIONS = 16


@dataclass(frozen=True)
class Form:
    """The sections of a tune.

    >>> form = parse_form("AABA", bars=8)
    >>> form.letters, form.repeated, form.returning
    ('ABA', (True, False, False), frozenset({'A'}))

    Attributes:
        text: The form in letters, such as AABB.
        letters: The letter of each section.
        repeated: Whether each section stands between repeat signs.
        bars: The number of bars of each section.
    """

    text: str
    letters: str
    repeated: tuple[bool, ...]
    bars: int

    @property
    def total_bars(self) -> int:
        """The number of bars of the tune, without repeats and upbeats."""
        return self.bars * len(self.letters)

    @cached_property
    def returning(self) -> frozenset[str]:
        """The letters of the sections that come back."""
        return frozenset(letter for letter in self.letters if self.letters.count(letter) > 1)

    def begin(self, s: State, section: int) -> State:
        """Return the state at the beginning of a section.

        Args:
            s: The state before it.
            section: The number of the section, from 0; the number of sections for the end of the tune.
        """
        if section == len(self.letters):
            return s._replace(section=section, section_bars_left=0, must_repeat=False, replay=-1)
        is_last, repeated = section + 1 == len(self.letters), self.repeated[section]
        next_repeated = not is_last and self.repeated[section + 1]
        if repeated:
            ends = (":|", "::") if next_repeated else (":|",)
        else:
            ends = ("|]",) if is_last else ("||", "|:") if next_repeated else ("||",)
        comes_back = self.letters[section] in self.letters[:section]
        return s._replace(
            section=section, section_bars_left=self.bars, section_ends=ends, must_repeat=repeated,
            upbeats=not self.returning, replay=0 if comes_back else -1, record=(),
        )  # fmt: skip

    def recorded(self, s: State) -> tuple[int, ...]:
        """Return the steps of the first occurrence of the current section."""
        return dict(s.recorded)[self.letters[s.section]]

    def replayed_step(self, s: State) -> int | None:
        """Return the step that a section that comes back demands; None at its last bar line, and in other sections."""
        if s.replay < 0 or must_open_repeat(s):
            return None
        steps = self.recorded(s)
        return steps[s.replay] if s.replay < len(steps) else None

    def after_step(self, before: State, after: State, step: int, *, is_bar_line: bool) -> State:
        """Return the state after a step, with the section that follows if the step ends one.

        Args:
            before: The state before the step.
            after: The state after the step, as it is without a form.
            step: The step.
            is_bar_line: Whether the step is a bar line.
        """
        letter = self.letters[before.section] if before.section < len(self.letters) else ""
        if is_bar_line and after.section_bars_left == 0:
            if letter in self.returning and before.replay < 0:
                after = after._replace(recorded=(*after.recorded, (letter, before.record)))
            return self.begin(after, before.section + 1)
        if is_bar_line and not before.fill:  # a repeat sign at the beginning of a section
            return after
        if before.replay >= 0:
            return after._replace(replay=before.replay + 1)
        return after._replace(record=(*before.record, step)) if letter in self.returning else after


def must_open_repeat(s: State) -> bool:
    """Return whether a repeat sign must come next because the form demands it."""
    at_start = s.fill == 0 and s.previous in (AFTER_SECTION, AT_START)
    return s.must_repeat and at_start and not s.repeat_open and s.tie < 0 and s.note_stage == 0 and not s.tuplet_left


def parse_form(text: str, *, bars: int) -> Form | None:
    """Return the form that letters name, or None if they name none.

    A letter is a section. A letter that stands twice in a row is a section with repeat signs. A letter that comes back
    later is the same section again.

    >>> parse_form("AABB", bars=8).repeated
    (True, True)

    Args:
        text: The letters, such as AABB or ABA.
        bars: The number of bars of each section.
    """
    letters = "".join(text.split()).upper()
    runs = [(letter, len(list(run))) for letter, run in itertools.groupby(letters)]
    if not re.fullmatch("[A-Z]+", letters) or len(runs) > MAX_SECTIONS or any(length > 2 for _, length in runs):
        return None
    return Form(letters, "".join(letter for letter, _ in runs), tuple(length == 2 for _, length in runs), bars)
