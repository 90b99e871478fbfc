"""The request to edit a file: which bars of which tracks are written anew."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seqforge import RequestError, flag
from seqforge_midi.midi_parts import Part, select_parts

_SELECTION = re.compile(r"\s*(?:(?P<tracks>.+?):)?\s*(?P<first>\d+)\s*(?:-\s*(?P<last>\d+)\s*)?(?:,|$)")
ALLOWED = "bars such as 5-8, or tracks and bars such as Piano:5-8,Bass:9-12; the first bar is 1"


@dataclass(frozen=True)
class EditFields:
    """The fields of a request that edit the prompt file."""

    infill: str = flag(
        "",
        help="score, chorale, voices: Bars of the file to rewrite, such as 5-8 in all tracks. score, chorale: bars of"
        " some tracks, such as Piano:5-8,Bass:9-12.",
        unit="TRACKS:BARS",
    )
    map: str = flag(
        "",
        help="score: Programs of the file that the model reads as others, such as 81=0. Default: the nearest ones.",
        unit="PROGRAMS",
    )


class Selection(NamedTuple):
    """Bars of some parts that are written anew.

    Attributes:
        parts: The parts.
        first: The first bar, from 0.
        end: The bar after the last one.
        is_explicit: Whether the request names the parts; else they are all parts.
    """

    parts: tuple[Part, ...]
    first: int
    end: int
    is_explicit: bool


def parse_selections(text: str, parts: Sequence[Part], bars: int) -> list[Selection]:
    """Return the bars and parts that a text such as "Piano:5-8,Bass:9-12" names, ordered by the first bar.

    Args:
        text: The text; bars without tracks mean all tracks, and `+` joins several tracks.
        parts: The parts of the file.
        bars: The number of bars of the file.

    Raises:
        RequestError: If the text is malformed, or names tracks or bars that the file lacks.
    """
    selections: list[Selection] = []
    position = 0
    while position < len(text):
        match = _SELECTION.match(text, position)
        if match is None:
            raise RequestError.invalid("infill", text, ALLOWED)
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if not 1 <= first <= last:
            raise RequestError.invalid("infill", text, ALLOWED)
        if last > bars:
            raise RequestError.invalid("infill", text, f"within the {bars} bars of the file")
        tracks = match["tracks"]
        chosen = select_parts(tracks, parts, "infill", text) if tracks else parts
        selections.append(Selection(tuple(chosen), first - 1, last, bool(tracks)))
        position = match.end()
    return sorted(selections, key=lambda selection: selection.first)
