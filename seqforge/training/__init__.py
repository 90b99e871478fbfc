"""Training: batches, the training loop, optimiser, learning-rate schedule, and the state file of a run.

Importing the package imports no torch; the names that need torch are imported on first use.
"""

from typing import TYPE_CHECKING

from seqforge._lazy import lazy_attributes
from seqforge.training.config import TrainingConfig
from seqforge.training.events import (
    CheckpointDue,
    DecayScheduled,
    Diagnosed,
    Ended,
    Estimated,
    Event,
    Progress,
    Validated,
)
from seqforge.training.schedule import Budget, Decay

if TYPE_CHECKING:
    from seqforge.training.adaptation import (
        Adaptation,
        DynamicUpdate,
        choose_update,
        dynamic_likelihood,
        gradient_scales,
    )
    from seqforge.training.batches import Augment, Batches
    from seqforge.training.likelihood import Likelihood, evaluate_batches, exact_likelihood
    from seqforge.training.loop import Trainer
    from seqforge.training.process_group import ProcessGroup
    from seqforge.training.state import TrainerState, read_state, write_state

__all__ = [
    "Adaptation",
    "Augment",
    "Batches",
    "Budget",
    "CheckpointDue",
    "Decay",
    "DecayScheduled",
    "Diagnosed",
    "DynamicUpdate",
    "Ended",
    "Estimated",
    "Event",
    "Likelihood",
    "ProcessGroup",
    "Progress",
    "Trainer",
    "TrainerState",
    "TrainingConfig",
    "Validated",
    "choose_update",
    "dynamic_likelihood",
    "evaluate_batches",
    "exact_likelihood",
    "gradient_scales",
    "read_state",
    "write_state",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "Adaptation": "seqforge.training.adaptation",
        "Augment": "seqforge.training.batches",
        "Batches": "seqforge.training.batches",
        "DynamicUpdate": "seqforge.training.adaptation",
        "Likelihood": "seqforge.training.likelihood",
        "ProcessGroup": "seqforge.training.process_group",
        "Trainer": "seqforge.training.loop",
        "TrainerState": "seqforge.training.state",
        "choose_update": "seqforge.training.adaptation",
        "dynamic_likelihood": "seqforge.training.adaptation",
        "evaluate_batches": "seqforge.training.likelihood",
        "exact_likelihood": "seqforge.training.likelihood",
        "gradient_scales": "seqforge.training.adaptation",
        "read_state": "seqforge.training.state",
        "write_state": "seqforge.training.state",
    },
)
