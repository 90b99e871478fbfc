"""Bar lines that a file omits at the ends of its lines of music, as the ABC of the Essen collection does.

Where a line ends, the music since the last bar line fills a bar exactly, and the next line begins with a note, the end
of the line is a bar line. A backslash at the end of the line continues the bar. The pitches are not changed: for
programs, an accidental holds up to the next bar line that is written.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from seqforge_abc.theory import Key, Meter, Pitch
from seqforge_abc.tune import BarLine, Element, Note, Tuplet


def omitted_bar_lines(elements: Sequence[Element], meter: Meter, line_starts: Iterable[int]) -> list[int]:
    """Return the indices of the elements before which a bar line is omitted.

    >>> from seqforge_abc.theory import parse_meter
    >>> quarter = Note((), Fraction(1, 4))
    >>> omitted_bar_lines([quarter] * 5, parse_meter("2/4"), [2, 3])
    [2]

    Args:
        elements: The elements of a voice, in the order in which they were read.
        meter: The meter at the beginning.
        line_starts: The indices in `elements` at which lines of music begin.
    """
    starts, indices = {start for start in line_starts if not _after_bar_line(elements, start)}, list[int]()
    if not starts:
        return indices
    length, scale, left, after_note = Fraction(0), Fraction(1), 0, 0
    line_ended, next_meter = False, meter
    for index, element in enumerate(elements):
        line_ended |= index in starts
        if isinstance(element, Note | Tuplet):
            if line_ended and not left and 0 < length == meter.bar_length:
                indices.append(after_note)
                length = Fraction(0)
            line_ended = False
            meter = meter if length else next_meter
        if isinstance(element, Tuplet):
            scale, left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length += element.duration * scale if left else element.duration
            left, after_note = max(0, left - 1), index + 1
        elif isinstance(element, Meter):
            next_meter = element
        elif not isinstance(element, Key):  # a bar line or an ending
            length = Fraction(0) if isinstance(element, BarLine) else length
            line_ended = False
    return indices


def _after_bar_line(elements: Sequence[Element], start: int) -> bool:
    """Return whether a line begins the music, ends it, or follows a bar line."""
    return not 0 < start < len(elements) or isinstance(elements[start - 1], BarLine)


def with_bar_lines(
    elements: Sequence[Element], ties: Mapping[int, set[Pitch]], indices: Sequence[int]
) -> tuple[list[Element], dict[int, set[Pitch]]]:
    """Return elements and ties with a bar line before the elements at some indices.

    Args:
        elements: The elements of a voice.
        ties: For the index of a note, the pitches that are tied to the next note.
        indices: The indices of `omitted_bar_lines`, in ascending order.
    """
    result, places = list[Element](), list[int]()
    before = set(indices)
    for index, element in enumerate(elements):
        if index in before:
            result.append(BarLine("|"))
        places.append(len(result))
        result.append(element)
    return result, {places[index]: pitches for index, pitches in ties.items()}
