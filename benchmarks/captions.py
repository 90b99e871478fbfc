"""From pictures of handwritten words to text and to pen strokes: character error rates on unseen writers.

    OMP_NUM_THREADS=1 python benchmarks/captions.py --minutes 15 --encoder-minutes 5

builds the corpora of `examples/captions` (28 x 28 pixels, words of at most six letters) and trains

- text from pixels: the text plugin on the pixels as features,
- text from the encoder: the text plugin on the outputs of a small convolutional encoder,
- strokes from pixels: the handwriting plugin on the pixels as features.

The character error rate of the text is the edit distance per letter on the test split, whose writers and texts are not
in train. The peers in the same run are the encoder alone (best path) and the most frequent word of train. The strokes
are drawn and read by tesseract (`--psm 8`), and so are the real strokes of the same words.

Requires the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from _edits import edits

import seqforge
from seqforge import Piece
from seqforge_handwriting import Handwriting
from seqforge_handwriting.ink import Ink

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "captions"))

from encoder import best_path, probabilities, train_encoder
from pictures import SPLITS, ink, words, write_corpora

NETWORK = {"layers": 1, "hidden": 256, "embedding": 32, "recurrent_dropout": 0.0, "dropout": 0.2}
STROKES = {"layers": 2, "hidden": 256, "embedding": 32, "bptt": 48, "recurrent_dropout": 0.0, "dropout": 0.1}
DRAWN = 100
"""Number of words whose strokes are drawn and read."""


def error_rate(texts: list[str], references: list[str]) -> float:
    """Return the edit distance per letter of the references."""
    total = sum(edits(text, reference) for text, reference in zip(texts, references, strict=True))
    return round(total / sum(map(len, references)), 4)


def texts_of(folder: Path, split: str) -> list[str]:
    """Return the texts of a split."""
    with (folder / split / "words.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def train_text(folder: Path, arguments: argparse.Namespace) -> seqforge.Model:
    """Return a generator of texts for the features of a corpus."""
    run = folder.parent / f"run-{folder.name}"
    if (run / "model.safetensors").exists():
        return seqforge.load(run)
    return seqforge.train(
        "text", corpus=str(folder), text_column="text", run=run, minutes=arguments.minutes, threads=1, workers=1,
        features_at="both", **NETWORK,
    )  # fmt: skip


def captions(model: seqforge.Model, features: np.ndarray) -> list[str]:
    """Return the most probable text for each row of features."""
    pieces = [model.generate(features=row.astype(np.float32), beams=4, length=12)[0] for row in features]
    return [str(piece.content).strip() for piece in pieces]


def recognize(drawing: Ink, path: Path) -> str:
    """Return the word that tesseract reads in a drawing."""
    Handwriting().write([Piece(drawing)], path)
    png = subprocess.run(["rsvg-convert", "-b", "white", "-h", "100", str(path)], capture_output=True, check=True)
    command = ["tesseract", "stdin", "stdout", "--psm", "8"]
    text = subprocess.run(command, input=png.stdout, capture_output=True, check=True)
    return "".join(text.stdout.decode("utf-8").split())


def measure_text(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the character error rates of texts."""
    pixels = {split: np.load(folder / "text" / split / "words.features.npy") for split in SPLITS}
    texts = {split: texts_of(folder / "text", split) for split in SPLITS}
    references = texts["test"]
    frequent = Counter(texts["train"]).most_common(1)[0][0]
    report: dict[str, Any] = {"words": len(references), "most frequent word": frequent}
    report["CER, most frequent word"] = error_rate([frequent] * len(references), references)
    encoder = train_encoder(pixels["train"], texts["train"], minutes=arguments.encoder_minutes)
    encoded = folder / "encoded"
    for split in SPLITS:
        (encoded / split).mkdir(parents=True, exist_ok=True)
        (encoded / split / "words.csv").write_bytes((folder / "text" / split / "words.csv").read_bytes())
        np.save(encoded / split / "words.features.npy", probabilities(encoder, pixels[split]))
    features = np.load(encoded / "test" / "words.features.npy")
    report["CER, encoder alone"] = error_rate(best_path(features), references)
    print(json.dumps(report), flush=True)
    report["CER, text from the encoder"] = error_rate(captions(train_text(encoded, arguments), features), references)
    print(json.dumps(report), flush=True)
    model = train_text(folder / "text", arguments)
    report["CER, text from pixels"] = error_rate(captions(model, pixels["test"]), references)
    print(json.dumps(report), flush=True)
    return report


def measure_strokes(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the character error rates of drawn strokes, read by tesseract."""
    run = folder / "run-strokes"
    if (run / "model.safetensors").exists():
        model = seqforge.load(run)
    else:
        model = seqforge.train(
            "handwriting", corpus=str(folder / "strokes"), run=run, encoding="sketch", simplify=0.02,
            minutes=arguments.minutes, threads=1, workers=1, features_at="both", **STROKES,
        )  # fmt: skip
    test = list(words("test"))
    chosen = np.linspace(0, len(test) - 1, min(DRAWN, len(test))).astype(int).tolist()
    features = np.load(folder / "strokes" / "test" / "words.features.npy")[chosen].astype(np.float32)
    pieces = model.generate(len(chosen), features=features, bias=2.0, max_steps=150)
    drawings = folder / "drawings"
    drawings.mkdir(exist_ok=True)
    references = [test[number].text for number in chosen]
    generated = [recognize(piece.content, drawings / f"{n:03}.svg") for n, piece in enumerate(pieces)]
    real = [recognize(ink(test[number]), drawings / f"{n:03}-real.svg") for n, number in enumerate(chosen)]
    return {
        "drawn words": len(chosen),
        "CER by OCR, generated strokes": error_rate(generated, references),
        "CER by OCR, real strokes": error_rate(real, references),
    }


def main() -> None:
    """Train and measure, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15, help="training time of each generator")
    parser.add_argument("--encoder-minutes", type=float, default=5, help="training time of the encoder")
    parser.add_argument("--variants", type=int, default=6, help="pictures per word of train")
    parser.add_argument("--only", choices=("text", "strokes"), help="measure one of the two")
    parser.add_argument("--folder", type=Path, default=Path("out/captions"), help="the folder of corpora and runs")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    report: dict[str, Any] = {"minutes": arguments.minutes}
    if not (folder / "strokes" / "valid" / "words.jsonl").exists():
        report["pictures"] = write_corpora(folder, variants=arguments.variants)
    if arguments.only != "strokes":
        report |= measure_text(folder, arguments)
    if arguments.only != "text":
        report |= measure_strokes(folder, arguments)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
