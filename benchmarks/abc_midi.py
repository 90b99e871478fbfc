"""Fidelity of the ABC encoding: does abc2midi play every bundled tune identically before and after it?

    python benchmarks/abc_midi.py

Each tune is read, encoded, decoded and written. abc2midi converts the source text and the written text to MIDI, and
the notes are compared (onset, length and pitch, without the accompaniment that abc2midi adds). Tunes that differ are
listed, either with the error that abc2midi reports in the source, after which it skips music, or with the losses of
the encoding. Requires abc2midi (Debian package: abcmidi).
"""

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

from _players import played_by_abc2midi, same_notes, source_text

import seqforge_corpora
from seqforge import Piece
from seqforge_abc import Abc, AbcCodec, AbcOptions
from seqforge_abc.writer import tune_to_abc

BOOKS = ("cre", "oneills1850", "ryans")


def main() -> None:
    """Compare all tunes and print those that differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stride", type=int, default=1, help="compare every N-th tune of each book only", metavar="N")
    args = parser.parse_args()
    plugin, same, differ, source_errors = Abc(), Counter(), [], []
    pieces = {}
    for book in BOOKS:
        path = Path(seqforge_corpora.__file__).parent / book / f"{book}.abc"
        items = plugin.read(path, AbcOptions())
        pieces[path] = [item for item in items if isinstance(item, Piece)][:: args.stride]
    codec = AbcCodec.fit([piece for book in pieces.values() for piece in book], AbcOptions())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, book in pieces.items():
            lines = path.read_text(encoding="utf-8").splitlines()
            for piece in book:
                example = codec.encode(piece)
                before, errors = played_by_abc2midi(source_text(lines, piece.origin.place), folder)
                after, _ = played_by_abc2midi(tune_to_abc(codec.decode(example).content), folder)
                if same_notes(before, after):
                    same[path.stem] += 1
                    continue
                place = f"{path.stem} {piece.origin.place} {piece.content.title!r}"
                if errors:
                    source_errors.append(f"{place}: {errors[0]}")
                    continue
                differ.append(f"{place}; losses: {dict(example.dropped)}")
    total = sum(len(book) for book in pieces.values())
    print("\n".join(["abc2midi reports an error in the source:", *source_errors, "other differences:", *differ]))
    summary = {"tunes": total, "same": dict(same), "source_has_errors": len(source_errors), "differ": len(differ)}
    print(json.dumps(summary | {"differ_per_cent": round(100 * len(differ) / total, 2)}))


if __name__ == "__main__":
    main()
