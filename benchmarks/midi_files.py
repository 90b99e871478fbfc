"""Check generated MIDI files of every shipped model, at two temperatures, with three libraries.

    python benchmarks/midi_files.py -n 1000

It counts the files with faults that `seqforge_midi.lint` finds in the messages that mido reads, with another number of
notes in pretty_midi or symusic, with another number of bars than requested, and with pitches outside the ranges of the
corpus. It also counts the files that differ from all others.
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

import pretty_midi
import symusic

import seqforge
from seqforge_midi import Midi, MidiCodec, MidiOptions
from seqforge_midi.lint import check_file
from seqforge_midi.song import DRUMS

MODELS = ("songs", "chorales", "drums")


def count_faults(model: seqforge.Model, n: int, temperature: float, bars: int, folder: Path) -> dict[str, int]:
    """Return the number of files, of distinct files, and of files with each fault."""
    assert isinstance(model.codec, MidiCodec) and isinstance(model.options, MidiOptions)
    stats, is_chorale = model.codec.stats, model.options.encoding == "chorale"
    faults: Counter[str] = Counter()
    contents = set()
    for piece in model.generate(n, seed=1, temperature=temperature, bars=bars, length=100_000):
        path = folder / "generated.mid"
        Midi().write([piece], path)
        notes = piece.content.notes
        pretty_midi_notes = sum(len(player.notes) for player in pretty_midi.PrettyMIDI(str(path)).instruments)
        faults["faults found by the lint"] += bool(check_file(path))
        faults["other number of notes in pretty_midi"] += pretty_midi_notes != len(notes)
        faults["other number of notes in symusic"] += symusic.Score(str(path)).note_num() != len(notes)
        faults["other number of bars than requested"] += len(piece.content.bar_starts()) != bars
        for program in piece.content.programs:
            pitches = notes["pitch"][notes["program"] == program]
            low, high = (stats.lowest, stats.highest) if is_chorale else stats.ranges[program]
            if program == DRUMS:
                faults["drums that are not in the corpus"] += not set(pitches.tolist()) <= set(stats.drum_pitches)
            else:
                faults["pitches out of range"] += not low <= pitches.min() <= pitches.max() <= high
        contents.add(notes.tobytes())
    return {"files": n, "distinct": len(contents), **faults}


def main() -> None:
    """Generate files, check them and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1000, help="number of files per model and temperature")
    parser.add_argument("--bars", type=int, default=8, help="number of bars per file")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            model = seqforge.load(f"midi:{name}")
            for temperature in (1.0, 2.0):
                counts = count_faults(model, arguments.n, temperature, arguments.bars, Path(folder))
                results[f"{name} at temperature {temperature:g}"] = counts
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
