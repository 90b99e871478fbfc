"""One file holds a model: weights and one JSON header (network, codec, options, provenance)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from seqforge.core.spaces import Space, space_from_json
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.errors import DamagedFileError
from seqforge.network import Network, NetworkConfig

__all__ = ["ModelHeader", "read_header", "read_model", "write_model"]

FORMAT = 1
WEIGHTS, ARRAYS = "network.", "codec."


@dataclass(frozen=True)
class ModelHeader:
    """Everything that a model file says beside its numbers. The lower rooms do not look into the codec.

    Attributes:
        plugin: the plugin's name.
        unit: the natural unit of the domain.
        space: what a step is.
        network: the shape of the network.
        labels: label name to its values, as the network numbers them (from 1; 0 is unknown).
        codec: version and plain JSON of the codec.
        options: the plugin's options, as plain JSON.
        provenance: versions, corpora with licences, training steps, losses; plain JSON.
        arrays: the codec's named arrays.
    """

    plugin: str
    unit: str
    space: Space
    network: NetworkConfig
    labels: Mapping[str, tuple[str, ...]]
    codec: Mapping[str, Any]
    options: Mapping[str, Any]
    provenance: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the header as plain JSON, arrays left out."""
        return {
            "format": FORMAT,
            "kind": "model",
            "plugin": self.plugin,
            "unit": self.unit,
            "space": self.space.to_json(),
            "network": self.network.to_json(),
            "labels": [[name, list(values)] for name, values in self.labels.items()],
            "codec": dict(self.codec),
            "options": dict(self.options),
            "provenance": dict(self.provenance),
        }


def write_model(
    path: Path,
    header: ModelHeader,
    weights: Mapping[str, Tensor],
    *,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: where to.
        header: what it says.
        weights: the network's parameters by name.
        precision: what the weights are stored in.

    Raises:
        WriteError: the file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {ARRAYS + name: array for name, array in header.arrays.items()}
    for name, weight in weights.items():
        value = weight.detach().cpu()
        if precision == "bfloat16":
            arrays[WEIGHTS + name] = value.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
        else:
            arrays[WEIGHTS + name] = value.float().numpy()
    write_tensors(path, arrays, header.to_json(), bf16=precision == "bfloat16")


def read_header(path: Path) -> ModelHeader:
    """Return what a model file says of itself, without its weights.

    Raises:
        DamagedFileError: it is no model file of ours.
    """
    return _header(TensorFile(path, "model"))


def read_model(path: Path) -> tuple[ModelHeader, Network]:
    """Return the header and the network, in float32 and in evaluation mode.

    The network's shape is compared with the file's before any memory is taken for it.

    Raises:
        DamagedFileError: it is no model file of ours, or damaged.
    """
    file = TensorFile(path, "model")
    header = _header(file)
    with torch.device("meta"):
        network = Network(header.space, header.network, seed=None)
    expected = {WEIGHTS + name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: stored.shape for name, stored in file.tensors.items() if name.startswith(WEIGHTS)}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise file.damage(f"the tensor {name!r} has shape {found.get(name)}, not {expected.get(name)}")
    weights = {name.removeprefix(WEIGHTS): _weight(file, name) for name in expected}
    network.load_state_dict(weights, assign=True)
    return header, network.eval()


def _header(file: TensorFile) -> ModelHeader:
    data = file.metadata
    if not isinstance(data, dict) or data.get("kind") != "model":
        raise file.damage("it is no seqforge model")
    if data.get("format") != FORMAT:
        raise file.damage(f"its format is {data.get('format')!r} and this seqforge reads {FORMAT}; update seqforge")
    try:
        labels = {str(name): tuple(map(str, values)) for name, values in data["labels"]}
        header = ModelHeader(
            plugin=_text(data["plugin"]),
            unit=_text(data["unit"]),
            space=space_from_json(data["space"]),
            network=NetworkConfig.from_json(data["network"]),
            labels=labels,
            codec=dict(data["codec"]),
            options=dict(data["options"]),
            provenance=dict(data["provenance"]),
            arrays={name.removeprefix(ARRAYS): file.array(name) for name in file.tensors if name.startswith(ARRAYS)},
        )
    except DamagedFileError as error:
        raise file.damage(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise file.damage(f"its header lacks or garbles {error}") from error
    _check_provenance(file, header.provenance)
    if tuple(len(values) for values in labels.values()) != header.network.labels:
        raise file.damage("its labels and its network disagree")
    return header


def _check_provenance(file: TensorFile, told: Mapping[str, Any]) -> None:
    """Refuse what others rely on and is not of its kind."""
    numbers = [told.get(name) for name in ("longest_units", "valid_nats_per_unit", "minutes", "steps")]
    words = {"name", "licence", "source", "attribution"}
    licences, corpus = told.get("licences", []), told.get("corpus", [])
    fits = (
        all(number is None or type(number) in (int, float) for number in numbers)
        and isinstance(licences, list)
        and all(isinstance(each, dict) and words <= each.keys() for each in licences)
        and isinstance(corpus, list)
        and all(isinstance(name, str) for name in corpus)
        and isinstance(told.get("versions", {}), dict)
    )
    if not fits:
        raise file.damage("what it says of its origin is garbled")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a name should be")
    return value


def _weight(file: TensorFile, name: str) -> Tensor:
    array = np.array(file.array(name))
    kind = file.tensors[name].dtype
    if kind == "BF16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16).float()
    if kind != "F32":
        raise file.damage(f"the tensor {name!r} is of type {kind}, and F32 or BF16 is allowed")
    return torch.from_numpy(array)
