"""The automaton of tunes of a requested form."""

from collections.abc import Hashable, Sequence
from typing import Any, cast

import numpy as np

from seqforge_abc.bar_automaton import State, closing_bar_lines
from seqforge_abc.form import Form, must_open_repeat
from seqforge_abc.tune_automaton import TuneAutomaton

__all__ = ["FormAutomaton"]


class FormAutomaton(TuneAutomaton):
    """The constraint of `TuneAutomaton` for tunes of a form; they have no first and second endings.

    >>> from seqforge_abc import tokens
    >>> from seqforge_abc.form import parse_form
    >>> FormAutomaton(tokens.vocabulary([]), parse_form("AABB", bars=8)).bars
    16

    Args:
        vocabulary: The tokens of the codec.
        form: The form.
        **request: Arguments of `TuneAutomaton`, except the number of bars.
    """

    def __init__(self, vocabulary: Sequence[str], form: Form, **request: Any) -> None:
        super().__init__(vocabulary, bars=form.total_bars, **request)
        self.form = form
        self.kept.second_voice = None  # a section comes back step by step, in one voice
        self._open_repeat, self._first_ending = self.index["|:"], self.index["[1"]
        self._is_bar_line = np.zeros(len(vocabulary), np.bool_)
        self._is_bar_line[list(self.bar_lines)] = True
        if form.returning:
            self.header.key_changes = []  # a section that comes back is in the key in which it was

    def start(self) -> Hashable:
        return self.form.begin(cast(State, super().start()), 0)

    def allowed(self, state: Hashable) -> np.ndarray:
        s = cast(State, state)
        if self.header.is_open(s):
            return super().allowed(s)
        mask = np.zeros(len(self.vocabulary), np.bool_)
        if must_open_repeat(s):
            mask[self._open_repeat] = True
            return mask
        if (step := self.form.replayed_step(s)) is not None:
            mask[step] = True
            return mask
        mask = super().allowed(s)
        if s.replay >= 0:
            mask &= self._is_bar_line
        mask[self._first_ending] = False
        mask[self._open_repeat] &= s.fill > 0
        return mask

    def advance(self, state: Hashable, step: Any) -> Hashable:
        s = cast(State, state)
        return self.in_form(s, cast(State, super().advance(s, step)), int(step))

    @property
    def records_sections(self) -> bool:
        return bool(self.form.returning)

    def in_form(self, before: State, after: State, step: int) -> State:
        if self.header.is_open(before) or self.header.is_open(after):
            return after
        return self.form.after_step(before, after, step, is_bar_line=step in self.bar_lines)

    def step_toward_end(self, s: State) -> int:
        if not self.header.is_open(s):
            if must_open_repeat(s):
                return self._open_repeat
            if (step := self.form.replayed_step(s)) is not None:
                return step
        return super().step_toward_end(s)

    def _bar_line_toward_end(self, s: State) -> str | None:
        if s.section_bars_left == 1 and s.tie < 0 and not s.slurs:
            kinds = closing_bar_lines(s, s.fill)
            if (end := next((kind for kind in s.section_ends if kind in kinds), None)) is not None:
                return end
        return super()._bar_line_toward_end(s)
