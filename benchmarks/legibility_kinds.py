"""Which texts does a model write legibly? The character error rate by kind of text, for several models and settings.

    python benchmarks/legibility_kinds.py --model old.safetensors --model handwriting --candidates 1 --candidates 4

A file of sentences has one text per line, after its kind and a tab; by default it is `test_sentences.txt` beside this
script, with sixty texts of twelve kinds. No choice was made on them: the hands that a model draws were chosen on the
texts of `sentences.txt` (`hand_legibility.py`). Every text is generated once per seed in the hand that the seed draws,
then drawn, rendered and read by tesseract as in `legibility.py`. The table has one row per kind, one for the texts that
consist of digits by a third or more, and one for all texts; a column is a model, a bias and a number of candidates, and
has the median and the mean of the character error rate. The last row is for held-out lines of real writers that are
read in the same way.

Requires the programs rsvg-convert (Debian: librsvg2-bin) and tesseract (tesseract-ocr).
"""

import argparse
import json
from collections import defaultdict
from itertools import product
from pathlib import Path

from legibility import error_rates, real_lines, recognize

import seqforge
from seqforge_handwriting import Handwriting

SENTENCES = Path(__file__).with_name("test_sentences.txt")
DIGITS_ROW, ALL_ROW, REAL_ROW = "a third digits", "all", "real lines"
MIN_DIGITS = 1 / 3
"""Share of the characters other than blanks from which a text counts as digits."""

Pairs = list[tuple[str, str]]
"""Written and recognised texts."""


def read_sentences(path: Path) -> list[tuple[str, str]]:
    """Return kind and text of each line of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(kind, text) for kind, _, text in (line.partition("\t") for line in lines if line.strip())]


def rows_of(kind: str, text: str) -> list[str]:
    """Return the rows of the table to which a text belongs."""
    characters = text.replace(" ", "")
    digits = sum(character.isdigit() for character in characters) / len(characters)
    return [kind, *([DIGITS_ROW] if digits >= MIN_DIGITS else []), ALL_ROW]


def recognized_texts(
    model: seqforge.Model, sentences: list[tuple[str, str]], seeds: range, folder: Path, bias: float, candidates: int
) -> dict[str, Pairs]:
    """Generate and recognise all sentences, and return the pairs of each row of the table."""
    rows: dict[str, Pairs] = defaultdict(list)
    for seed, (number, (kind, text)) in product(seeds, enumerate(sentences)):
        path = folder / f"{number:02}-{seed}.svg"
        pieces = model.generate(seed=1000 * seed + number, bias=bias, candidates=candidates, text=text)
        Handwriting().write(pieces, path)
        pair = (text, recognize(path))
        for row in rows_of(kind, text):
            rows[row].append(pair)
    return rows


def main() -> None:
    """Generate and recognise the sentences with every setting, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="a model; may be repeated; default: the shipped one")
    parser.add_argument("--sentences", type=Path, default=SENTENCES, help="file with kind, tab and text in each line")
    parser.add_argument("--bias", type=float, action="append", help="a bias; may be repeated; default: 0.75 and 1")
    parser.add_argument("--candidates", type=int, action="append", help="candidates; may be repeated; default: 0")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, each with other hands")
    parser.add_argument("--folder", type=Path, default=Path("out/legibility"), help="the folder of the drawings")
    arguments = parser.parse_args()
    sentences = read_sentences(arguments.sentences)
    columns: dict[str, dict[str, Pairs]] = {}
    for name in arguments.model or ["handwriting"]:
        model = seqforge.load(name)
        for bias, candidates in product(arguments.bias or [0.75, 1.0], arguments.candidates or [0]):
            column = f"{Path(name).stem}, bias {bias:g}" + (f", {candidates} candidates" if candidates else "")
            folder = arguments.folder / column.replace(", ", "-").replace(" ", "-")
            folder.mkdir(parents=True, exist_ok=True)
            columns[column] = recognized_texts(
                model, sentences, range(arguments.seeds), folder, bias, candidates
            )  # fmt: skip
            print(json.dumps({column: {row: error_rates(pairs) for row, pairs in columns[column].items()}}), flush=True)
    real = error_rates(real_lines(seqforge.load("handwriting"), arguments.folder))
    print("\n| | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
    kinds = list(dict.fromkeys(kind for kind, _ in sentences))
    for row in (*kinds, DIGITS_ROW, ALL_ROW):
        rates = [error_rates(pairs[row]) if row in pairs else None for pairs in columns.values()]
        cells = [f"{rate['median_cer']:.2f} / {rate['mean_cer']:.2f}" if rate else "" for rate in rates]
        print(f"| {row} | " + " | ".join(cells) + " |")
    print(f"| {REAL_ROW} | {real['median_cer']:.2f} / {real['mean_cer']:.2f} |" + " |" * (len(columns) - 1))


if __name__ == "__main__":
    main()
