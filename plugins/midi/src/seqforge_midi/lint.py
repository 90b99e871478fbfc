"""Finds faults in MIDI files, message by message."""

from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

MAX_DELTA = 1 << 20
"""The longest plausible time between two messages of a track, in ticks."""


def check_file(path: Path) -> list[str]:
    """Return the faults of a MIDI file, one sentence each; empty if there are none.

    Faults are: a note that does not end, starts while it sounds, or has no length; a note_off that ends no note; a
    pedal that stays down; a track whose end_of_track message is missing or not the last; an implausible time; no notes;
    and tracks that play one channel of one port at once, with one pitch or with several programs.

    Example:
        for fault in check_file(Path("song.mid")):
            print(fault)
    """
    import mido  # type: ignore[import-untyped]

    file = mido.MidiFile(path)
    faults: list[str] = []
    note_count = 0
    if not file.tracks:
        faults.append("the file has no track")
    if file.ticks_per_beat <= 0:
        faults.append(f"the file has {file.ticks_per_beat} ticks per quarter note")
    for number, track in enumerate(file.tracks, 1):
        end_indices = [index for index, message in enumerate(track) if message.type == "end_of_track"]
        if end_indices != [len(track) - 1]:
            faults.append(f"track {number} has {len(end_indices)} end_of_track messages, or one that is not the last")
        now = 0
        starts: dict[tuple[int, int], int] = {}  # channel and pitch to the start of the sounding note
        pedals: Counter[int] = Counter()
        for message in track:
            if not 0 <= message.time <= MAX_DELTA:
                faults.append(f"track {number} has a delta time of {message.time} ticks at tick {now}")
            now += message.time
            if message.type == "note_on" and message.velocity:
                key = (message.channel, message.note)
                if key in starts:
                    faults.append(f"track {number}: note {message.note} starts at tick {now} while it sounds")
                starts[key] = now
                note_count += 1
            elif message.type in ("note_on", "note_off"):
                start = starts.pop((message.channel, message.note), None)
                if start is None:
                    faults.append(f"track {number}: note {message.note} ends at tick {now} and did not sound")
                elif start == now:
                    faults.append(f"track {number}: note {message.note} at tick {now} has no length")
            elif message.type == "control_change" and message.control == 64:
                pedals[message.channel] = int(message.value >= 64)
        faults += [
            f"track {number}: note {pitch} starts at tick {start} and does not end"
            for (_, pitch), start in starts.items()
        ]
        faults += [f"track {number}: the pedal of channel {channel} stays down" for channel in +pedals]
    faults += _shared_channels(file.tracks)
    if not note_count:
        faults.append("the file has no note")
    return faults


def _shared_channels(tracks: Iterable[Any]) -> list[str]:
    """Return the faults of tracks that share a channel of a port: a player cannot tell their messages apart."""
    faults: list[str] = []
    messages = [
        (tick, number, port, message)
        for number, track in enumerate(tracks, 1)
        for port in [next((message.port for message in track if message.type == "midi_port"), 0)]
        for tick, message in zip(accumulate(message.time for message in track), track, strict=True)
    ]
    players: dict[tuple[int, int, int], int] = {}  # port, channel and pitch to the track of the sounding note
    programs: dict[
        tuple[int, int], tuple[int, int]
    ] = {}  # port and channel to the track and program of the last change
    for tick, number, port, message in sorted(messages, key=lambda item: (item[0], not _is_end(item[3]))):
        if message.type == "program_change":
            channel = (port, message.channel)
            other, program = programs.get(channel, (number, message.program))
            if other != number and program != message.program:
                faults.append(
                    f"tracks {other} and {number} set programs {program} and {message.program} on channel"
                    f" {message.channel + 1} of port {port + 1}"
                )
            programs[channel] = (number, message.program)
        elif message.type in ("note_on", "note_off"):
            key = (port, message.channel, message.note)
            if _is_end(message):
                players.pop(key, None)
            elif players.setdefault(key, number) != number:
                faults.append(
                    f"tracks {players[key]} and {number} play note {message.note} on channel {message.channel + 1} of"
                    f" port {port + 1} at tick {tick}"
                )
    return faults


def _is_end(message: Any) -> bool:
    """Return whether a message ends a note."""
    return message.type == "note_off" or (message.type == "note_on" and not message.velocity)
