"""Statistics of texts, and the sequence of words by which copying is judged."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from seqforge import Piece

__all__ = ["describe_text", "measure_texts", "word_trace"]

WORD = re.compile(r"\w+")
MAX_WORD, MAX_LINE = 30, 200
"""Longer words and lines count as having this number of characters."""


def describe_text(text: str) -> dict[str, np.ndarray]:
    r"""Return the lengths of words and of lines in characters, with an entry per word and per line that is not empty.

    >>> {name: values.tolist() for name, values in describe_text("To be, or\nnot").items()}
    {'word length': [2, 2, 2, 3], 'line length': [9, 3]}
    """
    words = [min(len(word), MAX_WORD) for word in WORD.findall(text)]
    lines = [min(len(line), MAX_LINE) for line in text.split("\n") if line.strip()]
    return {"word length": np.array(words, np.int64), "line length": np.array(lines, np.int64)}


def word_trace(text: str) -> list[int]:
    r"""Return a number for each word of a text, whatever its case, spaces and punctuation.

    >>> word_trace("To be, or to BE") == word_trace("to be\nor: to be")
    True
    """
    return [zlib.crc32(word.lower().encode("utf-8", "surrogatepass")) for word in WORD.findall(text)]


def measure_texts(pieces: Sequence[Piece[str]]) -> dict[str, float]:
    """Return the share of words that are different, among the first thousand words of all pieces.

    >>> measure_texts([Piece("to be or not to be")])
    {'different words among the first 1,000, per cent': 66.66666666666667}
    """
    words = [word.lower() for piece in pieces for word in WORD.findall(piece.content)][:1000]
    share = 100 * len(set(words)) / len(words) if words else float("nan")
    return {"different words among the first 1,000, per cent": share}
