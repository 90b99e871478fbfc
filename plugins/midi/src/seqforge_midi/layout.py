"""How a song is written as a score or a picture."""

from dataclasses import dataclass
from typing import Literal

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
