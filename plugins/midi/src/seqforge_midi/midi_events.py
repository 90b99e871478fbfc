"""Scans the events of tracks, with running status across meta events and sysex packets, at the speed of NumPy.

Sequences of channel messages with two data bytes, most of a file, are matched as a whole by one regular expression and
divided with NumPy: of the bytes below 128 each such message has three, the last byte of its delta time and its data.
Other events are read one by one and stand among the messages as placeholders of the same form.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_DELTA = rb"[\x80-\xff]{0,3}+[\x00-\x7f]"
_STATUS = rb"[\x80-\xbf\xe0-\xef]"
_DATA = rb"[\x00-\x7f]{2}"
_META = rb"(?:" + _DELTA + rb"\xff([\x00-\x7f]{2}))?+"
_FIRST = re.compile(
    rb"((?:" + _DELTA + _STATUS + _DATA + rb"(?:" + _DELTA + _STATUS + rb"?" + _DATA + rb")*+)?+)" + _META
)
"""Messages with two data bytes, the first with a status; then a meta event up to its type and a size below 128."""
_NEXT = re.compile(rb"((?:" + _DELTA + _STATUS + rb"?" + _DATA + rb")*+)" + _META)
"""The same, but the first message may stand under running status."""
_QUANTITY = re.compile(_DELTA)
_PLACEHOLDER = b"\xff\x00\x00"

NOTE_OFF = 0x80
META, SYSEX, ESCAPE = 0xFF, 0xF0, 0xF7
END_OF_TRACK = 0x2F
TRACK_END = -1
"""The kind of the placeholder after the last event of a track."""
SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""Data bytes of system messages that a file must not contain; the others have none."""


class Messages(NamedTuple):
    """The channel messages of all tracks, track by track; each an int64 array of shape (messages,).

    Attributes:
        channels: Sixteen times the number of the track, from 0, plus the channel of the message.
        ticks: The times in ticks from the start of the track.
        kinds: The statuses without the channel.
        firsts: The first data bytes.
        seconds: The second data bytes; 0 for messages with one.
        ends: The end of the track of each message, in ticks.
    """

    channels: np.ndarray
    ticks: np.ndarray
    kinds: np.ndarray
    firsts: np.ndarray
    seconds: np.ndarray
    ends: np.ndarray


class OtherEvent(NamedTuple):
    """A meta event or a sysex packet.

    Attributes:
        track: The number of the track, from 0.
        tick: The time in ticks from the start of the track.
        kind: The type of the meta event, or SYSEX or ESCAPE.
        data: The content.
    """

    track: int
    tick: int
    kind: int
    data: bytes


class MidiEvents(NamedTuple):
    """The events of the tracks of a file.

    Attributes:
        messages: The channel messages.
        others: The meta events and sysex packets, track by track.
        ignored: What is no event of a MIDI file, in words, with counts.
    """

    messages: Messages
    others: list[OtherEvent]
    ignored: Counter[str]


def scan_tracks(tracks: Sequence[bytes]) -> MidiEvents:
    """Return the events of the bodies of track chunks.

    >>> events = scan_tracks([bytes([0, 0x90, 60, 80, 0x83, 0x60, 60, 0, 0, 0xFF, 0x2F, 0])])
    >>> events.messages.ticks.tolist(), events.messages.firsts.tolist(), events.messages.seconds.tolist()
    ([0, 480], [60, 60], [80, 0])

    A status holds for the following messages until the next one, also across meta events and sysex packets, as
    sequencers read files; the specification (Standard MIDI Files 1.0, section 3) demands a new status there.

    Args:
        tracks: The bodies of the track chunks.

    Raises:
        ValueError: If a track ends within an event, or an event has no status.
    """
    scan = _Scan()
    for number, track in enumerate(tracks, 1):
        try:
            scan.add(track)
        except ValueError as error:
            raise ValueError(f"track {number} is damaged: {error}") from error
    return scan.events()


class _Scan:
    """Collects the events of tracks in one form: delta time, status or none, two data bytes.

    Attributes:
        parts: The channel messages, and placeholders for other events and for the end of each track.
        others: The kind and content of each placeholder.
        ignored: What is no event of a MIDI file, in words, with counts.
    """

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.others: list[tuple[int, bytes]] = []
        self.ignored: Counter[str] = Counter()

    def add(self, data: bytes) -> None:
        """Add the events of a track.

        Raises:
            ValueError: If the track ends within an event, or an event has no status.
        """
        parts, others = self.parts, self.others
        position, running = 0, 0
        while position < len(data):
            is_two = 0x80 <= running < 0xC0 or running >= 0xE0
            match = (_NEXT if is_two else _FIRST).match(data, position)
            assert match  # both parts are optional
            end = match.end()
            if match[1] and not is_two:
                running = NOTE_OFF  # stands for any status with two data bytes
            if match[2]:
                parts.append(data[position : end - 2] + b"\0\0")
                kind, position = data[end - 2], end + data[end - 1]
                others.append((kind, data[end:position]))
                if position > len(data):
                    raise _cut_off(end - 3)
                if kind == END_OF_TRACK:
                    break
                continue
            if end > position:
                parts.append(match[1])
            start = position = end
            if position == len(data):
                break
            delta, position = _quantity(data, position)
            if position == len(data):  # padding
                break
            status = data[position]
            if status in (META, SYSEX, ESCAPE):
                kind = status
                if status == META:
                    position += 1
                    kind = data[position] if position < len(data) else END_OF_TRACK
                size, position = _quantity(data, position + 1)
                content = data[position : position + _number(size)]
                position += _number(size)
                if position > len(data):
                    raise _cut_off(start)
                parts.append(delta + _PLACEHOLDER)
                others.append((kind, content))
                if status == META and kind == END_OF_TRACK:
                    break
            elif status > SYSEX:
                self.ignored["system messages, which a file must not contain"] += 1
                position += 1 + SYSTEM_DATA_BYTES.get(status, 0)
                parts.append(delta + _PLACEHOLDER)
                others.append((status, b""))
            else:
                if status >= 0x80:
                    running = status
                    position += 1
                elif not running:
                    raise ValueError(f"the event at byte {start:,} has no status")
                size_of_data = 1 if 0xC0 <= running < 0xE0 else 2
                content = data[position : position + size_of_data]
                position += size_of_data
                if position > len(data):
                    raise _cut_off(start)
                if max(content) < 0x80:
                    parts.append(delta + bytes([running]) + content.ljust(2, b"\0"))
                else:
                    self.ignored["messages with a data byte above 127"] += 1
                    parts.append(delta + bytes([META, 1, running & 0x7F]))  # its status holds nevertheless
                    others.append((running, b""))
        parts.append(b"\0" + _PLACEHOLDER)
        others.append((TRACK_END, b""))

    def events(self) -> MidiEvents:
        """Return the events."""
        stream = np.frombuffer(b"".join(self.parts), np.uint8)
        low = np.flatnonzero(stream < 0x80)
        delta_ends, firsts, seconds = low[0::3], low[1::3], low[2::3]
        ticks = np.cumsum(_deltas(stream, np.append(0, seconds[:-1] + 1), delta_ends))
        first_data, second_data = stream[firsts], stream[seconds]
        has_status = firsts - delta_ends == 2
        statuses = np.where(has_status, stream[firsts - 1], 0)
        is_placeholder = statuses == META
        places = np.flatnonzero(is_placeholder)
        sets_status = has_status & ~(is_placeholder & (first_data == 0))
        values = np.where(is_placeholder, second_data | 0x80, statuses)
        statuses = values[np.maximum.accumulate(np.where(sets_status, np.arange(len(values)), 0))]

        # times count from the start of each track
        track_ends = places[[number for number, (kind, _) in enumerate(self.others) if kind == TRACK_END]]
        sizes = np.diff(track_ends, prepend=-1)
        ends = ticks[track_ends]
        bases = np.append(0, ends[:-1])
        tracks = np.repeat(np.arange(len(sizes)), sizes)
        ticks -= bases[tracks]

        rows = zip(tracks[places].tolist(), ticks[places].tolist(), self.others, strict=True)
        others = [OtherEvent(track, tick, *other) for track, tick, other in rows if other[0] != TRACK_END]
        kept = np.flatnonzero(~is_placeholder)
        tracks, statuses = tracks[kept], statuses[kept]
        messages = Messages(
            channels=tracks * 16 + (statuses & 0x0F),
            ticks=ticks[kept],
            kinds=statuses & 0xF0,
            firsts=first_data[kept].astype(np.int64),
            seconds=second_data[kept].astype(np.int64),
            ends=(ends - bases)[tracks],
        )
        return MidiEvents(messages, others, self.ignored)


def _deltas(stream: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the delta times that are stored from `starts` to `ends`, of at most four bytes each."""
    deltas: np.ndarray = stream[ends].astype(np.int64)
    sizes = ends - starts
    for place in range(1, 4):
        longer = np.flatnonzero(sizes >= place)
        if not len(longer):
            break
        deltas[longer] |= (stream[ends[longer] - place].astype(np.int64) & 0x7F) << (7 * place)
    return deltas


def _quantity(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the bytes of a variable-length quantity and the position behind them.

    Raises:
        ValueError: If the data end within it, or it has more than four bytes.
    """
    match = _QUANTITY.match(data, position)
    if match is None:
        raise _cut_off(position)
    return match[0], match.end()


def _number(quantity: bytes) -> int:
    """Return the number that a variable-length quantity stores."""
    number = 0
    for byte in quantity:
        number = number << 7 | byte & 0x7F
    return number


def _cut_off(position: int) -> ValueError:
    return ValueError(f"the event at byte {position:,} is cut off or has an impossible size")
