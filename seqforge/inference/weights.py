"""A trained network as arrays: its space, its architecture and its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqforge.core.places import AlignedHistory
from seqforge.core.spaces import Space
from seqforge.network.config import NetworkConfig

if TYPE_CHECKING:
    from seqforge.network import Network

__all__ = ["NetworkWeights"]


@dataclass(eq=False)
class NetworkWeights:
    """The parameters of a network, which the engine reads.

    Example:
        header, arrays = read_model(Path("model.safetensors"))
        engine = Engine(NetworkWeights(header.space, header.network, arrays))

    Attributes:
        space: The type of a step.
        config: The architecture.
        arrays: The parameters by name, float32; `network.shapes` has the names and shapes.
        history: Computes the references of a prompt; None for a network that does not look back. It depends on the
            codec, so the code that loads the model sets it.
    """

    space: Space
    config: NetworkConfig
    arrays: Mapping[str, np.ndarray]
    history: AlignedHistory | None = None

    @classmethod
    def from_network(cls, network: "Network") -> "NetworkWeights":
        """Return the parameters of a network of torch."""
        return cls(network.space, network.config, network.arrays(), network.history)

    def part(self, name: str) -> dict[str, np.ndarray]:
        """Return the parameters of one part, such as `layers.0`, by the rest of their names."""
        prefix = name + "."
        return {key.removeprefix(prefix): value for key, value in self.arrays.items() if key.startswith(prefix)}
