"""What goes wrong in a training: seen in its numbers, said in a sentence, and acted on."""

import math
from collections.abc import Iterator

import numpy as np

from seqforge.dataset import Dataset
from seqforge.errors import RunError
from seqforge.training.events import Diagnosed
from seqforge.training.state import TrainerState

__all__ = ["RISES", "corpus_problems", "label_problem", "observe_step", "valid_loss_rises"]

SKIPS_PER_HALVING, MAX_SKIPS = 3, 12
"""Consecutive steps whose loss is not finite after which the rate is halved, and after which the run stops."""
SMOOTHING = 0.98
"""Weight of the past in the running means of the loss and of the logarithm of the gradient's norm."""
STEPS_TO_SETTLE = 100
"""Number of steps before which the running means are not judged."""
MIN_RISE, RISE_SHARE = 1.0, 0.5
"""A loss diverges if its running mean is above the lowest by this number of nats and by this share of it."""
MAX_HALVINGS = 5
EXPLOSION = 50.0
"""A gradient explodes if its norm is so many times its running mean."""
RISES = 3
"""Number of validations after the first that must all be worse than the first."""
SMALL_CORPUS, PARAMETERS_PER_POSITION, SMALL_VALID = 50_000, 20, 1000
"""A corpus is far too small below this number of positions, with so many parameters for each; a small valid split."""
LABEL_EFFECT = 0.001
"""Labels say nothing if the loss without them is higher by less than this share."""


def observe_step(state: TrainerState, *, nats_per_position: float, norm: float, rate: float) -> Iterator[Diagnosed]:
    """Judge the loss and the gradient of a step, and change `state.rate_share` if the training is unstable.

    A step whose loss or gradient is not finite must not have changed the weights. After several such steps in a row,
    and if the loss diverges, the learning rate is halved.

    Example:
        for diagnosed in observe_step(trainer.state, nats_per_position=2.5, norm=0.7, rate=5e-3):
            print(diagnosed.message)

    Args:
        state: The numbers of the trainer, changed in place.
        nats_per_position: The loss of the step.
        norm: The norm of its gradient before clipping.
        rate: The learning rate of the step.

    Yields:
        What was seen.

    Raises:
        RunError: If the loss stays not finite, or diverges although the rate was lowered several times.
    """
    t = state.t
    if not (math.isfinite(nats_per_position) and math.isfinite(norm)):
        state.skipped += 1
        if state.skipped >= MAX_SKIPS:
            raise RunError(
                f"the loss is not finite in {MAX_SKIPS} steps in a row, up to step {t}, although the learning rate was"
                f" lowered to {rate:.2g}; start again with a lower `learning_rate`, or with `precision` float32"
            )
        if state.skipped % SKIPS_PER_HALVING == 0:
            state.rate_share /= 2
            yield Diagnosed(
                t, "not finite", f"the loss is not finite in {state.skipped} steps in a row; they are skipped, and the"
                " learning rate is halved"
            )  # fmt: skip
        elif state.skipped == 1:
            what = "loss" if not math.isfinite(nats_per_position) else "gradient"
            yield Diagnosed(t, "not finite", f"the {what} of step {t} is not finite; the step is skipped")
        return
    state.skipped = 0
    yield from _observe_norm(state, norm)
    yield from _observe_loss(state, nats_per_position, rate)


def _observe_norm(state: TrainerState, norm: float) -> Iterator[Diagnosed]:
    """Compare the norm of a gradient with the running mean of its logarithm."""
    logarithm = math.log(max(norm, 1e-12))
    if state.judged >= STEPS_TO_SETTLE and logarithm > state.log_norm + math.log(EXPLOSION):
        state.explosions += 1
        if state.explosions in (1, 10, 100):
            times = norm / math.exp(state.log_norm)
            yield Diagnosed(
                state.t, "gradient", f"the gradient of step {state.t} is {times:,.0f} times as large as usual (such"
                f" steps so far: {state.explosions}); it is clipped. If the loss does not fall, start with a lower"
                " `learning_rate` or `grad_clip`"
            )  # fmt: skip
        return
    weight = SMOOTHING if state.judged else 0.0
    state.log_norm = weight * state.log_norm + (1 - weight) * logarithm


def _observe_loss(state: TrainerState, loss: float, rate: float) -> Iterator[Diagnosed]:
    """Compare the running mean of the loss with its lowest value; halve the learning rate if the loss diverges."""
    weight = SMOOTHING if state.judged else 0.0
    state.mean_loss = weight * state.mean_loss + (1 - weight) * loss
    state.judged += 1
    if state.judged < STEPS_TO_SETTLE:
        return
    if state.judged == STEPS_TO_SETTLE:
        state.lowest_loss = state.mean_loss
    rise = state.mean_loss - state.lowest_loss
    if rise <= max(MIN_RISE, RISE_SHARE * abs(state.lowest_loss)):
        state.lowest_loss = min(state.lowest_loss, state.mean_loss)
        return
    before = state.lowest_loss
    state.halvings += 1
    if state.halvings > MAX_HALVINGS:
        raise RunError(
            f"the training loss rises again at step {state.t}, although the learning rate was halved {MAX_HALVINGS}"
            f" times; the best model is saved. Start again with a `learning_rate` of {rate / 2:.2g}"
        )
    state.rate_share /= 2
    state.judged = 0  # judge the loss again after it has settled
    yield Diagnosed(
        state.t, "divergence", f"the training loss diverges: it rose from {before:.2f} to {state.mean_loss:.2f} nats"
        " per position; the learning rate is halved. Start with a lower `learning_rate` next time"
    )  # fmt: skip


def valid_loss_rises(state: TrainerState) -> Iterator[Diagnosed]:
    """Yield a diagnosis if the first validation was the best and the next RISES were all worse."""
    losses = state.first_losses
    if state.bad_validations != RISES or len(losses) != RISES + 1 or not all(loss > losses[0] for loss in losses[1:]):
        return
    message = (
        f"the valid loss rises from the start, from {losses[0]:.3f} to {losses[-1]:.3f} nats per position: the network"
        " learns the training pieces by heart, or the valid split is of another kind. Add files, raise `dropout`,"
        " choose a smaller `size`, or check `split`"
    )
    yield Diagnosed(state.t, "valid loss", message)


def corpus_problems(train: Dataset, valid: Dataset | None, *, parameters: int) -> Iterator[Diagnosed]:
    """Yield what is wrong with a corpus before the first step: too small, or with labels that say nothing.

    Example:
        for diagnosed in corpus_problems(datasets["train"], datasets["valid"], parameters=4_000_000):
            print(diagnosed.message)

    Args:
        train: The pieces to train on.
        valid: The pieces to validate on.
        parameters: Number of trainable parameters.
    """
    positions = int(train.lengths.sum()) + len(train)
    if positions < SMALL_CORPUS and parameters > PARAMETERS_PER_POSITION * positions:
        yield Diagnosed(
            0, "corpus", f"the corpus is far too small: {positions:,} steps for {parameters:,} parameters, which can"
            " learn them by heart. The best model on the valid split is saved; for a better one add files,"
            " or set `init` to a model of the same kind, or `size` to small"
        )  # fmt: skip
    valid_positions = 0 if valid is None else int(valid.lengths.sum()) + len(valid)
    if valid is not None and 0 < valid_positions < SMALL_VALID:
        yield Diagnosed(
            0, "corpus", f"the valid split is very small, {valid_positions:,} steps, so that its loss says little; add"
            " files, or set a larger share in `split`"
        )  # fmt: skip
    for number, name in enumerate(train.label_index.known):
        numbers, counts = np.unique(train.labels[:, number], return_counts=True)
        known = counts[numbers > 0]
        if len(train) > 1 and len(numbers) == 1:
            yield Diagnosed(0, "labels", f"the label {name!r} has the same value in every training piece, so it says"
                            " nothing; leave it out, or add pieces with other values")  # fmt: skip
        elif len(known) > 1 and known.max() == 1:
            yield Diagnosed(0, "labels", f"the label {name!r} has another value in every training piece, so nothing can"
                            " be learned from it; use values that several pieces share")  # fmt: skip


def label_problem(state: TrainerState, *, with_labels: float, without_labels: float) -> Iterator[Diagnosed]:
    """Yield a diagnosis if the labels hardly lower the loss on the valid split.

    Args:
        state: The numbers of the trainer.
        with_labels: The loss, in nats per position.
        without_labels: The loss while all labels are hidden.
    """
    gain = without_labels - with_labels
    if gain >= LABEL_EFFECT * abs(without_labels):
        return
    yield Diagnosed(
        state.t, "labels", f"the labels hardly matter: without them the valid loss is {without_labels:.4f} nats per"
        f" position, with them {with_labels:.4f}. Their values do not tell the pieces apart, or each has too few pieces"
    )  # fmt: skip
