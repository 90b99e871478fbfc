"""How well pens are modelled: nats a point, with the text and without, beside simpler models of the same size.

    python benchmarks/handwriting.py --steps 1000

Every model learns the bundled lines of UNIPEN for the same number of steps of the same batches; told are its nats a
point on valid and test (writers and texts that it never saw), its parameters, and the minutes of processor time that
training took. The unit of a point's place is the same for all.

- text: what `seqforge train --plugin handwriting` trains: Graves's soft window, moved step by step, fed back into the
  layer that moves it (arXiv 1308.0850, section 5).
- at once: its window is moved by a first layer that does not see it, so that a whole stretch of time is worked out at
  once: where it stands is a running sum over that layer's outputs. Everything above is the same.
- one Gaussian: with the text, but a single Gaussian instead of twenty.
- no text: without attention and without a text (section 4), wider, so that it has as many parameters.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seqforge
from seqforge.corpus import find_corpus
from seqforge.network import Batch, Network

HIDDEN, WIDER = 320, 352
SIDES = ("valid", "test")


def at_once(
    self: Network,
    inputs: Tensor,
    window: Batch,
    state: list[Any],
    dropped: Tensor | None,
    weights: list[Tensor] | None,
) -> tuple[Tensor, Any, Tensor, Any]:
    """Take the place of `Network._attend`: the first layer over the whole stretch, then the window's places."""
    layer, soft = self.layers[0], self.window
    assert soft is not None
    unseen = inputs.new_zeros(*inputs.shape[:2], soft.width)
    starts = window.starts if bool(window.starts.any()) else None
    given, own = layer(torch.cat([inputs, unseen], -1), state[0], starts, dropped)
    numbers = torch.nn.functional.linear(given, soft.weight, soft.bias).float().clamp(max=3.0).exp()
    alpha, beta, moved = numbers.chunk(3, -1)
    total = moved.cumsum(0)
    kappa_before, _, rested = state[-1]
    rows = torch.arange(len(inputs)).unsqueeze(1)
    begun = torch.where(window.starts, rows, -1).cummax(0).values  # the row at which the piece began, -1: before
    places = begun.clamp(min=0).unsqueeze(-1).expand_as(total)
    before = torch.cat([total.new_zeros(1, *total.shape[1:]), total]).gather(0, places)
    kappa = torch.where((begun < 0).unsqueeze(-1), kappa_before + total, total - before)
    source = window.sources if window.sources is not None else window.labels.new_zeros(*window.starts.shape, 0)
    symbols = torch.arange(source.shape[2], dtype=kappa.dtype)
    phi = torch.zeros(source.shape)
    for k in range(soft.components):
        apart = kappa[..., k, None] - symbols
        phi = phi + alpha[..., k, None] * torch.exp(-beta[..., k, None] * apart * apart)
    phi = phi * (source > 0)
    seen = phi.new_zeros(*source.shape[:2], soft.width + 1).scatter_add(2, source, phi)[..., 1:]
    return given, own, seen, (kappa[-1], seen[-1], rested)


@contextmanager
def attending(how: Callable[..., Any] | None) -> Iterator[None]:
    """Within this context, networks attend in another way."""
    before = Network._attend
    if how is not None:
        Network._attend = how  # type: ignore[assignment]
    try:
        yield
    finally:
        Network._attend = before  # type: ignore[method-assign]


def without_texts(folder: Path) -> Path:
    """Write the corpus without what the lines say, and return where."""
    for path in find_corpus("unipen").paths():
        place = folder / path.parent.name / path.name
        place.parent.mkdir(parents=True)
        rows = (json.loads(line) | {"text": ""} for line in path.read_text(encoding="utf-8").splitlines())
        place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def main() -> None:
    """Train each, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--only", action="append", help="text, at once, one Gaussian or no text; may be given again")
    asked = parser.parse_args()
    told: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = str(without_texts(folder / "bare"))
        ways: dict[str, tuple[str, dict[str, Any], Callable[..., Any] | None]] = {
            "text": ("unipen", {}, None),
            "at once": ("unipen", {}, at_once),
            "one Gaussian": ("unipen", {"components": 1}, None),
            "no text": (bare, {"hidden": WIDER, "untold": 0.0}, None),
        }
        for way, (corpus, options, how) in ways.items():
            if asked.only and way not in asked.only:
                continue
            shape = {"hidden": HIDDEN, "threads": 1, "precision": "bfloat16", "patience": 0, **options}
            with attending(how):
                began = time.process_time()
                model = seqforge.train("handwriting", corpus=corpus, steps=asked.steps, run=folder / way, **shape)
                minutes = (time.process_time() - began) / 60
                found = {side: round(model.evaluate(corpus, split=side).nats_per_unit, 4) for side in SIDES}
            scale = model.codec.scale  # type: ignore[attr-defined]
            told[way] = {
                **found,
                "parameters": model.network.parameter_count(),
                "minutes": round(minutes, 2),
                "scale": scale,
            }
            print(way, json.dumps(told[way]), flush=True)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
