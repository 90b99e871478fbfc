"""Models for other programs: plain PyTorch, ONNX, and weights as safetensors; each is compared with the model."""

import importlib.util
import json
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from seqforge.api import plain_network
from seqforge.api.model import Model
from seqforge.api.plain_network import PlainNetwork
from seqforge.core.files import make_folder, replacing, write_text
from seqforge.core.places import MAX_AGREEMENT
from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical, Mixture
from seqforge.core.tensorfile import canonical_json
from seqforge.errors import OptionsError, RequestError, SeqforgeError, listing
from seqforge.network import Network, networks_of
from seqforge.network.batch import example_batch
from seqforge.network.shapes import label_width, mixture_sizes

__all__ = ["EXPORTS", "ExportError", "export_model"]

TOLERANCE = 1e-3
"""Largest difference of a log-probability in nats; sums of float32 in another order differ by about 1e-5."""
CHECK_STEPS, SOURCE_LENGTH = 24, 7
"""Number of random steps, and of random source symbols, on which an exported model is compared with the original."""
MODULE, WEIGHTS, STEP, ENCODER, DESCRIPTION = (
    "network.py", "weights.safetensors", "step.onnx", "encoder.onnx", "model.json"
)  # fmt: skip
"""The files of an export."""


class ExportError(SeqforgeError):
    """An exported model does not compute the log-probabilities of the original."""


def export_model(model: Model, folder: Path, *, to: str) -> list[Path]:
    """Write a model for other programs into a folder, and compare it with the original on random steps.

    Example:
        export_model(seqforge.load("chorales"), Path("chorales"), to="onnx")

    Args:
        model: The model.
        folder: The folder to write to; its files are replaced.
        to: "pytorch" (network.py, which needs only torch, and weights.safetensors), "onnx" (step.onnx) or
            "safetensors" (weights.safetensors alone).

    Returns:
        The files that were written.

    Raises:
        OptionsError: If `to` is not allowed.
        RequestError: If the format cannot hold the model, such as ONNX an encoder-decoder.
        UsageError: If a library is not installed.
        ExportError: If the exported model computes other log-probabilities.
        WriteError: If a file cannot be written.
    """
    if to not in EXPORTS:
        raise OptionsError.invalid("to", to, f"one of {listing(EXPORTS)}")
    if model.header.members > 1:
        raise RequestError(
            f"the model averages {model.header.members} networks, which cannot be exported as one; train one network"
            " on their predictions with `distil`, and export it",
            field="to", value=to, allowed="a model of one network",
        )  # fmt: skip
    if model.header.network.is_encoder_decoder and to == "onnx":
        raise RequestError(
            f"models with {model.header.network.attention!r} as `attention` cannot be exported to ONNX; set `to` to"
            " pytorch or safetensors",
            field="to", value=to, allowed="pytorch or safetensors",
        )  # fmt: skip
    shape = model.header.network
    if shape.features and shape.features_at != "steps":
        raise RequestError(
            f"the features of the model are read at {shape.features_at!r} (`features_at`), which cannot be exported;"
            " export one that reads them at every step",
            field="to", value=to, allowed="a model that reads its features at every step",
        )  # fmt: skip
    config = plain_config(model)
    network = PlainNetwork(config)
    network.load_state_dict(plain_weights(networks_of(model.network)[0], config))
    network.eval()
    check_outputs(model, _outputs_of_module(network), "the plain network")
    make_folder(folder)
    description = folder / DESCRIPTION
    write_text(description, json.dumps({**config, "plugin": model.header.plugin, **_tokens(model)}, indent=1) + "\n")
    return [*EXPORTS[to](model, network, folder), description]


def plain_config(model: Model) -> dict[str, Any]:
    """Return the architecture of a model as `PlainNetwork` reads it, as plain JSON."""
    network, space = model.header.network, model.header.space
    return {
        **network.to_json(),
        "space": space.to_json(),
        "label_tables": [[values + 1, label_width(values)] for values in network.labels],
        "label_names": list(model.header.labels),
        "context": network.attention_width,
        "encoder_units": network.encoder_units if network.source_symbols else 0,
        "agreements": MAX_AGREEMENT,
        "outputs": mixture_sizes(space) if isinstance(space, Mixture) else [],
    }


def plain_weights(network: Network, config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return the weights of a network under the names of `PlainNetwork`."""
    source = {name: value.detach() for name, value in network.named_parameters()}
    weights: dict[str, torch.Tensor] = {}

    def layer(prefix: str, name: str, suffix: str = "") -> None:
        bias = source[f"{name}.bias"]
        weights[f"{prefix}.weight_ih{suffix}"] = source[f"{name}.input_weight"]
        weights[f"{prefix}.weight_hh{suffix}"] = source[f"{name}.recurrent_weight"]
        weights[f"{prefix}.bias_ih{suffix}"] = bias
        recurrent_bias = torch.zeros_like(bias)
        if f"{name}.candidate_bias" in source:
            recurrent_bias[-config["hidden"] :] = source[f"{name}.candidate_bias"]
        weights[f"{prefix}.bias_hh{suffix}"] = recurrent_bias

    def after_zeros(table: torch.Tensor) -> torch.Tensor:
        return torch.cat([table.new_zeros(1, table.shape[1]), table])

    for number in range(config["layers"]):
        layer(f"layers.{number}", f"layers.{number}")
    if "start_weight" in source:
        weights["start_weight"], weights["start_bias"] = source["start_weight"][:, 1:], source["start_weight"][:, 0]
    if "source.embedding" in source:
        weights["source_embedding.weight"] = source["source.embedding"]
        for number in range(config["layers"]):
            layer(f"source_layers.{number}", f"source.layers.{number}")
    if "source.key_weight" in source:
        weights["initial.weight"], weights["initial.bias"] = (
            source["source.initial_weight"],
            source["source.initial_bias"],
        )
        weights["keys.weight"], weights["combination.weight"] = (
            source["source.key_weight"],
            source["source.output_weight"],
        )
    for number in range(len(config["label_tables"])):
        weights[f"labels.{number}.weight"] = source[f"conditioning.embeddings.{number}"]
    weights["output.bias"] = source["head.bias"]
    if "size" in config["space"]:
        weights["embedding.weight"] = source["head.embedding"]
        weights["output.weight"] = source.get("head.output_embedding", source["head.embedding"])
        if "head.projection" in source:
            weights["projection.weight"] = source["head.projection"]
        if "head.cluster_weight" in source:
            weights["clusters.weight"], weights["clusters.bias"] = (
                source["head.cluster_weight"],
                source["head.cluster_bias"],
            )
    else:
        weights["embedding.weight"], weights["output.weight"] = (
            source["head.input_weight"],
            source["head.output_weight"],
        )
    if config["lookback"]:
        weights["earlier_steps.weight"] = after_zeros(source["references.steps"])
        weights["agreements.weight"] = after_zeros(source["references.agreements"])
    if config["copy_logits"]:
        weights["copy_scores.weight"] = source["copy_logits.weight"]
        weights["copy_agreements"] = source["copy_logits.agreements"]
    if "attention.weight" in source:
        weights["attention.weight"], weights["attention.bias"] = source["attention.weight"], source["attention.bias"]
    if config["encoder_units"]:
        weights["encoder.embedding.weight"] = source["encoder.embedding"]
        layer("encoder.ahead", "encoder.forward_lstm", "_l0")
        layer("encoder.back", "encoder.backward_lstm", "_l0")
    return weights


def check_outputs(model: Model, outputs_of: Callable[[dict[str, torch.Tensor]], torch.Tensor], what: str) -> float:
    """Return the largest difference between the outputs of a model and of its export, on random steps.

    Args:
        model: The model.
        outputs_of: Returns the outputs of the export for the inputs of `PlainNetwork.forward`.
        what: What is compared, for the message.

    Raises:
        ExportError: If the difference is too large.
    """
    generator = np.random.default_rng(0)
    header, network = model.header, networks_of(model.network)[0]
    space, shape = header.space, header.network
    if isinstance(space, Categorical):
        steps = generator.integers(space.size, size=CHECK_STEPS).astype(space.dtype)
    else:
        assert isinstance(space, Mixture)
        bits = generator.integers(2, size=(CHECK_STEPS, space.bits))
        steps = np.concatenate([generator.normal(size=(CHECK_STEPS, space.reals)), bits], 1).astype(space.dtype)
    source = (
        generator.integers(max(1, shape.source_symbols - 1), size=7).astype(np.int64) if shape.source_symbols else None
    )
    labels = np.array([generator.integers(values + 1) for values in shape.labels], np.int64)
    features = generator.normal(size=shape.features).astype(np.float32)
    batch = example_batch(Example(steps, source=source), labels, features, shape.source_symbols, network.history)
    with torch.no_grad():
        expected, _ = network(batch, network.zero_state(1))
        inputs = {"steps": batch.inputs[1:]}
        if shape.labels:
            inputs["labels"] = batch.labels[0]
        if shape.features:
            inputs["features"] = batch.features[0]
        if batch.references is not None:
            inputs["references"] = batch.references
        if batch.sources is not None:
            inputs["source"] = batch.sources[0]
        actual = outputs_of(inputs)
        if isinstance(space, Categorical):
            expected, actual = network.head.log_probabilities(expected), actual.log_softmax(-1)
    difference = float((expected - actual).abs().max())
    if not difference <= TOLERANCE:
        raise ExportError(f"{what} computes other log-probabilities: the largest difference is {difference:.3g}")
    return difference


def _outputs_of_module(network: PlainNetwork) -> Callable[[dict[str, torch.Tensor]], torch.Tensor]:
    return lambda inputs: network(**inputs)


def _tokens(model: Model) -> dict[str, Any]:
    """Return what the numbers of symbols and labels stand for, as far as the codec names its tokens."""
    tokens = getattr(model.codec, "tokens", None)
    labels = {name: ["", *values] for name, values in model.header.labels.items()}
    return {"label_values": labels, **({"tokens": [str(token) for token in tokens]} if tokens else {})}


def _write_weights(model: Model, network: PlainNetwork, folder: Path) -> list[Path]:
    """Write the weights in the format of the library safetensors, float32, with the architecture as metadata."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "config": canonical_json(network.config)}}
    arrays, offset = [], 0
    for name, value in network.state_dict().items():
        array = np.ascontiguousarray(value.numpy(), dtype="<f4")
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        arrays.append(array)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = folder / WEIGHTS
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            file.write(array.tobytes())
    return [path]


def _write_pytorch(model: Model, network: PlainNetwork, folder: Path) -> list[Path]:
    path = folder / MODULE
    write_text(path, Path(plain_network.__file__).read_text(encoding="utf-8"))
    (weights,) = _write_weights(model, network, folder)
    loaded = _module_of(path).load(weights)
    check_outputs(model, _outputs_of_module(loaded), str(path))
    return [path, weights]


def _module_of(path: Path) -> ModuleType:
    """Import an exported module from its file."""
    spec = importlib.util.spec_from_file_location("_exported_network", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def _write_onnx(model: Model, network: PlainNetwork, folder: Path) -> list[Path]:
    from seqforge.api.onnx_export import OnnxNetwork, write_onnx

    paths = write_onnx(network, folder / STEP, folder / ENCODER)
    check_outputs(model, OnnxNetwork(network.config, folder / STEP, folder / ENCODER), str(folder / STEP))
    return paths


EXPORTS: Mapping[str, Callable[[Model, PlainNetwork, Path], list[Path]]] = {
    "pytorch": _write_pytorch,
    "onnx": _write_onnx,
    "safetensors": _write_weights,
}
"""The formats by name: functions that write the files of a format."""
