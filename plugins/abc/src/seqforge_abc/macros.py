"""Macros: m: fields that stand for music code, static (`m:~g2 = {a}g{f}g`) or transposing (`m:~n2 = {o}n{m}n`).

Source: ABC 2.1, section 9.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NOTE = r"(?P<note>[A-Ga-g])(?P<octave>[,']*)"
_LETTERS = "CDEFGABcdefgab"
_PROTECTED = re.compile(r'"[^"]*"|![^!\s]*!')
_RELATIVE = re.compile(r'"[^"]*"|![^!\s]*!|(?P<letter>[h-z])')
MAX_EXPANDED_LENGTH = 20_000
"""The longest line that macros produce, in characters; a longer one is not expanded."""


@dataclass(frozen=True)
class Macro:
    """A macro.

    Attributes:
        target: The music code that is replaced; in a transposing macro, `n` stands for any note.
        replacement: The music code in its place; in a transposing macro, `n` stands for the note, `o` for the note
            above it, `m` for the note below it, and so on.
    """

    target: str
    replacement: str

    @property
    def transposing(self) -> bool:
        """Whether the macro applies to any note."""
        return "n" in self.target


def parse_macro(text: str) -> Macro | None:
    """Return the macro of an m: field, or None if the field has no target.

    >>> parse_macro("~n2 = {o}n{m}n")
    Macro(target='~n2', replacement='{o}n{m}n')
    """
    target, sign, replacement = (part.strip() for part in text.partition("="))
    if target[-1:] in ("^", "_") or not sign:  # the target has no accidental "="
        return None
    return Macro(target, replacement) if target and len(target) <= 30 else None


def expand_macros(line: str, macros: Sequence[Macro]) -> str:
    """Return a line of music code with its macros replaced; quotes and decorations between `!` stay as they are.

    >>> expand_macros("~G2 A2|~g2", [Macro("~n2", "{o}n{m}n"), Macro("A2", "A>A")])
    '{A}G{F}G A>A|{a}g{f}g'
    """
    for macro in macros:
        first, *others = map(re.escape, macro.target.split("n"))
        pattern = first
        for number, part in enumerate(others):
            pattern += (r"(?P=note)(?P=octave)" if number else _NOTE) + part
        pattern += r"(?![,'])" if macro.target[-1:] in ("n", *_LETTERS) else ""
        if macro.target[-1].isdigit() or macro.target[-1:] in ("n", *_LETTERS):
            pattern += r"(?![\d/])"
        line = _replace(line, re.compile(f"{_PROTECTED.pattern}|(?P<target>{pattern})"), macro)
    return line


def _replace(line: str, pattern: re.Pattern[str], macro: Macro) -> str:
    def replacement(match: re.Match[str]) -> str:
        if match["target"] is None:
            return match[0]
        return (
            _transposed(macro.replacement, match["note"], match["octave"]) if macro.transposing else macro.replacement
        )

    expanded = pattern.sub(replacement, line)
    return expanded if len(expanded) <= MAX_EXPANDED_LENGTH else line


def _transposed(text: str, note: str, octave: str) -> str:
    """Return the replacement of a transposing macro for a note.

    Args:
        text: The replacement.
        note: The letter of the note.
        octave: Its octave marks.
    """
    place = _LETTERS.index(note) + 7 * (octave.count("'") - octave.count(","))

    def letter(match: re.Match[str]) -> str:
        return match[0] if match["letter"] is None else _spell(place + ord(match[0]) - ord("n"))

    return _RELATIVE.sub(letter, text)


def _spell(place: int) -> str:
    """Return the note at a place of the staff; 0 is C, 7 is c."""
    octave, step = divmod(place, 7)
    letter = _LETTERS[step]
    return letter.lower() + "'" * (octave - 1) if octave >= 1 else letter + "," * -octave
