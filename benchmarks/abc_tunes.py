"""What generated tunes are like, beside held-out real ones: judged by abc2midi, abcm2ps and by counting.

    python benchmarks/abc_tunes.py -n 1000

Needs abc2midi and abcm2ps (Debian: abcmidi, abcm2ps).
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from _tunes import tunes

from seqforge import DecodeError, Example, Model, Prompt
from seqforge.api import choose, load
from seqforge.evaluation.samples import Runs
from seqforge.sampling import Conditions, Controls, Engine, Limits, Sampler
from seqforge_abc import Tune
from seqforge_abc.lint import findings
from seqforge_abc.reading import read_book
from seqforge_abc.tune import Bar, Tuplet
from seqforge_abc.writing import tune_to_abc


def abc2midi_is_content(text: str, folder: Path) -> bool:
    """Return whether abc2midi finds no bar of a wrong length and no error."""
    (folder / "t.abc").write_text(text)
    said = subprocess.run(["abc2midi", "t.abc", "-c"], cwd=folder, capture_output=True, text=True, check=False).stdout
    return not re.search(r"Error|time units", said)


def abcm2ps_is_content(text: str, folder: Path) -> bool:
    """Return whether abcm2ps engraves it and leaves with 0."""
    (folder / "t.abc").write_text(text)
    return not subprocess.run(
        ["abcm2ps", "t.abc", "-O", "t.ps"], cwd=folder, capture_output=True, check=False
    ).returncode


def read_again(tune: Tune, folder: Path) -> Tune:
    """Return what a tune's file says."""
    (folder / "t.abc").write_text(tune_to_abc(tune))
    ((found, _),) = [each for each in read_book(folder / "t.abc") if isinstance(each, tuple)]
    return found


def bars_of(tune: Tune) -> list[float]:
    """Return how full each stretch between bar lines is, in bars."""
    found, length, scale, left = [], 0.0, 1.0, 0
    for element in tune.music:
        if isinstance(element, Tuplet):
            scale, left = element.q / element.p, element.r
        elif isinstance(element, Bar):
            found += [length] if length else []
            length = 0.0
        elif hasattr(element, "duration"):
            length += float(element.duration) * (scale if left else 1)
            left = max(0, left - 1)
    whole = float(tune.meter.bar) or 1.0
    return [length / whole for length in found]


def ends_on_tonic(tune: Tune) -> bool:
    """Return whether the last note is the key's tonic."""
    last = next((note for note in reversed(tune.notes()) if note.pitches), None)
    return last is not None and any(pitch.fifths == tune.key.tonic for pitch in last.pitches)


def melody(tune: Tune) -> list[int]:
    """Return the intervals of a tune, in semitones."""
    heights = [note.pitches[-1].midi for note in tune.notes() if note.pitches]
    return [after - before for before, after in pairwise(heights)]


def longest_copy(tune: Tune, known: Runs) -> int:
    """Return the longest run of notes whose intervals stand in the training tunes."""
    best = known.longest(melody(tune))
    return best + 1 if best else 0


def table(found: Sequence[Tune], training: Runs) -> dict[str, float]:
    """Return what is counted, in per cent where not said otherwise."""

    def share(test: Callable[[Tune], bool]) -> float:
        return round(100 * sum(map(test, found)) / len(found), 1)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        judged = {
            "clean by abc2midi -c": share(lambda tune: abc2midi_is_content(tune_to_abc(tune), folder)),
            "engraved by abcm2ps": share(lambda tune: abcm2ps_is_content(tune_to_abc(tune), folder)),
            "nothing found by our bar checker": share(lambda tune: not findings(read_again(tune, folder))),
        }
    copies = sorted(longest_copy(tune, training) for tune in found)
    return (
        judged
        | shape(found)
        | {
            "longest run of notes as in training, median": float(copies[len(copies) // 2]),
            "longest run of notes as in training, most": float(copies[-1]),
        }
    )


def shape(found: Sequence[Tune]) -> dict[str, float]:
    """Return what tunes are like, in per cent where not said otherwise."""

    def share(test: Callable[[Tune], bool]) -> float:
        return round(100 * sum(map(test, found)) / len(found), 1)

    def median(count: Callable[[Tune], int]) -> float:
        return float(sorted(map(count, found))[len(found) // 2])

    return {
        "bars a multiple of 8": share(lambda tune: sum(length > 0.51 for length in bars_of(tune)) % 8 == 0),
        "last note on the tonic": share(ends_on_tonic),
        "with an upbeat": share(lambda tune: bool(bars_of(tune)) and bars_of(tune)[0] < 0.99),
        "with tuplets": share(lambda tune: any(isinstance(element, Tuplet) for element in tune.music)),
        "with repeats": share(lambda tune: any(isinstance(e, Bar) and ":" in e.kind for e in tune.music)),
        "distinct": round(100 * len({tuple(melody(tune)) for tune in found}) / len(found), 1),
        "notes, median": median(lambda tune: len(tune.notes())),
        "bars, median": median(lambda tune: sum(length > 0.51 for length in bars_of(tune))),
        "pitches, median": median(lambda tune: len({p for note in tune.notes() for p in note.pitches})),
        "durations, median": median(lambda tune: len({note.duration for note in tune.notes()})),
    }


def cost(model: Model, n: int) -> dict[str, float]:
    """Return the nats a note of samples under the network alone: under the constraint, and free."""
    told = {}
    prompt = model.codec.prompts(model.plugin.Request())[0]
    for name, constraint in (("constrained", prompt.constraint), ("free", None)):
        sampler = Sampler(
            Engine(model.network),
            Prompt(Example(prompt.example.steps), constraint),
            Conditions(model.label_numbers({}), np.zeros(0, np.float32)),
            controls=Controls(),
            limits=Limits(units=1000.0, steps=16_000),
            units=model.codec.units,
        )
        samples = list(sampler.samples(range(n), seed=1))
        notes = sum(float(model.codec.units(sample.steps).sum()) for sample in samples)
        told[f"nats a note, {name}"] = round(-sum(sample.log_probability for sample in samples) / notes, 3)
        if constraint is None:
            whole = [_whole(model, sample.steps) for sample in samples]
            told["free: whole tunes, per cent"] = round(100 * sum(whole) / n, 1)
        else:
            told["mass masked at a step, per cent"] = round(100 * sum(s.masked for s in samples) / n, 2)
    return told


def _whole(model: Model, steps: np.ndarray) -> bool:
    """Return whether free steps are a tune that decodes and in whose bars nothing is wrong."""
    try:
        return not findings(model.codec.decode(Example(steps)).content)
    except DecodeError:
        return False


def main() -> None:
    """Generate, judge, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--temperature", type=float, action="append", help="default: 1 and 2")
    asked = parser.parse_args()
    model = load(choose("abc", asked.model)[0])
    sides = tunes(model.codec)[1]
    training = Runs(melody(piece.content) for piece in sides["train"])
    told: dict[str, object] = {}
    for temperature in asked.temperature or (1.0, 2.0):
        made = [piece.content for piece in model.generate(asked.n, seed=1, temperature=temperature)]
        told[f"generated at {temperature:g}"] = table(made, training)
    real = [piece.content for piece in (*sides["test"], *sides["valid"])[: asked.n]]
    told[f"real, held out ({len(real)})"] = table(real, training)
    told["real, training"] = shape([piece.content for piece in sides["train"]])
    told["under the network alone"] = cost(model, asked.n)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
