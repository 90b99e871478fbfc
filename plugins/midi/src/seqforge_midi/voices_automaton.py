"""The automaton of the voices encoding: complete frames, positions that advance, and the requested number of bars."""

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint
from seqforge_midi.key import Key
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.song import ticks_per_bar
from seqforge_midi.tokens import TIME_SIGNATURES, Vocabulary
from seqforge_midi.voice_grid import MAX_PICKUP, REST, SIXTEENTH, VOICE_PROGRAMS, VOICES
from seqforge_midi.voice_rules import breaks_rules, final_chords

AT_KEY, AT_TIME_SIGNATURE, AT_BARS, AT_FIRST_BAR, IN_FRAMES = range(5)
QUARTER = 4
FRAME = VOICES + 1
"""The tokens of a frame."""


class _State(NamedTuple):
    """The state of a piece.

    Attributes:
        stage: The token of the header that comes next, or IN_FRAMES.
        key: The key; None before it is known.
        bar_length: The sixteenths of a complete bar.
        bars: The number of bars that are not complete; in a long piece, the value of the last bar token.
        remaining: The sixteenths from the start of the frame to the bar line.
        is_fresh: Whether the bar has no complete frame.
        previous: The pitches of the last complete frame; empty before the first.
        quarter: The pitches of the last frame that started a quarter note; empty before the first.
        chord: The pitches of the current frame.
    """

    stage: int
    key: Key | None
    bar_length: int
    bars: int
    remaining: int
    is_fresh: bool
    previous: tuple[int, ...]
    quarter: tuple[int, ...]
    chord: tuple[int, ...]


class VoicesAutomaton(Constraint):
    """Allows the tokens of pieces that meet a request.

    The last chord sounds. With strict rules, every frame keeps the rules of `seqforge_midi.voice_rules`, and a note
    that starts a quarter note makes no parallels with the chord of the last quarter note either. A piece then ends at a
    bar line, and every chord of its last quarter note is the triad of the tonic in root position.

    Args:
        vocabulary: The tokens of the encoding.
        request: What the piece must be like: bars, time signature, key, rules and the ranges of the voices.
    """

    def __init__(self, vocabulary: Vocabulary, request: ParsedRequest) -> None:
        self.vocabulary, self.request = vocabulary, request
        self.size, self.strict, self.bars_after = vocabulary.size, request.strict, request.bars_after
        self.ranges = tuple(request.ranges.get(program, (0, 127)) for program in VOICE_PROGRAMS)
        self.max_bars = len(vocabulary.blocks["bar"]) - 1
        self.ends_at_bar_line = self.strict or self.bars_after > 0
        lengths = [ticks_per_bar(signature) // SIXTEENTH for signature in TIME_SIGNATURES]
        index = request.time_signature_index
        self.least_length = lengths[index] if index is not None else min(lengths)
        first = vocabulary.first
        self._rest, self._pitch, self._hold = (first[kind] for kind in ("rest", "pitch", "hold"))

    def start(self) -> Hashable:
        return _State(AT_KEY, None, 0, 0, 0, True, (), (), ())

    # -- what may come next -------------------------------------------------------------------

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        first, blocks, request = self.vocabulary.first, self.vocabulary.blocks, self.request
        if state.stage == AT_KEY:
            numbers = range(len(blocks["key"])) if request.key is None else [blocks["key"].index(request.key)]
            mask[[first["key"] + number for number in numbers]] = True
        elif state.stage == AT_TIME_SIGNATURE:
            index = request.time_signature_index
            mask[self.vocabulary.block("time_signature")] = index is None
            if index is not None:
                mask[first["time_signature"] + index] = True
        elif state.stage == AT_BARS:
            if request.bars:
                mask[first["bar"] + min(request.bars, self.max_bars)] = True
            else:
                mask[first["bar"] + 1 + self.bars_after : first["bar"] + self.max_bars + 1] = True
        elif state.stage == AT_FIRST_BAR:
            mask[first["time"] : first["time"] + min(state.bar_length, MAX_PICKUP)] = True
            mask[first["time"] + state.bar_length - 1] = True
        elif state.bars > self.bars_after:
            if len(state.chord) < VOICES:
                self._allow_voice(state, mask)
            else:
                self._allow_position(state, mask)
        return mask

    def _allow_voice(self, state: _State, mask: np.ndarray) -> None:
        """Allow the pitches of the next voice."""
        assert state.key is not None
        voice, previous = len(state.chord), state.previous
        low, high = self.ranges[voice]
        held = previous[voice] if previous else REST
        is_final = self._is_last_quarter(state)
        if self.strict and is_final:
            chords = final_chords(previous, state.key, self.ranges)
            pitches = {chord[voice] for chord in chords if chord[:voice] == state.chord}
            pitches = pitches or set(range(low, high + 1))
        elif self.strict:
            pitches = {p for p in range(low, high + 1) if not breaks_rules(previous, state.chord, p)}
            if self._starts_quarter(state):
                quarter, chord = state.quarter, state.chord
                pitches = {p for p in pitches if not breaks_rules(quarter, chord, p, crossing=False, leaps=False)}
        else:
            pitches = set(range(low, high + 1))
        for pitch in pitches:
            mask[self._pitch + pitch] = True
        if held != REST:
            is_free = not self.strict or not breaks_rules(previous, state.chord, held)
            mask[self._hold + held] = held in pitches if self.strict and is_final else is_free
        others_are_silent = voice == VOICES - 1 and set(state.chord) == {REST}
        mask[self._rest] = not is_final or not (self.strict or others_are_silent)

    def _allow_position(self, state: _State, mask: np.ndarray) -> None:
        """Allow the positions that the frame may reach: up to the next quarter note."""
        first, end = self.vocabulary.first, self._quarter_end(state)
        mask[first["time"] + max(end, 1) - 1 : first["time"] + state.remaining - 1] = True
        if not end:
            mask[first["bar"] + min(state.bars - 1, self.max_bars)] = True
            if self._is_open(state):
                mask[first["bar"] + self.max_bars] = True

    def _is_open(self, state: _State) -> bool:
        """Return whether the number of bars is not known, because the token of the bar stands for more bars, too."""
        return not self.request.bars and state.bars == self.max_bars

    @staticmethod
    def _quarter_end(state: _State) -> int:
        """Return the sixteenths from the end of the quarter note of the frame to the bar line."""
        position = state.bar_length - state.remaining
        return max(0, state.bar_length - (position // QUARTER + 1) * QUARTER)

    @staticmethod
    def _starts_quarter(state: _State) -> bool:
        return (state.bar_length - state.remaining) % QUARTER == 0

    def _is_last_quarter(self, state: _State) -> bool:
        return state.bars == 1 and not self.bars_after and self._quarter_end(state) == 0

    # -- the end ------------------------------------------------------------------------------

    def may_end(self, state: Any) -> bool:
        if state.stage != IN_FRAMES or state.chord:
            return False
        if state.bars == self.bars_after:
            return True
        sounds = any(pitch != REST for pitch in state.previous)
        return not self.ends_at_bar_line and state.bars == 1 and not state.is_fresh and sounds

    def to_end(self, state: Any) -> int:
        if state.stage < IN_FRAMES:
            header = IN_FRAMES - state.stage
            bars = state.bars if state.stage > AT_BARS else self.request.bars or 1 + self.bars_after
            length = state.bar_length if state.stage > AT_TIME_SIGNATURE else self.least_length
            return int(header + FRAME * self._frames(bars, length, 1))
        if self.may_end(state):
            return 0
        frames = self._frames(state.bars, state.bar_length, state.remaining)
        silent = len(state.chord) == VOICES and set(state.chord) == {REST}
        extra = FRAME if silent and state.bars == 1 and not self.ends_at_bar_line else 0  # the last chord must sound
        return int(FRAME * frames - len(state.chord) + extra)

    def _frames(self, bars: int, bar_length: int, remaining: int) -> int:
        """Return the smallest number of frames from a position to the end.

        Args:
            bars: The number of bars that are not complete.
            bar_length: The sixteenths of a complete bar.
            remaining: The sixteenths to the next bar line.
        """
        bar = -(-bar_length // QUARTER)
        rest_of_bar = bar - (bar_length - remaining) // QUARTER
        if self.ends_at_bar_line:
            return rest_of_bar + (bars - 1 - self.bars_after) * bar
        return 1 if bars == 1 else rest_of_bar + (bars - 2) * bar + 1

    def advance(self, state: Any, step: Any) -> Any:
        kind, value = self.vocabulary.kinds[step], self.vocabulary.values[step]
        if state.stage < IN_FRAMES:
            successor = state._replace(stage=state.stage + 1)
            if kind == "key":
                return successor._replace(key=value)
            if kind == "time_signature":
                return successor._replace(bar_length=ticks_per_bar(value) // SIXTEENTH)
            if kind == "bar":
                return successor._replace(bars=self.request.bars or value)
            return successor._replace(remaining=value)
        if len(state.chord) < VOICES:
            return state._replace(chord=(*state.chord, REST if kind == "rest" else value))
        quarter = state.chord if self._starts_quarter(state) else state.quarter
        state = state._replace(previous=state.chord, quarter=quarter, chord=())
        if kind == "time":
            return state._replace(remaining=value, is_fresh=False)
        bars = value if self._is_open(state) else state.bars - 1
        return state._replace(bars=bars, remaining=state.bar_length, is_fresh=True)
