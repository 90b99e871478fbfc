"""Reading the drawings of sketch-rnn: .npz files with arrays of arrays, which NumPy stores as pickles.

An ordinary pickle can run any code. Here, the names that it may refer to stand for classes of this module that only
hold data, and the arrays are built from the data afterwards.
"""

import io
import pickle
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import ReadError
from seqforge_handwriting.ink import from_offsets
from seqforge_handwriting.samples import MAX_BYTES, MAX_POINTS, Sample, read_bytes, validated_ink

__all__ = ["read_npz"]

MAX_DRAWINGS = 1_000_000
"""The largest number of drawings in a file."""
_NUMBERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "f2", "f4", "f8")
_AFFIXES = re.compile(r"^sketchrnn_|\.full$")
_NAMES = {
    (module, name)
    for module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
    for name in ("ndarray", "dtype", "_reconstruct")
}


class _DType:
    """The data of a pickled dtype: its code, such as "i2", and its byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = code, "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        if self.code not in _NUMBERS or self.order not in ("<", ">", "|", "="):
            raise ValueError(f"has an array of {str(self.code)[:20]!r}; a drawing is an array of numbers")
        dtype: np.dtype[Any] = np.dtype(self.code).newbyteorder(self.order)
        return dtype


class _Array:
    """The data of a pickled array."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def items(self) -> list[Any]:
        """Return the entries of an array of objects."""
        _, _, dtype, _, data = self.state
        if not isinstance(dtype, _DType) or dtype.code != "O8" or not isinstance(data, list):
            raise ValueError("has no array of drawings")
        return data

    def numbers(self) -> np.ndarray:
        """Return an array of numbers."""
        _, shape, dtype, fortran, data = self.state
        if not isinstance(dtype, _DType) or not isinstance(data, bytes):
            raise ValueError("has a drawing that is no array of numbers")
        flat = np.frombuffer(data, dtype.numpy())
        return flat.reshape(shape, order="F" if fortran is True else "C")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _encode(text: Any, encoding: Any) -> bytes:
    """Return the bytes that Python 3 stores as a text in pickles of the oldest protocols."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("it encodes a text in an unknown way")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Reads a pickle of arrays without running code of the file or of NumPy."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it refers to {module[:40]}.{name[:40]}, which is no array of numbers")
        return {"ndarray": _Array, "dtype": _DType, "_reconstruct": _reconstruct}[name]


def read_npz(path: Path) -> Iterator[Sample | ReadError]:
    """Yield the drawings of a file of sketch-rnn, each an array of offsets dx, dy, end of stroke.

    The label `kind` is the name of the file without `sketchrnn_` and `.full`, such as cat. The arrays of the file,
    usually train, valid and test, are read one after the other.

    Example:
        samples = list(read_npz(Path("sketchrnn_cat.npz")))

    Source: D. Ha and D. Eck, A neural representation of sketch drawings, ICLR 2018.
    """
    labels = {"kind": kind} if 0 < len(kind := _AFFIXES.sub("", path.stem)) <= 100 else {}
    try:
        for name, drawings in _arrays(read_bytes(path)):
            for number, drawing in enumerate(drawings, 1):
                place = f"{name} {number}"
                try:
                    offsets = drawing.numbers() if isinstance(drawing, _Array) else np.asarray(drawing)
                    if offsets.ndim != 2 or offsets.shape[1] != 3 or len(offsets) > MAX_POINTS:
                        raise ValueError(
                            f"has the shape {offsets.shape}; it must be (points, 3): dx, dy, end of stroke"
                        )
                    ink = validated_ink(list(from_offsets(offsets.astype(np.float64)).strokes), "")
                    yield Sample(ink, labels, place)
                except (ValueError, TypeError) as error:
                    yield ReadError(f"{place}: {error}", file=str(path))
    except ReadError as error:
        yield error
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        yield ReadError(f"is not a file of drawings ({error})", file=str(path))


def _arrays(data: bytes) -> Iterator[tuple[str, list[Any]]]:
    """Yield the name and the drawings of each array of a .npz file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        if not entries:
            raise ValueError("it has no arrays")
        if sum(entry.file_size for entry in entries) > 4 * MAX_BYTES:
            raise ValueError(f"its arrays are larger than {4 * MAX_BYTES >> 20} MB")
        for entry in entries:
            with archive.open(entry) as file:
                content = io.BytesIO(file.read(4 * MAX_BYTES))
            yield entry.filename.removesuffix(".npy"), _drawings(content)


def _drawings(content: io.BytesIO) -> list[Any]:
    """Return the drawings of a .npy file: the entries of an array of objects, or an array of shape (drawings, n, 3)."""
    version = np.lib.format.read_magic(content)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its arrays have the version {version}; 1.0 and 2.0 can be read")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(content)
    if dtype.hasobject:
        try:
            array = _Unpickler(content, encoding="latin1").load()
            items = array.items() if isinstance(array, _Array) else []
        except Exception as error:  # a damaged pickle raises errors of many classes
            raise ValueError(f"its pickle cannot be read: {error}") from error
    else:
        content.seek(0)
        items = list(np.lib.format.read_array(content, allow_pickle=False))
    if len(items) > MAX_DRAWINGS or (shape and shape[0] != len(items)):
        raise ValueError(f"an array has {len(items):,} drawings and the shape {shape}")
    return items
