"""The rhythm of a tune by the abc plugin, whose models write the rhythm as the first step, beside two nn.LSTM.

    python benchmarks/rhythms.py --steps 300
    python benchmarks/rhythms.py --model abc

The generator is trained on the bundled tunes (cre, oneills1850, ryans, with their splits). A tune of the test split is
scored once per rhythm with at least 50 tunes of the train split, with that rhythm in its header, and Bayes' rule turns
the likelihoods into probabilities. The prior is that of the network, the probability of the first step, or uniform. The
peers read the same steps without the rhythm, and are trained for the processor time of the generator, as in
classification.py. The text version there hides the meter; here all read it. `--model` evaluates a model without
training.
"""

import argparse
import dataclasses
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from classification import Discriminator, line, predict, train_peer

import seqforge
from seqforge import Example, Piece
from seqforge.dataset import Dataset
from seqforge.evaluation import classify, evaluate_classifier
from seqforge_abc.codec import AbcCodec

CORPORA = ("cre", "oneills1850", "ryans")
MIN_TUNES = 50
"""The number of training tunes from which a rhythm is one of the classes."""


class Tunes:
    """Tunes without their rhythm, which is their class, as the peers read them.

    Args:
        dataset: The encoded tunes.
        codec: The codec.
        classes: The steps of the rhythms.
        seed: Seed of the keys to which tunes are transposed; None for their own keys.
    """

    def __init__(self, dataset: Dataset, codec: AbcCodec, classes: list[int], seed: int | None = None) -> None:
        self.dataset, self.codec, self.unknown = dataset, codec, codec.vocabulary.index("R:")
        self.generator = None if seed is None else np.random.default_rng(seed)
        firsts = [int(dataset.steps(number)[0]) for number in range(len(dataset))]
        self.labels = np.array([[classes.index(first) + 1 if first in classes else 0] for first in firsts])
        self.lengths = dataset.lengths

    def example(self, number: int) -> Example:
        """Return a tune with an unknown rhythm."""
        example = self.dataset.example(number)
        if self.generator is not None:
            example = self.codec.augment(example, self.generator)
        steps = example.steps.copy()
        steps[0] = self.unknown
        return dataclasses.replace(example, steps=steps)


def likelihoods(model: seqforge.Model, tunes: Tunes, classes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the joint nats of each tune and rhythm, shape (tunes, rhythms), and the nats of the rhythms alone."""
    rhythms = [tunes.codec.vocabulary[step][2:] for step in classes]
    nats = []
    for number in np.flatnonzero(tunes.labels[:, 0]).tolist():
        tune = tunes.codec.decode(tunes.dataset.example(number)).content
        pieces = [Piece(dataclasses.replace(tune, rhythm=rhythm)) for rhythm in rhythms]
        nats.append([evaluation.nats for evaluation in model.score_many(pieces)])
        if len(nats) == 1:  # the probability of the first step depends on nothing
            prior = np.array([model.surprisal(piece)[0][1] for piece in pieces])
    return np.array(nats), prior


def main() -> None:
    """Train the generator and the peers, and print accuracy, loss and calibration error on the test split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300, help="optimiser steps of the generator")
    parser.add_argument("--model", help="evaluate this model without training, and without peers")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seconds = 0.0
    if arguments.model:
        model = seqforge.load(arguments.model)
    else:
        with tempfile.TemporaryDirectory() as folder:
            seqforge.train("abc", corpus=CORPORA, run=Path(folder) / "prepare", size="small", steps=1, threads=1)
            start = time.process_time()
            model = seqforge.train(
                "abc", corpus=CORPORA, run=Path(folder) / "run", size="small", dropout=0.2, recurrent_dropout=0.1,
                hidden=256, embedding=64, steps=arguments.steps, threads=1,
            )  # fmt: skip
            seconds = time.process_time() - start
    codec = model.codec
    assert isinstance(codec, AbcCodec)
    datasets = model.prepare_split(CORPORA, split="test")[1].datasets
    train = datasets["train"]
    counts = Counter(int(train.steps(number)[0]) for number in range(len(train)))
    classes = sorted(step for step, count in counts.items() if count >= MIN_TUNES and codec.vocabulary[step] != "R:")
    values = [codec.vocabulary[step][2:] for step in classes]
    test = Tunes(datasets["test"], codec, classes)
    print(f"rhythm: {', '.join(values)}; {seconds:.0f} s of processor time each")
    print("\taccuracy, %\tnats per tune\tcalibration error, %")
    nats, prior = likelihoods(model, test, classes)
    targets = test.labels[test.labels[:, 0] > 0, 0] - 1
    flat = np.zeros(len(classes))
    for name, rows in (("of the network", nats), ("uniform", nats - prior)):
        result = evaluate_classifier("rhythm", values, classify(rows, flat), targets)
        print(line(f"generator, prior {name}", result), flush=True)
    for name in ("last state", "mean output") if seconds else ():
        torch.manual_seed(0)
        peer = Discriminator(len(codec.vocabulary), len(classes), mean=name == "mean output")
        valid = Tunes(datasets["valid"], codec, classes)
        peer = train_peer(peer, Tunes(train, codec, classes, seed=0), valid, seconds, None)
        print(line(f"nn.LSTM, {name}", evaluate_classifier("rhythm", values, *predict(peer, test))), flush=True)
    print(json.dumps({"pieces": result.pieces, "majority": round(result.majority_share, 4)}))


if __name__ == "__main__":
    main()
