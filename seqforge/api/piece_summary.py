"""A summary of pieces: place, units and labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqforge.plugin import AnyPlugin, Piece
from seqforge.plugin.fitting import fit_codec
from seqforge.plugin.validation import validate_example, validate_units

__all__ = ["PieceSummary", "summarise"]


@dataclass(frozen=True)
class PieceSummary:
    """The number of units, the labels and the place of a piece.

    >>> PieceSummary("line 12", units=124.0, labels={}).place
    'line 12'

    Attributes:
        place: The place in the file ("line 12"), "" if it is unknown.
        units: The number of natural units; None if the piece cannot be encoded.
        labels: Label name to value.
    """

    place: str
    units: float | None
    labels: Mapping[str, str]


def summarise(plugin: AnyPlugin, pieces: Sequence[Piece[Any]], options: Any = None) -> list[PieceSummary]:
    """Return a summary of each piece; a codec is fitted on the pieces to count their units.

    Example:
        summarise(plugin, file.pieces)

    Args:
        plugin: The plugin that read the pieces.
        pieces: The pieces.
        options: The plugin's options; None for the defaults.
    """
    options = plugin.Options() if options is None else options
    try:
        codec = fit_codec(plugin, pieces, options)
    except Exception:  # the pieces are unsuitable for a model, but can be shown
        codec = None
    return [
        PieceSummary(piece.origin.place if piece.origin else "", _units(plugin, codec, piece), dict(piece.labels))
        for piece in pieces
    ]


def _units(plugin: AnyPlugin, codec: Any, piece: Piece[Any]) -> float | None:
    if codec is None:
        return None
    try:
        example = validate_example(plugin, codec, codec.encode(piece))
        return float(validate_units(plugin, codec, example.steps).sum())
    except Exception:  # a piece that the encoding does not cover
        return None
