"""A preview: a piece as a picture, as sound and as text, and where its parts are, for a notebook or the studio."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.errors import SeqforgeError
from seqforge.plugin.piece import Piece

__all__ = ["Preview", "Region"]

_Writer = Callable[[Sequence[Piece[Any]], Path], None]
"""The type of `Plugin.write`."""


@dataclass(frozen=True)
class Region:
    """A part of a piece that a person can choose in its preview, such as a bar or a line.

    >>> Region(5, "bar 5", element="bar-5", spans=((8.0, 10.0),)).name
    'bar 5'

    Attributes:
        number: Its number, as `Edits.edit` receives it. Several regions may have one number, such as the two halves of
            a bar that a repeat sign divides.
        name: Its name.
        element: The id of the element of the picture that shows it; "" if the picture has no such element.
        spans: When it sounds, as pairs of start and end in seconds, in order; empty without sound.
        characters: Where it stands in the text of the preview: the numbers of its first character and of the one after
            its last, from 0; equal if the text does not show it.
    """

    number: int
    name: str
    element: str = ""
    spans: tuple[tuple[float, float], ...] = ()
    characters: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Preview:
    """What a person sees and hears of a piece. Each part may be empty.

    >>> Preview(text="O brave new world")
    Preview(svg='', audio=b'', text='O brave new world', regions=(), drawn=False)

    The core escapes the text, removes everything from the picture that could run or load something, and bounds the
    size of all parts.

    Attributes:
        svg: The picture as an SVG document.
        audio: The sound as a WAV file.
        text: The piece as text; it is shown if there is no picture.
        regions: The parts that can be chosen, in the order of the piece.
        drawn: Whether the picture is a drawing by a pen, whose paths can be shown growing one after the other.
    """

    svg: str = ""
    audio: bytes = b""
    text: str = ""
    regions: tuple[Region, ...] = ()
    drawn: bool = False

    @classmethod
    def from_files(
        cls, write: _Writer, piece: Piece[Any], *, svg: str = "", audio: str = "", text: str = ""
    ) -> "Preview":
        """Return the preview whose parts are the files that a plugin writes.

        A part that the plugin cannot write, for example because a library is missing, stays empty.

        Args:
            write: The method `write` of the plugin.
            piece: The piece.
            svg: Suffix of the picture, such as ".svg"; "" for no picture.
            audio: Suffix of the sound, such as ".wav"; "" for no sound.
            text: Suffix of the text, such as ".abc"; "" for no text.
        """
        return cls(
            svg=_written(write, piece, svg).decode("utf-8", "replace"),
            audio=_written(write, piece, audio),
            text=_written(write, piece, text).decode("utf-8", "replace"),
        )


def _written(write: _Writer, piece: Piece[Any], suffix: str) -> bytes:
    """Return the file that the plugin writes for a piece; empty without a suffix, or if it cannot be written."""
    if not suffix:
        return b""
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"piece{suffix}"
        try:
            write([piece], path)
            return path.read_bytes()
        except (SeqforgeError, ImportError, OSError):
            return b""
