"""The base class of the three encodings of songs."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from seqforge import Constraint, Places
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.song import Song, TimeSignature
from seqforge_midi.tokens import Vocabulary


class Encoding(ABC):
    """Maps songs to tokens and back.

    Attributes:
        vocabulary: The tokens.
        note_mask: The mask of the tokens that start a note: bool, shape (tokens,).
        pitch_kinds: The kinds of tokens whose value is a pitch that can be transposed.
    """

    vocabulary: Vocabulary
    note_mask: np.ndarray
    pitch_kinds: tuple[str, ...]

    @abstractmethod
    def encode(self, song: Song) -> np.ndarray:
        """Return the tokens of a song, shape (steps,)."""

    @abstractmethod
    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        """Return the song that the tokens represent.

        Args:
            steps: The tokens.
            extras: What `extras` returned, or nothing.

        Raises:
            DecodeError: If the tokens represent no song.
        """

    @abstractmethod
    def canonical(self, song: Song) -> Song:
        """Return what the encoding keeps of a song."""

    @abstractmethod
    def losses(self, song: Song) -> Counter[str]:
        """Return what the encoding loses of a song, in words, with counts above 0."""

    @abstractmethod
    def constraint(self, request: ParsedRequest) -> Constraint:
        """Return the automaton of complete songs that meet a request."""

    @cached_property
    def _is_pitch(self) -> np.ndarray:
        """The mask of the tokens that are transposed."""
        return self.vocabulary.mask(*self.pitch_kinds)

    def transposed(self, steps: np.ndarray, semitones: int) -> np.ndarray:
        """Return the tokens of a song that is transposed; its pitches must stay within those of MIDI."""
        transposed: np.ndarray = (steps + semitones * self._is_pitch[steps]).astype(steps.dtype)
        return transposed

    def continued(self, steps: np.ndarray) -> np.ndarray:
        """Return the tokens of a song as the beginning of a longer one."""
        return steps

    def places(self) -> Places | None:
        """Return the automaton that names the places of tokens; None if the encoding has no bars or beats."""
        return None

    def extras(self, song: Song) -> dict[str, Any]:
        """Return what `decode` needs beside the tokens, as plain JSON."""
        return {}

    def initial_extras(self, bpm: int, time_signature: TimeSignature) -> dict[str, Any]:
        """Return the extras of a song that starts without a prompt."""
        return {}
