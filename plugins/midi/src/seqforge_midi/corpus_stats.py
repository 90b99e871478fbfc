"""Statistics of the training corpus: requests are checked against them, and generated songs stay within them."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqforge import Piece
from seqforge_midi.song import (
    DEFAULT_BPM,
    DEFAULT_TIME_SIGNATURE,
    DRUMS,
    MAX_BPM,
    MIN_BPM,
    NUM_PROGRAMS,
    Song,
    TimeSignature,
)
from seqforge_midi.song_labels import song_labels
from seqforge_midi.tokens import nearest_tempo
from seqforge_midi.track_table import MAX_TRACKS

MAX_LABELLED = 1000
"""The largest number of pieces whose labels are kept."""


@dataclass(frozen=True)
class CorpusStats:
    """What occurs in the training corpus.

    Attributes:
        ranges: Program to its lowest and highest pitch, for the programs that play.
        drum_pitches: The drum sounds that are played.
        max_notes: The number of notes of the longest piece.
        bpm: The median of the initial tempos.
        time_signature: The most frequent initial time signature.
        keys: The number of pieces in each key, by its name such as `F#m`; for the voices encoding only.
        tracks: Program to the largest number of its tracks in one piece, for programs with several.
        label_rows: The labels of at most MAX_LABELLED pieces, and the number of pieces that have them; if labels are
            computed from songs.
    """

    ranges: Mapping[int, tuple[int, int]]
    drum_pitches: tuple[int, ...]
    max_notes: int
    bpm: int
    time_signature: TimeSignature
    keys: Mapping[str, int] = field(default_factory=dict)
    tracks: Mapping[int, int] = field(default_factory=dict)
    label_rows: Sequence[tuple[Mapping[str, str], int]] = ()

    def pitch_range(self, program: int) -> tuple[int, int]:
        """Return the lowest and highest pitch of a program; those of MIDI for a program that does not play."""
        return self.ranges.get(program, (0, 127))

    @property
    def lowest(self) -> int:
        """The lowest pitch of all programs but the drums."""
        return min((low for program, (low, _) in self.ranges.items() if program != DRUMS), default=0)

    @property
    def highest(self) -> int:
        """The highest pitch of all programs but the drums."""
        return max((high for program, (_, high) in self.ranges.items() if program != DRUMS), default=127)

    def merged_with(self, other: "CorpusStats") -> "CorpusStats":
        """Return the statistics of both corpora; tempo and time signature are those of the other one.

        The numbers of tracks remain, because the tokens of a model depend on them, and so do the labels.
        """
        ranges = dict(self.ranges)
        for program, (low, high) in other.ranges.items():
            old_low, old_high = ranges.get(program, (low, high))
            ranges[program] = (min(low, old_low), max(high, old_high))
        drum_pitches = tuple(sorted({*self.drum_pitches, *other.drum_pitches}))
        max_notes = max(self.max_notes, other.max_notes)
        return dataclasses.replace(
            other, ranges=ranges, drum_pitches=drum_pitches, max_notes=max_notes, tracks=self.tracks,
            label_rows=self.label_rows,
        )  # fmt: skip

    @property
    def label_choices(self) -> list[Mapping[str, str]]:
        """The labels of each of the counted pieces."""
        return [labels for labels, count in self.label_rows for _ in range(count)]

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as plain JSON."""
        return {
            "ranges": {str(program): list(limits) for program, limits in self.ranges.items()},
            "drum_pitches": list(self.drum_pitches),
            "max_notes": self.max_notes,
            "bpm": self.bpm,
            "time_signature": list(self.time_signature),
            **({"keys": dict(self.keys)} if self.keys else {}),
            **({"label_rows": [[dict(row), count] for row, count in self.label_rows]} if self.label_rows else {}),
            **({"tracks": {str(program): count for program, count in self.tracks.items()}} if self.tracks else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "CorpusStats":
        """Return the statistics that `to_json` described.

        Raises:
            ValueError, KeyError, TypeError: If the data describe no statistics.
        """
        ranges = {int(program): (int(low), int(high)) for program, (low, high) in data["ranges"].items()}
        drum_pitches = tuple(map(int, data["drum_pitches"]))
        numerator, denominator = map(int, data["time_signature"])
        valid = all(0 <= p < NUM_PROGRAMS and 0 <= low <= high < 128 for p, (low, high) in ranges.items())
        if not valid or not all(0 <= pitch < 128 for pitch in drum_pitches):
            raise ValueError("a program or pitch is outside the range of MIDI")
        tracks = {int(program): int(count) for program, count in data.get("tracks", {}).items()}
        if not all(0 <= program < DRUMS and 1 < count <= MAX_TRACKS for program, count in tracks.items()):
            raise ValueError("a program or its number of tracks is impossible")
        max_notes, bpm = int(data["max_notes"]), int(data["bpm"])
        if numerator <= 0 or denominator <= 0 or max_notes < 0 or not MIN_BPM <= bpm <= MAX_BPM:
            raise ValueError(f"time signature {numerator}/{denominator}, {bpm} bpm or {max_notes} notes is impossible")
        keys = {str(name): int(count) for name, count in data.get("keys", {}).items()}
        label_rows = tuple(
            ({str(name): str(value) for name, value in row.items()}, int(count))
            for row, count in data.get("label_rows", ())
        )
        if not all(count > 0 for _, count in label_rows) or sum(count for _, count in label_rows) > MAX_LABELLED:
            raise ValueError("the numbers of labelled pieces are impossible")
        return cls(ranges, drum_pitches, max_notes, bpm, (numerator, denominator), keys, tracks, label_rows)


def collect_stats(
    pieces: Iterable[Piece[Song]], computed: tuple[str, ...] = ()
) -> tuple[dict[str, tuple[str, ...]], CorpusStats]:
    """Return the values of each label and the statistics of the songs, in one pass.

    >>> from seqforge_midi.song import note_array
    >>> song = Song(note_array([(0, 480, 60, 80, 0), (0, 480, 64, 80, 0)]))
    >>> labels, stats = collect_stats([Piece(song, {"composer": "Lang"})])
    >>> labels, stats.ranges, stats.max_notes
    ({'composer': ('Lang',)}, {0: (60, 64)}, 2)

    Args:
        pieces: The songs.
        computed: The names of the labels that are computed from each song, for `label_rows`.
    """
    labels: dict[str, set[str]] = {}
    lowest, highest = np.full(NUM_PROGRAMS, 128), np.full(NUM_PROGRAMS, -1)
    drum_mask = np.zeros(128, np.bool_)
    max_notes = 0
    track_counts: Counter[int] = Counter()
    tempos: list[int] = []
    time_signatures: Counter[TimeSignature] = Counter()
    labelled = _Labelled(computed)
    for piece in pieces:
        for name, value in piece.labels.items():
            labels.setdefault(name, set()).add(value)
        if computed:
            labelled.add(piece)
        notes = piece.content.notes
        np.minimum.at(lowest, notes["program"], notes["pitch"])
        np.maximum.at(highest, notes["program"], notes["pitch"])
        drum_mask[notes["pitch"][notes["program"] == DRUMS]] = True
        max_notes = max(max_notes, len(notes))
        for track in piece.content.tracks:
            track_counts[track.program] = max(track_counts[track.program], min(track.number + 1, MAX_TRACKS))
        tempos.append(nearest_tempo(piece.content.tempos[0][1]))
        time_signatures[piece.content.time_signatures[0][1]] += 1
    programs = np.flatnonzero(highest >= 0).tolist()
    stats = CorpusStats(
        ranges={program: (int(lowest[program]), int(highest[program])) for program in programs},
        drum_pitches=tuple(np.flatnonzero(drum_mask).tolist()),
        max_notes=max_notes,
        bpm=int(np.median(tempos)) if tempos else DEFAULT_BPM,
        time_signature=time_signatures.most_common(1)[0][0] if time_signatures else DEFAULT_TIME_SIGNATURE,
        label_rows=labelled.counts(),
        tracks={p: count for p, count in sorted(track_counts.items()) if count > 1 and p != DRUMS},
    )
    return {name: tuple(sorted(values)) for name, values in sorted(labels.items())}, stats


class _Labelled:
    """The labels of a uniform sample of the pieces of a stream.

    Source: J. S. Vitter, "Random Sampling with a Reservoir", ACM TOMS 11(1), 1985: algorithm R.

    Args:
        computed: The names of the labels that are computed from each song.
    """

    def __init__(self, computed: tuple[str, ...]) -> None:
        self.computed, self.pieces = computed, 0
        self.rows: list[tuple[tuple[str, str], ...]] = []
        self.rng = np.random.default_rng(0)

    def add(self, piece: Piece[Song]) -> None:
        """Count a piece."""
        self.pieces += 1
        place = int(self.rng.integers(self.pieces)) if self.pieces > MAX_LABELLED else self.pieces - 1
        if place >= MAX_LABELLED:
            return
        labels = {**song_labels(piece.content, self.computed), **piece.labels}
        self.rows[place : place + 1] = [tuple(sorted(labels.items()))]

    def counts(self) -> tuple[tuple[dict[str, str], int], ...]:
        """Return the labels of the pieces that have some, and the number of pieces with them."""
        return tuple((dict(row), count) for row, count in sorted(Counter(self.rows).items()) if row)
