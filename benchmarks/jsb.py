"""Nats per frame on the JSB chorales: the field's benchmark of polyphonic music.

    python benchmarks/jsb.py --minutes 10            # trains first
    python benchmarks/jsb.py --model chorales        # or measures a model that is there

The protocol. N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (ICML 2012), as S. Bai, J. Z. Kolter and V. Koltun
(arXiv 1803.01271, section 4) took it up: 229 chorales train, 76 validate, 77 test; a frame is a quarter note, a set of
pitches; every frame but the first of each chorale is predicted from all those before it; the figure is the negative
natural logarithm of a frame's probability, summed over all frames and divided by their number. The end of a chorale is
not predicted.

Ours. A frame is written as its pitches from top to bottom and a step that ends it: a set has one such order, so the
product of the steps' probabilities is the probability of the set. `plain` takes them as the network gives them: what it
spends on pitches out of order, and on the end of the chorale, is lost to it. `valid` divides by what the automaton of
the codec allows (lower pitches only, no end), which makes the probabilities of all sets sum to one. State carried from
the first frame, float32, no transposition.

Published on test: LSTM 8.45, TCN 8.10 (both give the 88 keys independently of each other), RNN-NADE 5.56.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import seqforge
from seqforge.api import Model, choose
from seqforge.core.sequences import Prompt
from seqforge.corpus import find_sources, prepare
from seqforge.sampling import Conditions, prompt_batch

SETTINGS = {"dropout": 0.3, "recurrent_dropout": 0.2}
"""Chosen on valid: with 229 pieces, more than the defaults."""
PUBLISHED = {"LSTM": 8.45, "TCN": 8.10, "RNN-NADE": 5.56}


def frames(model: Model, side: str) -> dict[str, float]:
    """Return nats per frame on one side of the split."""
    sources = find_sources(["jsb"], reads=model.plugin.reads, domain="midi")
    found = prepare(model.plugin, model.options, sources, codec=model.codec).datasets[side]
    plain = valid = 0.0
    count = 0
    for number in range(len(found)):
        steps = np.array(found.example(number).steps)
        a, b, frames_here = piece(model, steps)
        plain, valid, count = plain + a, valid + b, count + frames_here
    return {"plain": plain / count, "valid": valid / count, "frames": count}


def piece(model: Model, steps: np.ndarray) -> tuple[float, float, int]:
    """Return the nats of a chorale's frames but the first, plain and among what is allowed, and how many they are."""
    prompt = Prompt(seqforge.Example(steps))
    window = prompt_batch(model.network, prompt, Conditions(model.label_numbers({}), np.zeros(0, np.float32)))
    with torch.no_grad():
        outputs, _ = model.network.eval()(window, model.network.zero_state(1))
    logits = outputs[:-1, 0].double().numpy()  # row t predicts step t; the last predicts the end
    end = logits[:, -1:]
    constraint = model.codec.prompts(model.plugin.Request())[0].constraint
    state, masks = constraint.start(), []
    for step in steps.tolist():
        masks.append(constraint.allowed(state))
        state = constraint.advance(state, step)
    # what a piece of the corpus has must be allowed whatever its range
    allowed = np.stack(masks)
    allowed[np.arange(len(steps)), steps] = True
    chosen = logits[np.arange(len(steps)), steps]
    among = np.where(allowed, logits[:, :-1], -np.inf)
    ended = np.flatnonzero(steps >= 128)
    counted = np.arange(len(steps)) > ended[0]
    every = _logsum(np.concatenate([logits[:, :-1], end], 1))
    return (
        float((every - chosen)[counted].sum()),
        float((_logsum(among) - chosen)[counted].sum()),
        len(ended) - 1,
    )


def _logsum(rows: np.ndarray) -> np.ndarray:
    peak = rows.max(axis=1)
    found: np.ndarray = peak + np.log(np.exp(rows - peak[:, None]).sum(axis=1))
    return found


def main() -> None:
    """Train or load, then print nats per frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", help="a model file, or the name of one that ships")
    parser.add_argument("--run", type=Path, help="the run's folder; default: the next of runs/midi/")
    parser.add_argument("--test", action=argparse.BooleanOptionalAction, default=True, help="--no-test: valid alone")
    asked = parser.parse_args()
    if asked.model:
        model = seqforge.load(choose("midi", asked.model)[0])
    else:
        model = seqforge.train("midi", corpus="jsb", minutes=asked.minutes, run=asked.run, on_event=print, **SETTINGS)
    made = model.header.provenance
    told = {
        "minutes": made.get("minutes"),
        "steps": made.get("steps"),
        "parameters": model.network.parameter_count(),
        "valid_split": frames(model, "valid"),
    }
    if asked.test:
        told["test_split"] = frames(model, "test")
    print(json.dumps(told))
    for side in ("valid_split", "test_split")[: 1 + asked.test]:
        print(f"{side}: {told[side]['plain']:.3f} nats a frame plain, {told[side]['valid']:.3f} among valid frames")
    print("published on test: " + ", ".join(f"{name} {value}" for name, value in PUBLISHED.items()))


if __name__ == "__main__":
    main()
