"""Characters of a text that a model has not learnt: composed, folded to letters that it knows, left out, or refused."""

import logging
import unicodedata
from collections.abc import Mapping

from seqforge import RequestError, listing
from seqforge_handwriting.accents import base_text, composition
from seqforge_handwriting.text_normalization import find_unknown_characters, validate_characters

__all__ = ["fold", "known_text"]

MODES = ("compose", "fold", "skip", "refuse")
FOLDS: Mapping[str, str] = {
    "\u00df": "ss", "\u1e9e": "SS", "\u0153": "oe", "\u0152": "Oe", "\u00e6": "ae", "\u00c6": "Ae", "\u00f8": "o",
    "\u00d8": "O", "\u0142": "l", "\u0141": "L", "\u0111": "d", "\u0110": "D", "\u00f0": "d", "\u00d0": "D",
    "\u00fe": "th", "\u00de": "Th", "\u0131": "i", "\u20ac": "EUR", "\u00bf": "", "\u00a1": "",
}  # fmt: skip
"""Letters that Unicode does not decompose, and what is written in their place."""


def fold(letter: str) -> str | None:
    """Return what is written in place of a letter: its base letter, or several letters; None if there is nothing.

    >>> fold("\u00e9"), fold("\u00df"), fold("\u2603")
    ('e', 'ss', None)
    """
    if letter in FOLDS:
        return FOLDS[letter]
    if unicodedata.combining(letter):  # an accent that forms no letter of Unicode with the character before it
        return ""
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return base if base and base != letter else None


def known_text(text: str, counts: Mapping[str, int], missing: str, *, field: str = "text") -> str:
    """Return a text of characters that the model knows; a warning says what was replaced, left out, or is rare.

    >>> counts = {"a": 90, "c": 90, "e": 90, "f": 90}
    >>> known_text("caf\u00e9", counts, "fold"), known_text("caf\u00e9", counts, "compose")
    ('cafe', 'caf\u00e9')

    Args:
        text: The normalised text.
        counts: Number of occurrences of each character in training.
        missing: What is done with characters that never occur in training: "compose" returns those unchanged whose
            base letter does occur and treats others as "fold", "fold" replaces them by letters that do occur, "skip"
            leaves them out, and "refuse" raises.
        field: The field of the request that gave the text, for messages.

    Raises:
        RequestError: If `missing` is another word, or a character has to be refused.
    """
    if missing not in MODES:
        raise RequestError.invalid("missing", missing, "compose, fold, skip or refuse")
    unknown, _ = find_unknown_characters(text, counts)
    if missing == "compose":
        unknown = [letter for letter in unknown if not _is_composable(letter, counts)]
    folds: dict[str, str] = {}
    for letter in unknown if missing != "refuse" else ():
        folded = "" if missing == "skip" else fold(letter)
        if folded is not None and not find_unknown_characters(folded, counts)[0]:
            folds[letter] = folded
    result = text.translate({ord(letter): folded for letter, folded in folds.items()})
    written = base_text(result, counts) if missing == "compose" else result
    validate_characters(written, counts, field=field, allow_rare=True)
    if not result.strip():
        raise RequestError(
            f"`{field}` has no character that the model knows; give another text", field=field, value=text
        )
    logger = logging.getLogger("seqforge")
    replaced = [f"{letter} by {folded}" for letter, folded in folds.items() if folded]
    if replaced:
        logger.warning("the model has no %s; replaced for writing: %s", listing(f for f in folds), listing(replaced))
    skipped = [letter for letter, folded in folds.items() if not folded]
    if skipped:
        logger.warning("characters that are left out, since the model does not know them: %s", listing(skipped))
    rare = find_unknown_characters(written, counts)[1]
    if rare:
        occurrences = listing(f"{letter} ({counts[letter]})" for letter in rare)
        logger.warning("characters that occur rarely in training and may be illegible: %s", occurrences)
    return result


def _is_composable(letter: str, counts: Mapping[str, int]) -> bool:
    composed = composition(letter)
    return composed is not None and bool(counts.get(composed[0]))
