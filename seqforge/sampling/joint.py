"""The first steps of a piece, drawn jointly from all sequences of steps that the constraint allows."""

import math
from dataclasses import dataclass

import numpy as np

from seqforge.core.places import PlaceIndex
from seqforge.core.spaces import Categorical
from seqforge.errors import ContractError
from seqforge.inference import MAX_ROWS, EngineState, StepEngine, log_softmax
from seqforge.sampling.controls import Controls
from seqforge.sampling.distributions.categorical import SpaceDistribution
from seqforge.sampling.guide import CachedState, Guide
from seqforge.sampling.references import reference_rows

__all__ = ["JointSteps"]

MIN_LOG_PROBABILITIES = (math.log(1e-5), math.log(1e-9), -math.inf)
"""A sequence is not continued once its log-probability is below the first of these numbers with which the sequences
that were not continued have less than `MAX_MISSING` of the probability."""
MAX_MISSING = 1e-3
MAX_SEQUENCES = 100_000
"""The largest number of sequences that are scored."""


@dataclass(frozen=True, slots=True)
class _Prefix:
    """The beginning of a sequence.

    Attributes:
        steps: The steps.
        log_probability: Their log-probability under the network.
        entry: The state of the constraint after them.
        places: The places of all steps, those of the prompt included; None if the network does not look back.
    """

    steps: tuple[int, ...]
    log_probability: float
    entry: CachedState
    places: PlaceIndex | None


class JointSteps:
    r"""The distribution of the first steps under the network, conditioned on what the constraint allows.

    A mask at every step does not look ahead: if step 2 is fixed, step 1 is drawn without regard to it. Here every
    sequence of `depth` steps that the constraint allows is scored, and one is drawn with the probability

    .. math:: p(x_1, \dots, x_d) / Z, \qquad Z = \sum_{x \in A} p(x_1, \dots, x_d)

    The controls apply to this distribution as to that of a single step.

    Example:
        joint = JointSteps(engine, guide, guide.lookup(state), *engine.begin(batch), depth=4, controls=Controls())
        steps = joint.draw(seed=0, k=5, part=0)

    Args:
        engine: The network in step mode.
        guide: The constraint.
        entry: The state of the constraint before the first step.
        outputs: The outputs of the network for the first step, shape (outputs,).
        state: The state of the network before the first step, without a row axis.
        condition_gates: The part of the labels and features in the gates of the first layer, shape (gates,).
        depth: The number of steps that are drawn jointly.
        controls: How a step is chosen. A banned step occurs only where no other is allowed.
        places: The places of the steps before the first one; None if the network does not look back.

    Attributes:
        sequences: The sequences that may be drawn, shape (sequences, depth); some are shorter if the piece may only
            end after them, and padded with -1.
        log_probabilities: Their log-probabilities under the network, shape (sequences,).
        log_total: The logarithm of the sum of their probabilities.

    Raises:
        ContractError: If the constraint allows more than `MAX_SEQUENCES` sequences.
    """

    def __init__(
        self,
        engine: StepEngine,
        guide: Guide,
        entry: CachedState,
        outputs: np.ndarray,
        state: EngineState,
        condition_gates: np.ndarray,
        *,
        depth: int,
        controls: Controls,
        places: PlaceIndex | None = None,
    ) -> None:
        self._engine, self._guide, self._condition_gates, self._depth = engine, guide, condition_gates, depth
        self._banned = controls.ban
        for self._min_log_probability in MIN_LOG_PROBABILITIES:
            self._missing, self._complete = 0.0, list[_Prefix]()
            rows = engine.rows_for(1)
            start = _Prefix((), 0.0, entry, None if places is None else places.copy())
            self._extend([start], np.repeat(outputs[None], rows, 0), engine.state(state, rows))
            total = sum(math.exp(prefix.log_probability) for prefix in self._complete)
            if self._complete and self._missing <= MAX_MISSING * total:
                break
        longest = max(len(prefix.steps) for prefix in self._complete)
        self.sequences = np.full((len(self._complete), longest), -1, np.int64)
        for row, prefix in enumerate(self._complete):
            self.sequences[row, : len(prefix.steps)] = prefix.steps
        self.log_probabilities = np.array([prefix.log_probability for prefix in self._complete])
        largest = self.log_probabilities.max()
        self.log_total = float(largest + np.log(np.exp(self.log_probabilities - largest).sum()))
        self._mask = np.ones((1, len(self._complete) + 1), np.bool_)
        self._mask[0, -1] = False  # it stands for the end, which is no sequence
        self._distribution = SpaceDistribution(
            Categorical(len(self._complete)),
            Controls(
                temperature=controls.temperature, top_k=controls.top_k, top_p=controls.top_p, min_p=controls.min_p,
                typical=controls.typical, greedy=controls.greedy, temperature_range=controls.temperature_range,
                temperature_exponent=controls.temperature_exponent, top_n_sigma=controls.top_n_sigma,
                epsilon=controls.epsilon, eta=controls.eta,
            ),
        )  # fmt: skip

    def draw(self, *, seed: int, k: int, part: int) -> list[int]:
        """Return the first steps of sample k, which depend only on the seed, the part and k.

        Args:
            seed: The seed of the random numbers.
            k: The number of the sample.
            part: The number of the prompt in a request with several prompts.
        """
        key, counter = np.array([seed, k], np.uint64), np.array([0, 0, 2, part], np.uint64)
        uniforms = np.random.Generator(np.random.Philox(key=key, counter=counter)).random((1, 1))
        outputs = np.append(self.log_probabilities, self.log_probabilities.min())[None]
        choice = self._distribution.choose(outputs, self._mask, uniforms)
        steps: list[int] = self.sequences[int(choice.steps[0])].tolist()
        return [step for step in steps if step >= 0]

    def _extend(self, prefixes: list[_Prefix], outputs: np.ndarray, state: EngineState) -> None:
        """Extend beginnings of equal length by every allowed step, up to the depth.

        Args:
            prefixes: The beginnings, at most as many as the engine has rows.
            outputs: The outputs of the network after them, shape (rows, outputs).
            state: The state of the network after them.
        """
        while children := self._children(prefixes, outputs):
            if len(children[0][1].steps) == self._depth:
                self._complete += [child for _, child in children]
                if len(self._complete) > MAX_SEQUENCES:
                    raise ContractError(
                        f"`joint_steps` of the prompt is {self._depth}, and the constraint allows more than"
                        f" {MAX_SEQUENCES:,} sequences of so many steps; set it where most of these steps are fixed"
                    )
                return
            chunks = [children[first : first + MAX_ROWS] for first in range(0, len(children), MAX_ROWS)]
            for chunk in chunks[1:]:
                self._extend([child for _, child in chunk], *self._read(chunk, state))
            prefixes = [child for _, child in chunks[0]]
            outputs, state = self._read(chunks[0], state)

    def _children(self, prefixes: list[_Prefix], outputs: np.ndarray) -> list[tuple[int, _Prefix]]:
        """Return the beginnings that are longer by one step, each with the row of the beginning that it extends."""
        log_probabilities = log_softmax(outputs)
        children: list[tuple[int, _Prefix]] = []
        for row, prefix in enumerate(prefixes):
            allowed = np.flatnonzero(prefix.entry.mask[:-1])
            steps = np.setdiff1d(allowed, self._banned) if self._banned else allowed
            if not len(allowed):
                self._complete.append(prefix)
            steps = steps if len(steps) else allowed
            for step in steps.tolist():
                log_probability = prefix.log_probability + float(log_probabilities[row, step])
                if log_probability < self._min_log_probability:
                    self._missing += math.exp(log_probability)
                else:
                    entry, places = self._guide.advance(prefix.entry, step), prefix.places
                    if places is not None:
                        places = places.copy() if len(steps) > 1 else places
                        places.add(step)
                    children.append((row, _Prefix((*prefix.steps, step), log_probability, entry, places)))
        return children

    def _read(self, children: list[tuple[int, _Prefix]], state: EngineState) -> tuple[np.ndarray, EngineState]:
        """Let the engine read the last step of each beginning; return the outputs and the state after it.

        Args:
            children: The beginnings, each with the row of `state` that holds the state before its last step.
            state: The state of all rows; it is not changed.
        """
        rows = np.zeros(self._engine.rows_for(len(children)), np.int64)
        rows[: len(children)] = [row for row, _ in children]
        steps = np.zeros_like(rows)
        steps[: len(children)] = [child.steps[-1] for _, child in children]
        new_state = [tuple(part[rows] for part in layer) for layer in state]
        gates = np.repeat(self._condition_gates[None], len(rows), 0)
        references = reference_rows([child.places for _, child in children], len(rows))
        return self._engine.step(steps, gates, new_state, references), new_state
