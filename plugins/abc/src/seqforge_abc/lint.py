"""The bar checker: it finds bars of a wrong length from the tune alone, independently of the automaton.

Every bar fills its meter, except upbeats and the bars that complete them. A section runs from one double bar or repeat
to the next. If it begins with an upbeat, then

- the last bar of a repeated section is short by its own upbeat, and so is the last bar of each of its endings;
- the last bar of a section without a repeat is short by the upbeat of the next section; the last bar of the tune is
  short by the upbeat of the tune.

abc2midi and abc2abc do not know these rules, so they are not used here.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import BarLine, Ending, Note, Tune, Tuplet

SECTION_BAR_LINES = ("||", "|]", ":|", "|:", "::")


@dataclass
class _Section:
    """The bars up to a double bar or repeat.

    Attributes:
        bars: Number, length and meter of each bar that has notes.
        ending_ends: The indices of the bars that end an ending.
        repeated: Whether a repeat sign closes the section.
        before_repeat: Whether `|:` follows the section, and the section is no ending.
        upbeat_before_sign: Whether the upbeat stands before the `|:` of the section.
    """

    bars: list[tuple[int, Fraction, Meter]] = field(default_factory=list)
    ending_ends: set[int] = field(default_factory=set)
    repeated: bool = False
    before_repeat: bool = False
    upbeat_before_sign: bool = False

    @property
    def upbeat(self) -> Fraction:
        """The length of the first bar if it is short, otherwise 0."""
        if len(self.bars) < 2:
            return Fraction(0)
        _, length, meter = self.bars[0]
        return length if length < meter.bar_length else Fraction(0)


def violations(tune: Tune) -> list[str]:
    """Return one sentence per bar of a wrong length; bars are counted from 1.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> violations(parse_music("DED F2A|d3 d2|e6|]", key=parse_key("D"), meter=parse_meter("6/8")))
    ['bar 2 lasts 5/8 of a whole note, not 3/4']
    """
    if not tune.meter.bar_length:
        return []
    sections, messages = _sections(tune)
    if not sections:
        return ["there are no notes"]
    tune_upbeat = sections[0].upbeat
    for number, section in enumerate(sections):
        next_upbeat = sections[number + 1].upbeat if number + 1 < len(sections) else tune_upbeat
        for index, (bar, length, meter) in enumerate(section.bars):
            allowed = {meter.bar_length}
            if index == 0 and len(section.bars) > 1 and length < meter.bar_length:
                continue  # an upbeat; the bar that completes it is checked below
            if index in section.ending_ends or index == len(section.bars) - 1:
                allowed = {meter.bar_length - (section.upbeat if section.repeated else next_upbeat)}
                if section.repeated and section.upbeat_before_sign:
                    allowed |= {meter.bar_length, meter.bar_length - next_upbeat}
                if not section.repeated and number + 1 < len(sections) and not next_upbeat:
                    allowed = {meter.bar_length, meter.bar_length - section.upbeat}
            if length not in allowed:
                lengths = " or ".join(map(str, sorted(allowed)))
                messages.append(f"bar {bar} lasts {length} of a whole note, not {lengths}")
    return messages


def _sections(tune: Tune) -> tuple[list[_Section], list[str]]:
    """Return the sections that have notes, and the violations of ties and tuplets."""
    sections, messages = [_Section()], []
    meter, length, scale, tuplet_left, number = tune.meter, Fraction(0), Fraction(1), 0, 1
    tied_pitches: set[int] = set()
    ending = False
    for element in tune.elements:
        if isinstance(element, Meter):
            meter = element
        elif isinstance(element, Tuplet):
            scale, tuplet_left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length += element.duration * (scale if tuplet_left else 1)
            tuplet_left = max(0, tuplet_left - 1)
            pitches = {pitch.midi for pitch in element.pitches}
            if tied_pitches and not tied_pitches <= pitches:
                messages.append(f"bar {number}: a tie leads to another pitch")
            tied_pitches = pitches if element.tied else set()
        elif isinstance(element, Ending):
            ending = not sections[-1].bars
            if sections[-1].bars and element.number[0] != "1":
                sections[-1].ending_ends.add(len(sections[-1].bars) - 1)
        elif isinstance(element, BarLine):
            if tuplet_left:
                messages.append(f"bar {number}: a tuplet continues over the bar line")
                tuplet_left = 0
            if length:
                sections[-1].bars.append((number, length, meter))
                number += 1
                length = Fraction(0)
            if element.kind in SECTION_BAR_LINES and sections[-1].bars:
                sections[-1].repeated |= element.kind in (":|", "::")
                sections[-1].before_repeat = element.kind == "|:" and not ending
                sections.append(_Section())
                ending = False
        else:
            assert isinstance(element, Key)
    if length:
        sections[-1].bars.append((number, length, meter))
    if tied_pitches:
        messages.append("the last note is tied to nothing")
    return _with_upbeats([section for section in sections if section.bars]), messages


def _with_upbeats(sections: list[_Section]) -> list[_Section]:
    """Return sections in which an upbeat before the sign of a repeat belongs to the repeat."""
    result: list[_Section] = []
    upbeat: _Section | None = None
    for number, section in enumerate(sections):
        if upbeat is not None:
            ending_ends = {index + 1 for index in section.ending_ends}
            section = _Section(upbeat.bars + section.bars, ending_ends, section.repeated, upbeat_before_sign=True)
            upbeat = None
        only_upbeat = len(section.bars) == 1 and section.bars[0][1] < section.bars[0][2].bar_length
        if only_upbeat and section.before_repeat and number + 1 < len(sections):
            upbeat = section
        else:
            result.append(section)
    return result
