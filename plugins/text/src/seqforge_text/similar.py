"""Near duplicates of texts, found by a sketch of their word sequences."""

import hashlib
import re

import numpy as np

SHINGLE = 8
SKETCH = 6
LONG = 200


def fingerprints(text: str) -> list[int]:
    """Return 64-bit keys that near duplicates are likely to share.

    A short text has one key, of its letters and digits alone: names and lines are told apart exactly.
    A long one has the smallest few hashes of its runs of eight words (A. Broder, "On the resemblance and
    containment of documents", SEQUENCES 1997): two texts that share most of their runs share a key.
    """
    words = re.findall(r"\w+", text.casefold())
    if len(words) < 2 * SHINGLE or len(text) < LONG:
        plain = "".join(words) or text
        digest = hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return [int.from_bytes(digest, "little")]
    numbers = np.array([hash_word(word) for word in words], np.uint64)
    weights = np.array([pow(0x9E3779B97F4A7C15, power + 1, 1 << 64) for power in range(SHINGLE)], np.uint64)
    with np.errstate(over="ignore"):
        runs = sum(numbers[at : len(numbers) - SHINGLE + 1 + at] * weights[at] for at in range(SHINGLE))
        runs = (runs ^ (runs >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return [int(key) for key in np.unique(runs)[:SKETCH]]


def hash_word(word: str, known: dict[str, int] = {}) -> int:  # noqa: B006 - the default is the cache
    """Return a 64-bit hash of a word, the same in every process."""
    if word not in known:
        if len(known) > 1_000_000:
            known.clear()
        known[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
    return known[word]
