"""Classification by a generator, beside a discriminative nn.LSTM of the same size and processor time, in one run.

    python benchmarks/classification.py --corpus names --steps 1200
    python benchmarks/classification.py --corpus tunes --steps 1200
    python benchmarks/classification.py --corpus composers --steps 400

names      The language of a surname: 18 languages, 20,050 surnames (the bundled corpus `names`, split by content).
tunes      The rhythm of a tune: the bundled ABC tunes whose rhythm occurs at least 50 times, as text without header
           fields, so that neither the rhythm nor the meter is written there.
composers  The composer of a song: the bundled songs of the composers with at least 20 of them (lieder and openscore),
           the first 32 quarter notes, all of one velocity.

The generator is trained by `seqforge.train` on the plugin of the corpus and classifies by Bayes' rule. The peers read
the same symbols with nn.Embedding and nn.LSTM of the same size, and nn.Linear reads the last state of the one and the
mean output of the other; Adam, dropout 0.3, batches of 64 pieces. A peer is trained for the processor time that the
training of the generator took, on pieces transposed as in that training where the plugin transposes, and the weights
with the lowest loss on the valid split count. All are measured on the test split.
"""

import argparse
import csv
import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _songs import write_songs
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import seqforge
from seqforge import Augments, Example
from seqforge.corpus import find_corpus
from seqforge.dataset import Dataset
from seqforge.evaluation import ClassifierEvaluation, classify, evaluate_classifier, fit_temperature

HIDDEN, EMBEDDING, ROWS = 256, 64, 64
Augment = Callable[[Example], Example]
"""A function that returns a variant of a piece, such as one in another key."""
MIN_TUNES = 50
"""The number of tunes from which a rhythm is one of the classes."""


class Discriminator(nn.Module):
    """The peer: an nn.LSTM whose last state, or whose mean output, predicts the class."""

    def __init__(self, symbols: int, classes: int, mean: bool) -> None:
        super().__init__()
        self.mean = mean
        self.embedding = nn.Embedding(symbols, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.Linear(HIDDEN, classes)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(steps), lengths, batch_first=True, enforce_sorted=False)
        outputs, (last, _) = self.lstm(packed)
        summary = last[-1]
        if self.mean:  # the outputs after the end of a piece are 0
            summary = pad_packed_sequence(outputs, batch_first=True)[0].sum(1) / lengths.unsqueeze(1)
        logits: Tensor = self.output(self.dropout(summary))
        return logits


def write_tunes(path: Path) -> None:
    """Write a table of the bodies of the bundled ABC tunes with their rhythms."""
    tunes = []
    for name in ("cre", "oneills1850", "ryans"):
        for file in find_corpus(name).paths():
            for tune in re.split(r"\n(?=X:)", Path(file).read_text(encoding="utf-8")):
                rhythm = re.search(r"^R:\s*(.+?)\s*$", tune, re.M)
                body = "\n".join(line for line in tune.splitlines() if not re.match(r"[A-Za-z]:|%", line))
                if rhythm and body.strip():
                    tunes.append((body.strip(), rhythm[1].lower()))
    counts = Counter(rhythm for _, rhythm in tunes)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("tune", "rhythm"), *(row for row in tunes if counts[row[1]] >= MIN_TUNES)])


def batch_of(dataset: Dataset, numbers: list[int], augment: Augment | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Return padded steps, lengths and classes of some pieces."""
    examples = [dataset.example(number) for number in numbers]
    examples = examples if augment is None else [augment(example) for example in examples]
    pieces = [torch.from_numpy(np.array(example.steps).astype(np.int64)) for example in examples]
    lengths = torch.tensor([len(piece) for piece in pieces])
    steps = nn.utils.rnn.pad_sequence(pieces, batch_first=True)
    return steps, lengths, torch.from_numpy(dataset.labels[numbers, 0].astype(np.int64)) - 1


def usable(dataset: Dataset) -> list[int]:
    """Return the numbers of the pieces that have a label and a step, in order of length."""
    numbers = np.flatnonzero((dataset.labels[:, 0] > 0) & (dataset.lengths > 0))
    ordered: list[int] = numbers[np.argsort(dataset.lengths[numbers], kind="stable")].tolist()
    return ordered


@torch.no_grad()
def predict(peer: Discriminator, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of the classes of the labelled pieces, and their true classes."""
    peer.eval()
    numbers, results, targets = usable(dataset), [], []
    for first in range(0, len(numbers), 256):
        steps, lengths, classes = batch_of(dataset, numbers[first : first + 256])
        results.append(functional.softmax(peer(steps, lengths).double(), -1).numpy())
        targets.append(classes.numpy())
    peer.train()
    return np.concatenate(results), np.concatenate(targets)


def train_peer(
    peer: Discriminator, train: Dataset, valid: Dataset, seconds: float, augment: Augment | None
) -> Discriminator:
    """Train a peer for some seconds of processor time; it gets the weights with the lowest loss on `valid`."""
    shuffle, numbers = random.Random(0), usable(train)
    optimiser = torch.optim.Adam(peer.parameters(), lr=2e-3)
    best, best_state, start = float("inf"), peer.state_dict(), time.process_time()
    while time.process_time() - start < seconds:
        batches = [numbers[first : first + ROWS] for first in range(0, len(numbers), ROWS)]
        shuffle.shuffle(batches)
        for batch in batches:
            steps, lengths, targets = batch_of(train, batch, augment)
            loss = functional.cross_entropy(peer(steps, lengths), targets)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(peer.parameters(), 1.0)
            optimiser.step()
            if time.process_time() - start >= seconds:
                break
        probabilities, classes_of = predict(peer, valid)
        nats = float(-np.log(probabilities[np.arange(len(classes_of)), classes_of] + 1e-12).mean())
        if nats < best:
            best, best_state = nats, {name: value.clone() for name, value in peer.state_dict().items()}
    peer.load_state_dict(best_state)
    return peer


HEADING = "\ttemperature\taccuracy, %\tnats per piece\tcalibration error, %"


def lines(name: str, results: Mapping[float, ClassifierEvaluation]) -> str:
    """Return one line of the table per temperature."""
    return "\n".join(
        f"{name}\t{temperature:.3g}\t{100 * result.accuracy:.1f}\t{result.nats:.3f}"
        f"\t{100 * result.calibration_error:.1f}"
        for temperature, result in results.items()
    )


def with_temperature(
    label: str,
    values: Sequence[str],
    test: tuple[np.ndarray, np.ndarray],
    valid: tuple[np.ndarray, np.ndarray],
    log_prior: np.ndarray | float = 0.0,
) -> dict[float, ClassifierEvaluation]:
    """Return the evaluation on `test` with a temperature of 1, and with the one that is fitted on `valid`.

    Args:
        label: The name of the label.
        values: Its values.
        test: The nats of each value, shape (pieces, values), and the index of the true value of each piece.
        valid: The same of the valid split.
        log_prior: The logarithm of the prior of each value.
    """
    prior = np.broadcast_to(log_prior, len(values))
    fitted = fit_temperature(valid[0], prior, valid[1])
    return {
        temperature: evaluate_classifier(label, values, classify(test[0], prior, temperature), test[1])
        for temperature in (1.0, fitted)
    }


def nats_of(prediction: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the nats of each value in place of its probability, beside the true values."""
    return -np.log(np.maximum(prediction[0], 1e-300)), prediction[1]


def main() -> None:
    """Train both, and print accuracy, loss and calibration error on the test split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=("names", "tunes", "composers"), default="names")
    parser.add_argument("--steps", type=int, default=1200, help="optimiser steps of the generator")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        plugin, options = "text", {"corpus": "names", "piece": "line"}
        if arguments.corpus == "tunes":
            table = Path(folder) / "tunes.csv"
            write_tunes(table)
            options = {"corpus": str(table), "text_column": "tune", "label_columns": "rhythm"}
        elif arguments.corpus == "composers":
            songs = Path(folder) / "songs"
            songs.mkdir()
            write_songs(songs)
            plugin, options = "midi", {"corpus": str(songs), "split": "0.7,0.1,0.2"}
        seqforge.train(plugin, **options, run=Path(folder) / "prepare", size="small", steps=1, threads=1)
        start = time.process_time()
        model = seqforge.train(
            plugin, **options, run=Path(folder) / "run", size="small", dropout=0.2, recurrent_dropout=0.1,
            hidden=HIDDEN, embedding=EMBEDDING, steps=arguments.steps, threads=1, label_dropout=0.0,
        )  # fmt: skip
        seconds = time.process_time() - start
        (label,) = model.header.labels
        values = model.header.labels[label]
        datasets = {split: model.prepare_split(split=split)[1].datasets[split] for split in ("train", "valid", "test")}
        codec = model.codec
        augment = None
        if isinstance(codec, Augments):
            generator = np.random.default_rng(0)
            augment = partial(codec.augment, rng=generator)
        print(f"{label}: {len(values)} classes, {seconds:.0f} s of processor time each")
        print(HEADING)
        for prior in ("corpus", "uniform"):
            result = model.evaluate_classifier(label, prior=prior, split="test")
            assert result.uncalibrated is not None
            rows = {1.0: result.uncalibrated, result.temperature: result}
            print(lines(f"generator, prior {prior}", rows), flush=True)
        for name in ("last state", "mean output"):
            torch.manual_seed(0)
            peer = Discriminator(model.header.space.size, len(values), mean=name == "mean output")  # type: ignore[union-attr]
            peer = train_peer(peer, datasets["train"], datasets["valid"], seconds, augment)
            predictions = [nats_of(predict(peer, datasets[split])) for split in ("test", "valid")]
            print(lines(f"nn.LSTM, {name}", with_temperature(label, values, *predictions)), flush=True)
        print(json.dumps({"pieces": result.pieces, "majority": round(result.majority_share, 4)}))


if __name__ == "__main__":
    main()
