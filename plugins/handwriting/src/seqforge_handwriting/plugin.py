"""Strokes of a pen into ink, and ink into drawings."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from seqforge import Fingerprints, Origin, Piece, Plugin, ReadError
from seqforge_handwriting.asking import Letter
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.drawing import fitted, write
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.options import Options, Request
from seqforge_handwriting.reading import SUFFIXES, read_ink
from seqforge_handwriting.shape import frame_once
from seqforge_handwriting.thinning import lightened

TALLEST = 7.0
"""X-heights of a line of writing, from the top of its letters to the bottom."""


class Handwriting(Plugin, Fingerprints):
    """Reads strokes and writes drawings."""

    name = "handwriting"
    summary = "handwriting as strokes of a pen; writes a text by hand as SVG, PNG or strokes"
    unit = "point"
    reads = tuple(SUFFIXES)
    writes = (".svg", ".png", ".json")
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = InkCodec
    settings: ClassVar[Mapping[str, Any]] = {
        "layers": 3, "hidden": 320, "embedding": 64, "dropout": 0.1, "recurrent_dropout": 0.0, "window": 96,
        "batch_size": 32, "learning_rate": 3e-3, "average": 400,
    }  # fmt: skip

    controls: ClassVar[Mapping[str, Any]] = {"bias": 0.75}

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield the ink of a file: of a .jsonl, that of each line."""
        for found in read_ink(path):
            if isinstance(found, ReadError):
                yield found
                continue
            ink = found.ink
            if len(ink.points) > 1:
                frame = frame_once(ink)
                _, top, _, bottom = frame.apply(ink).bounds
                if bottom - top > TALLEST:
                    yield ReadError(
                        f"the writing is {bottom - top:.0f} x-heights tall, as if it stood on two rows; give each row a"
                        " sample of its own",
                        file=f"{path}, {found.place}" if found.place else str(path),
                    )
                    continue
                ink = lightened(ink, path.suffix, options.thin * frame.x_height)
            yield Piece(ink, labels=dict(found.labels), origin=Origin(str(path), found.place))

    def fit(self, pieces: Iterable[Piece], options: Any) -> InkCodec:
        return InkCodec.fit(pieces, options)

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        """Write ink in the format of the suffix."""
        piece = pieces[0]
        told = f"made by seqforge: {piece.origin.file}, {piece.origin.place}" if piece.origin else ""
        if isinstance(piece.content, Letter):
            write(piece.content.pages, path, piece.content.pen, told=told)
        else:
            write([fitted(piece.content, margin=2.0)], path, told=told)

    def fingerprints(self, piece: Piece) -> Iterable[int]:
        """Return keys of what stands out in a writer's line: the line itself."""
        ink: Ink = piece.content
        data = ink.points.round(1).tobytes() + ink.text.encode()
        return [int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")]
