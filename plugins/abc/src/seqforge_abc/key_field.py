"""The K: field: a key with explicit accidentals, a clef and other properties of the staff, each of which may be absent.

Source: ABC 2.1, section 3.1.14.
"""

import re
from dataclasses import dataclass

from seqforge_abc.staff import Staff, read_staff
from seqforge_abc.theory import LETTERS, MAX_SIGNATURE, MODE_FIFTHS, NO_KEY, Key, parse_key

_KEY = re.compile(r"([A-Ga-g])([#b]?)\s*([A-Za-z]*)|none\b|H[Pp]\b", re.IGNORECASE)
_ALTERED = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
_ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}
_EXPLICIT = re.compile(r"\bexp\b", re.IGNORECASE)
_PHRYGIAN_DOMINANT = re.compile(
    r"([A-Ga-g][#b]?)\s*(?:frey\w*|phr\w*[ _-]?dom\w*|ahavoh?[ _-]?rabb?oh?|h[ei]jaz)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class KeySignature:
    """A key and the accidentals of its signature.

    Attributes:
        key: The nearest key.
        alters: The alteration of each letter, C to B, in semitones.
    """

    key: Key
    alters: tuple[int, ...]


@dataclass(frozen=True)
class KeyField:
    """The value of a K: field.

    Attributes:
        signature: The key and its accidentals; None if the field names neither, so that they stay as they are.
        staff: The properties of the staff.
        loss: What signature and staff do not represent; "" if they represent everything.
    """

    signature: KeySignature | None
    staff: Staff
    loss: str = ""


def signature_of(key: Key) -> KeySignature:
    """Return the key signature of a key."""
    return KeySignature(key, tuple(key.alter(letter) for letter in range(7)))


def key_field(text: str) -> KeyField:
    """Return the value of a K: field.

    >>> field = key_field("Edor treble-8")
    >>> str(field.signature.key), field.staff.octaves
    ('Edor', -1)
    >>> key_field("clef=bass").signature is None
    True
    """
    staff, text = read_staff(text)
    loss = "clefs" if staff.other else ""
    explicit = bool(_EXPLICIT.search(text))
    text = _EXPLICIT.sub(" ", text).strip()
    altered = {LETTERS.index(letter.upper()): _ALTERATIONS[sign] for sign, letter in _ALTERED.findall(text)}
    freygish = _PHRYGIAN_DOMINANT.match(text)
    match = _KEY.match(text)
    if freygish:
        tonic = freygish[1][0].upper() + freygish[1][1:].lower()
        key, third = parse_key(tonic + "phr") or NO_KEY, (LETTERS.index(tonic[0]) + 2) % 7
        altered = {third: key.alter(third) + 1, **altered}
    elif match is not None:
        key, unknown_mode = _matched_key(match)
        loss = "unknown modes" if unknown_mode else loss
    elif not text and not explicit:
        return KeyField(None, staff, loss)
    else:
        key = NO_KEY
        loss = loss if altered or explicit else "unknown keys"
    if not altered and not explicit:
        return KeyField(signature_of(key), staff, loss)
    alters = [0] * 7 if explicit else list(signature_of(key).alters)
    for letter, alter in altered.items():
        alters[letter] = alter
    signature = _nearest(key, tuple(alters))
    if signature_of(signature.key) != signature:
        loss = loss or "key signature accidentals, moved to the notes"
    return KeyField(signature, staff, loss)


def _matched_key(match: re.Match[str]) -> tuple[Key, bool]:
    """Return the key that a match of `_KEY` names, and whether its mode is unknown."""
    if match[1] is None:
        return parse_key("none" if match[0].lower() == "none" else "HP") or NO_KEY, False
    tonic = match[1].upper() + match[2].lower()
    key = parse_key(tonic + match[3])
    if key is not None:
        return key, False
    return parse_key(tonic) or NO_KEY, True


def _nearest(key: Key, alters: tuple[int, ...]) -> KeySignature:
    """Return the signature with the key of the same tonic whose accidentals differ least from these."""
    if key.tonic is None:
        majors = (Key(tonic, "ion") for tonic in range(-7, 8))
        return KeySignature(next((major for major in majors if signature_of(major).alters == alters), key), alters)
    keys = [key, *(Key(key.tonic, mode) for mode in MODE_FIFTHS)]
    best = min(
        (candidate for candidate in keys if abs(candidate.signature) <= MAX_SIGNATURE),
        key=lambda candidate: sum(a != b for a, b in zip(signature_of(candidate).alters, alters, strict=True)),
        default=key,
    )
    return KeySignature(best, alters)
