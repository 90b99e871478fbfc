"""Values of ABC fields and of text above the notes: meters, unit note lengths, titles and chord symbols."""

import html
import re
import unicodedata
from fractions import Fraction

from seqforge_abc.theory import (
    LETTER_FIFTHS,
    LETTERS,
    NO_METER,
    Meter,
    parse_meter,
)
from seqforge_abc.tune import LETTER_DECORATIONS, NAMED_DECORATIONS, ChordSymbol

DROPPED_FIELDS = {
    "I": "directives", "R": "additional rhythms", "m": "macros", "r": "remarks", "s": "symbol lines",
    "d": "symbol lines",
}  # fmt: skip
"""The content of the fields that a Tune does not represent, by the letter of the field."""

_SUM = r"\(?\s*\d+(?:\s*\+\s*\d+)*\s*\)?\s*/\s*\d+"
_METER = re.compile(rf"\s*(C\||C(?![A-Za-z])|none\b|{_SUM}(?:\s*\+\s*{_SUM})*)\s*(.*)", re.IGNORECASE)


# -- meters, unit note lengths ---------------------------------------------------------------------------


def meter_field(text: str) -> tuple[Meter, str] | None:
    """Return the meter of an M: field and the text after it, or None if the field names no meter."""
    if not text.strip():
        return NO_METER, ""
    match = _METER.match(text)
    meter = parse_meter(match[1]) if match else None
    return None if match is None or meter is None else (meter, match[2])


def unit_field(text: str) -> Fraction | None:
    """Return the unit note length of an L: field in whole notes, or None if the field contains none."""
    match = re.match(r"\s*(\d{1,3})(?:\s*/\s*(\d{1,4}))?", text)
    if not match or not int(match[1]) or not int(match[2] or 1):
        return None
    unit = Fraction(int(match[1]), int(match[2] or 1))
    return unit if Fraction(1, 128) <= unit <= 2 else None


def default_unit(meter: Meter) -> Fraction:
    """Return the unit note length of a tune without an L: field, in whole notes (ABC 2.1, section 3.1.7)."""
    return Fraction(1, 16) if 0 < meter.bar_length < Fraction(3, 4) else Fraction(1, 8)


def rhythm_field(text: str) -> str:
    """Return the name of a rhythm in lower case with single spaces.

    >>> rhythm_field("Slip-Jig")
    'slip jig'
    """
    name = " ".join(plain_text(text).lower().replace("_", " ").split()).rstrip(".")
    return re.sub(r"^(slip|hop|double|single)[ -]?jig$", r"\1 jig", name)


def user_symbol(text: str) -> dict[str, str]:
    """Return the letter that a U: field defines and the name of its decoration; "" for an unknown decoration."""
    match = re.match(r"\s*([~H-Wh-w])\s*=\s*[!+\"]?([^!+\"\s]*)", text)
    return {match[1]: decoration(match[2]) or ""} if match else {}


# -- text ------------------------------------------------------------------------------------------------------

_COMBINING = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "=": "\u0304", ";": "\u0328",
          "c": "\u0327", ",": "\u0327", "u": "\u0306", "v": "\u030c", "H": "\u030b", ".": "\u0307", "r": "\u030a",
          "o": "\u030a"}  # fmt: skip
_SPECIAL = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "/o": "ø", "/O": "Ø",
            "/l": "ł", "/L": "Ł", "/d": "đ", "/D": "Đ", "DH": "Ð", "dh": "ð", "TH": "Þ", "th": "þ"}  # fmt: skip
_ESCAPED = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|([0-3][0-7]{2})|(ss|ae|AE|oe|OE|aa|AA|/[oOlLdD]|DH|dh|TH|th)"
    r"|([`'^~\"=;,cuvH.ro])([A-Za-z])|([&%\\]))"
)


def plain_text(text: str) -> str:
    r"""Return a text with mnemonics (\'e), entities (&eacute;) and code points (\u00e9) replaced by letters.

    Source: ABC 2.1, section 8.2.
    """
    if "\\" in text:
        text = _ESCAPED.sub(_letter, text)
    return html.unescape(text) if "&" in text else text


def _letter(match: re.Match[str]) -> str:
    if match[1]:
        letter = chr(int(match[1], 16))
        return letter if letter.isprintable() else match[0]
    if match[2]:
        return bytes([int(match[2], 8)]).decode("latin-1")
    if match[3]:
        return _SPECIAL[match[3]]
    if match[6]:
        return match[6]
    composed = unicodedata.normalize("NFC", match[5] + _COMBINING[match[4]])
    return composed if len(composed) == 1 else match[0]


# -- chord symbols and decorations -----------------------------------------------------------------------------

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
CHORD_KIND_SPELLINGS = {spelling: kind for kind, spellings in _SPELLINGS.items() for spelling in (kind, *spellings)}
"""The kind of chord for each spelling that is written after the root."""
_CHORD = re.compile(r"\(?([A-G])([#b♯♭]?)(.*?)(?:/([A-Ga-g])([#b♯♭]?))?\)?")
_DECORATIONS = {name.lower(): name for name in (*NAMED_DECORATIONS, *LETTER_DECORATIONS.values())}
_ALIASES = {
    "emphasis": "accent", ">": "accent", "<(": "crescendo(", "<)": "crescendo)", ">(": "diminuendo(",
    ">)": "diminuendo)", "+": "plus", "dot": "staccato", "staccatissimo": "wedge", "d.c": "D.C.", "d.s": "D.S.",
    "d.c.": "D.C.", "d.s.": "D.S.", "prall": "pralltriller", "tr": "trill", "gmark": "grace",
}  # fmt: skip


def chord_symbol(text: str) -> ChordSymbol | None:
    """Return the chord symbol that a quoted text contains, or None if it is another annotation ("D modal").

    >>> chord_symbol("Am7/G")
    ChordSymbol(root=3, kind='m7', bass=1)
    """
    text = text.strip()
    match = _CHORD.fullmatch(text)
    if not match or len(text) > 16:
        return None
    kind = CHORD_KIND_SPELLINGS.get(match[3])
    if kind is None:
        return None
    return ChordSymbol(_root(match[1], match[2]), kind, _root(match[4], match[5]) if match[4] else None)


def _root(letter: str, accidental: str) -> int:
    shift = 7 if accidental in ("#", "♯") else -7 if accidental else 0
    return LETTER_FIFTHS[LETTERS.index(letter.upper())] + shift


def decoration(name: str) -> str | None:
    """Return the name of a decoration for one of its spellings, or None if it is unknown.

    >>> decoration("tr")
    'trill'
    """
    if name in _DECORATIONS.values():
        return name
    return _DECORATIONS.get(name.lower()) or _DECORATIONS.get(_ALIASES.get(name.lower(), "").lower())
