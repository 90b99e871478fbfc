"""Scores with fixed and free notes, and the states of their automaton."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Phase = Literal[
    "start",
    "header",  # after a bar line: its time signature and tempo are missing
    "open",  # between notes
    "position",
    "microtiming",
    "program",
    "pitch",  # the duration is missing
    "velocity",  # the duration is missing
    "drum",  # the velocity may follow
    "end",
]
"""The last token, and where it was."""

NO_NOTE = (-1, -1)


class FixedNote(NamedTuple):
    """A note that stands in the score.

    Attributes:
        bar: The number of the bar.
        position: The position in the bar.
        microtiming: The deviation from the position.
        program: The program; DRUMS for a drum.
        pitch: The pitch.
        velocity: The bin of the velocity.
        duration: The duration in units of the encoding; 0 for a drum.
    """

    bar: int
    position: int
    microtiming: int
    program: int
    pitch: int
    velocity: int
    duration: int

    @property
    def onset(self) -> tuple[int, int, int]:
        """Bar, position and microtiming."""
        return self[:3]


class FreeVoice(NamedTuple):
    """What a program may play in a bar.

    Attributes:
        pitches: The pitches.
        most: The largest number of free notes at one onset.
    """

    pitches: frozenset[int]
    most: int


@dataclass(frozen=True, eq=False)
class ScoreWindow:
    """A score with fixed and free notes.

    Attributes:
        time_signatures: The time signature of each bar.
        tempos: The tempo at the start of each bar.
        positions: The number of positions of each bar at which free notes may start.
        voices: Of each bar, program to what it may play.
        notes: The fixed notes, in the order of the encoding.
        blocked: Bar, position and program to the pitches that no free note may have there.
        is_whole: Whether the song ends with the last bar.
    """

    time_signatures: Sequence[tuple[int, int]]
    tempos: Sequence[int]
    positions: Sequence[int]
    voices: Sequence[Mapping[int, FreeVoice]]
    notes: Sequence[FixedNote]
    blocked: Mapping[tuple[int, int, int], frozenset[int]] = field(default_factory=dict)
    is_whole: bool = False


class FixedState(NamedTuple):
    """The state of a score with fixed notes.

    Attributes:
        phase: The last token.
        bar: The number of the bar; -1 before the first.
        next_index: The index of the next fixed note.
        position: The last position in the bar; -1 before the first.
        microtiming: The deviation of the last onset from its position; None before it is known.
        program: The current program; -1 before the first.
        last_note: Program and pitch of the last note of this onset; the next one must be higher.
        free_count: The number of free notes of the last program at this onset; in a header, the number of its tokens.
        is_fixed: Whether the last note is fixed.
        velocities: The last velocity bin of each program of `FixedNotesAutomaton.programs`; -1 before the first.
    """

    phase: Phase
    bar: int = -1
    next_index: int = 0
    position: int = -1
    microtiming: int | None = None
    program: int = -1
    last_note: tuple[int, int] = NO_NOTE
    free_count: int = 0
    is_fixed: bool = False
    velocities: tuple[int, ...] = ()
