"""The training loop: it takes steps, looks at the valid split, and says what happens. It saves nothing itself."""

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from seqforge.dataset import Dataset
from seqforge.errors import DamagedFileError, RunError
from seqforge.network import Network, NetworkState, draw_masks
from seqforge.training.batches import Augment, Batches
from seqforge.training.config import TrainingConfig
from seqforge.training.events import DecayScheduled, Ended, Event, Progress, Validated
from seqforge.training.likelihood import evaluate_batches, evaluation_mode
from seqforge.training.optimiser import Optimiser
from seqforge.training.precision import casting, fastest
from seqforge.training.process_group import ProcessGroup
from seqforge.training.schedule import DECAY_SHARE, Decay, rate
from seqforge.training.state import TrainerState

LEAD = 256
VALID_ROWS = 400_000
VALID_SHARE = 0.06
SPEED_AFTER = 20
ALONE = ProcessGroup()


class Trainer:
    """A run: what is trained on what, and where it stands.

    Args:
        network: trained in place.
        train: the pieces to train on.
        valid: the pieces to choose by; where there are none, the last weights are the best.
        config: how to train; `precision` "auto" is settled here.
        augment: makes a variant of a piece in each epoch.
        group: the processes that train together.
    """

    def __init__(
        self,
        network: Network,
        train: Dataset,
        valid: Dataset | None,
        config: TrainingConfig,
        *,
        augment: Augment | None = None,
        group: ProcessGroup = ALONE,
    ) -> None:
        self.network, self.config, self.group = network, config, group
        self.device = next(network.parameters()).device
        self.precision = self._settled_precision()
        self.batches = Batches(
            train, lanes=config.batch_size, window=config.bptt, seed=config.seed, augment=augment,
            mine=group.rows,
        )  # fmt: skip
        self.valid = None
        if valid is not None and len(valid):
            lanes = max(config.batch_size, 64)
            self.valid = Batches(valid, lanes=lanes, window=2 * config.bptt, seed=None, lead=LEAD)
        self.units_per_row = float(train.units.sum()) / self.batches.rows
        self.valid_units_per_row = float(valid.units.sum()) / self.valid.rows if self.valid and valid else 1.0
        self.optimiser = Optimiser(
            network, weight_decay=config.weight_decay, grad_clip=config.grad_clip, ema=config.ema
        )
        self.state = TrainerState()
        self.hidden_state: NetworkState = network.zero_state(len(self.batches.mine))
        self.stop_at: int | None = None
        self.stop_requested = False
        self._place_ahead()

    def _settled_precision(self) -> str:
        wanted = self.config.precision
        if wanted == "auto":
            wins = float(fastest(self.network, self.device) == "bfloat16")
            return "bfloat16" if self.group.broadcast(wins, self.device) else "float32"
        return wanted

    # -- saving and resuming ------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs."""
        lanes = {
            f"lanes.{number}.{part}": self.group.gather(value, self.batches.lanes)
            for number, layer in enumerate(self.hidden_state)
            for part, value in enumerate(layer)
        }
        return self.optimiser.tensors() | lanes

    def restore(self, state: TrainerState, tensors: dict[str, Tensor]) -> None:
        """Take up a run where it stood.

        Raises:
            DamagedFileError: the tensors are not those of this run.
        """
        try:
            self.optimiser.restore(tensors)
            self.hidden_state = [
                tuple(
                    _like(tensors[f"lanes.{number}.{part}"][self.group.rows], value) for part, value in enumerate(layer)
                )
                for number, layer in enumerate(self.hidden_state)
            ]
        except (KeyError, ValueError) as error:
            raise DamagedFileError(f"the state does not fit this run: {error}") from error
        self.state = state

    # -- running ------------------------------------------------------------------------------

    def run(self) -> Iterator[Event]:
        """Take steps until the budget is used up, patience runs out, or `stopping` is set."""
        clock = _Clock(self.state.seconds)
        every = self._validate_every()
        nats, rows, since = 0.0, 0.0, clock.seconds()
        fresh = self.state.t
        while not self.state.finished:
            if self.group.broadcast(float(self.stop_requested), self.device) or self._at_stop():
                break
            loss, count = self.step()
            nats, rows = nats + loss, rows + count
            state = self.state
            state.seconds = self.group.broadcast(clock.seconds(), self.device)
            yield from self._place_by_clock(state.t - fresh)
            state.finished = state.decay is not None and state.t >= state.decay.last
            if state.seconds - since >= 1.0 or state.finished or self._at_stop():
                yield self._progress(nats, rows, state.seconds - since, state.t - fresh, clock)
                nats, rows, since = 0.0, 0.0, clock.seconds()
            if state.t % every == 0 or state.finished:
                validated = self._validate()
                placed = list(self._lose_patience())  # before the state is saved on the event
                yield validated
                yield from placed
                since = clock.seconds()
        self.state.seconds = clock.seconds()
        yield Ended(self.state.t, self.state.finished, self.state.seconds / 60)

    def _at_stop(self) -> bool:
        return self.stop_at is not None and self.state.t >= self.stop_at

    def step(self) -> tuple[float, float]:
        """Take one step; return the nats and the number of the rows that counted."""
        t, config = self.state.t, self.config
        self.network.train()
        window = self.batches[t].to(self.device)
        if t and self.batches.place(t)[1] == 0:
            self.hidden_state = self.network.zero_state(len(self.batches.mine))
        masks = draw_masks(
            config.dropouts, self.network.config, seed=config.seed, step=t, lanes=self.batches.mine
        ).to(self.device)  # fmt: skip
        with casting(self.device, self.precision):
            losses, state = self.network.loss(window, self.hidden_state, masks)
        total, count = losses.sum(), window.weights.sum()
        self.group.all_reduce([count])
        torch.autograd.backward(total / count.clamp(min=1))
        total = total.detach()
        for parameter in self.network.parameters():
            if parameter.grad is None:  # `start`, where no piece begins in this window
                parameter.grad = torch.zeros_like(parameter)
        self.group.all_reduce([total, *(p.grad for p in self.network.parameters() if p.grad is not None)])
        self.hidden_state = [tuple(part.detach().float() for part in layer) for layer in state]
        decay = self.state.decay
        warmup = config.warmup if decay is None else min(config.warmup, decay.last // 5)
        now = rate(t, peak=config.learning_rate, warmup=warmup, decay=decay)
        self.optimiser.step(t, rate=now, share=now / config.learning_rate)
        self.state.t = t + 1
        if not math.isfinite(float(total)):
            raise RunError(
                f"the loss is no longer finite at step {t + 1}; start again with a lower `learning_rate` (it is"
                f" {config.learning_rate:g})"
            )
        return float(total), float(count)

    def measure(self) -> float:
        """Return the loss on the valid split in nats per row, of the weights that would be kept."""
        assert self.valid is not None
        with evaluation_mode(self.network), self.kept_weights():
            return evaluate_batches(
                self.network, self.valid, precision=self.precision, most_rows=VALID_ROWS
            ).nats_per_position

    def kept_weights(self) -> "_Swapped":
        """Return a context in which the network has the weights that would be kept (the average)."""
        return _Swapped(self.network, self.optimiser.evaluation_weights())

    # -- the schedule -------------------------------------------------------------------------

    def _place_ahead(self) -> None:
        """Place the decay of a run whose length in steps is known."""
        budget = self.config.budget
        if budget.kind == "minutes":
            return
        steps = int(budget.amount)
        if budget.kind == "epochs":
            whole = int(budget.amount)
            steps = sum(self.batches.windows_in(number) for number in range(whole))
            steps += round((budget.amount - whole) * self.batches.windows_in(whole))
        steps = max(1, steps)
        self.state.decay = Decay(steps - round(DECAY_SHARE * steps), steps)

    def _place_by_clock(self, fresh: int) -> Iterator[Event]:
        """Place the decay of a run whose minutes are given, once their first part is spent."""
        state, budget = self.state, self.config.budget
        if state.decay is not None or budget.kind != "minutes" or fresh < 1:
            return
        share = state.seconds / (budget.amount * 60)
        if share >= 1 - DECAY_SHARE:
            left = max(1, round(state.t * max(0.0, 1 - share) / share))
            yield self._place(left, "the minutes allow so many steps")

    def _lose_patience(self) -> Iterator[Event]:
        state, patience = self.state, self.config.patience
        if not patience or state.waited < patience:
            return
        if state.decay is None or state.t < state.decay.first:
            yield self._place(max(1, state.t // 2), f"{patience} validations brought nothing better")
            state.waited = 0
        elif state.waited >= 2 * patience:
            state.finished = True

    def _place(self, steps: int, why: str) -> DecayScheduled:
        self.state.decay = Decay(self.state.t, self.state.t + steps)
        return DecayScheduled(self.state.t, self.state.decay.first, self.state.decay.last, why)

    # -- looking ------------------------------------------------------------------------------

    def _validate_every(self) -> int:
        """Return how many steps lie between validations, so that they take a small share of the time."""
        rows = 0 if self.valid is None else min(self.valid.rows + LEAD * self.valid.lanes, VALID_ROWS)
        step = self.batches.lanes * self.batches.window
        return max(50, round(rows / 3 / VALID_SHARE / step))

    def _validate(self) -> Validated:
        state = self.state
        if self.valid is None:
            return Validated(state.t, None, True, state.seconds / 60)
        loss = self.measure()
        best = math.isfinite(loss) and (state.best is None or loss < state.best)
        state.waited = 0 if best else state.waited + 1
        state.best = loss if best else state.best
        return Validated(state.t, loss / self.valid_units_per_row, best, state.seconds / 60)

    def _progress(self, nats: float, rows: float, seconds: float, fresh: int, clock: "_Clock") -> Progress:
        state, budget = self.state, self.config.budget
        units = rows * self.units_per_row
        left: float | None = None
        if budget.kind == "minutes" and state.decay is None:
            left = max(0.0, budget.amount - state.seconds / 60)
        elif state.decay is not None and fresh >= min(SPEED_AFTER, state.decay.last):
            left = (state.decay.last - state.t) * clock.since_start() / fresh / 60
        epoch, number = self.batches.place(max(0, state.t - 1))
        return Progress(
            t=state.t,
            last=state.decay.last if state.decay else None,
            epoch=epoch + (number + 1) / self.batches.windows_in(epoch),
            nats_per_unit=nats / max(units, 1e-9),
            units_per_second=units / max(seconds, 1e-9),
            rate=self.optimiser.adam.param_groups[0]["lr"],
            minutes=state.seconds / 60,
            minutes_left=left,
        )


class _Clock:
    """Seconds of a run, earlier sessions included."""

    def __init__(self, before: float) -> None:
        self._before, self._began = before, time.monotonic()

    def since_start(self) -> float:
        return time.monotonic() - self._began

    def seconds(self) -> float:
        return self._before + self.since_start()


class _Swapped:
    """A context in which a network holds other weights; its own come back afterwards."""

    def __init__(self, network: Network, weights: dict[str, Tensor]) -> None:
        self._network, self._weights = network, weights

    def __enter__(self) -> None:
        self._own = {name: p.data for name, p in self._network.named_parameters()}
        for name, p in self._network.named_parameters():
            p.data = self._weights[name]

    def __exit__(self, *_: Any) -> None:
        for name, p in self._network.named_parameters():
            p.data = self._own[name]


def _like(value: Tensor, model: Tensor) -> Tensor:
    if value.shape != model.shape:
        raise ValueError(f"a lane's state has shape {tuple(value.shape)}, not {tuple(model.shape)}")
    return value.to(model.device)
