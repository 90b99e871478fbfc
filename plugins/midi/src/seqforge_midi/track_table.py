"""The tracks that have a token in an encoding: one per program, and more for programs that play in several tracks."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from seqforge_midi.midi_channels import separate_channels
from seqforge_midi.overlaps import count_overlaps
from seqforge_midi.song import DRUMS, Song, Track

MAX_TRACKS = 32
"""The largest number of tracks of one program that have tokens of their own."""
_PROGRAM_BITS = 8


class TrackTable:
    """The tracks that have a token, ordered by program and number; the drums of all tracks are one track behind them.

    The value of the token of a track is the program, plus 256 times the number of the track among those of its program.

    >>> table = TrackTable({0: 2})
    >>> table.codes[:3], table.size, table.names()[:3]
    ((0, 256, 1), 129, ('0', '0#2', '1'))

    Args:
        counts: Program to the number of its tracks; a program that is missing has one.

    Attributes:
        codes: The value of the token of each track.
        size: The number of tracks; it is also the index of the drums.
        programs: The program of each track, the last one DRUMS.
    """

    def __init__(self, counts: Mapping[int, int]) -> None:
        self._counts = np.ones(DRUMS + 1, np.int64)
        for program, count in counts.items():
            if program != DRUMS:
                self._counts[program] = min(max(1, count), MAX_TRACKS)
        self._firsts = np.cumsum(self._counts) - self._counts
        keys = [(program, number) for program in range(DRUMS) for number in range(int(self._counts[program]))]
        self.codes = tuple(track_code(*key) for key in keys)
        self.size = len(keys)
        self.programs = np.array([program for program, _ in keys] + [DRUMS], np.int64)
        self.numbers = np.array([number for _, number in keys] + [0], np.int64)

    def merged(self, events: np.ndarray) -> np.ndarray:
        """Return notes or pedals, those of tracks without a token in the last track of their program."""
        events = np.array(events)
        events["track"] = np.minimum(events["track"], self._counts[events["program"]] - 1)
        return events

    def indices(self, events: np.ndarray) -> np.ndarray:
        """Return the index of the track of each note or pedal; every track must have a token."""
        indices: np.ndarray = self._firsts[events["program"]] + events["track"]
        return indices

    def tracks(self, song: Song) -> list[Track]:
        """Return the tracks of a song that have a token, with separate channels."""
        return separate_channels([track for track in song.tracks if track.number < self._counts[track.program]])

    def losses(self, song: Song, notes: np.ndarray) -> Counter[str]:
        """Return in words how many notes and names are lost where tracks of one program are merged.

        Args:
            song: The song.
            notes: Its notes as the encoding keeps them, but with their own tracks.
        """
        lost = [track for track in song.tracks if track.number >= self._counts[track.program]]
        counts = count_overlaps(notes, self.merged(notes), notes["program"] != DRUMS)
        counts["tracks merged with another one of their program"] = len(lost)
        counts["names of merged tracks"] = len([track for track in lost if track.name])
        return +counts

    def extras(self, song: Song) -> dict[str, list[list[int | str]]]:
        """Return the tracks that `tracks` returns as plain JSON; nothing if none has a name or a channel."""
        tracks = self.tracks(song)
        is_default = all(track == Track(*track.key) for track in tracks)
        return {} if is_default else {"tracks": [list(track) for track in tracks]}

    def names(self) -> tuple[str, ...]:
        """Return program and number of each track, as in the names of tokens."""
        return tuple(map(code_name, self.codes))


def track_code(program: int, number: int) -> int:
    """Return the value of the token of a track."""
    return program | number << _PROGRAM_BITS


def track_key(code: int) -> tuple[int, int]:
    """Return program and number of the track whose token has this value.

    >>> track_key(track_code(40, 1))
    (40, 1)
    """
    number, program = divmod(code, 1 << _PROGRAM_BITS)
    return program, number


def code_name(code: int) -> str:
    """Return program and number of a track, as in the names of tokens.

    >>> code_name(40), code_name(40 + 256)
    ('40', '40#2')
    """
    program, number = track_key(code)
    return f"{program}#{number + 1}" if number else f"{program}"


def tracks_from_json(rows: Iterable[Iterable[int | str]]) -> list[Track]:
    """Return the tracks that `TrackTable.extras` described.

    >>> tracks_from_json([[40, 0, "Solo", -1, 0]])
    [Track(program=40, number=0, name='Solo', channel=-1, port=0)]
    """
    return [Track(int(p), int(n), str(name), int(channel), int(port)) for p, n, name, channel, port in rows]
