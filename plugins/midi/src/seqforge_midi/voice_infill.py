"""Infilling in the voices encoding: bars are written anew so that they fit the bars before and after them."""

import dataclasses
from collections.abc import Hashable
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
        gap_request: The request of a song that ends with the gap.
        request: The request of the whole song.
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    gap_request: ParsedRequest
    request: ParsedRequest


def cut_infill(encoding: Voices, request: ParsedRequest, steps: np.ndarray) -> Infill:
    """Return a song without the bars that a request wants filled in.

    Args:
        encoding: The encoding.
        request: The request, with `infill`.
        steps: The tokens of the whole song.

    Raises:
        RequestError: If the song lacks these bars, or has no others.
    """
    assert request.infill is not None
    bars = encoding.bars_of(steps)
    first, last = request.infill
    value = f"{first}-{last}"
    if last > bars:
        raise RequestError.invalid("infill", value, f"within the {bars} bars of the prompt")
    if last - first + 1 == bars:
        raise RequestError.invalid("infill", value, f"only a part of the {bars} bars of the prompt")
    gap, bars_after = cut_gap(encoding, request, steps, first, last)
    return Infill(
        prefix=tuple(steps[: gap.start].tolist()),
        suffix=restruck(encoding, steps[gap.stop :]),
        gap_request=dataclasses.replace(request, bars_after=bars_after),
        request=request,
    )


class _State(NamedTuple):
    """The state of a song with a gap.

    Attributes:
        section: The index in the fixed tokens: below the length of the prefix, in the prefix; equal to it, in the gap;
            then in the suffix.
        inner: The state of the automaton of the gap; None outside it.
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
        self.gap_automaton = encoding.constraint(infill.gap_request)
        self.size = encoding.vocabulary.size
        self.suffix = infill.suffix
        self.gap_section = len(infill.prefix)
        self.end_section = self.gap_section + 1 + len(infill.suffix)
        self.fixed = dict(enumerate(infill.prefix))
        self.fixed |= {self.gap_section + 1 + number: step for number, step in enumerate(infill.suffix)}
        state = song_automaton.start()
        for step in infill.prefix:
            state = song_automaton.advance(state, step)
        self._gap_start = state

    def start(self) -> Hashable:
        return _State(0, None if self.gap_section else self._gap_start)

    def allowed(self, state: Hashable) -> np.ndarray:
        section, inner = cast(_State, state)
        if section == self.gap_section:
            return self.gap_automaton.allowed(inner)
        mask = np.zeros(self.size, np.bool_)
        if section < self.end_section:
            mask[self.fixed[section]] = True
        return mask

    def may_end(self, state: Hashable) -> bool:
        section, inner = cast(_State, state)
        if section == self.gap_section:
            return not self.suffix and self.gap_automaton.may_end(inner)
        return section == self.end_section

    def to_end(self, state: Hashable) -> int:
        section, inner = cast(_State, state)
        if section > self.gap_section:
            return self.end_section - section
        inner = self._gap_start if section < self.gap_section else inner
        return self.gap_section - section + self.gap_automaton.to_end(inner) + len(self.suffix)

    def advance(self, state: Hashable, step: Any) -> Hashable:
        section, inner = cast(_State, state)
        if section != self.gap_section:
            section = min(section + 1, self.end_section)
            return _State(section, self._gap_start if section == self.gap_section else None)
        successor = self.gap_automaton.advance(inner, step)
        is_full = self.gap_automaton.may_end(successor) and not self.gap_automaton.allowed(successor).any()
        return _State(section + 1, None) if is_full else _State(section, successor)
