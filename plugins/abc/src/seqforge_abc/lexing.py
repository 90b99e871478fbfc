"""The signs of music code: one regular expression that cuts a line into them, and what single signs are worth."""

import re
from fractions import Fraction
from functools import lru_cache

from seqforge_abc.fields import decoration
from seqforge_abc.theory import LETTERS, Pitch

_ACCIDENTAL = r"[\^_]\d?/\d?|\^\^?|__?|="
_LENGTH = r"\d{0,4}(?:/\d{0,4})*"
_PITCH = rf"(?:{_ACCIDENTAL})?[A-Ga-g][,']*"
TOKEN = re.compile(
    rf"""
      (?P<space>[ \t`\\*$]+)
    | (?P<words>D\.[CS]\.(?=\s*(?:y|[|:\]]|$))|[Ss]egno|(?:Fine|FINE|Coda|CODA)(?![a-zA-Z]))
    | (?P<note>{_PITCH}{_LENGTH})
    | (?P<bar>(?:\.(?=\|))?(?:[|:]|\[(?=\|)|(?<=[|:])\])+(?:\[?[1-9][0-9]?(?:[-,][1-9][0-9]?)*(?![0-9]))?)
    | (?P<ending>\[\s*[1-9][0-9]?(?:[-,]\s*[1-9][0-9]?)*)
    | (?P<quote>"[^"]*")
    | (?P<tuplet>\([2-9](?::(?=[1-9:])(?:[1-9]\d?)?(?::(?:[1-9]\d?)?)?)?)
    | (?P<slur>[()])
    | (?P<grace>\{{[^{{}}]*\}})
    | (?P<rest>[zxZX]{_LENGTH})
    | (?P<broken>>+|<+)
    | (?P<tie>-)
    | (?P<field>\[[A-Za-z]:[^\[\]]*\]|(?<![^\s|\]])(?:M:\s*\d+/\d+|L:\s*1/\d+))
    | (?P<chord>\[(?:[^\[\]|:"]|"[^"]*")*\]{_LENGTH}|\+(?:{_PITCH}{_LENGTH}){{2,}}\+{_LENGTH})
    | (?P<decoration>![^!\s|\[\]:]+!|\+[^+\s|\[\]]+\+)
    | (?P<spacer>y\d*)
    | (?P<overlay>\(?&+\)?)
    | (?P<letter>[.~A-Za-z])
    | (?P<number>[1-9](?!\d))
    | (?P<other>.)
    """,
    re.VERBOSE,
)
"""The signs on a line; the order decides which reading comes first."""
NOTE = re.compile(rf"({_ACCIDENTAL})?([A-Ga-g])([,']*)({_LENGTH})")
CHORD = re.compile(rf"[\[+](.*)[\]+]({_LENGTH})")
IN_CHORD = re.compile(
    rf'(?P<note>{_PITCH}{_LENGTH})|(?P<tie>-)|(?P<quote>"[^"]*")|(?P<decoration>![^!]+!)|(?P<letter>[.~H-WYh-wy])'
)
_NO_MUSIC = re.compile(r'"[^"]*"|![^!\s]*!|\+[^+\s]*\+|\[[A-Za-z]:[^\[\]]*\]|\\|%.*')
_UNUSUAL = re.compile(r"[^\W\d_A-Ga-gxyzXZHLMOPSTuv]")
_MARKED = re.compile(r"(![^!\s|\[\]:]+!)")
_SCALES = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}


def is_prose(line: str) -> bool:
    """Return whether a line is words and not music: a third of its letters mean nothing in music."""
    if len(_UNUSUAL.findall(line)) < 3:
        return False
    line = _NO_MUSIC.sub("", line)
    odd = len(_UNUSUAL.findall(line))
    return odd >= 3 and 3 * odd > sum(map(str.isalpha, line))


def without_breaks(line: str) -> str:
    """Return a line without the exclamation marks that break lines of music in old files."""
    if "!" not in line:
        return line
    found = _MARKED.split(line)
    for number in range(1, len(found), 2):
        name = found[number][1:-1]
        if decoration(name) is None and re.fullmatch(r"[A-Ga-gz0-9/,'^_=<>().~-]+", name):
            found[number] = f" {name} "
    found[0::2] = [part.replace("!", " ") for part in found[0::2]]
    return "".join(found)


@lru_cache(maxsize=4096)
def times(text: str) -> Fraction:
    """Return by what a length multiplies the unit: 3/2, /, //, 2; 0 where it makes no sense."""
    top, *below = text.split("/")
    size = Fraction(int(top or 1))
    for number in below:
        if number and not int(number):
            return Fraction(0)
        size /= int(number or 2)
    return size


@lru_cache(maxsize=4096)
def pitch_of(letter: str, marks: str, alter: int) -> Pitch:
    """Return the pitch of a letter with its octave marks: c, is an octave below c."""
    octave = (5 if letter.islower() else 4) + marks.count("'") - marks.count(",")
    return Pitch(LETTERS.index(letter.upper()), alter, octave)


def alteration(text: str) -> int:
    """Return what an accidental does, in semitones; microtones (^/ or _3/2) are rounded, halves away from 0."""
    if "/" not in text:
        return _SCALES[text]
    top, _, bottom = text[1:].partition("/")
    size = min(2, int(int(top or 1) / max(1, int(bottom or 2)) + 0.5))
    return size if text[0] == "^" else -size
