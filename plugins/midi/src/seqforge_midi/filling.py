"""A gap of bars in a song: what stands before and after it is given, and what is written into it fits the bars."""

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from seqforge import Constraint, RequestError
from seqforge_midi.chorale import Chorale
from seqforge_midi.encoding import Asked, Encoding
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS


@dataclass(frozen=True)
class Gap:
    """A song with a gap.

    Attributes:
        head: the steps before the gap.
        tail: those after it.
        lead: the step that leads out of a full gap; None where none does, or nothing follows.
        inside: what is asked of a song that ends with the gap.
        asked: what is asked of the whole.
        on: whether the whole goes on where the tail ends.
        extras: what decoding needs to know about the whole.
    """

    head: tuple[int, ...]
    tail: tuple[int, ...]
    lead: int | None
    inside: Asked
    asked: Asked
    on: bool
    extras: dict[str, Any]


def cut_out(encoding: Encoding, asked: Asked, steps: np.ndarray) -> Gap:
    """Return a song without the bars of the gap that is asked for.

    Args:
        encoding: of the steps: Score or Chorale.
        asked: what is asked for, with a gap.
        steps: of the whole song.

    Raises:
        RequestError: the song has no such bars, or no others, or more than are asked for.
    """
    if isinstance(encoding, Chorale):
        return _from_frames(asked, steps)
    assert isinstance(encoding, Score)
    return _from_bars(encoding, asked, steps)


def _checked(asked: Asked, bars: int) -> tuple[int, int]:
    """Return the first and the last bar of the gap, in a song of so many bars."""
    assert asked.gap is not None
    first, last = asked.gap
    if last > bars:
        raise RequestError(f"--infill {first}-{last} lies outside the prompt, which has {bars} bars")
    if last - first + 1 == bars:
        raise RequestError(f"--infill {first}-{last} is the whole prompt; leave some of its {bars} bars as they are")
    if asked.bars and asked.bars < bars:
        raise RequestError(
            f"--bars {asked.bars} is fewer than the {bars} bars of the prompt; take fewer of them with --prompt-bars"
        )
    return first, last


def _from_frames(asked: Asked, steps: np.ndarray) -> Gap:
    ends = np.flatnonzero(steps >= 128) + 1  # where each frame ends
    bar, count = asked.frames_a_bar, len(ends)
    first, last = _checked(asked, -(-count // bar))
    end = min(last * bar, count)
    inside = dataclasses.replace(asked, frames=end)
    whole = dataclasses.replace(asked, frames=max(count, asked.bars * bar))
    head = steps[: ends[(first - 1) * bar - 1]] if first > 1 else steps[:0]
    tail = steps[ends[end - 1] :]
    return Gap(tuple(head.tolist()), tuple(tail.tolist()), None, inside, whole, whole.frames > count, {})


def _from_bars(encoding: Score, asked: Asked, steps: np.ndarray) -> Gap:
    tokens, every = encoding.tokens, steps.tolist()
    lines = [place for place, step in enumerate(every) if tokens.kinds[step] == "bar"]
    first, last = _checked(asked, len(lines))
    bars = max(asked.bars, len(lines))
    begin = _after_line(tokens.kinds, every, lines[first - 1])
    meter, tempo = (_held(encoding, every[:begin], kind) for kind in ("meter", "tempo"))
    inside = dataclasses.replace(asked, bars=last, meter=meter, bpm=tempo)
    on, bar = bars > len(lines), tokens.first["bar"]
    tail = _resumed(encoding, inside, every[:begin], every, lines[last]) if last < len(lines) else []
    tail += [bar] if on and tail else []
    whole = dataclasses.replace(asked, bars=bars)
    lead = bar if on or last < len(lines) else None
    return Gap(tuple(every[:begin]), tuple(tail), lead, inside, whole, on, {"bars": bars})


def _after_line(kinds: Sequence[str], steps: Sequence[int], line: int) -> int:
    """Return the place behind a bar line, and behind the meter and the tempo that are said at it."""
    place = line + 1
    while place < len(steps) and kinds[steps[place]] in ("meter", "tempo"):
        place += 1
    return place


def _held(encoding: Score, steps: Sequence[int], kind: str) -> Any:
    """Return the meter or the tempo that holds after some steps."""
    return next(encoding.tokens.values[step] for step in reversed(steps) if encoding.tokens.kinds[step] == kind)


def _resumed(encoding: Score, inside: Asked, head: Sequence[int], every: Sequence[int], line: int) -> list[int]:
    """Return the steps after a bar line so that they mean the same whatever stands before it.

    What holds is said again: a meter and a tempo that differ from those of the gap, the program, unless no other can
    play, and how loud each program is.
    """
    number, kinds, values = encoding.tokens.number, encoding.tokens.kinds, encoding.tokens.values
    begin = _after_line(kinds, every, line)
    found = [
        number[kind, held]
        for kind, before in (("meter", inside.meter), ("tempo", inside.bpm))
        if (held := _held(encoding, every[:begin], kind)) != before
    ]
    tuned = [program for program in inside.programs or range(DRUMS) if program != DRUMS]
    program = said = tuned[0] if len(tuned) == 1 and any(kinds[step] == "note" for step in head) else -1
    loud: dict[int, int] = {}  # by program
    told: set[int] = set()
    for place, step in enumerate(every):
        kind, value = kinds[step], values[step]
        after = place >= begin
        if kind == "program":
            program = value
            said = value if after else said
        elif kind in ("note", "drum"):
            plays = DRUMS if kind == "drum" else program
            follows = kinds[every[place + 1]] == "velocity" if place + 1 < len(every) else False
            if follows:
                loud[plays] = values[every[place + 1]]
            if after:
                if kind == "note" and program != said:
                    found.append(number["program", program])
                    said = program
                found.append(step)
                if plays not in told and not follows:
                    found.append(number["velocity", loud[plays]])
                told.add(plays)
                continue
        if after:
            found.append(step)
    return found


# -- the automaton ----------------------------------------------------------------------------


class _At(NamedTuple):
    """Where a song stands: how far in its programme (head, gap, tail, what comes then), and in its bars."""

    place: int
    inner: Any


class Filling(Constraint):
    """Songs that begin with the head of a gap, in which anything fits that fills its bars, and go on with its tail.

    Args:
        encoding: what the steps are.
        whole: the automaton of songs as they are asked for; it allows the song that the gap is cut out of.
        gap: what is given.
    """

    def __init__(self, encoding: Encoding, whole: Constraint, gap: Gap) -> None:
        self.whole, self.inside, self.given = whole, encoding.constraint(gap.inside), gap
        self.size = encoding.tokens.size
        self.gap = len(gap.head)
        self.end = self.gap + 1 + len(gap.tail)
        self.follows = bool(gap.tail or gap.on or gap.lead is not None)
        self.forced = dict(enumerate(gap.head)) | {self.gap + 1 + number: step for number, step in enumerate(gap.tail)}
        self._entry = _through(whole, whole.start(), gap.head)
        self._rest = self._after_gap() if self.follows else 0

    def _after_gap(self) -> int:
        """Return the fewest steps from a full gap to an end; they are the same whatever it is filled with."""
        state, lead = self._entry, self.given.lead
        while distance := self.inside.to_end(state):
            state = next(
                after
                for step in np.flatnonzero(self.inside.allowed(state)).tolist()
                if self.inside.to_end(after := self.inside.advance(state, step)) < distance
            )
        state = _through(self.whole, state, (*([] if lead is None else [lead]), *self.given.tail))
        left = self.whole.to_end(state) if self.given.on else 0
        return (lead is not None) + len(self.given.tail) + left

    def start(self) -> Hashable:
        return _At(0, self.whole.start())

    def allowed(self, state: Hashable) -> np.ndarray:
        place, inner = cast(_At, state)
        if place == self.gap:
            return self.inside.allowed(inner)
        if place == self.end and self.given.on:
            return self.whole.allowed(inner)
        mask = np.zeros(self.size, np.bool_)
        if place < self.end:
            mask[self.forced[place]] = True
        return mask

    def may_end(self, state: Hashable) -> bool:
        place, inner = cast(_At, state)
        if place == self.gap:
            return not self.follows and self.inside.may_end(inner)
        return place == self.end and (not self.given.on or self.whole.may_end(inner))

    def to_end(self, state: Hashable) -> int:
        place, inner = cast(_At, state)
        if place < self.gap:
            return self.gap - place + self.inside.to_end(self._entry) + self._rest
        if place == self.gap:
            return self.inside.to_end(inner) + self._rest
        if place < self.end:
            return self._rest - (self.given.lead is not None) - (place - self.gap - 1)
        return self.whole.to_end(inner) if self.given.on else 0

    def advance(self, state: Hashable, step: Any) -> Hashable:
        place, inner = cast(_At, state)
        if place != self.gap:
            return _At(min(place + 1, self.end), self.whole.advance(inner, step))
        after = self.inside.advance(inner, step)
        full = self.inside.may_end(after) and not self.inside.allowed(after).any()
        return _At(place + 1, self.whole.advance(inner, step)) if full else _At(place, after)


def _through(constraint: Constraint, state: Hashable, steps: Sequence[int]) -> Hashable:
    for step in steps:
        state = constraint.advance(state, step)
    return state
