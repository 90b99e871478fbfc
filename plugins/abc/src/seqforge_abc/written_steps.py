"""The state of a tune after steps that a person wrote: bars add up, but any notation may occur.

`TuneAutomaton.advance` is defined for the steps that the automaton generates. What it avoids, such as an ending after
another repeat, a tie from a decorated note or a change of meter, is read here. The state that results is one from
which the automaton can continue.
"""

from typing import cast

from seqforge_abc import tokens
from seqforge_abc.bar_automaton import AFTER_OTHER, NOTE, State, after_bar_line
from seqforge_abc.note_lengths import to_grid
from seqforge_abc.tune_automaton import TuneAutomaton

__all__ = ["advance_written"]


def advance_written(automaton: TuneAutomaton, s: State, step: int) -> State:
    """Return the state after a step that a person wrote.

    >>> automaton = TuneAutomaton(tokens.vocabulary(["jig"]))
    >>> state = automaton.start()
    >>> for token in ["R:jig", "M:6/8", "L:1/8", "K:D", "!fermata!", "*3", "=D", "-", "*3", "=D", "|1"]:
    ...     state = advance_written(automaton, state, automaton.index[token])
    >>> state.bar_number, state.fill
    (1, 0)

    Args:
        automaton: The automaton of tunes.
        s: The state before the step.
        step: The step; it completes or continues a note, or is another element of a tune.
    """
    return automaton.in_form(s, _advance(automaton, s, step), step)


def _advance(automaton: TuneAutomaton, s: State, step: int) -> State:
    """Return the state after a step, without what a form adds to it."""
    token = automaton.vocabulary[step]
    if s.header < 4:
        return cast(State, TuneAutomaton.advance(automaton, s, step))
    if (kind := automaton.bar_lines.get(step)) is not None:
        return _after_bar_line(s, kind)
    if token[0] == "[" and len(token) > 1:
        return _after_ending(s, token[1:])
    if s.ending == 2:  # no second ending follows the first one
        s = _new_section(s)
    if token in tokens.METER_TOKENS:
        return _after_meter(s, to_grid(tokens.METER_TOKENS[token].bar_length))
    after = cast(State, TuneAutomaton.advance(automaton, s, step))
    if after.fill > s.fill and after.section_start and 0 < after.due_upbeat < after.fill:
        after = after._replace(due_upbeat=0)  # the section begins with a full bar
    if token[0] == '"':
        after = after._replace(first_upbeat=s.first_upbeat)  # the first bar may still be an upbeat
    if automaton.is_pitch[step] and after.note_stage == 0:
        return after._replace(note_stage=NOTE, last_mark=step)  # a decorated note may be tied, too
    return after


def _after_bar_line(s: State, kind: str) -> State:
    if s.fill == 0:
        if kind in ("|:", "::"):
            return after_bar_line(s, "|:")
        return s._replace(note_stage=0, last_mark=-1) if kind == "|" else _new_section(s)
    if s.ending == 1 and kind == "::":
        return after_bar_line(s._replace(ending=0), kind)
    return after_bar_line(s, kind)


def _after_ending(s: State, number: str) -> State:
    """Return the state at the beginning of an ending; "1,2" is a first ending, "3" is like a second one."""
    s = s._replace(note_stage=0, last_mark=-1, previous=AFTER_OTHER, had_endings=True, section_start=False)
    if number[0] == "1":
        return s._replace(ending=1, ending_start=s.bar_number, may_repeat=True)
    return s._replace(ending=3, bar_number=s.ending_start, due_upbeat=-1)


def _new_section(s: State) -> State:
    """Return the state in which a section begins that nothing precedes in its bar."""
    return s._replace(
        note_stage=0, last_mark=-1, upbeat=0, due_upbeat=-1 if s.first_upbeat < 0 else 0, section_start=True,
        has_bar=False, ending=0, repeat_open=False, may_repeat=False, bar_number=0, may_end=False,
    )  # fmt: skip


def _after_meter(s: State, bar_length: int) -> State:
    """Return the state after a change of meter; an upbeat that is no part of the new bar is forgotten."""

    def kept(upbeat: int) -> int:
        return upbeat if upbeat < bar_length else min(upbeat, 0)

    return s._replace(
        note_stage=0, last_mark=-1, previous=AFTER_OTHER, bar_length=bar_length,
        first_upbeat=kept(s.first_upbeat), upbeat=kept(s.upbeat), due_upbeat=kept(s.due_upbeat),
    )  # fmt: skip
