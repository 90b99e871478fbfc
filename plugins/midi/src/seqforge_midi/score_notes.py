"""The fixed notes and the tempos of a window, as the score encoding writes them."""

import numpy as np

from seqforge_midi.score import Score
from seqforge_midi.score_window import FixedNote
from seqforge_midi.song import DRUMS, Song
from seqforge_midi.tokens import nearest_tempo
from seqforge_midi.window_bars import WindowTimes


def encoded_notes(encoding: Score, times: WindowTimes, notes: np.ndarray) -> list[FixedNote]:
    """Return notes in the order and with the values that an encoding writes.

    Args:
        encoding: The encoding.
        times: The times of the window.
        notes: The notes, of NOTE_DTYPE, with times of the window.
    """
    if not len(notes):
        return []
    notes = np.array(notes)
    notes["start"] = np.minimum(notes["start"], times.length - encoding.step_ticks)
    notes["end"] = np.clip(notes["end"], notes["start"] + 1, times.length)
    changes = list(zip(times.starts[:-1].tolist(), times.time_signatures, strict=True))
    song = Song.from_events(notes, time_signatures=changes)
    kinds, values = encoding.vocabulary.kinds, encoding.vocabulary.values
    result: list[FixedNote] = []
    bar, position, microtiming, program = -1, 0, 0, -1
    velocities: dict[int, int] = {}
    for step in encoding.encode(song).tolist():
        kind, value = kinds[step], values[step]
        match kind:
            case "bar":
                bar += 1
            case "position":
                position, microtiming = value, 0
            case "microtiming":
                microtiming = value
            case "program":
                program = value
            case "pitch" | "drum":
                note_program = DRUMS if kind == "drum" else program
                velocity = velocities.get(note_program, -1)
                result.append(FixedNote(bar, position, microtiming, note_program, value, velocity, 0))
            case "velocity":
                velocities[result[-1].program] = value
                result[-1] = result[-1]._replace(velocity=value)
            case "duration":
                result[-1] = result[-1]._replace(duration=value)
    return result


def window_tempos(song: Song, times: WindowTimes) -> list[int]:
    """Return the tempo at the start of each bar of a window, as a token has it."""
    ticks = np.array([tick for tick, _ in song.tempos])
    places = np.searchsorted(ticks, times.to_song(times.starts[:-1]), side="right") - 1
    return [nearest_tempo(song.tempos[place][1]) for place in places.tolist()]
