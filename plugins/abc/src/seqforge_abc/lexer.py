"""The lexer of ABC music code: one regular expression splits a line into tokens; helpers read single tokens."""

import re
from collections.abc import Container
from fractions import Fraction
from functools import lru_cache
from math import ceil

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
    | (?P<bar_line>(?:\.(?=\|))?(?:[|:]|\[(?=\|)|(?<=[|:])\])+(?:\[?[1-9][0-9]?(?:[-,][1-9][0-9]?)*(?![0-9]))?)
    | (?P<ending>\[\s*[1-9][0-9]?(?:[-,]\s*[1-9][0-9]?)*)
    | (?P<quote>"[^"]*(?:"|\Z))
    | (?P<tuplet>\((?:1:(?![1-9:])|(?:1(?=:)|[2-9]|[1-9]\d)(?!\d)(?::(?=[1-9:])(?:[1-9]\d?)?(?::(?:[1-9]\d?)?)?)?))
    | (?P<slur>\.?\((?!\d)|\(|\.?\))
    | (?P<grace>\{{[^{{}}]*\}})
    | (?P<rest>[zxZX]{_LENGTH})
    | (?P<broken_rhythm>>+|<+)
    | (?P<tie>\.?-)
    | (?P<field>\[[A-Za-z]:[^\[\]]*\]|(?<![^\s|\]])(?:M:\s*\d+/\d+|L:\s*1/\d+))
    | (?P<chord>\[(?:[^\[\]|:"]|"[^"]*")*\]{_LENGTH}|\+(?:{_PITCH}{_LENGTH}){{2,}}\+{_LENGTH})
    | (?P<decoration>![^!\s|\[\]:]+!|![A-Za-z]*[H-WYh-wy][A-Za-z]*:[A-Za-z]*!|\+[^+\s|\[\]]+\+)
    | (?P<spacer>y\d*)
    | (?P<overlay>\(?&+\)?)
    | (?P<letter>[.~A-Za-z])
    | (?P<number>[1-9](?!\d))
    | (?P<other>.)
    """,
    re.VERBOSE,
)
"""The tokens of a line; if several alternatives match, the first one wins."""
NOTE = re.compile(rf"({_ACCIDENTAL})?([A-Ga-g])([,']*)({_LENGTH})")
CHORD = re.compile(rf"[\[+](.*)[\]+]({_LENGTH})")
CHORD_MEMBER = re.compile(
    rf'(?P<note>{_PITCH}{_LENGTH})|(?P<tie>-)|(?P<quote>"[^"]*")|(?P<decoration>![^!]+!)|(?P<letter>[.~H-WYh-wy])'
)
_NOT_NOTES = re.compile(r'"[^"]*"|![^!\s]*!|\+[^+\s]*\+|\[[A-Za-z]:[^\[\]]*\]|\\|%.*')
_NON_MUSIC_LETTER = re.compile(r"[^\W\d_A-Ga-gxyzXZHLMOPSTuv]")
_OPEN = re.compile(r'(?:\[(?:[A-Za-z]:[^\[\]]*|(?![|1-9:])[^\[\]|:]*)|\{[^{}|]*|"[^"]*)\Z')
_CLOSING = re.compile(r"[^\[\]{}|]*[\]}]")
_QUOTE = re.compile(r'"[^"]*"')
_EXCLAMATION = re.compile(r"(![^!\s|\[\]:]+!|![A-Za-z]*[H-WYh-wy][A-Za-z]*:[A-Za-z]*!)")
_ALTERATIONS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}


def is_prose(line: str, symbols: Container[str] = ()) -> bool:
    """Return whether a line is prose: a third of its letters have no meaning in music.

    Args:
        line: The line.
        symbols: The letters that U: fields define.
    """
    if len(_NON_MUSIC_LETTER.findall(line)) < 3:
        return False
    line = _NOT_NOTES.sub("", line)
    count = sum(letter not in symbols for letter in _NON_MUSIC_LETTER.findall(line))
    return count >= 3 and 3 * count > sum(map(str.isalpha, line)) and not _is_complete(line, symbols)


def _is_complete(line: str, symbols: Container[str]) -> bool:
    """Return whether a line consists of tokens that have a meaning."""
    return all(
        match.lastgroup != "other" and (match.lastgroup != "letter" or match[0] in symbols)
        for match in TOKEN.finditer(line)
    )


def opens_bracket(line: str) -> bool:
    """Return whether a chord, a group of grace notes, an inline field or a quote is not closed on a line.

    >>> opens_bracket("AB [Ce"), opens_bracket("AB [1 cd"), opens_bracket("A {de"), opens_bracket('A "de')
    (True, False, True, True)
    """
    return bool(_OPEN.search(_QUOTE.sub("", line)))


def closes_bracket(line: str, opening: str) -> bool:
    """Return whether a line begins with the end of what is not closed on the line before.

    Args:
        line: The line.
        opening: The line before.
    """
    if '"' in _QUOTE.sub("", opening):
        return '"' in _QUOTE.sub("", line)
    return bool(_CLOSING.match(line))


def without_line_breaks(line: str) -> str:
    """Return a line without the exclamation marks that mean a line break of the score in old files."""
    if "!" not in line:
        return line
    parts = _EXCLAMATION.split(line)
    for number in range(1, len(parts), 2):
        name = parts[number][1:-1]
        if decoration(name) is None and re.fullmatch(r"[A-Ga-gz0-9/,'^_=<>().~-]+", name):
            parts[number] = f" {name} "
    parts[0::2] = [part.replace("!", " ") for part in parts[0::2]]
    return "".join(parts)


@lru_cache(maxsize=4096)
def length_factor(text: str) -> Fraction:
    """Return the factor of the unit note length that a written length means; 0 if it is invalid.

    >>> [str(length_factor(text)) for text in ("", "2", "3/2", "/", "//")]
    ['1', '2', '3/2', '1/2', '1/4']
    """
    numerator, *denominators = text.split("/")
    factor = Fraction(int(numerator or 1))
    for denominator in denominators:
        if denominator and not int(denominator):
            return Fraction(0)
        factor /= int(denominator or 2)
    return factor


@lru_cache(maxsize=4096)
def pitch_of(letter: str, octave_marks: str, alter: int) -> Pitch:
    """Return the pitch of a letter with octave marks and an alteration; "c," is an octave below "c"."""
    octave = (5 if letter.islower() else 4) + octave_marks.count("'") - octave_marks.count(",")
    return Pitch(LETTERS.index(letter.upper()), alter, octave)


def alteration(text: str) -> int:
    """Return the alteration of an accidental in semitones.

    Microtones (^/ or _3/2) are rounded to semitones, halves towards 0, since programs play ^/c as c.
    """
    if "/" not in text:
        return _ALTERATIONS[text]
    numerator, _, denominator = text[1:].partition("/")
    size = min(2, ceil(Fraction(int(numerator or 1), max(1, int(denominator or 2))) - Fraction(1, 2)))
    return size if text[0] == "^" else -size
