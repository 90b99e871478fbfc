"""Pairs the channel messages of a file to notes and pedal spans, as players do.

A note-off ends the earliest sounding note of its pitch in its track and channel. A note without one ends at the next
note-on or note-off of its pitch, or else with its track. Controllers 120 (all sound off) and 123 to 127 (all notes off)
end all notes of their channel (MIDI 1.0 Detailed Specification, "Channel mode messages").
"""

from typing import NamedTuple

import numpy as np

from seqforge_midi.controls import BEND, CONTROL_DTYPE, EXPRESSION, INITIAL
from seqforge_midi.midi_events import Messages

NOTE_OFF, NOTE_ON, CONTROL, PITCH_BEND = 0x80, 0x90, 0xB0, 0xE0
SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123


class Spans(NamedTuple):
    """Notes or pedal spans.

    Attributes:
        messages: The index of the message that starts each one.
        ends: The ends in ticks.
        unended: The number of those that no message ends.
        silenced: The number of those that an all_notes_off or all_sound_off message ends.
    """

    messages: np.ndarray
    ends: np.ndarray
    unended: int
    silenced: int


def pair_notes(messages: Messages) -> Spans:
    """Return the notes.

    Args:
        messages: The channel messages.
    """
    is_on = (messages.kinds == NOTE_ON) & (messages.seconds > 0)
    is_off = (messages.kinds == NOTE_OFF) | ((messages.kinds == NOTE_ON) & (messages.seconds == 0))
    sections, silences = _sections(messages)
    chosen = np.flatnonzero(is_on | is_off)
    keys = (messages.channels * (len(silences) + 1) + sections)[chosen] * 128 + messages.firsts[chosen]
    order = _stable_order(keys)
    chosen, keys = chosen[order], keys[order]
    starts = np.flatnonzero(is_on[chosen])
    ons = chosen[starts]
    if not len(ons):
        return Spans(ons, ons, 0, 0)
    offs = _matched_ends(keys, is_on[chosen])
    # the offs of a key end its first ons, in order
    on_keys, off_keys = keys[starts], keys[offs]
    ranks = np.arange(len(offs)) - np.searchsorted(off_keys, off_keys)
    ended = np.searchsorted(on_keys, off_keys) + ranks
    ends = np.full(len(ons), -1, np.int64)
    ends[ended] = messages.ticks[chosen[offs]]
    hanging = np.flatnonzero(ends < 0)
    # it ends at the next later event of its key, or else at the next silence of its channel, or with its track
    times = (np.cumsum(np.append(False, keys[1:] != keys[:-1])) * (messages.ticks.max() + 1)) + messages.ticks[chosen]
    following = np.searchsorted(times, times[starts[hanging]], side="right")
    has_following = following < len(keys)
    following = np.minimum(following, len(keys) - 1)
    has_following &= keys[following] == on_keys[hanging]
    limits = messages.ends[ons[hanging]]
    is_silenced = np.zeros(len(hanging), np.bool_)
    if len(silences):
        number = sections[ons[hanging]]  # the next silence, if it is one of the same channel
        silence = silences[np.minimum(number, len(silences) - 1)]
        is_silenced = (number < len(silences)) & (messages.channels[silence] == messages.channels[ons[hanging]])
        limits = np.where(is_silenced, messages.ticks[silence], limits)
    ends[hanging] = np.where(has_following, messages.ticks[chosen[following]], limits)
    silenced = int((is_silenced & ~has_following).sum())
    in_order = np.argsort(ons)
    return Spans(ons[in_order], ends[in_order], len(hanging) - silenced, silenced)


def pair_pedals(messages: Messages) -> Spans:
    """Return the spans during which the sustain pedal of a channel is down.

    Args:
        messages: The channel messages.
    """
    is_control = messages.kinds == CONTROL
    chosen = np.flatnonzero(is_control & ((messages.firsts == SUSTAIN) | (messages.firsts == RESET_CONTROLLERS)))
    chosen = chosen[_stable_order(messages.channels[chosen])]
    channels = messages.channels[chosen]
    is_down = (messages.firsts[chosen] == SUSTAIN) & (messages.seconds[chosen] >= 64)
    continues = np.append(False, channels[1:] == channels[:-1])
    was_down = np.append(False, is_down[:-1]) & continues
    presses = np.flatnonzero(is_down & ~was_down)
    if not len(presses):
        return Spans(presses, presses, 0, 0)
    # a span ends at the next message that is not down, or with the track
    stops = np.append(np.flatnonzero(~is_down | ~continues), len(chosen))
    following = stops[np.searchsorted(stops, presses, side="right")]
    is_lifted = following < len(chosen)
    following = np.minimum(following, len(chosen) - 1)
    is_lifted &= channels[following] == channels[presses]
    ends = np.where(is_lifted, messages.ticks[chosen[following]], messages.ends[chosen[presses]])
    return Spans(chosen[presses], ends, int((~is_lifted).sum()), 0)


def control_changes(messages: Messages) -> tuple[np.ndarray, np.ndarray]:
    """Return the messages that change expression or pitch bend, and the changes: CONTROL_DTYPE, without tracks.

    Controller 121 resets both, so its message occurs twice.

    Args:
        messages: The channel messages.
    """
    is_control, is_bend = messages.kinds == CONTROL, messages.kinds == PITCH_BEND
    resets = np.flatnonzero(is_control & (messages.firsts == RESET_CONTROLLERS))
    expressions = np.flatnonzero(is_control & (messages.firsts == EXPRESSION))
    bends = np.flatnonzero(is_bend)
    bend_values = messages.firsts[bends] + 128 * messages.seconds[bends] - 8192
    parts = [
        (expressions, EXPRESSION, messages.seconds[expressions]),
        (bends, BEND, bend_values),
        *((resets, kind, np.full(len(resets), value)) for kind, value in INITIAL.items()),
    ]
    indices = np.concatenate([part[0] for part in parts])
    changes = np.zeros(len(indices), CONTROL_DTYPE)
    changes["kind"] = np.concatenate([np.full(len(part), kind) for part, kind, _ in parts])
    changes["value"] = np.concatenate([values for _, _, values in parts])
    changes["start"] = messages.ticks[indices]
    order = np.argsort(indices, kind="stable")
    return indices[order], changes[order]


def last_before(groups: np.ndarray, is_source: np.ndarray) -> np.ndarray:
    """Return for each message the index of the last source at or before it in its group; -1 if there is none.

    >>> last_before(np.array([0, 1, 0, 1, 0]), np.array([True, False, False, True, False])).tolist()
    [0, -1, 0, 3, 0]

    Args:
        groups: The group of each message.
        is_source: Whether a message is a source.
    """
    order = _stable_order(groups)
    places = np.maximum.accumulate(np.where(is_source[order], np.arange(len(order)), -1))
    sources = order[places]
    result = np.empty(len(order), np.int64)
    result[order] = np.where((places >= 0) & (groups[sources] == groups[order]), sources, -1)
    return result


def _stable_order(keys: np.ndarray) -> np.ndarray:
    """Return the stable order of keys from 0; NumPy sorts small ones in linear time."""
    return np.argsort(keys.astype(np.uint16) if keys.max(initial=0) < 1 << 16 else keys, kind="stable")


def _sections(messages: Messages) -> tuple[np.ndarray, np.ndarray]:
    """Return the section of each message between all_notes_off messages, and the indices of the latter.

    Sections are numbered through all channels, so the section of a note is the number of the message that ends it, if
    that is one of its channel.
    """
    controls = messages.firsts
    is_silence = (messages.kinds == CONTROL) & ((controls == ALL_SOUND_OFF) | (controls >= ALL_NOTES_OFF))
    if not is_silence.any():
        return np.zeros(len(controls), np.int64), np.zeros(0, np.int64)
    order = _stable_order(messages.channels)
    sections = np.empty(len(order), np.int64)
    sections[order] = np.cumsum(is_silence[order])
    return sections, order[is_silence[order]]


def _matched_ends(keys: np.ndarray, is_on: np.ndarray) -> np.ndarray:
    """Return the indices of the offs that end a note; an off while nothing of its key sounds ends none.

    Args:
        keys: The key of each on and off, ascending.
        is_on: Whether it is an on.
    """
    first_of_key = np.append(True, keys[1:] != keys[:-1])
    sounding = np.cumsum(np.where(is_on, 1, -1))
    number = np.cumsum(first_of_key) - 1
    bases = np.append(0, sounding[:-1])[first_of_key]
    sounding -= bases[number]
    # an off is unmatched where the sum falls below its minimum so far; the shift separates the keys
    shift = number * (2 * len(keys) + 2)
    lowest = np.minimum.accumulate(sounding - shift) + shift
    earlier = np.where(first_of_key, 0, np.minimum(np.append(0, lowest[:-1]), 0))
    return np.flatnonzero(~is_on & (sounding >= earlier))
