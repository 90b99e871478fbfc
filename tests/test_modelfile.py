import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from seqforge.core.spaces import Categorical
from seqforge.core.tensorfile import write_tensors
from seqforge.errors import DamagedFileError, WriteError
from seqforge.modelfile import ModelHeader, read_header, read_model, write_model
from seqforge.network import Network

SHAPES: list[dict[str, Any]] = [
    {},
    {"cell": "gru", "layers": 3, "hidden": 6, "embedding": 4, "tie_embeddings": False},
    {"cell": "rnn", "layers": 2, "labels": (2, 1), "features": 3},
]


def header_of(network: Network, **overrides: Any) -> ModelHeader:
    defaults: dict[str, Any] = {
        "plugin": "text",
        "unit": "character",
        "space": network.space,
        "network": network.config,
        "labels": {f"label {n}": tuple(f"v{i}" for i in range(k)) for n, k in enumerate(network.config.labels)},
        "codec": {"version": 1, "alphabet": "abcdé"},
        "options": {"lower": True},
        "provenance": {"losses": [1.5, None], "corpora": []},
    }
    return ModelHeader(**{**defaults, **overrides})


def weights_of(network: Network) -> dict[str, np.ndarray]:
    return network.arrays()


@pytest.fixture
def saved(tmp_path: Path, make_network: Callable[..., Network]) -> tuple[Path, Network]:
    network = make_network(labels=(2,), layers=2)
    path = tmp_path / "model.safetensors"
    write_model(path, header_of(network), weights_of(network))
    return path, network


# -- writing and reading -------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_float32_round_trip_is_exact(
    tmp_path: Path, shape: dict[str, Any], make_network: Callable[..., Network]
) -> None:
    network = make_network(**shape)
    header = header_of(network, arrays={"style": np.arange(6, dtype=np.int16).reshape(2, 3), "empty": np.zeros(0)})
    write_model(tmp_path / "m", header, weights_of(network))
    read, result = read_model(tmp_path / "m")
    assert read.to_json() == header.to_json()
    assert read.arrays.keys() == header.arrays.keys()
    assert all(np.array_equal(read.arrays[name], value) for name, value in header.arrays.items())
    assert read.network == network.config
    assert result.keys() == network.state_dict().keys()
    assert all(np.array_equal(result[name], value.numpy()) for name, value in network.state_dict().items())


def test_bfloat16_round_trip_rounds_and_halves_the_size(saved: tuple[Path, Network], tmp_path: Path) -> None:
    path, network = saved
    write_model(tmp_path / "half", header_of(network), weights_of(network), precision="bfloat16")
    _, result = read_model(tmp_path / "half")
    for name, value in network.state_dict().items():
        assert result[name].dtype == np.float32
        assert np.array_equal(result[name], value.bfloat16().float().numpy())
    assert (tmp_path / "half").stat().st_size < 0.75 * path.stat().st_size


def test_arrays_of_bfloat16_model_keep_their_types(tmp_path: Path, make_network: Callable[..., Network]) -> None:
    network = make_network()
    arrays = {"counts": np.arange(3, dtype=np.uint16), "scale": np.array([0.1, 1e-9], np.float32)}
    write_model(tmp_path / "m", header_of(network, arrays=arrays), weights_of(network), precision="bfloat16")
    read = read_header(tmp_path / "m")
    assert all(read.arrays[name].tolist() == value.tolist() for name, value in arrays.items())


def test_network_is_in_evaluation_mode_and_independent_of_the_file(
    saved: tuple[Path, Network], make_batch: Callable[..., Any]
) -> None:
    path, network = saved
    header, arrays = read_model(path)
    result = Network.from_arrays(header.space, header.network, arrays)
    assert not result.training
    assert not any(p.is_meta for p in result.parameters())
    batch = make_batch(result)
    with torch.no_grad():
        expected, _ = network(batch, network.zero_state(3))
        assert torch.equal(result(batch, result.zero_state(3))[0], expected)
        before = path.read_bytes()
        for parameter in result.parameters():
            parameter.add_(1)
    assert all(np.array_equal(array, network.arrays()[name]) for name, array in arrays.items())
    for array in arrays.values():
        array += 1
    assert path.read_bytes() == before


def test_read_header(saved: tuple[Path, Network]) -> None:
    path, network = saved
    assert read_header(path).to_json() == header_of(network).to_json()


def test_same_model_gives_same_bytes(saved: tuple[Path, Network]) -> None:
    path, network = saved
    before = path.read_bytes()
    reversed_weights = dict(reversed(weights_of(network).items()))
    write_model(path, header_of(network), reversed_weights)
    assert path.read_bytes() == before


def test_safetensors_library_opens_a_model(saved: tuple[Path, Network]) -> None:
    path, network = saved
    tensors = safetensors.torch.load_file(path)
    assert {name.removeprefix("network.") for name in tensors} == network.state_dict().keys()


def test_order_of_labels_is_kept(tmp_path: Path, make_network: Callable[..., Network]) -> None:
    network = make_network(labels=(1, 2, 1))
    labels = {"z": ("a",), "b": ("y", "x"), "a": ("c",)}
    write_model(tmp_path / "m", header_of(network, labels=labels), weights_of(network))
    assert list(read_header(tmp_path / "m").labels.items()) == list(labels.items())


def test_failed_write_leaves_previous_model(saved: tuple[Path, Network]) -> None:
    path, network = saved
    before = path.read_bytes()
    with pytest.raises(WriteError):
        write_model(path / "m", header_of(network), weights_of(network))
    assert path.read_bytes() == before


# -- damaged and malicious files -------------------------------------------------------------


@pytest.fixture
def alter(saved: tuple[Path, Network]) -> Callable[..., Path]:
    """Return a function that rewrites the saved model with another header or other tensors."""
    path, network = saved
    tensors = {"network." + name: value for name, value in network.arrays().items()}

    def write(change: Callable[[dict[str, Any]], Any] | None = None, **other: np.ndarray | None) -> Path:
        header = json.loads(json.dumps(header_of(network).to_json()))
        if change is not None:
            change(header)
        all_tensors = {**tensors, **{f"network.{name}": value for name, value in other.items()}}
        write_tensors(path, {name: value for name, value in all_tensors.items() if value is not None}, header)
        return path

    return write


def assert_rejected(path: Path, *, fragment: str = "") -> None:
    for read in (read_header, read_model):
        with pytest.raises(DamagedFileError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert fragment in str(caught.value)


def test_unaltered_model_is_read(alter: Callable[..., Path]) -> None:
    read_model(alter())


INVALID: list[tuple[str, Any]] = [
    *[("hidden", value) for value in (10**9, 0, -8, "8", 8.0, None, True, [8], 2**63)],
    *[("layers", value) for value in (65, 0, -1, "2", 1e9, None)],
    *[("embedding", value) for value in (10**9, -1, "8", {})],
    *[("features", value) for value in (-1, 10**9, "0", None)],
    *[("cell", value) for value in ("lstm2", "", None, 3, ["lstm"])],
    *[("tie_embeddings", value) for value in (1, 0, "true", None)],
    *[("labels", value) for value in (3, None, "2", [-1], ["2"], [10**9], [2.0], [[2]], [1] * 100_000)],
    ("bogus", 1),
]


@pytest.mark.parametrize(("name", "value"), INVALID, ids=lambda value: repr(value)[:20])
def test_invalid_network_is_rejected(alter: Callable[..., Path], name: str, value: Any) -> None:
    assert_rejected(alter(lambda header: header["network"].update({name: value})))


def test_invalid_networks_are_rejected_without_runtime_type_checks(tmp_path: Path, alter: Callable[..., Path]) -> None:
    for number, (name, value) in enumerate(INVALID):
        path = alter(lambda header, name=name, value=value: header["network"].update({name: value}))
        path.rename(tmp_path / f"{number}.bad")
    code = """if True:
        import sys, pathlib
        from seqforge.errors import DamagedFileError
        from seqforge.modelfile import read_model
        for path in pathlib.Path(sys.argv[1]).glob("*.bad"):
            try:
                read_model(path)
            except DamagedFileError as error:
                assert str(path) in str(error)
            else:
                raise SystemExit(f"{path} was read")
    """
    process = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize("name", ["cell", "layers", "hidden", "embedding", "tie_embeddings", "labels", "features"])
def test_network_with_missing_value_is_rejected(alter: Callable[..., Path], name: str) -> None:
    assert_rejected(alter(lambda header: header["network"].pop(name)))


@pytest.mark.parametrize(
    "name", ["format", "kind", "plugin", "unit", "space", "network", "labels", "codec", "options", "provenance"]
)
def test_header_with_missing_entry_is_rejected(alter: Callable[..., Path], name: str) -> None:
    assert_rejected(alter(lambda header: header.pop(name)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("plugin", value) for value in (3, None, ["text"], {})],
        *[("unit", value) for value in (3, None)],
        *[("space", value) for value in (None, {}, {"kind": "mixtape"}, {"kind": ["categorical"]}, "categorical")],
        *[("network", value) for value in (None, [], "lstm", {})],
        *[("codec", value) for value in (None, 3, "json", [1])],
        *[("options", value) for value in (None, 3)],
        *[("provenance", value) for value in (None, 3, {"longest_units": None}, {"longest_units": "4"})],
        *[("format", value) for value in (0, 2, "1", None, [1])],
        *[("kind", value) for value in ("state", None, [])],
    ],
    ids=lambda value: repr(value)[:30],
)
def test_header_entry_of_wrong_type_is_rejected(alter: Callable[..., Path], name: str, value: Any) -> None:
    assert_rejected(alter(lambda header: header.update({name: value})))


@pytest.mark.parametrize(
    "labels",
    [
        None, 3, {}, [], [3], [["a"]], [["label 0", 3]], [["label 0", ["x"]]], [["label 0", ["x", "y", "z"]]],
        [["a", ["x", "y"]], ["b", ["x", "y"]]], [["label 0", None]],
    ],
    ids=repr,
)  # fmt: skip
def test_labels_that_do_not_fit_the_network_are_rejected(alter: Callable[..., Path], labels: Any) -> None:
    assert_rejected(alter(lambda header: header.update(labels=labels)))


def test_other_format_advises_an_update(alter: Callable[..., Path]) -> None:
    assert_rejected(alter(lambda header: header.update(format=2)), fragment="update seqforge")


def test_largest_network_allocates_no_memory_before_shapes_are_compared(alter: Callable[..., Path]) -> None:
    def grow(header: dict[str, Any]) -> None:
        header["network"].update(layers=64, hidden=65_536, embedding=65_536)
        header["space"] = {"kind": "categorical", "size": 4_000_000}

    with pytest.raises(DamagedFileError, match="has shape"):
        read_model(alter(grow))


@pytest.mark.parametrize(
    "other", [{"cell": "gru"}, {"layers": 1}, {"layers": 3}, {"hidden": 9}, {"tie_embeddings": False}]
)
def test_network_that_does_not_fit_the_weights_is_rejected(alter: Callable[..., Path], other: dict[str, Any]) -> None:
    path = alter(lambda header: header["network"].update(other))
    with pytest.raises(DamagedFileError, match=str(path)):
        read_model(path)


def test_space_that_does_not_fit_the_weights_is_rejected(alter: Callable[..., Path]) -> None:
    path = alter(lambda header: header.update(space=Categorical(6).to_json()))
    with pytest.raises(DamagedFileError, match=str(path)):
        read_model(path)


@pytest.mark.parametrize(
    "value",
    [
        None,
        np.zeros((8, 9), np.float32),
        np.zeros(8, np.float32),
        np.zeros((8, 0), np.float32),
        np.zeros((6, 8), np.float64),
        np.zeros((6, 8), np.float16),
        np.zeros((6, 8), np.int32),
        np.zeros((6, 8), np.uint16),
        np.zeros((6, 8), bool),
    ],
    ids=lambda value: "missing" if value is None else f"{value.dtype} {value.shape}",
)
def test_missing_or_wrong_tensor_is_named(alter: Callable[..., Path], value: np.ndarray | None) -> None:
    path = alter(**{"head.embedding": value})
    with pytest.raises(DamagedFileError, match=r"head\.embedding") as caught:
        read_model(path)
    assert str(path) in str(caught.value)


def test_unknown_tensor_is_named(alter: Callable[..., Path]) -> None:
    with pytest.raises(DamagedFileError, match="bogus"):
        read_model(alter(bogus=np.zeros(1, np.float32)))


def torch_checkpoint(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"weights": [1.0]}))
    return path.read_bytes()


OTHER_FILES = {
    "empty": b"",
    "text": b"To be, or not to be, that is the question.\n" * 50,
    "JSON": b'{"format": 1, "kind": "model", "plugin": "text"}',
    "PNG": bytes.fromhex("89504e470d0a1a0a 0000000d49484452 00000001000000010802000000907753de"),
    "pickle": pickle.dumps({"model": list(range(100))}),
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES.keys())
def test_other_files_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    assert_rejected(tmp_path / "m")


def test_torch_checkpoint_is_rejected_and_not_executed(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(torch_checkpoint(tmp_path / "zip"))
    assert_rejected(tmp_path / "m")


def test_safetensors_file_of_other_program_is_rejected(tmp_path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.zeros(3)}, tmp_path / "m", metadata={"format": "pt"})
    assert_rejected(tmp_path / "m")


def test_shard_is_rejected(tmp_path: Path) -> None:
    write_tensors(tmp_path / "m", {}, {"format": 1, "kind": "shard"})
    assert_rejected(tmp_path / "m", fragment="not a seqforge model")


def test_missing_model_is_rejected(tmp_path: Path) -> None:
    assert_rejected(tmp_path / "m", fragment="there is no model at")


def test_truncated_model_is_rejected(saved: tuple[Path, Network]) -> None:
    path, _ = saved
    content = path.read_bytes()
    for length in (0, 7, 8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert_rejected(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weight_that_is_not_finite_is_damage(
    tmp_path: Path, make_network: Callable[..., Network], value: float, precision: Any
) -> None:
    network = make_network()
    weights = {name: weight.copy() for name, weight in network.arrays().items()}
    weights["layers.0.recurrent_weight"][1, 2] = value
    write_model(tmp_path / "m", header_of(network), weights, precision=precision)
    with pytest.raises(DamagedFileError, match=r"'network\.layers\.0\.recurrent_weight' contains NaN or infinity"):
        read_model(tmp_path / "m")
