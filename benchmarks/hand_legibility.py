"""Which hands of a model are legible? Texts written in many hands and read by tesseract; the best ones are stored.

    python benchmarks/hand_legibility.py --store model.safetensors
    python benchmarks/hand_legibility.py --lines more.jsonl --store model.safetensors

A hand is a line of a writer that the network is primed with. The hands are lines of the corpus, and lines of other
writers in the files of `--lines` (JSON lines with a writer, as in the corpus `unipen`). Lines of real writers that
tesseract cannot read are left out. In every other hand, every fifth text of `sentences.txt` is generated, one candidate
of it, drawn, rendered and read as in `legibility.py`. The other texts are written in the most legible of these hands.
The report gives the median and the mean character error rate of the best ones. `--store` writes a copy of the model
with these hands, one per writer: if a request names no style, one of them is drawn. Other benchmarks measure other
texts.

Requires the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import dataclasses
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from _edits import edits
from legibility import draw, recognize
from legibility_kinds import read_sentences

import seqforge
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.corpus import find_corpus
from seqforge.modelfile import write_model
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.frame import normalize
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.line_check import line_frame
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.writer_samples import WriterSamples

SENTENCES = Path(__file__).with_name("sentences.txt")
SHORTEST, LONGEST, PREFERRED = 12, 45, 24
"""Length of a line that may be a hand, and the preferred one, in characters."""
MAX_REAL_RATE = 0.25
"""Largest character error rate of the line of a real writer that may be a hand."""
FIRST_TEXTS = 5
"""The first round has one of so many texts."""
ROUND_FACTOR = 2
"""Number of hands of the second round per hand that is stored."""

Hands = dict[tuple[str, int], Ink]
"""Writer and number of the line to the line in x-heights."""


def corpus_samples(paths: Iterable[Path]) -> Iterator[Sample]:
    """Yield the samples of files that can be read."""
    for path in paths:
        yield from (sample for sample in read_ink(path) if isinstance(sample, Sample))


def find_hands(samples: Iterable[Sample], lines_per_writer: int) -> Hands:
    """Return lines of each writer, those with capitals and digits and of a medium length first."""
    by_writer: dict[str, list[Ink]] = defaultdict(list)
    for sample in samples:
        if SHORTEST <= len(sample.ink.text) <= LONGEST and sample.labels.get("writer"):
            by_writer[sample.labels["writer"]].append(sample.ink)
    hands: Hands = {}
    for writer, inks in sorted(by_writer.items()):
        inks.sort(key=lambda ink: (not _has_variety(ink.text), abs(len(ink.text) - PREFERRED)))
        for number, ink in enumerate(inks[:lines_per_writer]):
            try:
                line_frame(ink)
            except ValueError:
                continue
            hands[writer, number] = normalize(ink)[0]
    return hands


def is_legible(ink: Ink, model: seqforge.Model, folder: Path) -> bool:
    """Return whether tesseract reads most of a real line."""
    path = folder / "real.svg"
    draw(model, ink, path)
    return edits(recognize(path), ink.text) / len(ink.text) <= MAX_REAL_RATE


def _has_variety(text: str) -> bool:
    return sum(character.isupper() or character.isdigit() for character in text) >= 2


def error_rates(
    model: seqforge.Model, hand: tuple[str, int], texts: list[str], *, seed: int, bias: float, folder: Path
) -> list[float]:
    """Return the character error rate of each text in a hand of the model."""
    name = hand_name(hand)
    request = {"text": "\n".join(texts), "style": name}
    generation = Generation(model, GenerationRequest(seed=seed, candidates=1, controls={"bias": bias}, request=request))
    (generated,) = generation.run()
    rates = []
    for number, (text, example, prompt) in enumerate(
        zip(texts, generated.examples, generation.prompts, strict=True)
    ):  # fmt: skip
        written = dataclasses.replace(example, steps=example.steps[len(prompt.example.steps) :])
        path = folder / f"{name}-{number:02}.svg"
        draw(model, model.codec.decode(written).content, path)
        rates.append(edits(recognize(path), text) / len(text))
    return rates


def hand_name(hand: tuple[str, int]) -> str:
    """Return the style that names a hand."""
    return f"{hand[0]}.{hand[1]}"


def store(model: seqforge.Model, codec: InkCodec, hands: Hands, path: Path) -> None:
    """Write a copy of a model that draws one of these hands."""
    lines = {**codec.writers.lines, **{writer: ink for (writer, _), ink in hands.items()}}
    legible = sorted(writer for writer, _ in hands)
    changed = InkCodec(codec.options, codec.counts, codec.scale, WriterSamples(lines), legible=legible)
    data, arrays = changed.state()
    header = dataclasses.replace(model.header, codec={"version": codec.version, "data": data}, arrays=arrays)
    write_model(path, header, model.arrays(), precision="bfloat16")


def main() -> None:
    """Write and recognise the texts in all hands, print the report, and store the most legible hands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--lines", type=Path, action="append", default=[], help="a file of lines of other writers")
    parser.add_argument("--lines-per-writer", type=int, default=2, help="number of lines of each writer that are tried")
    parser.add_argument("--most", type=int, default=12, help="number of hands that are stored")
    parser.add_argument("--bias", type=float, default=1.0, help="the bias of the texts")
    parser.add_argument("--seed", type=int, default=3, help="the seed of the texts")
    parser.add_argument("--folder", type=Path, default=Path("out/hands"), help="the folder of the drawings")
    parser.add_argument("--store", type=Path, help="write a copy of the model that draws legible hands to this file")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = seqforge.load(arguments.model)
    codec = model.codec
    assert isinstance(codec, InkCodec)
    paths = [path for path in find_corpus("unipen").paths() if path.parent.name == "train"] + arguments.lines
    hands = find_hands(corpus_samples(paths), arguments.lines_per_writer)
    hands = {hand: ink for hand, ink in hands.items() if is_legible(ink, model, arguments.folder)}
    print(f"{len(hands)} hands", flush=True)
    stored = dict(codec.writers.lines)
    codec.writers.lines.update({hand_name(hand): ink for hand, ink in hands.items()})
    texts = [text for _, text in read_sentences(SENTENCES)]
    first, rest = texts[::FIRST_TEXTS], [text for number, text in enumerate(texts) if number % FIRST_TEXTS]
    rates: dict[tuple[str, int], list[float]] = {}

    def measure(hand: tuple[str, int], texts: list[str]) -> None:
        rates[hand] = rates.get(hand, []) + error_rates(
            model, hand, texts, seed=arguments.seed, bias=arguments.bias, folder=arguments.folder
        )
        mean, median = statistics.mean(rates[hand]), statistics.median(rates[hand])
        print(f"{hand_name(hand)} {len(rates[hand])} texts, median {median:.3f}, mean {mean:.3f}", flush=True)

    for hand in hands:
        measure(hand, first)
    best = best_lines(rates, ROUND_FACTOR * arguments.most)
    for hand in best:
        measure(hand, rest)
    chosen = best_lines({hand: rates[hand] for hand in best}, arguments.most)
    report = {
        hand_name(hand): {
            "median_cer": round(statistics.median(rates[hand]), 3), "mean_cer": round(statistics.mean(rates[hand]), 3),
            "text": hands[hand].text,
        }
        for hand in chosen
    }  # fmt: skip
    print(json.dumps(report, indent=2))
    if arguments.store:
        codec.writers.lines = stored
        store(model, codec, {hand: hands[hand] for hand in chosen}, arguments.store)


def best_lines(rates: dict[tuple[str, int], list[float]], count: int) -> list[tuple[str, int]]:
    """Return the hands with the smallest mean character error rates, one of each writer."""
    ordered = sorted(rates, key=lambda hand: (statistics.mean(rates[hand]), hand))
    one_each: dict[str, tuple[str, int]] = {}
    for hand in ordered:
        one_each.setdefault(hand[0], hand)
    return list(one_each.values())[:count]


if __name__ == "__main__":
    main()
