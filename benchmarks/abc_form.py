"""The form of generated tunes beside that of real ones: what returns, where, and how much is copied.

    python benchmarks/abc_form.py -n 1000

A section is the music from one double bar or repeat to the next. Its bars are counted without the upbeat. Two bars are
equal if they have the same lengths and pitches; decorations, grace notes and chord symbols do not count. The similarity
of two bars is the share of their notes, position by position, that have the same pitch.

The held-out tunes are those of the splits test and valid, on which no model was trained. Tunes with 16 equal intervals
in a row are in one split, so the longest run of a held-out tune is short. Beside it, a sample of training tunes is
compared with the other training tunes.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from _tunes import tunes
from abc_tunes import ends_on_tonic, longest_copy, melody_intervals

from seqforge import load
from seqforge.api.model_paths import resolve_model
from seqforge.evaluation.samples import RunIndex
from seqforge_abc import Tune
from seqforge_abc.bars import Bar, split_bars
from seqforge_abc.tune import Note

Content = tuple[tuple[Fraction, tuple[int, ...]], ...]
"""The notes of a bar: the length and the pitches of each."""
DISTANCES = (1, 2, 4, 8)
SAMPLE_EVERY = 20
"""Every twentieth training tune is compared with the other nineteen twentieths."""
PHRASE_BARS = 8
"""The number of bars that a section needs to have a second phrase, which begins with bar 5."""


def content_of(bar: Bar) -> Content:
    """Return the notes of a bar."""
    notes = [element for element in bar.elements if isinstance(element, Note)]
    return tuple((note.duration, tuple(pitch.midi for pitch in note.pitches)) for note in notes)


def sections_of(tune: Tune) -> list[list[Content]]:
    """Return the full bars of each section."""
    sections: list[list[Content]] = [[]]
    for bar in split_bars(tune):
        content = content_of(bar)
        if content and bar.is_full:
            sections[-1].append(content)
        if bar.ends_section:
            sections.append([])
    return [section for section in sections if section]


def similarity(first: Content, second: Content) -> float:
    """Return the share of the notes of two bars, position by position, that have the same highest pitch."""
    pairs = zip(first, second, strict=False)
    equal = sum(one[-1:] == other[-1:] for (_, one), (_, other) in pairs)
    return equal / max(len(first), len(second))


def endings_similarity(first: Sequence[Content], second: Sequence[Content]) -> float:
    """Return the mean similarity of the last two bars of two sections."""
    return (similarity(first[-1], second[-1]) + similarity(first[-2], second[-2])) / 2


def mean(values: Iterable[float], digits: int = 3) -> float:
    """Return the mean, NaN if there are no values."""
    numbers = list(values)
    return round(float(np.mean(numbers)), digits) if numbers else float("nan")


def form(tunes: Sequence[Tune]) -> dict[str, float]:
    """Return the rows of the table about returning bars; shares and similarities are from 0 to 1."""
    sections = [sections_of(tune) for tune in tunes]
    phrases = [section for tune in sections for section in tune if len(section) >= PHRASE_BARS]
    long_sections = [[section for section in tune if len(section) >= 4] for tune in sections]
    pairs = [(tune[0], tune[1]) for tune in long_sections if len(tune) >= 2]
    bars = [[bar for section in tune for bar in section] for tune in sections]
    bars = [tune for tune in bars if tune]
    rows = {
        "bars 1-2 return as bars 5-6, share of sections": mean(bar[0:2] == bar[4:6] for bar in phrases),
        "bar 1 like bar 5, similarity": mean(similarity(bar[0], bar[4]) for bar in phrases),
        "endings of sections A and B alike, similarity": mean(endings_similarity(a, b) for a, b in pairs),
        "distinct bars, share": mean(len(set(tune)) / len(tune) for tune in bars),
    }
    for distance in DISTANCES:
        equal = [tune[at] == tune[at - distance] for tune in bars for at in range(distance, len(tune))]
        rows[f"bars that repeat the bar {distance} before, share"] = mean(equal)
    rows["last note on the tonic, share"] = mean(ends_on_tonic(tune) for tune in tunes)
    return rows


def copies(tunes: Sequence[Tune], others: RunIndex) -> dict[str, float]:
    """Return the median and the maximum of the longest runs of notes that tunes have in common with other tunes."""
    lengths = sorted(longest_copy(tune, others) for tune in tunes)
    return {
        "longest run of notes in a training tune, median": lengths[len(lengths) // 2],
        "longest run of notes in a training tune, maximum": lengths[-1],
    }


def print_table(columns: dict[str, dict[str, float]]) -> None:
    """Print one row per statistic and one column per set of tunes."""
    rows = list(next(iter(columns.values())))
    width = max(map(len, rows))
    print(" " * width, *(f"{name:>16}" for name in columns))
    for row in rows:
        print(f"{row:<{width}}", *(f"{column[row]:16g}" for column in columns.values()))


def main() -> None:
    """Generate tunes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200, help="number of tunes")
    parser.add_argument("--model", action="append", help="model file, run folder or name; may be repeated")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    models = {name: load(resolve_model(name, plugin="abc").path) for name in args.model or ["shipped"]}
    splits = tunes()[1]
    training = [piece.content for piece in splits["train"]]
    others = RunIndex(melody_intervals(tune) for at, tune in enumerate(training) if at % SAMPLE_EVERY)
    index = RunIndex(map(melody_intervals, training))
    held_out = [piece.content for piece in (*splits["test"], *splits["valid"])]
    columns: dict[str, dict[str, float]] = {
        "held out": form(held_out) | copies(held_out, index),
        "training": form(training) | copies(training[::SAMPLE_EVERY], others),
    }
    for name, model in models.items():
        generated = [piece.content for piece in model.generate(args.n, seed=1, temperature=args.temperature)]
        columns[name[-16:]] = form(generated) | copies(generated, index)
    if args.json:
        print(json.dumps(columns, indent=2))
    else:
        print_table(columns)


if __name__ == "__main__":
    main()
