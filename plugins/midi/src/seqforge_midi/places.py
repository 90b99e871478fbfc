"""The places of tokens, at which the network looks back: bars and positions, or quarter notes and frames."""

from typing import Any, NamedTuple

import numpy as np

from seqforge import Places
from seqforge_midi.bar_tokens import BarTokens
from seqforge_midi.tokens import Vocabulary

MAX_COUNT = 255
"""Larger counts of the notes at one position, or in one frame, are set to this."""
AT_NOTE, AFTER_PROGRAM, AFTER_PITCH = range(3)
"""The stages of a note, named after the token before. AT_NOTE also follows a complete note.

A velocity leaves the stage as it is, so that the durations of two notes correspond if only one has a new velocity.
"""
STAGES = 3
NAMED, MARKER = -1, -2
"""The distance that the piece names: the one that the last bar token announces; and the last bar token itself."""
COMPARED = ("position", "pitch", "drum", "duration")
"""The kinds of tokens that are compared to find a repeat, beside the bar lines."""
LAST_BAR_WEIGHT = 16.0
"""The weight of the last bar in training: it differs from all others, and a song has only one."""


class ScorePlace(NamedTuple):
    """Where a score is: a state of `ScorePlaces`.

    Attributes:
        bar: The number of bars that have started.
        position: The position in the bar, from 1; 0 before the first.
        notes: The number of notes at this position.
        stage: The stage of the current note.
        pitched: Whether the last note is no drum.
        repeat: The distance in bars to the bar that this bar repeats; 0 for none.
    """

    bar: int = 0
    position: int = 0
    notes: int = 0
    stage: int = AT_NOTE
    pitched: bool = False
    repeat: int = 0


class ScorePlaces(Places):
    """The places of the score encoding: the bar; and the position in it, the number of the note there and its stage.

    A place does not depend on the tokens that are written only where a value changes: `time_signature`, `tempo`,
    `program` and `velocity`. They are not compared either to find a repeat, and neither are microtimings and
    controllers: what returns is the notes. The distance that the last bar token announces is the named one. A bar token
    that announces a chord is a marker, so that the network reads the chord at every step of the bar.

    >>> vocabulary = Vocabulary({"bar": [None], "position": range(4), "pitch": range(128), "duration": [1, 2]})
    >>> steps = [vocabulary.index[pair] for pair in [("bar", None), ("position", 0), ("pitch", 60), ("duration", 1)]]
    >>> ScorePlaces(vocabulary).places(np.array(steps)).tolist()
    [[0, 0], [1, 0], [1, 768], [1, 773], [1, 771]]

    Args:
        vocabulary: The tokens of the encoding.
    """

    distances: tuple[int, ...] = (1, 2, 4, 8, 0)

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.kinds = list(vocabulary.kinds)
        self.positions = [int(v) + 1 if k == "position" else 0 for k, v in _pairs(vocabulary)]
        """The number of each position from 1; 0 for other tokens. A bar before its first position has position 0."""
        kinds = np.array(self.kinds)
        self.classes = np.where(np.isin(kinds, COMPARED), np.arange(len(kinds)), -1)
        self.classes[kinds == "bar"] = vocabulary.first["bar"]
        bars = vocabulary.block("bar")
        self._distances = [0] * vocabulary.size
        tokens = BarTokens(vocabulary.values[bars])
        self._distances[bars] = tokens.distances.tolist()
        """The distance that each bar token announces; 0 for none, and for other tokens."""
        if any(self._distances):
            self.distances = (*self.distances, NAMED)
        if tokens.has_chords:
            self.distances = (*self.distances, MARKER)
            self.markers = np.where(kinds == "bar", 0, -1)
            self.marker_weights = np.ones(vocabulary.size)
            self.marker_weights[bars] = np.where(tokens.is_last, LAST_BAR_WEIGHT, 1.0)
        self._is_bar, self._is_position = kinds == "bar", kinds == "position"
        self._is_note = np.isin(kinds, ("pitch", "drum"))
        self._is_pitch, self._is_velocity = kinds == "pitch", kinds == "velocity"
        stages = {"program": AFTER_PROGRAM, "pitch": AFTER_PITCH}
        self._stages = np.array([stages.get(kind, AT_NOTE) for kind in self.kinds], np.int64)
        self._position_numbers = np.array(self.positions, np.int64)

    def start(self) -> "ScorePlace":
        return ScorePlace()

    def place(self, state: Any) -> tuple[int, int]:
        return state.bar, (state.position * (MAX_COUNT + 1) + min(state.notes, MAX_COUNT)) * STAGES + state.stage

    def named_distance(self, state: Any) -> int:
        return int(state.repeat)

    def advance(self, state: Any, step: int) -> "ScorePlace":
        bar, position, notes, _, pitched, repeat = state
        match self.kinds[step]:
            case "bar":
                return ScorePlace(bar + 1, 0, 0, AT_NOTE, pitched, self._distances[step])
            case "position":
                return ScorePlace(bar, self.positions[step], 0, AT_NOTE, pitched, repeat)
            case "pitch":
                return ScorePlace(bar, position, notes + 1, AFTER_PITCH, True, repeat)
            case "drum":
                return ScorePlace(bar, position, notes + 1, AT_NOTE, False, repeat)
            case "program":
                return ScorePlace(bar, position, notes, AFTER_PROGRAM, pitched, repeat)
            case "velocity":
                return ScorePlace(bar, position, notes, AFTER_PITCH if pitched else AT_NOTE, pitched, repeat)
        return ScorePlace(bar, position, notes, AT_NOTE, pitched, repeat)

    def named_distances(self, steps: np.ndarray) -> np.ndarray:
        result = np.zeros(len(steps) + 1, np.int64)
        latest = np.maximum.accumulate(np.where(self._is_bar[steps], np.arange(len(steps)), -1))
        result[1:] = np.where(latest >= 0, np.array(self._distances)[steps[latest]], 0)
        return result

    def places(self, steps: np.ndarray) -> np.ndarray:
        resets = self._is_bar[steps] | self._is_position[steps]
        latest_reset = np.maximum.accumulate(np.where(resets, np.arange(len(steps)), -1))
        positions = np.where(latest_reset >= 0, self._position_numbers[steps[latest_reset]], 0)
        is_note = self._is_note[steps]
        notes = np.cumsum(is_note)
        notes -= np.where(latest_reset >= 0, notes[latest_reset], 0)
        latest_note = np.maximum.accumulate(np.where(is_note, np.arange(len(steps)), -1))
        pitched = (latest_note >= 0) & self._is_pitch[steps[latest_note]]
        stages = np.where(self._is_velocity[steps] & pitched, AFTER_PITCH, self._stages[steps])
        offsets = (positions * (MAX_COUNT + 1) + np.minimum(notes, MAX_COUNT)) * STAGES + stages
        result = np.zeros((len(steps) + 1, 2), np.int64)
        result[1:, 0], result[1:, 1] = np.cumsum(self._is_bar[steps]), offsets
        return result


class ChoralePlaces(Places):
    """The places of the chorale encoding: the quarter note; and the frame in it with the number of the voice.

    Chorales have no tokens of bars, and phrases begin on any beat, so distances are in quarter notes: one beat, a bar
    of 3/4 or 4/4, and two, four and eight bars of 4/4. A repeat may be at any distance.

    >>> places = ChoralePlaces(first_frame_end=128, frames_per_quarter=2)
    >>> places.places(np.array([60, 128, 64, 60, 129, 60])).tolist()
    [[0, 0], [0, 1], [0, 256], [0, 257], [0, 258], [1, 0], [1, 1]]

    Args:
        first_frame_end: The number of the first token that ends a frame; all tokens before are pitches.
        frames_per_quarter: The number of frames of a quarter note.
    """

    distances = (1, 3, 4, 8, 16, 32, 0)

    def __init__(self, first_frame_end: int, frames_per_quarter: int) -> None:
        self.first_frame_end, self.frames_per_quarter = first_frame_end, frames_per_quarter

    def start(self) -> tuple[int, int]:
        return 0, 0

    def place(self, state: Any) -> tuple[int, int]:
        frame, voice = state
        quarter, part = divmod(frame, self.frames_per_quarter)
        return quarter, part * (MAX_COUNT + 1) + min(voice, MAX_COUNT)

    def advance(self, state: Any, step: int) -> tuple[int, int]:
        frame, voice = state
        return (frame + 1, 0) if step >= self.first_frame_end else (frame, voice + 1)

    def places(self, steps: np.ndarray) -> np.ndarray:
        ends = steps >= self.first_frame_end
        frames = np.concatenate([[0], np.cumsum(ends)])
        positions = np.arange(len(steps) + 1)
        starts = np.maximum.accumulate(np.where(np.concatenate([[True], ends]), positions, 0))
        quarters, parts = np.divmod(frames, self.frames_per_quarter)
        return np.stack([quarters, parts * (MAX_COUNT + 1) + np.minimum(positions - starts, MAX_COUNT)], 1)


def _pairs(vocabulary: Vocabulary) -> list[tuple[str, Any]]:
    """Return kind and value of each token."""
    return list(zip(vocabulary.kinds, vocabulary.values, strict=True))
