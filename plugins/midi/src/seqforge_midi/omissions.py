"""Counts what a song does not keep of the events of a file."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from seqforge_midi.controls import EXPRESSION
from seqforge_midi.midi_events import ESCAPE, SYSEX, MidiEvents, OtherEvent
from seqforge_midi.midi_notes import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, RESET_CONTROLLERS, SUSTAIN, Spans
from seqforge_midi.midi_programs import DRUM_CHANNEL
from seqforge_midi.song import DRUMS

AFTERTOUCH = (0xA0, 0xD0)
WORDS = {
    0x01: "texts and markers",
    0x02: "texts and markers",
    0x05: "lyrics",
    0x06: "texts and markers",
    0x07: "texts and markers",
    0x59: "key signatures",
    SYSEX: "sysex messages",
    ESCAPE: "sysex messages",
}
"""The kinds of meta events and packets that a song does not keep."""


def count_omissions(events: MidiEvents, notes: Spans, pedals: Spans, programs: np.ndarray, moved: int) -> Counter[str]:
    """Return what a song does not keep of a file, and what was repaired, in words, with counts above 0.

    Args:
        events: The events of the file.
        notes: The notes.
        pedals: The pedal spans.
        programs: The program of each note.
        moved: The number of notes whose times lie between the ticks of a song.
    """
    messages = events.messages
    controls = messages.firsts[messages.kinds == CONTROL]
    is_kept = np.isin(controls, (SUSTAIN, EXPRESSION, ALL_SOUND_OFF, RESET_CONTROLLERS))
    channels = messages.channels[notes.messages] % 16
    return +Counter({
        "controllers other than sustain and expression": int((~is_kept & (controls < ALL_NOTES_OFF)).sum()),
        "aftertouch messages": int(np.isin(messages.kinds, AFTERTOUCH).sum()),
        "notes without an end, which end at the next event of their pitch or with their track": notes.unended,
        "notes ended by controllers 120 and 123 to 127": notes.silenced,
        "pedals that are never lifted": pedals.unended,
        "notes of other channels than 10 that are drums by GS, XG or General MIDI 2": int(
            ((programs == DRUMS) & (channels != DRUM_CHANNEL)).sum()
        ),
        "notes moved to 1/480 of a quarter note": moved,
        **events.ignored,
        **_count_others(events.others),
    })  # fmt: skip


def _count_others(others: Iterable[OtherEvent]) -> Counter[str]:
    """Return the number of meta events and sysex messages that a song does not keep."""
    return Counter(WORDS[event.kind] for event in others if event.kind in WORDS)
