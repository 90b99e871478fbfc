"""Songs as MIDI files, with mido."""

from collections.abc import Iterable
from typing import Any

from seqforge_midi.controls import BEND
from seqforge_midi.instruments import track_name
from seqforge_midi.midi_channels import assign_channels
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song, Track, microseconds_per_quarter

Event = tuple[int, int, Any]
"""Tick, rank among the events of one tick, and mido message."""


def to_midi_file(song: Song, provenance: str = "") -> Any:
    """Return a song as a mido.MidiFile of format 1: a track of tempos and time signatures, then the tracks of the song.

    Each track has its name and, where possible, its channel (`assign_channels`).

    Example:
        to_midi_file(song).save("song.mid")

    Args:
        song: The song.
        provenance: Where the song comes from; a text message of the first track.
    """
    import mido  # type: ignore[import-untyped]

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, charset="utf-8")
    meta = mido.MetaMessage
    events: list[Event] = [(0, 0, meta("track_name", name="Song"))]
    if provenance:
        events.append((0, 1, meta("text", text=provenance)))
    events += [(tick, 2, meta("set_tempo", tempo=microseconds_per_quarter(bpm))) for tick, bpm in song.tempos]
    for tick, (numerator, denominator) in song.time_signatures:
        clocks = 36 if denominator == 8 and numerator % 3 == 0 else 24
        message = meta("time_signature", numerator=numerator, denominator=denominator, clocks_per_click=clocks)
        events.append((tick, 3, message))
    file.tracks.append(_track(events, song.length))
    for track, (port, channel) in zip(song.tracks, assign_channels(song), strict=True):
        file.tracks.append(_track(_track_events(song, track, port, channel), song.length))
    return file


def _track_events(song: Song, track: Track, port: int, channel: int) -> list[Event]:
    """Return the events of a track on a channel of a port."""
    import mido

    events: list[Event] = [(0, 0, mido.MetaMessage("track_name", name=track_name(track)))]
    if port:
        events.append((0, 0, mido.MetaMessage("midi_port", port=port)))
    if track.program != DRUMS:
        events.append((0, 1, mido.Message("program_change", channel=channel, program=track.program)))
    for start, end, pitch, velocity, *_ in song.notes[track.mask(song.notes)].tolist():
        events.append((start, 6, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((end, 2, mido.Message("note_off", channel=channel, note=pitch, velocity=64)))
    for start, end, *_ in song.pedals[track.mask(song.pedals)].tolist():
        events.append((start, 4, mido.Message("control_change", channel=channel, control=64, value=127)))
        events.append((end, 3, mido.Message("control_change", channel=channel, control=64, value=0)))
    for start, kind, value, *_ in song.controls[track.mask(song.controls)].tolist():
        if kind == BEND:
            message = mido.Message("pitchwheel", channel=channel, pitch=value)
        else:
            message = mido.Message("control_change", channel=channel, control=kind, value=value)
        events.append((start, 5, message))
    return events


def _track(events: Iterable[Event], end: int) -> Any:
    """Return a track of events, with delta times and an end_of_track message at `end`."""
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track
