"""Measure phoneme and word error rates of pronunciation on CMUdict, relative to an encoder-decoder without attention.

    pip install examples/phonemes
    python benchmarks/phonemes.py --minutes 10

Both models are trained on the 113,484 words of the train split for the same time, one after the other, with the same
number of threads, and evaluated on the same words of the validation split, drawn once; `--split test --words 0`
evaluates on all words of the test split. The baseline is a sequence-to-sequence model in plain PyTorch (I. Sutskever,
O. Vinyals and Q. Le, "Sequence to Sequence Learning with Neural Networks", arXiv 1409.3215): an nn.LSTM reads the
letters in reverse order, a second one of the same size predicts the phonemes from its final state; Adam, float32,
batches of words of similar length, and the same number of parameters.

phonemes  Phoneme error rate: edit distance (insertions, deletions, substitutions) divided by the phonemes of the
          reference. For a word with several pronunciations, the one with the smallest distance is the reference.
words     Word error rate: the share of words that equal none of their references.

Both are reported without stress, as in the literature on CMUdict, and with stress (AH0 and AH1 are two phonemes).
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from _edits import edits
from _seq2seq import Seq2Seq, build_baseline, train_baseline

import seqforge
from seqforge.corpus import find_corpus
from seqforge.plugin import registry

Entries = Mapping[str, Sequence[tuple[str, ...]]]
"""Words and their pronunciations."""
Pronounce = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""A function from words to their phonemes."""
WORDS_PER_CALL = 250


def read_entries(split: str) -> dict[str, list[tuple[str, ...]]]:
    """Return the words of a split of CMUdict with their pronunciations."""
    plugin, entries = registry.load("phonemes"), dict[str, list[tuple[str, ...]]]()
    for path in find_corpus("cmudict").paths():
        if path.parent.name == split:
            for piece in plugin.read(path, plugin.Options()):
                assert isinstance(piece, seqforge.Piece)
                (entry,) = piece.content
                entries.setdefault(entry.word, []).append(entry.phonemes)
    return entries


def error_rates(results: Mapping[str, Sequence[str]], references: Entries, *, stress: bool) -> dict[str, float]:
    """Return the phoneme and word error rates in percent."""

    def normalise(phonemes: Sequence[str]) -> list[str]:
        return [phoneme if stress else phoneme.rstrip("012") for phoneme in phonemes]

    errors = length = word_errors = 0
    for word, phonemes in results.items():
        distances = [
            (edits(normalise(phonemes), normalise(reference)), len(reference)) for reference in references[word]
        ]
        distance, reference_length = min(distances)
        errors, length, word_errors = errors + distance, length + reference_length, word_errors + (distance > 0)
    return {
        "phonemes_percent": round(100 * errors / length, 2),
        "words_percent": round(100 * word_errors / len(results), 2),
    }


def evaluate(name: str, pronounce: Pronounce, references: Entries) -> dict[str, Any]:
    """Return name, error rates and run time of a model, and print them."""
    start, results = time.perf_counter(), dict[str, Sequence[str]]()
    words = list(references)
    for first in range(0, len(words), WORDS_PER_CALL):
        results |= pronounce(words[first : first + WORDS_PER_CALL])
    seconds = time.perf_counter() - start
    rates = {kind: error_rates(results, references, stress=kind == "stress") for kind in ("plain", "stress")}
    plain, stress = (
        f"{rates[kind]['phonemes_percent']:5.2f} % of phonemes, {rates[kind]['words_percent']:5.2f} % of words"
        for kind in ("plain", "stress")
    )
    print(f"{name:<28} without stress: {plain}; with stress: {stress}; {seconds:.0f} s", flush=True)
    return {"name": name, "seconds": round(seconds, 1), **rates}


def with_seqforge(model: seqforge.Model, **options: Any) -> Pronounce:
    """Return a function that pronounces words with a model of seqforge."""

    def pronounce(words: Sequence[str]) -> dict[str, Sequence[str]]:
        (piece,) = model.generate(1, words=" ".join(words), **options)
        return {entry.word: entry.phonemes for entry in piece.content}

    return pronounce


def with_baseline(baseline: Seq2Seq, beams: int) -> Pronounce:
    """Return a function that pronounces words with the baseline."""
    return lambda words: dict(zip(words, baseline.pronounce(words, beams), strict=True))


def train_model(arguments: argparse.Namespace, *, seed: int, run: Path | None = None) -> seqforge.Model:
    """Return a model of seqforge that was trained on CMUdict."""
    names = ("encoder_units", "attention")
    chosen = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    return seqforge.train(
        "phonemes", corpus="cmudict", minutes=arguments.minutes, seed=seed, run=None if run is None else str(run),
        threads=torch.get_num_threads(), **chosen,
    )  # fmt: skip


def main() -> None:
    """Train both models, and print their error rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="training time of each model")
    parser.add_argument("--split", choices=["valid", "test"], default="valid", help="the split of the words")
    parser.add_argument("--words", type=int, default=2000, help="number of words of the split; 0 for all")
    parser.add_argument("--model", help="a model file of seqforge, which is evaluated without training")
    parser.add_argument("--run", type=Path, help="the run folder; default: the next one in runs/phonemes/")
    parser.add_argument(
        "--encoder-units", type=int, help="as for `seqforge train`; 0 attends to the letters themselves"
    )
    parser.add_argument("--attention", choices=["monotonic", "content", "none"], help="as for `seqforge train`")
    parser.add_argument("--members", type=int, default=1, help="number of models with different seeds to average, too")
    parser.add_argument("--no-baseline", action="store_true", help="do not train the baseline")
    arguments = parser.parse_args()
    entries = read_entries(arguments.split)
    number = min(arguments.words or len(entries), len(entries))
    words = sorted(random.Random(0).sample(sorted(entries), number))
    references = {word: entries[word] for word in words}
    path = arguments.model
    model = seqforge.load(path) if path else train_model(arguments, seed=0, run=arguments.run)
    provenance, parameters = model.header.provenance, model.network.parameter_count()
    summary = {name: provenance.get(name) for name in ("minutes", "steps", "valid_nats_per_unit")}
    print(json.dumps({**summary, "parameters": parameters, "words": len(references)}))
    reports = [evaluate("seqforge, greedy", with_seqforge(model, greedy=True), references)]
    reports.append(evaluate("seqforge, beam 4", with_seqforge(model, beams=4), references))
    if arguments.members > 1:
        model.ensemble_with([train_model(arguments, seed=seed) for seed in range(1, arguments.members)])
        name = f"{arguments.members} models averaged"
        reports.append(evaluate(f"{name}, greedy", with_seqforge(model, greedy=True), references))
        reports.append(evaluate(f"{name}, beam 4", with_seqforge(model, beams=4), references))
    if not arguments.no_baseline:
        train = read_entries("train")
        baseline = build_baseline(parameters, train)
        steps = train_baseline(baseline, train, arguments.minutes)
        size = sum(parameter.numel() for parameter in baseline.parameters())
        print(json.dumps({"baseline": "encoder-decoder", "steps": steps, "parameters": size}))
        for search, beams in (("greedy", 1), ("beam 4", 4)):
            reports.append(evaluate(f"encoder-decoder, {search}", with_baseline(baseline, beams), references))
        rates = [report["plain"]["phonemes_percent"] for report in (*reports[:2], *reports[-2:])]
        print(
            "phoneme error rate, seqforge divided by baseline:"
            f" {rates[0] / rates[2]:.2f} greedy, {rates[1] / rates[3]:.2f} beam 4"
        )
    print(json.dumps(reports))


if __name__ == "__main__":
    main()
