"""Tune books into pieces, and pieces into books, MIDI, MusicXML, engravings and sound."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal

from seqforge import Checks, Fingerprints, Origin, Piece, Plugin, ReadError, flag
from seqforge_abc.asking import Request
from seqforge_abc.codec import AbcCodec
from seqforge_abc.disputed import disputed
from seqforge_abc.lint import findings
from seqforge_abc.reading import read_book
from seqforge_abc.tune import Tune
from seqforge_abc.writing import book_to_abc

RUN = 16
"""Tunes with so many intervals in a row in common are kept together."""


@dataclass(frozen=True)
class Options:
    """How to encode tunes."""

    encoding: Literal["tokens", "char"] = flag("tokens", help="what a step is: a sign of the music, or a character")


class Abc(Plugin, Fingerprints, Checks):
    """Reads and writes folk tunes in ABC notation."""

    name = "abc"
    summary = "folk tunes in ABC notation; writes abc, MIDI, MusicXML, engraved SVG and sound"
    unit = "note"
    reads = (".abc", ".txt")
    writes = (".abc", ".mid", ".musicxml", ".svg", ".wav")
    books = (".abc", ".svg")
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = AbcCodec
    settings: ClassVar[dict[str, Any]] = {"minutes": 5.0}

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield the tunes of a book; a tune that cannot be read is an error with its line."""
        for found in read_book(path):
            if isinstance(found, ReadError):
                yield found
            else:
                yield Piece(found[0], origin=Origin(str(path), f"line {found[1]}"))

    def fit(self, pieces: Iterable[Piece], options: Any) -> AbcCodec:
        return AbcCodec.fit(pieces, options)

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        """Write tunes in the format of the suffix; each says where it came from."""
        from seqforge_abc import export

        tunes = [_told(piece, number) for number, piece in enumerate(pieces, 1)]
        match path.suffix.lower():
            case ".mid":
                export.write_midi(tunes[0], path)
            case ".musicxml":
                export.write_musicxml(tunes[0], path)
            case ".svg":
                export.write_svg(tunes, path)
            case ".wav":
                export.write_wav(tunes[0], path)
            case _:
                path.write_text(book_to_abc(tunes), encoding="utf-8")

    def fingerprints(self, piece: Piece) -> Iterable[int]:
        """Return a key for every run of intervals of a tune; one of the whole where it is shorter."""
        heights = [note.pitches[-1].midi for note in piece.content.notes() if note.pitches]
        steps = bytes((after - before) & 0xFF for before, after in pairwise(heights))
        runs = {steps[first : first + RUN] for first in range(max(1, len(steps) - RUN + 1))}
        if len(steps) < RUN:
            runs = {repr(piece.content.music).encode()}
        return [int.from_bytes(hashlib.blake2b(run, digest_size=8).digest(), "little") for run in sorted(runs)]

    def violations(self, piece: Piece) -> Sequence[str]:
        """Return which bars of a tune do not fill its meter, and what programs disagree about in it.

        What it calls right is what programs agree on; many a real tune that people play without a doubt is not.
        """
        return [*findings(piece.content), *disputed(piece.content)]


def _told(piece: Piece, number: int) -> Tune:
    """Return a tune with a title, and with the comment that says where it came from."""
    tune: Tune = piece.content
    origin = piece.origin
    title = tune.title or " ".join(filter(None, (tune.rhythm.capitalize() or "Tune", str(number), "in", str(tune.key))))
    comments = (f"made by seqforge: {origin.file}, {origin.place}",) if origin else ()
    return dataclasses.replace(tune, title=title, comments=comments)
