"""Statistics of songs, by which generated and real pieces are compared."""

import numpy as np

from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song

UNIT = TICKS_PER_QUARTER // 12
"""Durations and times are counted in twelfths of a quarter note."""
MAX_UNITS = 96
VELOCITY_STEP = 8
"""The width of a velocity bin."""


def song_statistics(song: Song) -> dict[str, np.ndarray]:
    """Return pitch classes (of drums: 12 + pitch), intervals, durations, polyphony and velocity bins of a song.

    The duration of a song that has only drums is the time between onsets. Each array has one integer per occurrence.
    """
    notes = song.notes
    drums = notes["program"] == DRUMS
    pitches = notes["pitch"].astype(np.int64)
    durations = np.clip(np.rint((notes["end"] - notes["start"]) / UNIT), 1, MAX_UNITS).astype(np.int64)
    return {
        "pitch class": np.where(drums, 12 + pitches, pitches % 12),
        "interval": intervals(song),
        "duration": durations[~drums] if not drums.all() else onset_intervals(song),
        "polyphony": polyphony(song),
        "velocity": notes["velocity"].astype(np.int64) // VELOCITY_STEP,
    }


def melody_notes(song: Song) -> np.ndarray:
    """Return the highest note of each onset, as an estimate of the melody."""
    if not len(song.notes):
        return song.notes
    onsets, onset_numbers = np.unique(song.notes["start"], return_inverse=True)
    top_pitches = np.full(len(onsets), -1)
    np.maximum.at(top_pitches, onset_numbers, song.notes["pitch"].astype(np.int64))
    highest = np.flatnonzero(song.notes["pitch"] == top_pitches[onset_numbers])
    _, first_of_onset = np.unique(onset_numbers[highest], return_index=True)
    notes: np.ndarray = song.notes[highest[first_of_onset]]
    return notes


def intervals(song: Song) -> np.ndarray:
    """Return the intervals of the melody in semitones."""
    return np.diff(melody_notes(song)["pitch"].astype(np.int64))


def onset_intervals(song: Song) -> np.ndarray:
    """Return the times between onsets, in twelfths of a quarter note."""
    onsets = np.unique(song.notes["start"])
    return np.minimum(np.rint(np.diff(onsets) / UNIT), MAX_UNITS).astype(np.int64)


def polyphony(song: Song) -> np.ndarray:
    """Return the number of notes that sound at each onset."""
    onsets = np.unique(song.notes["start"])
    started = np.searchsorted(np.sort(song.notes["start"]), onsets, side="right")
    ended = np.searchsorted(np.sort(song.notes["end"]), onsets, side="right")
    sounding: np.ndarray = started - ended
    return sounding


def melody_trace(song: Song) -> list[int]:
    """Return the intervals of the melody combined with the inter-onset times; they are the same in every key.

    The trace of a song that has only drums consists of its drum sounds combined with the times.
    """
    if len(song.notes) and bool((song.notes["program"] == DRUMS).all()):
        times = np.rint(np.diff(song.notes["start"], prepend=0) / (UNIT * 3)).astype(np.int64)
        sounds: list[int] = (song.notes["pitch"].astype(np.int64) + 128 * np.minimum(times, 63)).tolist()
        return sounds
    melody = melody_notes(song)
    times = np.minimum(np.rint(np.diff(melody["start"]) / UNIT), 63).astype(np.int64)
    trace: list[int] = (np.diff(melody["pitch"].astype(np.int64)) + 128 + 256 * times).tolist()
    return trace
