"""Lengths as the automaton counts them: whole numbers of 128ths, and the tokens that spell them."""

from fractions import Fraction
from functools import lru_cache

from seqforge_abc.tokens import ATOMS, GRID, atoms
from seqforge_abc.tune import Tuplet

LONGEST_FREE = 512
"""What a bar may hold where there is no meter."""


@lru_cache(maxsize=4096)
def spelled(length: int, unit: int) -> tuple[Fraction, ...]:
    """Return the atoms, from the longest down, that spell a length; none for the unit itself."""
    return tuple(atoms(Fraction(length, unit)))


@lru_cache(maxsize=4096)
def plain(room: int) -> tuple[int, ...]:
    """Return the lengths that a note may have where so much room is left in the bar."""
    step = 1 if room % 2 else 2
    return tuple(length for length in range(step, room + 1, step) if engravable(length))


def engravable(length: int) -> bool:
    """Return whether one note sign, with at most two dots, has this length in 128ths."""
    return length // (length & -length) in (1, 3, 7)


@lru_cache(maxsize=4096)
def in_tuplet(tuplet: Tuplet, unit: int, room: int, written: int, left: int) -> tuple[int, ...]:
    """Return the lengths that the next note of a tuplet may have.

    A tuplet's written notes add up to p times a quarter, a half, one or two units, so that it sounds for a
    length on the grid.

    Args:
        tuplet: which.
        unit: in 128ths.
        room: left in the bar at the tuplet's start.
        written: what its notes have added up to.
        left: notes to come, this one counted.
    """
    grain = max(1, unit // 4)
    found: set[int] = set()
    for base in {unit // 4, unit // 2, unit, 2 * unit} - {0}:
        rest = tuplet.p * base - written
        if tuplet.q * base <= room and rest > 0 and rest % grain == 0:
            every = range(grain, rest + 1, grain)
            found.update(length for length in every if engravable(length) and divides(rest - length, left - 1, grain))
    return tuple(sorted(found))


@lru_cache(maxsize=65536)
def divides(rest: int, notes: int, grain: int) -> bool:
    """Return whether so many notes, each an engravable multiple of `grain`, can add up to `rest`."""
    if notes == 0:
        return rest == 0
    if not notes * grain <= rest:
        return False
    return any(
        engravable(length) and divides(rest - length, notes - 1, grain)
        for length in range(grain, rest - (notes - 1) * grain + 1, grain)
    )


@lru_cache(maxsize=16384)
def going_on(lengths: tuple[int, ...], unit: int, begun: int) -> tuple[frozenset[Fraction], bool]:
    """Return the atoms that may follow those that add up to `begun`, and whether that is a whole length already."""
    found: set[Fraction] = set()
    for length in lengths:
        parts, total = spelled(length, unit), 0
        for part in parts:
            if total == begun:
                found.add(part)
                break
            total += int(part * unit)
    return frozenset(found), (begun or unit) in lengths


def in_grid(length: Fraction) -> int:
    """Return a length in 128ths."""
    return int(length / GRID)


__all__ = ["ATOMS", "LONGEST_FREE", "going_on", "in_grid", "in_tuplet", "plain", "spelled"]
