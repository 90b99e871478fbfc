"""The network: recurrent layers, one head per space, attention on a source and conditioning.

The package knows arrays and spaces only. Importing it imports no torch; the names that need torch are imported on first
use.
"""

from typing import TYPE_CHECKING

from seqforge._lazy import lazy_attributes
from seqforge.network.config import Cell, Dropout, NetworkConfig

if TYPE_CHECKING:
    from seqforge.network.batch import Batch, SoftTargets, example_batch
    from seqforge.network.dropout import Masks, draw_masks
    from seqforge.network.members import (
        AnyNetwork,
        MemberMasks,
        Members,
        log_probabilities,
        masks_of,
        networks_of,
        summed_losses,
    )
    from seqforge.network.model import Network, NetworkState, weight_arrays

__all__ = [
    "AnyNetwork",
    "Batch",
    "Cell",
    "Dropout",
    "Masks",
    "MemberMasks",
    "Members",
    "Network",
    "NetworkConfig",
    "NetworkState",
    "SoftTargets",
    "draw_masks",
    "example_batch",
    "log_probabilities",
    "masks_of",
    "networks_of",
    "summed_losses",
    "weight_arrays",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "AnyNetwork": "seqforge.network.members",
        "Batch": "seqforge.network.batch",
        "Masks": "seqforge.network.dropout",
        "MemberMasks": "seqforge.network.members",
        "Members": "seqforge.network.members",
        "Network": "seqforge.network.model",
        "NetworkState": "seqforge.network.model",
        "draw_masks": "seqforge.network.dropout",
        "example_batch": "seqforge.network.batch",
        "SoftTargets": "seqforge.network.batch",
        "log_probabilities": "seqforge.network.members",
        "masks_of": "seqforge.network.members",
        "networks_of": "seqforge.network.members",
        "summed_losses": "seqforge.network.members",
        "weight_arrays": "seqforge.network.model",
    },
)
