"""What has come already in one piece, and what it means for the next step."""

from collections.abc import Iterable

import numpy as np

from seqforge.sampling.controls import Controls

LONGEST_RUN = 100
"""Steps of a repeated run that DRY looks at; what is longer is penalised as this."""
MOST_PLACES = 500
"""Earlier places of the last step that DRY looks at, the latest first."""


class History:
    """The steps of one piece, its prompt included, as far as some controls look back.

    Args:
        controls: how steps are chosen.
        size: how many symbols there are.
        steps: of the prompt.
    """

    def __init__(self, controls: Controls, size: int, steps: Iterable[int]) -> None:
        self.controls, self.size = controls, size
        self.steps: list[int] = []
        self.counts = np.zeros(size + 1)
        self.drawn = 0
        self.surprise = 2 * controls.mirostat
        self._follows: dict[tuple[int, ...], set[int]] = {}
        self._places: dict[int, list[int]] = {}
        for step in steps:
            self._add(int(step))

    def add(self, step: int, bits: float) -> None:
        """Take up a step that was drawn.

        Args:
            step: which; the end (number `size`) too.
            bits: its surprise in the distribution it was drawn from.
        """
        self.drawn += 1
        if self.controls.mirostat:
            self.surprise -= self.controls.mirostat_rate * (bits - self.controls.mirostat)
        if step < self.size:
            self._add(step)

    def forced(self) -> int | None:
        """Return the step that must come now, None where any may."""
        force = self.controls.force
        return force[self.drawn] if self.drawn < len(force) else None

    def penalised(self, row: np.ndarray) -> np.ndarray:
        """Return logits with what has come already made less probable; the end is never penalised."""
        controls = self.controls
        found = np.array(row)
        seen = np.flatnonzero(self.counts)
        if controls.repetition_penalty != 1:
            some = found[seen]
            theta = controls.repetition_penalty
            found[seen] = np.where(some > 0, some / theta, some * theta)
        if controls.presence_penalty or controls.frequency_penalty:
            found[seen] -= controls.presence_penalty + controls.frequency_penalty * self.counts[seen]
        if controls.dry:
            for step, run in self.runs().items():
                if run >= controls.dry_length:
                    found[step] -= controls.dry * controls.dry_base ** (run - controls.dry_length)
        n = controls.no_repeat_ngram
        if n and len(self.steps) >= n - 1:
            struck = self._follows.get(tuple(self.steps[len(self.steps) - (n - 1) :]), set())
            found[list(struck)] = -np.inf
        return found

    def runs(self) -> dict[int, int]:
        """Return, for each step that would go on repeating a run, how long the run is so far."""
        found: dict[int, int] = {}
        steps = self.steps
        last = len(steps) - 1
        for place in reversed(self._places.get(steps[-1], [])[:-1][-MOST_PLACES:] if steps else []):
            if self.controls.penalty_window and place < last - self.controls.penalty_window:
                break
            run = 1
            while run < LONGEST_RUN and place - run >= 0 and steps[place - run] == steps[last - run]:
                run += 1
            after = steps[place + 1]
            found[after] = max(found.get(after, 0), run)
        return found

    def _add(self, step: int) -> None:
        self.steps.append(step)
        self.counts[step] += 1
        window = self.controls.penalty_window
        if window and len(self.steps) > window:
            self.counts[self.steps[-1 - window]] -= 1
        n = self.controls.no_repeat_ngram
        if n and len(self.steps) >= n:
            before = tuple(self.steps[len(self.steps) - n : -1])
            self._follows.setdefault(before, set()).add(step)
        if self.controls.dry:
            self._places.setdefault(step, []).append(len(self.steps) - 1)
