"""Pieces as text, for display."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge.plugin import AnyPlugin, Piece
from seqforge.plugin.validation import write_pieces


def file_bytes(plugin: AnyPlugin, pieces: Sequence[Piece[Any]], suffix: str) -> bytes:
    """Return the bytes of a file that the plugin writes.

    Args:
        plugin: The plugin.
        pieces: One piece, or several if the format holds several.
        suffix: The suffix of the format.
    """
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"piece{suffix}"
        write_pieces(plugin, pieces, path)
        return path.read_bytes()


def text_of(plugin: AnyPlugin, pieces: Sequence[Piece[Any]]) -> str | None:
    """Return pieces as text in the plugin's first format; None if that format is not text.

    Example:
        print(text_of(model.plugin, model.generate(1)))

    Args:
        plugin: The plugin.
        pieces: One piece, or several if the format holds several.
    """
    if len(pieces) == 1 and isinstance(pieces[0].content, str):
        return pieces[0].content
    try:
        return file_bytes(plugin, pieces, plugin.writes[0]).decode("utf-8")
    except UnicodeDecodeError:
        return None
