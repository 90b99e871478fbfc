"""Tuplets from sounding durations: consecutive notes of one ratio are grouped until they fill an even length."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from seqforge_abc.tune import BarLine, Element, Note, Tuplet


def with_tuplets(elements: Sequence[Element], ratios: Mapping[int, tuple[int, int]]) -> list[Element]:
    """Return elements in which notes of tuplets have their written durations and a tuplet stands before each group.

    A group ends as soon as its sounding length is a multiple of a power of two of a whole note, and at a bar line.

    >>> third = Note((), Fraction(1, 12))
    >>> tuplet, note, *_ = with_tuplets([third, third, third], {0: (3, 2), 1: (3, 2), 2: (3, 2)})
    >>> tuplet, note.duration
    (Tuplet(p=3, q=2, r=3), Fraction(1, 8))

    Args:
        elements: The elements; the durations of notes are sounding ones.
        ratios: For the index of a note in a tuplet, p and q: p notes are played in the time of q.
    """
    result: list[Element] = []
    group: list[Note] = []
    ratio, length = (1, 1), Fraction(0)

    def flush() -> None:
        nonlocal length
        if group:
            result.append(Tuplet(*ratio, len(group)))
            result.extend(replace(note, duration=note.duration * Fraction(*ratio)) for note in group)
        group.clear()
        length = Fraction(0)

    for index, element in enumerate(elements):
        if isinstance(element, Note) and index in ratios:
            if ratios[index] != ratio:
                flush()
            ratio = ratios[index]
            group.append(element)
            length += element.duration
            if length.denominator & (length.denominator - 1) == 0:
                flush()
            continue
        if isinstance(element, Note | BarLine):
            flush()
        result.append(element)
    flush()
    return result
