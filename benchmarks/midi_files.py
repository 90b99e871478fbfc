"""Are generated MIDI files whole? So many of each model that ships, at two temperatures, read by three libraries.

    python benchmarks/midi_files.py -n 1000

Of every file: the findings of our lint on mido's messages (hanging notes, notes of no length, a missing end of track,
absurd times, no notes), whether pretty_midi and symusic open it and count the same notes, whether it has exactly the
bars that were asked for, whether programs and pitches stay within what the corpus has; and how many differ.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import pretty_midi
import symusic

import seqforge
from seqforge.api import choose
from seqforge_midi import Midi
from seqforge_midi.lint import findings
from seqforge_midi.song import DRUMS

MODELS = ("songs", "chorales", "drums")


def judge(model: seqforge.Model, n: int, temperature: float, bars: int, folder: Path) -> dict[str, int]:
    """Return how many files have each fault; and how many differ."""
    told: Counter[str] = Counter()
    learnt = model.codec.learnt  # type: ignore[attr-defined]
    chorale = model.options.encoding == "chorale"
    seen = set()
    for piece in model.generate(n, seed=1, temperature=temperature, bars=bars, length=100_000):
        path = folder / "one.mid"
        Midi().write([piece], path)
        notes = piece.content.notes
        struck = sum(len(each.notes) for each in pretty_midi.PrettyMIDI(str(path)).instruments)
        told["with findings of the lint"] += bool(findings(path))
        told["other notes in pretty_midi"] += struck != len(notes)
        told["other notes in symusic"] += symusic.Score(str(path)).note_num() != len(notes)
        told["other bars than asked for"] += len(piece.content.bars()) != bars
        for program in piece.content.programs:
            own = notes["pitch"][notes["program"] == program]
            low, high = (learnt.lowest, learnt.highest) if chorale else learnt.ranges[program]
            if program == DRUMS:
                told["drums that the corpus has not"] += not set(own.tolist()) <= set(learnt.drums)
            else:
                told["out of range"] += not low <= own.min() <= own.max() <= high
        seen.add(notes.tobytes())
    return {"files": n, "distinct": len(seen), **told}


def main() -> None:
    """Generate, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--bars", type=int, default=8)
    asked = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            model = seqforge.load(choose("midi", name)[0])
            for temperature in (1.0, 2.0):
                told[f"{name} at {temperature:g}"] = judge(model, asked.n, temperature, asked.bars, Path(folder))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
