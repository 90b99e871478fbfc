"""Nats per frame on the JSB chorales, the usual benchmark of polyphonic music.

    python benchmarks/jsb.py --minutes 10            # train first
    python benchmarks/jsb.py --model chorales        # or evaluate an existing model

The protocol is that of N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (ICML 2012), as in S. Bai, J. Z. Kolter and
V. Koltun (arXiv 1803.01271, section 4): 229 chorales in the train split, 76 in valid, 77 in test. A frame is a quarter
note, a set of pitches. Every frame but the first of a chorale is predicted from all frames before it. The figure is the
negative natural logarithm of the probability of a frame, summed over all frames and divided by their number. The end of
a chorale is not predicted.

seqforge writes a frame as its pitches from the highest to the lowest, then a step that ends the frame. A set has one
such order, so the product of the probabilities of these steps is the probability of the set. `plain` uses the
probabilities of the network: probability on pitches in another order and on the end of the chorale is lost. `valid`
normalises them over the steps that the constraint of the codec allows (lower pitches, no end), so that the
probabilities of all sets sum to one. The hidden state is carried over from the first frame; float32; no transposition.

Published on test: LSTM 8.45, TCN 8.10 (both predict the 88 keys independently of each other), RNN-NADE 5.56.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from _likelihood import position_log_probabilities

import seqforge
from seqforge.api.model_paths import resolve_model
from seqforge.corpus import find_sources, prepare

OPTIONS = {"dropout": 0.3, "recurrent_dropout": 0.2}
"""Chosen on the valid split: more dropout than the defaults, because there are only 229 pieces."""
FRAME_END = 128
"""The first step that is not a pitch."""
PUBLISHED = {"LSTM": 8.45, "TCN": 8.10, "RNN-NADE": 5.56}


def evaluate_split(model: seqforge.Model, split: str) -> dict[str, float]:
    """Return nats per frame on a split."""
    sources = find_sources(["jsb"], reads=model.plugin.reads, domain="midi")
    dataset = prepare(model.plugin, model.options, sources, codec=model.codec).datasets[split]
    plain = valid = 0.0
    frames = 0
    for number in range(len(dataset)):
        piece_plain, piece_valid, piece_frames = evaluate_piece(model, np.array(dataset.example(number).steps))
        plain, valid, frames = plain + piece_plain, valid + piece_valid, frames + piece_frames
    return {"plain": plain / frames, "valid": valid / frames, "frames": frames}


def evaluate_piece(model: seqforge.Model, steps: np.ndarray) -> tuple[float, float, int]:
    """Return plain nats, nats among the allowed steps, and the number of frames but the first."""
    logits = position_log_probabilities(model, steps)[:-1]  # position t predicts step t; the last one predicts the end
    constraint: Any = model.codec.task(model.plugin.Request()).prompts[0].constraint
    state, masks = constraint.start(), []
    for step in steps.tolist():
        masks.append(constraint.allowed(state))
        state = constraint.advance(state, step)
    allowed = np.stack(masks)
    allowed[np.arange(len(steps)), steps] = True  # steps of the corpus are allowed even outside the range of the model
    logit = logits[np.arange(len(steps)), steps]
    frame_ends = np.flatnonzero(steps >= FRAME_END)
    counted = np.arange(len(steps)) > frame_ends[0]
    plain = log_sum_exp(logits) - logit
    valid = log_sum_exp(np.where(allowed, logits[:, :-1], -np.inf)) - logit
    return float(plain[counted].sum()), float(valid[counted].sum()), len(frame_ends) - 1


def log_sum_exp(rows: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of exponentials of each row."""
    peak = rows.max(axis=1)
    result: np.ndarray = peak + np.log(np.exp(rows - peak[:, None]).sum(axis=1))
    return result


def main() -> None:
    """Train or load a model, then print nats per frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", help="a model file, or the name of a shipped model; its encoding must be `chorale`")
    parser.add_argument("--run", type=Path, help="folder of the run; default: the next of runs/midi/")
    parser.add_argument("--test", action=argparse.BooleanOptionalAction, default=True, help="evaluate on test too")
    arguments = parser.parse_args()
    if arguments.model:
        model = seqforge.load(resolve_model(arguments.model, plugin="midi").path)
    else:
        model = seqforge.train(
            "midi", corpus="jsb", minutes=arguments.minutes, run=arguments.run, on_event=print, **OPTIONS
        )
    options: Any = model.options
    if options.encoding != "chorale":
        parser.error(f"the encoding of {arguments.model} is {options.encoding}; the protocol needs `chorale`")
    splits = ("valid", "test") if arguments.test else ("valid",)
    losses = {split: evaluate_split(model, split) for split in splits}
    provenance = model.header.provenance
    results = {
        "minutes": provenance.get("minutes"),
        "steps": provenance.get("steps"),
        "parameters": model.network.parameter_count(),
        **{f"{split}_split": values for split, values in losses.items()},
    }
    print(json.dumps(results))
    for split, values in losses.items():
        print(f"{split}: {values['plain']:.3f} nats per frame plain, {values['valid']:.3f} among valid frames")
    print("published on test: " + ", ".join(f"{name} {value}" for name, value in PUBLISHED.items()))


if __name__ == "__main__":
    main()
