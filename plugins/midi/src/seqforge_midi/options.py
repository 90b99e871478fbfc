"""The options of the plugin: how songs are encoded."""

from dataclasses import dataclass
from typing import Literal

from seqforge import OptionsError, flag
from seqforge_midi.song import TICKS_PER_QUARTER

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
    velocity_bins: int = flag(32, help="score, performance: Number of velocities that are distinguished.", unit="BINS")
    resolution: int = flag(10, help="performance: The smallest time shift.", unit="MILLISECONDS")
    frame: int = flag(4, help="chorale: Frames per whole note.", unit="FRAMES")

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
        if self.frame not in FRAMES:
            raise OptionsError.invalid("frame", self.frame, f"one of {', '.join(map(str, FRAMES))}")
