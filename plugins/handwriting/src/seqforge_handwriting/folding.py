"""A text as pens write it: typographic characters folded, what nobody wrote named."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from seqforge import RequestError, listing

LONGEST = 20_000
"""Characters: eight pages or so, which take minutes to write."""
FEWEST = 30
"""Occurrences in training from which a character is known well enough."""
FOLDED: Mapping[str, str] = {
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
"""Character to what a pen writes for it. The joiner of emoji is dropped; the emoji themselves are not known anyway."""


@dataclass(frozen=True)
class Folded:
    """A text as it will be written.

    Attributes:
        text: the text.
        changes: what stood there and what is written for it, with how often: (("“", '"', 2), ...).
    """

    text: str
    changes: tuple[tuple[str, str, int], ...] = ()

    def told(self) -> str:
        """Return one sentence on what was folded, "" where nothing was; blanks and line ends are no news."""
        seen = [(before, after) for before, after, _ in self.changes if not before.isspace() and after]
        return f"written as pens write: {listing(f'{a} as {b}' for a, b in seen)}" if seen else ""


def fold(text: str, *, name: str = "--text") -> Folded:
    """Return a text with quotes, dashes, blanks and ligatures as a pen writes them, lines stripped.

    Args:
        text: any text.
        name: the flag or file that it came from, for the sentence.

    Raises:
        RequestError: it is empty, or absurdly long.
    """
    if len(text) > LONGEST:
        raise RequestError(
            f"{name} has {len(text):,} characters; up to {LONGEST:,} are written at once: write it in parts"
        )
    whole = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    counts = Counter(letter for letter in whole if letter in FOLDED)
    folded = "".join(FOLDED.get(letter, letter) for letter in whole)
    lines = [" ".join(line.split(" ")).strip(" ") for line in folded.split("\n")]
    folded = "\n".join(lines).strip("\n")
    if not folded:
        raise RequestError(f"{name} is empty; give what is to be written")
    return Folded(folded, tuple((letter, FOLDED[letter], count) for letter, count in counts.items()))


def unwritten(text: str, seen: Mapping[str, int], *, fewest: int = FEWEST) -> tuple[list[str], list[str]]:
    """Return the characters of a text that no pen wrote in training, and those that were written too seldom.

    Args:
        text: what is to be written; blanks and line ends count as known.
        seen: how often each character occurs in training.
        fewest: from how many on it is known.
    """
    letters = [letter for letter in dict.fromkeys(text) if not letter.isspace()]
    never = [letter for letter in letters if not seen.get(letter)]
    return never, [letter for letter in letters if 0 < seen.get(letter, 0) < fewest]


def check_written(text: str, seen: Mapping[str, int], *, fewest: int = FEWEST) -> str:
    """Return a sentence on characters that were seldom seen, "" where all are well known.

    Raises:
        RequestError: the text has a character that was never seen; the message names each.
    """
    never, seldom = unwritten(text, seen, fewest=fewest)
    if never:
        raise RequestError(
            f"the model has never seen {listing(map(named, never))} written; write it another way"
            f"{_plain(never, seen)}. It knows {''.join(sorted(letter for letter in seen if not letter.isspace()))}"
        )
    if not seldom:
        return ""
    counts = listing(f"{letter} ({seen[letter]})" for letter in seldom)
    return f"seldom seen in training, so perhaps hard to read: {counts}"


def named(letter: str) -> str:
    """Return a character with its Unicode name: 'é' (latin small letter e with acute)."""
    name = unicodedata.name(letter, "").lower() or f"U+{ord(letter):04X}"
    return f"{letter!r} ({name})"


def _plain(letters: list[str], seen: Mapping[str, int]) -> str:
    """Return what accented letters are without their accents, as advice."""
    bare = {letter: unicodedata.normalize("NFKD", letter)[0] for letter in letters}
    known = [f"{plain} for {letter}" for letter, plain in bare.items() if plain != letter and seen.get(plain)]
    return f", for instance {listing(known)}" if known else ""
