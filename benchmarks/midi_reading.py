"""Measure how fast MIDI files are read and encoded, compared with mido, pretty_midi and MidiTok.

    python benchmarks/midi_reading.py                    # the bundled songs
    python benchmarks/midi_reading.py FOLDER             # any folder of .mid files

`read` turns a file into a song, with all checks; `read and encode` also turns it into tokens; mido and pretty_midi
parse the file into their own objects. If MidiTok is installed, its REMI tokenizer encodes the files, which symusic
parses; it does not count what is lost. All run in one process, one after the other; the rates are files per second of
CPU time. The fastest of three rounds counts; mido and pretty_midi read a sample of the files once.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path

import mido
import pretty_midi

import seqforge_corpora
from seqforge import ReadError
from seqforge_midi import MidiOptions
from seqforge_midi.codec import make_encoding
from seqforge_midi.reader import read_songs

ROUNDS = 3


def files_per_second(work: Callable[[Path], object], paths: list[Path], rounds: int = ROUNDS) -> float:
    """Return the rate of the fastest round, in files per second of CPU time.

    Args:
        work: The function to measure; it is called with each path.
        paths: The files.
        rounds: The number of rounds.
    """
    best = 0.0
    for _ in range(rounds):
        start = time.process_time()
        for path in paths:
            work(path)
        best = max(best, len(paths) / (time.process_time() - start))
    return best


def _remi_tokenizer() -> Callable[[Path], object]:
    """Return the REMI tokenizer of MidiTok with its default configuration, as a function of a path."""
    import miditok  # type: ignore[import-not-found]

    tokenizer = miditok.REMI(miditok.TokenizerConfig())

    def encode(path: Path) -> object:
        return tokenizer(path)

    return encode


def main() -> None:
    """Measure all readers and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bundled = Path(str(next(iter(seqforge_corpora.__path__)))) / "lieder"
    parser.add_argument("folder", type=Path, nargs="?", default=bundled, help="a folder of .mid files")
    parser.add_argument("--peers", type=int, default=100, help="number of files that mido and pretty_midi read")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.mid"))
    encoding = make_encoding(MidiOptions())

    def read(path: Path) -> object:
        return [piece.content for piece in read_songs(path) if not isinstance(piece, ReadError)]

    def encode(path: Path) -> object:
        return [encoding.encode(piece.content) for piece in read_songs(path) if not isinstance(piece, ReadError)]

    sample = paths[:: max(1, len(paths) // arguments.peers)]
    rates = {
        "read": files_per_second(read, paths),
        "read and encode": files_per_second(encode, paths),
        "mido": files_per_second(mido.MidiFile, sample, 1),
        "pretty_midi": files_per_second(lambda path: pretty_midi.PrettyMIDI(str(path)), sample, 1),
    }
    if importlib.util.find_spec("miditok"):
        rates["MidiTok REMI"] = files_per_second(_remi_tokenizer(), paths)
    print(json.dumps({"files": len(paths)} | {name: round(rate, 1) for name, rate in rates.items()}))
    for name in ("read", "read and encode"):
        ratios = " and ".join(f"{rates[name] / rates[peer]:.1f} x {peer}" for peer in list(rates)[2:])
        print(f"{name}: {ratios}, {len(paths) / rates[name]:.1f} s for all files on one core")


if __name__ == "__main__":
    main()
