"""Changes the notes of single tracks of a MIDI file; all other events keep their times and bytes."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from seqforge_midi.midi_chunks import replace_tracks
from seqforge_midi.midi_events import END_OF_TRACK, META
from seqforge_midi.midi_notes import ALL_NOTES_OFF, ALL_SOUND_OFF
from seqforge_midi.track_events import TrackEvent, read_events, write_events

NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
RELEASE_VELOCITY = 64
"""The velocity of a note-off message: the specification's value for keys without a sensor (MIDI 1.0, "Note Off")."""


class FileNote(NamedTuple):
    """A note to insert.

    Attributes:
        start: The start in ticks of the file.
        end: The end in ticks of the file.
        channel: The channel, from 0 to 15.
        pitch: The pitch.
        velocity: The velocity, from 1 to 127.
    """

    start: int
    end: int
    channel: int
    pitch: int
    velocity: int


class Span(NamedTuple):
    """A span of ticks on a channel of a track chunk.

    Attributes:
        track: The number of the track chunk, from 0.
        channel: The channel, from 0 to 15.
        start: The first tick.
        end: The tick after the last one.
    """

    track: int
    channel: int
    start: int
    end: int


def splice(
    data: bytes, bodies: Sequence[bytes], spans: Iterable[Span], notes: Mapping[int, Sequence[FileNote]]
) -> bytes:
    """Return a MIDI file in which the notes that begin in spans are replaced.

    Args:
        data: The file, without a RIFF wrapper.
        bodies: The bodies of its track chunks.
        spans: The spans from which notes are removed: their note-on and note-off messages.
        notes: Number of a track chunk to the notes that are inserted into it.
    """
    spans_by_track: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        spans_by_track[span.track].append(span)
    changed = {}
    for number in sorted({*spans_by_track, *notes}):
        events, rest = read_events(bodies[number])
        uses_note_off = _uses_note_off(events)
        events = remove_notes(events, spans_by_track[number])
        changed[number] = write_events(insert_notes(events, notes.get(number, ()), uses_note_off=uses_note_off), rest)
    return replace_tracks(data, changed)


def remove_notes(events: Sequence[TrackEvent], spans: Sequence[Span]) -> list[TrackEvent]:
    """Return the events of a track without the notes that begin in spans.

    A note-off ends the earliest sounding note of its pitch and channel, as `midi_notes` pairs them. A note-off that
    ends nothing belongs to a note without length whose note-on follows at the same tick. A note that no note-off ends
    loses its note-on only.

    Args:
        events: The events of a track.
        spans: The spans.
    """
    removed: set[int] = set()
    sounding: dict[tuple[int, int], deque[bool]] = defaultdict(deque)  # channel and pitch to: whether it is removed
    unmatched: dict[tuple[int, int], tuple[int, int]] = {}  # channel and pitch to tick and number of a note-off
    for number, event in enumerate(events):
        kind, channel = event.data[0] & 0xF0, event.data[0] & 0x0F
        if not event.is_message or max(event.data[1:]) > 127:
            continue
        if kind == CONTROL and (event.data[1] == ALL_SOUND_OFF or event.data[1] >= ALL_NOTES_OFF):
            for key in [key for key in sounding if key[0] == channel]:
                del sounding[key]
            continue
        key = channel, event.data[1]
        if kind == NOTE_ON and event.data[2]:
            is_removed = any(span.channel == channel and span.start <= event.tick < span.end for span in spans)
            removed |= {number} if is_removed else set()
            tick, off = unmatched.pop(key, (-1, -1))
            if tick != event.tick:
                sounding[key].append(is_removed)
            elif is_removed:
                removed.add(off)
        elif kind in (NOTE_ON, NOTE_OFF):
            if not sounding[key]:
                unmatched[key] = event.tick, number
            elif sounding[key].popleft():
                removed.add(number)
    return [event for number, event in enumerate(events) if number not in removed]


def insert_notes(
    events: Sequence[TrackEvent], notes: Sequence[FileNote], *, uses_note_off: bool = True
) -> list[TrackEvent]:
    """Return the events of a track with notes inserted: at one tick, note-offs come first and note-ons last.

    The end_of_track event stays last; it moves to the end of the last note if that is later.

    Args:
        events: The events of a track.
        notes: The notes.
        uses_note_off: Whether a note ends with a note-off message; else with a note-on message of velocity 0.
    """
    is_end = bool(events) and events[-1].data[:2] == bytes([META, END_OF_TRACK])
    body, end = (events[:-1], [events[-1]]) if is_end else (events, [])
    off_status, off_velocity = (NOTE_OFF, RELEASE_VELOCITY) if uses_note_off else (NOTE_ON, 0)
    ranked = [(event.tick, 1, event) for event in body]
    for note in notes:
        on = TrackEvent(note.start, bytes([NOTE_ON | note.channel, note.pitch, note.velocity]))
        off = TrackEvent(note.end, bytes([off_status | note.channel, note.pitch, off_velocity]))
        ranked += [(note.start, 2, on), (note.end, 0, off)]
    result = [event for *_, event in sorted(ranked, key=lambda item: item[:2])]
    return result + [event._replace(tick=max(event.tick, result[-1].tick if result else 0)) for event in end]


def _uses_note_off(events: Sequence[TrackEvent]) -> bool:
    """Return whether notes of a track end with note-off messages; True if it has no notes."""
    kinds = {event.data[0] & 0xF0 for event in events if event.is_message}
    return NOTE_OFF in kinds or NOTE_ON not in kinds
