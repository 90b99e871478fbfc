"""Letters with accents: the base letter that a model writes, and the marks that are drawn with it."""

import unicodedata
from collections.abc import Mapping

__all__ = ["base_text", "composition"]

COMBINING: Mapping[str, str] = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "circumflex", "\u0303": "tilde", "\u0304": "macron",
    "\u0306": "breve", "\u0307": "dot", "\u0308": "diaeresis", "\u030a": "ring", "\u030b": "double acute",
    "\u030c": "caron", "\u0323": "dot below", "\u0326": "comma below", "\u0327": "cedilla", "\u0328": "ogonek",
}  # fmt: skip
"""Combining characters of Unicode and the names of their marks."""
SPECIAL: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "\u0142": ("l", ("stroke",)), "\u0141": ("L", ("stroke",)),
    "\u00f8": ("o", ("slash",)), "\u00d8": ("O", ("slash",)),
    "\u0111": ("d", ("bar",)), "\u0110": ("D", ("bar",)), "\u00f0": ("d", ("bar",)), "\u00d0": ("D", ("bar",)),
    "\u0127": ("h", ("bar",)), "\u0131": ("i", ("dotless",)),
    "\u010f": ("d", ("apostrophe",)), "\u0165": ("t", ("apostrophe",)),
    "\u013e": ("l", ("apostrophe",)), "\u013d": ("L", ("apostrophe",)),
    "\u00bf": ("?", ("turned",)), "\u00a1": ("!", ("turned",)),
}  # fmt: skip
"""Characters that Unicode does not decompose, or whose mark has another shape than its name says."""
ABOVE_DESCENDER = frozenset("\u0123\u0122\u0137\u0136\u013c\u013b\u0146\u0145\u0157\u0156")
"""Latvian letters whose cedilla is written as a comma."""


def composition(letter: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the base letter of a letter and the names of its marks; None if it cannot be composed.

    >>> composition("\u00e9"), composition("\u0142"), composition("\u00df")
    (('e', ('acute',)), ('l', ('stroke',)), None)
    """
    if letter in SPECIAL:
        return SPECIAL[letter]
    base, *combining = list(unicodedata.normalize("NFD", letter))
    if not combining or not base.isascii() or not all(mark in COMBINING for mark in combining):
        return None
    names = tuple(COMBINING[mark] for mark in combining)
    if letter in ABOVE_DESCENDER:
        names = tuple("comma below" if name == "cedilla" and base not in "g" else name for name in names)
        names = tuple("acute" if name == "cedilla" else name for name in names)
    return base, names


def base_text(text: str, counts: Mapping[str, int]) -> str:
    """Return a text with the base letter of each letter that is composed; it has as many characters.

    >>> base_text("d\u00e9j\u00e0 vu", {"\u00e0": 90})
    'dej\u00e0 vu'

    Args:
        text: The text.
        counts: Number of occurrences of each character in training; a letter that occurs is not composed.
    """
    return "".join(
        letter if counts.get(letter) or (composed := composition(letter)) is None else composed[0] for letter in text
    )
