"""What is right in a tune as people read it, and read in more than one way by programs: told from the tune alone.

The automaton writes nothing of this. A tune without findings (`lint`) and without disputes is one that programs
agree about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.theory import NO_KEY, NO_METER, Key, Meter
from seqforge_abc.tokens import USUAL_KINDS
from seqforge_abc.tune import DECORATIONS, UNWRITTEN, Bar, Ending, Music, Note, Tune, Tuplet, unit_of

ROLLS = {"roll", "trill"}
MOST = 4
"""Grace notes before a note, and pitches in a chord."""
QUARTER = Fraction(1, 4)
UNOPENED = "no |: opens a section that is repeated, and abc2midi goes back to the tune's start, or not at all"


def disputed(tune: Tune) -> list[str]:
    """Return what programs disagree about in a tune, a sentence for each kind of it, with the bar where it first is."""
    told: dict[str, int] = {}
    for bar, what in _everything(tune):
        told.setdefault(what, bar)
    return [f"bar {bar}: {what}" if bar else what for what, bar in told.items()]


def _everything(tune: Tune) -> Iterator[tuple[int, str]]:
    hornpipe = "hornpipe" in tune.rhythm
    if tune.meter == NO_METER:
        yield 0, "without a meter nothing says how long its bars are"
    elif hornpipe and str(tune.meter) not in ("2/4", "4/4"):
        yield 0, "abc2midi takes hornpipes in 2/4 and 4/4 alone"
    if tune.key == NO_KEY:
        yield 0, "it has no key"
    unit = unit_of(tune)
    if not Fraction(1, 32) <= unit <= QUARTER:
        yield 0, f"most of its notes last {unit} of a whole note"
    yield from _Notes(tune, unit, hornpipe).found()
    if tune.meter != NO_METER:
        yield from _Sections(tune).found()


# -- notes -------------------------------------------------------------------------------------------------------


@dataclass
class _Notes:
    """What is disputed in notes, one by one, and between a note and the next."""

    tune: Tune
    unit: Fraction
    hornpipe: bool

    def found(self) -> Iterator[tuple[int, str]]:
        bar, left, over, tied = 1, 0, False, False
        tuplet = Tuplet(1, 1, 0)
        for place, element in enumerate(self.tune.music):
            if isinstance(element, Bar):
                bar += 1
            elif tied and not isinstance(element, Note):
                yield bar, "a tie leads over more than a bar line"
            if isinstance(element, Tuplet):
                tuplet, left = element, element.r
                for what in self._tuplet(element, self.tune.music[place + 1 :]):
                    yield bar, what
            elif isinstance(element, Note):
                for what in self._note(element, tuplet if left else None):
                    yield bar, what
                if tied and (element.decorations or element.graces or element.chord or len(element.pitches) > 1):
                    yield bar, "a tie leads to a note with other signs, or to a chord"
                mere = len(element.pitches) == 1 and not element.graces
                if self.hornpipe and (left or over) and not mere:
                    yield bar, "abc2midi dots a hornpipe across the end of a triplet but for mere notes"
                over, left, tied = left == 1, max(0, left - 1), element.tied

    def _tuplet(self, tuplet: Tuplet, music: tuple[Music, ...]) -> Iterator[str]:
        if self.hornpipe and (tuplet.p, tuplet.q, tuplet.r) != (3, 2, 3):
            yield "abc2midi dots the tuplets of hornpipes but for triplets"
        notes = [element.duration for element in music if isinstance(element, Note)][: tuplet.r]
        parts = sum(notes, Fraction(0)) / self.unit / tuplet.p
        even = all((4 * note / self.unit).denominator == 1 for note in notes)
        if not even or parts not in (QUARTER, Fraction(1, 2), Fraction(1), Fraction(2)):
            yield "the notes of a tuplet are uneven in a way that programs round"

    def _note(self, note: Note, tuplet: Tuplet | None) -> Iterator[str]:
        for name in note.decorations:
            if name in UNWRITTEN or name not in DECORATIONS.values():
                yield f"programs play !{name}! differently, or not at all"
            if self.hornpipe and name in ("roll", "staccato", "trill"):
                yield f"abc2midi loses its place in a hornpipe at !{name}!"
        if (rolls := len(ROLLS.intersection(note.decorations))) and (
            rolls > 1 or note.graces or len(note.pitches) > 1 or tuplet
        ):
            yield "a roll or a trill stands on a chord, in a tuplet or beside other ornaments"
        if note.decorations and not note.pitches:
            yield "a rest is decorated"
        if note.tied and (note.decorations or len(note.pitches) > 1):
            yield "a decorated note or a chord is tied"
        if note.graces and not note.pitches:
            yield "grace notes lead to a rest"
        if len(note.pitches) > MOST or len(note.graces) > MOST:
            yield f"a chord or a group of grace notes has more than {MOST}"
        scale = Fraction(tuplet.q, tuplet.p) if tuplet else Fraction(1)
        if note.graces and 4 * note.duration * scale <= len(note.graces) * self.unit:
            yield "grace notes take longer than their note lasts"
        length = note.duration.numerator
        if length // (length & -length) not in (1, 3, 7):
            yield "one note sign cannot say how long a note lasts"
        if note.chord is not None and note.chord.kind not in ("", *USUAL_KINDS):
            yield f"few programs know chords of the kind {note.chord.kind}"


# -- sections ----------------------------------------------------------------------------------------------------


class _Sections:
    """What is disputed in how a tune goes from section to section: repeats, endings, upbeats, changes.

    Attributes:
        fill: how full the bar at hand is.
        first: the tune's upbeat; None before its first bar line.
        upbeat: this section's.
        owed: what the last bar of the section before lacks; None in the first section.
        behind: whether its upbeat stands before its sign.
        opened: whether `|:` or `::` opened the section.
        implied: whether it may be repeated without that: it is the first, or follows a double bar or a repeat.
        signed: whether there has been a sign of a repeat.
        varied: whether there have been endings.
        bars: of it that are over, the upbeat not counted.
        opening: whether no bar line has come in it.
        ending: 1 and 3 in its first and second ending, 2 between them.
        chorded: whether there has been a chord symbol.
    """

    def __init__(self, tune: Tune) -> None:
        self.tune = tune
        self.fill, self.bars, self.ending = Fraction(0), 0, 0
        self.first: Fraction | None = None
        self.owed: Fraction | None = None
        self.upbeat = Fraction(0)
        self.opened, self.implied, self.behind, self.opening = False, True, False, True
        self.chorded = self.varied = self.signed = False

    def found(self) -> Iterator[tuple[int, str]]:
        bar, scale, left = 1, Fraction(1), 0
        before: Music | None = None
        for element in self.tune.music:
            told: Iterator[str] = iter(())
            match element:
                case Note():
                    told = self._chord(element)
                    self.fill += element.duration * (scale if left else 1)
                    left = max(0, left - 1)
                case Tuplet():
                    scale, left = Fraction(element.q, element.p), element.r
                case Meter():
                    told = iter(("it changes its meter",))
                case Key():
                    told = (
                        iter(()) if _double(before) and element != NO_KEY else iter(("the key changes in a section",))
                    )
                case Ending():
                    told = self._ending(element.number, before)
                case Bar():
                    told = self._closed(element.kind) if self.fill else self._sign(element.kind, before)
            if self.ending == 2 and not isinstance(element, Bar | Ending):
                told = iter((*told, "a first ending is followed by no second"))
                self.ending = 3
            for what in told:
                yield bar, what
            bar += isinstance(element, Bar)
            before = element
        if self.ending == 2 or self.fill or not isinstance(before, Bar) or before.kind not in ("|]", ":|"):
            yield bar, "it does not end with a final bar line"

    def _chord(self, note: Note) -> Iterator[str]:
        if note.chord is not None:
            self.chorded = True
            upbeat = (self.owed or 0) if self.opening else self.upbeat
            if self.first is None or self.first % QUARTER or upbeat % QUARTER:
                yield "chord symbols stand in an upbeat, or after one of no whole beat: abc2midi loses its place"

    def _ending(self, number: str, before: Music | None) -> Iterator[str]:
        if number == "1":
            if not self.opened and self.owed is not None:
                yield "abc2midi wants a |: before the endings of a section"
            if self.ending or not self.bars or before != Bar("|"):
                yield "a first ending does not begin after a bar of its section"
            self.ending, self.varied = 1, True
        elif number == "2":
            if self.ending != 2 or before != Bar(":|"):
                yield "a second ending does not follow the :| of a first"
            self.ending = 3
        else:
            yield "it has endings other than a first and a second"

    def _sign(self, kind: str, before: Music | None) -> Iterator[str]:
        """Look at a bar line right after another one, or before the first note."""
        if kind != "|:" or self.opened or not (before is None or _double(before)):
            yield f"{kind} stands where no bar is over"
        self.opened |= kind == "|:"
        self.signed |= kind == "|:"

    def _closed(self, kind: str) -> Iterator[str]:
        """Look at a bar line that closes a bar."""
        self.signed |= ":" in kind
        bar, fill, self.fill = self.tune.meter.bar, self.fill, Fraction(0)
        if self.opening and fill < bar and kind in ("|", "|:") and (self.owed != 0 or kind == "|"):
            if self.owed not in (None, fill):
                yield "an upbeat does not complete the bar before it"
            if kind == "|:" and self.opened:
                yield "|: stands in a section that |: has opened"
            self.first = fill if self.first is None else self.first
            self.upbeat, self.opening = (fill, False) if kind == "|" else (Fraction(0), True)
            if kind == "|:":
                self.opened, self.behind, self.owed = True, True, Fraction(0)
            return
        if self.opening and self.owed:
            yield "no upbeat completes the last bar of a repeat before it"
        self.first, self.bars = self.first or Fraction(0), self.bars + 1
        if kind == "|":
            self.opening = False
            return
        yield from self._ended(kind, bar, fill)
        if self.ending == 1 and kind == ":|":
            self.ending, self.opening = 2, False
            return
        self.owed = bar - fill
        self.upbeat, self.opening, self.bars, self.ending, self.behind = Fraction(0), True, 0, 0, False
        self.opened, self.implied = kind in ("|:", "::"), self.signed and kind in (":|", "||") and not self.varied

    def _ended(self, kind: str, bar: Fraction, fill: Fraction) -> Iterator[str]:
        """Look at the end of a section, or of its first ending."""
        if kind in (":|", "::"):
            if not self.opened and not self.implied:
                yield UNOPENED
            if self.ending == 3 or (self.ending == 1 and kind == "::"):
                yield "a repeat sign ends a second ending, or :: a first"
            if self.behind and fill < bar:
                yield "a repeat ends short by an upbeat that stands before its sign"
            return
        if self.ending == 1 or (self.opened and self.ending == 0):
            yield "a repeat is opened and not closed"
        lacks = bar - fill
        if kind != "|]" and lacks not in (0, self.upbeat):
            if self.opening or 2 * fill < bar:
                yield "a section ends with less than half a bar"
            if self.chorded and lacks % QUARTER:
                yield "with chord symbols, a section ends short by no whole beat, where abc2midi loses its place"


def _double(before: Music | None) -> bool:
    """Return whether an element is the end of a section."""
    return isinstance(before, Bar) and before.kind != "|"
