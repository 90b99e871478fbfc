"""Mutations of bytes, text, JSON values, TOML files and containers of arrays, drawn with random numbers."""

import copy
import json
import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

__all__ = ["mutate_bytes", "mutate_container", "mutate_json_file", "mutate_text", "mutate_toml"]

KEY = "seqforge"
"""The key of a container under which its metadata is stored."""
MAX_TENSOR_BYTES = 1 << 26
WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8, "F16": 2, "F32": 4,
          "F64": 8, "BF16": 2}  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 255, 65_536, 10**6, 2**31, 2**63, 2**64, 10**30, -(10**9), 0.5, -0.0, 1e-320,
    1e308, math.inf, -math.inf, math.nan, "", "x", "0", "\0", "\n", "../../x", "/etc/hosts", "C:\\x", ".", "-", "*",
    "**/*", "\x1b[31m", "\u202e", "\ud800", "é" * 300, [], {}, [None], [[]], {"x": None}, [0, -1], ["x", "x"],
)  # fmt: skip
"""Values of every type with which a value of a JSON or TOML file is replaced."""
NUMBERS = ("0", "-1", "1", "3", "127", "128", "256", "65536", "99999999999999999999", "1e999", "-1e999", "1e-320",
           "NaN", "inf", "0.0000001", "1/0", "00", "+5", "٣", "0x10")  # fmt: skip
"""Words with which a number of a text is replaced."""
BLOCKS = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 8, b"\0" * 8, b"\0\0\xc0\x7f", b"\0\0\x80\x7f")
"""Bytes that are special as lengths, integers or floating-point numbers."""


def mutate_bytes(rng: Random, data: bytes, other: bytes = b"") -> bytes:
    """Return bytes with one to four changes: flipped, inserted, removed, repeated or spliced with another file."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 200)))
        match rng.randrange(9):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:at] + rng.choice(BLOCKS) + data[at:]
            case 3:
                block = rng.choice(BLOCKS)
                data = data[:at] + block + data[at + len(block) :]
            case 4:
                data = data[:at] + data[at:end] * rng.choice((2, 3, 50)) + data[end:]
            case 5:
                start = rng.randrange(len(other) + 1)
                data = data[:at] + other[start : start + rng.randrange(400)] + data[end:]
            case 6:
                data = data[:at] + rng.randbytes(end - at) + data[end:]
            case _:
                if at < len(data):
                    data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    return data


def mutate_text(rng: Random, data: bytes, other: bytes, words: Sequence[str]) -> bytes:
    """Return a text with changes to its numbers, lines and words; sometimes its bytes are changed instead.

    Args:
        rng: The random numbers.
        data: The text.
        other: Another text of the kind, from which lines are taken.
        words: Words that have a meaning in the format.
    """
    if rng.random() < 0.3:
        return mutate_bytes(rng, data, other)
    text, lines = data.decode("utf-8", "replace"), other.decode("utf-8", "replace").splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 2, 4))):
        rows = text.splitlines(keepends=True) or [""]
        row = rng.randrange(len(rows))
        match rng.randrange(8):
            case 0:
                text = _with_number(rng, text)
            case 1:
                text = "".join(rows[:row] + rows[row + 1 :])
            case 2:
                text = "".join([*rows[:row], rng.choice(lines or [""]), *rows[row:]])
            case 3:
                text = "".join(rows[:row] + [rows[row]] * rng.choice((2, 3, 200)) + rows[row + 1 :])
            case 4:
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice(words) * rng.choice((1, 1, 1, 2, 1000)) + text[at:]
            case 5:
                rows[row] = _with_number(rng, rows[row])
                text = "".join(rows)
            case 6:
                start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
                text = text[:start] + text[end:]
            case _:
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice(words) + text[at + rng.randrange(4) :]
    return text.encode("utf-8", "surrogatepass")


def _with_number(rng: Random, text: str) -> str:
    """Return a text in which one number near a random place is another."""
    at = rng.randrange(len(text) + 1)
    start = next((number for number in range(at, len(text)) if text[number].isdigit()), None)
    if start is None:
        return text
    end = start
    while end < len(text) and text[end].isdigit():
        end += 1
    return text[:start] + rng.choice(NUMBERS) + text[end:]


def mutate_value(rng: Random, value: Any) -> Any:
    """Return a JSON value with one to three changes at random paths: replaced, removed, renamed, repeated or nested."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return rng.choice(VALUES)
        container, key = rng.choice(places)
        match rng.randrange(10):
            case 0:
                del container[key]
            case 1:
                container[key] = _nested(rng.choice((3, 90, 250)), rng.random() < 0.5)
            case 2 if isinstance(container, dict):
                container[str(rng.choice(("x", "", key.upper(), "../x", "\x1b", "kind", "k" * 500)))] = container[key]
            case 3 if isinstance(container, dict):
                container[key] = copy.deepcopy(container[rng.choice(list(container))])
            case 3:
                container.insert(key, copy.deepcopy(container[key]))
            case 4 if isinstance(container[key], str):
                container[key] = container[key] + rng.choice(("x", "\0", "\n", "/..", "\u202e", "😀" * 100))
            case 5 if type(container[key]) in (int, float):
                container[key] = container[key] * rng.choice((-1, 2, 0.5, 10**6)) + rng.choice((0, 1, -1))
            case _:
                container[key] = copy.deepcopy(rng.choice(VALUES))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the container and the key of every value inside a JSON value; of long lists, only the first ten."""
    stack = [value]
    while stack:
        container = stack.pop()
        if isinstance(container, dict):
            keys: list[Any] = list(container)
        else:
            keys = list(range(min(10, len(container))))
        for key in keys:
            yield container, key
            if isinstance(container[key], dict | list):
                stack.append(container[key])


def _nested(depth: int, in_lists: bool) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if in_lists else {"x": value}
    return value


def mutate_json_file(rng: Random, data: bytes, other: bytes = b"") -> bytes:
    """Return a JSON file with changed values, or with changed bytes; rarely with very deep nesting."""
    if rng.random() < 0.02:
        return b"[" * 100_000 if rng.random() < 0.5 else b'{"format":' * 100_000
    if rng.random() < 0.2:
        return mutate_bytes(rng, data, other)
    return _json(mutate_value(rng, json.loads(data)))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def mutate_toml(rng: Random, data: bytes, other: bytes = b"") -> bytes:
    """Return a TOML file with changed values, or with changed bytes."""
    if rng.random() < 0.25:
        return mutate_text(
            rng, data, other, ("[", "]", "=", '"', "'''", "{", "}", "[[x]]", "a.b.c=1\n", "\\", "inf", "#")
        )
    value = mutate_value(rng, tomllib.loads(data.decode()))
    if not isinstance(value, dict):
        return _toml(value).encode("utf-8", "surrogatepass")
    plain = {name: item for name, item in value.items() if not isinstance(item, dict)}
    lines = [f"{_toml(name)} = {_toml(item)}" for name, item in plain.items() if item is not None]
    for name, table in value.items():
        if isinstance(table, dict):
            lines += [f"[{_toml(name)}]"]
            lines += [f"{_toml(key)} = {_toml(item)}" for key, item in table.items() if item is not None]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _toml(value: Any) -> str:
    """Return a value in TOML; None inside a list, which TOML lacks, becomes an empty table."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return str(value)
    return "{}" if value is None else json.dumps(value)


@dataclass(frozen=True)
class _Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


def mutate_container(rng: Random, data: bytes, other: bytes = b"") -> bytes:
    """Return a container of arrays with changes in metadata, tensors or bytes.

    Changes of metadata and tensors leave a container whose header fits its bytes, so that they reach the code behind
    the reader of containers.
    """
    choice = rng.random()
    if choice < 0.12:
        return mutate_bytes(rng, data, other)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    if choice < 0.22:
        return _pack(mutate_value(rng, header), data[8 + length :])
    metadata = json.loads(header.pop("__metadata__")[KEY])
    tensors = []
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors.append(_Tensor(name, entry["dtype"], tuple(entry["shape"]), data[begin:end]))
    if choice < 0.65 or not tensors:
        metadata = mutate_value(rng, metadata)
    if choice > 0.6:
        for _ in range(rng.choice((1, 1, 2))):
            number = rng.randrange(len(tensors)) if tensors else 0
            tensors[number : number + 1] = _mutated_tensor(rng, tensors[number]) if tensors else []
    text = _json(metadata).decode("utf-8", "surrogatepass")
    if choice > 0.99:
        text = rng.choice(("", "[" * 100_000, '{"kind":' * 100_000, "NaN", "1" * 5000, text[:-1], text + "x"))
    header, at = {"__metadata__": {KEY: text}}, 0
    for tensor in tensors:
        offsets = [at, at + len(tensor.data)]
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        at += len(tensor.data)
    return _pack(header, b"".join(tensor.data for tensor in tensors))


def _mutated_tensor(rng: Random, tensor: _Tensor) -> list[_Tensor]:
    """Return what replaces a tensor: none, itself with changes, or two."""
    width = WIDTHS[tensor.dtype]
    match rng.randrange(9):
        case 0:
            return []
        case 1:
            name = rng.choice((tensor.name + "x", "", "x", "network.", "codec.x", "../x", "hidden.9.9"))
            return [replace(tensor, name=name)]
        case 2:
            return [replace(tensor, dtype=rng.choice([name for name in WIDTHS if WIDTHS[name] == width]))]
        case 3:
            count = len(tensor.data) // width
            shapes: tuple[tuple[int, ...], ...] = ((count,), (1, count), (count, 1), (1,) * 7 + (count,))
            return [replace(tensor, shape=rng.choice(shapes))]
        case 4:
            rows = rng.choice((0, 1, 2, 3, 100))
            rest = tensor.shape[1:]
            size = rows * math.prod(rest) * width
            if size > MAX_TENSOR_BYTES:  # an earlier change made the other dimensions huge
                return [replace(tensor, shape=(rows, *rest))]
            data = (tensor.data * (size // max(1, len(tensor.data)) + 1))[:size].ljust(size, b"\0")
            return [replace(tensor, shape=(rows, *rest), data=data)]
        case 5:
            shape_with_zero = rng.choice(((0,), (0, 1 << 38), (0, 3), (1 << 39, 0)))
            return [replace(tensor, shape=shape_with_zero, data=b"")]
        case 6:
            return [tensor, replace(tensor, name=tensor.name + "2")]
        case _:
            changed = bytearray(tensor.data)
            patterns = (b"\0", b"\xff", b"\x7f", b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\x01", rng.randbytes(8))
            for _ in range(rng.choice((1, 1, 3, 50)) if changed else 0):
                at = rng.randrange(len(changed)) // width * width
                pattern = (rng.choice(patterns) * width)[:width]
                changed[at : at + width] = pattern
            return [replace(tensor, data=bytes(changed))]


def _pack(header: Any, data: bytes) -> bytes:
    text = _json(header)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data
