"""The bars of a tune, with their length and the place where they begin, and the lines of music they are set on."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.theory import Meter
from seqforge_abc.tune import BarLine, Element, Ending, Note, Tune, Tuplet

BARS_PER_LINE = 4
SECTION_ENDS = ("||", "|]", ":|", "::")


@dataclass(frozen=True)
class Bar:
    """The elements between two bar lines.

    Attributes:
        elements: The elements, without bar lines and the endings right after them.
        closing: The bar lines after the elements, and the endings right after those.
        meter: The meter at the first note.
        length: The sounding length in whole notes.
        start: The position of the first note within a full bar, in whole notes; it is above 0 for an upbeat.
        breakable: Whether a line of music may end after the bar; it may not if an ending begins there.
    """

    elements: tuple[Element, ...]
    closing: tuple[BarLine | Ending, ...]
    meter: Meter
    length: Fraction
    start: Fraction
    breakable: bool

    @property
    def opens_repeat(self) -> bool:
        """Whether the last bar line opens a repeat."""
        return bool(self.closing) and self.closing[-1] == BarLine("|:")

    @property
    def ends_section(self) -> bool:
        """Whether a section ends with the bar, and a line of music should end there."""
        return self.breakable and (
            self.opens_repeat or any(isinstance(e, BarLine) and e.kind in SECTION_ENDS for e in self.closing)
        )

    @property
    def is_full(self) -> bool:
        """Whether the bar is longer than half its meter, so that it is no upbeat."""
        return 2 * self.length > self.meter.bar_length


def split_bars(tune: Tune) -> list[Bar]:
    """Return the bars of a tune.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d6|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> [(str(bar.start), str(bar.length)) for bar in split_bars(tune)]
    [('5/8', '1/8'), ('0', '3/4'), ('0', '3/4')]
    """
    groups = list(_split(tune.elements))
    bars: list[Bar] = []
    meter, section_start, tuplet_left, scale = tune.meter, True, 0, Fraction(1)
    for number, (elements, closing) in enumerate(groups):
        length = Fraction(0)
        for element in elements:
            if isinstance(element, Tuplet):
                scale, tuplet_left = Fraction(element.q, element.p), element.r
            elif isinstance(element, Meter) and not length:
                meter = element
            elif isinstance(element, Note):
                length += element.duration * scale if tuplet_left else element.duration
                tuplet_left = max(0, tuplet_left - 1)
        before_next_note = (*closing, *_before_notes(groups[number + 1 :]))
        breakable = not any(isinstance(element, Ending) for element in before_next_note)
        start = meter.bar_length - length if section_start and 0 < length < meter.bar_length else Fraction(0)
        bar = Bar(tuple(elements), tuple(closing), meter, length, start, breakable)
        bars.append(bar)
        section_start = (section_start and not length) or bar.ends_section
        meter = next((element for element in reversed(elements) if isinstance(element, Meter)), meter)
    return bars


def number_bars(bars: Sequence[Bar]) -> list[int]:
    """Return the number of each bar as printed books count: from 1, and a bar that a sign divides once.

    An upbeat at the beginning of the tune has the number 0. An upbeat of a later section, and the part of a bar after a
    repeat sign or at the beginning of a second ending, have the number of the bar before them. The bars of first and
    second endings are counted one after the other.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|d3 f3|d3 d2:|e|f3 a3|d3 d2|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> number_bars(split_bars(tune))
    [0, 1, 2, 2, 3, 4]

    Source: E. Gould, "Behind Bars", 2011, chapter "Bar numbers".

    Args:
        bars: The bars of a tune.
    """
    numbers: list[int] = []
    number, ending_divides_bar, begins_ending = 0, False, False
    for bar in bars:
        has_notes = any(isinstance(element, Note) for element in bar.elements)
        short = bar.length < bar.meter.bar_length
        completes = bar.start > 0 or (ending_divides_bar and begins_ending and short)
        number += has_notes and not completes
        numbers.append(number)
        after_notes = itertools.dropwhile(lambda element: not isinstance(element, Note), bar.elements)
        if any(isinstance(element, Ending) for element in after_notes):
            ending_divides_bar = True
        begins_ending = any(isinstance(element, Ending) for element in bar.closing)
        if bar.ends_section:
            ending_divides_bar = False
    return numbers if number else [1] * len(bars)


def misfits(bars: Sequence[Bar]) -> tuple[int, int]:
    """Return how many bars neither fill their meter nor stand at the end of a section, and the number of bars.

    The first and the last bar of a section may be shorter than the meter. Bars without a meter are not counted.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DEF|d6|DED F2A|d6|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> misfits(split_bars(tune))
    (1, 5)

    Args:
        bars: The bars of a tune.
    """
    misfit, count, section_start = 0, 0, True
    bars = [bar for bar in bars if bar.length]
    for bar in bars:
        section_end = bar is bars[-1] or any(element != BarLine("|") for element in bar.closing)
        partial = bar.length < bar.meter.bar_length and (section_start or section_end)
        if bar.meter.bar_length:
            count += 1
            misfit += bar.length != bar.meter.bar_length and not partial
        section_start = section_end
    return misfit, count


def line_breaks(bars: Sequence[Bar], widths: Sequence[int], max_width: int) -> list[int]:
    """Return the indices of the bars after which a line of music ends: about four bars per line, complete sections.

    Args:
        bars: The bars of a tune.
        widths: The width of each bar.
        max_width: The width of a line; only a line that cannot be broken is wider.
    """
    breaks: list[int] = []
    count, width = 0, 0
    for number, bar in enumerate(bars[:-1]):
        count += bar.is_full
        width += widths[number]
        following = bars[number + 1]
        next_width = widths[number + 1]
        for index in range(number + 1, len(bars) - 1):  # bars that must stay on one line with the next bar
            if bars[index].breakable:
                break
            next_width += widths[index + 1]
        line_full = count >= BARS_PER_LINE and not following.ends_section
        if bar.breakable and ((bar.ends_section and count) or line_full or (width and width + next_width > max_width)):
            breaks.append(number)
            count, width = 0, 0
    return breaks


def _split(elements: Iterable[Element]) -> Iterator[tuple[list[Element], list[BarLine | Ending]]]:
    inner: list[Element] = []
    closing: list[BarLine | Ending] = []
    for element in elements:
        if isinstance(element, BarLine) or (closing and isinstance(element, Ending)):
            closing.append(element)
            continue
        if closing:
            yield inner, closing
            inner, closing = [], []
        inner.append(element)
    if inner or closing:
        yield inner, closing


def _before_notes(groups: Sequence[tuple[list[Element], list[BarLine | Ending]]]) -> Iterator[Element]:
    """Yield the elements before the first note of these groups."""
    for elements, closing in groups:
        for element in elements:
            if isinstance(element, Note):
                return
            yield element
        yield from closing
