"""Fidelity of the ABC encoding: does abc2midi play every bundled tune identically before and after it?

    python benchmarks/abc_midi.py

Each tune is read, encoded, decoded and written. abc2midi converts the source text and the written text to MIDI, and
the notes are compared (onset, length and pitch, without the accompaniment that abc2midi adds). Tunes that differ are
listed, either with the error that abc2midi reports in the source, after which it skips music, or with the losses of
the encoding. Requires abc2midi (Debian package: abcmidi).
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import mido

import seqforge_corpora
from seqforge import Piece
from seqforge_abc import Abc, AbcCodec, AbcOptions
from seqforge_abc.writer import tune_to_abc

BOOKS = ("cre", "oneills1850", "ryans")
MIDI_DIRECTIVES = "%%MIDI gchordoff\n%%MIDI chordattack 0\n%%MIDI grace 1/4\n"
"""No accompaniment, simultaneous notes of a chord, and grace notes whose length does not depend on the L: field."""


def source_text(lines: list[str], place: str) -> str:
    """Return the text of a tune in a book.

    Args:
        lines: The lines of the book.
        place: The place of the tune, such as "line 12".
    """
    first = int(place.split()[-1]) - 1
    end = next((index for index in range(first + 1, len(lines)) if lines[index].startswith("X:")), len(lines))
    return "\n".join(lines[first:end]).strip() + "\n"


def played_by_abc2midi(text: str, folder: Path) -> tuple[Counter[tuple[float, float, int]], list[str]]:
    """Return the notes that abc2midi plays (onset and length in quarters, pitch), and the errors that it reports."""
    (folder / "t.mid").unlink(missing_ok=True)
    header, key, body = re.split(r"^(K:.*\n)", text, maxsplit=1, flags=re.MULTILINE)
    (folder / "t.abc").write_text(header + key + MIDI_DIRECTIVES + body)
    output = subprocess.run(
        ["abc2midi", "t.abc", "-o", "t.mid"], cwd=folder, capture_output=True, text=True, errors="replace", check=False
    ).stdout
    file = mido.MidiFile(folder / "t.mid")
    notes: Counter[tuple[float, float, int]] = Counter()
    for track in file.tracks:
        tick, sounding = 0, {}
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = tick
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                onset = sounding.pop(message.note)
                notes[onset / file.ticks_per_beat, (tick - onset) / file.ticks_per_beat, message.note] += 1
    return notes, re.findall(r"Error in line-char \S+ : (.*)", output)


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
                if before == after:
                    same[path.stem] += 1
                    continue
                place = f"{path.stem} {piece.origin.place} {piece.content.title!r}"
                if errors:
                    source_errors.append(f"{place}: {errors[0]}")
                    continue
                missing = (before - after).total()
                differ.append(f"{place}: {missing} of {before.total()} notes; losses: {dict(example.dropped)}")
    total = sum(len(book) for book in pieces.values())
    print("\n".join(["abc2midi reports an error in the source:", *source_errors, "other differences:", *differ]))
    summary = {"tunes": total, "same": dict(same), "source_has_errors": len(source_errors), "differ": len(differ)}
    print(json.dumps(summary | {"differ_per_cent": round(100 * len(differ) / total, 2)}))


if __name__ == "__main__":
    main()
