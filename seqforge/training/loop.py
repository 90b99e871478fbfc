"""The training loop. It yields events and writes no files; its caller does."""

import contextlib
import math
from collections.abc import Iterator

from torch import Tensor

from seqforge.dataset import Dataset
from seqforge.errors import DamagedFileError
from seqforge.network import Network, NetworkState, draw_masks
from seqforge.training.batches import Augment, Batches
from seqforge.training.config import TrainingConfig
from seqforge.training.diagnosis import RISES, corpus_problems, label_problem, observe_step, valid_loss_rises
from seqforge.training.estimate import Outlook
from seqforge.training.events import (
    CheckpointDue,
    DecayScheduled,
    Diagnosed,
    Ended,
    Event,
    Progress,
    Validated,
)
from seqforge.training.gradients import compute_gradients
from seqforge.training.likelihood import evaluate_batches, evaluation_mode
from seqforge.training.optimiser import Optimiser
from seqforge.training.precision import agreed_precision
from seqforge.training.process_group import ProcessGroup
from seqforge.training.schedule import DECAY_SHARE, Decay, rate
from seqforge.training.state import TrainerState
from seqforge.training.stopwatch import Stopwatch

VALID_ROWS = 64
"""Minimal number of rows of a validation batch."""
VALID_BURN_IN = 256
"""Positions that are read but not counted where a piece of the valid split is divided."""
MAX_VALID_POSITIONS = 400_000
"""Maximal number of positions per validation."""
MAX_LABEL_POSITIONS = 50_000
"""Maximal number of positions on which the loss without labels is measured at the end of a run."""
VALID_SHARE = 0.06
"""Share of the run that validations may take, about."""
STEPS_BEFORE_ESTIMATE = 20
"""Number of steps after which the remaining time is estimated."""
CHECKPOINT_SECONDS = 50.0
"""Seconds between two checkpoints, so that at most about a minute of training is lost."""
SINGLE_PROCESS = ProcessGroup()


class Trainer:
    """The training of a network on a dataset.

    Example:
        trainer = Trainer(network, train, valid, TrainingConfig(steps=1000))
        for event in trainer.run():
            if isinstance(event, Validated):
                write_state(path, trainer.state, trainer.tensors(), {})

    Args:
        network: The network; it is trained in place.
        train: The pieces to train on.
        valid: The pieces to validate on; without them the last weights count as the best.
        config: How to train.
        augment: Function that returns a variant of a piece in each epoch.
        group: The processes that train together.

    Attributes:
        state: The numbers that a resumed run needs.
        hidden_state: The hidden state of the network after the last step.
        precision: The precision of the matrix products, "float32" or "bfloat16".
        precision_reason: Why the precision "auto" stands for this precision, in process 0; "" if the config sets it.
        stop_at: Number of steps after which `run` ends, as if interrupted; None for no limit.
        stop_requested: Set it to True to end `run` after the current step.
    """

    def __init__(
        self,
        network: Network,
        train: Dataset,
        valid: Dataset | None,
        config: TrainingConfig,
        *,
        augment: Augment | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.network, self.config, self.group = network, config, group
        self.train, self.valid_data = train, valid if valid is not None and len(valid) else None
        self.device = next(network.parameters()).device
        self.precision, self.precision_reason = agreed_precision(
            config.precision, self.device, network.config.hidden, group
        )
        self.batches = Batches(
            train,
            rows=config.batch_size,
            length=config.bptt,
            seed=config.seed,
            augment=augment,
            history=network.history,
            local=group.rows,
        )
        self.valid: Batches | None = None
        if valid is not None and self.valid_data is not None:
            rows = max(config.batch_size, VALID_ROWS)
            self.valid = Batches(
                valid,
                rows=rows,
                length=2 * config.bptt,
                seed=None,
                burn_in=VALID_BURN_IN,
                history=network.history,
            )
        self.units_per_position = float(train.units.sum()) / self.batches.positions
        self.valid_units_per_position = float(valid.units.sum()) / self.valid.positions if self.valid and valid else 1.0
        self.optimiser = Optimiser(
            network, weight_decay=config.weight_decay, grad_clip=config.grad_clip, ema=config.ema
        )
        self.state = TrainerState()
        self._diagnoses: list[Diagnosed] = []
        self._outlook = Outlook(config.budget)
        self.hidden_state: NetworkState = self._zero_state()
        self.stop_at: int | None = None
        self.stop_requested = False
        self._schedule_decay_in_advance()

    def _zero_state(self) -> NetworkState:
        return self.network.zero_state(len(self.batches.local_rows))

    # -- saving and resuming ------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs. With several processes, all of them must call this method."""
        hidden = {
            f"hidden.{number}.{part}": self.group.gather(value, self.batches.rows)
            for number, layer in enumerate(self.hidden_state)
            for part, value in enumerate(layer)
        }
        return self.optimiser.tensors() | hidden

    def restore(self, state: TrainerState, tensors: dict[str, Tensor]) -> None:
        """Restore a saved state.

        Args:
            state: The saved `Trainer.state`.
            tensors: The saved result of `Trainer.tensors`.

        Raises:
            DamagedFileError: If the tensors are not those of this run.
        """
        try:
            self.optimiser.restore(tensors)
            self.hidden_state = [
                tuple(
                    _check_shape(tensors[f"hidden.{number}.{part}"][self.group.rows], value)
                    for part, value in enumerate(layer)
                )
                for number, layer in enumerate(self.hidden_state)
            ]
        except (KeyError, ValueError) as error:
            raise DamagedFileError(f"the state does not fit this run: {error}") from error
        self.state = state

    # -- running ------------------------------------------------------------------------------

    def run(self) -> Iterator[Event]:
        """Train until the budget is used up, the patience is exhausted, or a stop is requested; yield events.

        Raises:
            RunError: If the loss stays not finite, or diverges again and again.
        """
        # 1. Start the clock, which continues the duration of earlier sessions, and the running sums of the report.
        state, stopwatch = self.state, Stopwatch(self.state.seconds)
        validation_interval, steps_before = self._validation_interval(), state.t
        nats, positions, reported = 0.0, 0.0, stopwatch.seconds()
        saved = None if state.t == 0 else state.seconds
        while not state.finished:
            # 2. Leave the loop if a stop was requested; process 0 decides for all.
            if self.group.broadcast(float(self.stop_requested), self.device) or self._at_stop():
                break
            # 3. Ask for a checkpoint before the first two steps and then by time. The previous step is complete here,
            #    its validation included, so that a resumed run continues with the next step.
            if saved is None or state.t == 1 or state.seconds - saved >= CHECKPOINT_SECONDS:
                yield CheckpointDue(state.t)
                saved = state.seconds
            if state.t == 0 and self.group.is_main:
                yield from corpus_problems(self.train, self.valid_data, parameters=self.network.parameter_count())
            # 4. Take a step and read the clock of process 0.
            step_nats, step_positions = self.step()
            yield from self._diagnoses
            nats, positions = nats + step_nats, positions + step_positions
            state.seconds = self.group.broadcast(stopwatch.seconds(), self.device)
            # 5. Schedule the decay once the first part of the minutes is spent; the end of the decay ends the run.
            yield from self._schedule_decay_by_time(state.t - steps_before)
            state.finished = state.decay is not None and state.t >= state.decay.last
            # 6. Report the progress about once per second.
            if state.seconds - reported >= 1.0 or state.finished or self._at_stop():
                yield self._progress(nats, positions, state.seconds - reported, state.t - steps_before, stopwatch)
                nats, positions, reported = 0.0, 0.0, stopwatch.seconds()
            # 7. Validate. The patience is checked before the event is yielded, because the caller saves the state then.
            if state.t % validation_interval == 0 or state.finished:
                validated = self._validate()
                scheduled = list(self._check_patience())
                yield validated
                yield from self._outlook(validated, self.state.decay)
                yield from self._judge_labels()
                yield from scheduled
                saved = state.seconds
                reported = stopwatch.seconds()
        # 8. Report the end.
        state.seconds = stopwatch.seconds()
        yield Ended(state.t, state.finished, state.seconds / 60)

    def _at_stop(self) -> bool:
        return self.stop_at is not None and self.state.t >= self.stop_at

    def step(self) -> tuple[float, float]:
        """Take one step; return the sum of the losses in nats, and the number of positions that were counted.

        A step whose loss or gradient is not finite changes no weight and counts no position.

        Raises:
            RunError: If the loss stays not finite, or diverges again and again.
        """
        t, config = self.state.t, self.config
        # 1. Read the batch; the hidden state is reset at the start of an epoch.
        self.network.train()
        batch = self.batches[t].to(self.device)
        if t and self.batches.locate(t)[1] == 0:
            self.hidden_state = self._zero_state()
        masks = draw_masks(
            config.dropouts, self.network.config, seed=config.seed, step=t, rows=self.batches.local_rows
        ).to(self.device)
        # 2. Compute the gradients of the mean loss over the positions of all processes, and the hidden state that is
        #    carried over to the next batch.
        nats, positions, self.hidden_state = compute_gradients(
            self.network,
            batch,
            self.hidden_state,
            masks,
            group=self.group,
            precision=self.precision,
            parts=config.accumulate,
        )
        # 3. Update the weights and their EMA.
        decay = self.state.decay
        warmup = config.warmup if decay is None else min(config.warmup, decay.last // 5)
        learning_rate = rate(t, peak=config.learning_rate, warmup=warmup, decay=decay)
        learning_rate *= self.state.rate_share
        norm = math.inf
        if math.isfinite(float(nats)):
            norm = self.optimiser.step(t, rate=learning_rate, peak_share=learning_rate / config.learning_rate)
        self.optimiser.adam.zero_grad()
        self.state.t = t + 1
        # 4. Judge the step. After numbers that are not finite, start again from an empty hidden state.
        mean = float(nats) / max(1.0, float(positions))
        self._diagnoses = list(observe_step(self.state, nats_per_position=mean, norm=norm, rate=learning_rate))
        if self.state.skipped:
            self.hidden_state = self._zero_state()
            return 0.0, 0.0
        return float(nats), float(positions)

    def validation_loss(self, *, hide_labels: bool = False, max_positions: int = MAX_VALID_POSITIONS) -> float:
        """Return the loss of the evaluation weights on the valid split, in nats per position.

        Args:
            hide_labels: Whether all labels are unknown to the network.
            max_positions: Largest number of positions, about.
        """
        assert self.valid is not None
        with evaluation_mode(self.network), self.evaluation_weights():
            return evaluate_batches(
                self.network,
                self.valid,
                precision=self.precision,
                max_positions=max_positions,
                hide_labels=hide_labels,
            ).nats_per_position

    @contextlib.contextmanager
    def evaluation_weights(self) -> Iterator[None]:
        """Replace the weights of the network by the evaluation weights (the EMA) within a `with` block.

        Example:
            with trainer.evaluation_weights():
                exact_likelihood(trainer.network, dataset)
        """
        replacement = self.optimiser.evaluation_weights()
        weights = {name: parameter.data for name, parameter in self.network.named_parameters()}
        try:
            for name, parameter in self.network.named_parameters():
                parameter.data = replacement[name]
            yield
        finally:
            for name, parameter in self.network.named_parameters():
                parameter.data = weights[name]

    # -- the schedule -------------------------------------------------------------------------

    def _schedule_decay_in_advance(self) -> None:
        """Schedule the decay if the number of steps is known: a budget of steps or epochs."""
        budget = self.config.budget
        if budget.kind == "minutes":
            return
        steps = int(budget.amount) if budget.kind == "steps" else self.batches.batches_in_epochs(budget.amount)
        steps = max(1, steps)
        self.state.decay = Decay(steps - round(DECAY_SHARE * steps), steps)

    def _schedule_decay_by_time(self, session_steps: int) -> Iterator[DecayScheduled]:
        """Schedule the decay of a budget of minutes once the part before the decay is spent.

        Args:
            session_steps: Number of steps of this session; at least one is needed to know the speed.
        """
        state, budget = self.state, self.config.budget
        if state.decay is not None or budget.kind != "minutes" or session_steps < 1:
            return
        share = state.seconds / (budget.amount * 60)
        if share >= 1 - DECAY_SHARE:
            steps = max(1, round(state.t * max(0.0, 1 - share) / share))
            yield self._schedule_decay(steps, "the minutes allow this number of steps")

    def _check_patience(self) -> Iterator[DecayScheduled | Diagnosed]:
        """Schedule the decay, or end the run, after too many validations without improvement."""
        state, patience = self.state, self.config.patience
        for diagnosed in valid_loss_rises(state):
            yield diagnosed
            if patience and (state.decay is None or state.t < state.decay.first):
                yield self._schedule_decay(max(1, state.t // 2), "the valid loss rises from the start")
        if not patience or state.bad_validations < patience:
            return
        if state.decay is None or state.t < state.decay.first:
            yield self._schedule_decay(max(1, state.t // 2), f"{patience} validations brought no improvement")
            state.bad_validations = 0
        elif state.bad_validations >= 2 * patience:
            state.finished = True

    def _schedule_decay(self, steps: int, reason: str) -> DecayScheduled:
        """Start the decay now."""
        self.state.decay = Decay(self.state.t, self.state.t + steps)
        return DecayScheduled(self.state.t, self.state.decay.first, self.state.decay.last, reason)

    # -- validation and reports ---------------------------------------------------------------

    def _validation_interval(self) -> int:
        """Return the number of steps between validations, so that these take a small share of the time."""
        positions = 0
        if self.valid is not None:
            positions = min(self.valid.positions + VALID_BURN_IN * self.valid.rows, MAX_VALID_POSITIONS)
        # Training on a position takes about three times as long as evaluating it.
        positions_per_step = self.batches.rows * self.batches.length
        return max(50, round(positions / 3 / VALID_SHARE / positions_per_step))

    def _validate(self) -> Validated:
        state = self.state
        if self.valid is None:
            return Validated(state.t, None, True, state.seconds / 60)
        loss = self.validation_loss()
        best = math.isfinite(loss) and (state.best_loss is None or loss < state.best_loss)
        state.bad_validations = 0 if best else state.bad_validations + 1
        state.best_loss = loss if best else state.best_loss
        if len(state.first_losses) <= RISES and math.isfinite(loss):
            state.first_losses.append(loss)
        return Validated(state.t, loss / self.valid_units_per_position, best, state.seconds / 60)

    def _judge_labels(self) -> Iterator[Diagnosed]:
        """Judge at the end of the run whether the labels lower the loss."""
        if not (self.state.finished and self.valid is not None and self.network.config.labels):
            return
        shown, hidden = (
            self.validation_loss(hide_labels=hide, max_positions=MAX_LABEL_POSITIONS) for hide in (False, True)
        )
        yield from label_problem(self.state, with_labels=shown, without_labels=hidden)

    def _progress(
        self, nats: float, positions: float, seconds: float, session_steps: int, stopwatch: Stopwatch
    ) -> Progress:
        state, budget = self.state, self.config.budget
        units = positions * self.units_per_position
        minutes_left: float | None = None
        if budget.kind == "minutes" and state.decay is None:
            minutes_left = max(0.0, budget.amount - state.seconds / 60)
        elif state.decay is not None and session_steps >= min(STEPS_BEFORE_ESTIMATE, state.decay.last):
            minutes_left = (state.decay.last - state.t) * stopwatch.session_seconds() / session_steps / 60
        epoch, number = self.batches.locate(max(0, state.t - 1))
        return Progress(
            t=state.t,
            last=state.decay.last if state.decay else None,
            epoch=epoch + (number + 1) / self.batches.batches_in(epoch),
            nats_per_unit=nats / max(units, 1e-9),
            units_per_second=units / max(seconds, 1e-9),
            rate=self.optimiser.adam.param_groups[0]["lr"],
            minutes=state.seconds / 60,
            minutes_left=minutes_left,
        )


def _check_shape(value: Tensor, expected: Tensor) -> Tensor:
    if value.shape != expected.shape:
        raise ValueError(f"a hidden state has shape {tuple(value.shape)}, not {tuple(expected.shape)}")
    return value.to(expected.device)
