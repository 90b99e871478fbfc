"""The channels of the tracks of a song in a MIDI file."""

from collections.abc import Container, Iterator, Sequence

import numpy as np

from seqforge import WriteError
from seqforge_midi.song import DRUMS, NOTE_DTYPE, Song, Track

DRUM_CHANNEL = 9
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
MAX_PORTS = 256

Place = tuple[int, int]
"""Port and channel."""


def assign_channels(song: Song) -> list[Place]:
    """Return port and channel of each track of a song.

    A track has the channel that it had in its file, unless that belongs to an earlier track of another program or to
    one that plays a pitch at the same time. Every other track has a channel of its own: a port has 15 beside that of
    the drums, so the 16th track and the following ones are on the second port, and so on.

    >>> from seqforge_midi.song import note_array
    >>> assign_channels(Song(note_array([(0, 480, 60, 80, 0), (0, 480, 60, 80, 40), (0, 480, 36, 80, DRUMS)])))
    [(0, 0), (0, 1), (0, 9)]

    Args:
        song: The song.

    Raises:
        WriteError: If the song has more tracks than a MIDI file has channels.
    """
    members: dict[Place, list[int]] = {}
    for number, track in enumerate(song.tracks):
        place = (track.port, DRUM_CHANNEL if track.program == DRUMS else track.channel)
        fits = track.program == DRUMS or (track.channel >= 0 and track.channel != DRUM_CHANNEL)
        if fits and _can_share(song, [*members.get(place, []), number]):
            members.setdefault(place, []).append(number)
    places = {number: place for place, numbers in members.items() for number in numbers}
    used = set(members)
    free_places = {True: _free_places((DRUM_CHANNEL,), used), False: _free_places(CHANNELS, used)}
    for number, track in enumerate(song.tracks):
        if number not in places:
            free = next(free_places[track.program == DRUMS], None)
            if free is None:
                raise WriteError(f"the song has {len(song.tracks):,} tracks, more than a MIDI file has channels")
            places[number] = free
    return [places[number] for number in range(len(song.tracks))]


def separate_channels(tracks: Sequence[Track]) -> list[Track]:
    """Return tracks of which no two share a channel; a track that shares one with an earlier track gets a free one.

    The channels then do not depend on the notes, which an encoding moves.

    >>> [track.channel for track in separate_channels([Track(0, 0, channel=1), Track(0, 1, channel=1)])]
    [1, 0]

    Args:
        tracks: The tracks; those without a channel stay without one.
    """
    used = {(track.port, track.channel) for track in tracks}
    free = _free_places(CHANNELS, used)
    seen: set[Place] = set()
    result = []
    for track in tracks:
        place = (track.port, track.channel)
        if place in seen and track.channel >= 0 and track.program != DRUMS:
            port, channel = next(free, place)
            result.append(track._replace(port=port, channel=channel))
        else:
            result.append(track)
        seen.add(place)
    return result


def _free_places(channels: Sequence[int], used: Container[Place]) -> Iterator[Place]:
    """Yield the places on some channels that are not used, port by port."""
    for port in range(MAX_PORTS):
        yield from ((port, channel) for channel in channels if (port, channel) not in used)


def _can_share(song: Song, numbers: Sequence[int]) -> bool:
    """Return whether tracks can share a channel: they have one program, and no two play a pitch at the same time."""
    tracks: list[Track] = [song.tracks[number] for number in numbers]
    if len(tracks) == 1:
        return True
    if len({track.program for track in tracks}) > 1:
        return False
    notes = np.concatenate([np.zeros(0, NOTE_DTYPE), *(song.notes[track.mask(song.notes)] for track in tracks)])
    if not len(notes):
        return True
    notes = notes[np.lexsort((notes["end"], notes["start"], notes["pitch"]))]
    same_pitch, other_track = (np.diff(notes[name]) == 0 for name in ("pitch", "track"))
    overlaps = (
        np.maximum.accumulate(notes["end"] + notes["pitch"] * (notes["end"].max() + 1))[:-1]
        > (notes["start"] + notes["pitch"] * (notes["end"].max() + 1))[1:]
    )
    return not (same_pitch & ~other_track & overlaps).any()
