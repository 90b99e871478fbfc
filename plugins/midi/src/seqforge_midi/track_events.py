"""The events of a track chunk with their bytes, so that a change in one place leaves all others as they are.

`midi_events` reads the values of events at the speed of NumPy. Here each event keeps its bytes in the file.
"""

from collections.abc import Sequence
from typing import NamedTuple

from seqforge_midi.midi_events import END_OF_TRACK, ESCAPE, META, SYSEX, SYSTEM_DATA_BYTES

MAX_QUANTITY = (1 << 28) - 1
"""The largest delta time of a file."""


class TrackEvent(NamedTuple):
    """One event of a track.

    Attributes:
        tick: The time in ticks from the start of the track.
        data: Status and content. A message under running status has its status here, too.
        has_status: Whether the file has the status of the event; False under running status.
    """

    tick: int
    data: bytes
    has_status: bool = True

    @property
    def is_message(self) -> bool:
        """Whether this is a channel message."""
        return self.data[0] < SYSEX


def read_events(track: bytes) -> tuple[list[TrackEvent], bytes]:
    """Return the events of the body of a track chunk up to the end_of_track event, and the bytes that follow it.

    >>> events, rest = read_events(bytes([0, 0x90, 60, 80, 10, 60, 0, 0, 0xFF, 0x2F, 0]))
    >>> [(event.tick, event.data.hex(), event.has_status) for event in events], rest
    ([(0, '903c50', True), (10, '903c00', False), (10, 'ff2f00', True)], b'')

    Args:
        track: The body, in which `midi_events.scan_tracks` reports no fault.

    Raises:
        ValueError: If the track ends within an event, or an event has no status.
    """
    events: list[TrackEvent] = []
    position, running, tick = 0, 0, 0
    while position < len(track):
        start = position
        delta, position = _read_quantity(track, position)
        if position == len(track):  # padding
            return events, track[start:]
        tick += delta
        status = track[position]
        if status in (META, SYSEX, ESCAPE):
            begin, position = position, position + (2 if status == META else 1)
            size, position = _read_quantity(track, position)
            position += size
            events.append(TrackEvent(tick, track[begin:position]))
            if track[begin : begin + 2] == bytes([META, END_OF_TRACK]):
                return events, track[position:]
        elif status > SYSEX:
            end = position + 1 + SYSTEM_DATA_BYTES.get(status, 0)
            events.append(TrackEvent(tick, track[position:end]))
            position = end
        else:
            has_status = status >= 0x80
            running = status if has_status else running
            if not running:
                raise ValueError(f"the event at byte {start:,} has no status")
            position += has_status
            end = position + (1 if 0xC0 <= running < 0xE0 else 2)
            events.append(TrackEvent(tick, bytes([running]) + track[position:end], has_status))
            position = end
        if position > len(track):
            raise ValueError(f"the event at byte {start:,} is cut off")
    return events, b""


def write_events(events: Sequence[TrackEvent], rest: bytes = b"") -> bytes:
    """Return the body of a track chunk. Events that `read_events` returned have the same bytes again.

    >>> body = bytes([0, 0x90, 60, 80, 10, 60, 0, 0, 0xFF, 0x2F, 0])
    >>> write_events(*read_events(body)) == body
    True

    Args:
        events: The events, ordered by tick. The status of a message that had none is written if it is not in force.
        rest: The bytes after the last event.

    Raises:
        ValueError: If more ticks are between two events than a file can store.
    """
    parts: list[bytes] = []
    tick, running = 0, 0
    for event in events:
        parts.append(_quantity(event.tick - tick))
        is_in_force = event.is_message and not event.has_status and event.data[0] == running
        parts.append(event.data[1:] if is_in_force else event.data)
        running = event.data[0] if event.is_message else running
        tick = event.tick
    return b"".join(parts) + rest


def _read_quantity(data: bytes, position: int) -> tuple[int, int]:
    """Return a variable-length quantity and the position behind it.

    Raises:
        ValueError: If the data end within it, or it has more than four bytes.
    """
    number = 0
    for index in range(position, min(position + 4, len(data))):
        number = number << 7 | data[index] & 0x7F
        if data[index] < 0x80:
            return number, index + 1
    raise ValueError(f"the number at byte {position:,} is cut off or has an impossible size")


def _quantity(number: int) -> bytes:
    """Return a number as a variable-length quantity."""
    if not 0 <= number <= MAX_QUANTITY:
        raise ValueError(f"a delta time is {number:,}; it must be from 0 to {MAX_QUANTITY:,}")
    result = [number & 0x7F]
    while number := number >> 7:
        result.append(number & 0x7F | 0x80)
    return bytes(reversed(result))
