"""Provenance: the record of everything that a generated file follows from, so that `--replay FILE` can reproduce it."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.model_base import ModelBase
from seqforge.errors import DamagedFileError, RequestError
from seqforge.version import __version__

FORMAT = 2
SUFFIX = ".provenance.json"
MAX_BYTES = 64 << 20


def provenance_path(output: Path) -> Path:
    """Return the path of the provenance of a file, or of the files of a folder.

    >>> provenance_path(Path("tune.mid")).name
    'tune.mid.provenance.json'
    """
    return output / SUFFIX.lstrip(".") if output.is_dir() else output.with_name(output.name + SUFFIX)


def provenance_of(generation: Generation, files: Sequence[tuple[Path, Sequence[int]]]) -> dict[str, Any]:
    """Return the provenance of generated files, as plain JSON.

    Example:
        record = provenance_of(generation, [(Path("tune.abc"), [0])])

    Args:
        generation: The generation.
        files: Each written file with the numbers of its pieces.
    """
    request, model = generation.request, generation.model
    prompts = [np.ascontiguousarray(prompt.example.steps) for prompt in generation.prompts]
    inputs = [Path(value) for value in request.request.values() if isinstance(value, str) and _is_file(value)]
    return {
        "format": FORMAT,
        "request": asdict(request),
        "plugin": model.plugin.name,
        "models": [{"path": path, "sha256": digest(Path(path))} for path in request.models],
        "inputs": [{"path": str(path), "sha256": digest(path)} for path in inputs],
        "prompts": [{"steps": len(p), "sha256": hashlib.sha256(p.tobytes()).hexdigest()} for p in prompts],
        "files": [{"name": path.name, "k": list(numbers), "sha256": digest(path)} for path, numbers in files],
        "versions": versions(model),
    }


def _is_file(text: str) -> bool:
    """Return whether a text is the path of a regular file; it may be a prompt that is too long for a path."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def read_provenance(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the provenance of a generated file or folder, and the path from which it was read.

    Args:
        path: A generated file, a folder of generated files, or a provenance file.

    Raises:
        RequestError: If there is none.
        DamagedFileError: If it is damaged.
    """
    is_provenance = path.name.endswith(SUFFIX.lstrip("."))
    candidates = [path] if is_provenance else [provenance_path(path), path.parent / SUFFIX.lstrip(".")]
    source = next((candidate for candidate in candidates if candidate.is_file()), None)
    if source is None:
        places = " or ".join(str(candidate) for candidate in candidates)
        raise RequestError(
            f"`replay` is {path}, which has no provenance ({places}); only files that `seqforge generate -o` wrote can"
            " be reproduced",
            field="replay",
            value=str(path),
        )
    try:
        if source.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        record = json.loads(source.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']!r}, and this seqforge reads {FORMAT}")
        request_of(record)
        for part in ("models", "inputs", "files", "prompts"):
            if not all(isinstance(item["sha256"], str) for item in record[part]):
                raise ValueError(f"its {part} are damaged")
        dict(record["versions"])
    except (OSError, ValueError, KeyError, TypeError, RequestError) as error:
        raise DamagedFileError(f"{source} is not the provenance of a generated file: {error}") from error
    return source, record


def request_of(record: Mapping[str, Any]) -> GenerationRequest:
    """Return the request of a provenance record.

    Raises:
        TypeError, KeyError: If it has none.
        RequestError: If a value is not allowed.
    """
    values = dict(record["request"])
    return GenerationRequest(**{**values, "models": tuple(str(path) for path in values["models"])})


def differences(record: Mapping[str, Any], model: ModelBase) -> list[str]:
    """Return what has changed since the record was written: models, input files, versions."""
    changes = []
    for kind in ("models", "inputs"):
        for item in record[kind]:
            current = digest(Path(item["path"]))
            if current != item["sha256"]:
                changes.append(f"{item['path']} {'has changed' if current else 'is missing'}")
    present = versions(model)
    changes += [
        f"{name} was {value} and is {present.get(name)}"
        for name, value in record["versions"].items()
        if value != present.get(name)
    ]
    return changes


def versions(model: ModelBase) -> dict[str, str]:
    """Return the versions, and the kind of processor, on which results may depend."""
    try:
        plugin_version = version(model.plugin.distribution())
    except PackageNotFoundError:
        plugin_version = "unknown"
    return {
        "seqforge": __version__,
        model.plugin.distribution(): plugin_version,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
