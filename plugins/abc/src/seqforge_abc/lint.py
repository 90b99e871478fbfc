"""What is wrong with the bars of a tune: counted from the tune alone, knowing nothing of how it was made.

Every bar fills its meter, but for upbeats and the bars that complete them. A section runs from one double bar or
repeat to the next. It may begin with an upbeat, and then

- where it is repeated, its last bar is short by its own upbeat; so is the last bar of every ending;
- where it is not, its last bar is short by the upbeat of what follows; the tune's last bar by the tune's upbeat.

So abc2midi and abc2abc, which know no complements, are not asked.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import Bar, Ending, Note, Tune, Tuplet

DOUBLE = ("||", "|]", ":|", "|:", "::")


@dataclass
class _Section:
    """Bars up to a double bar or repeat.

    Attributes:
        bars: number, length and meter of each that has notes.
        last: which of them end an ending.
        repeated: whether a repeat sign closes it.
        leads: whether a sign to repeat from follows it, and it is no ending.
        behind: whether its upbeat stands before the sign that it is repeated from.
    """

    bars: list[tuple[int, Fraction, Meter]] = field(default_factory=list)
    last: set[int] = field(default_factory=set)
    repeated: bool = False
    leads: bool = False
    behind: bool = False

    @property
    def upbeat(self) -> Fraction:
        """What its first bar has where that is short, 0 where it is full."""
        if len(self.bars) < 2:
            return Fraction(0)
        _, length, meter = self.bars[0]
        return length if length < meter.bar else Fraction(0)


def findings(tune: Tune) -> list[str]:
    """Return what is wrong with a tune's bars, "bar 3 lasts 7/8 of a whole note, not 1" for each; bars count from 1."""
    if not tune.meter.bar:
        return []
    sections, found = _sections(tune)
    if not sections:
        return ["there are no notes"]
    first = sections[0].upbeat
    for number, section in enumerate(sections):
        following = sections[number + 1].upbeat if number + 1 < len(sections) else first
        for place, (bar, length, meter) in enumerate(section.bars):
            allowed = {meter.bar}
            if place == 0 and len(section.bars) > 1 and length < meter.bar:
                continue  # an upbeat; what completes it is looked at below
            if place in section.last or place == len(section.bars) - 1:
                allowed = {meter.bar - (section.upbeat if section.repeated else following)}
                if section.repeated and section.behind:
                    allowed |= {meter.bar, meter.bar - following}
                if not section.repeated and number + 1 < len(sections) and not following:
                    allowed = {meter.bar, meter.bar - section.upbeat}
            if length not in allowed:
                wanted = " or ".join(str(each) for each in sorted(allowed))
                found.append(f"bar {bar} lasts {length} of a whole note, not {wanted}")
    return found


def _sections(tune: Tune) -> tuple[list[_Section], list[str]]:
    """Return the sections that have notes, and what is wrong with ties and tuplets on the way."""
    sections, found = [_Section()], []
    meter, length, scale, left, number = tune.meter, Fraction(0), Fraction(1), 0, 1
    tie: set[int] = set()
    ending = False
    for element in tune.music:
        if isinstance(element, Meter):
            meter = element
        elif isinstance(element, Tuplet):
            scale, left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length += element.duration * (scale if left else 1)
            left = max(0, left - 1)
            heights = {pitch.midi for pitch in element.pitches}
            if tie and not tie <= heights:
                found.append(f"bar {number}: a tie leads to another pitch")
            tie = heights if element.tied else set()
        elif isinstance(element, Ending):
            ending = not sections[-1].bars
            if sections[-1].bars and element.number[0] != "1":
                sections[-1].last.add(len(sections[-1].bars) - 1)
        elif isinstance(element, Bar):
            if left:
                found.append(f"bar {number}: a tuplet goes on over the bar line")
                left = 0
            if length:
                sections[-1].bars.append((number, length, meter))
                number += 1
                length = Fraction(0)
            if element.kind in DOUBLE and sections[-1].bars:
                sections[-1].repeated |= element.kind in (":|", "::")
                sections[-1].leads = element.kind == "|:" and not ending
                sections.append(_Section())
                ending = False
        else:
            assert isinstance(element, Key)
    if length:
        sections[-1].bars.append((number, length, meter))
    if tie:
        found.append("the last note is tied to nothing")
    return _merged([section for section in sections if section.bars]), found


def _merged(sections: list[_Section]) -> list[_Section]:
    """Return sections in which an upbeat alone, before the sign of a repeat, belongs to what it leads to."""
    found: list[_Section] = []
    before: _Section | None = None
    for number, section in enumerate(sections):
        if before is not None:
            last = {place + 1 for place in section.last}
            section = _Section(before.bars + section.bars, last, section.repeated, behind=True)
            before = None
        alone = len(section.bars) == 1 and section.bars[0][1] < section.bars[0][2].bar and section.leads
        if alone and number + 1 < len(sections):
            before = section
        else:
            found.append(section)
    return found
