"""The automaton of prompts with gaps: the music around the gaps is fixed, and the bars in the gaps add up."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_abc import tokens
from seqforge_abc.bar_automaton import AFTER_FINAL, AFTER_NOTE, State, bar_line_token, closing_bar_lines
from seqforge_abc.kept import kept_vocabulary
from seqforge_abc.options import KEEPABLE
from seqforge_abc.request import ParsedRequest
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune_automaton import MAX_CACHE_SIZE, NOTE, TuneAutomaton, without_tie_option


class FreeBar(NamedTuple):
    """A bar, or the rest of one, that the model writes; a fixed bar line follows it in the plan.

    Attributes:
        target_fill: The length of the bar at its bar line, in 128ths of a whole note.
        ends_gap: Whether it is the last bar of its gap; no tie leads out of a gap.
    """

    target_fill: int
    ends_gap: bool


class InfillState(NamedTuple):
    """The state of a tune with gaps.

    Attributes:
        position: The index of the current entry of the plan.
        tune: The state of the tune.
    """

    position: int
    tune: State


class _UnfitPromptError(Exception):
    """No tune can continue the prompt; the message is a sentence."""


class Infill(Constraint):
    """The constraint that allows complete tunes that begin with a prompt whose gaps are filled.

    After the prompt it allows what `TuneAutomaton` allows.

    Args:
        vocabulary: The tokens of the codec.
        request: The request, with at least one gap.

    Attributes:
        plan: The fixed steps and free bars of the prompt, in order.
        prefix: The fixed steps before the first gap.

    Raises:
        RequestError: If no tune can continue the prompt.
    """

    def __init__(self, vocabulary: Sequence[str], request: ParsedRequest) -> None:
        if request.meter == NO_METER:
            raise RequestError(
                "a * in `prompt` is a bar to fill, and without a meter there are no bars; set `meter`, such as 6/8",
                field="meter", value="none", allowed="a meter such as 6/8",
            )  # fmt: skip
        self.automaton = _automaton(vocabulary, request, request.bars)
        try:
            self.plan = make_plan(self.automaton, request)
        except _UnfitPromptError as error:
            if request.bars and _fits(vocabulary, request):
                raise RequestError(
                    f"a tune of {request.bars} bars cannot begin with `prompt`: {error}; change `bars`",
                    field="bars", value=request.bars,
                ) from None  # fmt: skip
            raise RequestError(str(error), field="prompt") from None
        gap = next(index for index, entry in enumerate(self.plan) if isinstance(entry, FreeBar))
        self.prefix = [entry for entry in self.plan[:gap] if isinstance(entry, int)]
        names = [
            *tokens.BAR_LINE_TOKENS,
            *kept_vocabulary(KEEPABLE),
            *(name for name in vocabulary if name[:2] == "K:" or name in ("[1", "[2")),
        ]
        self._not_in_free_bar = np.array([index for name in names if (index := self.automaton.index.get(name))])
        self._tie = self.automaton.index["-"]
        self._distances: dict[InfillState, int] = {}

    def start(self) -> Hashable:
        return InfillState(0, cast(State, self.automaton.start()))

    def may_end(self, state: Hashable) -> bool:
        position, s = cast(InfillState, state)
        return position == len(self.plan) and self.automaton.may_end(s)

    def allowed(self, state: Hashable) -> np.ndarray:
        position, s = cast(InfillState, state)
        if position == len(self.plan):
            return self.automaton.allowed(s)
        if (fixed := self._fixed_step(position, s)) is None:
            mask = self.automaton.allowed(s)
            mask[self._not_in_free_bar] = False
            return mask
        mask = np.zeros(len(self.automaton.vocabulary), np.bool_)
        mask[fixed] = True
        entry = self.plan[position]
        if isinstance(entry, FreeBar) and not entry.ends_gap:
            mask[self._tie] = self.automaton.allowed(s)[self._tie]
        return mask

    def _fixed_step(self, position: int, s: State) -> int | None:
        """Return the fixed step that comes next, or None within a free bar that is not full."""
        entry = self.plan[position]
        if not isinstance(entry, FreeBar):
            return entry
        full = s.fill == entry.target_fill and not s.tuplet_left and s.note_stage in (0, NOTE)
        return cast(int, self.plan[position + 1]) if full else None

    def advance(self, state: Hashable, step: Any) -> Hashable:
        position, s = cast(InfillState, state)
        after = cast(State, self.automaton.advance(s, step))
        if position == len(self.plan) or step != self._fixed_step(position, s):
            return InfillState(position, after)
        position += 2 if isinstance(self.plan[position], FreeBar) else 1
        entry = self.plan[position] if position < len(self.plan) else None
        if isinstance(entry, FreeBar):
            after = after._replace(target_fill=entry.target_fill)
        return InfillState(position, after)

    # -- the path to an end -------------------------------------------------------------------

    def to_end(self, state: Hashable) -> int:
        """Return the number of steps to an end on the path of `step_toward_end`."""
        path: list[InfillState] = []
        current = _without_tie_option(cast(InfillState, state))
        while current not in self._distances and current.position < len(self.plan):
            path.append(current)
            current = _without_tie_option(cast(InfillState, self.advance(current, self.step_toward_end(current))))
        distance = self._distances.get(current, -1)
        if distance < 0:
            distance = self.automaton.to_end(current.tune)
        if len(self._distances) > MAX_CACHE_SIZE:
            self._distances.clear()
        for current in reversed(path):
            distance += 1
            self._distances[current] = distance
        return distance

    def step_toward_end(self, state: InfillState) -> int:
        """Return an allowed step on a short path to an end."""
        if state.position == len(self.plan):
            return self.automaton.step_toward_end(state.tune)
        fixed = self._fixed_step(state.position, state.tune)
        return self.automaton.step_toward_end(state.tune) if fixed is None else fixed


def _without_tie_option(state: InfillState) -> InfillState:
    return state._replace(tune=without_tie_option(state.tune))


def _automaton(vocabulary: Sequence[str], request: ParsedRequest, bars: int) -> TuneAutomaton:
    return TuneAutomaton(vocabulary, rhythm=request.rhythm, meter=request.meter, key=request.key, bars=bars)


def _fits(vocabulary: Sequence[str], request: ParsedRequest) -> bool:
    """Return whether a tune of any number of bars can continue the prompt."""
    try:
        make_plan(_automaton(vocabulary, request, 0), request)
    except _UnfitPromptError:
        return False
    return True


# -- the plan ---------------------------------------------------------------------------------


def make_plan(automaton: TuneAutomaton, request: ParsedRequest) -> list[int | FreeBar]:
    """Return the fixed steps and free bars of a prompt with gaps; a fixed bar line follows each free bar.

    Raises:
        _UnfitPromptError: If no tune can continue the prompt.
    """
    first, *parts = request.prompt_parts()
    planner = _Planner(automaton)
    planner.add_tokens(first)
    for gap, part in zip(request.gaps, parts, strict=True):
        planner.add_gap(gap.bars, part)
    return planner.entries


class _Planner:
    """Builds a plan.

    Args:
        automaton: The automaton of tunes. Its state after a bar line does not depend on the music in the bar.

    Attributes:
        entries: The plan so far.
        state: The state of the tune after the plan.
        bar: The number of the current bar in the prompt, from 1, for messages.
    """

    def __init__(self, automaton: TuneAutomaton) -> None:
        self.automaton = automaton
        self.entries: list[int | FreeBar] = []
        self.state = cast(State, automaton.start())
        self.bar = 1

    def add_tokens(self, part: Sequence[str]) -> None:
        """Add fixed tokens."""
        for token in part:
            kind = tokens.BAR_LINE_TOKENS.get(token)
            name = token if kind is None else bar_line_token(self.state, kind)  # its number counts the bars of gaps too
            step = self.automaton.index[name]
            if not self.automaton.allowed(self.state)[step]:
                raise _UnfitPromptError(
                    f"in bar {self.bar} of `prompt`, {kind or token!r} does not fit; check the meter, and that bars"
                    " are full"
                )
            self._add_step(step, kind)

    def add_gap(self, bars: int, part: Sequence[str]) -> None:
        """Add a gap and the fixed tokens after it.

        Args:
            bars: The number of bars to fill.
            part: The tokens after the gap.
        """
        s = self.state
        in_bar = s.fill or s.tuplet_left or s.note_stage not in (0, NOTE) or s.tie >= 0
        if in_bar or not part or part[0] not in tokens.BAR_LINE_TOKENS:
            raise _UnfitPromptError(
                f"in bar {self.bar} of `prompt`, * must stand alone between bar lines, as in 'DED F2A|*|d2e f2g|'"
            )
        if s.slurs:
            raise _UnfitPromptError(f"in bar {self.bar} of `prompt`, * stands under a slur; end the slur before it")
        if s.previous == AFTER_FINAL or s.ending == 2 or not s.bars_left:
            raise _UnfitPromptError(f"in bar {self.bar} of `prompt`, * stands where no bar can begin")
        if s.section_start and s.due_upbeat > 0:
            self._add_free_bar("|", s.due_upbeat, ends_gap=False)
        for _ in range(bars - 1):
            self._add_free_bar("|", self.state.bar_length, ends_gap=False)
        self._add_last_free_bar(part)

    def _add_last_free_bar(self, part: Sequence[str]) -> None:
        """Add the last bar of a gap and the tokens after it.

        The bar is full if that fits, otherwise as long as possible.
        """
        kind, before = tokens.BAR_LINE_TOKENS[part[0]], self.state
        fills = [fill for fill in range(before.bar_length, 0, -1) if kind in closing_bar_lines(before, fill)]
        if kind == "|" or not fills:
            fills = [before.bar_length]
        first_error: _UnfitPromptError | None = None
        size, bar = len(self.entries), self.bar
        for fill in fills:
            try:
                self._add_free_bar(kind, fill, ends_gap=True)
                return self.add_tokens(part[1:])
            except _UnfitPromptError as error:
                first_error = first_error or error
                self.state, self.bar = before, bar
                del self.entries[size:]
        assert first_error is not None
        raise first_error

    def _add_free_bar(self, kind: str, fill: int, *, ends_gap: bool) -> None:
        """Add a free bar and its bar line."""
        self.entries.append(FreeBar(fill, ends_gap))
        self.state = self.state._replace(fill=fill, previous=AFTER_NOTE)
        step = self.automaton.index[bar_line_token(self.state, kind)]
        if not self.automaton.allowed(self.state)[step]:
            raise _UnfitPromptError(f"bar {self.bar} of `prompt`, which is to be filled, cannot end with {kind!r}")
        self._add_step(step, kind)

    def _add_step(self, step: int, kind: str | None) -> None:
        s = self.state
        self.bar += kind is not None and s.fill > 0 and not (s.section_start and s.fill < s.bar_length)
        self.entries.append(step)
        self.state = cast(State, self.automaton.advance(s, step))
