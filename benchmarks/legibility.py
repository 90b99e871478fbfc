"""Is generated handwriting legible? Sentences that no corpus contains, written by a model and read by tesseract.

    python benchmarks/legibility.py --bias 1.0 --bias 0

Twenty sentences (with capitals, digits and punctuation) are generated at each bias, drawn as SVG, rendered by
rsvg-convert with a height of 100 pixels, and read by `tesseract --psm 7`. Forty held-out lines of real writers are
drawn, rendered and read in the same way. The measure is the character error rate: the edit distance between the text
that was read and the text that was written, divided by the length of the latter; median and mean over the lines. The
report also gives the number of lines that the network ended itself, the number of lines in which it attended to every
character, and the number of different drawings from five seeds of the first sentence.

Requires the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import json
import os
import statistics
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from _edits import edits

import seqforge
from seqforge import Piece
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.corpus import find_corpus
from seqforge_handwriting import Handwriting, HandwritingRequest
from seqforge_handwriting.frame import estimate_frame
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample

SENTENCES = (
    "The river runs past the old mill",
    "Please bring two cups of flour",
    "A small boat left the harbor at dawn",
    "Nobody knew where the cat had gone",
    "Turn left after the second bridge",
    "My sister plays the violin on Sundays",
    "We planted seven apple trees in May",
    "Rain is expected later this evening",
    "Is the library open until 9:30?",
    "He paid $48 for a used bicycle",
    "Chapter 12 begins on page 207.",
    "Keep calm, breathe, and count to ten.",
    "Dear Anna, thank you for the letter!",
    "Flight 365 to Oslo leaves from gate B7",
    "Don't forget the milk; we need it.",
    "Quiet foxes jump over lazy wizards",
    "The meeting starts on October 14, 1998",
    "Every window faced the frozen lake",
    "John, Mary and Kate walked home.",
    "It takes 25 minutes by train, not 40",
)
REAL_LINES = 40
MIN_WEIGHT = 0.1
"""Attention weight from which a character counts as attended to."""
MAX_CHARACTERS, MIN_CHARACTERS = 45, 20
"""Length of the real lines."""


def draw(model: seqforge.Model, ink: Ink, path: Path) -> None:
    """Write ink in x-heights to a file as `seqforge generate` does."""
    piece = model.codec.task(HandwritingRequest()).finish([Piece(ink)])
    Handwriting().write([piece], path)


def recognize(path: Path) -> str:
    """Return the text that tesseract reads in a drawing."""
    png = subprocess.run(["rsvg-convert", "-b", "white", "-h", "100", str(path)], capture_output=True, check=True)
    command = ["tesseract", "stdin", "stdout", "--psm", "7"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # threads are far slower beside other processes
    text = subprocess.run(command, input=png.stdout, capture_output=True, check=True, env=environment)
    return " ".join(text.stdout.decode("utf-8").split())


def error_rates(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Return the median and the mean character error rate of pairs (written text, recognised text)."""
    rates = [edits(recognized, written) / len(written) for written, recognized in pairs]
    return {
        "median_cer": round(statistics.median(rates), 3),
        "mean_cer": round(statistics.mean(rates), 3),
        "lines": len(rates),
    }


def real_lines(model: seqforge.Model, folder: Path) -> list[tuple[str, str]]:
    """Return written and recognised text of held-out lines of real writers."""
    samples: list[Sample] = []
    for path in find_corpus("unipen").paths():
        if path.parent.name != "train":
            lines = [sample for sample in read_ink(path) if isinstance(sample, Sample)]
            samples += [sample for sample in lines if MIN_CHARACTERS <= len(sample.ink.text) <= MAX_CHARACTERS]
    pairs = []
    for number, sample in enumerate(samples[:: max(1, len(samples) // REAL_LINES)][:REAL_LINES]):
        path = folder / f"real-{number:02}.svg"
        draw(model, replace(estimate_frame(sample.ink), slant=0.0).apply(sample.ink), path)
        pairs.append((sample.ink.text, recognize(path)))
    return pairs


def generated_lines(model: seqforge.Model, bias: float, seed: int, folder: Path) -> dict[str, Any]:
    """Generate and recognise all sentences at one bias, and return the report."""
    pairs, ended, attended = [], 0, 0
    for number, text in enumerate(SENTENCES):
        request = GenerationRequest(seed=seed + number, controls={"bias": bias}, request={"text": text})
        (line,) = Generation(model, request).run()
        ended += line.ended
        attended += all(bool((model.attention(example).max(0) > MIN_WEIGHT).all()) for example in line.examples)
        path = folder / f"bias-{bias:g}-{number:02}.svg"
        Handwriting().write([line.piece], path)
        recognized = recognize(path)
        pairs.append((text, recognized))
        print(f"{edits(recognized, text) / len(text):5.2f}  {text}  |  {recognized}", flush=True)
    return {**error_rates(pairs), "ended by the network": ended, "every character attended to": attended}


def main() -> None:
    """Generate and recognise the sentences, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--bias", type=float, action="append", help="a bias; may be repeated; default: 1 and 0")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first sentence")
    parser.add_argument("--folder", type=Path, default=Path("out/legibility"), help="the folder of the drawings")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = seqforge.load(arguments.model)
    corpus_texts = {
        str(json.loads(line)["text"])
        for path in find_corpus("unipen").paths()
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    assert not corpus_texts & set(SENTENCES)
    report: dict[str, Any] = {
        f"bias {bias:g}": generated_lines(model, bias, arguments.seed, arguments.folder)
        for bias in arguments.bias or [1.0, 0.0]
    }
    pieces = model.generate(5, seed=arguments.seed, bias=1.0, text=SENTENCES[0])
    report["different drawings of five seeds"] = len({piece.content.points.tobytes() for piece in pieces})
    report["real lines"] = error_rates(real_lines(model, arguments.folder))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
