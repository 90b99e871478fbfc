"""The tokens of bar lines that a score with fixed notes may have."""

from collections.abc import Hashable

import numpy as np

from seqforge_midi.bar_chords import bar_chords
from seqforge_midi.bar_repeats import repeat_distances
from seqforge_midi.bar_tokens import BarTokens
from seqforge_midi.score_window import ScoreWindow
from seqforge_midi.song import DRUMS, note_array

__all__ = ["bar_masks"]


def bar_masks(window: ScoreWindow, tokens: BarTokens) -> np.ndarray:
    """Return the mask of the tokens of each bar line, and of the line behind the last bar, shape (bars + 1, tokens).

    A bar without free voices has the token that its notes have in the encoding. In other bars the network chooses.

    Args:
        window: The bars with their fixed notes and free voices.
        tokens: The tokens of bar lines.
    """
    bars = len(window.time_signatures)
    changes = [window.time_signatures[bar] != window.time_signatures[bar - 1] for bar in range(1, bars)]
    farthest = np.where([False, *changes], 0, np.arange(bars))  # a bar in which the time signature changes is no repeat
    plain = ~tokens.repeats & ~tokens.is_last
    masks = np.zeros((bars + 1, len(plain)), np.bool_)
    masks[np.arange(bars), _fixed_numbers(window, tokens, farthest)] = True
    for bar, voices in enumerate(window.voices):
        if voices:
            ends = window.is_whole and bar == bars - 1 and tokens.has_chords and any(q != DRUMS for q in voices)
            masks[bar] = tokens.is_last if ends else plain | (tokens.repeats & (tokens.distances <= farthest[bar]))
    masks[-1] = plain
    return masks


def _fixed_numbers(window: ScoreWindow, tokens: BarTokens, farthest: np.ndarray) -> np.ndarray:
    """Return the number of the token of each bar line, for bars without free voices, shape (bars,).

    Args:
        window: The bars with their fixed notes and free voices.
        tokens: The tokens of bar lines.
        farthest: The largest distance at which each bar can repeat another one.
    """
    bars, signatures = len(window.time_signatures), window.time_signatures
    notes: list[list[Hashable]] = [[] for _ in range(bars)]
    for note in window.notes:
        notes[note.bar].append((note.position, note.program, note.pitch, note.duration))
    contents: list[Hashable] = [("free", bar) for bar in range(bars)]
    for bar, voices in enumerate(window.voices):
        if not voices:
            contents[bar] = (signatures[bar], *notes[bar]) if notes[bar] else None
    distances = np.where(farthest > 0, repeat_distances(contents), 0)
    array = note_array([(0, max(1, note.duration), note.pitch, 1, note.program) for note in window.notes])
    chords = bar_chords(bars, np.array([note.bar for note in window.notes], np.int64), array)
    return tokens.offsets(distances, chords, ends=window.is_whole)
