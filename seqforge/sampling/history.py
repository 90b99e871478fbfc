"""The earlier steps of one piece, and the penalties that depend on them."""

from collections.abc import Iterable

import numpy as np

from seqforge.sampling.controls import Controls

MAX_RUN = 100
"""The longest repeated run that DRY measures; longer runs count as this long."""
MAX_POSITIONS = 500
"""The number of earlier positions of the last step that DRY compares, the latest first."""


class History:
    """The steps of one piece, prompt included, as far as the controls depend on them.

    >>> history = History(Controls(presence_penalty=1.0), 3, [0, 2])
    >>> history.penalise(np.zeros(4))
    array([-1.,  0., -1.,  0.])

    Args:
        controls: The controls.
        size: The number of symbols.
        steps: The steps of the prompt.

    Attributes:
        steps: All steps so far, prompt included.
        counts: How often each symbol occurs in the penalty window; shape (size + 1,), the last entry stays 0.
        drawn_count: The number of steps after the prompt.
        max_surprisal: The current bound of mirostat, in bits.
    """

    def __init__(self, controls: Controls, size: int, steps: Iterable[int]) -> None:
        self.controls, self.size = controls, size
        self.steps: list[int] = []
        self.counts = np.zeros(size + 1)
        self.drawn_count = 0
        self.max_surprisal = 2 * controls.mirostat
        self._next_steps: dict[tuple[int, ...], set[int]] = {}
        """The steps that followed each (n - 1)-gram; for no-repeat n-gram."""
        self._positions: dict[int, list[int]] = {}
        """The positions of each step; for DRY."""
        for step in steps:
            self._append(int(step))

    def add(self, step: int, bits: float) -> None:
        """Add a step that was drawn.

        Args:
            step: The step; `size` stands for the end of the piece.
            bits: Its surprisal in the distribution that it was drawn from.
        """
        self.drawn_count += 1
        if self.controls.mirostat:
            self.max_surprisal -= self.controls.mirostat_rate * (bits - self.controls.mirostat)
        if step < self.size:
            self._append(step)

    def forced_step(self) -> int | None:
        """Return the step that the control `force` demands next, None if it demands none."""
        force = self.controls.force
        return force[self.drawn_count] if self.drawn_count < len(force) else None

    def penalise(self, logits: np.ndarray) -> np.ndarray:
        """Return logits after the penalties of earlier steps; the end of the piece is never penalised.

        Args:
            logits: The logits of one row, shape (size + 1,), that of the end last.
        """
        controls = self.controls
        result = np.array(logits)
        repeated = np.flatnonzero(self.counts)
        if controls.repetition_penalty != 1:
            values = result[repeated]
            theta = controls.repetition_penalty
            result[repeated] = np.where(values > 0, values / theta, values * theta)
        if controls.presence_penalty or controls.frequency_penalty:
            result[repeated] -= controls.presence_penalty + controls.frequency_penalty * self.counts[repeated]
        if controls.dry:
            for step, length in self.repeated_runs().items():
                if length >= controls.dry_length:
                    result[step] -= controls.dry * controls.dry_base ** (length - controls.dry_length)
        n = controls.no_repeat_ngram
        if n and len(self.steps) >= n - 1:
            blocked = self._next_steps.get(tuple(self.steps[len(self.steps) - (n - 1) :]), set())
            result[list(blocked)] = -np.inf
        return result

    def repeated_runs(self) -> dict[int, int]:
        """Return, for each step that would continue a repeated run, the length of the run so far.

        >>> History(Controls(dry=1.0), 5, [1, 2, 3, 1, 2]).repeated_runs()
        {3: 2}
        """
        lengths: dict[int, int] = {}
        steps = self.steps
        last = len(steps) - 1
        positions = self._positions.get(steps[-1], [])[:-1][-MAX_POSITIONS:] if steps else []
        for position in reversed(positions):
            if self.controls.penalty_window and position < last - self.controls.penalty_window:
                break
            length = 1
            while length < MAX_RUN and position - length >= 0 and steps[position - length] == steps[last - length]:
                length += 1
            next_step = steps[position + 1]
            lengths[next_step] = max(lengths.get(next_step, 0), length)
        return lengths

    def _append(self, step: int) -> None:
        """Append a step and update counts, n-grams and positions."""
        self.steps.append(step)
        self.counts[step] += 1
        window = self.controls.penalty_window
        if window and len(self.steps) > window:
            self.counts[self.steps[-1 - window]] -= 1
        n = self.controls.no_repeat_ngram
        if n and len(self.steps) >= n:
            prefix = tuple(self.steps[len(self.steps) - n : -1])
            self._next_steps.setdefault(prefix, set()).add(step)
        if self.controls.dry:
            self._positions.setdefault(step, []).append(len(self.steps) - 1)
