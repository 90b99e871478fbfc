"""The network: recurrent layers, one head per space, attention on a source and conditioning.

The package knows arrays and spaces only. Importing it imports no torch; the names that need torch are imported on first
use.
"""

from typing import TYPE_CHECKING

from seqforge._lazy import lazy_attributes
from seqforge.network.config import Cell, Dropout, NetworkConfig

if TYPE_CHECKING:
    from seqforge.network.batch import Batch, example_batch
    from seqforge.network.dropout import Masks, draw_masks
    from seqforge.network.model import Network, NetworkState, weight_arrays

__all__ = [
    "Batch",
    "Cell",
    "Dropout",
    "Masks",
    "Network",
    "NetworkConfig",
    "NetworkState",
    "draw_masks",
    "example_batch",
    "weight_arrays",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "Batch": "seqforge.network.batch",
        "Masks": "seqforge.network.dropout",
        "Network": "seqforge.network.model",
        "NetworkState": "seqforge.network.model",
        "draw_masks": "seqforge.network.dropout",
        "example_batch": "seqforge.network.batch",
        "weight_arrays": "seqforge.network.model",
    },
)
