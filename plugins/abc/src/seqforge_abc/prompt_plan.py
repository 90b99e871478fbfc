"""The plan of a prompt: its fixed steps and the bars to fill, in order; and why a prompt does not fit its meter."""

from collections.abc import Sequence
from typing import NamedTuple, cast

from seqforge_abc import tokens
from seqforge_abc.bar_automaton import (
    AFTER_FINAL,
    AFTER_NOTE,
    ANY_BARS,
    NOTE,
    State,
    allowed_lengths,
    bar_line_token,
    closing_bar_lines,
)
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.written_steps import advance_written

__all__ = ["FreeBar", "Plan", "UnfitPromptError", "make_plan"]

MAX_PATH = 20_000
"""The largest number of steps of the shortest path to the end of a tune."""


class FreeBar(NamedTuple):
    """A bar, or the rest of one, that the model writes; a fixed bar line follows it in the plan.

    Attributes:
        target_fill: The length of the bar at its bar line, in 128ths of a whole note.
        ends_gap: Whether it is the last bar of its gap; no tie leads out of a gap.
    """

    target_fill: int
    ends_gap: bool


class Plan(NamedTuple):
    """The plan of a prompt.

    Attributes:
        entries: The fixed steps and free bars.
        tie_allowed: Whether the note at its end may be tied to a generated note; a decorated note may not.
    """

    entries: list[int | FreeBar]
    tie_allowed: bool


class UnfitPromptError(Exception):
    """No tune can continue the prompt; the message is a sentence.

    Attributes:
        wrong_length: Whether the bars of the prompt do not have the length of the meter.
    """

    def __init__(self, message: str, *, wrong_length: bool = False) -> None:
        super().__init__(message)
        self.wrong_length = wrong_length


def make_plan(automaton: TuneAutomaton, parts: Sequence[Sequence[str]], gaps: Sequence[int]) -> Plan:
    """Return the plan of a prompt; a fixed bar line follows each free bar.

    Example:
        plan = make_plan(automaton, request.prompt_parts(), [gap.bars for gap in request.gaps])

    Args:
        automaton: The automaton of the tunes that continue the prompt.
        parts: The tokens before, between and after the gaps.
        gaps: The number of bars of each gap.

    Raises:
        UnfitPromptError: If no tune can continue the prompt.
    """
    first, *rest = parts
    planner = _Planner(automaton)
    planner.add_tokens(first)
    for bars, part in zip(gaps, rest, strict=True):
        planner.add_gap(bars, part)
    return planner.finish()


class _Planner:
    """Builds a plan.

    Args:
        automaton: The automaton of tunes. Its state after a bar line does not depend on the music in the bar.

    Attributes:
        entries: The plan so far.
        state: The state of the tune after the plan.
        bar: The number of the current bar in the prompt, from 1, without upbeats; for messages.
        doubtful_upbeat: The length of a first bar that is an upbeat only if a full bar follows, 0 for none.
        exact_upbeats: Whether an upbeat must complete the bar before it.
        meter: The name of the current meter.
    """

    def __init__(self, automaton: TuneAutomaton) -> None:
        self.automaton = automaton
        self.entries: list[int | FreeBar] = []
        self.state = cast(State, automaton.start())
        self.bar, self.doubtful_upbeat, self.exact_upbeats, self.meter = 1, 0, False, "none"
        self.tie_allowed, self.ends_with_tied_chord = True, False

    # -- fixed tokens -------------------------------------------------------------------------

    def add_tokens(self, part: Sequence[str]) -> None:
        """Add fixed tokens."""
        for token, previous in zip(part, ["", *part], strict=False):
            s, kind = self.state, tokens.BAR_LINE_TOKENS.get(token)
            if kind is not None:
                self._check_bar(kind)
                self._add_step(bar_line_token(s, kind) if s.fill else kind, kind)  # the number counts bars of gaps, too
                continue
            if s.bars_left == 0 and not s.fill and s.header == 4 and token[0] not in "[K":
                raise UnfitPromptError(f"it has more than {self.automaton.bars} bars")
            self.meter = token[2:] if token in tokens.METER_TOKENS else self.meter
            self.ends_with_tied_chord = token == "-" and previous == "]"
            self._add_step(token, None)

    def _check_bar(self, kind: str) -> None:
        """Check the length of the bar that a bar line closes.

        A short bar is allowed at the beginning of a section, as an upbeat, and at the end of a section.
        """
        s = self.state
        if s.tuplet_left:
            raise UnfitPromptError(f"a tuplet in bar {self.bar} of `prompt` is incomplete at the bar line")
        if not s.fill or not s.bar_length:
            return
        is_upbeat = s.section_start and s.fill < s.bar_length and kind in ("|", "|:")
        if self.exact_upbeats and s.section_start and s.due_upbeat not in (-1, s.fill if is_upbeat else 0):
            raise UnfitPromptError(f"the upbeat before bar {self.bar} of `prompt` does not complete the bar before it")
        if s.fill == s.bar_length:
            self.doubtful_upbeat = 0
        elif self.doubtful_upbeat:
            raise self._wrong_length(self.doubtful_upbeat)
        elif s.fill > s.bar_length or not (is_upbeat or (kind != "|" and self.bar > 1)):
            raise self._wrong_length(s.fill)
        elif 2 * s.fill > s.bar_length and self.bar == 1:
            self.doubtful_upbeat = s.fill

    def _wrong_length(self, fill: int) -> UnfitPromptError:
        lengths = lengths_in_words(fill, self.state.bar_length)
        return UnfitPromptError(
            f"bar {self.bar} of `prompt` has {lengths[0]}, and a bar of {self.meter} has {lengths[1]}",
            wrong_length=True,
        )

    def _add_step(self, token: str, kind: str | None) -> None:
        s, step = self.state, self.automaton.index[token]
        if s.section_bars_left != ANY_BARS:
            self._check_form(token, kind)
        self.bar += kind is not None and s.fill > 0 and not (s.section_start and s.fill < s.bar_length)
        self.entries.append(step)
        self.state = advance_written(self.automaton, s, step)
        plain = cast(State, self.automaton.advance(s, step)) if self.automaton.is_pitch[step] else self.state
        self.tie_allowed = plain.note_stage == self.state.note_stage

    def _check_form(self, token: str, kind: str | None) -> None:
        """Check that a bar line or an ending stands where the requested form has it."""
        s = self.state
        if kind is None:
            if token[0] == "[" and len(token) > 1:
                raise UnfitPromptError("a tune of a requested `form` has no endings, and the prompt has one")
            return
        is_upbeat = s.section_start and 0 < s.fill < s.bar_length and kind == "|"
        if is_upbeat and not s.upbeats:
            raise UnfitPromptError("a `form` in which a section comes back has no upbeats, and the prompt has one")
        if is_upbeat or (kind == "|" and not s.fill) or (kind == "|:" and not s.fill and s.must_repeat):
            return
        expected = s.section_ends if s.section_bars_left == 1 else ("|",)
        if not s.fill or kind not in expected:
            raise UnfitPromptError(
                f"bar {self.bar} of `prompt` {'begins' if not s.fill else 'ends'} with {kind!r}, which is not in the"
                " requested `form`" + (f"; it ends with {' or '.join(expected)}" if s.fill else "")
            )

    # -- gaps ---------------------------------------------------------------------------------

    def add_gap(self, bars: int, part: Sequence[str]) -> None:
        """Add a gap and the fixed tokens after it.

        Args:
            bars: The number of bars to fill.
            part: The tokens after the gap.
        """
        s = self.state
        in_bar = s.fill or s.tuplet_left or s.note_stage not in (0, NOTE) or s.tie >= 0
        if in_bar or not part or part[0] not in tokens.BAR_LINE_TOKENS:
            raise UnfitPromptError(
                f"in bar {self.bar} of `prompt`, * must stand alone between bar lines, as in 'DED F2A|*|d2e f2g|'"
            )
        if s.slurs:
            raise UnfitPromptError(f"in bar {self.bar} of `prompt`, * stands under a slur; end the slur before it")
        if s.previous == AFTER_FINAL or s.ending == 2:
            raise UnfitPromptError(f"in bar {self.bar} of `prompt`, * stands where no bar can begin")
        if 0 <= s.bars_left < bars:
            raise UnfitPromptError(f"it has more than {self.automaton.bars} bars")
        if s.section_start and s.due_upbeat > 0:
            self._add_free_bar("|", s.due_upbeat, ends_gap=False)
        for _ in range(bars - 1):
            self._add_free_bar("|", self.state.bar_length, ends_gap=False)
        self._add_last_free_bar(part)

    def _add_last_free_bar(self, part: Sequence[str]) -> None:
        """Add the last bar of a gap and the tokens after it.

        The bar is full if the upbeat after it permits that, otherwise as long as possible.
        """
        kind, before, size, bar = tokens.BAR_LINE_TOKENS[part[0]], self.state, len(self.entries), self.bar
        fills = [fill for fill in range(before.bar_length, 0, -1) if kind in closing_bar_lines(before, fill)]
        if kind == "|" or not fills:
            fills = [before.bar_length]
        if kind != "|" and (upbeat := self._upbeat_after(kind, part[1:])):
            fills.append(before.bar_length - upbeat)
        for exact, fill in [*((True, fill) for fill in fills), (False, fills[0])]:
            self.exact_upbeats = exact
            try:
                self._add_free_bar(kind, fill, ends_gap=True)
                self.add_tokens(part[1:])
                break
            except UnfitPromptError:
                if not exact:
                    raise
                self.state, self.bar = before, bar
                del self.entries[size:]
        self.exact_upbeats = False

    def _upbeat_after(self, kind: str, part: Sequence[str]) -> int:
        """Return the length of the first bar of these tokens if it is short, otherwise 0.

        Args:
            kind: The kind of the bar line before the tokens.
            part: The tokens.
        """
        s = self.state
        s = advance_written(self.automaton, s._replace(fill=s.bar_length), self.automaton.index[kind])
        for token in part:
            if token in tokens.BAR_LINE_TOKENS and s.fill:
                break
            s = advance_written(self.automaton, s, self.automaton.index[token])
        return s.fill if s.section_start and s.fill < s.bar_length else 0

    def _add_free_bar(self, kind: str, fill: int, *, ends_gap: bool) -> None:
        """Add a free bar and its bar line."""
        self.entries.append(FreeBar(fill, ends_gap))
        self.state = self.state._replace(fill=fill, previous=AFTER_NOTE)
        self._add_step(bar_line_token(self.state, kind), kind)

    # -- the end of the prompt ----------------------------------------------------------------

    def finish(self) -> Plan:
        """Return the plan.

        Raises:
            UnfitPromptError: If no tune can continue the prompt.
        """
        s = self.state
        if s.bar_length and s.fill > s.bar_length:
            raise self._wrong_length(s.fill)
        if self.doubtful_upbeat:
            raise self._wrong_length(self.doubtful_upbeat)
        if s.tuplet_left and not allowed_lengths(s, self.automaton.tuplets.get(s.tuplet)):
            raise UnfitPromptError(
                f"the last tuplet of `prompt` cannot be completed in bar {self.bar}; write its notes"
            )
        if self.ends_with_tied_chord:
            raise UnfitPromptError("the last chord of `prompt` is tied to nothing; write the chord that follows it")
        if s.bars_left == 0 and not s.may_end and not s.fill:
            raise UnfitPromptError(f"it has {self.automaton.bars} bars and ends with none of the bar lines |] and :|")
        if s.bars_left > 0 and s.previous == AFTER_FINAL:
            raise UnfitPromptError("it ends with |] before the last bar")
        music_is_unknown = self.automaton.records_sections and any(isinstance(e, FreeBar) for e in self.entries)
        if not music_is_unknown and not self._end_is_in_reach():
            raise UnfitPromptError(f"bar {self.bar} of `prompt` cannot be continued to the end of a tune")
        return Plan(self.entries, self.tie_allowed)

    def _end_is_in_reach(self) -> bool:
        """Return whether the automaton leads from the state to an end."""
        s = self.state
        for _ in range(MAX_PATH):
            if self.automaton.may_end(s):
                return True
            mask = self.automaton.allowed(s)
            if not mask.any() or not mask[step := self.automaton.step_toward_end(s)]:
                return False
            s = cast(State, self.automaton.advance(s, step))
        return False


def lengths_in_words(*lengths: int) -> list[str]:
    """Return lengths as numbers of the longest note value that measures all of them.

    >>> lengths_in_words(96, 128), lengths_in_words(24, 48)
    (['6 eighths', '8 eighths'], ['3 sixteenths', '6 sixteenths'])

    Args:
        *lengths: The lengths, in 128ths of a whole note.
    """
    size, name = next((size, name) for size, name in _VALUES if not any(length % size for length in lengths))
    return [f"{length // size} {name}{'' if length == size else 's'}" for length in lengths]


_VALUES = ((16, "eighth"), (8, "sixteenth"), (4, "32nd"), (2, "64th"), (1, "128th"))
