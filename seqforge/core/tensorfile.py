"""The container of arrays on disk: safetensors with one metadata key, read without trust.

Format: 8 bytes of header length (little-endian), a JSON header, then the bytes of the tensors. It cannot contain code.
Files with several metadata keys are not byte-reproducible, so all metadata is one canonical JSON text under the key
`seqforge`. seqforge reads and writes the format itself because an untrusted header must be checked before memory is
allocated, shards are memory-mapped, and bfloat16 has no numpy type; a test opens the files with that library.

Source: the format's specification, https://github.com/huggingface/safetensors (README, "Format").
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.files import replacing
from seqforge.errors import DamagedFileError

__all__ = ["TensorEntry", "TensorFile", "canonical_json", "write_tensors"]

KEY = "seqforge"
MAX_HEADER_BYTES = 16 << 20
MAX_AXES = 8
NUMPY_TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2",
}  # fmt: skip


def canonical_json(data: Any) -> str:
    """Return the canonical JSON text of some data: sorted keys, no spaces, no NaN.

    >>> canonical_json({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class TensorEntry:
    """The header's entry of one tensor.

    Attributes:
        dtype: The name of its type, such as F32 or BF16.
        shape: Its shape.
        begin: The offset of its first byte.
        end: The offset after its last byte.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """An opened container; the header is checked against the size of the file, tensors are memory-mapped on demand.

    Example:
        file = TensorFile(Path("model.safetensors"), "model")
        print(file.metadata["plugin"], list(file.tensors))

    Args:
        path: The path of the file.
        kind: What the file should be, for messages: "model", "shard".

    Attributes:
        tensors: The entries of the tensors by name.
        metadata: The plain JSON stored with them.

    Raises:
        DamagedFileError: If it is missing, is another kind of file, is truncated, or its header does not fit its bytes.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                if size < 8 or length > size - 8:
                    raise self.damage(f"it is not a seqforge {kind}, or it is truncated")
                if length > MAX_HEADER_BYTES:
                    raise self.damage(f"its header has {length:,} bytes; at most {MAX_HEADER_BYTES:,} are allowed")
                text = file.read(length)
        except FileNotFoundError as error:
            raise DamagedFileError(f"there is no {kind} at {path}") from error
        except OSError as error:
            raise DamagedFileError(f"cannot read the {kind} {path}: {error.strerror or error}") from error
        self._start = 8 + length
        self.tensors, self.metadata = self._parse(text, size - self._start)

    def damage(self, reason: str) -> DamagedFileError:
        """Return the error for this file with a reason."""
        return DamagedFileError(f"{self.path} cannot be used: {reason}")

    def array(self, name: str) -> np.ndarray:
        """Return one tensor, memory-mapped and read-only; bfloat16 is returned as its 16 bits (uint16)."""
        entry = self.tensors.get(name)
        if entry is None:
            raise self.damage(f"the tensor {name!r} is missing")
        dtype = np.dtype(NUMPY_TYPES[entry.dtype])
        if entry.begin == entry.end:
            return np.zeros(entry.shape, dtype)
        offset = self._start + entry.begin
        return np.memmap(self.path, dtype=dtype, mode="r", offset=offset, shape=entry.shape)

    def _parse(self, text: bytes, size: int) -> tuple[dict[str, TensorEntry], Any]:
        try:
            header = json.loads(text)
            metadata = json.loads(header.pop("__metadata__")[KEY])
            tensors = {name: _parse_entry(entry) for name, entry in header.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self.damage(f"it is not a seqforge {self.kind} (its header does not parse)") from error
        at = 0
        for name, entry in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
            width = np.dtype(NUMPY_TYPES[entry.dtype]).itemsize
            if entry.begin != at or entry.end - entry.begin != math.prod(entry.shape) * width:
                raise self.damage(f"the tensor {name!r} does not fit its place in the file")
            at = entry.end
        if at != size:
            raise self.damage(f"its tensors need {at:,} bytes and the file has {size:,}")
        return tensors, metadata


def _parse_entry(entry: Any) -> TensorEntry:
    begin, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    if entry["dtype"] not in NUMPY_TYPES or len(shape) > MAX_AXES:
        raise ValueError("an unknown type, or too many axes")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape) or not all(type(n) is int for n in (begin, end)):
        raise ValueError("an invalid shape or offset")
    if begin == end and math.prod(max(1, n) for n in shape) > 1 << 40:
        raise ValueError("an empty tensor with an impossible shape")
    return TensorEntry(entry["dtype"], shape, begin, end)


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Any, *, bf16: bool = False) -> None:
    """Write a container, completely or not at all. The same content gives the same bytes.

    Example:
        write_tensors(Path("numbers.safetensors"), {"squares": np.arange(5) ** 2}, {"kind": "numbers"})

    Args:
        path: The path of the file.
        tensors: Name to array, little-endian.
        metadata: Plain JSON about the file.
        bf16: Whether the uint16 arrays are the bits of bfloat16 numbers.

    Raises:
        WriteError: If the file cannot be written.
    """
    names = {np.dtype(code): name for name, code in NUMPY_TYPES.items() if name != "BF16"}
    if bf16:
        names[np.dtype("<u2")] = "BF16"
    arrays = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in tensors.items()}
    ordered = sorted(
        arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)
    )  # largest items first: every tensor is aligned
    header: dict[str, Any] = {"__metadata__": {KEY: canonical_json(metadata)}}
    at = 0
    for name in ordered:
        array = arrays[name]
        place = [at, at + array.nbytes]
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": place}
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in ordered:
            file.write(arrays[name].tobytes() if arrays[name].nbytes < 1 << 20 else arrays[name].data)
