"""What stands between bar lines: how long it is, where in its bar it begins, where lines of music may end."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.theory import Meter
from seqforge_abc.tune import Bar, Ending, Music, Note, Tune, Tuplet

BARS_A_LINE = 4
SECTION_ENDS = ("||", "|]", ":|", "::")


@dataclass(frozen=True)
class Run:
    """What stands between bar lines.

    Attributes:
        music: its elements, bar lines and the endings right after them excepted.
        lines: the bar lines after it, and the endings right after those.
        meter: at its first note.
        length: in whole notes, as it sounds.
        start: where in its bar it begins, in whole notes: an upbeat begins late.
        breaks: whether a line of music may end after it (no ending begins there).
    """

    music: tuple[Music, ...]
    lines: tuple[Bar | Ending, ...]
    meter: Meter
    length: Fraction
    start: Fraction
    breaks: bool

    @property
    def opens(self) -> bool:
        """Whether its last bar line is a repeat that opens the next run."""
        return bool(self.lines) and self.lines[-1] == Bar("|:")

    @property
    def closes(self) -> bool:
        """Whether a section ends with it, and a line of music should."""
        return self.breaks and (
            self.opens or any(isinstance(line, Bar) and line.kind in SECTION_ENDS for line in self.lines)
        )

    @property
    def counts(self) -> bool:
        """Whether it is more than an upbeat."""
        return 2 * self.length > self.meter.bar


def runs(tune: Tune) -> list[Run]:
    """Return a tune cut at its bar lines."""
    cut = list(_cut(tune.music))
    found: list[Run] = []
    meter, opening, left, scale = tune.meter, True, 0, Fraction(1)
    for number, (music, lines) in enumerate(cut):
        length = Fraction(0)
        for element in music:
            if isinstance(element, Tuplet):
                scale, left = Fraction(element.q, element.p), element.r
            elif isinstance(element, Meter) and not length:
                meter = element
            elif isinstance(element, Note):
                length += element.duration * (scale if left else 1)
                left = max(0, left - 1)
        begun = (*lines, *_before_notes(cut[number + 1 :]))
        breaks = not any(isinstance(element, Ending) for element in begun)
        start = meter.bar - length if opening and 0 < length < meter.bar else Fraction(0)
        run = Run(tuple(music), tuple(lines), meter, length, start, breaks)
        found.append(run)
        opening = (opening and not length) or run.closes
        meter = next((element for element in reversed(music) if isinstance(element, Meter)), meter)
    return found


def ends_of_lines(cut: Sequence[Run], widths: Sequence[int], widest: int) -> list[int]:
    """Return the numbers of the runs after which a line of music ends: four bars or so, whole sections.

    Args:
        cut: the runs of a tune.
        widths: how much room each takes.
        widest: the room on a line, which a line exceeds only where nothing else can be done.
    """
    ends: list[int] = []
    counted, width = 0, 0
    for number, run in enumerate(cut[:-1]):
        counted += run.counts
        width += widths[number]
        after = cut[number + 1]
        ahead = widths[number + 1]
        for skipped in range(number + 1, len(cut) - 1):  # what cannot be parted from the next run
            if cut[skipped].breaks:
                break
            ahead += widths[skipped + 1]
        full = counted >= BARS_A_LINE and not after.closes
        if run.breaks and ((run.closes and counted) or full or (width and width + ahead > widest)):
            ends.append(number)
            counted, width = 0, 0
    return ends


def _cut(music: Iterable[Music]) -> Iterator[tuple[list[Music], list[Bar | Ending]]]:
    run: list[Music] = []
    lines: list[Bar | Ending] = []
    for element in music:
        if isinstance(element, Bar) or (lines and isinstance(element, Ending)):
            lines.append(element)
            continue
        if lines:
            yield run, lines
            run, lines = [], []
        run.append(element)
    if run or lines:
        yield run, lines


def _before_notes(cut: Sequence[tuple[list[Music], list[Bar | Ending]]]) -> Iterator[Music]:
    """Yield what stands before the first note of these runs."""
    for run, lines in cut:
        for element in run:
            if isinstance(element, Note):
                return
            yield element
        yield from lines
