"""Tuplets from sounding durations: consecutive notes of one ratio are grouped until they fill an even length."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from seqforge_abc.theory import Pitch
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


def with_tuplets_and_ties(
    elements: Sequence[Element], ratios: Mapping[int, tuple[int, int]], ties: Iterable[int]
) -> tuple[list[Element], dict[int, set[Pitch]]]:
    """Return the elements of `with_tuplets`, and the pitches of each note among them that is tied to the next note.

    >>> third = Note((), Fraction(1, 12))
    >>> with_tuplets_and_ties([third, third, third], {0: (3, 2), 1: (3, 2), 2: (3, 2)}, [1])[1]
    {2: set()}

    Args:
        elements: The elements; the durations of notes are sounding ones.
        ratios: For the index of a note in a tuplet, p and q: p notes are played in the time of q.
        ties: The indices in `elements` of the notes that are tied.
    """
    written = with_tuplets(elements, ratios)
    before = [index for index, element in enumerate(elements) if isinstance(element, Note)]
    after = [index for index, element in enumerate(written) if isinstance(element, Note)]
    places, tied = dict(zip(before, after, strict=True)), dict[int, set[Pitch]]()
    for index in ties:
        note = elements[index]
        assert isinstance(note, Note)
        tied[places[index]] = set(note.pitches)
    return written, tied
