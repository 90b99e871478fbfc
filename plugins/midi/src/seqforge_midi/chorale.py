"""The chorale encoding: frames at a fixed step, each a list of pitches from high to low.

A frame is one `pitch` token per note and one `frame_end` token. A frame is a set of pitches, and a set has one
descending order; the probability that the network gives to the tokens of a frame is therefore the probability of the
frame, as piano-roll models give it (N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, "Modeling Temporal Dependencies
in High-Dimensional Sequences", ICML 2012, section 6).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from seqforge import Constraint, DecodeError
from seqforge_midi.chorale_automaton import ChoraleAutomaton
from seqforge_midi.controls import count_lost
from seqforge_midi.encoding import Encoding
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.places import ChoralePlaces
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song, TimeSignature, note_array, ticks_per_bar
from seqforge_midi.tokens import Vocabulary, count_rounded_tempos, nearest_tempo, nearest_time_signature

CHURCH_ORGAN = 19
VELOCITY = 80
DEFAULT_BPM = 80
MAX_FRAMES = 200_000
FRAME_GROUP = 4
"""The number of frame_end tokens; the token of a frame tells its position in a group of this many frames."""


class Chorale(Encoding):
    """Encodes songs as frames of pitches.

    >>> chorale = Chorale(frame=4)
    >>> song = Song.from_events(note_array([(0, 960, 60, 80, 0), (480, 960, 64, 80, 0)]))
    >>> " ".join(chorale.vocabulary.names()[step] for step in chorale.encode(song))
    'pitch:60 frame_end:1 pitch:64 pitch:60 frame_end:2'

    Args:
        frame: The number of frames per whole note.
    """

    pitch_kinds = ("pitch",)

    def __init__(self, frame: int) -> None:
        self.frame_ticks = 4 * TICKS_PER_QUARTER // frame
        self.vocabulary = Vocabulary({"pitch": range(128), "frame_end": range(1, FRAME_GROUP + 1)})
        self.note_mask = self.vocabulary.mask("pitch")

    def places(self) -> ChoralePlaces:
        return ChoralePlaces(self.vocabulary.first["frame_end"], max(1, TICKS_PER_QUARTER // self.frame_ticks))

    def encode(self, song: Song) -> np.ndarray:
        starts, ends, pitches = self._framed_notes(song)
        lengths = ends - starts
        # one cell per pitch and frame; sort keys: frame, then descending pitch, then the end of the frame
        frames = np.repeat(starts, lengths) + np.arange(lengths.sum())
        frames -= np.repeat(lengths.cumsum() - lengths, lengths)
        cells = np.unique(frames * 256 + (127 - np.repeat(pitches, lengths)))
        frame_ends = np.arange(int(ends.max(initial=0))) * 256 + 255
        keys = np.sort(np.concatenate([cells, frame_ends]))
        frame, rank = keys // 256, keys % 256
        steps = np.where(rank == 255, 128 + frame % FRAME_GROUP, 127 - rank)
        return steps.astype(np.uint8)

    def decode(self, steps: Iterable[int], extras: Mapping[str, Any]) -> Song:
        frames: list[list[int]] = [[]]
        for step in steps:
            if step >= 128:
                frames.append([])
            elif frames[-1] and frames[-1][-1] <= step:
                raise DecodeError(f"the pitches of frame {len(frames)} do not descend")
            else:
                frames[-1].append(step)
        if frames.pop():
            raise DecodeError(f"frame {len(frames) + 1} has no frame_end token")
        notes: list[tuple[int, ...]] = []
        first_frames: dict[int, int] = {}  # of the pitches that sound
        for number, frame in enumerate([*frames, []]):
            for pitch in [pitch for pitch in first_frames if pitch not in frame]:
                start = first_frames.pop(pitch) * self.frame_ticks
                notes.append((start, number * self.frame_ticks, pitch, VELOCITY, CHURCH_ORGAN))
            for pitch in frame:
                first_frames.setdefault(pitch, number)
        bpm, time_signature = extras.get("bpm", DEFAULT_BPM), tuple(extras.get("time_signature", (4, 4)))
        length = len(frames) * self.frame_ticks
        return Song.from_events(note_array(notes), [(0, bpm)], [(0, time_signature)], length=length)

    def canonical(self, song: Song) -> Song:
        starts, ends, pitches = self._framed_notes(song)
        merged: list[list[int]] = []
        last_by_pitch: dict[int, list[int]] = {}
        for start, end, pitch in sorted(zip(starts.tolist(), ends.tolist(), pitches.tolist(), strict=True)):
            last = last_by_pitch.get(pitch)
            if last is not None and last[1] >= start:
                last[1] = max(last[1], end)
            else:
                last_by_pitch[pitch] = [start, end, pitch]
                merged.append(last_by_pitch[pitch])
        rows = [
            (start * self.frame_ticks, end * self.frame_ticks, pitch, VELOCITY, CHURCH_ORGAN)
            for start, end, pitch in merged
        ]
        extras = self.extras(song)
        time_signature = tuple(extras["time_signature"])
        return Song.from_events(note_array(rows), [(0, extras["bpm"])], [(0, time_signature)])

    def losses(self, song: Song) -> Counter[str]:
        pitched = song.notes["program"] != DRUMS
        moved = (song.notes["start"] % self.frame_ticks != 0) | (song.notes["end"] % self.frame_ticks != 0)
        return +Counter({
            "drum hits": int((~pitched).sum()),
            "notes moved to a frame": int((moved & pitched).sum()),
            "changes of tempo or time signature": len(song.tempos) + len(song.time_signatures) - 2,
            "velocities": int((song.notes["velocity"] != VELOCITY).sum()),
            "pedals": len(song.pedals),
            **count_lost(song.controls, song.controls, ()),
            "tempos rounded to whole quarter notes per minute from 20 to 300": count_rounded_tempos(song.tempos[:1]),
        })  # fmt: skip

    def extras(self, song: Song) -> dict[str, Any]:
        time_signature = nearest_time_signature(song.time_signatures[0][1])
        return self.initial_extras(nearest_tempo(song.tempos[0][1]), time_signature)

    def initial_extras(self, bpm: int, time_signature: TimeSignature) -> dict[str, Any]:
        return {"bpm": bpm, "time_signature": list(time_signature)}

    def constraint(self, request: ParsedRequest) -> Constraint:
        return ChoraleAutomaton(FRAME_GROUP, request)

    def frames_per_bar(self, time_signature: TimeSignature) -> int:
        """Return the number of frames per bar, at least one."""
        return max(1, round(ticks_per_bar(time_signature) / self.frame_ticks))

    def _framed_notes(self, song: Song) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each note its first frame, the frame after its last, and its pitch; drums are left out."""
        notes = song.notes[song.notes["program"] != DRUMS]
        notes = notes[notes["start"] < MAX_FRAMES * self.frame_ticks]
        starts = np.rint(notes["start"] / self.frame_ticks).astype(np.int64)
        ends = np.minimum(np.rint(notes["end"] / self.frame_ticks).astype(np.int64), MAX_FRAMES)
        return starts, np.maximum(ends, starts + 1), notes["pitch"].astype(np.int64)
