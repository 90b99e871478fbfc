"""What happens in a training run, as a stream: the room above decides what is printed and what is saved."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Some steps were taken.

    Attributes:
        t: steps taken so far.
        last: the run's last step, None while the decay is not placed.
        epoch: passes over the training pieces so far.
        nats_per_unit: the training loss since the last such event.
        units_per_second: likewise.
        rate: the learning rate.
        minutes: spent so far, earlier sessions of the run included.
        minutes_left: estimated, None where there is nothing to go by.
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
    """The valid split was looked at.

    Attributes:
        t: steps taken so far.
        nats_per_unit: the loss on the valid split, None without one.
        best: whether it is the best so far.
        minutes: spent so far.
    """

    t: int
    nats_per_unit: float | None
    best: bool
    minutes: float


@dataclass(frozen=True)
class DecayScheduled:
    """The decay was placed: from now on the last step is known."""

    t: int
    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class Ended:
    """No further step will be taken.

    Attributes:
        t: steps taken.
        finished: the budget is used up or the patience; False: interrupted, and to be resumed.
        minutes: spent.
    """

    t: int
    finished: bool
    minutes: float


Event = Progress | Validated | DecayScheduled | Ended
