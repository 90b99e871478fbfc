"""Can handwriting be read? Sentences that no corpus has, written by a model and read by tesseract.

    python benchmarks/legibility.py --bias 1.0 --bias 0

Twenty sentences (capitals, digits and punctuation among them) are written at each bias, drawn as SVG, rendered by
rsvg-convert 100 pixels high, and read by `tesseract --psm 7`; forty held-out lines of real writers are drawn, rendered
and read in the same way. The figure is the character error rate: the edits that turn what was read into what was
written, over the characters written, the median and the mean over the lines. Also told: how many lines ended by
themselves, in how many every character was attended to, and how many seeds of the first sentence gave drawings that
differ.

Needs the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import json
import statistics
import subprocess
from dataclasses import replace
from pathlib import Path

from _edits import edits

import seqforge
from seqforge import Piece
from seqforge.corpus import find_corpus
from seqforge_handwriting import Handwriting
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.options import Request
from seqforge_handwriting.reading import Sample, read_ink
from seqforge_handwriting.shape import frame_of

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
REAL = 40
LOOKED = 0.1
"""Weight in the window from which on a character counts as attended to."""
LONGEST, SHORTEST = 45, 20
"""Characters of a real line that is read."""


def drawn(model: seqforge.Model, ink: Ink, path: Path) -> Path:
    """Distribution writing in x-heights as `seqforge generate` does, and return where."""
    piece = model.codec.finish([Piece(ink)], Request())
    Handwriting().write([piece], path)
    return path


def reading(path: Path) -> str:
    """Return what tesseract reads in a drawing."""
    png = subprocess.run(["rsvg-convert", "-b", "white", "-h", "100", str(path)], capture_output=True, check=True)
    words = ["tesseract", "stdin", "stdout", "--psm", "7"]
    found = subprocess.run(words, input=png.stdout, capture_output=True, check=True)
    return " ".join(found.stdout.decode("utf-8").split())


def rates(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Return the median and mean character error rate of (written, read)."""
    found = [edits(read, written) / len(written) for written, read in pairs]
    return {
        "median_cer": round(statistics.median(found), 3),
        "mean_cer": round(statistics.mean(found), 3),
        "lines": len(found),
    }


def real_lines(model: seqforge.Model, folder: Path) -> list[tuple[str, str]]:
    """Return what held-out people wrote, and what is read."""
    found = []
    for path in find_corpus("unipen").paths():
        if path.parent.name == "train":
            continue
        samples = [sample for sample in read_ink(path) if isinstance(sample, Sample)]
        found += [sample for sample in samples if SHORTEST <= len(sample.ink.text) <= LONGEST]
    chosen = found[:: max(1, len(found) // REAL)][:REAL]
    pairs = []
    for number, sample in enumerate(chosen):
        upright = replace(frame_of(sample.ink), slant=0.0).apply(sample.ink)
        path = drawn(model, upright, folder / f"real-{number:02}.svg")
        pairs.append((sample.ink.text, reading(path)))
    return pairs


def main() -> None:
    """Write, read, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting")
    parser.add_argument("--bias", type=float, action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("out/legibility"), help="where the drawings go")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    model = seqforge.load(asked.model)
    known = {
        str(json.loads(line)["text"])
        for path in find_corpus("unipen").paths()
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    assert not known & set(SENTENCES)
    told: dict[str, object] = {}
    for bias in asked.bias or [1.0, 0.0]:
        pairs, ended, attended = [], 0, 0
        for number, text in enumerate(SENTENCES):
            controls, request = model.controls({"bias": bias, "text": text})
            (made,) = model.stream(
                1, seed=asked.seed + number, length=None, where=None, controls=controls, request=request
            )
            ended += made.ended
            attended += all(bool((model.attention(each).max(0) > LOOKED).all()) for each in made.examples)
            path = asked.folder / f"bias-{bias:g}-{number:02}.svg"
            Handwriting().write([made.piece], path)
            pairs.append((text, reading(path)))
            print(f"{edits(pairs[-1][1], text) / len(text):5.2f}  {text}  |  {pairs[-1][1]}", flush=True)
        told[f"bias {bias:g}"] = {**rates(pairs), "ended by themselves": ended, "every character attended": attended}
    five = model.generate(5, seed=asked.seed, bias=1.0, text=SENTENCES[0])
    told["drawings of five seeds that differ"] = len({piece.content.points.tobytes() for piece in five})
    told["real lines"] = rates(real_lines(model, asked.folder))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
