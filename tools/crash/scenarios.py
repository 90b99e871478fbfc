"""What is killed and resumed: a training, a preparation and a generation, each with the files that it must leave."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.fuzz.seeds import TINY, prose

__all__ = ["SCENARIOS", "Inputs", "Scenario", "build_inputs"]

TINY_FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
STEPS = 120
DURATIONS = frozenset({"minutes", "seconds", "shares"})
"""Keys of metadata that differ between runs."""


@dataclass(frozen=True)
class Inputs:
    """The files that all trials read.

    Attributes:
        corpus: A folder of texts.
        cache: The cache, which contains the prepared corpus.
        model: A model file.
    """

    corpus: Path
    cache: Path
    model: Path


@dataclass(frozen=True)
class Scenario:
    """A command that is killed.

    Attributes:
        start: Runs the command in the working folder and returns its exit code.
        resume: The commands that continue after a kill, in order; the first that succeeds is enough.
        files: Returns the content of the files that must be those of an undisturbed run.
        is_whole: Whether every such file must be whole right after the kill.
    """

    start: Callable[[Inputs], int]
    resume: tuple[Callable[[Inputs], int], ...]
    files: Callable[[Path], Mapping[str, bytes]]
    is_whole: bool = False


def build_inputs(folder: Path) -> Inputs:
    """Write the files that all trials read, in a folder; to be called in a process of its own."""
    import seqforge

    inputs = Inputs(folder / "corpus", folder / "cache", folder / "model" / "model.safetensors")
    inputs.corpus.mkdir(parents=True)
    for number in range(24):
        (inputs.corpus / f"{number:02d}.txt").write_text(prose(600, seed=number), encoding="utf-8")
    os.environ["SEQFORGE_CACHE"] = str(inputs.cache)
    seqforge.train("text", corpus=str(inputs.corpus), run=folder / "model", steps=2, workers=1, **TINY)
    return inputs


def _main(*words: object) -> int:
    """Run the command line and return its exit code."""
    from seqforge.cli.main import main

    try:
        main([str(word) for word in words])
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 0


def _train(inputs: Inputs) -> int:
    os.environ["SEQFORGE_CACHE"] = str(inputs.cache)
    return _main("train", "--plugin", "text", "--corpus", inputs.corpus, "--run", "run", "--steps", STEPS,
                 "--workers", 1, "--quiet", *TINY_FLAGS)  # fmt: skip


def _resume_training(inputs: Inputs) -> int:
    os.environ["SEQFORGE_CACHE"] = str(inputs.cache)
    return _main("train", "--plugin", "text", "--resume", "run", "--quiet")


def _prepare(inputs: Inputs) -> int:
    from seqforge.corpus import find_sources, prepare
    from seqforge.plugin import registry

    module: Any = __import__("sys").modules["seqforge.corpus.chunks"]
    module.CHUNK_BYTES = 4000  # several chunks, so that finished ones are reused
    plugin = registry.load("text")
    sources = find_sources([str(inputs.corpus)], reads=plugin.reads, domain=plugin.name)
    prepare(plugin, plugin.Options(), sources, cache=Path("cache").absolute(), workers=1)
    return 0


def _generate(*flags: str) -> Callable[[Inputs], int]:
    words = ("-n", 4, "--max-steps", 40, "--quiet", "-o", "out/", *flags)
    return lambda inputs: _main("generate", "--model", inputs.model, *words)


def _run_files(folder: Path) -> dict[str, bytes]:
    """Return tensors and metadata of model and state, without durations, and the validations."""
    from seqforge.core.tensorfile import TensorFile

    content = {}
    for name in ("model.safetensors", "state.safetensors"):
        path = folder / "run" / name
        if path.exists():
            file = TensorFile(path, "model")
            content[name] = json.dumps(_without_durations(file.metadata), sort_keys=True).encode()
            content |= {f"{name}:{tensor}": file.array(tensor).tobytes() for tensor in file.tensors}
    metrics = folder / "run" / "metrics.jsonl"
    if metrics.exists():
        events = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
        lines = [_without_durations(event) for event in events if event["event"] in ("valid", "decay", "end")]
        content["metrics.jsonl"] = json.dumps(lines).encode()
    return content


def _without_durations(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_durations(item) for name, item in value.items() if name not in DURATIONS}
    return value


def _visible_files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a folder but hidden ones."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    visible = [path for path in paths if not re.search(r"(^|/)\.", path.relative_to(folder).as_posix())]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in visible}


SCENARIOS = {
    "train": Scenario(_train, (_resume_training, _train), _run_files),
    "prepare": Scenario(_prepare, (_prepare,), _visible_files),
    "generate": Scenario(
        _generate(), (_generate("--overwrite", "--force"), _generate()), _visible_files, is_whole=True
    ),
}
"""The scenarios, by name."""
