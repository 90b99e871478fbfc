"""The note lengths that the automaton allows, as integers in 128ths of a whole note, and the tokens that spell them."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from seqforge_abc.tokens import LENGTH_GRID, TUPLET_TOKENS, split_length
from seqforge_abc.tune import Tuplet

__all__ = [
    "MAX_FREE_LENGTH",
    "lengths_in_bar",
    "lengths_in_tuplet",
    "next_atom",
    "next_atoms",
    "spell_length",
    "to_grid",
    "tuplets_in_bar",
]

MAX_FREE_LENGTH = 512
"""The longest bar of a tune without a meter."""
TRIPLET = Tuplet(3, 2, 3)


def to_grid(length: Fraction) -> int:
    """Return a length in whole notes as a number of 128ths.

    >>> to_grid(Fraction(1, 8))
    16
    """
    return int(length / LENGTH_GRID)


@lru_cache(maxsize=4096)
def spell_length(length: int, unit: int) -> tuple[Fraction, ...]:
    """Return the atoms that spell a length, in descending order; none for the unit itself."""
    return tuple(split_length(Fraction(length, unit)))


@lru_cache(maxsize=4096)
def lengths_in_bar(room: int) -> tuple[int, ...]:
    """Return the lengths that a note outside a tuplet may have.

    >>> lengths_in_bar(16)
    (2, 4, 6, 8, 12, 14, 16)

    Args:
        room: The length that is left in the bar.
    """
    step = 1 if room % 2 else 2
    return tuple(length for length in range(step, room + 1, step) if is_single_note_value(length))


def is_single_note_value(length: int) -> bool:
    """Return whether one note value with at most two dots has this length."""
    return length // (length & -length) in (1, 3, 7)


@lru_cache(maxsize=4096)
def lengths_in_tuplet(tuplet: Tuplet, unit: int, room: int, written: int, notes_left: int) -> tuple[int, ...]:
    """Return the lengths that the next note of a tuplet may have.

    The written notes of a tuplet add up to p times a quarter, a half, one or two units, so that its sounding length is
    on the grid.

    Args:
        tuplet: The tuplet.
        unit: The unit note length.
        room: The length that is left in the bar at the beginning of the tuplet.
        written: The sum of the written lengths of its notes so far.
        notes_left: The number of coming notes of the tuplet, including the next one.
    """
    step = max(1, unit // 4)
    allowed: set[int] = set()
    for base in {unit // 4, unit // 2, unit, 2 * unit} - {0}:
        rest = tuplet.p * base - written
        if tuplet.q * base <= room and rest > 0 and rest % step == 0:
            candidates = range(step, rest + 1, step)
            allowed.update(
                length
                for length in candidates
                if is_single_note_value(length) and can_fill(rest - length, notes_left - 1, step)
            )
    return tuple(sorted(allowed))


@lru_cache(maxsize=4096)
def tuplets_in_bar(unit: int, room: int, written: int, *, triplets_only: bool) -> tuple[str, ...]:
    """Return the tokens of the tuplets that have a place in a bar.

    Args:
        unit: The unit note length.
        room: The length that is left in the bar.
        written: The sum of the written lengths of the notes of the tuplet so far.
        triplets_only: Whether triplets of three notes alone may come.
    """
    return tuple(
        token
        for token, tuplet in TUPLET_TOKENS.items()
        if (not triplets_only or tuplet == TRIPLET) and lengths_in_tuplet(tuplet, unit, room, written, tuplet.r)
    )


@lru_cache(maxsize=65536)
def can_fill(rest: int, notes: int, step: int) -> bool:
    """Return whether this many single note values, multiples of `step`, can add up to `rest`."""
    if notes == 0:
        return rest == 0
    if not notes * step <= rest:
        return False
    return any(
        is_single_note_value(length) and can_fill(rest - length, notes - 1, step)
        for length in range(step, rest - (notes - 1) * step + 1, step)
    )


@lru_cache(maxsize=16384)
def next_atoms(lengths: tuple[int, ...], unit: int, prefix: int) -> tuple[frozenset[Fraction], bool]:
    """Return the atoms that may follow a prefix of a length, and whether the prefix is a complete length.

    Args:
        lengths: The allowed lengths.
        unit: The unit note length.
        prefix: The sum of the atoms so far; 0 before the first.
    """
    atoms: set[Fraction] = set()
    for length in lengths:
        total = 0
        for atom in spell_length(length, unit):
            if total == prefix:
                atoms.add(atom)
                break
            total += int(atom * unit)
    return frozenset(atoms), (prefix or unit) in lengths


def next_atom(spelling: Sequence[Fraction], unit: int, prefix: int) -> Fraction | None:
    """Return the atom of a length that follows a prefix, or None if the prefix is not its beginning.

    Args:
        spelling: The atoms of the length.
        unit: The unit note length.
        prefix: The sum of the atoms so far; 0 before the first.
    """
    total = 0
    for atom in spelling:
        if total == prefix:
            return atom
        total += int(atom * unit)
    return None
