"""The demo: a tune of the shipped model within seconds, then a short training, its tunes, and a page with everything.

python -m tools.demo --minutes 2
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge.api.model import Model
from seqforge.api.model_loading import load
from seqforge.api.model_paths import resolve_model
from seqforge.core.files import make_folder, replacing, write_text
from seqforge.errors import SeqforgeError
from seqforge.plugin import Piece
from seqforge.plugin.validation import write_pieces
from tools.demo_page import Exhibit, demo_page

JIG: dict[str, Any] = {"key": "D", "meter": "6/8", "rhythm": "jig", "bars": 16}
REEL: dict[str, Any] = {"key": "Edor", "meter": "C", "rhythm": "reel", "bars": 16}
SUFFIXES = (".svg", ".wav", ".abc", ".mid")
BOOK_SIZE = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description="Show what seqforge does.")
    parser.add_argument("--minutes", type=float, default=2.0, help="duration of the training (default 2)")
    parser.add_argument("--output", type=Path, default=Path("out"), help="folder to write to (default out)")
    values = parser.parse_args(arguments)
    try:
        run_demo(make_folder(values.output), values.minutes)
    except SeqforgeError as error:
        sys.exit(f"demo: {error}")


def run_demo(folder: Path, minutes: float) -> Path:
    """Generate, train, generate again, and write index.html; return its path.

    Args:
        folder: The folder to write to; `run/` and the demo's own files in it are replaced.
        minutes: Duration of the training.
    """
    run = folder / "run"
    say("1. A tune by the model that ships with seqforge:")
    shipped_model = load(resolve_model("shipped", plugin="abc").path)
    shipped = [write_tune(shipped_model, JIG, folder / "shipped", "A jig in D")]
    say((folder / "shipped.abc").read_text(encoding="utf-8").rstrip())
    say(f"   written: {', '.join(str(file) for file in shipped[0].files)}")
    say(f"2. Training a new model on three tune books for {minutes:g} minutes.")
    limits = limits_of(shipped_model, minutes)
    say("   " + "\n   ".join(limits))
    shutil.rmtree(run, ignore_errors=True)
    command = ["train", "--plugin", "abc", "--minutes", str(minutes), "--run", str(run)]
    say(f"   seqforge {' '.join(command)}")
    if subprocess.run([sys.executable, "-m", "seqforge", *command], check=False).returncode:
        raise SeqforgeError("the training did not finish; see above")
    say("3. Tunes by the new model:")
    model = load(run)
    trained = [
        write_tune(model, JIG, folder / "tune", "A jig in D, by the new model"),
        write_tune(model, REEL, folder / "reel", "A reel in E dorian, by the new model"),
        write_book(model, folder / "book.abc"),
    ]
    say((folder / "tune.abc").read_text(encoding="utf-8").rstrip())
    page = folder / "index.html"
    write_text(page, demo_page(folder, shipped=shipped, trained=trained, run=run, limits=limits))
    say(f"   written: {', '.join(str(file) for exhibit in trained for file in exhibit.files)}, {run}")
    say(f"Open {page} in a browser: it shows and plays everything that the demo made.")
    return page


def limits_of(shipped: Model, minutes: float) -> list[str]:
    """Return what a training of this duration can and cannot do.

    Args:
        shipped: The shipped model, for comparison.
        minutes: Duration of the training.
    """
    provenance = shipped.header.provenance
    possible = (
        "A short training learns which notes and rhythms follow each other. Keys, requests and bars are right from the"
        " first step, since the sampler allows nothing else."
    )
    impossible = (
        f"It does not learn the form of a tune: parts that answer each other, phrases that return. {minutes:g} minutes"
        f" are for trying things out; the shipped model was trained for {provenance.get('minutes', 0):.0f} minutes and"
        f" has a loss of {provenance.get('valid_nats_per_unit') or 0:.2f} nats per note on held-out tunes."
    )
    return [possible, impossible]


def write_tune(model: Model, request: dict[str, Any], stem: Path, title: str) -> Exhibit:
    """Generate a tune and write it in every format of the page."""
    [piece] = model.generate(seed=1, **request)
    files = [stem.with_suffix(suffix) for suffix in SUFFIXES]
    for file in files:
        _write(model, [piece], file)
    flags = " ".join(f"--{name} {value}" for name, value in request.items())
    return Exhibit(title, f"{flags} --seed 1", files)


def write_book(model: Model, path: Path) -> Exhibit:
    """Generate a book of tunes without any request."""
    _write(model, model.generate(BOOK_SIZE, seed=2), path)
    return Exhibit(f"{BOOK_SIZE} tunes without a request", "The model chose key, meter and length.", [path])


def _write(model: Model, pieces: Sequence[Piece[Any]], path: Path) -> None:
    with replacing(path) as temporary:
        write_pieces(model.plugin, pieces, temporary)


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
