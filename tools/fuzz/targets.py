"""What is fuzzed: for each kind of file, how a mutant is derived from a seed file, and what reads it.

A check returns whether it accepted the file. A SeqforgeError means that the file is refused, which is right; every
other exception is a fault.
"""

import contextlib
import functools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from seqforge.errors import ReadError
from tools.fuzz.mutations import mutate_bytes, mutate_container, mutate_json_file, mutate_text, mutate_toml

__all__ = ["TARGETS", "Mutant", "Target", "mutant_of"]

SEED_FOLDERS = {"info": "model", "generate": "model", "resume": "state"}
"""The folder of the seed files of a kind, where it is not that of its name."""
Mutate = Callable[[Random, bytes, bytes], bytes]


@dataclass(frozen=True)
class Target:
    """A kind of file that is fuzzed.

    Attributes:
        mutate: Returns a mutant of a seed file; it may take parts of another one.
        check: Reads a mutant, given its path and the folder of the seeds.
        share: Share of the mutants of a long run, relative to the other kinds.
    """

    mutate: Mutate
    check: Callable[[Path, Path], bool]
    share: int = 1


@dataclass(frozen=True)
class Mutant:
    """A mutated file: its name, which has the suffix of the seed file, and its bytes."""

    name: str
    data: bytes


def mutant_of(kind: str, seed: int, index: int, seeds: Path) -> Mutant:
    """Return a mutant of a kind; it depends on the seed files, the seed and the index alone."""
    rng = Random(f"{seed} {kind} {index}")
    paths = sorted((seeds / SEED_FOLDERS.get(kind, kind)).iterdir())
    path, other = rng.choice(paths), rng.choice(paths)
    data, other_data = path.read_bytes(), other.read_bytes()
    try:
        return Mutant(path.name, TARGETS[kind].mutate(rng, data, other_data))
    except RecursionError:  # the value is nested too deeply to be written
        return Mutant(path.name, mutate_bytes(rng, data, other_data))


# -- readers of the plugins ------------------------------------------------------------------------

ABC_WORDS = (
    "|", "|:", ":|", "::", "|1", "[2", "[", "]", "(3", "(9:8:7", "{", "}", "<", ">", "-", "_", "^^", "=", "z",
    "Z99", "x", "[K:Xyz]", "[M:0/0]", "[M:C|]", "[L:1/0]", "[V:2]", "K:none\n", "K:HP\n", "L:0\n", "M:3/0\n",
    "Q:1/0=0\n", "P:AB\n", "V:1\n", "X:\n", "w:la-la\n", "%%abc\n", '"', "!", "+", "\\\n", "&", "c''''''''",
    "C,,,,,,,,", "/", "//////////", "8/3", "0", "\n\n", "s:!f!\n", "I:linebreak $\n", "m:~=c\n", "U:T=!f!\n", "$",
    "y", "`",
)  # fmt: skip
INK_WORDS = (
    "<", ">", "/>", '"', "&amp;", "&x;", "<!DOCTYPE x [<!ENTITY a 'b'>]>", "<![CDATA[", "<g>", "</g>", "M", "Z",
    "a0 0 0 1 1 0 0", "e", "-", ".", ",", "scale(0)", "matrix(1 2 3)", "rotate(1e9)", '<use href="#a"/>',
    "display:none", "px", "%", "*", "'", "!", "[", "]", "{", "}", "null", "true", "strokes", "NaN", "#", "\\u0000",
    "[[[",
)  # fmt: skip
CSV_WORDS = (",", ";", '"', '""', "\n", "\r", "\0", "file", "file,file\n", "\ufeff", "../x", "\t", "x,x,x,x,x\n")
TEXT_WORDS = (
    "\0",
    "\r",
    "\r\n",
    "\n\n\n",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\U0001f469",
    "\x1b[2J",
    "a" * 99,
    "\v",
    "\x85",
)


def _read_by_plugin(name: str) -> Callable[[Path, Path], bool]:
    def check(path: Path, seeds: Path) -> bool:
        from seqforge.plugin import Checks, Fingerprints, Piece
        from seqforge.plugin.validation import validate_example, validate_fingerprints, validate_items

        owner, options, codec = _plugin(name)
        plugin: Any = owner
        accepted = False
        for item in validate_items(plugin, path, options):
            if isinstance(item, ReadError):
                assert "\n" not in str(item), f"a message has several lines: {item}"
                continue
            accepted = True
            if isinstance(plugin, Fingerprints):
                validate_fingerprints(owner, plugin.fingerprints(item))
            example = validate_example(plugin, codec, codec.encode(item))
            codec.decode(example)
            if isinstance(plugin, Checks) and name != "midi":
                list(plugin.violations(Piece(item.content)))
        return accepted

    return check


@functools.cache
def _plugin(name: str) -> Any:
    """Return a plugin with its default options and the codec of its shipped model."""
    import seqforge
    from seqforge.plugin import registry

    plugin = registry.load(name)
    return plugin, plugin.Options(), seqforge.load(f"{name}:{plugin.default_model}").codec


# -- models and runs -------------------------------------------------------------------------------


def _check_model(path: Path, seeds: Path) -> bool:
    import seqforge

    seqforge.load(path)
    return True


def _check_info(path: Path, seeds: Path) -> bool:
    from seqforge.cli.info import info

    for as_json in (False, True):
        info(str(path), as_json)
    return True


def _check_generation(path: Path, seeds: Path) -> bool:
    import seqforge
    from seqforge.errors import RequestError

    model = seqforge.load(path)
    request: dict[str, Any] = {"text": "an"} if model.plugin.name == "handwriting" else {}
    with contextlib.suppress(RequestError):
        model.generate(max_steps=4, max_seconds=0.05, **request)
    return True


def _check_state(path: Path, seeds: Path) -> bool:
    from seqforge.api.run_config import run_config_from_json
    from seqforge.api.runs import Run
    from seqforge.plugin import registry
    from seqforge.training import read_state

    Run(path.parent).is_finished()
    state, tensors, config = read_state(path)
    run_config_from_json(registry.load("text"), config)
    trainer = _trainer(seeds)
    trainer.restore(state, tensors)
    trainer.step()
    return True


@functools.cache
def _prepared(seeds: Path) -> Any:
    from seqforge.corpus import find_sources, prepare
    from seqforge.plugin import registry

    plugin = registry.load("text")
    with contextlib.chdir(seeds / "run"):
        sources = find_sources(["corpus"], reads=plugin.reads, domain=plugin.name)
        return prepare(plugin, plugin.Options(), sources, cache=seeds / "run" / "cache", workers=1)


@functools.cache
def _trainer(seeds: Path) -> Any:
    from seqforge.network import Network
    from seqforge.training import Trainer, read_state
    from seqforge.training.config import TrainingConfig

    prepared = _prepared(seeds)
    _, _, stored = read_state(seeds / "state" / "state.safetensors")
    config = TrainingConfig(**stored["training"])
    labels = tuple(len(values) for values in prepared.codec.labels.values())
    network = Network(prepared.codec.space, config.network(prepared.codec.space, labels=labels), seed=0)
    return Trainer(network, prepared.datasets["train"], prepared.datasets["valid"], config)


def _check_resume(path: Path, seeds: Path) -> bool:
    """Resume the run of the seeds, whose state is replaced, for one step."""
    import seqforge

    with _scratch(seeds / "run", "r", "corpus", "cache") as folder, _cache_in(folder):
        shutil.copyfile(path, folder / "r" / "state.safetensors")
        seqforge.train("text", resume=folder / "r", stop_at=51, workers=1)
    return True


def _check_config(path: Path, seeds: Path) -> bool:
    from seqforge.api.runs import Run

    return Run(path.parent).plugin() == "text"


def _check_metrics(path: Path, seeds: Path) -> bool:
    from seqforge.api.runs import Run

    Run(path.parent).truncate_metrics(5)
    return True


def _check_provenance(path: Path, seeds: Path) -> bool:
    from seqforge.api.replay import replay

    target = path.parent / "replayed"
    try:
        replay(path, f"{target}/")
    finally:
        shutil.rmtree(target, ignore_errors=True)
    return True


# -- prepared corpora ------------------------------------------------------------------------------


@contextlib.contextmanager
def _scratch(source: Path, *names: str) -> Iterator[Path]:
    """Yield a folder with links to the files of subfolders of another one."""
    folder = Path.cwd() / "scratch"
    shutil.rmtree(folder, ignore_errors=True)
    for name in names:
        shutil.copytree(source / name, folder / name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    before = os.environ.get("SEQFORGE_CACHE", "")
    os.environ["SEQFORGE_CACHE"] = str(folder / "cache")
    try:
        yield
    finally:
        os.environ["SEQFORGE_CACHE"] = before


def _check_shard(path: Path, seeds: Path) -> bool:
    from seqforge.dataset import open_datasets, write_manifest
    from seqforge.training import Batches

    codec = _prepared(seeds).codec
    write_manifest(path.parent, [path.name], {})
    datasets = open_datasets(path.parent, codec.space, codec.source, dict(codec.labels))
    for dataset in datasets.values():
        for number in range(min(4, len(dataset))):
            dataset.example(number)
    if len(datasets["train"]):
        network = _trainer(seeds).network
        batch = Batches(datasets["train"], rows=2, length=16, seed=0)[0]
        network.loss(batch, network.zero_state(batch.inputs.shape[1]))
    return True


def _check_prepared(path: Path, seeds: Path) -> bool:
    """Open a prepared corpus of which one file is replaced, and use its report as a training does."""
    from seqforge.cli.progress import in_split_order
    from seqforge.corpus import find_sources, prepare
    from seqforge.plugin import registry

    plugin = registry.load("text")
    with _scratch(seeds / "run", "cache") as folder:
        (prepared_folder,) = (folder / "cache" / "datasets").iterdir()
        shutil.copyfile(path, prepared_folder / path.name)
        if path.name != "manifest.json":
            (prepared_folder / "manifest.json").unlink()
        with contextlib.chdir(seeds / "run"):
            sources = find_sources(["corpus"], reads=plugin.reads, domain=plugin.name)
            prepared = prepare(plugin, plugin.Options(), sources, cache=folder / "cache", workers=1)
        report = prepared.report
        in_split_order(report["pieces"])
        "\n".join([*report["reasons"], *report["remarks"]])
        f"{report['files']:,} {report['skipped']:,} {report['dropped_total']:,} {dict(report['dropped'])}"
    return True


# -- corpora ---------------------------------------------------------------------------------------


def _check_labels(path: Path, seeds: Path) -> bool:
    from seqforge.corpus import find_sources

    folder = path.parent
    for number in range(3):
        (folder / f"{number}.txt").write_text("text\n", encoding="utf-8")
    path.replace(folder / "labels.csv")
    sources = find_sources([str(folder)], reads=(".txt",), domain="text")
    for file in sources.files:
        assert all(type(name) is str and type(value) is str for name, value in file.labels.items()), file.labels
    return True


def _check_corpus(path: Path, seeds: Path) -> bool:
    """List, show and open the corpus that a corpus.toml describes."""
    from seqforge.cli import corpora
    from seqforge.corpus import catalogue, find_sources
    from seqforge.corpus.description import read_corpus

    folder = path.parent
    path.replace(folder / "corpus.toml")
    (folder / "train").mkdir(exist_ok=True)
    (folder / "train" / "a.mid").write_text("")
    catalogue._folders = lambda: [folder]
    catalogue.installed_corpora()
    corpora.list_corpora(False)
    corpora.list_corpora(True)
    corpus = read_corpus(folder)
    corpora.show(corpus.name, False)
    corpora.show(corpus.name, True)
    assert all(file.resolve().is_relative_to(folder.resolve()) for file in corpus.paths()), "a file outside the folder"
    find_sources([corpus.name], reads=(), domain=corpus.domain)
    return True


def _text_with(words: tuple[str, ...]) -> Mutate:
    return lambda rng, data, other: mutate_text(rng, data, other, words)


def _mutate_ink(rng: Random, data: bytes, other: bytes) -> bytes:
    """Return a mutant of a file with strokes: JSON values are changed as such, all others as text."""
    if data.startswith(b"[") and rng.random() < 0.6:
        return mutate_json_file(rng, data, other)
    return mutate_text(rng, data, other, INK_WORDS)


def _mutate_prepared(rng: Random, data: bytes, other: bytes) -> bytes:
    return mutate_json_file(rng, data, other) if data.startswith(b"{") else mutate_container(rng, data, other)


def _mutate_lines(rng: Random, data: bytes, other: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    lines[number] = mutate_json_file(rng, lines[number], other) + b"\n"
    return b"".join(lines)


TARGETS = {
    "model": Target(mutate_container, _check_model, share=15),
    "info": Target(mutate_container, _check_info, share=4),
    "generate": Target(mutate_container, _check_generation, share=2),
    "state": Target(mutate_container, _check_state, share=12),
    "resume": Target(mutate_container, _check_resume, share=2),
    "shard": Target(mutate_container, _check_shard, share=12),
    "manifest": Target(mutate_json_file, _check_prepared, share=4),
    "prepared": Target(_mutate_prepared, _check_prepared, share=2),
    "config": Target(mutate_toml, _check_config, share=8),
    "metrics": Target(_mutate_lines, _check_metrics, share=4),
    "provenance": Target(mutate_json_file, _check_provenance, share=4),
    "labels": Target(_text_with(CSV_WORDS), _check_labels, share=8),
    "corpus": Target(mutate_toml, _check_corpus, share=8),
    "read-text": Target(_text_with(TEXT_WORDS), _read_by_plugin("text"), share=6),
    "read-abc": Target(_text_with(ABC_WORDS), _read_by_plugin("abc"), share=8),
    "read-midi": Target(mutate_bytes, _read_by_plugin("midi"), share=8),
    "read-handwriting": Target(_mutate_ink, _read_by_plugin("handwriting"), share=8),
}
"""The kinds, by name; the seed files of a kind are in a folder of that name."""
