"""A checked request, in the form that the automata read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seqforge_midi.key import Key
from seqforge_midi.song import DRUMS, Song, TimeSignature
from seqforge_midi.tokens import TEMPOS, TIME_SIGNATURES
from seqforge_midi.track_table import MAX_TRACKS, TrackTable


@dataclass(frozen=True)
class ParsedRequest:
    """What a generated song must be like. The defaults leave everything to the model.

    >>> request = ParsedRequest(bars=8, time_signature=(3, 4), programs=(0, 40))
    >>> np.flatnonzero(request.program_mask).tolist()
    [0, 40]

    Attributes:
        bars: The exact number of bars; 0 for any number.
        seconds: The longest duration; 0 for any duration.
        bpm: The tempo throughout; None if the model chooses.
        time_signature: The time signature throughout; None if the model chooses.
        programs: The programs that may play; None for all.
        ranges: Program to its lowest and highest pitch; a program that is missing has no limits.
        drum_pitches: The drum sounds that may be played.
        frames_per_bar: The number of frames per bar; for chorales only.
        frames: The exact number of frames; 0 for as many as the bars have; for chorales only.
        bars_after: The number of bars that follow the last one that is written; for the voices encoding only.
        key: The key; None if the model chooses; for the voices and chorale encodings only.
        polyphony: The largest number of notes that sound at once; 0 for any number; not for the voices encoding.
        strict: Whether the rules of `seqforge_midi.voice_rules` hold; for the voices encoding only.
        infill: The first and last bar of the prompt that are written anew, counted from 1; None for none.
        transpose: The semitones by which the generated song is transposed.
        track_counts: Program to the number of its tracks that may play; of a program that is missing, all may.
        output_program: The program that is set after the generation; None to keep what was generated.
        prompt: The song that the generated song continues; None for none.
    """

    bars: int = 0
    seconds: float = 0.0
    bpm: int | None = None
    time_signature: TimeSignature | None = None
    programs: tuple[int, ...] | None = None
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    drum_pitches: tuple[int, ...] = tuple(range(128))
    frames_per_bar: int = 4
    frames: int = 0
    bars_after: int = 0
    key: Key | None = None
    polyphony: int = 0
    strict: bool = False
    infill: tuple[int, int] | None = None
    transpose: int = 0
    track_counts: Mapping[int, int] = field(default_factory=dict)
    output_program: int | None = None
    prompt: Song | None = None

    @property
    def program_mask(self) -> np.ndarray:
        """The mask of the programs that may play, drums excluded: bool, shape (128,)."""
        mask = np.zeros(DRUMS, np.bool_)
        mask[[program for program in self._allowed_programs if program < DRUMS]] = True
        return mask

    def track_mask(self, table: TrackTable) -> np.ndarray:
        """Return the mask of the tracks that may play, drums excluded: bool, shape (tracks,)."""
        programs = table.programs[: table.size]
        limits = np.array([self.track_counts.get(program, MAX_TRACKS) for program in programs.tolist()])
        mask: np.ndarray = self.program_mask[programs] & (table.numbers[: table.size] < limits)
        return mask

    @property
    def drum_mask(self) -> np.ndarray:
        """The mask of the drum sounds that may be played: bool, shape (128,)."""
        mask = np.zeros(128, np.bool_)
        mask[list(self.drum_pitches)] = True
        return mask

    @property
    def allows_drums(self) -> bool:
        """Whether drums may play."""
        return DRUMS in self._allowed_programs and bool(self.drum_pitches)

    @property
    def time_signature_index(self) -> int | None:
        """The position of the time signature in TIME_SIGNATURES; None if the model chooses."""
        return None if self.time_signature is None else TIME_SIGNATURES.index(self.time_signature)

    @property
    def tempo_index(self) -> int | None:
        """The position of the tempo in TEMPOS; None if the model chooses."""
        return None if self.bpm is None else TEMPOS.index(self.bpm)

    @property
    def _allowed_programs(self) -> Sequence[int]:
        return range(DRUMS + 1) if self.programs is None else self.programs

    def pitch_range(self, program: int) -> tuple[int, int]:
        """Return the lowest and highest pitch of a program."""
        return self.ranges.get(program, (0, 127))

    def overall_range(self) -> tuple[int, int]:
        """Return the lowest and highest pitch of all programs but the drums."""
        ranges = [limits for program, limits in self.ranges.items() if program != DRUMS]
        return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else (0, 127)
