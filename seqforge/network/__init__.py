"""The network: recurrent stack, one head for each space, conditioning. It knows arrays and spaces only."""

from seqforge.network.config import Cell, NetworkConfig
from seqforge.network.dropout import Dropout, Masks, draw_masks
from seqforge.network.model import Network, NetworkState
from seqforge.network.window import Window, attended

__all__ = [
    "Cell",
    "Dropout",
    "Masks",
    "Network",
    "NetworkConfig",
    "NetworkState",
    "Window",
    "attended",
    "draw_masks",
]
