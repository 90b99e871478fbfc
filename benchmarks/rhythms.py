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
from classification import HEADING, Discriminator, lines, nats_of, predict, train_peer, with_temperature

import seqforge
from seqforge import Example, Piece
from seqforge.dataset import Dataset
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

    def targets(self) -> np.ndarray:
        """Return the index of the class of each tune that has one."""
        targets: np.ndarray = self.labels[self.labels[:, 0] > 0, 0] - 1
        return targets

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
    valid = Tunes(datasets["valid"], codec, classes)
    print(HEADING)
    (nats, prior), (valid_nats, _) = likelihoods(model, test, classes), likelihoods(model, valid, classes)
    for name, log_prior in (("of the network", -prior), ("uniform", np.zeros(len(classes)))):
        predictions = ((rows - prior, tunes.targets()) for rows, tunes in ((nats, test), (valid_nats, valid)))
        print(
            lines(f"generator, prior {name}", with_temperature("rhythm", values, *predictions, log_prior)), flush=True
        )
    for name in ("last state", "mean output") if seconds else ():
        torch.manual_seed(0)
        peer = Discriminator(len(codec.vocabulary), len(classes), mean=name == "mean output")
        peer = train_peer(peer, Tunes(train, codec, classes, seed=0), valid, seconds, None)
        predictions = (nats_of(predict(peer, tunes)) for tunes in (test, valid))
        print(lines(f"nn.LSTM, {name}", with_temperature("rhythm", values, *predictions)), flush=True)
    counts = Counter(test.targets().tolist())
    print(json.dumps({"pieces": counts.total(), "majority": round(max(counts.values()) / counts.total(), 4)}))


if __name__ == "__main__":
    main()
