"""The estimate of the key: the tonic and the mode whose profile the durations of the pitch classes fit best.

The estimate is the correlation of C. L. Krumhansl ("Cognitive Foundations of Musical Pitch", 1990, chapter 4) with the
profiles that D. Temperley counted in the Kostka-Payne corpus ("Music and Probability", 2007, chapter 6). The bonus for
the last note of the bass is an addition.
"""

import numpy as np

from seqforge_midi.key import KEYS, Key
from seqforge_midi.song import DRUMS

MAJOR_PROFILE = np.array([0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400])
MINOR_PROFILE = np.array([0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330])
"""The weight of each semitone above the tonic."""
FINAL_BASS_BONUS = 0.2
"""Added to the correlation of the keys whose tonic is the last note of the bass."""


def estimate_key(durations: np.ndarray, final_bass: int | None = None) -> Key:
    """Return the key whose profile correlates best with the durations of the pitch classes.

    The keys whose tonic is the last note of the bass get a bonus of `FINAL_BASS_BONUS`, because pieces end on the
    tonic.

    >>> str(estimate_key(np.array([4, 0, 2, 0, 2, 1, 0, 3, 0, 1, 0, 1]), final_bass=48))
    'C'

    Args:
        durations: The total duration of each pitch class, shape (12,), in any unit.
        final_bass: The pitch of the last note of the bass; None for none.
    """
    centred = durations - durations.mean()
    if not centred.any():
        return KEYS[0]
    scores = _PROFILES @ centred / np.linalg.norm(centred)
    if final_bass is not None:
        scores[[number for number, key in enumerate(KEYS) if key.tonic == final_bass % 12]] += FINAL_BASS_BONUS
    return KEYS[int(scores.argmax())]


def estimate_key_of_notes(notes: np.ndarray) -> Key:
    """Return the key of notes; the drums have no influence. C major if there are none.

    >>> from seqforge_midi.song import note_array
    >>> str(estimate_key_of_notes(note_array([(0, 480, pitch, 80, 0) for pitch in (62, 64, 66, 67, 69, 71, 73, 74)])))
    'D'

    Args:
        notes: The notes, of NOTE_DTYPE.
    """
    pitched = notes[notes["program"] != DRUMS]
    if not len(pitched):
        return KEYS[0]
    durations = np.bincount(pitched["pitch"] % 12, weights=pitched["end"] - pitched["start"], minlength=12)
    return estimate_key(durations, int(pitched["pitch"][pitched["end"] == pitched["end"].max()].min()))


def _profiles() -> np.ndarray:
    """Return the profiles of KEYS with mean 0 and norm 1, shape (24, 12)."""
    profiles = np.stack([
        np.roll(MINOR_PROFILE if key.is_minor else MAJOR_PROFILE, key.tonic) for key in KEYS
    ])  # fmt: skip
    profiles -= profiles.mean(1, keepdims=True)
    unit_vectors: np.ndarray = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    return unit_vectors


_PROFILES = _profiles()
