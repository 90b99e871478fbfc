"""The last check: a tiny model of the samples trains, resumes, generates, and its pieces are written."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqforge.errors import ContractError, SeqforgeError
from seqforge.plugin import Piece
from seqforge.plugin.validation import write_pieces
from seqforge.testing._compare import equal
from seqforge.testing._results import CheckFailed, without_advice
from seqforge.testing._subject import Subject, spread

MAX_FILES, MAX_BYTES = 8, 60_000
TINY = {"hidden": 16, "layers": 1, "embedding": 8, "batch_size": 4, "bptt": 16, "precision": "float32", "threads": 1}
STEPS = 6
ANNOUNCE_S = 1.0
"""The time between two announcements of a task, in seconds."""
LENGTH, MAX_STEPS = 40.0, 300
"""Length of the generated pieces in units, and its limit in steps."""


def model_trains(subject: Subject) -> str:
    """A tiny model trains, resumes with equal weights, generates reproducible pieces, and these are written."""
    with _without_limit(subject, "the import of torch"):
        import torch

        from seqforge.api.train import train

    plugin = subject.plugin
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="seqforge-") as temporary, _cache(Path(temporary) / "cache"):
        folder = Path(temporary)
        corpus = _corpus(subject, folder / "corpus")
        options: dict[str, Any] = {**subject.option_values, **TINY, "steps": STEPS}
        # Each message and event is announced, so that the time limit holds for a stage and not for the whole training.
        progress: dict[str, Any] = {
            "on_message": lambda _: subject.on_call("the preparation of a training"),
            "on_event": lambda _: subject.on_call("a step of the training"),
        }
        arguments: dict[str, Any] = {"corpus": str(corpus), "workers": 1, **options, **progress}
        try:
            subject.on_call("training")
            model = train(plugin.name, run=folder / "complete", **arguments)
            subject.on_call("training with an interruption")
            train(plugin.name, run=folder / "interrupted", stop_at=STEPS // 2, **arguments)
            resumed = train(plugin.name, resume=folder / "interrupted", workers=1, **progress)
            for name, tensor in model.network.state_dict().items():
                if not torch.equal(tensor, resumed.network.state_dict()[name]):
                    raise CheckFailed(
                        f"{subject.owner_text}: {STEPS} steps of training give another {name} than {STEPS // 2} steps,"
                        f" a resume and {STEPS // 2} steps; a method of the plugin depends on earlier calls"
                    )
            subject.on_call("generation")
            pieces, again = (model.generate(2, seed=1, length=LENGTH, max_steps=MAX_STEPS) for _ in range(2))
            if not all(equal(subject, a.content, b.content) for a, b in zip(pieces, again, strict=True)):
                raise CheckFailed(f"{subject.owner_text}: the same model, request and seed give two different pieces")
            with subject.calling("write", "a generated piece"):
                write_pieces(plugin, pieces[:1], folder / f"generated{plugin.writes[0]}")
        except SeqforgeError as error:
            message = without_advice(error) if isinstance(error, ContractError) else str(error)
            raise CheckFailed(message.replace(str(folder), "")) from error
        finally:
            torch.set_num_threads(threads)
        lengths = ", ".join(f"{_units(subject, piece):g}" for piece in pieces)
        return f"{STEPS} steps, resumed after {STEPS // 2}; pieces of {lengths} {plugin.unit}s"


def _units(subject: Subject, piece: Piece[Any]) -> float:
    return float(subject.codec.units(subject.codec.encode(piece).steps).sum())


def _corpus(subject: Subject, folder: Path) -> Path:
    """Return a folder with some of the samples; a long text file is cut at the end of a line."""
    names = sorted({label for file in subject.files for label in file.labels})
    rows = [",".join(["file", *names])]
    folder.mkdir()
    for number, file in enumerate(spread(subject.files, MAX_FILES)):
        path = folder / f"{number}{file.path.suffix}"
        data = file.path.read_bytes()
        if len(data) > MAX_BYTES and b"\0" not in data[:MAX_BYTES]:
            path.write_bytes(data[: data.rfind(b"\n", 0, MAX_BYTES) + 1] or data)
        else:
            shutil.copyfile(file.path, path)
        values = ['"' + file.labels.get(name, "").replace('"', '""') + '"' for name in names]
        rows.append(",".join([path.name, *values]))
    if names:
        (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@contextmanager
def _without_limit(subject: Subject, task: str) -> Iterator[None]:
    """Announce a task of the core again and again while it runs, so that the time limit of calls does not end it."""
    has_ended = threading.Event()

    def announce() -> None:
        while not has_ended.wait(ANNOUNCE_S):
            subject.on_call(task)

    thread = threading.Thread(target=announce, daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """Use a folder as the cache of prepared corpora."""
    before = os.environ.get("SEQFORGE_CACHE")
    os.environ["SEQFORGE_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SEQFORGE_CACHE"]
        else:
            os.environ["SEQFORGE_CACHE"] = before
