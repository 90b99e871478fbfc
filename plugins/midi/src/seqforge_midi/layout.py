"""How a song is written: the title and kind of its score or picture, and the keys of its drums."""

from dataclasses import dataclass, replace
from typing import Literal

from seqforge import flag
from seqforge_midi.key import Key

PictureKind = Literal["roll", "score"]


@dataclass(frozen=True)
class Layout:
    """How a song is written as a score or a picture; it is no part of the music.

    >>> Layout(title="Evening").picture
    'roll'

    Attributes:
        title: The title of the score; "" for none.
        picture: What .svg and .png show: a piano roll or the engraved score.
        key: The key of the score; None if it is estimated from the notes.
    """

    title: str = ""
    picture: PictureKind = "roll"
    key: Key | None = None

    def transposed(self, semitones: int) -> "Layout":
        """Return the layout of the transposed song."""
        if self.key is None:
            return self
        return replace(self, key=self.key.transposed(semitones))


@dataclass(frozen=True)
class ScoreFields:
    """The fields that say how a score or a picture is written."""

    title: str = flag("", help="Title of the score; empty: none.", unit="TEXT")
    as_: Literal["roll", "score"] = flag("roll", help="What .svg and .png show: a piano roll or the score.")


@dataclass(frozen=True)
class ConversionLayout(ScoreFields):
    """How songs are written that are converted.

    >>> ConversionLayout(title="Evening").as_
    'roll'
    """

    kit: Literal["gm", "td"] = flag(
        "gm", help="Drum keys of the files: General MIDI, or a Roland TD kit, which is mapped to General MIDI."
    )


@dataclass(frozen=True)
class LayoutFields(ScoreFields):
    """The fields of a request that say how the result is written."""

    kit: Literal["gm", "td"] = flag(
        "gm", help="Keys of the drums: General MIDI, or those that a model of Roland TD kits writes."
    )
