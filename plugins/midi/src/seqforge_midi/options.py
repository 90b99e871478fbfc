"""The options of the plugin: how songs are encoded."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from seqforge import OptionsError, flag
from seqforge_midi.controls import CONTROLLERS
from seqforge_midi.song import TICKS_PER_QUARTER
from seqforge_midi.song_labels import VALUES as SONG_LABELS

MIN_RESOLUTION, MAX_RESOLUTION = 8, 100
FRAMES = (1, 2, 4, 8, 12, 16, 24, 32)


@dataclass(frozen=True)
class MidiOptions:
    """How songs are encoded.

    >>> MidiOptions(encoding="score", grid=24).grid
    24
    """

    encoding: Literal["score", "performance", "chorale", "voices"] = flag(
        "score", help="Bars with notes on a grid, key presses in real time, frames of pitches, or four voices."
    )
    grid: int = flag(12, help="score: Grid steps per quarter note (4, 8, 12, 20, 24, 40, ...).", unit="STEPS")
    microtiming: int = flag(
        1, help="score: Onset positions per grid step; 1 puts every note on the grid.", unit="POSITIONS"
    )
    bar_repeats: bool = flag(
        True, help="score: Announce at its bar line that a bar has the notes of an earlier one, and of which."
    )
    bar_chords: bool = flag(
        True, help="score: Announce at its bar line the chord of a bar, and whether the bar is the last one."
    )
    velocity_bins: int = flag(32, help="score, performance: Number of velocities that are distinguished.", unit="BINS")
    resolution: int = flag(10, help="performance: The smallest time shift.", unit="MILLISECONDS")
    tracks: Literal["keep", "merge"] = flag(
        "keep", help="score, performance: Whether tracks of one program stay apart or become one."
    )
    controllers: str = flag(
        "",
        help="score, performance: Controllers that are encoded, separated by commas: sustain, expression, bend;"
        " performance always encodes sustain.",
        unit="NAMES",
    )
    frame: int = flag(4, help="chorale: Frames per whole note.", unit="FRAMES")
    song_labels: str = flag(
        "",
        help="Labels that are computed from each song, separated by commas: key, density, polyphony.",
        unit="NAMES",
    )
    kit: Literal["gm", "td"] = flag(
        "gm", help="Drum keys of the files: General MIDI, or a Roland TD kit, which is mapped to General MIDI."
    )

    def __post_init__(self) -> None:
        if self.grid < 4 or self.grid % 4 or TICKS_PER_QUARTER % self.grid:
            allowed = f"a multiple of 4 that divides {TICKS_PER_QUARTER}, such as 4, 8, 12, 20, 24, 40 or 48"
            raise OptionsError.invalid("grid", self.grid, allowed)
        if self.microtiming < 1 or TICKS_PER_QUARTER % (self.grid * self.microtiming):
            quotient = TICKS_PER_QUARTER // self.grid
            allowed = f"a divisor of {quotient} if `grid` is {self.grid}"
            raise OptionsError.invalid("microtiming", self.microtiming, allowed)
        if not 1 <= self.velocity_bins <= 127:
            raise OptionsError.invalid("velocity_bins", self.velocity_bins, "from 1 to 127")
        if not MIN_RESOLUTION <= self.resolution <= MAX_RESOLUTION:
            raise OptionsError.invalid("resolution", self.resolution, f"from {MIN_RESOLUTION} to {MAX_RESOLUTION}")
        allowed = ", ".join(CONTROLLERS)
        if not set(self.controller_names) <= set(CONTROLLERS):
            raise OptionsError.invalid("controllers", self.controllers, f"empty, or some of {allowed}")
        if self.controllers and self.encoding in ("chorale", "voices"):
            allowed = f"empty if `encoding` is {self.encoding}, which has pitches only"
            raise OptionsError.invalid("controllers", self.controllers, allowed)
        if self.frame not in FRAMES:
            raise OptionsError.invalid("frame", self.frame, f"one of {', '.join(map(str, FRAMES))}")

        if not set(self.label_names) <= set(SONG_LABELS):
            raise OptionsError.invalid("song_labels", self.song_labels, f"empty, or some of {', '.join(SONG_LABELS)}")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels that are computed, in the order of SONG_LABELS; unknown ones are last."""
        return _names(self.song_labels, SONG_LABELS)

    @property
    def controller_names(self) -> tuple[str, ...]:
        """The names of the controllers that are encoded, in the order of CONTROLLERS; unknown ones are last."""
        return _names(self.controllers, CONTROLLERS)


def _names(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a text separates by commas, in the order of the known ones; unknown ones are last."""
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    return (*(name for name in known if name in names), *sorted(names.difference(known)))
