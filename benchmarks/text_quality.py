"""Nats a character on tinyshakespeare: first 90 % train, last 10 % valid.

    python benchmarks/text_quality.py --minutes 10              # trains first, as `seqforge train` would
    python benchmarks/text_quality.py --model shipped           # or measures a model that is there

Two protocols, both on the last 10 % (111,540 characters), which is never trained on:

carried   the state carried from the first character to the last, the end counted, float32
          (what `seqforge evaluate` prints).
windows   200 windows of 256 characters at random places, each from a fresh state: the protocol of
          nanoGPT's train.py (estimate_loss: 200 batches of `block_size` 256), whose README gives
          1.4697 for a transformer of 10.7 million parameters on a GPU and 1.88 for a small one on a CPU
          (https://github.com/karpathy/nanoGPT, README, "quick start"). A window of a recurrent network
          has no context but its own first character, as there.
"""

import argparse
import json
from pathlib import Path

import torch
from _corpus import tinyshakespeare

import seqforge
from seqforge.api import Model, choose
from seqforge.network import Batch

WINDOWS, LENGTH = 200, 256


def windows(model: Model) -> float:
    """Return the mean loss over random windows, each from a fresh state."""
    _, valid, letters = tinyshakespeare()
    index = model.codec.index  # type: ignore[attr-defined]
    steps = torch.tensor([index[letter] for letter in letters])[valid]
    generator = torch.Generator().manual_seed(1337)
    firsts = torch.randint(len(steps) - LENGTH, (WINDOWS,), generator=generator)
    read = torch.stack([steps[first : first + LENGTH] for first in firsts], 1)
    wanted = torch.stack([steps[first + 1 : first + LENGTH + 1] for first in firsts], 1)
    edge = read.new_zeros(1, WINDOWS)
    inputs, targets = torch.cat([edge, read]), torch.cat([edge, wanted])
    weights = torch.ones(LENGTH + 1, WINDOWS)
    weights[0] = 0  # the row on which the state is reset
    starts = torch.zeros(LENGTH + 1, WINDOWS, dtype=torch.bool)
    starts[0] = True
    none = torch.zeros_like(starts)
    labels = torch.zeros(*starts.shape, 0, dtype=torch.long)
    window = Batch(inputs, targets, starts, none, weights, labels, labels.float())
    with torch.no_grad():
        losses, _ = model.network.eval().loss(window, model.network.zero_state(WINDOWS))
    return float(losses.sum() / weights.sum())


def main() -> None:
    """Train or load, then print both protocols."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", help="a model file, or 'shipped'; nothing is trained then")
    parser.add_argument("--run", type=Path, help="the run's folder; default: the next of runs/text/")
    asked = parser.parse_args()
    if asked.model:
        model = seqforge.load(choose("text", asked.model)[0])
    else:
        model = seqforge.train("text", corpus="tinyshakespeare", minutes=asked.minutes, run=asked.run, on_event=print)
    made = model.header.provenance
    found = model.evaluate("tinyshakespeare", split="valid")
    fresh = windows(model)
    told = {
        "minutes": made.get("minutes"),
        "steps": made.get("steps"),
        "parameters": model.network.parameter_count(),
        "carried_nats_per_character": round(found.nats_per_unit, 4),
        "windows_nats_per_character": round(fresh, 4),
    }
    print(json.dumps(told))
    print(f"carried: {found.nats_per_unit:.4f} nats a character (goal 1.40 after 10 minutes on 2 cores)")
    print(
        f"windows: {fresh:.4f}; nanoGPT publishes 1.4697 (GPU) and 1.88 (small, CPU): {fresh / 1.4697:.3f} of the first"
    )


if __name__ == "__main__":
    main()
