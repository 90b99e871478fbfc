"""Normalisation of a text for handwriting: typographic characters become those that pens write."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from seqforge import RequestError, listing

__all__ = [
    "NormalizedText",
    "describe_character",
    "find_unknown_characters",
    "normalize_text",
    "validate_characters",
]

MAX_CHARACTERS = 20_000
"""Largest length of a text: about eight pages, which take minutes to generate."""
MIN_COUNT = 30
"""Number of occurrences in training from which a character is expected to be legible."""
REPLACEMENTS: Mapping[str, str] = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    "\u2026": "...",
    "\u00d7": "x",
    "\u2044": "/",
    **dict.fromkeys("\ufb00", "ff"),
    **dict.fromkeys("\ufb01", "fi"),
    **dict.fromkeys("\ufb02", "fl"),
    **dict.fromkeys("\ufb03", "ffi"),
    **dict.fromkeys("\ufb04", "ffl"),
    **dict.fromkeys(
        "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    ),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
    **dict.fromkeys("\r\v\f\u0085\u2028\u2029", "\n"),
}
"""Maps a character to what is written in its place. The zero-width joiner of emoji is removed; emoji are unknown."""


@dataclass(frozen=True)
class NormalizedText:
    """A text as it will be written.

    Attributes:
        text: The normalised text.
        replacements: Character, replacement and number of occurrences: (("“", '"', 2), ...).
    """

    text: str
    replacements: tuple[tuple[str, str, int], ...] = ()

    @property
    def summary(self) -> str:
        """One sentence about the visible characters that were replaced, "" if there are none."""
        visible = [(before, after) for before, after, _ in self.replacements if not before.isspace() and after]
        return f"characters replaced for writing: {listing(f'{a} by {b}' for a, b in visible)}" if visible else ""


def normalize_text(text: str, *, field: str = "text", source: str = "") -> NormalizedText:
    r"""Return a text with plain quotes, dashes, spaces and ligatures, and without spaces at line ends.

    >>> normalize_text("\u201cIt\u2019s so\u2026\u201d").text
    '"It\'s so..."'

    Args:
        text: Any text.
        field: The field of the request that gave the text, for messages.
        source: The file that the text was read from, for messages.

    Raises:
        RequestError: If the text is empty or longer than 20,000 characters.
    """
    name = f"`{field}` ({source})" if source else f"`{field}`"
    if len(text) > MAX_CHARACTERS:
        raise RequestError(
            f"{name} has {len(text):,} characters; at most {MAX_CHARACTERS:,} can be written at once, so split it",
            field=field,
            value=source or text,
            allowed=f"at most {MAX_CHARACTERS:,} characters long",
        )
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    counts = Counter(letter for letter in composed if letter in REPLACEMENTS)
    replaced = "".join(REPLACEMENTS.get(letter, letter) for letter in composed)
    normalized = "\n".join(line.rstrip(" ") for line in replaced.split("\n")).strip("\n")
    if not normalized.strip():
        raise RequestError(
            f"{name} is empty; give the text to write", field=field, value=source or text, allowed="not empty"
        )
    return NormalizedText(normalized, tuple((letter, REPLACEMENTS[letter], count) for letter, count in counts.items()))


def find_unknown_characters(
    text: str, counts: Mapping[str, int], *, min_count: int = MIN_COUNT
) -> tuple[list[str], list[str]]:
    """Return the characters of a text that never occur in training, and those that occur too rarely.

    >>> find_unknown_characters("axz", {"a": 90, "z": 3})
    (['x'], ['z'])

    Args:
        text: The text; white space is always known.
        counts: Number of occurrences of each character in training.
        min_count: Number of occurrences from which a character is known.
    """
    letters = [letter for letter in dict.fromkeys(text) if not letter.isspace()]
    unknown = [letter for letter in letters if not counts.get(letter)]
    return unknown, [letter for letter in letters if 0 < counts.get(letter, 0) < min_count]


def validate_characters(
    text: str, counts: Mapping[str, int], *, field: str = "text", min_count: int = MIN_COUNT, allow_rare: bool = False
) -> None:
    """Check that the model knows every character of a text.

    >>> validate_characters("az", {"a": 90, "z": 3}, allow_rare=True)

    Args:
        text: The normalised text.
        counts: Number of occurrences of each character in training.
        field: The field of the request that gave the text, for messages.
        min_count: Number of occurrences from which a character is known.
        allow_rare: Whether characters that occur less often are accepted.

    Raises:
        RequestError: If the text has characters that never occur in training, or occur too rarely.
    """
    unknown, rare = find_unknown_characters(text, counts, min_count=min_count)
    allowed = "".join(sorted(letter for letter in counts if not letter.isspace()))
    if unknown:
        raise RequestError(
            f"`{field}` contains {listing(map(describe_character, unknown))}, which never occurs in the training data;"
            f" replace it{_without_accents(unknown, counts)}. The model knows {allowed}",
            field=field,
            value=text,
            allowed=allowed,
        )
    if rare and not allow_rare:
        occurrences = listing(f"{letter} ({counts[letter]})" for letter in rare)
        raise RequestError(
            f"`{field}` contains characters that the training data have fewer than {min_count} times, so they may be"
            f" illegible: {occurrences}; replace them",
            field=field,
            value=text,
            allowed="".join(letter for letter in allowed if counts[letter] >= min_count),
        )


def describe_character(letter: str) -> str:
    """Return a character with its Unicode name.

    >>> describe_character("\u00e9")
    "'é' (latin small letter e with acute)"
    """
    name = unicodedata.name(letter, "").lower() or f"U+{ord(letter):04X}"
    return f"{letter!r} ({name})"


def _without_accents(letters: list[str], counts: Mapping[str, int]) -> str:
    """Return the suggestion to write accented letters without their accents, "" if there is none."""
    plain = {letter: unicodedata.normalize("NFKD", letter)[0] for letter in letters}
    known = [f"{base} for {letter}" for letter, base in plain.items() if base != letter and counts.get(base)]
    return f", for instance {listing(known)}" if known else ""
