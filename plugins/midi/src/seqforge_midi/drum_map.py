"""The drum keys of Roland TD kits and of General MIDI.

The Groove MIDI Dataset was played on a Roland TD-11. Its keys 22 and 26 have no sound in General MIDI, and its keys 40,
45, 48, 52, 55 and 58 have another one. They are mapped to the classes of the paper that introduced the data set
(J. Gillick, A. Roberts, J. Engel, D. Eck and D. Bamman, "Learning to Groove with Inverse Sequence Transformations",
ICML 2019; the table "Drum Mapping" of the data set). The keys 37, 44, 53, 57 and 59 stay: General MIDI has the same
sounds for them, which the paper merges with the snare, the closed hi-hat, the ride and the crash.
"""

from typing import Literal

import numpy as np

from seqforge_midi.song import DRUMS

Kit = Literal["gm", "td"]
"""General MIDI, or a Roland TD kit."""
TD_TO_GM = {22: 42, 26: 46, 40: 38, 45: 47, 48: 50, 52: 49, 55: 49, 58: 43}
"""Key of a Roland TD-11 to that of General MIDI: edges of the hi-hat, rim of the snare, toms and crashes."""
TD_ONLY = (22, 26)
"""Keys of a Roland TD-11 that General MIDI does not have."""


def to_general_midi(notes: np.ndarray) -> np.ndarray:
    """Return notes whose drum keys are mapped from a Roland TD kit to General MIDI.

    Hits of two keys that are mapped to one are not merged; `remove_overlaps` does that.

    >>> from seqforge_midi.song import note_array
    >>> to_general_midi(note_array([(0, 60, 22, 80, DRUMS), (0, 60, 22, 80, 0)]))["pitch"].tolist()
    [42, 22]

    Args:
        notes: The notes, of NOTE_DTYPE.
    """
    table = np.arange(128)
    table[list(TD_TO_GM)] = list(TD_TO_GM.values())
    result = np.array(notes)
    result["pitch"] = np.where(notes["program"] == DRUMS, table[notes["pitch"]], notes["pitch"])
    return result


def has_td_keys(notes: np.ndarray) -> bool:
    """Return whether drums play a key that only a Roland TD kit has.

    Args:
        notes: The notes, of NOTE_DTYPE.
    """
    return bool(((notes["program"] == DRUMS) & np.isin(notes["pitch"], TD_ONLY)).any())
