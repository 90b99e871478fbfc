"""The key of a song, and the spelling of pitches in it.

The key is estimated by the correlation of the durations of the twelve pitch classes with the profiles of the 24 keys
(C. Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, chapter 4), with the profiles that D. Temperley counted
in the Kostka-Payne corpus ("Music and Probability", 2007, chapter 6): of the bundled lieder with one key signature,
88 % get this signature, and 74 % with the profiles of Krumhansl and Kessler. A pitch is spelled by the position of its
name on the line of fifths around the key (D. Temperley, "The Cognition of Basic Musical Structures", 2001, chapter 5).
"""

from dataclasses import dataclass

import numpy as np

from seqforge_midi.song import DRUMS

MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)
"""The weight of each semitone above the tonic."""
_STEPS = "FCGDAEB"


@dataclass(frozen=True)
class Key:
    """A key.

    >>> Key(-1, minor=True).name
    'D minor'

    Attributes:
        fifths: The number of sharps of the signature; flats are negative.
        minor: Whether the mode is minor.
    """

    fifths: int = 0
    minor: bool = False

    @classmethod
    def of_tonic(cls, tonic: int, is_minor: bool) -> "Key":
        """Return the key of a tonic, with the fewest accidentals.

        >>> Key.of_tonic(9, True), Key.of_tonic(10, False)
        (Key(fifths=0, minor=True), Key(fifths=-2, minor=False))

        Args:
            tonic: The pitch class of the tonic.
            is_minor: Whether the mode is minor.
        """
        return cls((7 * (tonic + 3 * is_minor) + 5) % 12 - 5, is_minor)

    @property
    def name(self) -> str:
        """The name, such as "B- major"; "-" is a flat."""
        step, alter = _name(self.fifths + (3 if self.minor else 0))
        return f"{step}{'#' * alter if alter > 0 else '-' * -alter} {'minor' if self.minor else 'major'}"

    def spell(self, pitch: int) -> tuple[str, int, int]:
        """Return the step, the alteration in semitones and the octave of a MIDI pitch.

        >>> Key(0, minor=True).spell(68), Key(-4).spell(68)
        (('G', 1, 4), ('A', -1, 4))
        """
        low = self.fifths - (3 if self.minor else 4)
        step, alter = _name(low + (pitch * 7 - low) % 12)
        return step, alter, (pitch - alter) // 12 - 1

    def alteration(self, step: str) -> int:
        """Return the alteration that the signature gives to a step.

        >>> Key(2).alteration("C"), Key(2).alteration("G")
        (1, 0)
        """
        return (self.fifths - _STEPS.index(step) - 1) // 7 + 1


def estimate_key(notes: np.ndarray) -> Key:
    """Return the key of notes; the drums have no influence. C major if there are none.

    >>> from seqforge_midi.song import note_array
    >>> estimate_key(note_array([(0, 480, pitch, 80, 0) for pitch in (62, 64, 66, 67, 69, 71, 73, 74)])).name
    'D major'

    Args:
        notes: The notes, of NOTE_DTYPE.
    """
    pitched = notes[notes["program"] != DRUMS]
    weights = np.bincount(pitched["pitch"] % 12, weights=pitched["end"] - pitched["start"], minlength=12)
    if np.ptp(weights) == 0:
        return Key()
    scores = {
        (tonic, minor): float(np.corrcoef(np.roll(profile, tonic), weights)[0, 1])
        for minor, profile in ((False, MAJOR), (True, MINOR))
        for tonic in range(12)
    }
    tonic, minor = max(scores, key=lambda key: scores[key])
    fifths = (tonic * 7 - (3 if minor else 0) + 5) % 12 - 5
    return Key(fifths, minor)


def _name(position: int) -> tuple[str, int]:
    """Return the step and alteration at a position on the line of fifths, on which C is 0."""
    return _STEPS[(position + 1) % 7], (position + 1) // 7
