"""The program of each note, and whether its channel plays drums.

Channel 10 plays drums (General MIDI). Other channels do so after a rhythm message of Roland GS ("use for rhythm part")
or Yamaha XG ("part mode"), or a program change in a rhythm bank: 127 or 126 in XG, 120 in General MIDI 2. The same
messages, and bank 121 of General MIDI 2, make channel 10 melodic.
"""

from collections.abc import Iterable

import numpy as np

from seqforge_midi.midi_events import SYSEX, Messages, OtherEvent
from seqforge_midi.midi_notes import CONTROL, last_before
from seqforge_midi.song import DRUMS

PROGRAM_CHANGE = 0xC0
BANK_SELECT = 0
DRUM_CHANNEL = 9
GM2_RHYTHM, GM2_MELODY = 120, 121
XG_RHYTHM = (126, 127)
GS_RESET = bytes([0x40, 0x00, 0x7F, 0x00])

DrumSwitch = tuple[int, int, bool]
"""Tick, channel, and whether it plays drums from there on."""


def programs_of(messages: Messages, starts: np.ndarray, ports: np.ndarray, others: Iterable[OtherEvent]) -> np.ndarray:
    """Return the programs of notes or pedal spans: 0 to 127, or DRUMS.

    The last program change of its track and channel holds for a note. If there is none, that of the other tracks with
    the same port and channel does, and else program 0.

    Args:
        messages: The channel messages of the file.
        starts: The indices of the messages that start the notes.
        ports: The port of each track.
        others: The meta events and sysex packets.
    """
    is_program = messages.kinds == PROGRAM_CHANGE
    changes = last_before(messages.channels, is_program)[starts]
    if is_program.any():
        changes = _from_other_tracks(messages, starts, ports, changes, is_program)
    programs = np.where(changes >= 0, messages.firsts[changes], 0)
    channels = messages.channels[starts] % 16
    is_drums = channels == DRUM_CHANNEL
    switches, is_gs = _drum_switches(others)
    ticks = messages.ticks[starts]
    for channel in {channel for _, channel, _ in switches}:
        of_channel = [(tick, plays_drums) for tick, number, plays_drums in switches if number == channel]
        members = np.flatnonzero(channels == channel)
        places = np.searchsorted([tick for tick, _ in of_channel], ticks[members], side="right")
        states = np.array([channel == DRUM_CHANNEL, *(plays_drums for _, plays_drums in of_channel)])
        is_drums[members] = states[places]
    is_bank = (messages.kinds == CONTROL) & (messages.firsts == BANK_SELECT)
    if is_bank.any():
        selects = last_before(messages.channels, is_bank)[changes]
        banks = np.where((changes >= 0) & (selects >= 0), messages.seconds[selects], 0)
        is_drums |= (banks == GM2_RHYTHM) | (np.isin(banks, XG_RHYTHM) & (not is_gs))
        is_drums &= banks != GM2_MELODY
    drum_programs: np.ndarray = np.where(is_drums, DRUMS, programs)
    return drum_programs


def _from_other_tracks(
    messages: Messages, starts: np.ndarray, ports: np.ndarray, changes: np.ndarray, is_program: np.ndarray
) -> np.ndarray:
    """Return the program changes of notes; of those that have none (-1), that of another track at or before them."""
    orphans = np.flatnonzero(changes < 0)
    if not len(orphans):
        return changes
    changes = changes.copy()
    sources = np.flatnonzero(is_program)
    sources = sources[np.argsort(messages.ticks[sources], kind="stable")]
    source_keys = ports[messages.channels[sources] // 16] * 16 + messages.channels[sources] % 16
    orphan_messages = starts[orphans]
    orphan_keys = ports[messages.channels[orphan_messages] // 16] * 16 + messages.channels[orphan_messages] % 16
    for key in np.intersect1d(orphan_keys, source_keys).tolist():
        of_key = sources[source_keys == key]
        members = orphans[orphan_keys == key]
        places = np.searchsorted(messages.ticks[of_key], messages.ticks[starts[members]], side="right") - 1
        changes[members] = np.where(places >= 0, of_key[places], -1)
    return changes


def _drum_switches(others: Iterable[OtherEvent]) -> tuple[list[DrumSwitch], bool]:
    """Return the rhythm messages of GS and XG by tick, and whether the file resets its player to GS."""
    switches: list[DrumSwitch] = []
    is_gs = False
    for event in (event for event in others if event.kind == SYSEX):
        data = event.data
        if data[:1] == b"\x41" and data[2:4] == b"\x42\x12" and len(data) >= 8:  # Roland, GS, data set
            is_gs |= data[4:8] == GS_RESET
            if data[4] == 0x40 and data[5] & 0xF0 == 0x10 and data[6] == 0x15:
                part = data[5] & 0x0F  # part 0 is channel 10, parts 1 to 9 are channels 1 to 9
                channel = DRUM_CHANNEL if part == 0 else part - (part < 10)
                switches.append((event.tick, channel, data[7] != 0))
        elif data[:1] == b"\x43" and data[2:4] == b"\x4c\x08" and len(data) >= 7 and data[5] == 7:  # Yamaha, XG
            switches.append((event.tick, data[4] & 0x0F, data[6] != 0))
    return sorted(switches), is_gs
