"""The training loop. It yields events and writes no files; its caller does."""

import contextlib
import math
from collections.abc import Iterator

from torch import Tensor

from seqforge.core.allocator import reuse_freed_memory
from seqforge.dataset import Dataset
from seqforge.errors import DamagedFileError
from seqforge.network import AnyNetwork, NetworkState, masks_of
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
from seqforge.training.hidden_state import gathered_state, restored_state
from seqforge.training.optimiser import Optimiser
from seqforge.training.precision import agreed_precision
from seqforge.training.process_group import ProcessGroup
from seqforge.training.schedule import DECAY_SHARE, Decay, rate
from seqforge.training.state import TrainerState
from seqforge.training.stopwatch import PhaseClock, Stopwatch
from seqforge.training.teacher import Teacher
from seqforge.training.validation import MIN_INTERVAL, Validation

MAX_LABEL_POSITIONS = 50_000
"""Maximal number of positions on which the loss without labels is measured at the end of a run."""
STEPS_BEFORE_ESTIMATE = 20
"""Number of steps after which the remaining time is estimated."""
CHECKPOINT_SECONDS, MAX_CHECKPOINT_SECONDS = 50.0, 300.0
"""Seconds between two checkpoints, so that about a minute of training is lost at most, or five if saving is slow."""
SAVING_SHARE = 0.01
"""Share of the run that checkpoints may take, about."""
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
        teacher: A network whose predictions are targets as well, with the weight `config.distil_weight`.

    Attributes:
        state: The numbers that a resumed run needs.
        hidden_state: The hidden state of the network after the last step.
        clock: What the time of the session is spent on beside the steps.
        precision: The precision of the matrix products, "float32" or "bfloat16".
        precision_reason: Why the precision "auto" stands for this precision, in process 0; "" if the config sets it.
        stop_at: Number of steps after which `run` ends, as if interrupted; None for no limit.
        stop_requested: Set it to True to end `run` after the current step.
    """

    def __init__(
        self,
        network: AnyNetwork,
        train: Dataset,
        valid: Dataset | None,
        config: TrainingConfig,
        *,
        augment: Augment | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
        teacher: AnyNetwork | None = None,
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
        self.validation: Validation | None = None
        if self.valid_data is not None:
            self.validation = Validation(
                self.valid_data, rows=config.batch_size, length=config.bptt, history=network.history
            )
        self.units_per_position = float(train.units.sum()) / self.batches.positions
        self.valid_units_per_position = self.validation.units_per_position if self.validation else 1.0
        self.optimiser = Optimiser(
            network, weight_decay=config.weight_decay, grad_clip=config.grad_clip, ema=config.ema
        )
        self.state, self.clock = TrainerState(), PhaseClock()
        self._diagnoses: list[Diagnosed] = []
        self._outlook = Outlook(config.budget)
        self.hidden_state: NetworkState = self._zero_state()
        self.teacher = Teacher.with_rows(teacher, self.device, config.distil_weight, len(self.batches.local_rows))
        self.stop_at: int | None = None
        self.stop_requested = False
        self._schedule_decay_in_advance()

    def _zero_state(self) -> NetworkState:
        return self.network.zero_state(len(self.batches.local_rows))

    # -- saving and resuming ------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs. With several processes, all of them must call this method."""
        hidden = gathered_state(self.group, "hidden", self.hidden_state, self.batches.rows)
        if self.teacher is not None:
            hidden |= gathered_state(self.group, "teacher", self.teacher.state, self.batches.rows)
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
            self.hidden_state = restored_state(self.group, "hidden", self.hidden_state, tensors)
            if self.teacher is not None:
                self.teacher.state = restored_state(self.group, "teacher", self.teacher.state, tensors)
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
        reuse_freed_memory()
        state, stopwatch, self.clock = self.state, Stopwatch(self.state.seconds), PhaseClock()
        validation_interval, steps_before = self._validation_interval(), state.t
        nats, positions, reported, interrupted = 0.0, 0.0, stopwatch.seconds(), 0.0
        saved = None if state.t == 0 else state.seconds
        while not state.finished:
            # 2. Leave the loop if a stop was requested; process 0 decides for all.
            if self.group.broadcast(float(self.stop_requested), self.device) or self._at_stop():
                break
            # 3. Ask for a checkpoint before the first two steps and then by time. The previous step is complete here,
            #    its validation included, so that a resumed run continues with the next step.
            if saved is None or state.t == 1 or state.seconds - saved >= self._checkpoint_seconds():
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
            # 6. Report the progress about once per second. The speed counts no validation.
            if state.seconds - reported >= 1.0 or state.finished or self._at_stop():
                seconds = state.seconds - reported - interrupted
                yield self._progress(nats, positions, seconds, state.t - steps_before, stopwatch)
                nats, positions, reported, interrupted = 0.0, 0.0, stopwatch.seconds(), 0.0
            # 7. Validate. The patience is checked before the event is yielded, because the caller saves the state then.
            if self._is_validation_due(validation_interval):
                with self.clock("validation"):
                    validated = self._validate()
                scheduled = list(self._check_patience())
                yield validated
                yield from self._outlook(validated, self.state.decay)
                with self.clock("validation"):
                    judged = list(self._judge_labels())
                yield from judged
                yield from scheduled
                saved = state.seconds
                interrupted += stopwatch.seconds() - state.seconds
        # 8. Report the end.
        state.seconds = stopwatch.seconds()
        yield Ended(state.t, state.finished, state.seconds / 60, self.clock.shares())

    def _checkpoint_seconds(self) -> float:
        """Return the seconds between checkpoints; more of them where saving takes long."""
        if self.group.world_size > 1:
            return CHECKPOINT_SECONDS  # the same one in all processes
        return min(max(CHECKPOINT_SECONDS, self.clock.longest("saving") / SAVING_SHARE), MAX_CHECKPOINT_SECONDS)

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
        starts, rows = self.batches.locate(t)[1] == 0, self.batches.local_rows
        if t and starts:
            self.hidden_state = self._zero_state()
        soft = None if self.teacher is None else self.teacher.targets(batch, self.precision, restart=starts)
        masks = masks_of(self.network, config.dropouts, seed=config.seed, step=t, rows=rows).to(self.device)
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
            soft=soft,
        )
        # 3. Update the weights and their EMA.
        decay = self.state.decay
        warmup = config.warmup if decay is None else min(config.warmup, decay.last // 5)
        learning_rate = rate(t, peak=config.learning_rate, warmup=warmup, decay=decay)
        learning_rate *= self.state.rate_share
        norm = math.inf
        if math.isfinite(float(nats)):
            norm = self.optimiser.step(t, rate=learning_rate, peak_share=learning_rate / config.learning_rate)
        self.optimiser.adam.clear_gradients()
        self.state.t = t + 1
        # 4. Judge the step. After numbers that are not finite, start again from an empty hidden state.
        mean = float(nats) / max(1.0, float(positions))
        self._diagnoses = list(observe_step(self.state, nats_per_position=mean, norm=norm, rate=learning_rate))
        if self.state.skipped:
            self.hidden_state = self._zero_state()
            return 0.0, 0.0
        return float(nats), float(positions)

    def validation_loss(self, *, hide_labels: bool = False, max_positions: int = 0) -> float:
        """Return the loss of the evaluation weights on the valid split, or a sample of it, in nats per position.

        Args:
            hide_labels: Whether all labels are unknown to the network.
            max_positions: Largest number of positions, about; 0 for those of a validation.
        """
        assert self.validation is not None
        with self.evaluation_weights():
            return self.validation.loss(
                self.network, precision=self.precision, hide_labels=hide_labels, max_positions=max_positions
            )

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
        """Return the number of steps between validations."""
        positions_per_step = self.batches.rows * self.batches.length
        return self.validation.interval(positions_per_step) if self.validation else MIN_INTERVAL

    def _is_validation_due(self, interval: int) -> bool:
        """Return whether to validate now: at each interval unless the run ends soon, and at its end."""
        state = self.state
        ends_soon = state.decay is not None and state.decay.last - state.t < interval // 2
        return state.finished or (state.t % interval == 0 and not ends_soon)

    def _validate(self) -> Validated:
        state = self.state
        if self.validation is None:
            return Validated(state.t, None, True, state.seconds / 60)
        loss = self.validation_loss()
        best = math.isfinite(loss) and (state.best_loss is None or loss < state.best_loss)
        state.bad_validations = 0 if best else state.bad_validations + 1
        state.best_loss = loss if best else state.best_loss
        if len(state.first_losses) <= RISES and math.isfinite(loss):
            state.first_losses.append(loss)
        final = None
        if state.finished:
            positions = state.t * self.batches.rows * self.batches.length
            with self.evaluation_weights():
                final = self.validation.final_loss(self.network, precision=self.precision, trained_positions=positions)
        per_unit = loss / self.valid_units_per_position if final is None else final
        is_sample = self.validation.is_sampled and final is None
        return Validated(state.t, per_unit, best, state.seconds / 60, is_sample)

    def _judge_labels(self) -> Iterator[Diagnosed]:
        """Judge at the end of the run whether the labels lower the loss."""
        if not (self.state.finished and self.validation is not None and self.network.config.labels):
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
            rate=self.optimiser.adam.rate,
            minutes=state.seconds / 60,
            minutes_left=minutes_left,
        )
