"""A plain network as ONNX: a graph that reads one step, and a graph that encodes a source."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqforge.api.plain_network import PlainNetwork
from seqforge.core.extras import require
from seqforge.core.files import replacing

__all__ = ["OPSET", "OnnxNetwork", "write_onnx"]

OPSET = 17
"""The version of the operators of ONNX."""
SOURCE_LENGTH = 5
"""Length of the source in the example inputs of the export; the graph accepts any length."""


class OnnxNetwork:
    """An exported network that runs in onnxruntime; it is called as `PlainNetwork` is, for one piece.

    Example:
        outputs = OnnxNetwork(config, Path("step.onnx"), Path("encoder.onnx"))({"steps": steps})

    Args:
        config: The architecture, as in model.json.
        step: The graph that reads a step.
        encoder: The graph that encodes a source; it is read only if the network has a source.
    """

    def __init__(self, config: dict[str, Any], step: Path, encoder: Path) -> None:
        runtime = require("onnxruntime", extra="onnx", purpose="running a network in ONNX", field="to")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        self.config = config
        self._step = runtime.InferenceSession(str(step), options, providers=["CPUExecutionProvider"])
        self._encoder = None
        if config["source_symbols"]:
            self._encoder = runtime.InferenceSession(str(encoder), options, providers=["CPUExecutionProvider"])

    def __call__(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return the outputs before every step and after the last one, shape (time + 1, row, outputs)."""
        steps = inputs["steps"].numpy()
        rows = steps.shape[1]
        names = ("labels", "features", "source")
        constant: dict[str, Any] = {name: inputs[name].numpy() for name in names if name in inputs}
        if self._encoder is not None:
            (constant["memory"],) = self._encoder.run(None, {"source": constant["source"]})
        state = [tensor.numpy() for tensor in PlainNetwork(self.config).zero_state(rows)]
        outputs = []
        for t, step in enumerate(np.concatenate([np.zeros_like(steps[:1]), steps])):
            feed: dict[str, Any] = {"step": step, "start": np.full(rows, t == 0), **constant}
            feed |= {f"state_{number}": tensor for number, tensor in enumerate(state)}
            if "references" in inputs:
                feed["references"] = inputs["references"][t].numpy()
            output, *state = self._step.run(None, feed)
            outputs.append(torch.from_numpy(output))
        return torch.stack(outputs)


def write_onnx(network: PlainNetwork, step: Path, encoder: Path) -> list[Path]:
    """Write the graphs of a network; the number of rows and the length of a source are free.

    Args:
        network: The network.
        step: The path of the graph that reads a step. Its outputs are log-probabilities for a network of symbols.
        encoder: The path of the graph that encodes a source; it is written only if the network has a source.

    Raises:
        UsageError: If the library onnx is not installed.
        WriteError: If a file cannot be written.
    """
    require("onnx", extra="onnx", purpose="writing ONNX", field="to")
    config, rows = network.config, 2
    inputs: dict[str, Tensor] = {
        "step": torch.zeros(rows, dtype=torch.long)
        if network.symbols
        else torch.zeros(rows, config["space"]["reals"] + config["space"]["bits"]),
        "start": torch.tensor([True, False]),
    }
    state = network.zero_state(rows)
    inputs |= {f"state_{number}": tensor for number, tensor in enumerate(state)}
    if config["label_tables"]:
        inputs["labels"] = torch.zeros(rows, len(config["label_tables"]), dtype=torch.long)
    if config["features"]:
        inputs["features"] = torch.zeros(rows, config["features"])
    if config["lookback"]:
        inputs["references"] = torch.zeros(rows, 2 * len(config["distances"]), dtype=torch.long)
    paths = [step]
    if config["source_symbols"]:
        source = torch.ones(rows, SOURCE_LENGTH, dtype=torch.long)
        inputs |= {"source": source, "memory": network.encode(source).detach()}
        _export(_Encoder(network), {"source": source}, ["memory"], encoder)
        paths.append(encoder)
    names = ["outputs", *(f"next_state_{number}" for number in range(len(state)))]
    _export(_Step(network, list(inputs), len(state)), inputs, names, step)
    return paths


class _Step(nn.Module):
    """A step with positional inputs, whose outputs are log-probabilities for a network of symbols."""

    def __init__(self, network: PlainNetwork, names: list[str], tensors: int) -> None:
        super().__init__()
        self.network, self.names, self.tensors = network, names, tensors

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        inputs = dict(zip(self.names, values, strict=True))
        state = [inputs.pop(f"state_{number}") for number in range(self.tensors)]
        outputs, new_state = self.network.step(state=state, **inputs)
        return (outputs.log_softmax(-1) if self.network.symbols else outputs, *new_state)


class _Encoder(nn.Module):
    def __init__(self, network: PlainNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor) -> Tensor:
        return self.network.encode(source)


def _export(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path) -> None:
    axes = {name: {0: "rows"} for name in (*inputs, *outputs)}
    for name in ("source", "memory"):
        if name in axes:
            axes[name] = {0: "rows", 1: "length"}
    with warnings.catch_warnings(), replacing(path) as temporary:
        warnings.simplefilter("ignore")  # the exporter warns that a newer one exists, which needs onnxscript
        torch.onnx.export(
            module, tuple(inputs.values()), str(temporary), input_names=list(inputs), output_names=outputs,
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
