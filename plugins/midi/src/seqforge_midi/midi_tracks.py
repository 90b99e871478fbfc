"""The tracks of a song, read from a file: what one program plays on one channel of one track of the file."""

from collections.abc import Iterable

import numpy as np

from seqforge_midi.instruments import track_name
from seqforge_midi.midi_events import Messages, OtherEvent
from seqforge_midi.song import Track

TRACK_NAME = 0x03
_PROGRAMS = 256
"""The factor of the channel in the code of a track; programs are below."""


class FileTracks:
    """The tracks of a song, and to which of them notes and pedals belong.

    Args:
        messages: The channel messages of the file.
        starts: The indices of the messages that start the notes.
        programs: The program of each note.
        ports: The port of each track of the file.
        others: The meta events and sysex packets.

    Attributes:
        tracks: The tracks in the order of the file; those of one track of the file by channel and program.
        lost_names: The number of names that belong to a track of the file without notes, or with several channels.
    """

    def __init__(
        self,
        messages: Messages,
        starts: np.ndarray,
        programs: np.ndarray,
        ports: np.ndarray,
        others: Iterable[OtherEvent],
    ) -> None:
        self._messages, self._ports = messages, ports
        self._codes = np.unique(messages.channels[starts] * _PROGRAMS + programs)
        self._programs, channels = self._codes % _PROGRAMS, self._codes // _PROGRAMS
        file_tracks = channels // 16
        self._places = ports[file_tracks] * 16 + channels % 16
        order = np.argsort(self._programs, kind="stable")
        sorted_programs = self._programs[order]
        self._numbers = np.empty(len(order), np.int64)
        self._numbers[order] = np.arange(len(order)) - np.searchsorted(sorted_programs, sorted_programs)

        names = {event.track: _decode(event.data) for event in reversed(list(others)) if event.kind == TRACK_NAME}
        single = {track for track in set(file_tracks.tolist()) if len(np.unique(channels[file_tracks == track])) == 1}
        self.lost_names = len([name for track, name in names.items() if name and track not in single])
        names = {track: name for track, name in names.items() if track in single}
        columns = (self._programs, self._numbers, file_tracks, channels % 16)
        self.tracks = tuple(
            _named(Track(program, number, "", channel, int(ports[file_track])), names.get(file_track, ""))
            for program, number, file_track, channel in zip(*(column.tolist() for column in columns), strict=True)
        )

    def of(self, starts: np.ndarray, programs: np.ndarray) -> np.ndarray:
        """Return the index of the track to which notes, pedals or other channel messages belong; -1 if there is none.

        What is in a track of the file without notes of its channel belongs to the first track with the same port,
        channel and program, or else with the same port and channel.

        Args:
            starts: The indices of the messages.
            programs: The program of each.
        """
        channels = self._messages.channels[starts]
        codes = channels * _PROGRAMS + programs
        indices: np.ndarray = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        for row in np.flatnonzero(self._codes[indices] != codes).tolist():
            same_place = self._places == self._ports[channels[row] // 16] * 16 + channels[row] % 16
            same_program = same_place & (self._programs == programs[row])
            members = np.flatnonzero(same_program if same_program.any() else same_place)
            indices[row] = members[0] if len(members) else -1
        return indices

    def label(self, events: np.ndarray, indices: np.ndarray) -> None:
        """Set program and track of notes or pedals.

        Args:
            events: The events, changed in place.
            indices: The indices of their tracks, as `of` returns them.
        """
        events["program"], events["track"] = self._programs[indices], self._numbers[indices]


def _named(track: Track, name: str) -> Track:
    """Return a track with a name, unless the name is that which a track without a name has."""
    return track if name == track_name(track) else track._replace(name=name)


def _decode(data: bytes) -> str:
    """Return a text of a file, which has no declared character set, on one line."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
