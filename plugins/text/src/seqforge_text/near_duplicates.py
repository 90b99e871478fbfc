"""Near duplicates of texts, found by comparing sketches of their word sequences."""

import functools
import hashlib
import re

import numpy as np

__all__ = ["fingerprints"]

SHINGLE_WORDS = 8
"""The number of consecutive words of a shingle."""
SKETCH_SIZE = 6
"""The number of shingle hashes that are kept for a text."""
MIN_CHARACTERS = 200
"""A text with fewer characters is compared exactly, not by shingles."""


def fingerprints(text: str) -> list[int]:
    """Return 64-bit keys; near duplicates are likely to have one in common.

    A short text has one key, the hash of its letters and digits, so that names and lines are compared exactly.
    The keys of a long text are the smallest hashes of its shingles (runs of eight words), so that two texts with
    most shingles in common share a key (A. Broder, "On the resemblance and containment of documents", SEQUENCES 1997).

    >>> fingerprints("O'Neal") == fingerprints("oneal")
    True
    """
    words = re.findall(r"\w+", text.casefold())
    if len(words) < 2 * SHINGLE_WORDS or len(text) < MIN_CHARACTERS:
        return [_hash("".join(words) or text)]
    hashes = np.array([_word_hash(word) for word in words], np.uint64)
    weights = np.array([pow(0x9E3779B97F4A7C15, power + 1, 1 << 64) for power in range(SHINGLE_WORDS)], np.uint64)
    count = len(words) - SHINGLE_WORDS + 1
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64
        shingles = sum(hashes[offset : offset + count] * weights[offset] for offset in range(SHINGLE_WORDS))
        shingles = (shingles ^ (shingles >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return [int(key) for key in np.unique(shingles)[:SKETCH_SIZE]]


def _hash(text: str) -> int:
    """Return a 64-bit hash of a text that is the same in every process."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


_word_hash = functools.lru_cache(maxsize=1_000_000)(_hash)
