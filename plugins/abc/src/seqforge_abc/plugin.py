"""The ABC plugin: it reads tune books and writes ABC, MIDI, MusicXML, engraved SVG, PDF and PNG, and sound."""

import dataclasses
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqforge import (
    CarriesProvenance,
    Checks,
    Describes,
    Edits,
    Fingerprints,
    FromText,
    Loops,
    Origin,
    Piece,
    Plugin,
    Prepares,
    Preview,
    Previews,
    ReadError,
)
from seqforge_abc import lint, structure
from seqforge_abc.ambiguities import ambiguities
from seqforge_abc.codec import AbcCodec
from seqforge_abc.options import AbcOptions
from seqforge_abc.preview_regions import bar_regions
from seqforge_abc.provenance import embed_comment, extract_comment
from seqforge_abc.reader import read_tunes
from seqforge_abc.request import AbcRequest
from seqforge_abc.tune import Tune
from seqforge_abc.tune_files import IMPORT_SUFFIXES, read_tune_file
from seqforge_abc.writer import book_to_abc

FINGERPRINT_INTERVALS = 16
"""Two tunes with this many equal consecutive intervals belong to the same split."""


class Abc(
    Plugin[Tune, AbcOptions, AbcRequest],
    Fingerprints[Tune],
    FromText[Tune],
    Checks[Tune],
    Describes[Tune],
    Loops[Tune],
    Prepares,
    Previews[Tune],
    Edits[Tune],
    CarriesProvenance,
):
    """Reads and writes folk tunes in ABC notation.

    Example:
        from pathlib import Path

        from seqforge_abc import Abc, AbcOptions

        for piece in Abc().read(Path("session.abc"), AbcOptions()):
            print(piece)
    """

    name = "abc"
    summary = "folk tunes in ABC notation; writes ABC, MIDI, MusicXML, engraved SVG, PDF and PNG, and sound"
    unit = "note"
    reads = (".abc", ".txt")
    imports = IMPORT_SUFFIXES
    writes = (".abc", ".mid", ".musicxml", ".svg", ".wav", ".pdf", ".png")
    multi_piece = (".abc", ".svg", ".pdf")
    provenance_suffixes = (".abc", ".mid", ".svg", ".png")
    Options = AbcOptions
    Request = AbcRequest
    codec = AbcCodec
    native = False
    edits = ("continue", "vary", "rewrite")
    edit_suffix = ".abc"
    training_defaults: ClassVar[dict[str, Any]] = {"minutes": 5.0}

    def read(self, path: Path, options: AbcOptions) -> Iterator[Piece[Tune] | ReadError]:
        """Yield the tunes of a book, and a ReadError with the line of each tune that cannot be read.

        Tables of tunes, MusicXML and MIDI are read too.
        """
        for item in read_tune_file(path):
            if isinstance(item, ReadError):
                yield item
            else:
                tune, place = item
                yield Piece(tune, origin=Origin(str(path), place))

    def piece_from_text(self, text: str, options: AbcOptions) -> Piece[Tune] | ReadError:
        """Return the tune that an ABC text contains; several tunes are an error."""
        items = list(read_tunes(io.BytesIO(text.encode("utf-8", "replace"))))
        errors = [item for item in items if isinstance(item, ReadError)]
        tunes = [item[0] for item in items if not isinstance(item, ReadError)]
        if errors:
            return ReadError(errors[0].reason)
        if len(tunes) > 1:
            return ReadError(f"contains {len(tunes)} tunes; a cell contains one tune")
        return Piece(tunes[0])

    def write(self, pieces: Sequence[Piece[Tune]], path: Path) -> None:
        """Write tunes in the format of the suffix, with a title and a comment that names the origin."""
        from seqforge_abc import export

        tunes = [_with_title_and_origin(piece, number) for number, piece in enumerate(pieces, 1)]
        match path.suffix.lower():
            case ".mid":
                export.write_midi(tunes[0], path)
            case ".musicxml":
                export.write_musicxml(tunes[0], path)
            case ".svg":
                export.write_svg(tunes, path)
            case ".pdf":
                export.write_pdf(tunes, path)
            case ".png":
                export.write_png(tunes[0], path)
            case ".wav":
                export.write_wav(tunes[0], path)
            case _:
                path.write_text(book_to_abc(tunes), encoding="utf-8")

    def prepare_write(self, suffix: str) -> None:
        """Start the engraver for .svg, .pdf and .png."""
        if suffix in (".svg", ".pdf", ".png"):
            from seqforge_abc import engraving

            engraving.start()

    def preview(self, piece: Piece[Tune]) -> Preview:
        """Return the engraved tune, its sound and its ABC text, and where its bars are."""
        preview = Preview.from_files(self.write, piece, svg=".svg", audio=".wav", text=".abc")
        return dataclasses.replace(preview, regions=bar_regions(piece.content, preview.svg))

    def sketch(self, piece: Piece[Tune]) -> Preview:
        """Return the ABC text of a tune."""
        return Preview.from_files(self.write, piece, text=".abc")

    def edit(self, kind: str, path: str, numbers: Sequence[int]) -> Mapping[str, Any]:
        """Return the field that writes a second part, varies a tune, or rewrites some of its bars."""
        if kind == "rewrite":
            return {"infill": f"{path}:{','.join(map(str, numbers))}"}
        return {"answer" if kind == "continue" else "vary": path}

    def write_loop(self, piece: Piece[Tune], path: Path) -> None:
        from seqforge_abc import export

        export.write_wav(piece.content, path, loop=True)

    def embed(self, data: bytes, record: str, suffix: str) -> bytes:
        """Return a file with a record in it; in ABC, it stands in comments at the end."""
        return embed_comment(data, record) if suffix == ".abc" else super().embed(data, record, suffix)

    def extract(self, data: bytes, suffix: str) -> tuple[str, bytes] | None:
        """Return the record of a file and the file without it, None if there is no record."""
        return extract_comment(data) if suffix == ".abc" else super().extract(data, suffix)

    def fingerprints(self, piece: Piece[Tune]) -> Iterable[int]:
        """Return a key for each sequence of 16 intervals, or for the elements of a tune that is shorter."""
        intervals = bytes(interval & 0xFF for interval in structure.melody_intervals(piece.content))
        length = FINGERPRINT_INTERVALS
        runs = {intervals[start : start + length] for start in range(max(1, len(intervals) - length + 1))}
        if len(intervals) < length:
            runs = {repr(piece.content.elements).encode()}
        return [int.from_bytes(hashlib.blake2b(run, digest_size=8).digest(), "little") for run in sorted(runs)]

    def describe(self, piece: Piece[Tune]) -> Mapping[str, np.ndarray]:
        """Return the pitches, degrees, intervals, note lengths and numbers of bars of a tune."""
        return structure.statistics(piece.content)

    def trace(self, piece: Piece[Tune]) -> Sequence[int]:
        """Return the intervals of the melody in semitones."""
        return structure.melody_intervals(piece.content)

    def measure(self, pieces: Sequence[Piece[Tune]]) -> Mapping[str, float]:
        """Return how tunes end, which bars return, and how their melodies move."""
        return structure.structure([piece.content for piece in pieces])

    def similarity(self, piece: Piece[Tune]) -> np.ndarray:
        """Return the similarity of each pair of bars, shape (bars, bars)."""
        return structure.similarity_matrix(piece.content)

    def violations(self, piece: Piece[Tune]) -> Sequence[str]:
        """Return the bars of a wrong length, and the passages that programs read differently.

        Many real tunes have violations.
        """
        return [*lint.violations(piece.content), *ambiguities(piece.content)]


def _with_title_and_origin(piece: Piece[Tune], number: int) -> Tune:
    """Return a tune with a title, and with a comment that names the model, seed and number that generated it."""
    tune, origin = piece.content, piece.origin
    name = tune.rhythm.capitalize() or "Tune"
    title = tune.title or f"{name} {number} in {tune.key}"
    comments = (f"made by seqforge: {origin.file}, {origin.place}",) if origin else ()
    return dataclasses.replace(tune, title=title, comments=(*comments, *tune.comments))
