"""The request to harmonise a melody: one voice of a piece is fixed, and the model writes the others."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqforge import flag

VoiceName = Literal["soprano", "alto", "tenor", "bass"]


@dataclass(frozen=True)
class HarmonyFields:
    """The fields of a request that harmonise a melody."""

    given: Path | None = flag(
        None, help="score, chorale, voices: A MIDI file with one voice; the model writes the other voices to it."
    )
    voice: VoiceName = flag("soprano", help="chorale, voices: Which voice the file of --given has.")

    @property
    def melody_file(self) -> Path | None:
        """The file with the voice that is fixed; None for none."""
        return self.given
