"""Fidelity of reading ABC collections, judged by abc2midi and abcjs.

    npm install --prefix FOLDER abcjs
    python benchmarks/abc_collections.py --abcjs FOLDER BOOK.abc COLLECTION/ COLLECTION/:500
    python benchmarks/abc_collections.py                            # the bundled books, with abc2midi alone

Each tune of a collection, which is a file or a folder of .abc files, is read, encoded, decoded and written. Both
programs play the source text and the written text. A tune is changed according to a program if the onset, length or
pitch of a note differs. Tempo and parts are kept (`--keep tempo,parts`), since abc2midi plays parts in their order and
derives the notes of a trill from the tempo. Of a tune with several voices, the written text is compared with each.
`:500` compares 500 tunes, evenly spaced.

A table has one row per collection. The tunes that both programs call changed are listed with an explanation. A typing
error that seqforge corrects explains a change if a program plays the source without the error as it plays the written
text (`_corrections.py`); the column "remain" counts the other tunes. Their explanation is a passage that the programs
read differently from each other, or an error that abc2midi reports. Tunes without an explanation come first. Requires
abc2midi (Debian package abcmidi), and node for abcjs.
"""

import argparse
import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from _corrections import corrected, disagreement
from _players import Note, played_by_abc2midi, played_by_abcjs, same_notes, source_text

import seqforge_corpora
from seqforge import Piece, ReadError
from seqforge_abc import Abc, AbcCodec, AbcOptions
from seqforge_abc.tune import Tune
from seqforge_abc.writer import tune_to_abc

HEADINGS = (
    "| collection | tunes | read | skipped | compared | changed: abc2midi | abcjs | both | per cent "
    "| remain | per cent | unexplained |"
)
BOOKS = ("cre", "oneills1850", "ryans")


@dataclass
class Collection:
    """The result for one collection.

    Attributes:
        name: The name of the file or folder.
        tunes: The number of tunes, skipped ones included.
        read: The number of tunes that were read.
        skipped: The reasons for which tunes were skipped, with counts.
        places: The place of each compared tune.
        sources: The source text of each compared tune.
        losses: What encoding each compared tune loses.
        errors: The errors that abc2midi reports in each source.
        changed: For each program, whether each tune is changed.
        corrections: The typing errors that explain the change of a tune, by the number of the tune.
    """

    name: str
    tunes: int = 0
    read: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    places: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    losses: list[dict[str, int]] = field(default_factory=list)
    errors: list[list[str]] = field(default_factory=list)
    changed: dict[str, list[bool]] = field(default_factory=dict)
    corrections: dict[int, list[str]] = field(default_factory=dict)

    def row(self) -> str:
        """Return the row of the table."""
        both = self.changed_by_both()
        numbers = (self.tunes, self.read, self.skipped.total(), len(self.places))
        changed = [str(sum(self.changed[name])) if name in self.changed else "" for name in ("abc2midi", "abcjs")]
        remaining = len(both) - len(self.corrections)
        shares = [f"{100 * count / max(1, len(self.places)):.2f}" for count in (len(both), remaining)]
        unexplained = sum(not self.explanation(number) for number in both)
        cells = [*map(str, numbers), *changed, str(len(both)), shares[0], str(remaining), shares[1], str(unexplained)]
        return " | ".join(["", self.name, *cells, ""]).strip()

    def changed_by_both(self) -> list[int]:
        """Return the numbers of the tunes that every program calls changed; unexplained ones come first."""
        numbers = [number for number in range(len(self.places)) if all(c[number] for c in self.changed.values())]
        return sorted(numbers, key=lambda number: bool(self.explanation(number)))

    def explanation(self, number: int) -> str:
        """Return why a tune is changed; "" if it is not known."""
        if number in self.corrections:
            return f"corrected: {'; '.join(self.corrections[number])}"
        if reason := disagreement(self.sources[number]):
            return f"programs disagree: {reason}"
        errors = self.errors[number]
        return f"abc2midi reports in the source: {errors[0]}" if errors else ""


def read_collection(path: Path, limit: int) -> tuple[Collection, list[tuple[Piece[Tune], str]]]:
    """Return a collection and the tunes to compare, with their source text.

    Args:
        path: A file or a folder.
        limit: The largest number of tunes to compare; 0 for all.
    """
    collection = Collection(path.name)
    items: list[tuple[Piece[Tune], str]] = []
    for file in sorted(path.rglob("*.abc")) if path.is_dir() else [path]:
        data = file.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for item in Abc().read(file, AbcOptions()):
            collection.tunes += 1
            if isinstance(item, ReadError):
                collection.skipped[re.sub(r"\d+(?:/\d+)?", "N", item.reason)] += 1
                continue
            assert item.origin is not None
            items.append((item, source_text(lines, item.origin.place)))
    collection.read = len(items)
    if limit:
        items = items[:: max(1, len(items) // limit)][:limit]
    return collection, items


def compare(collection: Collection, items: list[tuple[Piece[Tune], str]], abcjs: Path | None) -> None:
    """Play the source and the written text of each tune with abc2midi, and with abcjs if its folder is named."""
    codec = AbcCodec.fit([piece for piece, _ in items], AbcOptions(keep="tempo,parts"))
    sources = collection.sources = [text for _, text in items]
    written = []
    for piece, _ in items:
        example = codec.encode(piece)
        written.append(tune_to_abc(codec.decode(example).content))
        origin = piece.origin
        assert origin is not None
        collection.places.append(f"{Path(origin.file).name} {origin.place} {piece.content.title!r}")
        collection.losses.append(dict(example.dropped))
    played: dict[str, tuple[list[list[list[Note]] | None], list[list[list[Note]] | None]]] = {}
    with tempfile.TemporaryDirectory() as name:
        before = [played_by_abc2midi(text, Path(name)) for text in sources]
        collection.errors = [errors for _, errors in before]
        after = [played_by_abc2midi(text, Path(name))[0] for text in written]
    played["abc2midi"] = [tracks for tracks, _ in before], after
    if abcjs is not None:
        played["abcjs"] = played_by_abcjs(sources, abcjs), played_by_abcjs(written, abcjs)
    for program, (old, new) in played.items():
        collection.changed[program] = [not same_notes(a, b) for a, b in zip(old, new, strict=True)]
    numbers = [number for number in collection.changed_by_both() if corrected(sources[number])[1]]
    texts = [corrected(sources[number])[0] for number in numbers]
    with tempfile.TemporaryDirectory() as name:
        replayed = {"abc2midi": [played_by_abc2midi(text, Path(name))[0] for text in texts]}
    if abcjs is not None:
        replayed["abcjs"] = played_by_abcjs(texts, abcjs)
    for place, number in enumerate(numbers):
        if any(same_notes(replayed[program][place], played[program][1][number]) for program in replayed):
            collection.corrections[number] = corrected(sources[number])[1]


def main() -> None:
    """Compare the collections and print the table and the changed tunes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", nargs="*", metavar="PATH[:N]", help="a file or folder; N tunes of it, or all")
    parser.add_argument("--abcjs", type=Path, help="the folder in which npm installed abcjs")
    parser.add_argument("--all", action="store_true", help="list also the tunes that one program calls changed")
    args = parser.parse_args()
    collections = []
    corpora = Path(seqforge_corpora.__file__).parent
    for argument in args.collections or [str(corpora / book / f"{book}.abc") for book in BOOKS]:
        name, _, limit = argument.rpartition(":") if argument.rpartition(":")[2].isdigit() else (argument, "", "0")
        collection, items = read_collection(Path(name), int(limit))
        compare(collection, items, args.abcjs)
        collections.append(collection)
        for why, count in collection.skipped.most_common():
            print(f"{collection.name}: skipped {count}: {why}", flush=True)
        both = collection.changed_by_both()
        for number in both:
            why = collection.explanation(number) or f"unexplained; losses: {json.dumps(collection.losses[number])}"
            print(f"both: {collection.places[number]}: {why}", flush=True)
        reasons = Counter(name for names in collection.corrections.values() for name in names)
        print(*(f"{collection.name}: corrected {count}: {name}" for name, count in reasons.most_common()), sep="\n")
        for program, changed in collection.changed.items() if args.all else ():
            for number in [number for number, value in enumerate(changed) if value and number not in both]:
                print(f"{program}: {collection.places[number]}: {collection.errors[number][:1]}", flush=True)
    print(f"{HEADINGS}\n|{' --- |' * (HEADINGS.count('|') - 1)}")
    print("\n".join(collection.row() for collection in collections))


if __name__ == "__main__":
    main()
