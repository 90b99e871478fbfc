"""Ambiguities of notation: passages of a tune that programs read differently, found from the tune alone.

The automaton generates none of them. Programs agree about a tune without violations (`lint`) and ambiguities.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.kept_checks import lyric_ambiguities, part_ambiguities, slur_ambiguities
from seqforge_abc.second_voice import second_voice
from seqforge_abc.theory import NO_KEY, NO_METER, Key, Meter
from seqforge_abc.tokens import GENERATED_CHORD_KINDS
from seqforge_abc.tune import (
    LETTER_DECORATIONS,
    NEVER_GENERATED,
    BarLine,
    Element,
    Ending,
    Note,
    Tune,
    Tuplet,
    unit_note_length,
)

ROLLS = {"roll", "trill"}
MAX_GROUP = 4
"""The largest number of grace notes before a note, and of pitches in a chord."""
QUARTER = Fraction(1, 4)
CHORD_IN_UPBEAT = "chord symbols stand in an upbeat, or after one that is no whole beat, which abc2midi miscounts"
UNOPENED_REPEAT = "a repeat has no |:, so abc2midi goes back to the beginning of the tune or does not repeat"


def ambiguities(tune: Tune) -> list[str]:
    """Return the ambiguities of a tune, one sentence per kind, with the first bar in which it occurs.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> ambiguities(parse_music("DED HF2A|d6|]", key=parse_key("D"), meter=parse_meter("6/8")))
    ['bar 1: programs play !fermata! differently, or not at all']
    """
    first_bars: dict[str, int] = {}
    for bar, message in _all_ambiguities(tune):
        first_bars.setdefault(message, bar)
    return [f"bar {bar}: {message}" if bar else message for message, bar in first_bars.items()]


def _all_ambiguities(tune: Tune) -> Iterator[tuple[int, str]]:
    """Yield bar numbers and messages; bar 0 stands for the whole tune."""
    hornpipe = "hornpipe" in tune.rhythm
    if tune.meter == NO_METER:
        yield 0, "the tune has no meter, so the length of its bars is unknown"
    elif hornpipe and str(tune.meter) not in ("2/4", "4/4"):
        yield 0, "abc2midi supports hornpipes in 2/4 and 4/4 only"
    if tune.key == NO_KEY:
        yield 0, "the tune has no key"
    unit = unit_note_length(tune)
    if not Fraction(1, 32) <= unit <= QUARTER:
        yield 0, f"the most common note length is {unit} of a whole note"
    yield from _NoteChecker(tune, unit, hornpipe).check()
    yield from slur_ambiguities(tune)
    yield from part_ambiguities(tune)
    yield from lyric_ambiguities(tune)
    if (second := second_voice(tune)) is not None:
        if hornpipe:
            yield 0, "a hornpipe has two voices, and abc2midi dots their notes"
        yield from _NoteChecker(second, unit, hornpipe).check()
        yield from slur_ambiguities(second)
        yield from lyric_ambiguities(second)
    if tune.meter != NO_METER:
        yield from _SectionChecker(tune).check()


# -- notes -------------------------------------------------------------------------------------------------------


@dataclass
class _NoteChecker:
    """Finds ambiguities of single notes and of neighbouring notes.

    Attributes:
        tune: The tune.
        unit: Its unit note length in whole notes.
        hornpipe: Whether it is a hornpipe, whose notes abc2midi dots.
    """

    tune: Tune
    unit: Fraction
    hornpipe: bool

    def check(self) -> Iterator[tuple[int, str]]:
        bar, tuplet_left, after_tuplet, tied = 1, 0, False, False
        tuplet = Tuplet(1, 1, 0)
        for index, element in enumerate(self.tune.elements):
            if isinstance(element, BarLine):
                bar += 1
            elif tied and not isinstance(element, Note):
                yield bar, "a tie crosses more than a bar line"
            if isinstance(element, Tuplet):
                tuplet, tuplet_left = element, element.r
                for message in self._tuplet(element, self.tune.elements[index + 1 :]):
                    yield bar, message
            elif isinstance(element, Note):
                for message in self._note(element, tuplet if tuplet_left else None):
                    yield bar, message
                has_marks = element.decorations or element.grace_notes or element.chord_symbol
                if tied and (has_marks or len(element.pitches) > 1):
                    yield bar, "a tie leads to a chord or to a note with other marks"
                plain = len(element.pitches) == 1 and not element.grace_notes
                if self.hornpipe and (tuplet_left or after_tuplet) and not plain:
                    yield bar, "abc2midi dots a hornpipe across the end of a triplet unless it has plain notes only"
                after_tuplet, tuplet_left, tied = tuplet_left == 1, max(0, tuplet_left - 1), element.tied

    def _tuplet(self, tuplet: Tuplet, following: tuple[Element, ...]) -> Iterator[str]:
        if self.hornpipe and (tuplet.p, tuplet.q, tuplet.r) != (3, 2, 3):
            yield "abc2midi dots the tuplets of hornpipes, except triplets"
        durations = [element.duration for element in following if isinstance(element, Note)][: tuplet.r]
        units = sum(durations, Fraction(0)) / self.unit / tuplet.p
        on_grid = all((4 * duration / self.unit).denominator == 1 for duration in durations)
        if not on_grid or units not in (QUARTER, Fraction(1, 2), Fraction(1), Fraction(2)):
            yield "the notes of a tuplet have uneven lengths, which programs round"

    def _note(self, note: Note, tuplet: Tuplet | None) -> Iterator[str]:
        for name in note.decorations:
            if name in NEVER_GENERATED or name not in LETTER_DECORATIONS.values():
                yield f"programs play !{name}! differently, or not at all"
            if self.hornpipe and name in ("roll", "staccato", "trill"):
                yield f"abc2midi miscounts a hornpipe at !{name}!"
        if (rolls := len(ROLLS.intersection(note.decorations))) and (
            rolls > 1 or note.grace_notes or len(note.pitches) > 1 or tuplet
        ):
            yield "a roll or a trill stands on a chord, in a tuplet or beside other ornaments"
        if note.decorations and not note.pitches:
            yield "a rest has a decoration"
        if note.tied and (note.decorations or len(note.pitches) > 1):
            yield "a decorated note or a chord is tied"
        if note.grace_notes and not note.pitches:
            yield "grace notes lead to a rest"
        if len(note.pitches) > MAX_GROUP or len(note.grace_notes) > MAX_GROUP:
            yield f"a chord or a group of grace notes has more than {MAX_GROUP} notes"
        scale = Fraction(tuplet.q, tuplet.p) if tuplet else Fraction(1)
        if note.grace_notes and 4 * note.duration * scale <= len(note.grace_notes) * self.unit:
            yield "grace notes last longer than their note"
        numerator = note.duration.numerator
        if numerator // (numerator & -numerator) not in (1, 3, 7):
            yield "a note has a length that no single note value represents"
        if note.chord_symbol is not None and note.chord_symbol.kind not in ("", *GENERATED_CHORD_KINDS):
            yield f"few programs know the chord kind {note.chord_symbol.kind}"


# -- sections ----------------------------------------------------------------------------------------------------


class _SectionChecker:
    """Finds ambiguities of the form: repeats, endings, upbeats, changes of key and meter.

    Attributes:
        fill: The length of the current bar so far, in whole notes.
        first_upbeat: The upbeat of the tune; None before the first bar line.
        missing: The length that the last bar of the previous section lacks; None in the first section.
        upbeat: The upbeat of this section.
        upbeat_before_sign: Whether the upbeat of this section stands before its `|:`.
        repeat_open: Whether `|:` or `::` opened this section.
        may_repeat: Whether this section may be repeated without `|:`: it is the first, or follows `||` or `:|`.
        had_repeat: Whether the tune has had a repeat sign.
        had_endings: Whether the tune has had endings.
        bars: The number of complete bars of this section, without the upbeat.
        section_start: Whether this section has had no bar line.
        ending: 1 and 3 in the first and second ending, 2 between them, 0 elsewhere.
        had_chord_symbol: Whether the tune has had a chord symbol.
        chord_in_first_bar: Whether one stands before the first bar line.
    """

    def __init__(self, tune: Tune) -> None:
        self.tune = tune
        self.fill, self.bars, self.ending = Fraction(0), 0, 0
        self.first_upbeat: Fraction | None = None
        self.missing: Fraction | None = None
        self.upbeat = Fraction(0)
        self.repeat_open, self.may_repeat, self.upbeat_before_sign, self.section_start = False, True, False, True
        self.had_chord_symbol = self.chord_in_first_bar = self.had_endings = self.had_repeat = False

    def check(self) -> Iterator[tuple[int, str]]:
        bar, scale, tuplet_left = 1, Fraction(1), 0
        previous: Element | None = None
        for element in self.tune.elements:
            messages: Iterator[str] = iter(())
            match element:
                case Note():
                    messages = self._chord_symbol(element)
                    self.fill += element.duration * (scale if tuplet_left else 1)
                    tuplet_left = max(0, tuplet_left - 1)
                case Tuplet():
                    scale, tuplet_left = Fraction(element.q, element.p), element.r
                case Meter():
                    messages = iter(("the meter changes",))
                case Key():
                    if not _ends_section(previous) or element == NO_KEY:
                        messages = iter(("the key changes within a section",))
                case Ending():
                    messages = self._ending(element.number, previous)
                case BarLine():
                    messages = self._bar_end(element.kind) if self.fill else self._empty_bar(element.kind, previous)
            if self.ending == 2 and not isinstance(element, BarLine | Ending):
                messages = iter((*messages, "no second ending follows a first ending"))
                self.ending = 3
            for message in messages:
                yield bar, message
            bar += isinstance(element, BarLine)
            previous = element
        if self.ending == 2 or self.fill or not isinstance(previous, BarLine) or previous.kind not in ("|]", ":|"):
            yield bar, "the tune does not end with a final bar line"

    def _chord_symbol(self, note: Note) -> Iterator[str]:
        if note.chord_symbol is not None:
            self.had_chord_symbol = True
            upbeat = (self.missing or 0) if self.section_start else self.upbeat
            if self.first_upbeat is None:
                self.chord_in_first_bar = True
            elif self.first_upbeat % QUARTER or upbeat % QUARTER:
                yield CHORD_IN_UPBEAT

    def _ending(self, number: str, previous: Element | None) -> Iterator[str]:
        if number == "1":
            if not self.repeat_open and self.missing is not None:
                yield "abc2midi needs a |: before the endings of a section"
            if self.ending or not self.bars or previous != BarLine("|"):
                yield "a first ending does not begin after a bar of its section"
            self.ending, self.had_endings = 1, True
        elif number == "2":
            if self.ending != 2 or previous != BarLine(":|"):
                yield "a second ending does not follow the :| of a first ending"
            self.ending = 3
        else:
            yield "there are endings other than a first and a second"

    def _empty_bar(self, kind: str, previous: Element | None) -> Iterator[str]:
        """Check a bar line that follows another bar line, or stands before the first note."""
        if kind != "|:" or self.repeat_open or not (previous is None or _ends_section(previous)):
            yield f"{kind} stands where no bar ends"
        self.repeat_open |= kind == "|:"
        self.had_repeat |= kind == "|:"

    def _bar_end(self, kind: str) -> Iterator[str]:
        """Check a bar line that ends a bar."""
        self.had_repeat |= ":" in kind
        bar_length, fill, self.fill = self.tune.meter.bar_length, self.fill, Fraction(0)
        if (
            self.section_start
            and fill < bar_length
            and kind in ("|", "|:")
            and (self.missing != 0 or kind == "|")
        ):  # fmt: skip
            if self.missing not in (None, fill):
                yield "an upbeat does not complete the bar before it"
            if kind == "|:" and self.repeat_open:
                yield "|: stands in a section that |: opened"
            if self.first_upbeat is None and self.chord_in_first_bar:
                yield CHORD_IN_UPBEAT
            self.first_upbeat = fill if self.first_upbeat is None else self.first_upbeat
            self.upbeat, self.section_start = (fill, False) if kind == "|" else (Fraction(0), True)
            if kind == "|:":
                self.repeat_open, self.upbeat_before_sign, self.missing = True, True, Fraction(0)
            return
        if self.section_start and self.missing:
            yield "no upbeat completes the last bar of the repeat before it"
        self.first_upbeat, self.bars = self.first_upbeat or Fraction(0), self.bars + 1
        if kind == "|":
            self.section_start = False
            return
        yield from self._section_end(kind, bar_length, fill)
        if self.ending == 1 and kind == ":|":
            self.ending, self.section_start = 2, False
            return
        self.missing = bar_length - fill
        self.upbeat, self.section_start, self.bars, self.ending = Fraction(0), True, 0, 0
        self.upbeat_before_sign, self.repeat_open = False, kind in ("|:", "::")
        self.may_repeat = self.had_repeat and kind in (":|", "||") and not self.had_endings

    def _section_end(self, kind: str, bar_length: Fraction, fill: Fraction) -> Iterator[str]:
        """Check the end of a section, or of its first ending."""
        if kind in (":|", "::"):
            if not self.repeat_open and not self.may_repeat:
                yield UNOPENED_REPEAT
            if self.ending == 3 or (self.ending == 1 and kind == "::"):
                yield "a repeat sign ends a second ending, or :: ends a first ending"
            if self.upbeat_before_sign and fill < bar_length:
                yield "the last bar of a repeat is short by an upbeat that stands before its sign"
            return
        if self.ending == 1 or (self.repeat_open and self.ending == 0):
            yield "a repeat is opened and not closed"
        missing = bar_length - fill
        if kind != "|]" and missing not in (0, self.upbeat):
            if self.section_start or 2 * fill < bar_length:
                yield "a section ends with less than half a bar"
            if self.had_chord_symbol and missing % QUARTER:
                yield "a section with chord symbols is short by no whole beat, which abc2midi miscounts"


def _ends_section(element: Element | None) -> bool:
    """Return whether an element is the bar line at the end of a section."""
    return isinstance(element, BarLine) and element.kind != "|"
