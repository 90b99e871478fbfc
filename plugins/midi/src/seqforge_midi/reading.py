"""Standard MIDI files into songs: any format and division, nothing in them believed before it is checked."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import ReadError
from seqforge_midi.song import DRUMS, FASTEST, NOTE, PEDAL, PLAIN_TEMPO, SLOWEST, TICKS, Song, song

MOST_BYTES = 16 << 20
MOST_TRACKS = 1024
MOST_NOTES = 1_000_000
LONGEST = 100_000 * TICKS
"""Ticks: 100,000 quarters, 14 hours at 120 a minute."""
MOST_FOR_MIDO = 1 << 20
"""Bytes that the slow reader is given, where the fast one refuses a file."""
SHORTEST_CHUNK = 8
END_OF_TRACK = b"\xff\x2f\x00"


def read_songs(path: Path) -> Iterator[tuple[Song, str] | ReadError]:
    """Yield the songs of a file, each with its place in it: one, or every track of a file of format 2."""
    file = str(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            yield ReadError(f"has more than {MOST_BYTES >> 20} MB; a MIDI file of music is far smaller", file=file)
            return
        data = path.read_bytes()
    except OSError as error:
        yield ReadError(f"cannot be read: {error.strerror or error}", file=file)
        return
    try:
        parts = _parts(data)
    except ValueError as error:
        yield ReadError(str(error), file=file)
        return
    for number, (part, seconds) in enumerate(parts, 1):
        place = f"track {number}" if len(parts) > 1 else ""
        try:
            yield _song(part, seconds=seconds), place
        except ValueError as error:
            yield ReadError(f"{place}: {error}" if place else str(error), file=file)


def _parts(data: bytes) -> list[tuple[bytes, bool]]:
    """Return a file as files of format 0 or 1 with a division in ticks, and whether a quarter of each is a second.

    Raises:
        ValueError: its header is none.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[max(0, data.find(b"MThd")) :]
    if data[:4] != b"MThd" or len(data) < 14:
        raise ValueError("is no MIDI file: it does not begin with MThd")
    size, kind, tracks, division = struct.unpack(">IHHH", data[4:14])
    if size < 6 or size > len(data) or kind > 2:
        raise ValueError(f"has a damaged header (size {size}, format {kind})")
    seconds = bool(division & 0x8000)
    if seconds:  # frames a second, negative, and ticks a frame
        division = (256 - (division >> 8)) * (division & 0xFF)
    if not 0 < division < 0x8000:
        raise ValueError("has a damaged header: no ticks to a quarter")
    chunks = _chunks(data, 8 + size)
    if not chunks:
        raise ValueError("has no tracks")
    if max(len(chunks), tracks) > MOST_TRACKS:
        raise ValueError(f"has {max(len(chunks), tracks):,} tracks; {MOST_TRACKS:,} are allowed")
    groups = [[chunk] for chunk in chunks] if kind == 2 else [chunks]
    return [
        (struct.pack(">4sIHHH", b"MThd", 6, min(1, len(group) - 1), len(group), division) + b"".join(group), seconds)
        for group in groups
    ]


def _chunks(data: bytes, at: int) -> list[bytes]:
    """Return the track chunks; one whose size runs over the end of the file is taken if its music is whole.

    Raises:
        ValueError: the file is cut off within a track.
    """
    found: list[bytes] = []
    while at + SHORTEST_CHUNK <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        body = data[at + 8 : at + 8 + size]
        if data[at : at + 4] == b"MTrk":
            if len(body) < size and not body.endswith(END_OF_TRACK):
                raise ValueError(f"is cut off: track {len(found) + 1} has {len(body):,} bytes, and says {size:,}")
            found.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
        at += 8 + size
    return found


def _song(data: bytes, *, seconds: bool) -> Song:
    """Return the song of a file of format 0 or 1.

    Raises:
        ValueError: it holds no music, or no sane music.
    """
    division = int.from_bytes(data[12:14], "big")
    notes, tempos, meters, pedals = _by_symusic(data) or _by_mido(data)
    if not len(notes):
        raise ValueError("holds no note")
    if len(notes) > MOST_NOTES:
        raise ValueError(f"holds {len(notes):,} notes; {MOST_NOTES:,} are allowed")
    for events in (notes, pedals):
        for name in ("start", "end"):
            events[name] = np.rint(events[name] * (TICKS / division)).astype(np.int64)
    last = max(notes["end"].max(), pedals["end"].max(initial=0))
    if notes["start"].min() < 0 or pedals["start"].min(initial=0) < 0 or last > LONGEST:
        raise ValueError(f"has an event more than {LONGEST // TICKS:,} quarters from its beginning; split the file")
    notes["velocity"] = np.clip(notes["velocity"] & 0x7F, 1, 127)
    notes["pitch"] &= 0x7F
    scaled = [(round(tick * TICKS / division), value) for tick, value in tempos]
    changes = [(tick, _tempo(value)) for tick, value in scaled if 0 <= tick <= last]
    if seconds:
        changes = [(0, 60)]
    signs = [(round(tick * TICKS / division), meter) for tick, meter in meters]
    sane = [(tick, meter) for tick, meter in signs if 0 <= tick <= last and meter[0] > 0 and meter[1] > 0]
    pedals = pedals[pedals["end"] > pedals["start"]]
    return song(notes, changes, sane, pedals)


Raw = tuple[np.ndarray, list[tuple[int, float]], list[tuple[int, tuple[int, int]]], np.ndarray]
"""Notes, tempos, meters and pedals, at the ticks of the file."""


def _by_symusic(data: bytes) -> Raw | None:
    """Return what symusic reads, None where it refuses."""
    import symusic

    try:
        score: Any = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError, MemoryError):
        return None
    notes, pedals = [], []
    for track in score.tracks:
        program = DRUMS if track.is_drum else track.program & 0x7F
        notes.append(_noted(track.notes.numpy(), program))
        pedals.append(_pedalled(track.pedals.numpy(), program))
    tempos = [(tempo.time, 60e6 / tempo.mspq if tempo.mspq else 0.0) for tempo in score.tempos]
    meters = [(sign.time, (sign.numerator, sign.denominator)) for sign in score.time_signatures]
    return _joined(notes, NOTE), tempos, meters, _joined(pedals, PEDAL)


def _noted(columns: Any, program: int) -> np.ndarray:
    found = np.zeros(len(columns["time"]), NOTE)
    found["start"] = columns["time"]
    found["end"] = found["start"] + columns["duration"]
    found["pitch"], found["velocity"], found["program"] = columns["pitch"], columns["velocity"], program
    return found


def _pedalled(columns: Any, program: int) -> np.ndarray:
    found = np.zeros(len(columns["time"]), PEDAL)
    found["start"] = columns["time"]
    found["end"] = found["start"] + columns["duration"]
    found["program"] = program
    return found


def _joined(parts: list[np.ndarray], kind: np.dtype[Any]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, kind)


def _by_mido(data: bytes) -> Raw:
    """Return what mido reads: slower, and more forgiving.

    Raises:
        ValueError: it cannot either.
    """
    import mido  # type: ignore[import-untyped]

    if len(data) > MOST_FOR_MIDO:
        raise ValueError("is cut off or damaged")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"is cut off or damaged ({error or type(error).__name__})") from error
    notes: list[tuple[int, int, int, int, int]] = []
    pedals: list[tuple[int, int, int]] = []
    tempos: list[tuple[int, float]] = []
    meters: list[tuple[int, tuple[int, int]]] = []
    for track in file.tracks:
        now, program = 0, [0] * 16
        sounding: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        down: dict[int, int] = {}
        for message in track:
            now += message.time
            kind = message.type
            if kind == "set_tempo":
                tempos.append((now, 60e6 / message.tempo if message.tempo else 0.0))
            elif kind == "time_signature":
                meters.append((now, (message.numerator, message.denominator)))
            elif kind == "program_change":
                program[message.channel] = message.program
            elif kind == "note_on" and message.velocity:
                plays = DRUMS if message.channel == 9 else program[message.channel]
                sounding.setdefault((message.channel, message.note), []).append((now, message.velocity, plays))
            elif kind in ("note_on", "note_off") and sounding.get((message.channel, message.note)):
                start, velocity, plays = sounding[message.channel, message.note].pop(0)
                notes.append((start, now, message.note, velocity, plays))
            elif kind == "control_change" and message.control == 64:
                if message.value >= 64:
                    down.setdefault(message.channel, now)
                elif message.channel in down:
                    pedals.append((down.pop(message.channel), now, program[message.channel]))
    return np.array(notes, NOTE), tempos, meters, np.array(pedals, PEDAL)


def _tempo(bpm: float) -> int:
    """Return a tempo as songs have it: whole, and such as a person could count."""
    return round(min(FASTEST, max(SLOWEST, bpm))) if bpm > 0 else PLAIN_TEMPO
