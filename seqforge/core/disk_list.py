"""Lists that are larger than memory: values in a temporary file, and a sort in runs."""

import heapq
import itertools
import json
import struct
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

__all__ = ["DiskList", "disk_sorted"]

ValueT = TypeVar("ValueT")
RUN_LENGTH = 50_000
"""Number of values that are sorted in memory."""
BUFFER_BYTES, BLOCK = 1 << 14, 256
"""Size of the buffer of a file, and number of values that are read at a time."""
OFFSET = struct.Struct("<QQ")


class DiskList(Sequence[ValueT], Generic[ValueT]):
    """A sequence of values in a temporary file, which is removed with it; memory does not grow with its length.

    >>> squares = DiskList((n * n for n in range(1000)), encode=int, decode=int)
    >>> len(squares), squares[999], squares[2:4]
    (1000, 998001, [4, 9])

    Args:
        values: The values, which are iterated over once.
        encode: Function that returns a value as plain JSON.
        decode: Function that returns the value for plain JSON.
    """

    def __init__(
        self, values: Iterable[ValueT], *, encode: Callable[[ValueT], Any], decode: Callable[[Any], ValueT]
    ) -> None:
        self._decode, self._length, self._lock = decode, 0, threading.Lock()
        self._texts = tempfile.TemporaryFile(buffering=BUFFER_BYTES)  # noqa: SIM115 - closed below
        self._offsets = tempfile.TemporaryFile(buffering=BUFFER_BYTES)  # noqa: SIM115
        for file in (self._texts, self._offsets):
            weakref.finalize(self, file.close)
        at = 0
        for value in values:
            text = json.dumps(encode(value)).encode()
            self._texts.write(text)
            self._offsets.write(OFFSET.pack(at, len(text)))
            at += len(text)
            self._length += 1

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> ValueT: ...
    @overload
    def __getitem__(self, index: slice) -> list[ValueT]: ...
    def __getitem__(self, index: int | slice) -> ValueT | list[ValueT]:
        if isinstance(index, slice):
            return [self._value(number) for number in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._value(index % self._length)

    def __iter__(self) -> Iterator[ValueT]:
        for first in range(0, self._length, BLOCK):
            yield from map(self._decode, map(json.loads, self._read(first, min(BLOCK, self._length - first))))

    def _value(self, number: int) -> ValueT:
        return self._decode(json.loads(self._read(number, 1)[0]))

    def _read(self, first: int, count: int) -> list[bytes]:
        """Return the texts of values one after the other."""
        with self._lock:
            self._offsets.seek(OFFSET.size * first)
            places = list(OFFSET.iter_unpack(self._offsets.read(OFFSET.size * count)))
            start, (last, size) = places[0][0], places[-1]
            self._texts.seek(start)
            block = self._texts.read(last + size - start)
        return [block[at - start : at - start + size] for at, size in places]


def disk_sorted(
    values: Iterable[ValueT], *, encode: Callable[[ValueT], Any], decode: Callable[[Any], ValueT]
) -> Iterator[ValueT]:
    """Yield values in ascending order; at most 50,000 of them are in memory.

    >>> list(disk_sorted([3, 1, 2], encode=int, decode=int))
    [1, 2, 3]

    Args:
        values: The values, which can be compared.
        encode: Function that returns a value as plain JSON.
        decode: Function that returns the value for plain JSON.
    """
    remaining = iter(values)
    runs: list[Sequence[ValueT]] = []
    while run := sorted(itertools.islice(remaining, RUN_LENGTH)):  # type: ignore[type-var]
        if len(run) < RUN_LENGTH and not runs:
            return iter(run)
        runs.append(DiskList(run, encode=encode, decode=decode))
    return heapq.merge(*runs)  # type: ignore[type-var]
