"""Nats per character on tinyshakespeare: the first 90 % is the train split, the last 10 % the valid split.

    python benchmarks/text_quality.py --minutes 10              # train first, as `seqforge train` does
    python benchmarks/text_quality.py --model shipped           # or evaluate an existing model

There are two protocols, both on the last 10 % (111,540 characters), which are never trained on:

carried   The hidden state is carried over from the first character to the last, the end counts, float32
          (the figure of `seqforge evaluate`).
excerpts  200 excerpts of 256 characters at random places, each from an empty hidden state: the protocol of
          nanoGPT's train.py (estimate_loss: 200 batches of `block_size` 256), whose README gives
          1.4697 for a transformer of 10.7 million parameters on a GPU and 1.88 for a small one on a CPU
          (https://github.com/karpathy/nanoGPT, README, "quick start"). The context of a character is the excerpt
          alone, as there.
"""

import argparse
import json
from pathlib import Path

import torch
from _corpus import tinyshakespeare

import seqforge
from seqforge.api.model_paths import resolve_model
from seqforge.network import Batch

EXCERPTS, LENGTH = 200, 256


def excerpt_loss(model: seqforge.Model) -> float:
    """Return the mean loss over random excerpts, each from an empty hidden state."""
    _, valid, symbols = tinyshakespeare()
    index = model.codec.index  # type: ignore[attr-defined]
    steps = torch.tensor([index[symbol] for symbol in symbols])[valid]
    generator = torch.Generator().manual_seed(1337)
    starts = torch.randint(len(steps) - LENGTH, (EXCERPTS,), generator=generator)
    boundary = steps.new_zeros(1, EXCERPTS)
    excerpts = [steps[start : start + LENGTH] for start in starts]
    inputs = torch.cat([boundary, torch.stack(excerpts, 1)])
    targets = torch.cat([boundary, torch.stack([steps[start + 1 : start + LENGTH + 1] for start in starts], 1)])
    weights = torch.ones(LENGTH + 1, EXCERPTS)
    weights[0] = 0  # the position at which the hidden state is reset
    is_start = torch.zeros(LENGTH + 1, EXCERPTS, dtype=torch.bool)
    is_start[0] = True
    labels = torch.zeros(*is_start.shape, 0, dtype=torch.long)
    history, references = model.network.history, None
    if history is not None:  # repeats are looked for in the excerpt alone
        references = torch.stack([torch.from_numpy(history.references(part.numpy())) for part in excerpts], 1)
    batch = Batch(
        inputs, targets, is_start, torch.zeros_like(is_start), weights, labels, labels.float(), references=references
    )
    with torch.no_grad():
        losses, _ = model.network.eval().loss(batch, model.network.zero_state(EXCERPTS))
    return float(losses.sum() / weights.sum())


def main() -> None:
    """Train or load a model, then print the losses of both protocols."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", help="a model file, or 'shipped'; nothing is trained then")
    parser.add_argument("--run", type=Path, help="folder of the run; default: the next of runs/text/")
    arguments = parser.parse_args()
    if arguments.model:
        model = seqforge.load(resolve_model(arguments.model, plugin="text").path)
    else:
        model = seqforge.train(
            "text", corpus="tinyshakespeare", minutes=arguments.minutes, run=arguments.run, on_event=print
        )
    provenance = model.header.provenance
    carried = model.evaluate("tinyshakespeare", split="valid").nats_per_unit
    excerpts = excerpt_loss(model)
    results = {
        "minutes": provenance.get("minutes"),
        "steps": provenance.get("steps"),
        "parameters": model.network.parameter_count(),
        "carried_nats_per_character": round(carried, 4),
        "excerpt_nats_per_character": round(excerpts, 4),
    }
    print(json.dumps(results))
    print(f"carried: {carried:.4f} nats per character (goal 1.40 after 10 minutes on 2 cores)")
    print(
        f"excerpts: {excerpts:.4f}; nanoGPT publishes 1.4697 (GPU) and 1.88 (small, CPU):"
        f" {excerpts / 1.4697:.3f} of the first"
    )


if __name__ == "__main__":
    main()
