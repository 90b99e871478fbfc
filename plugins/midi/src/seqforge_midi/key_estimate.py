"""The key of a piece: the tonic and the mode whose profile the durations of the pitch classes fit best."""

from typing import NamedTuple

import numpy as np

MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
FINAL_BASS_BONUS = 0.3
"""Added to the correlation of the keys whose tonic is the last note of the bass."""
TONIC_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
NATURAL_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Key(NamedTuple):
    """A key.

    >>> str(Key(9, True)), Key.parse("F# minor"), Key.parse("Bb")
    ('Am', Key(tonic=6, is_minor=True), Key(tonic=10, is_minor=False))

    Attributes:
        tonic: The pitch class of the tonic, 0 for C to 11 for B.
        is_minor: Whether the mode is minor.
    """

    tonic: int
    is_minor: bool

    def __str__(self) -> str:
        return TONIC_NAMES[self.tonic] + "m" * self.is_minor

    @property
    def shift(self) -> int:
        """The semitones from C to the nearest tonic, -5 to 6."""
        return self.tonic if self.tonic <= 6 else self.tonic - 12

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Return the key that a text such as G, Em, Bb or `F# minor` names.

        Raises:
            ValueError: If the text names no key.
        """
        words = text.strip().replace("♭", "b").replace("♯", "#")
        name, accidentals = words[:1].upper(), 0
        if name not in NATURAL_NAMES:
            raise ValueError(f"{text!r} names no key")
        rest = words[1:]
        while rest[:1] in ("#", "b"):
            accidentals += 1 if rest[0] == "#" else -1
            rest = rest[1:]
        mode = rest.strip().lower() if rest.strip() != "M" else "major"
        if mode not in ("", "major", "maj", "m", "minor", "min"):
            raise ValueError(f"{text!r} names no key")
        return cls((NATURAL_NAMES[name] + accidentals) % 12, mode in ("m", "minor", "min"))


KEYS = tuple(Key(tonic, is_minor) for is_minor in (False, True) for tonic in range(12))
"""The keys in the order of their tokens: the major keys from C to B, then the minor keys."""


def estimate_key(durations: np.ndarray, final_bass: int | None = None) -> Key:
    """Return the key whose profile correlates best with the durations of the pitch classes.

    The keys whose tonic is the last note of the bass get a bonus of `FINAL_BASS_BONUS`, because pieces end on the
    tonic. Source: C. L. Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, chapter 4.

    >>> str(estimate_key(np.array([4, 0, 2, 0, 2, 1, 0, 3, 0, 1, 0, 1]), final_bass=48))
    'C'

    Args:
        durations: The total duration of each pitch class, shape (12,), in any unit.
        final_bass: The pitch of the last note of the bass; None for none.
    """
    if not durations.any():
        return KEYS[0]
    profiles = np.stack([
        np.roll(MINOR_PROFILE if key.is_minor else MAJOR_PROFILE, key.tonic) for key in KEYS
    ])  # fmt: skip
    profiles = profiles - profiles.mean(1, keepdims=True)
    centred = durations - durations.mean()
    scores = profiles @ centred / (np.linalg.norm(profiles, axis=1) * (np.linalg.norm(centred) or 1.0))
    if final_bass is not None:
        scores[[number for number, key in enumerate(KEYS) if key.tonic == final_bass % 12]] += FINAL_BASS_BONUS
    return KEYS[int(scores.argmax())]
