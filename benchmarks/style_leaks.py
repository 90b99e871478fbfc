"""Does the end of the line that shows a style leak into the text? Held-out lines as styles, and a text in each.

    python benchmarks/style_leaks.py

The network continues the line of the style, so it may first finish that line: "It shouldn't take too long" is followed
by "ong Please write". Every line of the valid and test splits of the corpus unipen with at least twenty characters is a
style in turn. The same text is written in each of them, best of four candidates as by default. A line counts as leaking
if one of its first points is drawn while the attention stands on a character of the style. The report also gives the
character error rate of the text, read by tesseract as in `legibility.py`, and how often the first word is read with
further letters before it.

Requires the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from _edits import edits
from legibility import recognize

import seqforge
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.corpus import find_corpus
from seqforge_handwriting import Handwriting
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import json_line

TEXT = "Please write to me soon"
MIN_CHARACTERS, MAX_CHARACTERS = 20, 80
FIRST_POINTS = 10
"""Number of points at the start of a line whose attention is examined."""


def held_out_lines() -> list[Sample]:
    """Return the lines of the valid and test splits that are long enough."""
    samples = [
        sample
        for path in find_corpus("unipen").paths()
        for sample in (read_ink(path) if path.parent.name in ("valid", "test") else ())
        if isinstance(sample, Sample)
    ]
    return [sample for sample in samples if MIN_CHARACTERS <= len(sample.ink.text) <= MAX_CHARACTERS]


def main() -> None:
    """Write the text in every style, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="handwriting", help="the model")
    parser.add_argument("--bias", type=float, default=0.75, help="the bias of the lines")
    parser.add_argument("--most", type=int, help="largest number of styles; default: all")
    arguments = parser.parse_args()
    model = seqforge.load(arguments.model)
    lines, leaks, prefixed, rates = held_out_lines()[: arguments.most], 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        for number, sample in enumerate(lines):
            style, drawing = Path(name) / f"{number}.jsonl", Path(name) / f"{number}.svg"
            style.write_text(json_line(sample.ink) + "\n", encoding="utf-8")
            request = {"text": TEXT, "style": str(style)}
            generation = Generation(
                model, GenerationRequest(seed=number, controls={"bias": arguments.bias}, request=request)
            )
            (generated,) = generation.run()
            (prompt,), (example,) = generation.prompts, generated.examples
            weights = model.attention(example, prompt=prompt)[len(prompt.example.steps) :]
            blank = (prompt.source_start or 1) - 1  # between the line of the style and the text
            leak = bool((weights[:FIRST_POINTS].argmax(axis=1) < blank).any())
            Handwriting().write([generated.piece], drawing)
            text = recognize(drawing)
            start = text.lower().find("lease")
            leaks, prefixed = leaks + leak, prefixed + (start > 1)
            rates.append(edits(text, TEXT) / len(TEXT))
            if leak or start > 1:
                print(f"{sample.ink.text!r} is followed by {text!r}", flush=True)
    report = {
        "styles": len(lines), "leaks by attention": leaks, "letters before the first word": prefixed,
        "median_cer": round(statistics.median(rates), 3), "mean_cer": round(statistics.mean(rates), 3),
    }  # fmt: skip
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
