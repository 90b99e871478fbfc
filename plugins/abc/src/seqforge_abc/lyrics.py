"""Lyrics: the w: field, read and written.

A note has at most one syllable per verse. A syllable that ends with "-" continues in the next syllable of its word, "_"
holds the syllable before it, and "" is no syllable. Source: ABC 2.1, section 5.1.
"""

import re
from collections.abc import Iterator, Sequence

from seqforge_abc.tune import Note

HOLD = "_"
NEXT_BAR = "|"
"""The item of a w: field after which the next syllable belongs to the next bar."""
HYPHEN = "\N{HYPHEN}"
"""A hyphen within a syllable; "-" stands only at the end of a syllable."""
_ITEM = re.compile(r"(?P<text>(?:\\-|[^\s\-_*|])+)(?P<hyphen>-?)|(?P<sign>[-_*|])")
_FORBIDDEN = re.compile(r"[_*|~\\\x00-\x1f]")


def split_lyrics(text: str) -> list[str]:
    r"""Return the items of a w: field: syllables, `HOLD`, `NEXT_BAR`, and "" for a note without a syllable.

    >>> split_lyrics(r"Twin-kle _ * O~la of\-ten | - sun")
    ['Twin-', 'kle', '_', '', 'O la', 'of‐ten', '|', '-', 'sun']

    Args:
        text: The text after the colon.
    """
    return [_item(match) for match in _ITEM.finditer(text)]


def _item(match: re.Match[str]) -> str:
    if match["sign"]:
        return "" if match["sign"] == "*" else match["sign"]
    return syllable(match["text"].replace("\\-", HYPHEN).replace("~", " "), continues=bool(match["hyphen"]))


def syllable(text: str, *, continues: bool = False) -> str:
    """Return a text as a syllable.

    >>> syllable("well-known ", continues=True)
    'well‐known-'

    Args:
        text: Any text.
        continues: Whether the word continues in the next syllable.
    """
    text = _FORBIDDEN.sub("", text).replace("-", HYPHEN).strip()
    return text + "-" if text and continues else text


def lyric_lines(notes: Sequence[Note]) -> Iterator[str]:
    """Yield the w: fields below a line of music, one per verse.

    Args:
        notes: The notes and chords of the line, without rests.
    """
    verses = max((len(note.syllables) for note in notes), default=0)
    for verse in range(verses):
        items = [note.syllables[verse] if verse < len(note.syllables) else "" for note in notes]
        while len(items) > 1 and not items[-1]:
            items.pop()
        written = (item.replace(HYPHEN, "\\-").replace(" ", "~").replace("%", "\\%") or "*" for item in items)
        yield "w:" + " ".join(written)
