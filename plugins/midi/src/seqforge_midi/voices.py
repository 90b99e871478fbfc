"""The voices encoding: four voices in sixteenths, each written apart, after the key.

A piece begins with its `key`, its `time_signature`, the number of its bars (`bar`) and the sixteenths of its first bar
(`time`). Frames follow. A frame has a token per voice from soprano to bass: the `pitch` of a note that starts, the
pitch that is still sounding (`hold`), or `rest`. Its last token is the position that it reaches: `time` is the number
of sixteenths to the next bar line; `bar` is a bar line, and its value is the number of bars that follow. A network can
therefore learn cadences, because it reads how far away bar line and end are. A frame ends at each change of a voice and
at each quarter note, so every quarter note has tokens to look back to.

The key is estimated (`seqforge_midi.key_estimate`). Pitches are absolute: with pitches relative to the key, which
transpositions leave unchanged, training overfits after eight epochs of Bach's chorales (`docs/midi.md`, Quality).

The encoding is one to one for four voices in sixteenths, so its likelihood is that of the sixteenths;
`benchmarks/jsb16.py` divides it by their number as C.-Z. A. Huang et al. do ("Music Transformer", ICLR 2019, section
4.1).
"""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.controls import count_lost
from seqforge_midi.encoding import Encoding
from seqforge_midi.key import KEYS, Key
from seqforge_midi.layout import Layout
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.song import DRUMS, Song, TimeSignature, ticks_per_bar
from seqforge_midi.tokens import TIME_SIGNATURES, Vocabulary, count_rounded_tempos, nearest_tempo
from seqforge_midi.voice_grid import REST, SIXTEENTH, VELOCITY, VOICE_PROGRAMS, VOICES, VoiceGrid
from seqforge_midi.voice_places import VoicePlaces
from seqforge_midi.voices_automaton import VoicesAutomaton

QUARTER = 4
"""The sixteenths of a quarter note."""
MAX_BARS_LEFT = 63
"""The largest value of a `bar` token; it stands for more bars, too."""
MAX_BAR = max(ticks_per_bar(time_signature) for time_signature in TIME_SIGNATURES) // SIXTEENTH
HEADER = 4
"""The number of tokens before the first frame."""


class Voices(Encoding):
    """Encodes songs as frames of four voices.

    >>> voices = Voices()
    >>> notes = [(0, 480, 67, 80, 40), (0, 480, 62, 80, 41), (0, 480, 59, 80, 42), (0, 480, 43, 80, 43)]
    >>> from seqforge_midi.song import note_array
    >>> song = Song.from_events(note_array(notes), time_signatures=[(0, (1, 4))])
    >>> names = voices.vocabulary.names()
    >>> " ".join(names[step] for step in voices.encode(song))
    'key:G time_signature:1/4 bar:1 time:4 pitch:67 pitch:62 pitch:59 pitch:43 bar:0'
    """

    pitch_kinds = ("pitch", "hold")

    def __init__(self) -> None:
        self.vocabulary = Vocabulary({
            "key": KEYS,
            "time_signature": TIME_SIGNATURES,
            "bar": range(MAX_BARS_LEFT + 1),
            "time": range(1, MAX_BAR + 1),
            "rest": [None],
            "pitch": range(128),
            "hold": range(128),
        })  # fmt: skip
        self.note_mask = self.vocabulary.mask("pitch")

    def places(self) -> VoicePlaces:
        return VoicePlaces(self.vocabulary)

    def encode(self, song: Song) -> np.ndarray:
        grid = VoiceGrid.from_song(song)
        return self.encode_grid(grid, grid.key()) if len(grid.pitches) else np.zeros(0, np.uint16)

    def encode_grid(self, grid: VoiceGrid, key: Key) -> np.ndarray:
        """Return the tokens of voices with at least one note."""
        index, pitches = self.vocabulary.index, grid.pitches
        bar_length, length, bars = grid.bar_length, len(pitches), grid.bars
        remaining = bar_length - (np.arange(length + 1) - grid.pickup) % bar_length
        changed = np.array(grid.onsets.any(1))
        changed[1:] |= (pitches[1:] != pitches[:-1]).any(1)
        changed |= (bar_length - remaining[:-1]) % QUARTER == 0
        changed[0] = True
        edges = [*np.flatnonzero(changed).tolist(), length]
        steps = [
            index["key", key],
            index["time_signature", grid.time_signature],
            index["bar", min(bars, MAX_BARS_LEFT)],
            index["time", int(remaining[0])],
        ]
        for start, end in itertools.pairwise(edges):
            for pitch, onset in zip(pitches[start].tolist(), grid.onsets[start].tolist(), strict=True):
                value = None if pitch == REST else pitch
                steps.append(index["rest" if pitch == REST else "pitch" if onset else "hold", value])
            if remaining[end] == bar_length:
                bars -= 1
                steps.append(index["bar", min(bars, MAX_BARS_LEFT)])
            else:
                steps.append(index["time", int(remaining[end])])
        return np.array(steps, np.uint16)

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        numbers = list(steps)
        grid = self.decode_grid(numbers) if numbers else VoiceGrid(*_nothing(), (4, 4))
        song = grid.to_song(extras.get("bpm", DEFAULT_BPM))
        return dataclasses.replace(song, layout=Layout(key=self.key_of(numbers))) if numbers else song

    def decode_grid(self, steps: list[int]) -> VoiceGrid:
        """Return the voices that the tokens of a piece represent.

        Raises:
            DecodeError: If they represent none.
        """
        kinds, values = self.vocabulary.kinds, self.vocabulary.values
        header = [kinds[step] for step in steps[:HEADER]]
        if header != ["key", "time_signature", "bar", "time"]:
            raise DecodeError(f"the first tokens are {', '.join(header)}; they must be key, time_signature, bar, time")
        _, time_signature, _, remaining = (values[step] for step in steps[:HEADER])
        bar_length = ticks_per_bar(time_signature) // SIXTEENTH
        if remaining > bar_length:
            raise DecodeError(f"the first bar has {remaining} sixteenths and a bar of the meter {bar_length}")
        pickup = remaining % bar_length
        rows: list[list[int]] = []
        onsets: list[list[bool]] = []
        previous = [REST] * VOICES
        for start in range(HEADER, len(steps), VOICES + 1):
            frame = steps[start : start + VOICES + 1]
            if len(frame) <= VOICES:
                raise DecodeError("the last frame is incomplete")
            for voice, step in enumerate(frame[:VOICES]):
                if kinds[step] not in ("pitch", "hold", "rest"):
                    raise DecodeError(f"a voice has the token {self.vocabulary.names()[step]}")
                pitch = REST if kinds[step] == "rest" else values[step]
                if kinds[step] == "hold" and previous[voice] != pitch:
                    raise DecodeError("a voice holds a pitch that does not sound")
                previous[voice] = pitch
            end = values[frame[VOICES]] if kinds[frame[VOICES]] == "time" else 0
            if kinds[frame[VOICES]] not in ("time", "bar") or end >= remaining:
                raise DecodeError("a frame does not end with a later position")
            rows += [list(previous)] * (remaining - end)
            onsets += [[kinds[step] == "pitch" for step in frame[:VOICES]]]
            onsets += [[False] * VOICES] * (remaining - end - 1)
            remaining = end or bar_length
        if not rows:
            return VoiceGrid(*_nothing(), time_signature)
        return VoiceGrid(np.array(rows), np.array(onsets), time_signature, pickup if len(rows) > pickup else 0)

    def canonical(self, song: Song) -> Song:
        grid = VoiceGrid.from_song(song)
        if not len(grid.pitches):
            grid = VoiceGrid(*_nothing(), (4, 4))
        return grid.to_song(self.extras(song)["bpm"])

    def losses(self, song: Song) -> Counter[str]:
        notes = song.notes[song.notes["program"] != DRUMS]
        moved = (notes["start"] % SIXTEENTH != 0) | (notes["end"] % SIXTEENTH != 0)
        grid = VoiceGrid.from_song(song)
        later_changes = len(song.tempos) + len(song.time_signatures) - 2 - bool(grid.pickup)
        return +Counter({
            "drum hits": len(song.notes) - len(notes),
            "notes moved to a sixteenth": int(moved.sum()),
            "notes beyond four voices": grid.lost_notes,
            "changes of tempo or time signature": max(0, later_changes),
            "velocities": int((notes["velocity"] != VELOCITY).sum()),
            "pedals": len(song.pedals),
            **count_lost(song.controls, song.controls, ()),
            "tempos rounded to whole quarter notes per minute from 20 to 300": count_rounded_tempos(song.tempos[:1]),
        })  # fmt: skip

    def extras(self, song: Song) -> dict[str, Any]:
        return {"bpm": nearest_tempo(song.tempos[0][1])}

    def initial_extras(self, bpm: int, time_signature: TimeSignature) -> dict[str, Any]:
        return {"bpm": bpm}

    def constraint(self, request: ParsedRequest) -> Constraint:
        return VoicesAutomaton(self.vocabulary, request)

    def key_of(self, steps: Sequence[int] | np.ndarray) -> Key:
        """Return the key of a piece."""
        key: Key = self.vocabulary.values[int(steps[0])]
        return key

    def bars_of(self, steps: np.ndarray) -> int:
        """Return the number of bars that the tokens begin; a last bar line begins none."""
        bars = self.vocabulary.block("bar")
        lines = np.flatnonzero((steps >= bars.start) & (steps < bars.stop))
        return len(lines) - int(len(steps) > HEADER and lines[-1] == len(steps) - 1)

    def with_bars(self, steps: np.ndarray, count: int) -> np.ndarray:
        """Return the tokens with bar tokens that count down from a number of bars.

        Args:
            steps: The first tokens of a piece.
            count: The number of bars of the whole piece.
        """
        bars, result = self.vocabulary.block("bar"), np.array(steps)
        lines = np.flatnonzero((steps >= bars.start) & (steps < bars.stop))
        result[lines] = bars.start + np.minimum(count - np.arange(len(lines)), MAX_BARS_LEFT)
        return result

    def transposed(self, steps: np.ndarray, semitones: int) -> np.ndarray:
        """Return the piece transposed, with its key; pitches must stay from 0 to 127."""
        key, result = self.key_of(steps), np.array(steps)
        result[self.vocabulary.mask("pitch", "hold")[steps]] += np.array(semitones).astype(steps.dtype)
        result[0] = self.vocabulary.index["key", key.transposed(semitones)]
        return result

    def ranges_of(self, steps: np.ndarray) -> dict[int, tuple[int, int]]:
        """Return the lowest and highest pitch of each program in the tokens of a piece."""
        result = {}
        for voice, program in enumerate(VOICE_PROGRAMS):
            column = [self.vocabulary.values[step] for step in steps[HEADER + voice :: VOICES + 1].tolist()]
            pitches = [value for value in column if value is not None]
            if pitches:
                result[program] = (min(pitches), max(pitches))
        return result


DEFAULT_BPM = 80


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((0, VOICES), np.int64), np.zeros((0, VOICES), np.bool_)
