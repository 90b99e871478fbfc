"""Reads Standard MIDI Files of every format and division; all sizes in a file are checked before they are used."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqforge import Origin, Piece, ReadError
from seqforge_midi.song import (
    DEFAULT_BPM,
    DRUMS,
    MAX_BPM,
    MIN_BPM,
    NOTE_DTYPE,
    PEDAL_DTYPE,
    TICKS_PER_QUARTER,
    Song,
    TimeSignatureChange,
)

MAX_BYTES = 16 << 20
MAX_TRACKS = 1024
MAX_NOTES = 1_000_000
MAX_QUARTERS = 100_000
"""14 hours at 120 quarter notes per minute."""
MAX_TICKS = MAX_QUARTERS * 0x7FFF
"""The largest time in ticks of a file: `MAX_QUARTERS` at the finest division."""
MAX_MIDO_BYTES = 1 << 20
"""The largest file that mido tries, since it is slow, if symusic rejects it."""
CHUNK_HEADER_BYTES = 8
END_OF_TRACK = b"\xff\x2f\x00"


def read_songs(path: Path) -> Iterator[Piece[Song] | ReadError]:
    """Yield the songs of a MIDI file: one, or of a file of format 2, one per track.

    Example:
        for piece in read_songs(Path("song.mid")):
            print(piece if isinstance(piece, ReadError) else piece.content.programs)
    """
    file = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            reason = f"the file has more than {MAX_BYTES >> 20} MB; MIDI files of music are much smaller"
            yield ReadError(reason, file=file)
            return
        data = path.read_bytes()
    except OSError as error:
        yield ReadError(f"the file cannot be read: {error.strerror or error}", file=file)
        return
    try:
        parts = _split_file(data)
    except ValueError as error:
        yield ReadError(str(error), file=file)
        return
    for number, (part, has_film_time) in enumerate(parts, 1):
        place = f"track {number}" if len(parts) > 1 else ""
        try:
            yield Piece(_read_song(part, has_film_time=has_film_time), origin=Origin(file, place))
        except ValueError as error:
            yield ReadError(f"{place}: {error}" if place else str(error), file=file)


def _split_file(data: bytes) -> list[tuple[bytes, bool]]:
    """Return a file as files of format 0 or 1 with a division in ticks per quarter note.

    Returns:
        For each file its bytes, and whether the division was in film frames; then a quarter note lasts one second.

    Raises:
        ValueError: If the header is damaged, or there are no tracks.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[max(0, data.find(b"MThd")) :]
    if data[:4] != b"MThd" or len(data) < 14:
        raise ValueError("this is not a MIDI file: it does not begin with MThd")
    size, file_format, track_count, division = struct.unpack(">IHHH", data[4:14])
    if size < 6 or size > len(data) or file_format > 2:
        raise ValueError(f"the header is damaged: it has size {size} and format {file_format}")
    has_film_time = bool(division & 0x8000)
    if has_film_time:  # frames per second, negative, and ticks per frame
        division = (256 - (division >> 8)) * (division & 0xFF)
    if not 0 < division < 0x8000:
        raise ValueError(f"the header is damaged: it has {division} ticks per quarter note")
    chunks = _track_chunks(data, 8 + size)
    if not chunks:
        raise ValueError("the file has no tracks")
    track_count = max(len(chunks), track_count)
    if track_count > MAX_TRACKS:
        raise ValueError(f"the file has {track_count:,} tracks; at most {MAX_TRACKS:,} are allowed")
    groups = [[chunk] for chunk in chunks] if file_format == 2 else [chunks]
    return [
        (
            struct.pack(">4sIHHH", b"MThd", 6, min(1, len(group) - 1), len(group), division) + b"".join(group),
            has_film_time,
        )
        for group in groups
    ]


def _track_chunks(data: bytes, offset: int) -> list[bytes]:
    """Return the track chunks; one whose size exceeds the file is accepted if it ends with end_of_track.

    Raises:
        ValueError: If the file is truncated within a track.
    """
    chunks: list[bytes] = []
    while offset + CHUNK_HEADER_BYTES <= len(data):
        size = int.from_bytes(data[offset + 4 : offset + 8], "big")
        body = data[offset + 8 : offset + 8 + size]
        if data[offset : offset + 4] == b"MTrk":
            if len(body) < size and not body.endswith(END_OF_TRACK):
                track = len(chunks) + 1
                raise ValueError(f"the file is truncated: track {track} has {len(body):,} bytes instead of {size:,}")
            chunks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
        offset += 8 + size
    return chunks


def _read_song(data: bytes, *, has_film_time: bool) -> Song:
    """Return the song of a file of format 0 or 1.

    Raises:
        ValueError: If the file has no notes, too many, or implausible times.
    """
    division = int.from_bytes(data[12:14], "big")
    notes, tempos, time_signatures, pedals = _parse_with_symusic(data) or _parse_with_mido(data)
    if not len(notes):
        raise ValueError("the file has no notes")
    if len(notes) > MAX_NOTES:
        raise ValueError(f"the file has {len(notes):,} notes; at most {MAX_NOTES:,} are allowed")
    for events in (notes, pedals):
        for name in ("start", "end"):
            events[name] = np.rint(events[name] * (TICKS_PER_QUARTER / division)).astype(np.int64)
    first = min(notes["start"].min(), pedals["start"].min(initial=0))
    last = max(notes["end"].max(), pedals["end"].max(initial=0))
    if first < 0 or last > MAX_QUARTERS * TICKS_PER_QUARTER:
        raise ValueError(_too_long())
    notes["velocity"] = np.clip(notes["velocity"] & 0x7F, 1, 127)
    notes["pitch"] &= 0x7F
    scaled_tempos = [(round(tick * TICKS_PER_QUARTER / division), bpm) for tick, bpm in tempos]
    tempo_changes = [(tick, _plausible_bpm(bpm)) for tick, bpm in scaled_tempos if 0 <= tick <= last]
    scaled_signatures = [(round(tick * TICKS_PER_QUARTER / division), signature) for tick, signature in time_signatures]
    signature_changes = [
        (tick, (numerator, denominator))
        for tick, (numerator, denominator) in scaled_signatures
        if 0 <= tick <= last and numerator > 0 and denominator > 0
    ]
    pedals = pedals[pedals["end"] > pedals["start"]]
    return Song.from_events(notes, [(0, 60)] if has_film_time else tempo_changes, signature_changes, pedals)


class _Events(NamedTuple):
    """The events of a file, in ticks of the file.

    Attributes:
        notes: The notes, of NOTE_DTYPE.
        tempos: Tick and quarter notes per minute; 0 if the file has a tempo of 0.
        time_signatures: Tick and time signature.
        pedals: The pedal spans, of PEDAL_DTYPE.
    """

    notes: np.ndarray
    tempos: list[tuple[int, float]]
    time_signatures: list[TimeSignatureChange]
    pedals: np.ndarray


def _parse_with_symusic(data: bytes) -> _Events | None:
    """Return the events that symusic reads; None if it rejects the file."""
    import symusic

    try:
        score: Any = symusic.Score.from_midi(
            data, sanitize_data=True
        )  # without it, data bytes above 127 can end the process
    except (RuntimeError, ValueError, MemoryError):
        return None
    notes, pedals = [np.zeros(0, NOTE_DTYPE)], [np.zeros(0, PEDAL_DTYPE)]
    for track in score.tracks:
        program = DRUMS if track.is_drum else track.program & 0x7F
        columns = track.notes.numpy()
        rows = _spans(columns, program, NOTE_DTYPE)
        rows["pitch"], rows["velocity"] = columns["pitch"], columns["velocity"]
        notes.append(rows)
        pedals.append(_spans(track.pedals.numpy(), program, PEDAL_DTYPE))
    tempos = [(tempo.time, 60e6 / tempo.mspq if tempo.mspq else 0.0) for tempo in score.tempos]
    time_signatures = [(item.time, (item.numerator, item.denominator)) for item in score.time_signatures]
    return _Events(np.concatenate(notes), tempos, time_signatures, np.concatenate(pedals))


def _spans(columns: Any, program: int, dtype: np.dtype[Any]) -> np.ndarray:
    """Return events of a dtype with start, end and program set from the columns of symusic."""
    rows = np.zeros(len(columns["time"]), dtype)
    rows["start"] = columns["time"]
    rows["end"] = rows["start"] + columns["duration"]
    rows["program"] = program
    return rows


def _parse_with_mido(data: bytes) -> _Events:
    """Return the events that mido reads; it is slower than symusic and accepts more files.

    Raises:
        ValueError: If mido rejects the file, too.
    """
    import mido  # type: ignore[import-untyped]
    from mido.midifiles.meta import KeySignatureError  # type: ignore[import-untyped]

    if len(data) > MAX_MIDO_BYTES:
        raise ValueError("the file is truncated or damaged")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, KeySignatureError) as error:
        raise ValueError(f"the file is truncated or damaged ({error or type(error).__name__})") from error
    notes: list[tuple[int, int, int, int, int]] = []
    pedals: list[tuple[int, int, int]] = []
    tempos: list[tuple[int, float]] = []
    time_signatures: list[TimeSignatureChange] = []
    for track in file.tracks:
        now, programs = 0, [0] * 16  # the program of each channel
        active: dict[tuple[int, int], list[tuple[int, int, int]]] = {}  # start, velocity and program
        pedal_starts: dict[int, int] = {}
        for message in track:
            now += message.time
            if now > MAX_TICKS:
                raise ValueError(_too_long())
            kind = message.type
            if kind == "set_tempo":
                tempos.append((now, 60e6 / message.tempo if message.tempo else 0.0))
            elif kind == "time_signature":
                time_signatures.append((now, (message.numerator, message.denominator)))
            elif kind == "program_change":
                programs[message.channel] = message.program
            elif kind == "note_on" and message.velocity:
                program = DRUMS if message.channel == 9 else programs[message.channel]
                active.setdefault((message.channel, message.note), []).append((now, message.velocity, program))
            elif kind in ("note_on", "note_off") and active.get((message.channel, message.note)):
                start, velocity, program = active[message.channel, message.note].pop(0)
                notes.append((start, now, message.note, velocity, program))
            elif kind == "control_change" and message.control == 64:
                if message.value >= 64:
                    pedal_starts.setdefault(message.channel, now)
                elif message.channel in pedal_starts:
                    pedals.append((pedal_starts.pop(message.channel), now, programs[message.channel]))
    return _Events(np.array(notes, NOTE_DTYPE), tempos, time_signatures, np.array(pedals, PEDAL_DTYPE))


def _too_long() -> str:
    return f"an event is more than {MAX_QUARTERS:,} quarter notes after the start; split the file"


def _plausible_bpm(bpm: float) -> int:
    """Return a tempo as a whole number within the allowed range."""
    return round(min(MAX_BPM, max(MIN_BPM, bpm))) if bpm > 0 else DEFAULT_BPM
