"""Beam search: the most probable pieces, as far as a beam of hypotheses finds them.

B. Lowerre, "The HARPY Speech Recognition System", 1976; scores are normalised by length as in Y. Wu et al., "Google's
Neural Machine Translation System", arXiv 1609.08144, section 7: log P / ((5 + length) / 6)^alpha.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import torch

from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.sampling.controls import Controls, Limits
from seqforge.sampling.engine import Engine
from seqforge.sampling.ensemble import Ensemble
from seqforge.sampling.guide import Guide, mask_source_end
from seqforge.sampling.linear import MOST_ROWS
from seqforge.sampling.sampler import Conditions, Sample, prompt_batch


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """A beginning, or a whole piece.

    Attributes:
        steps: that were chosen, after the prompt.
        scores: of each, and of the end, in nats.
        state: of the constraint.
        units: prompt included.
        row: of the engine's state that it goes on from.
    """

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    state: Hashable
    units: float
    row: int

    @property
    def total(self) -> float:
        return float(sum(self.scores))


class BeamSearch:
    """The most probable pieces that a prompt begins, with their log-probabilities.

    The greedy piece is searched beside the beam, so what is found never scores below it.

    Args:
        engine: the network, ready for stepping, or several averaged.
        prompt: where to start, and the constraint.
        conditions: labels and features.
        beams: how many hypotheses are kept at every step.
        length_penalty: alpha: 0 compares log-probabilities as they are, 1 nearly those per step.
        controls: bans hold; everything else is of sampling and must be as by default.
        limits: where a piece is brought to an end.
        units: gives the natural units of an array of steps.

    Raises:
        RequestError: the space has no single steps to rank, or another control is set.
    """

    def __init__(
        self,
        engine: Engine | Ensemble,
        prompt: Prompt,
        conditions: Conditions,
        *,
        beams: int,
        length_penalty: float,
        controls: Controls,
        limits: Limits,
        units: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        space = engine.network.space
        if not isinstance(space, Categorical):
            raise RequestError(f"--beams has no meaning for {space.kind} steps: they have no most probable ones")
        if not 1 <= beams <= MOST_ROWS - 1:
            raise RequestError(f"--beams is {beams}; it must be from 1 to {MOST_ROWS - 1}")
        if not 0 <= length_penalty <= 10:
            raise RequestError(f"--length-penalty is {length_penalty:g}; it must be from 0 to 10")
        if controls != Controls(greedy=controls.greedy, ban=controls.ban):
            raise RequestError(
                "--beams looks for the most probable piece, so of the controls only --ban goes with it;"
                " leave the others out"
            )
        self.engine, self.prompt, self.beams, self.alpha = engine, prompt, beams, length_penalty
        self.size, self.limits, self.units = space.size, limits, units
        self.banned = np.zeros(space.size + 1, np.bool_)
        self.banned[list(controls.ban)] = True
        self.guide = Guide(prompt.constraint) if prompt.constraint is not None else None
        self.first = self.guide.after(prompt) if self.guide else None
        self.begun = engine.begin(prompt_batch(engine.network, prompt, conditions))

    def best(self, n: int) -> list[Sample]:
        """Return the n best whole pieces, the best first; fewer where the beam found fewer."""
        whole = self._search(self.beams)
        if self.beams > 1:
            whole += self._search(1)
        ranked = sorted(whole, key=lambda found: (-self.score(found[0].total, len(found[0].scores)), found[0].steps))
        distinct = {hypothesis.steps: (hypothesis, ended) for hypothesis, ended in reversed(ranked)}
        order = sorted(
            distinct.values(), key=lambda found: (-self.score(found[0].total, len(found[0].scores)), found[0].steps)
        )
        return [self._sample(k, hypothesis, ended) for k, (hypothesis, ended) in enumerate(order[:n])]

    def score(self, total: float, length: int) -> float:
        """Return what hypotheses are ranked by."""
        found: float = total / ((5 + length) / 6) ** self.alpha
        return found

    # -- the search ---------------------------------------------------------------------------

    def _search(self, beams: int) -> list[tuple[_Hypothesis, bool]]:
        """Return whole pieces, and whether the network ended each."""
        outputs, first, added = self.begun
        rows = self.engine.rows_for(beams)
        state = self.engine.state(first, rows)
        conditions = added.repeat(rows, 1)
        prompt = self.prompt.example.steps
        alive = [_Hypothesis((), (), self.first, float(self.units(prompt).sum()), 0)]
        logits = outputs.unsqueeze(0)
        whole: list[tuple[_Hypothesis, bool]] = []
        threads = torch.get_num_threads()
        self.engine.use_threads(rows)
        try:
            while alive:
                rested = self.engine.rested(state) if self.prompt.whole_source else None
                alive = self._extended(alive, logits, self._masks(alive, rested), beams, whole)
                if not alive or self._settled(alive, whole, beams):
                    break
                chosen = torch.zeros(rows, dtype=torch.long)
                chosen[: len(alive)] = torch.tensor([hypothesis.steps[-1] for hypothesis in alive])
                source = torch.zeros(rows, dtype=torch.long)
                source[: len(alive)] = torch.tensor([hypothesis.row for hypothesis in alive])
                state = [tuple(part[source].clone() for part in layer) for layer in state]
                logits = self.engine.step(chosen, conditions, state)
        finally:
            torch.set_num_threads(threads)
        return whole

    def _extended(
        self,
        alive: list[_Hypothesis],
        logits: torch.Tensor,
        masks: np.ndarray,
        beams: int,
        whole: list[tuple[_Hypothesis, bool]],
    ) -> list[_Hypothesis]:
        """Return the best continuations; those that are whole go to `whole`."""
        logs = logits[: len(alive)].double().log_softmax(-1).numpy()
        logs[~masks] = -np.inf
        totals = logs + np.array([hypothesis.total for hypothesis in alive])[:, None]
        order = np.argsort(-totals, axis=None, kind="stable")[: 2 * beams]
        found: list[_Hypothesis] = []
        for place in order.tolist():
            row, step = divmod(place, self.size + 1)
            if totals[row, step] == -np.inf or len(found) == beams:
                break
            made, ended = self._with(alive[row], row, step, float(logs[row, step]))
            if made is None:
                continue
            if ended is None:
                found.append(made)
            else:
                whole.append((made, ended))
                if beams == 1:
                    return []
        return found

    def _masks(self, alive: list[_Hypothesis], rested: np.ndarray | None) -> np.ndarray:
        """Return what may come after each hypothesis: by the constraint, the source, the limits and the bans."""
        masks = np.stack([self._mask(hypothesis) for hypothesis in alive])
        if rested is not None:
            masks = mask_source_end(masks, rested[: len(alive)])
        allowed = masks & ~self.banned
        return np.where(allowed.any(axis=1, keepdims=True), allowed, masks)

    def _mask(self, hypothesis: _Hypothesis) -> np.ndarray:
        mask = np.ones(self.size + 1, np.bool_)
        if self.guide is not None:
            left = self.limits.steps - len(self.prompt.example.steps) - len(hypothesis.steps)
            if hypothesis.units >= self.limits.units:
                mask = self.guide.mask(hypothesis.state, closing=True)
            else:
                mask = self.guide.mask_within(hypothesis.state, left)
        return mask

    def _with(self, before: _Hypothesis, row: int, step: int, score: float) -> tuple[_Hypothesis | None, bool | None]:
        """Return a hypothesis with one step more, and whether that made it whole: by its end, by a limit, or not."""
        scores = (*before.scores, score)
        if step == self.size:
            return _Hypothesis(before.steps, scores, before.state, before.units, row), True
        state = None if self.guide is None else self.guide.constraint.advance(before.state, step)
        units = before.units + float(self.units(np.asarray([step]))[0])
        made = _Hypothesis((*before.steps, step), scores, state, units, row)
        full = units >= self.limits.units
        full |= len(self.prompt.example.steps) + len(made.steps) >= self.limits.steps
        whole = self.guide is None or self.guide.constraint.may_end(state)
        return made, False if full and whole else None

    def _settled(self, alive: list[_Hypothesis], whole: list[tuple[_Hypothesis, bool]], beams: int) -> bool:
        """Return whether nothing alive is as good as the worst of the best; where alpha is 0, scores only fall."""
        if len(whole) < beams:
            return False
        scores = sorted((self.score(found.total, len(found.scores)) for found, _ in whole), reverse=True)
        return max(self.score(each.total, len(each.scores)) for each in alive) <= scores[beams - 1]

    def _sample(self, k: int, hypothesis: _Hypothesis, ended: bool) -> Sample:
        kept = self.prompt.example.steps[: self.prompt.keep]
        steps = np.concatenate([kept, np.array(hypothesis.steps, kept.dtype)])
        return Sample(k, steps, ended, hypothesis.total, hypothesis.scores)
