"""The events of a training run. The training loop yields them; its caller decides what to print and what to save."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """The progress of the run, about once per second.

    Example:
        for event in trainer.run():
            if isinstance(event, Progress):
                print(f"step {event.t}: {event.nats_per_unit:.3f} nats per unit, {event.minutes_left} minutes left")

    Attributes:
        t: Number of steps so far.
        last: The last step of the run; None until the decay is scheduled.
        epoch: Number of epochs so far.
        nats_per_unit: Mean training loss since the previous event.
        units_per_second: Speed since the previous event.
        rate: The learning rate.
        minutes: Duration so far, earlier sessions of the run included.
        minutes_left: Estimated remaining duration; None if it cannot be estimated yet.
    """

    t: int
    last: int | None
    epoch: float
    nats_per_unit: float
    units_per_second: float
    rate: float
    minutes: float
    minutes_left: float | None


@dataclass(frozen=True)
class Validated:
    """The loss on the valid split was computed.

    Example:
        losses = [event.nats_per_unit for event in trainer.run() if isinstance(event, Validated)]

    Attributes:
        t: Number of steps so far.
        nats_per_unit: Loss on the valid split; None without a valid split.
        best: Whether it is the best loss so far.
        minutes: Duration so far.
        sample: Whether the loss is that of a fixed sample of a long valid split; the last one is that of all of it.
    """

    t: int
    nats_per_unit: float | None
    best: bool
    minutes: float
    sample: bool = False


@dataclass(frozen=True)
class CheckpointDue:
    """The state should be saved now, so that little is lost if the process dies.

    Attributes:
        t: Number of steps so far.
    """

    t: int


@dataclass(frozen=True)
class DecayScheduled:
    """The learning-rate decay was scheduled, so the last step is known.

    Attributes:
        t: Number of steps so far.
        first: First step of the decay.
        last: Last step of the decay and of the run.
        reason: Why the decay was scheduled now, as half a sentence.
    """

    t: int
    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Diagnosed:
    """Something is wrong with the training or its corpus.

    Attributes:
        t: Number of steps so far.
        kind: What is wrong: "not finite", "gradient", "divergence", "valid loss", "corpus" or "labels".
        message: What was seen, what the training does about it, and what the user can do; without a full stop.
    """

    t: int
    kind: str
    message: str


@dataclass(frozen=True)
class Estimated:
    """The loss at the end of the run was estimated from the losses so far.

    Attributes:
        t: Number of steps so far.
        nats_per_unit: The estimated loss on the valid split.
        amount: The steps or minutes of the run at which it is reached.
        budget: What is counted, "steps" or "minutes".
    """

    t: int
    nats_per_unit: float
    amount: float
    budget: str


@dataclass(frozen=True)
class Ended:
    """The training loop ended.

    Attributes:
        t: Number of steps.
        finished: Whether the run is finished; False if it was interrupted and can be resumed.
        minutes: Duration of the run.
        shares: Share of each phase beside the steps in the processor time of the session: validation, saving, samples.
    """

    t: int
    finished: bool
    minutes: float
    shares: Mapping[str, float] = field(default_factory=dict, compare=False)


Event = Progress | Validated | CheckpointDue | DecayScheduled | Diagnosed | Estimated | Ended
