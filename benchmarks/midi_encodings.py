"""Measure what reading and each encoding keep of the MIDI files of some folders.

    python benchmarks/midi_encodings.py --data FOLDER
    python benchmarks/midi_encodings.py --data FOLDER ANOTHER_FOLDER --most 200

The table has a row per folder: the files that are read and skipped; their notes; the share of the notes that the song
and each encoding have (a codec is fitted to each file, as `seqforge inspect` does); and the largest error of the time
of a note's start, in ms, against the tempos that mido reads, where the numbers of notes agree. The score moves notes to
its grid, so its notes are counted, and its times are not compared. The reasons of the skipped files follow the table.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from midi_files import reference_times

from seqforge import Piece, ReadError
from seqforge_midi import Midi, MidiOptions
from seqforge_midi.codec import make_encoding
from seqforge_midi.corpus_stats import collect_stats
from seqforge_midi.reader import read_songs
from seqforge_midi.song import Song, TempoMap

ENCODINGS = {
    "score": MidiOptions(),
    "score, tracks merged": MidiOptions(tracks="merge"),
    "performance": MidiOptions(encoding="performance"),
    "performance, tracks merged": MidiOptions(encoding="performance", tracks="merge"),
    "chorale": MidiOptions(encoding="chorale"),
}


class FolderCounts:
    """What is counted over the files of a folder.

    Args:
        name: The name of the folder.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.worst = 0.0
        """The largest error of a time, in ms."""

    def add(self, path: Path) -> None:
        """Read a file and count what is kept of it."""
        items = list(read_songs(path))
        pieces = [item for item in items if isinstance(item, Piece)]
        self.counts["files"] += 1
        self.counts["read"] += bool(pieces)
        self.reasons += [f"{path.name}: {item.reason}" for item in items if isinstance(item, ReadError)]
        for piece in pieces:
            self._count_notes(piece)
        times = reference_times(path)
        if times is None:
            self.counts["not read by mido"] += 1
            return
        self.counts["notes in mido"] += len(times)
        self.counts["notes of the files that mido reads"] += sum(len(piece.content.notes) for piece in pieces)
        if len(pieces) == 1 and len(pieces[0].content.notes) == len(times):
            song = pieces[0].content
            errors = np.abs(np.sort(TempoMap(song.tempos).to_seconds(song.notes["start"])) - times)
            self.worst = max(self.worst, float(errors.max(initial=0.0)) * 1000)

    def _count_notes(self, piece: Piece[Song]) -> None:
        song, stats = piece.content, collect_stats([piece])[1]
        self.counts["notes"] += len(song.notes)
        for name, options in ENCODINGS.items():
            self.counts[name] += len(make_encoding(options, stats.tracks).canonical(song).notes)

    def row(self) -> str:
        """Return a row of the table, in Markdown."""
        counts = self.counts
        cells = [self.name, f"{counts['files']:,}", f"{counts['read']:,}", f"{counts['files'] - counts['read']:,}"]
        cells += [f"{counts['notes in mido']:,}", f"{counts['notes of the files that mido reads']:,}"]
        cells += [f"{100 * counts[name] / max(1, counts['notes']):.2f} %" for name in ENCODINGS]
        return "| " + " | ".join([*cells, f"{self.worst:.2g}"]) + " |"


def main() -> None:
    """Read the folders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of MIDI files")
    parser.add_argument("--most", type=int, help="number of files of each folder; the default is all")
    arguments = parser.parse_args()
    header = ["folder", "files", "read", "skipped", "notes in mido", "notes read", *ENCODINGS, "largest error in ms"]
    print("| " + " | ".join(header) + " |\n" + "| --- " * len(header) + "|")
    reasons: list[str] = []
    for folder in arguments.data:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in Midi.reads)
        step = max(1, len(paths) // arguments.most) if arguments.most else 1
        counts = FolderCounts(folder.name)
        for path in paths[::step][: arguments.most]:
            counts.add(path)
        print(counts.row(), flush=True)
        reasons += counts.reasons
    print("\n".join(["", *reasons]))


if __name__ == "__main__":
    main()
