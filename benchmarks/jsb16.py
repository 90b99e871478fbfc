"""Nats per token on the JSB chorales in sixteenths with four voices in order.

    python benchmarks/jsb16.py                      # the shipped model
    python benchmarks/jsb16.py --model FILE

The corpus is Jsb16thSeparated with its published split: 229 chorales train, 76 valid, 77 test. A token of the usual
protocol is the pitch of one voice in one sixteenth, so a chorale has four tokens per sixteenth (C.-Z. A. Huang et al.,
"Music Transformer", ICLR 2019, section 4.1). The voices encoding writes the same events with fewer tokens and names
the key, the time signature, the bar lines and the number of bars, too. Its tokens determine the sixteenths, so

    nats per token = negative log-probability of all its tokens and of the end / (4 x sixteenths)

is an upper bound on the figure of the protocol: what it pays for keys and bar lines is counted. Nothing is left out,
not even the first chord. `header` is the share of the key, time signature, number of bars and length of the first bar.
The hidden state is carried over from the first token; float32; no transposition.
"""

import argparse
import json
from typing import Any

import numpy as np
from _likelihood import position_log_probabilities

import seqforge
from seqforge.api.model_paths import resolve_model
from seqforge.corpus import find_sources, prepare
from seqforge_midi.voices import HEADER, Voices

PUBLISHED = {"Music Transformer (Huang et al., 2019), valid": 0.335}


def evaluate_split(model: seqforge.Model, split: str) -> dict[str, float]:
    """Return nats per token and per quarter note on a split, and the sizes that they are divided by."""
    codec: Any = model.codec
    encoding: Voices = codec.encoding
    sources = find_sources(["jsb16"], reads=model.plugin.reads, domain="midi")
    dataset = prepare(model.plugin, model.options, sources, codec=model.codec).datasets[split]
    nats, sixteenths, notes = np.zeros(2), 0, 0.0
    for number in range(len(dataset)):
        steps = np.array(dataset.example(number).steps)
        losses = step_losses(model, steps)
        nats += losses.sum(), losses[:HEADER].sum()
        sixteenths += len(encoding.decode_grid(steps.tolist()).pitches)
        notes += float(model.codec.units(steps).sum())
    return {
        "nats per token": nats[0] / (4 * sixteenths),
        "header": nats[1] / (4 * sixteenths),
        "nats per quarter note": nats[0] / (sixteenths / 4),
        "nats per note that starts": nats[0] / notes,
        "sixteenths": sixteenths,
    }


def step_losses(model: seqforge.Model, steps: np.ndarray) -> np.ndarray:
    """Return the negative log-probability of each step and of the end."""
    rows = position_log_probabilities(model, steps)
    end = rows.shape[1] - 1
    targets = np.append(steps.astype(np.int64), end)
    losses: np.ndarray = -rows[np.arange(len(targets)), targets]
    return losses


def main() -> None:
    """Print nats per token on valid and test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="voices", help="a model file, or the name of a shipped model")
    arguments = parser.parse_args()
    model = seqforge.load(resolve_model(arguments.model, plugin="midi").path)
    results = {split: evaluate_split(model, split) for split in ("valid", "test")}
    print(json.dumps(results, indent=1))
    for name, value in PUBLISHED.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
