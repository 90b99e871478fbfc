"""Beam search: the most probable pieces that a beam of hypotheses finds.

B. Lowerre, "The HARPY Speech Recognition System", 1976; scores are normalised by length as in Y. Wu et al., "Google's
Neural Machine Translation System", arXiv 1609.08144, section 7: log P / ((5 + length) / 6)^alpha, plus beta times the
sum over the source of log(min(1, total attention weight)). Groups of beams avoid each other's choices as in A.
Vijayakumar et al., "Diverse Beam Search", arXiv 1610.02424 (Hamming diversity).
"""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from seqforge.core.places import PlaceIndex
from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError
from seqforge.inference import Conditions, EngineState, StepEngine, log_softmax, prompt_batch
from seqforge.sampling.controls import MAX_BEAMS, Controls, Limits, check_beam_controls, check_beams
from seqforge.sampling.distributions import check_finite
from seqforge.sampling.guide import Guide, mask_source_end
from seqforge.sampling.references import place_index, reference_rows
from seqforge.sampling.sampler import Sample

MIN_COVERAGE = 1e-6
"""The smallest total attention weight whose logarithm is taken."""


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """The beginning of a piece, or a complete piece.

    Attributes:
        steps: The steps after the prompt.
        scores: The log-probability of each step, and of the end, in nats.
        state: The state of the constraint.
        units: The natural units, prompt included.
        row: The row of the engine's state that the hypothesis continues.
        places: The places of all steps, prompt included; None if the network does not look back.
    """

    steps: tuple[int, ...]
    scores: tuple[float, ...]
    state: Hashable
    units: float
    row: int
    places: PlaceIndex | None = None

    @property
    def log_probability(self) -> float:
        return float(sum(self.scores))


@dataclass(frozen=True, eq=False)
class _Complete:
    """A complete piece.

    Attributes:
        hypothesis: The piece.
        ended: Whether the network ended it; False if a limit did.
        penalty: What is added to its score for parts of the source that were not read; at most 0.
    """

    hypothesis: _Hypothesis
    ended: bool
    penalty: float = 0.0


class BeamSearch:
    """Searches the most probable pieces that continue a prompt.

    The greedy piece is searched as well, so the result never scores below it.

    Example:
        search = BeamSearch(
            Engine(network), prompt, Conditions(np.zeros(0), np.zeros(0)), beams=8, length_penalty=0.0,
            controls=Controls(), limits=Limits(steps=200), units=lambda steps: np.ones(len(steps)),
        )
        best = search.best(1)[0]

    Args:
        engine: The network in step mode, or several networks as an ensemble.
        prompt: The steps to start from, and the constraint.
        conditions: The labels and features.
        beams: The number of hypotheses that are kept at every step.
        length_penalty: The exponent alpha: 0 compares log-probabilities, 1 compares them nearly per step.
        coverage_penalty: The weight beta of the penalty on symbols of the source that have received less than a total
            attention weight of 1; 0 for none.
        groups: The number of groups of equal width that the beams are divided into. At each step, a group avoids the
            symbols that earlier groups have just chosen.
        diversity: How many nats a choice costs for each hypothesis of an earlier group that has just chosen it.
        controls: The controls; only `ban` has an effect, and all others must have their defaults.
        limits: Where a piece is ended if the network does not end it.
        units: A function that returns the natural units of each step of an array.

    Raises:
        RequestError: If the steps are not symbols, a value is not allowed, another control is set, or there is a
            coverage penalty and the network does not attend to its source by content.
    """

    def __init__(
        self,
        engine: StepEngine,
        prompt: Prompt,
        conditions: Conditions,
        *,
        beams: int,
        length_penalty: float,
        coverage_penalty: float = 0.0,
        groups: int = 1,
        diversity: float = 0.0,
        controls: Controls,
        limits: Limits,
        units: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        space = engine.network.space
        check_beam_controls(controls, beams, space.kind)
        if beams < 1:
            raise RequestError.invalid("beams", beams, f"from 1 to {MAX_BEAMS}")
        check_beams(beams, length_penalty, coverage_penalty=coverage_penalty, groups=groups, diversity=diversity)
        assert isinstance(space, Categorical)
        self.engine, self.prompt, self.beams, self.alpha = engine, prompt, beams, length_penalty
        self.groups, self.diversity, self.coverage_penalty = groups, diversity, coverage_penalty
        self.size, self.limits, self.units = space.size, limits, units
        self.banned = np.zeros(space.size + 1, np.bool_)
        self.banned[list(controls.ban)] = True
        self.guide = Guide(prompt.constraint) if prompt.constraint is not None else None
        self.initial_state = self.guide.state_after(prompt) if self.guide else None
        """The state of the constraint after the prompt."""
        self.place_index = place_index(engine.network, prompt)
        """The places of the prompt's steps; None if the network does not look back."""
        batch = prompt_batch(engine.network, prompt, conditions)
        self.prompt_outputs, self.prompt_state, self.condition_gates = engine.begin(batch)
        if coverage_penalty and engine.coverage(engine.state(self.prompt_state, 1)) is None:
            raise RequestError(
                "`coverage_penalty` needs a model that attends to a source by content, and this one does not; leave it"
                " out",
                field="coverage_penalty", value=coverage_penalty, allowed="0",
            )  # fmt: skip
        self.deadline = math.inf

    @property
    def timed_out(self) -> bool:
        """Whether the time limit has passed, so that every hypothesis continues to its nearest end."""
        return time.monotonic() > self.deadline

    def best(self, n: int) -> list[Sample]:
        """Return the n best complete pieces, the best first; fewer if the beam found fewer.

        With several groups, the best piece of each group comes first, then the second of each group, and so on.

        Raises:
            RunError: If the outputs of the network are not finite.
        """
        self.deadline = time.monotonic() + self.limits.seconds
        complete = self._search(self.beams, self.groups)
        if self.beams > 1 and not self.timed_out:  # after the deadline, a greedy piece would end at once
            complete[0] += self._search(1, 1)[0]
        ranks: dict[tuple[int, ...], tuple[int, tuple[float, tuple[int, ...]]]] = {}
        pieces: dict[tuple[int, ...], _Complete] = {}
        for group in complete:
            distinct = {piece.hypothesis.steps: piece for piece in sorted(group, key=self._rank, reverse=True)}
            for number, (steps, piece) in enumerate(sorted(distinct.items(), key=lambda item: self._rank(item[1]))):
                rank = number if self.groups > 1 else 0, self._rank(piece)
                if steps not in ranks or rank < ranks[steps]:
                    ranks[steps], pieces[steps] = rank, piece
        order = sorted(pieces, key=ranks.__getitem__)
        return [self._sample(k, pieces[steps]) for k, steps in enumerate(order[:n])]

    def score(self, log_probability: float, length: int) -> float:
        """Return the score by which hypotheses are ranked.

        Args:
            log_probability: The log-probability of a piece, in nats.
            length: Its number of steps, the end included.
        """
        score: float = log_probability / ((5 + length) / 6) ** self.alpha
        return score

    def _rank(self, piece: _Complete) -> tuple[float, tuple[int, ...]]:
        """Return the sort key of a complete piece: the best score first, then by steps."""
        return -self._score_of(piece), piece.hypothesis.steps

    def _score_of(self, piece: _Complete) -> float:
        return self._bound_of(piece.hypothesis) + piece.penalty

    def _bound_of(self, hypothesis: _Hypothesis) -> float:
        """Return the score of a hypothesis without the coverage penalty."""
        return self.score(hypothesis.log_probability, len(hypothesis.scores))

    def _penalties(self, state: EngineState) -> np.ndarray:
        """Return the coverage penalty of each row, shape (rows,)."""
        weights = self.engine.coverage(state) if self.coverage_penalty else None
        if weights is None:
            return np.zeros(len(state[0][0]))
        logs = np.log(np.clip(weights.astype(np.float64), MIN_COVERAGE, 1))
        penalties: np.ndarray = self.coverage_penalty * np.nansum(logs, axis=1)
        return penalties

    # -- the search ---------------------------------------------------------------------------

    def _search(self, beams: int, groups: int) -> list[list[_Complete]]:
        """Return the complete pieces that each group of a beam of this width finds."""
        rows, width = self.engine.rows_for(beams), beams // groups
        state = self.engine.state(self.prompt_state, rows)
        condition_gates = np.repeat(self.condition_gates[None], rows, 0)
        # 1. Start each group with one hypothesis, the prompt.
        prompt_units = float(self.units(self.prompt.example.steps).sum())
        start = _Hypothesis((), (), self.initial_state, prompt_units, 0, self.place_index)
        active = [[start] for _ in range(groups)]
        logits = np.repeat(self.prompt_outputs[None], rows, 0)
        complete: list[list[_Complete]] = [[] for _ in range(groups)]
        while True:
            # 2. Extend every hypothesis by every allowed step and keep the best; move complete ones aside.
            steps_at_end = self.engine.steps_at_source_end(state) if self.prompt.whole_source else None
            masks = self._masks([hypothesis for group in active for hypothesis in group], steps_at_end)
            penalties = self._penalties(state)
            choices, first = np.zeros(self.size + 1), 0  # how many hypotheses of earlier groups have chosen each step
            for number, group in enumerate(active):
                numbers = slice(first, first + len(group))
                active[number] = self._extend(
                    group, logits[numbers], masks[numbers], width, complete[number], first, choices, penalties
                )
                first += len(group)
                # 3. Stop a group if none of its hypotheses can still become one of its best.
                if active[number] and self._is_settled(active[number], complete[number], width):
                    active[number] = []
            hypotheses = [hypothesis for group in active for hypothesis in group]
            if not hypotheses:
                return complete
            # 4. Copy the engine's state to the row of each hypothesis, and read the last steps.
            steps = np.zeros(rows, np.int64)
            steps[: len(hypotheses)] = [hypothesis.steps[-1] for hypothesis in hypotheses]
            source_rows = np.zeros(rows, np.int64)
            source_rows[: len(hypotheses)] = [hypothesis.row for hypothesis in hypotheses]
            state = [tuple(part[source_rows] for part in layer) for layer in state]
            references = reference_rows([hypothesis.places for hypothesis in hypotheses], rows)
            logits = self.engine.step(steps, condition_gates, state, references)

    def _extend(
        self,
        active: list[_Hypothesis],
        logits: np.ndarray,
        masks: np.ndarray,
        width: int,
        complete: list[_Complete],
        first: int,
        choices: np.ndarray,
        penalties: np.ndarray,
    ) -> list[_Hypothesis]:
        """Return the best continuations of a group that are not complete; append the complete ones to `complete`.

        Args:
            active: The hypotheses of the group.
            logits: The outputs of the head for each of them.
            masks: The mask of each of them.
            width: The number of hypotheses to keep.
            complete: The complete pieces of the group.
            first: The row of the first hypothesis.
            choices: The number of hypotheses of earlier groups that have chosen each step; those of this group are
                added.
            penalties: The coverage penalty of each row.
        """
        if not active:
            return []
        scores = log_softmax(logits)
        scores[~masks] = -np.inf
        check_finite(scores.max(axis=1))  # NaN reaches the maximum; a row without a possible step has -inf
        totals = scores + np.array([hypothesis.log_probability for hypothesis in active])[:, None]
        totals -= self.diversity * choices
        order = np.argsort(-totals, axis=None, kind="stable")[: 2 * width]
        extended: list[_Hypothesis] = []
        for index in order.tolist():
            row, step = divmod(index, self.size + 1)
            if totals[row, step] == -np.inf or len(extended) == width:
                break
            hypothesis, ended = self._append(active[row], first + row, step, float(scores[row, step]))
            choices[step] += 1
            if ended is None:
                extended.append(hypothesis)
            else:
                complete.append(_Complete(hypothesis, ended, float(penalties[first + row])))
                if width == 1:
                    return []
        return extended

    def _masks(self, active: list[_Hypothesis], steps_at_end: np.ndarray | None) -> np.ndarray:
        """Return the mask of each hypothesis: what constraint, source, limits and bans allow."""
        masks = np.stack([self._mask(hypothesis) for hypothesis in active])
        if steps_at_end is not None:
            masks = mask_source_end(masks, steps_at_end[: len(active)])
        allowed = masks & ~self.banned
        return np.where(allowed.any(axis=1, keepdims=True), allowed, masks)

    def _mask(self, hypothesis: _Hypothesis) -> np.ndarray:
        """Return what the constraint allows after a hypothesis, within the limits."""
        mask = np.ones(self.size + 1, np.bool_)
        if self.guide is not None:
            steps_left = self.limits.steps - len(self.prompt.example.steps) - len(hypothesis.steps)
            if hypothesis.units >= self.limits.units or self.timed_out:
                mask = self.guide.mask(hypothesis.state, nearest_end=True)
            else:
                mask = self.guide.mask_within(hypothesis.state, steps_left)
        return mask

    def _append(self, before: _Hypothesis, row: int, step: int, score: float) -> tuple[_Hypothesis, bool | None]:
        """Return a hypothesis with one more step.

        Returns:
            The hypothesis; and None if it is not complete, True if the step is the end, False if it reached a limit.
        """
        scores = (*before.scores, score)
        if step == self.size:
            return _Hypothesis(before.steps, scores, before.state, before.units, row), True
        state = None if self.guide is None else self.guide.constraint.advance(before.state, step)
        units = before.units + float(self.units(np.asarray([step]))[0])
        places = None if before.places is None else before.places.copy()
        if places is not None:
            places.add(step)
        hypothesis = _Hypothesis((*before.steps, step), scores, state, units, row, places)
        full = units >= self.limits.units or self.timed_out
        full |= len(self.prompt.example.steps) + len(hypothesis.steps) >= self.limits.steps
        may_end = self.guide is None or self.guide.constraint.may_end(state)
        return hypothesis, False if full and may_end else None

    def _is_settled(self, active: list[_Hypothesis], complete: list[_Complete], beams: int) -> bool:
        """Return whether no active hypothesis scores above the worst of the best complete pieces.

        With alpha = 0 this is exact, because scores only fall.
        """
        if len(complete) < beams:
            return False
        scores = sorted((self._score_of(piece) for piece in complete), reverse=True)
        return max(self._bound_of(hypothesis) for hypothesis in active) <= scores[beams - 1]

    def _sample(self, k: int, piece: _Complete) -> Sample:
        """Return a complete piece as a sample."""
        prompt_steps = self.prompt.example.steps[: self.prompt.keep]
        hypothesis = piece.hypothesis
        steps = np.concatenate([prompt_steps, np.array(hypothesis.steps, prompt_steps.dtype)])
        return Sample(k, steps, piece.ended, hypothesis.log_probability, hypothesis.scores)
