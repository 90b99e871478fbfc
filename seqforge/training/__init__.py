"""Training: lanes and batches, the loop, the optimiser, the schedule, the state to resume from."""

from seqforge.training.batches import Augment, Batches
from seqforge.training.config import TrainingConfig
from seqforge.training.events import Ended, Event, Placed, Progress, Validated
from seqforge.training.group import Group
from seqforge.training.likelihood import Likelihood, exact, likelihood
from seqforge.training.loop import Trainer
from seqforge.training.schedule import Budget, Decay
from seqforge.training.state import Standing, read_state, write_state

__all__ = [
    "Augment",
    "Batches",
    "Budget",
    "Decay",
    "Ended",
    "Event",
    "Group",
    "Likelihood",
    "Placed",
    "Progress",
    "Standing",
    "Trainer",
    "TrainingConfig",
    "Validated",
    "exact",
    "likelihood",
    "read_state",
    "write_state",
]
