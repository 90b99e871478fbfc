"""Frames at a fixed step, the notes of each from top to bottom: a step for each note, and one that ends the frame.

A frame is a set of pitches, and a set has one order from top to bottom: so the probability that the network gives to
the steps of a frame is the probability of the frame, as piano-roll models give it (N. Boulanger-Lewandowski, Y. Bengio
and P. Vincent, "Modeling Temporal Dependencies in High-Dimensional Sequences", ICML 2012, section 6).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.encoding import Asked, Encoding, Tokens, kept_meter, kept_tempo
from seqforge_midi.song import DRUMS, NOTE, TICKS, Song, bar_ticks, song

ORGAN, LOUDNESS = 19, 80
NONE = 128
"""Stands for the pitch above the highest: any note may follow."""
MOST_FRAMES = 200_000


class Chorale(Encoding):
    """Songs as frames.

    Args:
        frame: how many frames make a whole note.
        beat: how many tokens that end a frame there are: one for each place of a beat, counted from the start.
    """

    pitched = ("note",)

    def __init__(self, frame: int, beat: int = 4) -> None:
        self.ticks, self.beat = 4 * TICKS // frame, beat
        self.tokens = Tokens({"note": range(128), "frame": range(1, beat + 1)})
        self.sounding = self.tokens.mask("note")

    def encode(self, song: Song) -> np.ndarray:
        starts, ends, pitches = self._framed(song)
        lasts = ends - starts
        frames = np.repeat(starts, lasts) + np.arange(lasts.sum()) - np.repeat(lasts.cumsum() - lasts, lasts)
        count = int(ends.max(initial=0))
        cells = np.unique(frames * 256 + (127 - np.repeat(pitches, lasts)))
        edges = np.arange(count) * 256 + 255
        every = np.sort(np.concatenate([cells, edges]))
        frame, place = every // 256, every % 256
        steps = np.where(place == 255, 128 + frame % self.beat, 127 - place)
        return steps.astype(np.uint8)

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        frames: list[list[int]] = [[]]
        for step in steps:
            if step >= 128:
                frames.append([])
            elif frames[-1] and frames[-1][-1] <= step:
                raise DecodeError(f"frame {len(frames)}: the notes do not descend")
            else:
                frames[-1].append(step)
        if frames.pop():
            raise DecodeError(f"frame {len(frames) + 1} is not ended")
        found: list[tuple[int, ...]] = []
        since: dict[int, int] = {}
        for number, frame in enumerate([*frames, []]):
            for pitch in [pitch for pitch in since if pitch not in frame]:
                start = since.pop(pitch) * self.ticks
                found.append((start, number * self.ticks, pitch, LOUDNESS, ORGAN))
            for pitch in frame:
                since.setdefault(pitch, number)
        tempo, meter = extras.get("bpm", 80), extras.get("meter", (4, 4))
        return song(np.array(found, NOTE), [(0, tempo)], [(0, tuple(meter))], length=len(frames) * self.ticks)

    def canonical(self, song_: Song) -> Song:
        starts, ends, pitches = self._framed(song_)
        found: list[list[int]] = []
        held: dict[int, list[int]] = {}
        for start, end, pitch in sorted(zip(starts.tolist(), ends.tolist(), pitches.tolist(), strict=True)):
            if pitch in held and held[pitch][1] >= start:
                held[pitch][1] = max(held[pitch][1], end)
            else:
                held[pitch] = [start, end, pitch]
                found.append(held[pitch])
        notes = np.array([(s * self.ticks, e * self.ticks, p, LOUDNESS, ORGAN) for s, e, p in found], NOTE)
        extras = self.extras(song_)
        return song(notes, [(0, extras["bpm"])], [(0, tuple(extras["meter"]))])

    def lost(self, song: Song) -> Counter[str]:
        tuned = song.notes["program"] != DRUMS
        off = (song.notes["start"] % self.ticks != 0) | (song.notes["end"] % self.ticks != 0)
        return +Counter({
            "drums": int((~tuned).sum()),
            "notes moved to a frame": int((off & tuned).sum()),
            "changes of tempo and meter": len(song.tempos) + len(song.meters) - 2,
            "pedals": len(song.pedals),
        })  # fmt: skip

    def extras(self, song: Song) -> dict[str, Any]:
        return {"bpm": kept_tempo(song.tempos[0][1]), "meter": list(kept_meter(song.meters[0][1]))}

    def constraint(self, asked: Asked) -> Constraint:
        return Frames(self, asked)

    def frames_a_bar(self, meter: tuple[int, int]) -> int:
        """Return how many frames a bar has; at least one."""
        return max(1, round(bar_ticks(meter) / self.ticks))

    def _framed(self, song: Song) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the first frame of each note, the one after its last, and its pitch."""
        notes = song.notes[song.notes["program"] != DRUMS]
        notes = notes[notes["start"] < MOST_FRAMES * self.ticks]
        starts = np.rint(notes["start"] / self.ticks).astype(np.int64)
        ends = np.minimum(np.rint(notes["end"] / self.ticks).astype(np.int64), MOST_FRAMES)
        return starts, np.maximum(ends, starts + 1), notes["pitch"].astype(np.int64)


class _State(NamedTuple):
    """Where a chorale stands: frames that are ended (as far as that matters), the lowest pitch of this, sound."""

    frames: int
    beat: int
    below: int
    sounded: bool


class Frames(Constraint):
    """Notes descend within a frame; the last frame sounds; so many frames, where bars are asked for.

    Args:
        encoding: what the steps are.
        asked: how many bars, and from which pitch to which.
    """

    def __init__(self, encoding: Chorale, asked: Asked) -> None:
        self.size, self.beat = encoding.tokens.size, encoding.beat
        self.frames = asked.frames or asked.bars * asked.frames_a_bar
        self.lowest, self.highest = asked.widest()

    def start(self) -> Hashable:
        return _State(0, 0, NONE, False)

    def allowed(self, state: Any) -> np.ndarray:
        mask = np.zeros(self.size, np.bool_)
        full = self.frames and state.frames >= self.frames
        if not full:
            mask[self.lowest : min(state.below, self.highest + 1)] = True
            last = self.frames and state.frames == self.frames - 1
            mask[128 + state.beat] = state.below < NONE or not last
        return mask

    def may_end(self, state: Any) -> bool:
        return bool(state.sounded and state.below == NONE and (not self.frames or state.frames == self.frames))

    def to_end(self, state: Any) -> int:
        if not self.frames:
            return 0 if self.may_end(state) else 1 if state.below < NONE else 2
        left = self.frames - state.frames
        return int(left + (left > 0 and (left > 1 or state.below == NONE)))

    def advance(self, state: Any, step: Any) -> Any:
        if step < 128:
            return state._replace(below=int(step))
        frames = state.frames + 1 if self.frames else 0
        return _State(frames, (state.beat + 1) % self.beat, NONE, state.below < NONE)
