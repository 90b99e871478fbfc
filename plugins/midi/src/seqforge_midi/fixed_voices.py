"""The automaton of four-voice pieces in which one voice is fixed."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.key import Key
from seqforge_midi.tokens import Vocabulary
from seqforge_midi.voice_grid import REST, VOICE_PROGRAMS, VOICES, VoiceGrid
from seqforge_midi.voice_rules import breaks_rules, final_chords

QUARTER = 4
HEADER = 4
"""The number of tokens before the first frame."""


class _State(NamedTuple):
    """The state of a piece.

    Attributes:
        header: The number of tokens of the header so far.
        position: The sixteenths that are complete.
        previous: The pitches of the last complete frame; empty before the first.
        chord: The pitches of the current frame.
    """

    header: int = 0
    position: int = 0
    previous: tuple[int, ...] = ()
    chord: tuple[int, ...] = ()


class FixedVoicesAutomaton(Constraint):
    """Allows pieces in which one voice has these notes, in this key; the other voices sound wherever it sounds.

    Args:
        vocabulary: The tokens of the voices encoding.
        grid: The piece; its other voices are silent.
        voice: The number of the fixed voice, from 0 for the soprano.
        key: The key.
        ranges: Program to its lowest and highest pitch.
        strict: Whether the free voices keep the rules of `voice_rules` where any pitch does.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        grid: VoiceGrid,
        voice: int,
        key: Key,
        ranges: dict[int, tuple[int, int]],
        *,
        strict: bool = False,
    ) -> None:
        self.vocabulary, self.size = vocabulary, vocabulary.size
        self.grid, self.voice, self.key, self.strict = grid, voice, key, strict
        self.ranges = tuple(ranges.get(program, (0, 127)) for program in VOICE_PROGRAMS)
        self.pitches, self.onsets = grid.pitches[:, voice].tolist(), grid.onsets[:, voice].tolist()
        self.length, bar = len(self.pitches), grid.bar_length
        first, index = vocabulary.first, vocabulary.index
        most = len(vocabulary.blocks["bar"]) - 1
        remaining = [bar - (position - grid.pickup) % bar for position in range(self.length + 1)]
        lines = [position for position in range(1, self.length + 1) if remaining[position] == bar]
        bars_left = dict(zip(lines, range(grid.bars - 1, -1, -1), strict=False))
        self.ends = [
            first["bar"] + min(bars_left[position], most)
            if position in bars_left
            else index["time", remaining[position]]
            for position in range(self.length + 1)
        ]
        """The token of a frame that ends at each position."""
        self.header = [
            index["key", key],
            index["time_signature", grid.time_signature],
            first["bar"] + min(grid.bars, most),
            index["time", remaining[0]],
        ]
        changes = {p for p in range(1, self.length) if self.onsets[p] or self.pitches[p] != self.pitches[p - 1]}
        quarters = {p for p in range(self.length) if (bar - remaining[p]) % QUARTER == 0}
        edges = sorted(changes | quarters | {self.length})
        self.next_edge = [next(edge for edge in edges if edge > p) for p in range(self.length)]
        """The position of the next change of the fixed voice or of the next quarter note, which ends a frame."""
        self.frames_from = [sum(edge > p for edge in edges) for p in range(self.length + 1)]

    def start(self) -> Hashable:
        return _State()

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        if state.header < HEADER:
            mask[self.header[state.header]] = True
        elif state.position < self.length and len(state.chord) == VOICES:
            mask[self.ends[state.position + 1 : self.next_edge[state.position] + 1]] = True
        elif state.position < self.length:
            self._allow_voice(state, mask)
        return mask

    def _allow_voice(self, state: _State, mask: np.ndarray) -> None:
        """Allow the pitches of the next voice."""
        first, voice, position = self.vocabulary.first, len(state.chord), state.position
        held = state.previous[voice] if state.previous else REST
        fixed = self.pitches[position]
        if voice == self.voice:
            kind = "pitch" if self.onsets[position] or held != fixed else "hold"
            mask[first["rest"] if fixed == REST else first[kind] + fixed] = True
            return
        low, high = self.ranges[voice]
        if fixed != REST:  # voices do not cross the fixed one
            low, high = (max(low, fixed), high) if voice < self.voice else (low, min(high, fixed))
        pitches = list(range(low, high + 1))
        if self.strict:
            pitches = self._strict_pitches(state, pitches) or pitches
        for pitch in pitches:
            mask[first["pitch"] + pitch] = True
        if held in pitches:
            mask[first["hold"] + held] = True
        mask[first["rest"]] = fixed == REST or not pitches

    def _strict_pitches(self, state: _State, pitches: list[int]) -> list[int]:
        """Return the pitches that break no rule, towards the fixed voice as well."""
        voice = len(state.chord)
        if self.next_edge[state.position] == self.length:
            chords = [
                chord
                for chord in final_chords(state.previous, self.key, self.ranges)
                if chord[self.voice] == self.pitches[state.position] and chord[:voice] == state.chord
            ]
            finals = {chord[voice] for chord in chords}
            pitches = [pitch for pitch in pitches if pitch in finals] or pitches
        return [pitch for pitch in pitches if not breaks_rules(state.previous, state.chord, pitch)]

    def may_end(self, state: Any) -> bool:
        return bool(state.position == self.length and state.header == HEADER)

    def to_end(self, state: Any) -> int:
        frames = self.frames_from[state.position]
        return int(HEADER - state.header + (VOICES + 1) * frames - len(state.chord))

    def advance(self, state: Any, step: Any) -> Any:
        if state.header < HEADER:
            return state._replace(header=state.header + 1)
        if len(state.chord) < VOICES:
            value = self.vocabulary.values[step]
            return state._replace(chord=(*state.chord, REST if value is None else value))
        span = range(state.position + 1, self.next_edge[state.position] + 1)
        position = next(position for position in span if self.ends[position] == step)
        return state._replace(position=position, previous=state.chord, chord=())
