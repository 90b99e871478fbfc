"""Nats per bar of held-out pieces, by whether a bar is new or repeats an earlier one of its piece.

    python benchmarks/midi_repeats.py --model songs --corpus lieder
    python benchmarks/midi_repeats.py --model voices --corpus jsb16

A bar repeats an earlier one of its piece if the steps that `Places` compares are the same: in the score encoding all
but velocities, programs, tempos, microtimings and controllers. The first bar of a repeat has a new bar, or another
distance, before it; the other bars of a repeat continue at the same distance. For each group of bars and each kind of
token the table has the number of tokens, the nats per token, and the nats per bar. The end of a piece is not counted.
"""

import argparse
import json
from collections import defaultdict
from typing import Any

import numpy as np
from _likelihood import position_log_probabilities

import seqforge
from seqforge.api.model_paths import resolve_model
from seqforge.corpus import find_sources, prepare


def repeated_bars(classes: np.ndarray, bars: np.ndarray) -> list[str]:
    """Return the group of each bar: `new`, `first of a repeat`, or `in a repeat`.

    Args:
        classes: The class of each step, -1 for steps that are not compared.
        bars: The bar of each step.
    """
    contents = [classes[(bars == bar) & (classes >= 0)].tobytes() for bar in range(int(bars.max(initial=0)) + 1)]
    groups, distance = [], 0
    for number, content in enumerate(contents):
        continues = 0 < distance <= number and contents[number - distance] == content
        if continues:
            groups.append("in a repeat")
        elif content in contents[:number]:
            groups.append("first of a repeat")
            distance = number - max(at for at in range(number) if contents[at] == content)
        else:
            groups.append("new")
            distance = 0
    return groups


def step_losses(model: seqforge.Model, steps: np.ndarray, labels: dict[str, str]) -> np.ndarray:
    """Return the negative log-probability of each step."""
    rows = position_log_probabilities(model, steps, labels)
    losses: np.ndarray = -rows[np.arange(len(steps)), steps.astype(np.int64)]
    return losses


def measure(model: seqforge.Model, corpus: str, split: str, *, labels: bool) -> dict[str, Any]:
    """Return nats per note of the split; and by group of bars the number of bars, and tokens and nats by kind of token.

    Args:
        model: The model.
        corpus: The name of a corpus or a folder.
        split: The split.
        labels: Whether the model reads the labels of each piece; they are hidden otherwise.
    """
    codec: Any = model.codec
    places, kinds = codec.places(), np.array(codec.encoding.vocabulary.kinds)
    sources = find_sources([corpus], reads=model.plugin.reads, domain="midi")
    dataset = prepare(model.plugin, model.options, sources, codec=model.codec).datasets[split]
    bars: defaultdict[str, int] = defaultdict(int)
    sums: defaultdict[str, defaultdict[str, np.ndarray]] = defaultdict(lambda: defaultdict(lambda: np.zeros(2)))
    total = np.zeros(2)
    for number in range(len(dataset)):
        example = dataset.example(number)
        steps = np.array(example.steps)
        losses = step_losses(model, steps, dict(example.labels) if labels else {})
        total += losses.sum(), float(codec.units(steps).sum())
        classes = steps.astype(np.int64) if places.classes is None else places.classes[steps]
        bar_of = np.maximum(places.places(steps)[:-1, 0], 0)  # a bar line belongs to the bar that it ends
        groups = repeated_bars(classes, bar_of)
        for bar, group in enumerate(groups):
            bars[group] += 1
            for kind in [*np.unique(kinds[steps[bar_of == bar]]).tolist(), "all"]:
                selected = losses[(bar_of == bar) & ((kinds[steps] == kind) | (kind == "all"))]
                sums[group][kind] += len(selected), selected.sum()
    groups_of_bars = {
        group: {
            "bars": count,
            **{
                kind: {
                    "tokens": int(tokens),
                    "nats per token": round(nats / tokens, 3),
                    "nats per bar": round(nats / count, 2),
                }
                for kind, (tokens, nats) in sorted(sums[group].items())
            },
        }
        for group, count in bars.items()
    }
    return {"nats per note": round(total[0] / total[1], 4), "bars": groups_of_bars}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="songs", help="a model file, or the name of a shipped model")
    parser.add_argument("--corpus", default="lieder")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--labels", action="store_true", help="let the model read the labels of each piece")
    arguments = parser.parse_args()
    model = seqforge.load(resolve_model(arguments.model, plugin="midi").path)
    print(json.dumps(measure(model, arguments.corpus, arguments.split, labels=arguments.labels), indent=1))


if __name__ == "__main__":
    main()
