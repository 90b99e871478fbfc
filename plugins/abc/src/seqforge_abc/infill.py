"""The automaton of prompts: the music of the prompt is fixed, the bars in its gaps add up, and a tune follows."""

import itertools
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_abc import tokens
from seqforge_abc.bar_automaton import NOTE, State
from seqforge_abc.equivalent_states import MAX_CACHE_SIZE, without_tie_option
from seqforge_abc.form_automaton import FormAutomaton
from seqforge_abc.kept import Kept
from seqforge_abc.options import KEEPABLE
from seqforge_abc.prompt_plan import FreeBar, Plan, UnfitPromptError, make_plan
from seqforge_abc.request import ParsedRequest
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune_automaton import TuneAutomaton
from seqforge_abc.written_steps import advance_written

MAX_JOINT_STEPS = 128
"""The largest number of steps of a prompt, about twelve bars, from which a free rhythm is drawn."""


class InfillState(NamedTuple):
    """The state of a tune that begins with a prompt.

    Attributes:
        position: The index of the current entry of the plan.
        tune: The state of the tune.
    """

    position: int
    tune: State


class Infill(Constraint):
    """The constraint that allows complete tunes that begin with a prompt whose gaps are filled.

    The prompt may contain any notation. In its gaps and after it, the constraint allows what `TuneAutomaton` allows.

    Args:
        vocabulary: The tokens of the codec.
        request: The request, with a prompt.

    Attributes:
        plan: The fixed steps and free bars of the prompt, in order.
        prefix: The fixed steps before the first gap; none if the rhythm is free, since it comes first.
        joint_steps: The number of steps that are drawn jointly if the rhythm is free, otherwise 0: those before the
            first gap, so that the rhythm fits the meter, the key and the music.

    Raises:
        RequestError: If no tune can continue the prompt.
    """

    def __init__(self, vocabulary: Sequence[str], request: ParsedRequest) -> None:
        if request.gaps and request.meter == NO_METER:
            raise RequestError(
                "a * in `prompt` is a bar to fill, and without a meter there are no bars; set `meter`, such as 6/8",
                field="meter", value="none", allowed="a meter such as 6/8",
            )  # fmt: skip
        try:
            self.automaton, (self.plan, self._tie_allowed) = _plan(vocabulary, request, request.bars)
        except UnfitPromptError as error:
            raise _unfit(vocabulary, request, error) from None
        self._free_rhythm = request.rhythm is None
        beginning = list(itertools.takewhile(lambda entry: isinstance(entry, int), self.plan))
        self.prefix = [] if self._free_rhythm else beginning
        self.joint_steps = min(MAX_JOINT_STEPS, len(beginning)) if self._free_rhythm else 0
        names = [
            *tokens.BAR_LINE_TOKENS,
            *Kept(KEEPABLE).vocabulary(),
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
        """Return the fixed step that comes next, or None for a free rhythm and within a free bar that is not full."""
        entry = self.plan[position]
        if position == 0 and self._free_rhythm:
            return None
        if not isinstance(entry, FreeBar):
            return entry
        full = s.fill == entry.target_fill and not s.tuplet_left and s.note_stage in (0, NOTE)
        return cast(int, self.plan[position + 1]) if full else None

    def advance(self, state: Hashable, step: Any) -> Hashable:
        position, s = cast(InfillState, state)
        if position == 0 and self._free_rhythm:
            return InfillState(1, cast(State, self.automaton.advance(s, step)))
        if position == len(self.plan) or step != self._fixed_step(position, s):
            return InfillState(position, cast(State, self.automaton.advance(s, step)))
        after = advance_written(self.automaton, s, step)
        position += 2 if isinstance(self.plan[position], FreeBar) else 1
        if position == len(self.plan):
            return InfillState(position, after if self._tie_allowed else after._replace(note_stage=0, last_mark=-1))
        entry = self.plan[position]
        if isinstance(entry, FreeBar):
            after = after._replace(target_fill=entry.target_fill)
        return InfillState(position, after)

    # -- the path to an end -------------------------------------------------------------------

    def to_end(self, state: Hashable) -> int:
        """Return the number of steps to an end on the path of `step_toward_end`."""
        path: list[InfillState] = []
        current = self._without_tie_option(cast(InfillState, state))
        while current not in self._distances and current.position < len(self.plan):
            path.append(current)
            current = self._without_tie_option(cast(InfillState, self.advance(current, self.step_toward_end(current))))
        distance = self._distances.get(current, -1)
        if distance < 0:
            distance = self.automaton.to_end(current.tune)
        if len(self._distances) > MAX_CACHE_SIZE:
            self._distances.clear()
        for current in reversed(path):
            distance += 1
            self._distances[current] = distance
        return distance

    def _without_tie_option(self, state: InfillState) -> InfillState:
        """Return a state with the same distance to an end, in which the last note may not be tied."""
        is_fixed = state.position < len(self.plan) and not isinstance(self.plan[state.position], FreeBar)
        return state if is_fixed else state._replace(tune=without_tie_option(state.tune))

    def step_toward_end(self, state: InfillState) -> int:
        """Return an allowed step on a short path to an end."""
        if state.position == len(self.plan):
            return self.automaton.step_toward_end(state.tune)
        fixed = self._fixed_step(state.position, state.tune)
        return self.automaton.step_toward_end(state.tune) if fixed is None else fixed


def automaton_of(vocabulary: Sequence[str], request: ParsedRequest, bars: int) -> TuneAutomaton:
    """Return the automaton of the tunes that a request without its prompt allows.

    Args:
        vocabulary: The tokens of the codec.
        request: The request.
        bars: The number of bars, 0 for any.
    """
    fields: dict[str, Any] = {
        "rhythm": request.rhythm, "meter": request.meter, "key": request.key, "keys": request.keys,
        "instruments": request.instruments, "chords": request.chords,
    }  # fmt: skip
    if request.form is not None:
        return FormAutomaton(vocabulary, request.form, **fields)
    return TuneAutomaton(vocabulary, bars=bars, **fields)


def _plan(vocabulary: Sequence[str], request: ParsedRequest, bars: int) -> tuple[TuneAutomaton, Plan]:
    """Return the automaton of a request for this number of bars, and the plan of the prompt.

    Raises:
        UnfitPromptError: If no tune can continue the prompt.
    """
    automaton = automaton_of(vocabulary, request, bars)
    return automaton, make_plan(automaton, request.prompt_parts(), [gap.bars for gap in request.gaps])


def _unfit(vocabulary: Sequence[str], request: ParsedRequest, error: UnfitPromptError) -> RequestError:
    """Return the error for a prompt that no tune can continue; it names the field to change."""
    if request.bars and request.form is None:
        try:
            _plan(vocabulary, request, 0)
        except UnfitPromptError as other:
            error = other
        else:
            return RequestError(
                f"a tune of {request.bars} bars cannot begin with `prompt`: {error}; change `bars`",
                field="bars", value=request.bars,
            )  # fmt: skip
    meters = request.fitting_meters if error.wrong_length else ()
    if meters:
        return RequestError(
            f"{error}; {' or '.join(meters)} would fit: set `meter`, or change the bar",
            field="meter", value=str(request.meter), allowed=" or ".join(meters),
        )  # fmt: skip
    return RequestError(str(error), field="prompt")
