"""Infilling: bars of a song are written anew so that they fit the bars before and after them."""

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_midi.chorale import Chorale
from seqforge_midi.encoding import Encoding
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS
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


def cut_infill(encoding: Encoding, request: ParsedRequest, steps: np.ndarray) -> Infill:
    """Return a song without the bars that a request wants filled in.

    Args:
        encoding: The encoding: Score, Chorale or Voices.
        request: The request, with `infill`.
        steps: The tokens of the whole song.

    Raises:
        RequestError: If the song lacks these bars, has no others, or has more bars than requested.
    """
    if isinstance(encoding, Chorale):
        return _cut_frames(request, steps)
    if isinstance(encoding, Voices):
        return _cut_voices(encoding, request, steps)
    assert isinstance(encoding, Score)
    return _cut_bars(encoding, request, steps)


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


def _cut_frames(request: ParsedRequest, steps: np.ndarray) -> Infill:
    frame_ends = np.flatnonzero(steps >= 128) + 1
    frames_per_bar, count = request.frames_per_bar, len(frame_ends)
    first, last = _checked_range(request, -(-count // frames_per_bar))
    gap_end = min(last * frames_per_bar, count)
    frames = max(count, request.bars * frames_per_bar)
    prefix = steps[: frame_ends[(first - 1) * frames_per_bar - 1]] if first > 1 else steps[:0]
    return Infill(
        prefix=tuple(prefix.tolist()),
        suffix=tuple(steps[frame_ends[gap_end - 1] :].tolist()),
        separator=None,
        gap_request=dataclasses.replace(request, frames=gap_end),
        request=dataclasses.replace(request, frames=frames),
        continues=frames > count,
        extras={},
    )


def _cut_voices(encoding: Voices, request: ParsedRequest, steps: np.ndarray) -> Infill:
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


def _cut_bars(encoding: Score, request: ParsedRequest, steps: np.ndarray) -> Infill:
    vocabulary, tokens = encoding.vocabulary, steps.tolist()
    bar_lines = [index for index, step in enumerate(tokens) if vocabulary.kinds[step] == "bar"]
    first, last = _checked_range(request, len(bar_lines))
    bars = max(request.bars, len(bar_lines))
    start = _after_bar_line(vocabulary.kinds, tokens, bar_lines[first - 1])
    gap_request = dataclasses.replace(
        request,
        bars=last,
        time_signature=_current_value(encoding, tokens[:start], "time_signature"),
        bpm=_current_value(encoding, tokens[:start], "tempo"),
    )
    continues, bar = bars > len(bar_lines), vocabulary.first["bar"]
    suffix: list[int] = []
    if last < len(bar_lines):
        suffix = _self_contained(encoding, gap_request, tokens[:start], tokens, bar_lines[last])
        suffix += [bar] if continues and suffix else []
    return Infill(
        prefix=tuple(tokens[:start]),
        suffix=tuple(suffix),
        separator=bar if continues or last < len(bar_lines) else None,
        gap_request=gap_request,
        request=dataclasses.replace(request, bars=bars),
        continues=continues,
        extras={"bars": bars},
    )


def _after_bar_line(kinds: Sequence[str], tokens: Sequence[int], bar_line: int) -> int:
    """Return the index behind a bar line and the time signature and tempo that follow it."""
    index = bar_line + 1
    while index < len(tokens) and kinds[tokens[index]] in ("time_signature", "tempo"):
        index += 1
    return index


def _current_value(encoding: Score, tokens: Sequence[int], kind: str) -> Any:
    """Return the last time signature or tempo of the tokens."""
    kinds, values = encoding.vocabulary.kinds, encoding.vocabulary.values
    return next(values[step] for step in reversed(tokens) if kinds[step] == kind)


def _self_contained(
    encoding: Score, gap_request: ParsedRequest, prefix: Sequence[int], tokens: Sequence[int], bar_line: int
) -> list[int]:
    """Return the tokens after a bar line in a form that does not depend on what is generated before it.

    Current values are repeated: time signature and tempo if they differ from those of the gap, the program unless only
    one can play, and the velocity of each program.

    Args:
        encoding: The encoding.
        gap_request: The request of the gap.
        prefix: The tokens before the gap.
        tokens: The tokens of the whole song.
        bar_line: The index of the bar line behind the gap.
    """
    index, kinds, values = encoding.vocabulary.index, encoding.vocabulary.kinds, encoding.vocabulary.values
    start = _after_bar_line(kinds, tokens, bar_line)
    result: list[int] = []
    for kind, gap_value in (("time_signature", gap_request.time_signature), ("tempo", gap_request.bpm)):
        value = _current_value(encoding, tokens[:start], kind)
        if value != gap_value:
            result.append(index[kind, value])
    pitched = [program for program in gap_request.programs or range(DRUMS) if program != DRUMS]
    is_known = len(pitched) == 1 and any(kinds[step] == "pitch" for step in prefix)
    program = written_program = pitched[0] if is_known else -1
    velocities: dict[int, int] = {}  # program to its current velocity bin
    programs_with_velocity: set[int] = set()  # programs whose velocity the result contains
    for position, step in enumerate(tokens):
        kind, value = kinds[step], values[step]
        in_suffix = position >= start
        if kind == "program":
            program = value
            written_program = value if in_suffix else written_program
        elif kind in ("pitch", "drum"):
            note_program = DRUMS if kind == "drum" else program
            has_velocity = position + 1 < len(tokens) and kinds[tokens[position + 1]] == "velocity"
            if has_velocity:
                velocities[note_program] = values[tokens[position + 1]]
            if in_suffix:
                if kind == "pitch" and program != written_program:
                    result.append(index["program", program])
                    written_program = program
                result.append(step)
                if note_program not in programs_with_velocity and not has_velocity:
                    result.append(index["velocity", velocities[note_program]])
                programs_with_velocity.add(note_program)
                continue
        if in_suffix:
            result.append(step)
    return result


# -- the automaton ----------------------------------------------------------------------------


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

    def __init__(self, encoding: Encoding, song_automaton: Constraint, infill: Infill) -> None:
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
