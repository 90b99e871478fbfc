"""Prompts of the voices encoding: how many bars a continued piece has, and gaps that are filled in."""

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.voice_grid import VOICES
from seqforge_midi.voices import HEADER, Voices

CONTINUED_BARS = 8
"""The number of bars by which a prompt is continued if no number of bars is requested."""


def with_total_bars(encoding: Voices, request: ParsedRequest, steps: np.ndarray) -> tuple[ParsedRequest, np.ndarray]:
    """Return a request with its number of bars, and a prompt whose bars count down from that number.

    Raises:
        RequestError: If the prompt has more bars than requested.
    """
    bars = encoding.bars_of(steps)
    total = request.bars or bars + (0 if request.infill else CONTINUED_BARS)
    if total < bars:
        advice = "use fewer of them with `prompt_bars`"
        raise RequestError.invalid("bars", request.bars, f"at least {bars}, the bars of the prompt", advice=advice)
    return dataclasses.replace(request, bars=total), encoding.with_bars(steps, total)


def cut_gap(encoding: Voices, request: ParsedRequest, steps: np.ndarray, first: int, last: int) -> tuple[slice, int]:
    """Return the tokens that fill some bars of a piece, and the number of bars that follow them.

    Args:
        encoding: The encoding.
        request: The request, with the number of bars of the whole piece.
        steps: The tokens of the whole piece.
        first: The first bar of the gap, counted from 1.
        last: The last bar of the gap.
    """
    bars = encoding.vocabulary.block("bar")
    lines = np.flatnonzero((steps >= bars.start) & (steps < bars.stop))
    start = HEADER if first == 1 else int(lines[first - 1]) + 1
    end = int(lines[last]) + 1 if last < len(lines) else len(steps)
    return slice(start, end), request.bars - last


def restruck(encoding: Voices, steps: np.ndarray) -> tuple[int, ...]:
    """Return the tokens after a gap, in whose first frame the voices start notes instead of holding earlier ones."""
    index, kinds, values = encoding.vocabulary.index, encoding.vocabulary.kinds, encoding.vocabulary.values
    first = [
        index["pitch", values[step]] if kinds[step] == "hold" else step for step in steps[:VOICES].tolist()
    ]  # fmt: skip
    return (*first, *steps[VOICES:].tolist())


class AfterPrompt(Constraint):
    """Allows a prompt, whether or not it keeps the rules, and after it what another automaton allows.

    Example:
        constraint = AfterPrompt(encoding.constraint(request), steps)

    Args:
        automaton: The automaton of the whole piece.
        prompt: The tokens of the prompt.
    """

    def __init__(self, automaton: Constraint, prompt: Sequence[int]) -> None:
        self.automaton, self.prompt = automaton, tuple(prompt)
        state = automaton.start()
        self.size = len(automaton.allowed(state))
        for step in self.prompt:
            state = automaton.advance(state, step)
        self._distance = automaton.to_end(state)

    def start(self) -> Hashable:
        return 0, self.automaton.start()

    def allowed(self, state: Any) -> np.ndarray:
        position, inner = state
        if position == len(self.prompt):
            return self.automaton.allowed(inner)
        mask = np.zeros(self.size, np.bool_)
        mask[self.prompt[position]] = True
        return mask

    def may_end(self, state: Any) -> bool:
        position, inner = state
        return position == len(self.prompt) and self.automaton.may_end(inner)

    def to_end(self, state: Any) -> int:
        position, inner = state
        remaining = len(self.prompt) - position
        return remaining + self._distance if remaining else self.automaton.to_end(inner)

    def advance(self, state: Any, step: Any) -> Hashable:
        position, inner = state
        return min(position + 1, len(self.prompt)), self.automaton.advance(inner, step)
