import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from seqforge import Categorical, Mixture, Model, OptionsError, RequestError
from seqforge.api.export import ExportError, check_outputs, export_model, plain_config, plain_weights
from seqforge.api.plain_network import PlainNetwork, repeats
from seqforge.core.places import AlignedHistory, Places
from seqforge.core.sequences import Example
from seqforge.network import Network, NetworkConfig
from seqforge.network.batch import example_batch

SHAPES: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru": {"cell": "gru", "labels": (2, 3)},
    "rnn": {"cell": "rnn", "tie_embeddings": False},
    "wide": {"embedding": 8, "residual": False, "layers": 1, "features": 2},
    "source": {"source_symbols": 5},
    "encoder": {"source_symbols": 5, "encoder_units": 3, "labels": (2,)},
    "gru encoder": {"cell": "gru", "source_symbols": 5, "encoder_units": 3},
    "lookback": {"lookback": 3, "distances": (1, 2)},
    "copy logits": {"lookback": 3, "distances": (1, 2), "copy_logits": True, "embedding": 6},
    "content": {"source_symbols": 5, "encoder_units": 3, "attention": "content", "labels": (2,)},
    "content gru": {"cell": "gru", "source_symbols": 5, "encoder_units": 3, "attention": "content", "embedding": 8},
    "reversed": {"source_symbols": 5, "attention": "none", "residual": False},
    "reversed gru": {"cell": "gru", "source_symbols": 5, "attention": "none", "features": 2},
    "decoder of reals": {"space": Mixture(2, 1, 3), "source_symbols": 5, "encoder_units": 2, "attention": "content"},
    "mixture": {"space": Mixture(reals=2, bits=1, components=3), "source_symbols": 4, "encoder_units": 2},
    "one real": {"space": Mixture(1, 0, 2, ((0.5, 3.0),)), "features": 1},
}


class Groups(Places):
    """Groups of four steps."""

    distances = (1, 2)

    def start(self) -> tuple[int, int]:
        return 0, 0

    def place(self, state: Any) -> tuple[int, int]:
        return state  # type: ignore[no-any-return]

    def advance(self, state: Any, step: int) -> tuple[int, int]:
        return (state[0] + 1, 0) if state[1] == 3 else (state[0], state[1] + 1)


def model(name: str) -> Any:
    """A stand-in for a model: header, network and codec, with weights that differ much from fresh ones."""
    shape = dict(SHAPES[name])
    space = shape.pop("space", Categorical(5))
    config = NetworkConfig(**{"layers": 2, "hidden": 8, "embedding": 4, "gaussians": 3, **shape})
    network = Network(space, config, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    network.history = AlignedHistory(Groups(), (1, 2)) if config.distances else None
    labels = {f"label{number}": ("x",) * values for number, values in enumerate(config.labels)}
    header = SimpleNamespace(space=space, network=config, labels=labels, plugin="none", members=1)
    return SimpleNamespace(header=header, network=network.eval(), codec=None)


def plain(original: Any) -> PlainNetwork:
    network = PlainNetwork(plain_config(original))
    network.load_state_dict(plain_weights(original.network, network.config))
    return network.eval()


@pytest.mark.parametrize("name", SHAPES)
def test_the_plain_network_has_the_outputs_of_the_model(name: str) -> None:
    original = model(name)
    network = plain(original)
    assert check_outputs(original, lambda inputs: network(**inputs), "it") < 1e-4


@pytest.mark.parametrize("name", ["content", "reversed", "encoder"])
def test_padding_of_a_source_changes_nothing(name: str) -> None:
    network = plain(model(name))
    steps, source = torch.tensor([[1], [3], [2]]), torch.tensor([[2, 1, 4]])
    with torch.no_grad():
        alone = network(steps, source=source)
        padded = torch.tensor([[2, 1, 4, 0, 0], [3, 3, 1, 2, 4]])
        together = network(steps.expand(3, 2), source=padded)
    torch.testing.assert_close(together[:, :1], alone, rtol=1e-4, atol=1e-5)


def test_an_encoder_decoder_is_not_exported_to_onnx(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        export_model(model("content"), tmp_path, to="onnx")
    assert caught.value.field == "to" and not list(tmp_path.iterdir())
    assert len(export_model(model("content"), tmp_path, to="pytorch")) == 3


@pytest.mark.parametrize("name", ["lstm", "mixture", "one real"])
def test_the_loss_is_that_of_the_model(name: str) -> None:
    original = model(name)
    space, shape = original.header.space, original.header.network
    generator = np.random.default_rng(0)
    steps = generator.integers(5, size=9).astype(space.dtype)
    if isinstance(space, Mixture):
        steps = generator.integers(2, size=(9, space.reals + space.bits)).astype(np.float32)
    source = np.array([0, 1]) if shape.source_symbols else None
    features = generator.normal(size=shape.features).astype(np.float32)
    batch = example_batch(Example(steps, source=source), np.zeros(0, np.int64), features, shape.source_symbols)
    network = plain(original)
    with torch.no_grad():
        expected, _ = original.network.loss(batch, original.network.zero_state(1))
        sources = None if batch.sources is None else batch.sources[0]
        outputs = network(batch.inputs[1:], features=batch.features[0], source=sources)
        actual = network.loss(outputs, batch.inputs[1:])
    assert torch.allclose(actual, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["gru", "mixture", "lookback", "copy logits"])
def test_onnx_has_the_outputs_of_the_model(name: str, tmp_path: Path) -> None:
    paths = export_model(model(name), tmp_path, to="onnx")  # compares the outputs
    names = {path.name for path in paths}
    assert names == {"step.onnx", "model.json"} | ({"encoder.onnx"} if name == "mixture" else set())


def test_a_difference_is_an_error() -> None:
    original = model("lstm")
    network = plain(original)
    with torch.no_grad():
        network.layers[1].bias_hh[3] += 0.5  # type: ignore[union-attr,operator,index]
    with pytest.raises(ExportError):
        check_outputs(original, lambda inputs: network(**inputs), "it")


def test_the_exported_module_needs_only_torch(trained: dict[str, Model], tmp_path: Path) -> None:
    trained_text = trained["text"]
    export_model(trained_text, tmp_path, to="pytorch")
    (tmp_path / "use.py").write_text(
        "import sys\nimport torch\nfrom network import load, repeats\n"
        "steps = torch.tensor([[1], [2], [0], [1], [2], [1], [2], [0]])\nnetwork = load('weights.safetensors')\n"
        "print(network.loss(network(steps, references=repeats(steps)), steps).sum().item())\n"
        "assert not any(name.startswith(('seqforge', 'safetensors')) for name in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    example, history = Example(np.array([1, 2, 0, 1, 2, 1, 2, 0], np.uint8)), trained_text.network.history
    batch = example_batch(example, np.zeros(0, np.int64), np.zeros(0, np.float32), 0, history)
    assert history is not None and torch.equal(repeats(batch.targets[:-1]), batch.references)
    nats, _ = trained_text.network.loss(batch, trained_text.network.zero_state(1))
    assert float(result.stdout) == pytest.approx(nats.sum().item(), abs=1e-3)
    assert json.loads((tmp_path / "model.json").read_text())["plugin"] == "text"


def test_weights_in_the_format_of_safetensors(tmp_path: Path) -> None:
    original = model("encoder")
    export_model(original, tmp_path, to="safetensors")
    weights = load_file(tmp_path / "weights.safetensors")
    expected = plain(original).state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in weights)


def test_features_in_the_initial_state_cannot_be_exported(tmp_path: Path) -> None:
    network = NetworkConfig(hidden=8, embedding=4, features=2, features_at="state")
    header = SimpleNamespace(space=Categorical(5), network=network, labels={}, plugin="none", members=1)
    with pytest.raises(RequestError) as caught:
        export_model(SimpleNamespace(header=header), tmp_path, to="onnx")  # type: ignore[arg-type]
    assert caught.value.field == "to" and not list(tmp_path.iterdir())


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(OptionsError) as caught:
        export_model(model("lstm"), tmp_path, to="keras")
    assert caught.value.field == "to"
