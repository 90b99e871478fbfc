"""What generated tunes are like, beside held-out real ones: judged by abc2midi, abcm2ps and by counting.

    python benchmarks/abc_tunes.py -n 200

Needs abc2midi and abcm2ps (Debian: abcmidi, abcm2ps).
"""

import argparse
import json
import re
import subprocess
import tempfile
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from _tunes import tunes

from seqforge.forge import choose, load
from seqforge_abc import Tune
from seqforge_abc.tune import Bar, Tuplet
from seqforge_abc.writing import tune_to_abc

LONGEST = 250
"""Of the runs of notes that are looked for."""


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


def melody(tune: Tune) -> str:
    """Return the intervals of a tune, a character each."""
    heights = [note.pitches[-1].midi for note in tune.notes() if note.pitches]
    return "".join(chr(128 + after - before) for before, after in pairwise(heights))


def suffixes(tunes: Sequence[Tune]) -> list[str]:
    """Return what begins at each interval of the tunes, in order."""
    return sorted(m[at : at + LONGEST] for m in map(melody, tunes) for at in range(len(m)))


def shared(one: str, other: str) -> int:
    """Return how long the same beginning of both is."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def longest_copy(tune: Tune, known: list[str]) -> int:
    """Return the longest run of notes whose intervals stand in the training tunes, given their suffixes."""
    steps, best = melody(tune), 0
    for at in range(len(steps)):
        rest = steps[at : at + LONGEST]
        place = bisect(known, rest)
        best = max([best, *(shared(rest, other) for other in known[max(0, place - 1) : place + 1])])
    return best + 1 if best else 0


def table(found: Sequence[Tune], training: list[str]) -> dict[str, float]:
    """Return what is counted, in per cent where not said otherwise."""

    def share(test: Callable[[Tune], bool]) -> float:
        return round(100 * sum(map(test, found)) / len(found), 1)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        judged = {
            "clean by abc2midi -c": share(lambda tune: abc2midi_is_content(tune_to_abc(tune), folder)),
            "engraved by abcm2ps": share(lambda tune: abcm2ps_is_content(tune_to_abc(tune), folder)),
        }
    copies = sorted(longest_copy(tune, training) for tune in found)
    return judged | {
        "bars a multiple of 8": share(lambda tune: sum(length > 0.51 for length in bars_of(tune)) % 8 == 0),
        "last note on the tonic": share(ends_on_tonic),
        "with an upbeat": share(lambda tune: bool(bars_of(tune)) and bars_of(tune)[0] < 0.99),
        "with tuplets": share(lambda tune: any(isinstance(element, Tuplet) for element in tune.music)),
        "distinct": round(100 * len({melody(tune) for tune in found}) / len(found), 1),
        "notes, median": float(sorted(len(tune.notes()) for tune in found)[len(found) // 2]),
        "longest run of notes as in training, median": float(copies[len(copies) // 2]),
        "longest run of notes as in training, most": float(copies[-1]),
    }


def main() -> None:
    """Generate, judge, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--temperature", type=float, default=1.0)
    asked = parser.parse_args()
    model = load(choose("abc", asked.model)[0])
    sides = tunes(model.codec)[1]
    training = suffixes([piece.content for piece in sides["train"]])
    made = [piece.content for piece in model.generate(asked.n, seed=1, temperature=asked.temperature)]
    real = [piece.content for piece in (*sides["test"], *sides["valid"])[: asked.n]]
    told = {"generated": table(made, training), f"real, held out ({len(real)})": table(real, training)}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
