"""The edit distance, for the benchmarks of legibility and pronunciation."""

from collections.abc import Sequence


def edits(sequence: Sequence[str], reference: Sequence[str]) -> int:
    """Return the edit distance of two sequences (V. Levenshtein, 1966).

    It is the smallest number of insertions, deletions and substitutions that turn one into the other.

    >>> edits("kitten", "sitting")
    3
    """
    row = list(range(len(reference) + 1))
    for number, symbol in enumerate(sequence, 1):
        diagonal, row[0] = row[0], number
        for column, other in enumerate(reference, 1):
            substitution = diagonal + (symbol != other)
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, substitution)
    return row[-1]
