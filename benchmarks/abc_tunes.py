"""Statistics of generated tunes and of held-out real tunes, with checks by abc2midi and abcm2ps.

    python benchmarks/abc_tunes.py -n 1000

Requires abc2midi and abcm2ps (Debian packages: abcmidi, abcm2ps).
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from _tunes import tunes

from seqforge import DecodeError, Example, Model, Prompt, load
from seqforge.api.model_paths import resolve_model
from seqforge.evaluation import longest_runs
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sampler
from seqforge_abc import AbcRequest, Tune
from seqforge_abc.lint import violations
from seqforge_abc.reader import read_book
from seqforge_abc.structure import ends_on_tonic, melody_intervals
from seqforge_abc.tune import BarLine, Note, Tuplet
from seqforge_abc.writer import tune_to_abc


def accepted_by_abc2midi(text: str, folder: Path) -> bool:
    """Return whether abc2midi reports no error and no bar of a wrong length."""
    (folder / "t.abc").write_text(text)
    result = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=folder, capture_output=True, text=True, check=False)
    return not re.search(r"Error|time units", result.stdout)


def accepted_by_abcm2ps(text: str, folder: Path) -> bool:
    """Return whether abcm2ps engraves a tune and exits with code 0."""
    (folder / "t.abc").write_text(text)
    command = ["abcm2ps", "t.abc", "-O", "t.ps"]
    return not subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def reread(tune: Tune, folder: Path) -> Tune:
    """Return a tune after it is written and read."""
    (folder / "t.abc").write_text(tune_to_abc(tune))
    ((result, _),) = [item for item in read_book(folder / "t.abc") if isinstance(item, tuple)]
    return result


def bar_lengths(tune: Tune) -> list[float]:
    """Return the length of the music between bar lines, in bars."""
    lengths, length, scale, tuplet_left = [], 0.0, 1.0, 0
    for element in tune.elements:
        if isinstance(element, Tuplet):
            scale, tuplet_left = element.q / element.p, element.r
        elif isinstance(element, BarLine):
            lengths += [length] if length else []
            length = 0.0
        elif isinstance(element, Note):
            length += float(element.duration) * (scale if tuplet_left else 1)
            tuplet_left = max(0, tuplet_left - 1)
    full = float(tune.meter.bar_length) or 1.0
    return [length / full for length in lengths]


def count_bars(tune: Tune) -> int:
    """Return the number of bars, without upbeats."""
    return sum(length > 0.51 for length in bar_lengths(tune))


def longest_copies(tunes: Sequence[Tune], training: Sequence[Sequence[int]]) -> list[int]:
    """Return the length of the longest run of notes of each tune whose intervals occur in a training tune, sorted."""
    runs = longest_runs(training, [melody_intervals(tune) for tune in tunes])
    return sorted(intervals + 1 if intervals else 0 for intervals in runs)


def per_cent(tunes: Sequence[Tune], test: Callable[[Tune], bool]) -> float:
    """Return the share of tunes that pass a test, in per cent."""
    return round(100 * sum(map(test, tunes)) / len(tunes), 1)


def statistics(tunes: Sequence[Tune], training: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return the checks of other programs, the statistics of `shape` and the lengths of copied runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checks = {
            "no errors by abc2midi -c": per_cent(tunes, lambda tune: accepted_by_abc2midi(tune_to_abc(tune), folder)),
            "engraved by abcm2ps": per_cent(tunes, lambda tune: accepted_by_abcm2ps(tune_to_abc(tune), folder)),
            "no violations by the bar checker": per_cent(tunes, lambda tune: not violations(reread(tune, folder))),
        }
    copies = longest_copies(tunes, training)
    copied = {
        "longest run of notes in a training tune, median": float(copies[len(copies) // 2]),
        "longest run of notes in a training tune, maximum": float(copies[-1]),
    }
    return checks | shape(tunes) | copied


def shape(tunes: Sequence[Tune]) -> dict[str, float]:
    """Return the musical statistics of tunes, in per cent unless stated otherwise."""

    def median(count: Callable[[Tune], int]) -> float:
        return float(sorted(map(count, tunes))[len(tunes) // 2])

    return {
        "bars a multiple of 8": per_cent(tunes, lambda tune: count_bars(tune) % 8 == 0),
        "last note on the tonic": per_cent(tunes, ends_on_tonic),
        "with an upbeat": per_cent(tunes, lambda tune: bool(bar_lengths(tune)) and bar_lengths(tune)[0] < 0.99),
        "with tuplets": per_cent(tunes, lambda tune: any(isinstance(e, Tuplet) for e in tune.elements)),
        "with repeats": per_cent(
            tunes, lambda tune: any(isinstance(e, BarLine) and ":" in e.kind for e in tune.elements)
        ),
        "distinct": round(100 * len({tuple(melody_intervals(tune)) for tune in tunes}) / len(tunes), 1),
        "notes, median": median(lambda tune: len(tune.notes())),
        "bars, median": median(count_bars),
        "pitches, median": median(lambda tune: len({p for note in tune.notes() for p in note.pitches})),
        "note lengths, median": median(lambda tune: len({note.duration for note in tune.notes()})),
    }


def likelihood(model: Model, n: int) -> dict[str, float]:
    """Return the loss of the network on its constrained and unconstrained samples, in nats per note."""
    report = {}
    prompt = model.codec.task(AbcRequest()).prompts[0]
    for name, constraint in (("constrained", prompt.constraint), ("unconstrained", None)):
        sampler = Sampler(
            Engine(model.weights),
            Prompt(Example(prompt.example.steps), constraint),
            Conditions(model.label_numbers({}), np.zeros(0, np.float32)),
            controls=Controls(),
            limits=Limits(units=1000.0, steps=16_000),
            units=model.codec.units,
        )
        samples = list(sampler.samples(range(n), seed=1))
        notes = sum(float(model.codec.units(sample.steps).sum()) for sample in samples)
        report[f"nats per note, {name}"] = round(-sum(sample.log_probability for sample in samples) / notes, 3)
        if constraint is None:
            valid = [is_valid(model, sample.steps) for sample in samples]
            report["unconstrained: complete tunes, per cent"] = round(100 * sum(valid) / n, 1)
        else:
            report["probability masked per step, per cent"] = round(100 * sum(s.masked for s in samples) / n, 2)
    return report


def is_valid(model: Model, steps: np.ndarray) -> bool:
    """Return whether unconstrained steps are a tune without violations of the bar checker."""
    try:
        return not violations(model.codec.decode(Example(steps)).content)
    except DecodeError:
        return False


def main() -> None:
    """Generate tunes and print the statistics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200, help="number of tunes")
    parser.add_argument("--model", default="shipped", help="model file, run folder or name")
    parser.add_argument("--temperature", type=float, action="append", help="may be repeated; default: 1 and 2")
    args = parser.parse_args()
    model = load(resolve_model(args.model, plugin="abc").path)
    splits = tunes(model.codec)[1]
    training = [melody_intervals(piece.content) for piece in splits["train"]]
    report: dict[str, object] = {}
    for temperature in args.temperature or (1.0, 2.0):
        generated = [piece.content for piece in model.generate(args.n, seed=1, temperature=temperature)]
        report[f"generated at temperature {temperature:g}"] = statistics(generated, training)
    held_out = [piece.content for piece in (*splits["test"], *splits["valid"])[: args.n]]
    report[f"held out ({len(held_out)} tunes)"] = statistics(held_out, training)
    report["training"] = shape([piece.content for piece in splits["train"]])
    report["likelihood under the network alone"] = likelihood(model, args.n)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
