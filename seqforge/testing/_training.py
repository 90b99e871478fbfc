"""The last check: a tiny model of the samples trains, resumes, generates and is written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqforge.errors import SeqforgeError
from seqforge.testing._codec import same
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject, spread

MOST_FILES, MOST_BYTES = 8, 60_000
TINY = {"hidden": 16, "layers": 1, "embedding": 8, "batch_size": 4, "window": 16, "precision": "float32", "threads": 1}
STEPS = 6
LENGTH, MOST_STEPS = 40.0, 300
"""Units that are generated, in so many steps at most."""


def model_trains(subject: Subject) -> str:
    """A tiny model trains; 6 steps are 3, a resume and 3, bit for bit; it generates, and what it makes is written."""
    import torch


    plugin, name = subject.plugin, subject.plugin.name
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory(prefix="seqforge-") as temporary, _cache(Path(temporary) / "cache"):
        folder = Path(temporary)
        corpus = _corpus(subject, folder / "corpus")
        options: dict[str, Any] = {**subject.given, **TINY, "steps": STEPS}
        try:
            subject.note("training")
            whole = forge.train(name, corpus=str(corpus), run=folder / "whole", workers=1, **options)
            subject.note("training again, with a stop in the middle")
            forge.train(name, corpus=str(corpus), run=folder / "part", workers=1, stop_at=STEPS // 2, **options)
            resumed = forge.train(name, resume=folder / "part", workers=1)
            for key, value in whole.network.state_dict().items():
                if not torch.equal(value, resumed.network.state_dict()[key]):
                    raise CheckFailed(
                        f"{STEPS} steps of training are not {STEPS // 2}, a resume and {STEPS // 2}: {key} differs;"
                        " something in the plugin changes from one call to the next"
                    )
            subject.note("generating")
            pieces = whole.generate(2, seed=1, length=LENGTH, steps=MOST_STEPS)
            again = whole.generate(2, seed=1, length=LENGTH, steps=MOST_STEPS)
            if not same(subject, again[1].content, pieces[1].content):
                raise CheckFailed("the same model, request and seed give two different pieces")
            path = folder / f"made{plugin.writes[0]}"
            with subject.calling("write", "a generated piece"):
                plugin.write(pieces[:1], path)
        except SeqforgeError as error:
            raise CheckFailed(str(error).replace(str(folder), "")) from error
        finally:
            torch.set_num_threads(threads)
        made = ", ".join(f"{float(_units(subject, piece)):g}" for piece in pieces)
        return f"{STEPS} steps, resumed after {STEPS // 2}; pieces of {made} {plugin.unit}s"


def _units(subject: Subject, piece: Any) -> float:
    return float(subject.codec.units(subject.codec.encode(piece).steps).sum())


def _corpus(subject: Subject, folder: Path) -> Path:
    """Return a folder with a few of the samples; a long text file is cut at a line's end."""
    names = sorted({label for file in subject.files for label in file.labels})
    rows = [",".join(["file", *names])]
    folder.mkdir()
    for number, file in enumerate(spread(subject.files, MOST_FILES)):
        path = folder / f"{number}{file.path.suffix}"
        data = file.path.read_bytes()
        if len(data) > MOST_BYTES and b"\0" not in data[:MOST_BYTES]:
            path.write_bytes(data[: data.rfind(b"\n", 0, MOST_BYTES) + 1] or data)
        else:
            shutil.copyfile(file.path, path)
        rows.append(",".join([path.name, *('"' + file.labels.get(n, "").replace('"', '""') + '"' for n in names)]))
    if names:
        (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """Keep what is prepared in a folder of the check's own."""
    before = os.environ.get("SEQFORGE_CACHE")
    os.environ["SEQFORGE_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SEQFORGE_CACHE"]
        else:
            os.environ["SEQFORGE_CACHE"] = before
