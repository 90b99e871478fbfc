"""Tuplets in normal form: complete, of at most nine notes where possible, and in place of lengths such as 2/3."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm

from seqforge_abc.tune import Element, Note, Tuplet

MAX_DIVIDED = 9
"""A tuplet of more notes is divided into equal ones if its ratio allows it: 10:8 into two of 5:4."""
_TIMES = {3: 2, 5: 4, 7: 4, 9: 8}
"""The number of notes in whose time a group of so many notes is played, for groups that lengths such as 2/3 make."""


def complete_tuplets(elements: Sequence[Element], losses: Counter[str], *, open_end: bool = False) -> list[Element]:
    """Shorten tuplets that another tuplet, or the end of the tune, cuts off.

    Args:
        elements: The elements of a tune.
        losses: The counter of what is lost; it is updated.
        open_end: Whether more music follows the elements, so that the last tuplet may be incomplete.
    """
    result = list(elements)
    tuplet_index, notes_left = -1, 0
    for index, element in enumerate(result if open_end else [*result, Tuplet(1, 1, 0)]):
        if isinstance(element, Note):
            notes_left = max(0, notes_left - 1)
        elif isinstance(element, Tuplet):
            if notes_left:
                tuplet = result[tuplet_index]
                assert isinstance(tuplet, Tuplet)
                result[tuplet_index] = replace(tuplet, r=tuplet.r - notes_left)
                losses["missing notes of tuplets"] += notes_left
            tuplet_index, notes_left = index, element.r
    return result


def divide_tuplets(elements: Sequence[Element]) -> list[Element]:
    """Return elements with each tuplet of ten notes or more divided into equal tuplets, if its ratio allows it.

    >>> notes = [Note((), Fraction(1, 8))] * 10
    >>> [str(element.p) for element in divide_tuplets([Tuplet(10, 8, 10), *notes]) if isinstance(element, Tuplet)]
    ['5', '5']
    """
    result: list[Element] = []
    part, notes_left, position = Tuplet(1, 1, 1), 0, 0
    for element in elements:
        if isinstance(element, Tuplet):
            divisor = gcd(element.p, element.q)
            part = Tuplet(element.p // divisor, element.q // divisor, element.p // divisor)
            if element.p > MAX_DIVIDED and element.r % part.p == 0:
                notes_left, position = element.r, 0
                continue
            notes_left = 0
        elif isinstance(element, Note) and notes_left:
            if position % part.p == 0:
                result.append(part)
            notes_left, position = notes_left - 1, position + 1
        result.append(element)
    return result


def group_irregular_lengths(elements: Sequence[Element]) -> list[Element]:
    """Return elements with notes of lengths such as 2/3 of a unit written as tuplets.

    A group begins with such a note and ends where its sum is again a multiple of a binary fraction; a group that a bar
    line or a tuplet interrupts stays as it is.

    >>> notes = [Note((), Fraction(1, 12)), Note((), Fraction(1, 6))]
    >>> [str(element.duration) for element in group_irregular_lengths(notes) if isinstance(element, Note)]
    ['1/8', '1/4']
    """
    result: list[Element] = []
    group: list[Note] = []
    tuplet_left = 0
    for element in elements:
        if not isinstance(element, Note) or tuplet_left:
            result += group
            group = []
            tuplet_left = element.r if isinstance(element, Tuplet) else max(0, tuplet_left - isinstance(element, Note))
            result.append(element)
            continue
        if not group and _odd_part(element.duration) == 1:
            result.append(element)
            continue
        group.append(element)
        if _odd_part(sum((note.duration for note in group), Fraction(0))) == 1:
            result += _as_tuplet(group)
            group = []
    return result + group


def _odd_part(length: Fraction) -> int:
    """Return the greatest odd divisor of the denominator of a length."""
    denominator = length.denominator
    return denominator // (denominator & -denominator)


def _as_tuplet(group: list[Note]) -> list[Element]:
    p = lcm(*(_odd_part(note.duration) for note in group))
    q = _TIMES.get(p)
    if q is None:
        return list(group)
    return [Tuplet(p, q, len(group)), *(replace(note, duration=note.duration * p / q) for note in group)]
