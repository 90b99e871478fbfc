"""Which hands of a model are legible? Three lines in every hand, read by tesseract.

    python benchmarks/hand_legibility.py --store model.safetensors

Three lines, one candidate of each, are generated in the hand of every writer that the model can imitate, and drawn,
rendered and read as in `legibility.py`. The report gives the mean character error rate of each hand, and its median
over the more legible half of the hands and over all. `--store` writes a copy of the model that names the more legible
half: if a request names no style, one of them is drawn. The other benchmarks measure other texts.

Requires the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import dataclasses
import json
import statistics
from pathlib import Path

from _edits import edits
from legibility import draw, recognize

import seqforge
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.modelfile import write_model
from seqforge_handwriting.codec import InkCodec

LINES = (
    "Dear Anna, thank you for the 24 letters",
    "We walked along the river every morning",
    "JUMP QUICK 83 foxes and Mr. Blake 1957",
)


def error_rate(model: seqforge.Model, writer: str, seed: int, bias: float, folder: Path) -> float:
    """Return the mean character error rate of the lines in the hand of a writer."""
    request = {"text": "\n".join(LINES), "style": writer}
    generation = Generation(model, GenerationRequest(seed=seed, candidates=1, controls={"bias": bias}, request=request))
    (generated,) = generation.run()
    rates = []
    for number, (line, example, prompt) in enumerate(
        zip(LINES, generated.examples, generation.prompts, strict=True)
    ):  # fmt: skip
        written = dataclasses.replace(example, steps=example.steps[len(prompt.example.steps) :])
        path = folder / f"{writer}-{number}.svg"
        draw(model, model.codec.decode(written).content, path)
        rates.append(edits(recognize(path), line) / len(line))
    return statistics.mean(rates)


def main() -> None:
    """Generate and recognise the lines of all hands, print the report, and store the legible hands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--bias", type=float, default=0.75, help="the bias of the lines")
    parser.add_argument("--seed", type=int, default=3, help="the seed of the lines")
    parser.add_argument("--folder", type=Path, default=Path("out/hands"), help="the folder of the drawings")
    parser.add_argument("--store", type=Path, help="write a copy of the model that draws legible hands to this file")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    model = seqforge.load(arguments.model)
    codec = model.codec
    assert isinstance(codec, InkCodec)
    rates = {}
    for writer in sorted(codec.writers.lines):
        rates[writer] = error_rate(model, writer, arguments.seed, arguments.bias, arguments.folder)
        print(f"{writer} {rates[writer]:.3f}", flush=True)
    legible = sorted(rates, key=lambda writer: (rates[writer], writer))[: max(1, len(rates) // 2)]
    report = {
        "median of the more legible half": round(statistics.median(rates[writer] for writer in legible), 3),
        "median of all hands": round(statistics.median(rates.values()), 3),
        "more legible half": sorted(legible),
    }
    print(json.dumps(report, indent=2))
    if arguments.store:
        data, arrays = InkCodec(codec.options, codec.counts, codec.scale, codec.writers, legible=legible).state()
        header = dataclasses.replace(
            model.header, codec={"version": codec.version, "data": data}, arrays=arrays
        )  # fmt: skip
        write_model(arguments.store, header, model.arrays(), precision="bfloat16")


if __name__ == "__main__":
    main()
