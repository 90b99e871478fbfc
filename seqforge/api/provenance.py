"""What a generated file followed from, written beside it, so that it can be made again: `--replay FILE`."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqforge.errors import DamagedFileError, RequestError
from seqforge.api.model import Model
from seqforge.api.settings import build
from seqforge.sampling import Precision
from seqforge.version import __version__

FORMAT = 1
SUFFIX = ".provenance.json"
LARGEST = 64 << 20


@dataclass(frozen=True)
class Order:
    """All that generated pieces follow from, as it was given.

    Attributes:
        models: their paths; several are averaged.
        n: how many pieces.
        seed: of all of them.
        length: in units; None: as the model's.
        steps: likewise in steps.
        time: in seconds; pieces that a clock has cut cannot be made again.
        beams: of a beam search; 0: drawn.
        length_penalty: of it.
        precision: of the matrix products.
        candidates: of each piece; 0: as the plugin has it.
        where: label name to value.
        controls: those that were given, `ban` and `force` as tokens.
        request: the plugin's, as far as it was given, paths as strings.
    """

    models: tuple[str, ...]
    n: int = 1
    seed: int = 0
    length: float | None = None
    steps: int | None = None
    time: float | None = None
    beams: int = 0
    length_penalty: float = 0.0
    precision: Precision = "float32"
    candidates: int = 0
    where: Mapping[str, str] = field(default_factory=dict)
    controls: Mapping[str, Any] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)


def record_path(output: Path) -> Path:
    """Return where the record of a file, or of a folder's files, is written."""
    return output / SUFFIX.lstrip(".") if output.is_dir() else output.with_name(output.name + SUFFIX)


def record(order: Order, model: Model, files: Sequence[tuple[Path, Sequence[int]]]) -> dict[str, Any]:
    """Return the record of what was made.

    Args:
        order: what it followed from.
        model: the first of its models.
        files: what was written, and the numbers of the pieces in each.
    """
    request = build(model.plugin.Request, order.request, what=f"the plugin {model.plugin.name!r}")
    prompts = [np.ascontiguousarray(prompt.example.steps) for prompt in model.codec.prompts(request)]
    given = [Path(value) for value in order.request.values() if isinstance(value, str) and Path(value).is_file()]
    return {
        "format": FORMAT,
        "order": asdict(order),
        "plugin": model.plugin.name,
        "models": [{"path": path, "sha256": digest(Path(path))} for path in order.models],
        "inputs": [{"path": str(path), "sha256": digest(path)} for path in given],
        "prompts": [{"steps": len(p), "sha256": hashlib.sha256(p.tobytes()).hexdigest()} for p in prompts],
        "files": [{"name": path.name, "k": list(numbers), "sha256": digest(path)} for path, numbers in files],
        "versions": versions(model),
    }


def read_record(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the record of a generated file, or of a folder, or the record itself, and where it lies.

    Raises:
        RequestError: there is none.
        DamagedFileError: it is none of ours.
    """
    beside = [path] if path.name.endswith(SUFFIX.lstrip(".")) else [record_path(path), path.parent / SUFFIX.lstrip(".")]
    found = next((each for each in beside if each.is_file()), None)
    if found is None:
        raise RequestError(f"--replay {path}: there is no record of it ({listing_of(beside)}); only what `seqforge"
                           " generate -o` wrote can be made again")  # fmt: skip
    try:
        if found.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        told = json.loads(found.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError(f"its format is {told['format']!r}, and this seqforge reads {FORMAT}")
        order_of(told)
        for part in ("models", "inputs", "files", "prompts"):
            if not all(isinstance(each["sha256"], str) for each in told[part]):
                raise ValueError(f"{part} are damaged")
        dict(told["versions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(f"{found} is no record of a generated file: {error}") from error
    return found, told


def order_of(told: Mapping[str, Any]) -> Order:
    """Return the order of a record.

    Raises:
        TypeError, KeyError: it holds none.
    """
    values = dict(told["order"])
    return Order(**{**values, "models": tuple(str(path) for path in values["models"])})


def differences(told: Mapping[str, Any], model: Model) -> list[str]:
    """Return what is no longer as it was when a record was written."""
    found = []
    for kind in ("models", "inputs"):
        for each in told[kind]:
            now = digest(Path(each["path"]))
            if now != each["sha256"]:
                found.append(f"{each['path']} {'is gone' if not now else 'has changed'}")
    present = versions(model)
    was = {name: value for name, value in told["versions"].items() if value != present.get(name)}
    return found + [f"{name} was {value} and is {present.get(name)}" for name, value in was.items()]


def versions(model: Model) -> dict[str, str]:
    """Return the versions, and the kind of processor, that results can depend on."""
    try:
        own = version(model.plugin.distribution())
    except PackageNotFoundError:
        own = "unknown"
    return {
        "seqforge": __version__,
        model.plugin.distribution(): own,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, "" where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def listing_of(paths: Sequence[Path]) -> str:
    """Return paths as they stand in a sentence."""
    return " or ".join(str(path) for path in paths)
