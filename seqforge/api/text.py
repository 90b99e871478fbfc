"""Pieces as text, for showing."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from seqforge.plugin.validation import write_pieces
from seqforge.plugin import Piece, Plugin


def text_of(plugin: Plugin, pieces: Sequence[Piece]) -> str | None:
    """Return pieces as the text of their plugin's first format, None where that is no text.

    Args:
        plugin: their domain.
        pieces: one; or several, where the format is one of the plugin's books.
    """
    if len(pieces) == 1 and isinstance(pieces[0].content, str):
        return pieces[0].content
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / f"piece{plugin.writes[0]}"
        write_pieces(plugin, pieces, path)
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None
