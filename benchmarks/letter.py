"""How fast is a letter? All its lines as one batch against one after another, in the same run; the results are equal.

    python benchmarks/letter.py --words 300

The text is the sentences of `legibility.py`, repeated. The report has the seconds of both ways, their ratio, and the
number of points.
"""

import argparse
import json
import time
from itertools import cycle, islice

import numpy as np
from legibility import SENTENCES

import seqforge
from seqforge.api.generation import Generation, GenerationRequest


def letter(words: int) -> str:
    """Return a text with this number of words."""
    return " ".join(islice((word for sentence in cycle(SENTENCES) for word in sentence.split()), words))


def main() -> None:
    """Write a letter in both ways, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--words", type=int, default=300, help="the number of words")
    parser.add_argument("--style", default="", help="the hand; one of the model's by default")
    arguments = parser.parse_args()
    model = seqforge.load(arguments.model)
    request = {"text": letter(arguments.words), "paper": "a4", "style": arguments.style}
    seconds, points = {}, {}
    for name, on_step in (("one batch", None), ("one after another", lambda _: None)):
        generation = Generation(model, GenerationRequest(request=request, controls={"bias": 1.0}))
        start = time.perf_counter()
        (generated,) = generation.run(on_step)
        seconds[name] = time.perf_counter() - start
        points[name] = generated.piece.content.points
    report = {
        "words": arguments.words,
        "points": len(points["one batch"]),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "ratio": round(seconds["one after another"] / seconds["one batch"], 1),
        "equal": bool(np.array_equal(points["one batch"], points["one after another"])),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
