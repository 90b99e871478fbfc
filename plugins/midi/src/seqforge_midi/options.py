"""How to encode songs."""

from dataclasses import dataclass
from typing import Literal

from seqforge import OptionsError, flag
from seqforge_midi.song import TICKS

FINEST, COARSEST = 8, 100


@dataclass(frozen=True)
class Options:
    """How to encode songs."""

    encoding: Literal["score", "performance", "chorale"] = flag(
        "score", help="bars and notes in them; or keys and pauses, as played; or frames of pitches"
    )
    grid: int = flag(12, help="score: steps to a quarter (4, 8, 12, 20, 24, 40 ...)", unit="STEPS")
    shift: int = flag(1, help="score: places to a step of the grid; 1: every note begins on the grid", unit="PLACES")
    velocities: int = flag(32, help="score, performance: levels of loudness", unit="LEVELS")
    resolution: int = flag(10, help="performance: the smallest pause", unit="MILLISECONDS")
    frame: int = flag(4, help="chorale: frames to a whole note", unit="FRAMES")

    def __post_init__(self) -> None:
        if self.grid < 4 or self.grid % 4 or self.shift < 1 or TICKS % (self.grid * self.shift):
            raise OptionsError(
                f"--grid {self.grid} with --microtiming {self.shift} divides no quarter evenly; --grid must be a multiple"
                f" of 4, and grid times shift a divisor of {TICKS}: 4, 8, 12, 24, 48, ..."
            )
        if not 1 <= self.velocities <= 127:
            raise OptionsError(f"--velocity-bins is {self.velocities}; it must be from 1 to 127")
        if not FINEST <= self.resolution <= COARSEST:
            raise OptionsError(f"--resolution is {self.resolution}; it must be from {FINEST} to {COARSEST}")
        if self.frame not in (1, 2, 4, 8, 12, 16, 24, 32):
            raise OptionsError(f"--frame is {self.frame}; allowed are 1, 2, 4, 8, 12, 16, 24 and 32")
