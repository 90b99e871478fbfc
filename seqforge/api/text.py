"""Pieces as text, for display."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge.plugin import AnyPlugin, Piece
from seqforge.plugin.validation import write_pieces

PROBE = "text " * 40
"""A content that is longer than a line of the formats that break lines."""


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
    try:
        return file_bytes(plugin, pieces, plugin.writes[0]).decode("utf-8")
    except UnicodeDecodeError:
        return None


def is_plain_text(plugin: AnyPlugin) -> bool:
    """Return whether a file of the plugin's first format is the content of its piece, so that text can be streamed.

    It is false for a format with a header or line breaks of its own, such as FASTA.

    Args:
        plugin: The plugin.
    """
    try:
        return file_bytes(plugin, [Piece(PROBE)], plugin.writes[0]) in {PROBE.encode(), PROBE.encode() + b"\n"}
    except Exception:  # the content of its pieces is no text
        return False
