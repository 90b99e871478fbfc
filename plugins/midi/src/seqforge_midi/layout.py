"""How a song is written: the title and kind of its score or picture, and the keys of its drums."""

from dataclasses import dataclass
from typing import Literal

from seqforge import flag

PictureKind = Literal["roll", "score"]


@dataclass(frozen=True)
class Layout:
    """How a song is written as a score or a picture; it is no part of the music.

    >>> Layout(title="Evening").picture
    'roll'

    Attributes:
        title: The title of the score; "" for none.
        picture: What .svg and .png show: a piano roll or the engraved score.
    """

    title: str = ""
    picture: PictureKind = "roll"


@dataclass(frozen=True)
class LayoutFields:
    """The fields of a request that say how the result is written."""

    title: str = flag("", help="Title of the score; empty: none.", unit="TEXT")
    as_: Literal["roll", "score"] = flag("roll", help="What .svg and .png show: a piano roll or the score.")
    kit: Literal["gm", "td"] = flag(
        "gm", help="Keys of the drums: General MIDI, or those that a model of Roland TD kits writes."
    )
