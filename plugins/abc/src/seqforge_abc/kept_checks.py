"""Slurs, parts and lyrics that programs read differently, found from the tune alone.

The automaton generates none of them.
"""

from collections.abc import Iterator

from seqforge_abc.kept import MAX_SLUR_DEPTH, PART_NAMES
from seqforge_abc.lyrics import HOLD
from seqforge_abc.tune import BarLine, Ending, Note, Tune, Tuplet


def slur_ambiguities(tune: Tune) -> Iterator[tuple[int, str]]:
    """Yield the number of the bar and a sentence for each slur that programs read differently.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> list(slur_ambiguities(parse_music("(DE:|F)G|]", key=parse_key("D"), meter=parse_meter("2/8"))))
    [(1, 'a slur crosses a repeat, a double bar or the beginning of an ending')]
    """
    bar, open_slurs, tied, tuplet_left = 1, 0, False, 0
    for element in tune.elements:
        match element:
            case Note():
                open_slurs -= element.slur_ends
                if element.slur_starts and (tied or tuplet_left == 1):
                    yield bar, "a slur begins with a note that is tied to the note before it, or at the end of a tuplet"
                open_slurs += element.slur_starts
                if not element.pitches and (open_slurs or element.slur_ends):
                    yield bar, "a rest stands under a slur"
                if open_slurs > MAX_SLUR_DEPTH:
                    yield bar, f"more than {MAX_SLUR_DEPTH} slurs stand over a note"
                tied, tuplet_left = element.tied, max(0, tuplet_left - 1)
            case Tuplet():
                tuplet_left = element.r
            case BarLine() | Ending() if open_slurs and element != BarLine("|"):
                yield bar, "a slur crosses a repeat, a double bar or the beginning of an ending"
            case _:
                pass
        bar += isinstance(element, BarLine)


def part_ambiguities(tune: Tune) -> Iterator[tuple[int, str]]:
    """Yield the number of the bar and a sentence for each part that programs read differently."""
    bar, count, section_start = 1, 0, True
    for element in tune.elements:
        match element:
            case Note():
                if element.part and not section_start:
                    yield bar, "a part begins within a section"
                if element.part and element.part != PART_NAMES[min(count, len(PART_NAMES) - 1)]:
                    yield bar, "the names of parts are not A, B, C, ... in this order"
                count, section_start = count + bool(element.part), False
            case BarLine():
                section_start = section_start or element.kind != "|"
                bar += 1
            case Ending():
                section_start = False
            case _:
                pass


def lyric_ambiguities(tune: Tune) -> Iterator[tuple[int, str]]:
    """Yield the number of the bar and a sentence for each syllable that programs align differently."""
    bar = 1
    before: tuple[str, ...] = ()
    for element in tune.elements:
        bar += isinstance(element, BarLine)
        if not isinstance(element, Note) or not element.pitches:
            continue
        for verse, syllable in enumerate(element.syllables):
            if syllable == HOLD and not (verse < len(before) and before[verse]):
                yield bar, "a syllable is held that does not stand before it"
            elif syllable and (set(syllable[:-1]) & {HOLD, "-"} or syllable[-1] == HOLD != syllable or syllable == "-"):
                yield bar, "a hyphen or a hold stands within a syllable"
        before = element.syllables
