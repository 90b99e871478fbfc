"""How fast MIDI files are read and encoded: ours, beside mido and pretty_midi, in files a second.

    python benchmarks/midi_reading.py                    # the bundled songs
    python benchmarks/midi_reading.py FOLDER             # any folder of .mid files

`read` is a file as a song (checked, notes in order); `encode` is that and its steps; the peers parse the file into
their own objects. Each reads the same files, one process, one after the other; the fastest of three rounds counts.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import mido
import pretty_midi

import seqforge_corpora
from seqforge import ReadError
from seqforge_midi import Options
from seqforge_midi.codec import encoding_of
from seqforge_midi.reading import read_songs

ROUNDS = 3


def rate(work: Callable[[Path], object], paths: list[Path], rounds: int = ROUNDS) -> float:
    """Return files a second."""
    best = 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        for path in paths:
            work(path)
        best = max(best, len(paths) / (time.perf_counter() - began))
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bundled = Path(str(next(iter(seqforge_corpora.__path__)))) / "lieder"
    parser.add_argument("folder", type=Path, nargs="?", default=bundled)
    parser.add_argument("--peers", type=int, default=100, help="so many files for the slow ones")
    asked = parser.parse_args()
    paths = sorted(asked.folder.rglob("*.mid"))
    encoding = encoding_of(Options())

    def read(path: Path) -> object:
        return [found for found in read_songs(path) if not isinstance(found, ReadError)]

    def encode(path: Path) -> object:
        return [encoding.encode(found[0]) for found in read_songs(path) if not isinstance(found, ReadError)]

    few = paths[:: max(1, len(paths) // asked.peers)]
    told = {
        "files": len(paths),
        "read": rate(read, paths),
        "read and encode": rate(encode, paths),
        "mido": rate(mido.MidiFile, few, 1),
        "pretty_midi": rate(lambda path: pretty_midi.PrettyMIDI(str(path)), few, 1),
    }
    print(json.dumps({name: round(value, 1) for name, value in told.items()}))
    for what in ("read", "read and encode"):
        ratios = [f"{told[what] / told[peer]:.1f} x {peer}" for peer in ("mido", "pretty_midi")]
        print(f"{what}: {' and '.join(ratios)}, {len(paths) / told[what]:.1f} s for all files on one core")


if __name__ == "__main__":
    main()
