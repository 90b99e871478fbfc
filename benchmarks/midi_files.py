"""Check generated MIDI files of every shipped model with three libraries, or how exactly a folder of files is read.

    python benchmarks/midi_files.py -n 1000              # generated files, at two temperatures
    python benchmarks/midi_files.py --folder FOLDER      # the files of a folder
    python benchmarks/midi_files.py --folder FOLDER --most 200

Of generated files it counts those with faults that `seqforge_midi.lint` finds in the messages that mido reads, with
another number of notes in pretty_midi or symusic, with another number of bars than requested, and with pitches outside
the ranges of the corpus. It also counts the files that differ from all others.

Of a folder it prints the number of files that are read and skipped, with reasons, the notes that are kept of those that
mido reads, and the largest error of the time of a note's start in ms, which is known where the numbers of notes agree.
The reference is mido, with the tempos of the file and division by division; mido itself cannot read some files.
"""

import argparse
import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pretty_midi
import symusic

import seqforge
from seqforge_midi import Midi, MidiCodec, MidiOptions
from seqforge_midi.lint import check_file
from seqforge_midi.reader import read_songs
from seqforge_midi.song import DRUMS, TempoMap

MODELS = ("songs", "chorales", "voices", "drums")


def count_faults(model: seqforge.Model, n: int, temperature: float, bars: int, folder: Path) -> dict[str, int]:
    """Return the number of files, of distinct files, and of files with each fault."""
    assert isinstance(model.codec, MidiCodec) and isinstance(model.options, MidiOptions)
    stats, is_chorale = model.codec.stats, model.options.encoding in ("chorale", "voices")
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


def reference_times(path: Path) -> np.ndarray | None:
    """Return the times in seconds at which notes start by mido, ascending; None if mido cannot read the file."""
    try:
        file = mido.MidiFile(path, clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError):
        return None
    if file.type == 2 or file.ticks_per_beat <= 0:
        return None
    starts, tempos = [], {0: 500_000}
    for track in file.tracks:
        for tick, message in zip(itertools.accumulate(message.time for message in track), track, strict=True):
            if message.type == "set_tempo" and message.tempo:
                tempos[tick] = message.tempo
            elif message.type == "note_on" and message.velocity:
                starts.append(tick)
    ticks = np.array(sorted(tempos))
    durations = np.array([tempos[tick] for tick in sorted(tempos)]) / (1e6 * file.ticks_per_beat)
    bases = np.append(0, np.cumsum(np.diff(ticks) * durations[:-1]))
    onsets = np.sort(np.array(starts, np.int64))
    parts = np.searchsorted(ticks, onsets, side="right") - 1
    times: np.ndarray = bases[parts] + (onsets - ticks[parts]) * durations[parts]
    return times


def check_folder(paths: Iterable[Path]) -> dict[str, Any]:
    """Return how many files are read and skipped, how many notes are kept, and the largest error of a time."""
    counts, reasons, worst = Counter[str](), Counter[str](), (0.0, "")
    for path in paths:
        items = list(read_songs(path))
        songs = [item.content for item in items if not isinstance(item, seqforge.ReadError)]
        counts["files"] += 1
        counts["read"] += bool(songs)
        for item in items:
            if isinstance(item, seqforge.ReadError):
                reasons[f"{path.name}: {item.reason}"] += 1
        expected = reference_times(path)
        counts["notes"] += sum(len(song.notes) for song in songs)
        if expected is None:
            counts["files that mido cannot read"] += 1
            continue
        counts["notes of files that mido reads"] += sum(len(song.notes) for song in songs)
        counts["notes that mido reads"] += len(expected)
        if len(songs) == 1 and len(songs[0].notes) == len(expected):
            times = TempoMap(songs[0].tempos).to_seconds(songs[0].notes["start"])
            worst = max(worst, (float(np.abs(np.sort(times) - expected).max()) * 1000, path.name))
        else:
            counts["files with another number of notes than in mido"] += 1
    return {**counts, "skipped": reasons.total(), "reasons": list(reasons)[:20], "largest error in ms": worst}


def main() -> None:
    """Generate files, check them and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=1000, help="number of files per model and temperature")
    parser.add_argument("--bars", type=int, default=8, help="number of bars per file")
    parser.add_argument("--folder", type=Path, help="a folder of MIDI files to read instead")
    parser.add_argument("--most", type=int, help="number of files of the folder; the default is all")
    arguments = parser.parse_args()
    if arguments.folder:
        paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in Midi.reads)
        step = max(1, len(paths) // arguments.most) if arguments.most else 1
        print(json.dumps(check_folder(paths[::step][: arguments.most]), indent=2))
        return
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
