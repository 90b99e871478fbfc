"""Previews of pieces: what a plugin shows, or what the files that it writes show."""

from typing import Any

from seqforge.api.text import text_of
from seqforge.api.waveform import waveform
from seqforge.errors import SeqforgeError
from seqforge.plugin import AnyPlugin, Piece, Preview, Previews, Region

__all__ = ["preview_of"]

MAX_REPR = 400
"""The largest number of characters of the representation of a piece that cannot be shown in another way."""


def preview_of(plugin: AnyPlugin, piece: Piece[Any]) -> Preview:
    """Return the preview of a piece.

    A plugin without previews is shown by its files: .svg as the picture, .wav as the sound with its waveform, and the
    first format as text.

    Example:
        preview = preview_of(model.plugin, model.generate()[0])

    Args:
        plugin: The plugin of the piece.
        piece: The piece.
    """
    try:
        if isinstance(plugin, Previews):
            preview = plugin.preview(piece)
            return preview if isinstance(preview, Preview) else Preview()
        formats = {"svg": ".svg", "audio": ".wav"}
        written = {part: suffix for part, suffix in formats.items() if suffix in plugin.writes}
        preview = Preview.from_files(plugin.write, piece, **written)
        text = text_of(plugin, [piece]) or repr(piece.content)[:MAX_REPR]
    except SeqforgeError as error:
        return Preview(text=f"the piece cannot be shown: {error}")
    svg, regions = preview.svg, tuple[Region, ...]()
    if preview.audio and not svg:
        svg, seconds = waveform(preview.audio)
        regions = (Region(1, "sound", element="sound", spans=((0.0, seconds),)),) if svg else ()
    return Preview(svg, preview.audio, text, regions)
