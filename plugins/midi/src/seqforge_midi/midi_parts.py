"""The parts of a MIDI file: what one channel of one track plays. Users name them to edit a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqforge import ReadError, RequestError, listing
from seqforge_midi.instruments import program_name
from seqforge_midi.midi_chunks import MidiChunks, read_chunks, unwrap_riff
from seqforge_midi.midi_events import OtherEvent, scan_tracks
from seqforge_midi.midi_notes import pair_notes
from seqforge_midi.midi_programs import programs_of
from seqforge_midi.reader import PORT, read_songs
from seqforge_midi.song import TICKS_PER_QUARTER, Song

TRACK_NAME = 0x03
PART_DTYPE = np.dtype([("start", "i8"), ("end", "i8"), ("pitch", "i2"), ("velocity", "i2"), ("program", "i2")])
"""The notes of a part; start and end are in ticks of the file."""
MAX_LISTED = 24
"""The number of parts that a message lists."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one channel of one track plays.

    Attributes:
        number: The number of the part in the file, from 1.
        track: The number of the track chunk, from 0.
        port: The port.
        channel: The channel, from 0 to 15.
        name: The name of the track; of a track with several channels, the name of the instrument.
        notes: The notes, of PART_DTYPE, ordered by start.
    """

    number: int
    track: int
    port: int
    channel: int
    name: str
    notes: np.ndarray

    def program_at(self, tick: int) -> int:
        """Return the program of the last note that begins before a tick, else that of the first note."""
        index = int(np.searchsorted(self.notes["start"], tick)) - 1
        return int(self.notes["program"][max(index, 0)])

    @property
    def description(self) -> str:
        """Number, name and instrument, for messages."""
        instrument = program_name(int(self.notes["program"][0]))
        return f"{self.number} {self.name}" + ("" if self.name == instrument else f" ({instrument})")


@dataclass(frozen=True, eq=False)
class PartsFile:
    """A MIDI file with its parts.

    Attributes:
        data: The content of the file, without a RIFF wrapper.
        chunks: Its chunks.
        song: Its music.
        parts: Its parts, in the order of tracks and channels; those without notes are left out.
    """

    data: bytes
    chunks: MidiChunks
    song: Song
    parts: tuple[Part, ...]

    @property
    def scale(self) -> float:
        """The ticks of the file per tick of the song."""
        return self.chunks.division / TICKS_PER_QUARTER

    def file_tick(self, tick: float) -> int:
        """Return the tick of the file that is nearest to a tick of the song."""
        return round(tick * self.scale)

    def first_file_tick(self, tick: int) -> int:
        """Return the first tick of the file at or after a tick of the song."""
        return -(-tick * self.chunks.division // TICKS_PER_QUARTER)

    def song_ticks(self, ticks: np.ndarray) -> np.ndarray:
        """Return ticks of the file in ticks of the song, not rounded."""
        scaled: np.ndarray = ticks / self.scale
        return scaled


def read_parts(path: Path, field: str) -> PartsFile:
    """Return a file with its parts.

    Example:
        print([part.name for part in read_parts(Path("song.mid"), "prompt_file").parts])

    Args:
        path: The path of the file.
        field: The field of the request that names the file, for messages.

    Raises:
        RequestError: If the file cannot be read, or its tracks are songs of their own (format 2).
    """
    if not path.is_file():
        raise RequestError(f"`{field}` is {path}: there is no such file", field=field, value=path)
    piece = next(read_songs(path))
    if isinstance(piece, ReadError):
        raise RequestError(f"`{field}` cannot be read: {piece}", field=field, value=path)
    data = unwrap_riff(path.read_bytes())
    chunks = read_chunks(data)
    if chunks.file_format == 2:
        reason = f"`{field}` is {path}: its tracks are songs of their own (format 2); save one of them as a file"
        raise RequestError(reason, field=field, value=path)
    return PartsFile(data, chunks, piece.content, tuple(_parts(chunks)))


def _parts(chunks: MidiChunks) -> Iterable[Part]:
    events = scan_tracks(chunks.tracks)
    messages, ports = events.messages, np.zeros(len(chunks.tracks), np.int64)
    for event in reversed(events.others):
        if event.kind == PORT and event.data:
            ports[event.track] = event.data[0]
    spans = pair_notes(messages)
    notes = np.zeros(len(spans.messages), PART_DTYPE)
    notes["start"], notes["end"] = messages.ticks[spans.messages], spans.ends
    notes["pitch"], notes["velocity"] = messages.firsts[spans.messages], messages.seconds[spans.messages]
    notes["program"] = programs_of(messages, spans.messages, ports, events.others)
    keys = messages.channels[spans.messages]
    names = _track_names(events.others)
    channels_per_track = np.bincount(np.unique(keys) // 16, minlength=len(chunks.tracks))
    for number, key in enumerate(np.unique(keys).tolist(), 1):
        track, channel = divmod(key, 16)
        of_part = notes[keys == key]
        of_part = of_part[np.argsort(of_part["start"], kind="stable")]
        name = names.get(track, "") if channels_per_track[track] == 1 else ""
        name = name or program_name(int(of_part["program"][0]))
        yield Part(number, track, int(ports[track]), channel, name, of_part)


def _track_names(others: Iterable[OtherEvent]) -> dict[int, str]:
    """Return the name of each track that has one; text is UTF-8, else Latin-1."""
    names: dict[int, str] = {}
    for event in others:
        if event.kind == TRACK_NAME and event.track not in names:
            try:
                text = event.data.decode("utf-8")
            except UnicodeDecodeError:
                text = event.data.decode("latin-1")
            names[event.track] = " ".join("".join(c for c in text if c.isprintable()).split())
    return names


def select_parts(text: str, parts: Sequence[Part], field: str, value: str) -> list[Part]:
    """Return the parts that a text names: one, or several joined by `+`.

    A part is named by the name of its track (case does not matter, and the beginning is enough if no other track has
    it), by its number, or by its instrument.

    Args:
        text: The names.
        parts: The parts of the file.
        field: The field of the request, for messages.
        value: The value of the field.

    Raises:
        RequestError: If a name fits no part, or several; the message lists the parts.
    """
    whole = _matches(text, parts)
    if len(whole) == 1 or "+" not in text:
        return [_only(text, whole, parts, field, value)]
    chosen = [_only(word, _matches(word, parts), parts, field, value) for word in text.split("+")]
    return sorted({part.number: part for part in chosen}.values(), key=lambda part: part.number)


def _matches(text: str, parts: Sequence[Part]) -> list[Part]:
    """Return the parts that fit a name: by the best of name, beginning of a name, number and instrument."""
    word = " ".join(text.lower().split())
    if not word:
        return []
    names = [part.name.lower() for part in parts]
    instruments = [{program_name(program).lower() for program in set(part.notes["program"].tolist())} for part in parts]
    rules = (
        [name == word for name in names],
        [name.startswith(word) for name in names],
        [word.isdecimal() and part.number == int(word) for part in parts],
        [word in words for words in instruments],
        [any(f" {name}".find(f" {word}") >= 0 for name in words) for words in instruments],
        [f" {name}".find(f" {word}") >= 0 for name in names],
    )
    fits = next((rule for rule in rules if any(rule)), ())
    return [part for part, is_fit in zip(parts, fits, strict=bool(fits)) if is_fit]


def _only(text: str, matches: Sequence[Part], parts: Sequence[Part], field: str, value: str) -> Part:
    """Return the only match.

    Raises:
        RequestError: If there is none or there are several.
    """
    if len(matches) == 1:
        return matches[0]
    tracks = listing([part.description for part in parts], most=MAX_LISTED)
    problem = "several tracks" if matches else "no track"
    raise RequestError(
        f"`{field}` is {value!r}: {text.strip()!r} fits {problem} of the file, which has {tracks}; name one by its name"
        " or number",
        field=field, value=value, allowed=tracks,
    )  # fmt: skip
