import json
import math
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from seqforge.core import tensorfile
from seqforge.core.tensorfile import MAX_HEADER_BYTES, NUMPY_TYPES, TensorFile, canonical_json, write_tensors
from seqforge.errors import DamagedFileError, WriteError

DTYPES = [np.dtype(code) for name, code in NUMPY_TYPES.items() if name != "BF16"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: numpy_strategies.arrays(
        dtype, numpy_strategies.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a path that many examples write to."""
    return tmp_path_factory.mktemp("tensors") / "target.safetensors"


def container(header: Any, data: bytes = b"") -> bytes:
    """Return a container with this header: JSON, or bytes that are used unchanged."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def with_tensors(**entries: Any) -> dict[str, Any]:
    return {"__metadata__": {"seqforge": "{}"}, **entries}


def read_all(path: Path) -> dict[str, np.ndarray]:
    file = TensorFile(path, "model")
    return {name: np.array(file.array(name)) for name in file.tensors}


def assert_rejected(path: Path, content: bytes, *, most: int = MEGABYTE) -> str:
    """Check that this content is rejected with an error that names the file, in little memory."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFileError) as caught:
            read_all(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert peak < most
    return str(caught.value)


# -- round trips -------------------------------------------------------------


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), ARRAYS, max_size=5), PLAIN)
def test_arrays_and_metadata_round_trip(target: Path, arrays: Mapping[str, np.ndarray], metadata: Any) -> None:
    write_tensors(target, arrays, metadata)
    file = TensorFile(target, "model")
    assert file.metadata == metadata
    assert file.tensors.keys() == arrays.keys()
    for name, array in arrays.items():
        back = file.array(name)
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 3)])
def test_all_dtypes_and_empty_arrays_round_trip(tmp_path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    array = (np.arange(np.prod(shape, dtype=int)) % 2).astype(dtype).reshape(shape)
    write_tensors(tmp_path / "a", {"x": array}, None)
    back = TensorFile(tmp_path / "a", "model").array("x")
    assert (back.dtype, back.shape, back.tolist()) == (dtype, shape, array.tolist())


def test_arrays_that_are_not_contiguous_round_trip(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int32).reshape(4, 6)
    arrays = {"transposed": array.T, "strided": array[::2, 1::2], "large": np.ones((600, 600), np.float32).T}
    write_tensors(tmp_path / "a", arrays, {})
    back = read_all(tmp_path / "a")
    assert all(np.array_equal(back[name], value) for name, value in arrays.items())


def test_array_is_memory_mapped_and_read_only(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", {"x": np.zeros(3, np.float32)}, {})
    array = TensorFile(tmp_path / "a", "model").array("x")
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable


def test_bfloat16_has_its_own_dtype_name(tmp_path: Path) -> None:
    bits = np.array([0x3F80, 0xC000], np.uint16)
    write_tensors(tmp_path / "a", {"x": bits}, {}, bf16=True)
    file = TensorFile(tmp_path / "a", "model")
    assert file.tensors["x"].dtype == "BF16"
    assert file.array("x").tolist() == bits.tolist()


@given(st.lists(st.tuples(st.text(max_size=4), ARRAYS), max_size=4, unique_by=lambda pair: pair[0]), st.randoms())
def test_equal_content_gives_equal_bytes(target: Path, pairs: list[tuple[str, np.ndarray]], random: Any) -> None:
    pairs = [(name, array) for name, array in pairs if name != "__metadata__"]
    write_tensors(target, dict(pairs), {"a": 1, "b": [2, "é"]})
    before = target.read_bytes()
    random.shuffle(pairs)
    write_tensors(target, dict(pairs), {"b": [2, "é"], "a": 1})
    assert target.read_bytes() == before


def test_canonical_json_rejects_nan_and_infinity() -> None:
    assert canonical_json({"b": "é", "a": [1, 2.5]}) == '{"a":[1,2.5],"b":"é"}'
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON compliant"):
            canonical_json({"x": value})


# -- compatibility with the safetensors library -----------------------------------------------------------------


def test_safetensors_library_reads_our_files(tmp_path: Path) -> None:
    arrays = {str(dtype): (np.arange(6) % 2).astype(dtype).reshape(2, 3) for dtype in DTYPES}
    arrays |= {"none": np.zeros((0, 2), np.int16), "one": np.array(3.5)}
    write_tensors(tmp_path / "a.safetensors", arrays, {"name": "Ł"})
    back = safetensors.numpy.load_file(tmp_path / "a.safetensors")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(back[name], array)


def test_safetensors_library_reads_our_bfloat16(tmp_path: Path) -> None:
    value = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    bits = value.view(torch.int16).numpy().view(np.uint16)
    write_tensors(tmp_path / "a.safetensors", {"x": bits, "y": np.ones(3, np.float32)}, {}, bf16=True)
    back = safetensors.torch.load_file(tmp_path / "a.safetensors")
    assert back["x"].dtype == torch.bfloat16
    assert torch.equal(back["x"], value)
    assert torch.equal(back["y"], torch.ones(3))


def test_file_has_one_metadata_key(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.safetensors", {"x": np.zeros(1, np.float32)}, {"b": 1, "a": 2})
    with safetensors.safe_open(tmp_path / "a.safetensors", "numpy") as file:
        assert file.metadata() == {"seqforge": '{"a":2,"b":1}'}


def test_we_read_files_of_the_safetensors_library(tmp_path: Path) -> None:
    arrays = {"x": np.arange(5, dtype=np.int64), "y": np.ones((2, 2), np.float16)}
    safetensors.numpy.save_file(arrays, tmp_path / "a.safetensors", metadata={"seqforge": "[1]"})
    file = TensorFile(tmp_path / "a.safetensors", "model")
    assert file.metadata == [1]
    assert all(np.array_equal(file.array(name), value) for name, value in arrays.items())


# -- damaged and hostile files -------------------------------------------------------------


@pytest.fixture(scope="module")
def intact(target: Path) -> bytes:
    arrays = {"a": np.arange(4, dtype=np.float32), "b": np.ones((2, 3), np.int64), "c": np.array([1], np.uint8)}
    write_tensors(target, arrays, {"kind": "model"})
    return target.read_bytes()


def test_truncated_file_is_rejected(tmp_path: Path, intact: bytes) -> None:
    for length in range(len(intact)):
        assert_rejected(tmp_path / "cut", intact[:length])


def test_file_with_trailing_bytes_is_rejected(tmp_path: Path, intact: bytes) -> None:
    assert_rejected(tmp_path / "long", intact + b"\0")


def test_changed_header_byte_is_detected_or_harmless(tmp_path: Path, intact: bytes) -> None:
    end = 8 + int.from_bytes(intact[:8], "little")
    path, detected = tmp_path / "bad", 0
    for at in range(end):
        path.write_bytes(intact[:at] + bytes([intact[at] ^ 0x15]) + intact[at + 1 :])
        try:
            read_all(path)
        except DamagedFileError as error:
            assert str(path) in str(error)
            detected += 1
    assert detected > end / 2


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, MAX_HEADER_BYTES + 1, 1000])
def test_header_longer_than_the_file_takes_no_memory(tmp_path: Path, length: int) -> None:
    assert_rejected(tmp_path / "bad", length.to_bytes(8, "little") + b"{}", most=100_000)


def test_header_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bad"
    with path.open("wb") as file:
        file.write((MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
        file.truncate(MAX_HEADER_BYTES + 100)
    tracemalloc.start()
    with pytest.raises(DamagedFileError, match="its header has"):
        TensorFile(path, "model")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEGABYTE


HEADERS: dict[str, bytes | Any] = {
    "empty": b"",
    "not JSON": b"\x80\x04\x95 pickle",
    "broken JSON": b'{"a": ',
    "not UTF-8": b'{"\xff": 1}',
    "a list": [],
    "a number": 3,
    "null": None,
    "nothing": {},
    "no metadata": {"a": entry()},
    "metadata of another program": {"__metadata__": {"format": "pt"}},
    "metadata a list": {"__metadata__": ["seqforge"]},
    "metadata null": {"__metadata__": None},
    "metadata not a string": {"__metadata__": {"seqforge": 3}},
    "metadata not JSON": {"__metadata__": {"seqforge": "{"}},
    "metadata nested": {"__metadata__": {"seqforge": "[" * 100_000}},
    "nested": b"[" * 100_000,
    "a number of many digits": b'{"__metadata__": {"seqforge": "' + b"1" * 10_000 + b'"}}',
    "entry null": with_tensors(a=None),
    "entry a list": with_tensors(a=["F32", [1], [0, 4]]),
    "entry empty": with_tensors(a={}),
    "no offsets": with_tensors(a={"dtype": "F32", "shape": [1]}),
    "no shape": with_tensors(a={"dtype": "F32", "data_offsets": [0, 4]}),
    "no dtype": with_tensors(a={"shape": [1], "data_offsets": [0, 4]}),
    "unknown dtype": with_tensors(a=entry(dtype="F8_E4M3")),
    "dtype null": with_tensors(a=entry(dtype=None)),
    "dtype a list": with_tensors(a=entry(dtype=["F32"])),
    "dtype of numpy": with_tensors(a=entry(dtype="<f4")),
    "object dtype": with_tensors(a=entry(dtype="O")),
    "shape null": with_tensors(a=entry(shape=None)),
    "shape a number": with_tensors(a=entry(shape=1)),
    "shape a text": with_tensors(a=entry(shape="1")),
    "shape real": with_tensors(a=entry(shape=[1.0])),
    "shape true": with_tensors(a=entry(shape=[True])),
    "shape not a number": with_tensors(a=entry(shape=[float("nan")])),
    "shape negative": with_tensors(a=entry(shape=[-1, -1])),
    "shape too large": with_tensors(a=entry(shape=[2])),
    "shape too small": with_tensors(a=entry(shape=[0])),
    "shape huge": with_tensors(a=entry(shape=[2**62, 2**62])),
    "shape huge and empty": with_tensors(a=entry(shape=[0, 10**30], offsets=[0, 0]), b=entry()),
    "shape huge twice and empty": with_tensors(a=entry(shape=[0, 2**40, 2**40], offsets=[0, 0]), b=entry()),
    "shape of too many axes": with_tensors(a=entry(shape=[1] * 100)),
    "shape of too many axes, empty": with_tensors(a=entry(shape=[0] * 100, offsets=[0, 0]), b=entry()),
    "offsets one": with_tensors(a=entry(offsets=[0])),
    "offsets three": with_tensors(a=entry(offsets=[0, 4, 4])),
    "offsets text": with_tensors(a=entry(offsets="04")),
    "offsets real": with_tensors(a=entry(offsets=[0, 4.0])),
    "offsets negative": with_tensors(a=entry(offsets=[-4, 0])),
    "offsets reversed": with_tensors(a=entry(offsets=[4, 0])),
    "offsets behind the file": with_tensors(a=entry(offsets=[4, 8])),
    "offsets huge": with_tensors(a=entry(shape=[2**40], offsets=[0, 2**42])),
    "overlap": with_tensors(a=entry(), b=entry()),
    "overlap in part": with_tensors(a=entry("U8", [3], [0, 3]), b=entry("U8", [2], [2, 4])),
    "gap": with_tensors(a=entry("U8", [1], [0, 1]), b=entry("U8", [1], [3, 4])),
    "gap at the beginning": with_tensors(a=entry("U8", [3], [1, 4])),
    "gap at the end": with_tensors(a=entry("U8", [3], [0, 3])),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_invalid_header_is_rejected(tmp_path: Path, header: Any) -> None:
    assert_rejected(tmp_path / "bad", container(header, b"\0\0\0\0"), most=4 * MEGABYTE)


def test_axes_are_counted_before_they_are_multiplied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def product(numbers: Sequence[int]) -> int:
        assert len(numbers) <= 64, "the product of 16 MB of axes takes hours"
        return math.prod(numbers)

    monkeypatch.setattr(tensorfile, "math", SimpleNamespace(prod=product))
    assert_rejected(tmp_path / "bad", container(with_tensors(a=entry("U8", [9] * 1000)), b"\0\0\0\0"))


@pytest.mark.parametrize("size", [0, 1, 7])
def test_file_shorter_than_the_length_field_is_rejected(tmp_path: Path, size: int) -> None:
    assert "not a seqforge model" in assert_rejected(tmp_path / "bad", b"\0" * size)


def test_missing_file_and_folder_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"there is no model at .*nowhere"):
        TensorFile(tmp_path / "nowhere", "model")
    with pytest.raises(DamagedFileError, match="cannot read the model"):
        TensorFile(tmp_path, "model")


def test_missing_tensor_is_named(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a", {"x": np.zeros(1, np.float32)}, {})
    with pytest.raises(DamagedFileError, match=r"a cannot be used: the tensor 'y' is missing"):
        TensorFile(tmp_path / "a", "model").array("y")


def assert_read_or_rejected(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        read_all(path)
    except DamagedFileError as error:
        assert str(path) in str(error)


@settings(max_examples=150)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_random_bytes_are_rejected(target: Path, content: bytes, length: int) -> None:
    assert_read_or_rejected(target, content)
    assert_read_or_rejected(target, length.to_bytes(8, "little") + content)


@settings(max_examples=150)
@given(data=st.data())
def test_random_damage_is_rejected_or_harmless(target: Path, intact: bytes, data: st.DataObject) -> None:
    content = bytearray(intact)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        end = data.draw(st.integers(at, min(at + 6, len(content))))
        content[at:end] = data.draw(st.binary(max_size=6) | st.sampled_from([b"9999", b"-1", b"[]", b"1e9", b"null"]))
        content = content or bytearray(b"\0")
    assert_read_or_rejected(target, bytes(content))


NUMBERS = st.integers(-2, 6) | st.sampled_from([2**31, 2**63, 2**64, 10**20]) | st.none() | st.floats() | st.text()
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*NUMPY_TYPES, "F8", None, 3]),
        "shape": st.lists(NUMBERS, max_size=4) | NUMBERS,
        "data_offsets": st.lists(NUMBERS, max_size=3) | NUMBERS,
    }
)


@settings(max_examples=150)
@given(st.dictionaries(st.text(max_size=3), ENTRIES | PLAIN, max_size=3), st.binary(max_size=24))
def test_random_headers_are_rejected_or_valid(target: Path, entries: dict[str, Any], data: bytes) -> None:
    assert_read_or_rejected(target, container(with_tensors(**entries), data))


# -- writing --------------------------------------------------------------------------------


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_tensors(path, {"x": np.zeros(1, np.float32)}, {"old": True})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_tensors(path, {"x": np.ones(1, np.float32)}, {"loss": float("nan")})
    with pytest.raises(WriteError):
        write_tensors(path / "b", {"x": np.ones(1, np.float32)}, {})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_mapped_file_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_tensors(path, {"x": np.zeros(3, np.float32)}, {})
    mapped = TensorFile(path, "model").array("x")
    write_tensors(path, {"x": np.ones(3, np.float32)}, {})
    assert mapped.tolist() == [0, 0, 0]
    assert read_all(path)["x"].tolist() == [1, 1, 1]
