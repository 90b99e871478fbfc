"""Infilling in the voices encoding: bars are written anew so that they fit the bars before and after them."""

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.voice_prompt import cut_gap, restruck
from seqforge_midi.voices import Voices


@dataclass(frozen=True)
class Infill:
    """A song with a gap of some bars.

    Attributes:
        prefix: The tokens before the gap.
        suffix: The tokens after the gap.
        separator: The token between the gap and the suffix: the bar line; None if there is none.
        gap_request: The request of a song that ends with the gap.
        request: The request of the whole song.
        continues: Whether the song continues after the suffix.
        extras: What `Encoding.decode` needs beside the tokens.
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    separator: int | None
    gap_request: ParsedRequest
    request: ParsedRequest
    continues: bool
    extras: dict[str, Any]


def cut_infill(encoding: Voices, request: ParsedRequest, steps: np.ndarray) -> Infill:
    """Return a song without the bars that a request wants filled in.

    Args:
        encoding: The encoding.
        request: The request, with `infill`.
        steps: The tokens of the whole song.

    Raises:
        RequestError: If the song lacks these bars, has no others, or has more bars than requested.
    """
    bars = encoding.bars_of(steps)
    first, last = _checked_range(request, bars)
    gap, bars_after = cut_gap(encoding, request, steps, first, last)
    return Infill(
        prefix=tuple(steps[: gap.start].tolist()),
        suffix=restruck(encoding, steps[gap.stop :]),
        separator=None,
        gap_request=dataclasses.replace(request, bars_after=bars_after),
        request=request,
        continues=request.bars > bars,
        extras={},
    )


def _checked_range(request: ParsedRequest, bars: int) -> tuple[int, int]:
    """Return the first and last bar of the gap.

    Args:
        request: The request.
        bars: The number of bars of the song.

    Raises:
        RequestError: If the song lacks these bars, has no others, or has more bars than requested.
    """
    assert request.infill is not None
    first, last = request.infill
    value = f"{first}-{last}"
    if last > bars:
        raise RequestError.invalid("infill", value, f"within the {bars} bars of the prompt")
    if last - first + 1 == bars:
        raise RequestError.invalid("infill", value, f"only a part of the {bars} bars of the prompt")
    if request.bars and request.bars < bars:
        advice = "use fewer of them with `prompt_bars`"
        raise RequestError.invalid("bars", request.bars, f"at least {bars}, the bars of the prompt", advice=advice)
    return first, last


class _State(NamedTuple):
    """The state of a song with a gap.

    Attributes:
        section: The index in the fixed tokens: below the length of the prefix, in the prefix; equal to it, in the gap;
            then in separator and suffix.
        inner: The state of the automaton of the gap or of the whole song.
    """

    section: int
    inner: Any


class InfillAutomaton(Constraint):
    """Allows songs that consist of a prefix, any music that fills the gap, and a suffix.

    Args:
        encoding: The encoding.
        song_automaton: The automaton of the whole song; it allows the song from which the gap was cut.
        infill: The song with the gap.
    """

    def __init__(self, encoding: Voices, song_automaton: Constraint, infill: Infill) -> None:
        self.song_automaton, self.infill = song_automaton, infill
        self.gap_automaton = encoding.constraint(infill.gap_request)
        self.size = encoding.vocabulary.size
        self.gap_section = len(infill.prefix)
        self.end_section = self.gap_section + 1 + len(infill.suffix)
        self.ends_with_gap = not (infill.suffix or infill.continues or infill.separator is not None)
        self.fixed = dict(enumerate(infill.prefix))
        self.fixed |= {self.gap_section + 1 + number: step for number, step in enumerate(infill.suffix)}
        self._gap_start = _advance_all(song_automaton, song_automaton.start(), infill.prefix)
        self._steps_after_gap = 0 if self.ends_with_gap else self._count_steps_after_gap()

    def _count_steps_after_gap(self) -> int:
        """Return the smallest number of tokens from a full gap to the end; it does not depend on what fills the gap."""
        state, separator = self._gap_start, self.infill.separator
        while distance := self.gap_automaton.to_end(state):
            state = next(
                successor
                for step in np.flatnonzero(self.gap_automaton.allowed(state)).tolist()
                if self.gap_automaton.to_end(successor := self.gap_automaton.advance(state, step)) < distance
            )
        separators = () if separator is None else (separator,)
        state = _advance_all(self.song_automaton, state, (*separators, *self.infill.suffix))
        continuation = self.song_automaton.to_end(state) if self.infill.continues else 0
        return len(separators) + len(self.infill.suffix) + continuation

    def start(self) -> Hashable:
        return _State(0, self.song_automaton.start())

    def allowed(self, state: Hashable) -> np.ndarray:
        section, inner = cast(_State, state)
        if section == self.gap_section:
            return self.gap_automaton.allowed(inner)
        if section == self.end_section and self.infill.continues:
            return self.song_automaton.allowed(inner)
        mask = np.zeros(self.size, np.bool_)
        if section < self.end_section:
            mask[self.fixed[section]] = True
        return mask

    def may_end(self, state: Hashable) -> bool:
        section, inner = cast(_State, state)
        if section == self.gap_section:
            return self.ends_with_gap and self.gap_automaton.may_end(inner)
        return section == self.end_section and (not self.infill.continues or self.song_automaton.may_end(inner))

    def to_end(self, state: Hashable) -> int:
        section, inner = cast(_State, state)
        if section < self.gap_section:
            return self.gap_section - section + self.gap_automaton.to_end(self._gap_start) + self._steps_after_gap
        if section == self.gap_section:
            return self.gap_automaton.to_end(inner) + self._steps_after_gap
        if section < self.end_section:
            return self._steps_after_gap - (self.infill.separator is not None) - (section - self.gap_section - 1)
        return self.song_automaton.to_end(inner) if self.infill.continues else 0

    def advance(self, state: Hashable, step: Any) -> Hashable:
        section, inner = cast(_State, state)
        if section != self.gap_section:
            return _State(min(section + 1, self.end_section), self.song_automaton.advance(inner, step))
        successor = self.gap_automaton.advance(inner, step)
        is_full = self.gap_automaton.may_end(successor) and not self.gap_automaton.allowed(successor).any()
        return _State(section + 1, self.song_automaton.advance(inner, step)) if is_full else _State(section, successor)


def _advance_all(constraint: Constraint, state: Hashable, steps: Sequence[int]) -> Hashable:
    for step in steps:
        state = constraint.advance(state, step)
    return state
