"""What the benchmarks of written and spoken words share: how far two sequences are apart."""

from collections.abc import Sequence


def edits(said: Sequence[str], wanted: Sequence[str]) -> int:
    """Return the fewest insertions, deletions and substitutions between two sequences (V. Levenshtein, 1966)."""
    row = list(range(len(wanted) + 1))
    for number, one in enumerate(said, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(wanted, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (one != other))
    return row[-1]
