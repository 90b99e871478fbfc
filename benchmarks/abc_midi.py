"""What abc2midi plays of every bundled tune, before and after our encoding: note for note the same?

    python benchmarks/abc_midi.py

A tune is read, kept as the codec keeps it, encoded, decoded and written. Of the source text and of ours abc2midi
makes MIDI; the notes (start, length and pitch, without the chords it adds) are compared. Those that differ are
listed: with the error that abc2midi reports in the source, of which it then skips a part, or else with what the
encoding says it leaves out. Needs abc2midi (Debian: abcmidi).
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
from seqforge_abc import Abc, AbcCodec, Options
from seqforge_abc.writing import tune_to_abc

BOOKS = ("cre", "oneills1850", "ryans")
PLAIN = "%%MIDI gchordoff\n%%MIDI chordattack 0\n%%MIDI grace 1/4\n"
"""No accompaniment, the notes of a chord at once, and grace notes of a length that does not depend on the L: field."""


def source_of(lines: list[str], place: str) -> str:
    """Return the text of the tune that begins at a place ("line 12")."""
    first = int(place.split()[-1]) - 1
    after = next((at for at in range(first + 1, len(lines)) if lines[at].startswith("X:")), len(lines))
    return "\n".join(lines[first:after]).strip() + "\n"


def played(text: str, folder: Path) -> tuple[Counter[tuple[float, float, int]], list[str]]:
    """Return what abc2midi makes of a tune: its notes (start, length in quarters, pitch), and the errors it reports."""
    (folder / "t.mid").unlink(missing_ok=True)
    head, key, body = re.split(r"^(K:.*\n)", text, maxsplit=1, flags=re.MULTILINE)
    (folder / "t.abc").write_text(head + key + PLAIN + body)
    said = subprocess.run(
        ["abc2midi", "t.abc", "-o", "t.mid"], cwd=folder, capture_output=True, text=True, errors="replace", check=False
    ).stdout
    file = mido.MidiFile(folder / "t.mid")
    found: Counter[tuple[float, float, int]] = Counter()
    for track in file.tracks:
        now, sounding = 0, {}
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = now
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                began = sounding.pop(message.note)
                found[began / file.ticks_per_beat, (now - began) / file.ticks_per_beat, message.note] += 1
    return found, re.findall(r"Error in line-char \S+ : (.*)", said)


def main() -> None:
    """Compare all tunes and print those that differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="of each book, every so many-th tune")
    asked = parser.parse_args()
    plugin, same, differ, misread = Abc(), Counter(), [], []
    pieces = {}
    for book in BOOKS:
        path = Path(seqforge_corpora.__file__).parent / book / f"{book}.abc"
        pieces[path] = [piece for piece in plugin.read(path, Options()) if isinstance(piece, Piece)][:: asked.every]
    codec = AbcCodec.fit([piece for found in pieces.values() for piece in found], Options())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, found in pieces.items():
            lines = path.read_text(encoding="utf-8").splitlines()
            for piece in found:
                ours = tune_to_abc(codec.decode(codec.encode(piece)).content)
                before, errors = played(source_of(lines, piece.origin.place), folder)
                after, _ = played(ours, folder)
                if before == after:
                    same[path.stem] += 1
                    continue
                if errors:
                    misread += [f"{path.stem} {piece.origin.place} {piece.content.title!r}: {errors[0]}"]
                    continue
                lacking, every = sum((before - after).values()), sum(before.values())
                where = f"{path.stem} {piece.origin.place} {piece.content.title!r}"
                differ.append(f"{where}: {lacking} of {every} notes; left out: {dict(codec.unseen(piece))}")
    total = sum(len(found) for found in pieces.values())
    print("\n".join(["abc2midi reports an error in the source:", *misread, "they differ:", *differ]))
    told = {"tunes": total, "same": dict(same), "source_has_errors": len(misread), "differ": len(differ)}
    print(json.dumps(told | {"differ_per_cent": round(100 * len(differ) / total, 2)}))


if __name__ == "__main__":
    main()
