"""Lines of a text as regions, and the task that rewrites some of them and leaves all others as they are."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from seqforge import Constraint, FileSelection, Piece, Prompt, Region, Task

__all__ = ["LineRequest", "LineTask", "LinesConstraint", "line_regions"]

MAX_LINE = 10_000
"""The largest number of a line."""
MAX_BYTES = 1_000_000


def line_regions(text: str) -> tuple[Region, ...]:
    r"""Return the lines of a text as regions; empty lines are none.

    >>> [region.name for region in line_regions("To be\n\nor not\n")]
    ['line 1', 'line 3']
    """
    regions, start = [], 0
    for number, line in enumerate(text.split("\n")[:MAX_LINE], 1):
        if line.strip():
            regions.append(Region(number, f"line {number}", characters=(start, start + len(line))))
        start += len(line) + 1
    return tuple(regions)


@dataclass(frozen=True)
class LineRequest:
    r"""Which lines of which text are rewritten.

    Attributes:
        lines: The lines of the text, without their ends.
        chosen: The numbers of the lines to rewrite, from 1, ascending.
    """

    lines: tuple[str, ...]
    chosen: tuple[int, ...]

    @classmethod
    def read(cls, text: str) -> "LineRequest":
        """Return the request that a text such as "poem.txt:3-4,9" makes.

        Raises:
            RequestError: If the text names no lines, or the file cannot be read or lacks them.
        """
        selection = FileSelection.parse(text)
        lines = tuple(selection.read_text(MAX_BYTES).split("\n"))
        return cls(lines, selection.numbers(len(lines), "lines"))

    def runs(self) -> list[tuple[int, int]]:
        """Return the runs of consecutive lines, each as its first line and the line after its last, from 0."""
        runs: list[list[int]] = []
        for number in self.chosen:
            if runs and number - 1 == runs[-1][1]:
                runs[-1][1] = number
            else:
                runs.append([number - 1, number])
        return [(first, end) for first, end in runs]


class LinesConstraint(Constraint):
    r"""Allows a number of lines, each with at least one character.

    >>> constraint = LinesConstraint(None, size=3, newline=1, start=(), count=1)
    >>> constraint.allowed(constraint.start()).tolist()
    [False, False, True]

    Args:
        inner: The constraint of the model's tokens; None allows all but the first, which is UNSEEN.
        size: The number of tokens.
        newline: The number of the token that ends a line.
        start: The steps of the prompt, during which nothing is counted.
        count: The number of lines.
    """

    def __init__(self, inner: Constraint | None, *, size: int, newline: int, start: Sequence[int], count: int) -> None:
        self.inner, self.newline, self.count, self.prompt = inner, newline, count, len(start)
        self.everything = np.arange(size) > 0

    def start(self) -> Hashable:
        """Return the inner state, the steps of the prompt, the lines to come, and whether the line has a character."""
        return (None if self.inner is None else self.inner.start(), self.prompt, self.count, False)

    def allowed(self, state: Hashable) -> np.ndarray:
        inner, prompt, lines, has_text = cast(tuple[Any, int, int, bool], state)
        mask = self.everything if self.inner is None else self.inner.allowed(inner)
        if prompt:
            return mask
        mask = mask & bool(lines)
        if not has_text:
            mask[self.newline] = False
        return mask

    def may_end(self, state: Hashable) -> bool:
        _, prompt, lines, _ = cast(tuple[Any, int, int, bool], state)
        return not prompt and not lines

    def to_end(self, state: Hashable) -> int:
        inner, prompt, lines, has_text = cast(tuple[Any, int, int, bool], state)
        inside = 0 if self.inner is None else self.inner.to_end(inner)
        return prompt + inside + 2 * lines - has_text

    def advance(self, state: Hashable, step: Any) -> Hashable:
        inner, prompt, lines, _ = cast(tuple[Any, int, int, bool], state)
        inner = inner if self.inner is None else self.inner.advance(inner, step)
        if prompt:
            return (inner, prompt - 1, lines, False)
        if int(step) == self.newline:
            return (inner, 0, lines - 1, False)
        return (inner, 0, lines, True)


class LineTask(Task[str]):
    """The task of rewriting lines: one prompt per run of lines, which follows from the text before it.

    Args:
        request: The text and the lines.
        prompt: A function that returns the prompt of a text.
        newline: The number of the token that ends a line.
        size: The number of tokens.
    """

    def __init__(
        self, request: LineRequest, prompt: Callable[[str | None], Prompt], *, newline: int, size: int, is_free: bool
    ) -> None:
        prompts = []
        for first, end in request.runs():
            before = "".join(f"{line}\n" for line in request.lines[:first])
            beginning = prompt(before or None)
            inner = None if is_free else beginning.constraint
            steps = beginning.example.steps
            constraint = LinesConstraint(inner, size=size, newline=newline, start=steps.tolist(), count=end - first)
            prompts.append(replace(beginning, constraint=constraint, keep=0))
        super().__init__(prompts)
        self.request = request

    def finish(self, pieces: Sequence[Piece[str]]) -> Piece[str]:
        """Return the text with its new lines."""
        lines = list(self.request.lines)
        for (first, end), piece in zip(self.request.runs(), pieces, strict=True):
            new = piece.content.split("\n")[: end - first]
            lines[first:end] = [*new, *[""] * (end - first - len(new))]
        return Piece("\n".join(lines), pieces[0].labels)
