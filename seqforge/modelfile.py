"""The model file: one .safetensors file with the weights and one JSON header (network, codec, options, provenance)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqforge.core.model_metadata import MODEL_FORMAT, check_metadata
from seqforge.core.spaces import Categorical, Space, space_from_json
from seqforge.core.tensorfile import TensorFile, write_tensors
from seqforge.errors import DamagedFileError
from seqforge.network import NetworkConfig
from seqforge.network.precision import bfloat16_to_float, float_to_bfloat16
from seqforge.network.shapes import parameter_shapes

__all__ = ["MAX_MEMBERS", "ModelHeader", "member_arrays", "read_header", "read_model", "write_model"]

MAX_MEMBERS = 64
"""Largest number of networks in a model file."""
WEIGHTS, ARRAYS = "network.", "codec."


@dataclass(frozen=True)
class ModelHeader:
    """The content of a model file without the weights. The codec's part is not interpreted here.

    Attributes:
        plugin: Name of the plugin.
        unit: Natural unit of the domain.
        space: Type of a step.
        network: Architecture of the network.
        labels: Label name to its values in the order of their numbers, from 1; 0 is unknown.
        codec: Version and state of the codec, as plain JSON.
        options: Options of the plugin, as plain JSON.
        provenance: Versions, corpora with licences, training steps and losses, as plain JSON.
        members: Number of networks of this architecture in the file, whose predictions are averaged.
        arrays: Arrays of the codec by name.
    """

    plugin: str
    unit: str
    space: Space
    network: NetworkConfig
    labels: Mapping[str, tuple[str, ...]]
    codec: Mapping[str, Any]
    options: Mapping[str, Any]
    provenance: Mapping[str, Any]
    members: int = 1
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the header as plain JSON, without the arrays."""
        return {
            "format": MODEL_FORMAT,
            "kind": "model",
            "plugin": self.plugin,
            "unit": self.unit,
            "space": self.space.to_json(),
            "network": self.network.to_json(),
            "labels": [[name, list(values)] for name, values in self.labels.items()],
            "codec": dict(self.codec),
            "options": dict(self.options),
            "provenance": dict(self.provenance),
            **({"members": self.members} if self.members > 1 else {}),
        }


def write_model(
    path: Path,
    header: ModelHeader,
    weights: Mapping[str, np.ndarray],
    *,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> None:
    """Write a model file; after a failure the previous file is unchanged.

    Example:
        write_model(Path("model.safetensors"), header, network.arrays(), precision="bfloat16")

    Args:
        path: The path of the file.
        header: The header.
        weights: The parameters of the network by name, float32.
        precision: The type in which the weights are stored.

    Raises:
        WriteError: If the file cannot be written.
    """
    arrays: dict[str, np.ndarray] = {ARRAYS + name: array for name, array in header.arrays.items()}
    for name, weight in weights.items():
        arrays[WEIGHTS + name] = float_to_bfloat16(weight) if precision == "bfloat16" else weight
    write_tensors(path, arrays, header.to_json(), bf16=precision == "bfloat16")


def read_header(path: Path) -> ModelHeader:
    """Return the header of a model file; the weights are not read.

    Example:
        read_header(Path("model.safetensors")).provenance["licences"]

    Raises:
        DamagedFileError: If the file is not a model file, or is damaged.
    """
    return _header(TensorFile(path, "model"))


def read_model(path: Path) -> tuple[ModelHeader, dict[str, np.ndarray]]:
    """Return the header and the parameters of the network by name, float32.

    Of several members, the names begin with "members.0." and so on; `member_arrays` divides them. The shapes of the
    weights are compared with the architecture before any memory is allocated.

    Example:
        header, arrays = read_model(Path("model.safetensors"))
        engine = Engine(NetworkWeights(header.space, header.network, arrays))

    Raises:
        DamagedFileError: If the file is not a model file, or is damaged.
    """
    file = TensorFile(path, "model")
    header = _header(file)
    shapes = parameter_shapes(header.space, header.network)
    prefixes = [""] if header.members == 1 else [f"members.{number}." for number in range(header.members)]
    expected = {WEIGHTS + prefix + name: shape for prefix in prefixes for name, shape in shapes.items()}
    actual = {name: stored.shape for name, stored in file.tensors.items() if name.startswith(WEIGHTS)}
    for name in sorted(expected.keys() | actual.keys()):
        if name not in actual:
            raise file.damage(f"the tensor {name!r} is missing")
        if name not in expected:
            raise file.damage(f"the tensor {name!r} is not part of the network that the header describes")
        if expected[name] != actual[name]:
            raise file.damage(f"the tensor {name!r} has shape {actual[name]}, not {expected[name]}")
    return header, {name.removeprefix(WEIGHTS): _weight(file, name) for name in expected}


def member_arrays(arrays: Mapping[str, np.ndarray], members: int) -> list[dict[str, np.ndarray]]:
    """Return the parameters of each member by name.

    >>> member_arrays({"members.0.b": np.zeros(1), "members.1.b": np.ones(1)}, 2)[1]
    {'b': array([1.])}

    Args:
        arrays: The parameters of the network as `read_model` returns them.
        members: The number of members, from the header.
    """
    if members == 1:
        return [dict(arrays)]
    parts: list[dict[str, np.ndarray]] = [{} for _ in range(members)]
    for name, array in arrays.items():
        _, number, rest = name.split(".", 2)
        parts[int(number)][rest] = array
    return parts


def _header(file: TensorFile) -> ModelHeader:
    data = check_metadata(file)
    try:
        labels = {str(name): tuple(map(str, values)) for name, values in data["labels"]}
        header = ModelHeader(
            plugin=data["plugin"],
            unit=_text(data["unit"]),
            space=space_from_json(data["space"]),
            network=NetworkConfig.from_json(data["network"]),
            labels=labels,
            codec=dict(data["codec"]),
            options=dict(data["options"]),
            provenance=dict(data["provenance"]),
            members=_members(data.get("members", 1)),
            arrays={name.removeprefix(ARRAYS): file.array(name) for name in file.tensors if name.startswith(ARRAYS)},
        )
    except DamagedFileError as error:
        raise file.damage(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise file.damage(f"its header has a missing or wrong value: {error}") from error
    _check_provenance(file, header.provenance)
    cutoffs, space = header.network.cutoffs, header.space
    if cutoffs and not (isinstance(space, Categorical) and cutoffs[-1] < space.size):
        raise file.damage("the clusters of its softmax do not fit its symbols")
    if tuple(len(values) for values in labels.values()) != header.network.labels:
        raise file.damage("its labels do not fit its network")
    return header


def _check_provenance(file: TensorFile, provenance: Mapping[str, Any]) -> None:
    """Raise DamagedFileError if an entry of the provenance that is used elsewhere has a wrong type."""
    numbers = [provenance.get(name) for name in ("valid_nats_per_unit", "minutes", "steps")]
    licence_keys = {"name", "licence", "source", "attribution"}
    licences, corpus = provenance.get("licences", []), provenance.get("corpus", [])
    label_columns = provenance.get("label_columns", [])
    valid = (
        all(number is None or type(number) in (int, float) for number in numbers)
        and type(provenance.get("longest_units", 0)) in (int, float)
        and isinstance(licences, list)
        and all(isinstance(entry, dict) and licence_keys <= entry.keys() for entry in licences)
        and isinstance(corpus, list)
        and all(isinstance(name, str) for name in corpus)
        and isinstance(provenance.get("text_column"), str | None)
        and isinstance(label_columns, list)
        and all(isinstance(name, str) for name in label_columns)
        and isinstance(provenance.get("versions", {}), dict)
        and isinstance(provenance.get("split", {}), dict)
    )
    if not valid:
        raise file.damage("its provenance has a value of a wrong type")


def _members(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_MEMBERS:
        raise ValueError(f"{value!r} members")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _weight(file: TensorFile, name: str) -> np.ndarray:
    array, dtype = file.array(name), file.tensors[name].dtype
    if dtype not in ("BF16", "F32"):
        raise file.damage(f"the tensor {name!r} is of type {dtype}; F32 and BF16 are allowed")
    weight = bfloat16_to_float(array) if dtype == "BF16" else np.array(array)
    if not np.isfinite(weight).all():
        raise file.damage(f"the tensor {name!r} contains NaN or infinity; restore the file, or train again")
    return weight
