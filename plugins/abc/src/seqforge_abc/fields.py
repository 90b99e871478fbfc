"""What people write into the fields of a tune and above its notes: keys, meters, units, titles, chord symbols."""

import html
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.theory import FIFTHS, LETTERS, MODES, NO_KEY, NO_METER, Key, Meter, parse_key, parse_meter
from seqforge_abc.tune import DECORATIONS, MORE_DECORATIONS, ChordSymbol

NAMES = {
    "A": "areas", "B": "books", "C": "composers", "D": "recordings", "F": "addresses", "G": "groups",
    "H": "histories", "I": "directives", "N": "notes on the tune", "O": "origins", "P": "parts", "Q": "tempi",
    "R": "further rhythms", "S": "sources", "T": "further titles", "W": "lyrics", "Z": "transcribers",
    "m": "macros", "r": "remarks", "s": "symbol lines", "w": "lyrics", "d": "symbol lines",
}  # fmt: skip
"""What the fields hold that a Tune does not keep."""

_KEY = re.compile(r"([A-Ga-g])([#b]?)\s*([A-Za-z]*)|none\b|H[Pp]\b", re.IGNORECASE)
_ALTERED = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
_CLEF = re.compile(
    r"\b(?:clef|octave|transpose|middle|m|t|stafflines|staffscale|staves|shift|score|sound|style|cue|name|nm|snm)\s*="
    r"\s*(?:\"[^\"]*\"|\S+)|\b(?:treble|alto|tenor|bass|perc)\d?(?:[+-]8)?(?!\w)",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(r"\bexp\b", re.IGNORECASE)
_METER = re.compile(r"\s*(C\||C(?![A-Za-z])|none\b|\(?\d+(?:\s*\+\s*\d+)*\)?\s*/\s*\d+)\s*(.*)", re.IGNORECASE)
_SIGNS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}


@dataclass(frozen=True)
class Signature:
    """What a K: field says.

    Attributes:
        key: the key that is nearest to it.
        alters: what it does to each letter, C to B, in semitones.
        lost: what neither tells, "" where all is told.
    """

    key: Key
    alters: tuple[int, ...]
    lost: str = ""


def signature(key: Key) -> Signature:
    """Return a key with what it does to each letter."""
    return Signature(key, tuple(key.alter(letter) for letter in range(7)))


def key_field(text: str) -> Signature:
    """Return what a K: field says; one that names no key is none, with the reason why."""
    lost = ""
    text = _CLEF.sub(lambda found: "" if "treble" in found[0].lower() else " % ", text)
    if "%" in text:
        lost, text = "clefs", text.replace("%", "")
    explicit = bool(_EXPLICIT.search(text))
    text = _EXPLICIT.sub("", text).strip()
    marked = {LETTERS.index(letter.upper()): _SIGNS[sign] for sign, letter in _ALTERED.findall(text)}
    found = _KEY.match(text)
    if found is None:
        key = NO_KEY
        lost = lost if not text or marked else "keys that nobody knows"
    else:
        key, unknown = _named(found)
        lost = "modes that nobody knows" if unknown else lost
    if not marked and not explicit:
        return Signature(key, signature(key).alters, lost)
    base = [0] * 7 if explicit else list(signature(key).alters)
    for letter, alter in marked.items():
        base[letter] = alter
    return _nearest(key, tuple(base), lost)


def _named(found: re.Match[str]) -> tuple[Key, bool]:
    """Return the key that a match names, and whether its mode is unknown."""
    if found[1] is None:
        return parse_key("none" if found[0].lower() == "none" else "HP") or NO_KEY, False
    tonic = found[1].upper() + found[2].lower()
    key = parse_key(tonic + found[3])
    if key is not None:
        return key, False
    return parse_key(tonic) or NO_KEY, True


def _nearest(key: Key, alters: tuple[int, ...], lost: str) -> Signature:
    """Return the signature with the key of the same tonic that has it, else with the key as it stands."""
    tonics = [key.tonic] if key.tonic is not None else range(-7, 8)
    modes = [key.mode, *MODES] if key.tonic is not None else ["ion"]
    for tonic in tonics:
        for mode in modes:
            candidate = Key(tonic, mode)
            if abs(candidate.signature) <= 7 and signature(candidate).alters == alters:
                return Signature(candidate, alters, lost)
    return Signature(key, alters, lost or "accidentals of the key, written at the notes")


def meter_field(text: str) -> tuple[Meter, str] | None:
    """Return the meter and what stands behind it; None where it is no meter."""
    if not text.strip():
        return NO_METER, ""
    found = _METER.match(text)
    meter = parse_meter(found[1]) if found else None
    return None if found is None or meter is None else (meter, found[2])


def unit_field(text: str) -> Fraction | None:
    """Return the unit of an L: field, in whole notes; None where it is none."""
    found = re.match(r"\s*(\d{1,3})(?:\s*/\s*(\d{1,4}))?", text)
    if not found or not int(found[1]) or not int(found[2] or 1):
        return None
    unit = Fraction(int(found[1]), int(found[2] or 1))
    return unit if Fraction(1, 128) <= unit <= 2 else None


def default_unit(meter: Meter) -> Fraction:
    """Return the unit where no L: field says it, in whole notes (ABC 2.1, section 3.1.7)."""
    return Fraction(1, 16) if 0 < meter.bar < Fraction(3, 4) else Fraction(1, 8)


def rhythm_field(text: str) -> str:
    """Return the name of a rhythm, small, with single blanks."""
    name = " ".join(plain_text(text).lower().replace("_", " ").split()).rstrip(".")
    return re.sub(r"^(slip|hop|double|single)[ -]?jig$", r"\1 jig", name)


def user_symbol(text: str) -> dict[str, str]:
    """Return what a U: field says: for its letter the name of a decoration, "" where it has none here."""
    found = re.match(r"\s*([~H-Wh-w])\s*=\s*[!+\"]?([^!+\"\s]*)", text)
    return {found[1]: decoration(found[2]) or ""} if found else {}


# -- text ------------------------------------------------------------------------------------------------------

_MARKS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "=": "\u0304", ";": "\u0328",
          "c": "\u0327", ",": "\u0327", "u": "\u0306", "v": "\u030c", "H": "\u030b", ".": "\u0307", "r": "\u030a",
          "o": "\u030a"}  # fmt: skip
_SPECIAL = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "/o": "ø", "/O": "Ø",
            "/l": "ł", "/L": "Ł", "/d": "đ", "/D": "Đ", "DH": "Ð", "dh": "ð", "TH": "Þ", "th": "þ"}  # fmt: skip
_ESCAPED = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|([0-3][0-7]{2})|(ss|ae|AE|oe|OE|aa|AA|/[oOlLdD]|DH|dh|TH|th)"
    r"|([`'^~\"=;,cuvH.ro])([A-Za-z])|([&%\\]))"
)


def plain_text(text: str) -> str:
    r"""Return a text with its mnemonics (\'e), entities (&eacute;) and code points (\u00e9) as letters.

    Source: ABC 2.1, section 8.2.
    """
    if "\\" in text:
        text = _ESCAPED.sub(_letter, text)
    return html.unescape(text) if "&" in text else text


def _letter(found: re.Match[str]) -> str:
    if found[1]:
        letter = chr(int(found[1], 16))
        return letter if letter.isprintable() else found[0]
    if found[2]:
        return bytes([int(found[2], 8)]).decode("latin-1")
    if found[3]:
        return _SPECIAL[found[3]]
    if found[6]:
        return found[6]
    made = unicodedata.normalize("NFC", found[5] + _MARKS[found[4]])
    return made if len(made) == 1 else found[0]


# -- what stands above the notes -------------------------------------------------------------------------------

_SPELLINGS = {
    "": ("maj", "Maj", "M", "major", "ma"), "m": ("min", "Min", "mi", "-", "minor"), "7": ("dom7", "dom"),
    "m7": ("min7", "mi7", "-7"), "maj7": ("M7", "Maj7", "ma7", "△7", "△", "Δ7", "Δ", "j7", "major7"),
    "6": ("maj6", "M6", "add6"), "m6": ("min6", "-6"), "9": (), "m9": ("min9", "-9"), "maj9": ("M9", "Maj9"),
    "11": (), "13": (), "dim": ("o", "°", "mb5"), "dim7": ("o7", "°7"),
    "m7b5": ("ø", "ø7", "min7b5", "-7b5", "m7-5", "m7(b5)"), "aug": ("+", "#5", "(#5)"),
    "aug7": ("+7", "7+"), "sus": (), "sus2": (), "sus4": (), "7sus4": ("7sus",), "5": (),
    "add9": ("add2", "2", "(add9)"), "6/9": ("69",), "7b9": ("7(b9)", "7-9"), "7#9": ("7(#9)", "7+9"),
    "7b5": ("7-5", "7(b5)"), "7#5": ("7+5", "7(#5)"), "mmaj7": ("mM7", "m(maj7)", "minmaj7", "-maj7"),
}  # fmt: skip
KINDS = {spelling: kind for kind, spellings in _SPELLINGS.items() for spelling in (kind, *spellings)}
"""What people write after the root of a chord symbol, and the kind that it is."""
_CHORD = re.compile(r"\(?([A-G])([#b♯♭]?)(.*?)(?:/([A-Ga-g])([#b♯♭]?))?\)?")
_KNOWN = {name.lower(): name for name in (*MORE_DECORATIONS, *DECORATIONS.values())}
_ALSO = {
    "emphasis": "accent", ">": "accent", "<(": "crescendo(", "<)": "crescendo)", ">(": "diminuendo(",
    ">)": "diminuendo)", "+": "plus", "dot": "staccato", "staccatissimo": "wedge", "d.c": "D.C.", "d.s": "D.S.",
    "d.c.": "D.C.", "d.s.": "D.S.", "prall": "pralltriller", "tr": "trill", "gmark": "grace",
}  # fmt: skip


def chord_symbol(text: str) -> ChordSymbol | None:
    """Return the chord symbol that a text in quotes is; None where it says something else ("D modal")."""
    text = text.strip()
    found = _CHORD.fullmatch(text)
    if not found or len(text) > 16:
        return None
    kind = KINDS.get(found[3])
    if kind is None:
        return None
    return ChordSymbol(_root(found[1], found[2]), kind, _root(found[4], found[5]) if found[4] else None)


def _root(letter: str, sign: str) -> int:
    return FIFTHS[LETTERS.index(letter.upper())] + (7 if sign in ("#", "♯") else -7 if sign else 0)


def decoration(name: str) -> str | None:
    """Return the name that a decoration has here; None where it has none."""
    if name in _KNOWN.values():
        return name
    return _KNOWN.get(name.lower()) or _KNOWN.get(_ALSO.get(name.lower(), "").lower())
