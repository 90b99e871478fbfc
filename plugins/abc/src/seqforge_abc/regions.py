"""The regions of a tune that can be rewritten: the music of a bar, or of a part of a bar that a sign divides."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.bars import Bar, number_bars, split_bars
from seqforge_abc.theory import Key, Meter
from seqforge_abc.tokens import LENGTH_GRID
from seqforge_abc.tune import BarLine, Element, Ending, Note, Tune, Tuplet

__all__ = ["Region", "find_regions", "replace_regions", "with_second_part", "without_torn_slurs"]


@dataclass(frozen=True)
class Region:
    """Consecutive notes and tuplets of one bar.

    Attributes:
        begin: The index of the first element.
        end: The index after the last element.
        bar: The number of the bar, as it is engraved.
        length: The length of the music that may replace it, in whole notes: that of the region, or the meter where a
            bar is too short or too long.
        upbeat: Whether it is an upbeat, or the second part of a bar that a sign divides.
        rewritable: Whether other music can replace it: no tuplet leads into it or out of it.
    """

    begin: int
    end: int
    bar: int
    length: Fraction
    upbeat: bool
    rewritable: bool


def find_regions(tune: Tune) -> list[Region]:
    """Return the regions of a tune in order.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d3 d2|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> [(region.bar, str(region.length)) for region in find_regions(tune)]
    [(0, '1/8'), (1, '3/4'), (2, '5/8')]
    """
    regions: list[Region] = []
    bars = split_bars(tune)
    position, scale, tuplet_left = 0, Fraction(1), 0
    previous = 0
    for index, (bar, number) in enumerate(zip(bars, number_bars(bars), strict=True)):
        runs = [
            list(run)
            for is_music, run in itertools.groupby(enumerate(bar.elements, position), key=_is_music)
            if is_music
        ]
        for run in runs:
            length, complete = Fraction(0), not tuplet_left
            for _, element in run:
                if isinstance(element, Tuplet):
                    scale, tuplet_left = Fraction(element.q, element.p), element.r
                elif isinstance(element, Note):
                    length += element.duration * (scale if tuplet_left else 1)
                    tuplet_left = max(0, tuplet_left - 1)
            if len(runs) == 1 and not _may_be_short(bar, is_last=index == len(bars) - 1):
                length = bar.meter.bar_length or length
            length = min(length, bar.meter.bar_length) if bar.meter.bar_length else length
            rewritable = complete and not tuplet_left and length > 0 and length % LENGTH_GRID == 0
            regions.append(
                Region(run[0][0], run[-1][0] + 1, number, length, bar.start > 0 or number == previous, rewritable)
            )
        previous = number if runs else previous
        position += len(bar.elements) + len(bar.closing)
    return regions


def _is_music(item: tuple[int, Element]) -> bool:
    return isinstance(item[1], Note | Tuplet)


def _may_be_short(bar: Bar, *, is_last: bool) -> bool:
    """Return whether a bar may be shorter than its meter: an upbeat, or a bar that ends with another sign than `|`."""
    return bar.start > 0 or is_last or bar.closing != (BarLine("|"),)


def replace_regions(tune: Tune, music: Iterable[tuple[Region, Sequence[Element]]]) -> Tune:
    """Return a tune with other music in some regions; everything else stays as it is.

    Args:
        tune: The tune.
        music: Each region to replace, in order, with its new elements.
    """
    elements: list[Element] = []
    position = 0
    for region, replacement in music:
        elements += [*tune.elements[position : region.begin], *replacement]
        position = region.end
    return dataclasses.replace(tune, elements=(*elements, *tune.elements[position:]))


def without_torn_slurs(tune: Tune, regions: Iterable[Region]) -> Tune:
    """Return a tune without the slurs that lead into some regions or out of them.

    Args:
        tune: The tune.
        regions: The regions whose music will be replaced.
    """
    elements, replaced = list(tune.elements), {i for region in regions for i in range(region.begin, region.end)}
    open_slurs: list[int] = []
    for index, element in enumerate(tune.elements):
        if not isinstance(element, Note):
            continue
        for _ in range(min(element.slur_ends, len(open_slurs))):
            begin = open_slurs.pop()
            if (begin in replaced) != (index in replaced):
                elements[begin] = _with_slurs(elements[begin], -1, 0)
                elements[index] = _with_slurs(elements[index], 0, -1)
        open_slurs += [index] * element.slur_starts
    return dataclasses.replace(tune, elements=tuple(elements))


def _with_slurs(element: Element, starts: int, ends: int) -> Element:
    """Return a note on which more slurs begin and end."""
    assert isinstance(element, Note)
    return dataclasses.replace(element, slur_starts=element.slur_starts + starts, slur_ends=element.slur_ends + ends)


def with_second_part(tune: Tune) -> tuple[Tune, int]:
    """Return the first part of a tune with a second part of rests: as many bars, with the same repeats and endings.

    The upbeat of the second part and the last bar of the first part add up to a bar, and so do the last bar of the
    second part and the upbeat that it is repeated with, or the upbeat of the tune. The key and the meter of the second
    part are those at the beginning of the tune.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> from seqforge_abc.writer import tune_to_abc
    >>> tune = parse_music("|:A|DED F2A|d3 d2:|", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> print(*tune_to_abc(with_second_part(tune)[0]).splitlines()[-2:], sep=chr(10))
    |:A|DED F2A|d3 d2:|
    |:z|z6|z5:|

    Returns:
        The tune, and the index of the first element of the second part.
    """
    bars = split_bars(tune)
    numbers = number_bars(bars)
    last = next((i for i, bar in enumerate(bars) if bar.ends_section and numbers[i]), len(bars) - 1)
    part = bars[: last + 1]
    kinds = [element.kind for element in part[-1].closing if isinstance(element, BarLine)]
    repeated = ":|" in kinds or "::" in kinds
    first_elements = [element for bar in part[:-1] for element in (*bar.elements, *bar.closing)]
    first_elements += [*part[-1].elements, BarLine(":|" if repeated else "||")]

    second = [bar for bar in part if bar.length]
    end, full = second[-1].length, second[-1].meter.bar_length
    completes_bar = last > 0 and numbers[last] == numbers[last - 1]  # in an ending that begins within a bar
    upbeat = Fraction(0) if completes_bar else max(full - end, Fraction(0))
    first_upbeat, before_sign = Fraction(0), False
    if second[0].start and len(second) > 1:
        first_upbeat, before_sign = second[0].length, second[0].opens_repeat
        del second[0]
    end_of_tune = end if repeated or completes_bar or not full else full - first_upbeat
    elements: list[Element] = []
    changes = [e for bar in part for e in bar.elements if isinstance(e, Meter)]
    if changes and changes[-1] != tune.meter:
        elements.append(tune.meter)
    keys = [e for bar in part for e in bar.elements if isinstance(e, Key)]
    if keys and keys[-1] != tune.key:
        elements.append(tune.key)
    opens_repeat = repeated or any(BarLine(":|") in bar.closing for bar in second)
    if upbeat and opens_repeat and before_sign:
        elements += [Note((), upbeat), BarLine("|:")]
    else:
        elements += [BarLine("|:")] if opens_repeat else []
        elements += [Note((), upbeat), BarLine("|")] if upbeat else []
    for bar in second[:-1]:
        missing = bar.length - bar.meter.bar_length + upbeat if full and BarLine(":|") in bar.closing else Fraction(0)
        elements += [*_rests(bar, missing), *bar.closing]
    elements += [*_rests(second[-1], end - end_of_tune), BarLine(":|" if repeated else "|]")]
    return dataclasses.replace(tune, elements=(*first_elements, *elements)), len(first_elements)


def _rests(bar: Bar, missing: Fraction = Fraction(0)) -> list[Element]:
    """Return the endings and meters of a bar, with a rest in place of its notes before, between and after them.

    Args:
        bar: The bar.
        missing: The length by which the last rest is shorter than the notes, in whole notes; below 0 if it is longer.
    """
    elements: list[Element] = []
    scale, tuplet_left = Fraction(1), 0
    for element in bar.elements:
        if isinstance(element, Tuplet):
            scale, tuplet_left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length = element.duration * (scale if tuplet_left else 1)
            tuplet_left = max(0, tuplet_left - 1)
            previous = elements[-1] if elements else None
            if isinstance(previous, Note):
                elements[-1] = Note((), previous.duration + length)
            else:
                elements.append(Note((), length))
        elif isinstance(element, Ending | Meter):
            elements.append(element)
    last = elements[-1]
    if isinstance(last, Note) and last.duration > missing:
        elements[-1] = Note((), last.duration - missing)
    return elements
