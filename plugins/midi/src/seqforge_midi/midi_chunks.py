"""Divides a MIDI file into its chunks: RIFF wrapper, header and tracks; all sizes are checked before they are used."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_TRACKS = 1024
CHUNK_HEADER_BYTES = 8
END_OF_TRACK = b"\xff\x2f\x00"
MAX_SIZE_FAULT = 8
"""The size of a track may be wrong by this many bytes if another track follows."""
DROP_FRAME = 29
"""The number of frames per second in a header that stands for 30000/1001."""


@dataclass(frozen=True)
class MidiChunks:
    """The tracks of a file and the unit of their times.

    >>> data = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 224]) + b"MTrk" + bytes([0, 0, 0, 4, 0, 255, 47, 0])
    >>> chunks = read_chunks(data)
    >>> chunks.file_format, chunks.division, len(chunks.tracks)
    (0, 480, 1)

    Attributes:
        file_format: 0 (one track), 1 (tracks that play together) or 2 (tracks that are songs of their own).
        division: Ticks per quarter note.
        quarter_seconds: The duration of a quarter note, if the header counts film frames; else None.
        tracks: The bodies of the track chunks.
    """

    file_format: int
    division: int
    quarter_seconds: float | None
    tracks: tuple[bytes, ...]


def read_chunks(data: bytes) -> MidiChunks:
    """Return the chunks of a file (Standard MIDI Files 1.0, MIDI Manufacturers Association, 1996).

    Raises:
        ValueError: If this is no MIDI file, the header is damaged, the file is truncated, or there are no tracks.
    """
    data = unwrap_riff(data)
    if data[:4] != b"MThd" or len(data) < 14:
        raise ValueError("this is not a MIDI file: it does not begin with MThd")
    size, file_format, track_count, division = struct.unpack(">IHHH", data[4:14])
    if size < 6 or size > len(data) or file_format > 2:
        raise ValueError(f"the header is damaged: it has size {size} and format {file_format}")
    quarter_seconds = None
    if division & 0x8000:  # frames per second, negative, and ticks per frame
        frames = 256 - (division >> 8)
        is_drop_frame = frames == DROP_FRAME
        division = (30 if is_drop_frame else frames) * (division & 0xFF)
        quarter_seconds = 1.001 if is_drop_frame else 1.0
    if not 0 < division < 0x8000:
        raise ValueError(f"the header is damaged: it has {division} ticks per quarter note")
    tracks = _tracks(data, CHUNK_HEADER_BYTES + size)
    if not tracks:
        raise ValueError("the file has no tracks")
    track_count = max(len(tracks), track_count)
    if track_count > MAX_TRACKS:
        raise ValueError(f"the file has {track_count:,} tracks; at most {MAX_TRACKS:,} are allowed")
    return MidiChunks(file_format, division, quarter_seconds, tuple(tracks))


def unwrap_riff(data: bytes) -> bytes:
    """Return the MIDI file in the `data` chunk of a RIFF file; other files unchanged.

    Raises:
        ValueError: If the RIFF file has no such chunk.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    offset = 12
    while offset + CHUNK_HEADER_BYTES <= len(data):
        size = int.from_bytes(data[offset + 4 : offset + 8], "little")
        if data[offset : offset + 4] == b"data":
            return data[offset + 8 : offset + 8 + size]
        offset += CHUNK_HEADER_BYTES + size + size % 2  # chunks begin at even offsets
    raise ValueError("the RIFF file has no `data` chunk, which holds the MIDI file")


def replace_tracks(data: bytes, bodies: Mapping[int, bytes]) -> bytes:
    """Return a MIDI file with the bodies of some track chunks replaced; all other bytes stay the same.

    >>> data = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 1, 224]) + b"MTrk" + bytes([0, 0, 0, 4, 0, 255, 47, 0])
    >>> replace_tracks(data, {0: bytes([9, 255, 47, 0])})[-5:].hex()
    '0409ff2f00'

    Args:
        data: The file, without a RIFF wrapper; `read_chunks` accepts it.
        bodies: Number of a track, from 0, to its new body.
    """
    parts, position = [], 0
    for number, (start, end) in enumerate(_track_spans(data, CHUNK_HEADER_BYTES + int.from_bytes(data[4:8], "big"))):
        if number in bodies:
            parts += [data[position : start - 4], len(bodies[number]).to_bytes(4, "big"), bodies[number]]
            position = min(end, len(data))
    return b"".join(parts) + data[position:]


def _tracks(data: bytes, offset: int) -> list[bytes]:
    """Return the bodies of the track chunks; one whose size exceeds the file is accepted if it ends with end_of_track.

    Raises:
        ValueError: If the file is truncated within a track.
    """
    tracks: list[bytes] = []
    for start, end in _track_spans(data, offset):
        body = data[start:end]
        if len(body) < end - start and not body.endswith(END_OF_TRACK):
            number = len(tracks) + 1
            raise ValueError(
                f"the file is truncated: track {number} has {len(body):,} bytes instead of {end - start:,}"
            )
        tracks.append(body)
    return tracks


def _track_spans(data: bytes, offset: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of the body of each track chunk from an offset."""
    while offset + CHUNK_HEADER_BYTES <= len(data):
        size = int.from_bytes(data[offset + 4 : offset + 8], "big")
        start = offset + CHUNK_HEADER_BYTES
        if data[offset : offset + 4] == b"MTrk":
            size = _corrected_size(data, start, size)
            yield start, start + size
        offset = start + size


def _corrected_size(data: bytes, start: int, size: int) -> int:
    """Return the size of a track; it is corrected if the next track begins a few bytes before or after its end."""
    end = start + size
    if end >= len(data) or data[end : end + 4] == b"MTrk":
        return size
    following = data.find(END_OF_TRACK + b"MTrk", max(start, end - MAX_SIZE_FAULT - 3), end + MAX_SIZE_FAULT + 7)
    return size if following < 0 else following + len(END_OF_TRACK) - start


def wrap_in_riff(data: bytes) -> bytes:
    """Return a MIDI file as the `data` chunk of a RIFF file of type RMID (RP-029, MIDI Manufacturers Association)."""
    body = b"RMIDdata" + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
