"""Songs as MIDI files, with mido."""

from collections.abc import Iterable
from typing import Any

from seqforge_midi.instruments import program_name
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song, microseconds_per_quarter

DRUM_CHANNEL = 9
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)

Event = tuple[int, int, Any]
"""Tick, rank among the events of one tick, and mido message."""


def to_midi_file(song: Song, provenance: str = "") -> Any:
    """Return a song as a mido.MidiFile of format 1: a track of tempos and time signatures, then one per program.

    Each program has a channel of its own. A port has 15 channels beside that of the drums, so the 16th program and the
    following ones are on the second port, and so on.

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
    pitched_programs = [program for program in song.programs if program != DRUMS]
    for program in song.programs:
        port, channel = 0, DRUM_CHANNEL
        if program != DRUMS:
            port, number = divmod(pitched_programs.index(program), len(CHANNELS))
            channel = CHANNELS[number]
        file.tracks.append(_track(_program_events(song, program, port, channel), song.length))
    return file


def _program_events(song: Song, program: int, port: int, channel: int) -> list[Event]:
    """Return the events of a program on a channel of a port."""
    import mido

    events: list[Event] = [(0, 0, mido.MetaMessage("track_name", name=program_name(program)))]
    change = mido.Message("program_change", channel=channel, program=program % DRUMS)
    if port:
        events.append((0, 0, mido.MetaMessage("midi_port", port=port)))
    if program != DRUMS:
        events.append((0, 1, change))
    for start, end, pitch, velocity, _ in song.notes[song.notes["program"] == program].tolist():
        events.append((start, 6, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((end, 2, mido.Message("note_off", channel=channel, note=pitch, velocity=64)))
    for start, end, _ in song.pedals[song.pedals["program"] == program].tolist():
        events.append((start, 4, mido.Message("control_change", channel=channel, control=64, value=127)))
        events.append((end, 3, mido.Message("control_change", channel=channel, control=64, value=0)))
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
