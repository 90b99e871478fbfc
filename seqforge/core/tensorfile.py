"""The one container for arrays on disk: safetensors with one metadata key, read without trust.

Format: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes. It can hold
no code. Files with several metadata keys are not byte-reproducible, so all that we say about a file
is one canonical JSON text under the key `seqforge`.
Read and written here, because a header from a stranger is checked before any memory is taken, shards are
memory-mapped, and bfloat16 has no numpy type; a test opens our files with the safetensors library.
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

__all__ = ["Stored", "TensorFile", "canonical_json", "write_tensors"]

KEY = "seqforge"
HEADER_LIMIT = 16 << 20
MOST_AXES = 8
NUMPY_TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2",
}  # fmt: skip


def canonical_json(data: Any) -> str:
    """Return the one text that stands for this data: sorted keys, no spaces, no NaN."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True)
class Stored:
    """What the header says of one tensor: its type's name (F32, BF16, ...), shape and bytes."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """An opened container: header checked against the file's size, tensors memory-mapped on demand.

    Args:
        path: the file.
        what: what it should be, for messages ("model", "shard").

    Raises:
        DamagedFileError: not such a file, truncated, or with a header that does not fit its bytes.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                if size < 8 or length > size - 8:
                    raise self.damage(f"it is not a seqforge {what}, or it was cut short")
                if length > HEADER_LIMIT:
                    raise self.damage(f"its header claims {length:,} bytes, and {HEADER_LIMIT:,} are allowed")
                text = file.read(length)
        except FileNotFoundError as error:
            raise DamagedFileError(f"there is no {what} at {path}") from error
        except OSError as error:
            raise DamagedFileError(f"cannot read the {what} {path}: {error.strerror or error}") from error
        self._start = 8 + length
        self.tensors, self.metadata = self._parse(text, size - self._start)

    def damage(self, reason: str) -> DamagedFileError:
        """Return the error that says what is wrong with this file."""
        return DamagedFileError(f"{self.path} cannot be used: {reason}")

    def array(self, name: str) -> np.ndarray:
        """Return one tensor, memory-mapped and read-only; bfloat16 comes as its 16 bits (uint16)."""
        stored = self.tensors.get(name)
        if stored is None:
            raise self.damage(f"the tensor {name!r} is missing")
        kind = np.dtype(NUMPY_TYPES[stored.dtype])
        if stored.begin == stored.end:
            return np.zeros(stored.shape, kind)
        offset = self._start + stored.begin
        return np.memmap(self.path, dtype=kind, mode="r", offset=offset, shape=stored.shape)

    def _parse(self, text: bytes, size: int) -> tuple[dict[str, Stored], Any]:
        try:
            header = json.loads(text)
            metadata = json.loads(header.pop("__metadata__")[KEY])
            tensors = {name: _stored(entry) for name, entry in header.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self.damage(f"it is not a seqforge {self.what} (its header does not parse)") from error
        at = 0
        for name, stored in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
            width = np.dtype(NUMPY_TYPES[stored.dtype]).itemsize
            if stored.begin != at or stored.end - stored.begin != math.prod(stored.shape) * width:
                raise self.damage(f"the tensor {name!r} does not fit its place in the file")
            at = stored.end
        if at != size:
            raise self.damage(f"its tensors take {at:,} bytes and the file holds {size:,}")
        return tensors, metadata


def _stored(entry: Any) -> Stored:
    begin, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    if entry["dtype"] not in NUMPY_TYPES or len(shape) > MOST_AXES:
        raise ValueError("an unknown type, or more axes than any tensor of ours has")
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape) or not all(type(n) is int for n in (begin, end)):
        raise ValueError("a shape or a place that is none")
    if begin == end and math.prod(max(1, n) for n in shape) > 1 << 40:
        raise ValueError("an empty tensor of a senseless shape")
    return Stored(entry["dtype"], shape, begin, end)


def write_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Any, *, bf16: bool = False) -> None:
    """Write a container, whole or not at all; the same content gives the same bytes.

    Args:
        path: where to.
        tensors: name to array, little-endian.
        metadata: plain JSON, the only thing said about the file.
        bf16: the uint16 arrays among `tensors` are bfloat16 bits.

    Raises:
        WriteError: the file cannot be written.
    """
    names = {np.dtype(code): name for name, code in NUMPY_TYPES.items() if name != "BF16"}
    if bf16:
        names[np.dtype("<u2")] = "BF16"
    arrays = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in tensors.items()}
    ordered = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))  # keeps all aligned
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
