"""The normal form of elements: six kinds of bar lines, ties that lead to a note, tuplets that are complete."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from seqforge_abc.theory import Pitch
from seqforge_abc.tune import ENDINGS, BarLine, Element, Ending, Note
from seqforge_abc.tuplets import complete_tuplets, divide_tuplets, group_irregular_lengths

AMBIGUOUS = "|:|"
"""A bar line with a colon in its middle: a "::"; at the end of a tune it ends a repeat that is open."""
MAX_SLUR_DEPTH = 4
"""The largest number of slurs over one note."""
_STRENGTH = ("|", "||", "|]")
"""Bar lines without a repeat; where two of them meet, the later one in this tuple is kept."""


def bar_line_kind(text: str, *, opens: bool) -> str:
    """Return which of the six bar lines a text represents, or `AMBIGUOUS`.

    >>> [bar_line_kind(text, opens=False) for text in ("||:", ":||:", "[|", ":|]")]
    ['|:', '::', '||', ':|']

    Args:
        text: Bars, colons and brackets.
        opens: Whether a single colon begins a repeat, because a bar line stands before it; otherwise it ends one.
    """
    text = text.replace("[|]", "") or "|"
    if text == ":":
        return "|:" if opens else ":|"
    closes_repeat, opens_repeat = text.lstrip(".[]").startswith(":"), text.rstrip("[").endswith(":")
    if closes_repeat or opens_repeat:
        return "::" if closes_repeat and opens_repeat else ":|" if closes_repeat else "|:"
    if ":" in text:
        return AMBIGUOUS
    if "]" in text:
        return "|]"
    return "||" if "||" in text or "[" in text else "|"


def ending_number(text: str) -> str | None:
    """Return the number of an ending, with "1-3" as "1,2,3".

    An unsupported combination is reduced to its first number; None if that is not supported either.
    """
    numbers: set[int] = set()
    for part in text.replace(" ", "").split(","):
        limits = [int(number) for number in part.split("-") if number]
        numbers.update(range(limits[0], limits[-1] + 1) if limits else ())
    name = ",".join(map(str, sorted(numbers)))
    if name in ENDINGS:
        return name
    first = name.partition(",")[0]
    return first if first in ENDINGS else None


def to_normal_form(
    elements: Sequence[Element], ties: Mapping[int, set[Pitch]], losses: Counter[str], *, open_end: bool = False
) -> tuple[Element, ...]:
    """Return elements in normal form.

    Args:
        elements: The elements in the order in which they were read.
        ties: For the index of a note, the pitches that are tied to the next note.
        losses: The counter of what is lost; it is updated.
        open_end: Whether more music follows the elements: the last note may be tied, the last tuplet incomplete, and
            an ending may begin after the last note.
    """
    result = list(elements)
    _apply_ties(result, ties, losses, open_end=open_end)
    balance_slurs(result, losses)
    result = group_irregular_lengths(_merge_bar_lines(result, open_end=open_end))
    result = divide_tuplets(complete_tuplets(result, losses, open_end=open_end))
    while not open_end and result and not isinstance(result[-1], Note | BarLine):
        result.pop()
    return tuple(result)


def _apply_ties(
    elements: list[Element], ties: Mapping[int, set[Pitch]], losses: Counter[str], *, open_end: bool
) -> None:
    """Tie notes whose pitches the next note has too."""
    indices = [index for index, element in enumerate(elements) if isinstance(element, Note)]
    next_index = dict(pairwise(indices))
    for index, pitches in ties.items():
        note, following = elements[index], elements[next_index[index]] if index in next_index else None
        assert isinstance(note, Note)
        shared = set(note.pitches) & set(following.pitches) if isinstance(following, Note) else set()
        if (shared and shared <= pitches) or (following is None and open_end and note.pitches):
            elements[index] = replace(note, tied=True)
        elif shared & pitches:
            losses["ties of single notes in a chord"] += 1
        elif isinstance(following, Note) and following.pitches:  # the tie is a slur
            elements[index] = replace(note, slur_starts=note.slur_starts + 1)
            elements[next_index[index]] = replace(following, slur_ends=following.slur_ends + 1)
        else:
            losses["ties to nothing"] += 1


def balance_slurs(elements: list[Element], losses: Counter[str], *, max_depth: int = MAX_SLUR_DEPTH) -> None:
    """Drop the ends of slurs that did not begin with an earlier note, and slurs without an end.

    Args:
        elements: The elements; they are updated.
        losses: The counter of what is lost; it is updated.
        max_depth: The largest number of slurs over one note; inner slurs above it are dropped.
    """
    open_slurs: list[int] = []
    for index, element in enumerate(elements):
        if not isinstance(element, Note) or not (element.slur_starts or element.slur_ends):
            continue
        ends = min(element.slur_ends, len(open_slurs))
        starts = min(element.slur_starts, max_depth - len(open_slurs) + ends)
        losses["slurs without a beginning"] += element.slur_ends - ends
        losses["deeply nested slurs"] += element.slur_starts - starts
        del open_slurs[len(open_slurs) - ends :]
        open_slurs += [index] * starts
        elements[index] = replace(element, slur_starts=starts, slur_ends=ends)
    for index in open_slurs:
        note = elements[index]
        assert isinstance(note, Note)
        elements[index] = replace(note, slur_starts=note.slur_starts - 1)
        losses["slurs without an end"] += 1


def _merge_bar_lines(elements: Sequence[Element], *, open_end: bool) -> list[Element]:
    """Merge bar lines without a note between them, and drop bar lines before the first note that open nothing."""
    merged: list[Element] = []
    last_note = -1
    open_bar_line = -1  # the bar line that the next one is merged with, if no note or ending comes between them
    for element in elements:
        if isinstance(element, BarLine):
            if open_bar_line >= 0:
                before = merged[open_bar_line]
                assert isinstance(before, BarLine)
                merged[open_bar_line] = BarLine(_merged_kind(before.kind, element.kind))
                continue
            open_bar_line = len(merged)
        elif isinstance(element, Note):
            last_note, open_bar_line = len(merged), -1
        elif isinstance(element, Ending):
            open_bar_line = -1
        merged.append(element)
    first_note = next((index for index, element in enumerate(merged) if isinstance(element, Note)), len(merged))
    repeat_open = False
    for index, element in enumerate(merged):
        if isinstance(element, BarLine):
            after_notes = index > last_note and not open_end
            kind = _kind_at(element.kind, index < first_note, after_notes, repeat_open)
            repeat_open = kind in ("|:", "::") or (repeat_open and kind != ":|")
            merged[index] = BarLine(kind)
    return [element for index, element in enumerate(merged) if index > first_note or not _opens_nothing(element)]


def _kind_at(kind: str, before_notes: bool, after_notes: bool, repeat_open: bool) -> str:
    """Return the kind of a bar line that stands before all notes, after all notes or among them.

    Args:
        kind: What is written.
        before_notes: Whether the bar line stands before all notes.
        after_notes: Whether it stands after all notes.
        repeat_open: Whether a repeat is open.
    """
    if kind not in ("|:", "::", AMBIGUOUS):
        return kind
    if before_notes:
        return "|:"
    if after_notes:
        return ":|" if kind == "::" or (kind == AMBIGUOUS and repeat_open) else "||"
    return "::" if kind == AMBIGUOUS else kind


def _opens_nothing(element: Element) -> bool:
    """Return whether an element before the first note has no meaning."""
    return isinstance(element, BarLine) and element.kind != "|:"


def _merged_kind(first: str, second: str) -> str:
    """Return the kind of bar line that two adjacent bar lines make together."""
    if first == AMBIGUOUS or second == AMBIGUOUS:
        other = second if first == AMBIGUOUS else first
        return AMBIGUOUS if other in (*_STRENGTH, AMBIGUOUS) else other
    closes, opens = ":|" in (first, second), "|:" in (first, second)
    if "::" in (first, second) or (closes and opens):
        return "::"
    return ":|" if closes else "|:" if opens else max(first, second, key=_STRENGTH.index)
