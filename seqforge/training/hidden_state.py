"""The hidden state of a network as the tensors of a state file, for the rows of all processes."""

from collections.abc import Mapping

from torch import Tensor

from seqforge.network import NetworkState
from seqforge.training.process_group import ProcessGroup
from seqforge.training.state import with_shape

__all__ = ["gathered_state", "restored_state"]


def gathered_state(group: ProcessGroup, name: str, state: NetworkState, rows: int) -> dict[str, Tensor]:
    """Return the parts of a state by name, for all rows. With several processes, all of them must call this function.

    Example:
        gathered_state(group, "hidden", network.zero_state(2), rows=2)["hidden.0.1"]  # the first layer's second part

    Args:
        group: The processes that train together.
        name: The beginning of the names.
        state: The state of the rows of this process.
        rows: The number of rows of all processes.
    """
    return {
        f"{name}.{number}.{part}": group.gather(value, rows)
        for number, layer in enumerate(state)
        for part, value in enumerate(layer)
    }


def restored_state(group: ProcessGroup, name: str, like: NetworkState, tensors: Mapping[str, Tensor]) -> NetworkState:
    """Return the state of the rows of this process.

    Args:
        group: The processes that train together.
        name: The beginning of the names.
        like: A state with the right shapes.
        tensors: The result of `gathered_state`.

    Raises:
        KeyError: If a tensor is missing.
        ValueError: If a tensor has another shape.
    """
    return [
        tuple(with_shape(tensors[f"{name}.{number}.{part}"][group.rows], value) for part, value in enumerate(layer))
        for number, layer in enumerate(like)
    ]
