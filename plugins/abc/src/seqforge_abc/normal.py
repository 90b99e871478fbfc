"""The normal form of a tune's elements: bar lines of six kinds, ties that bind, tuplets that are whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from seqforge_abc.theory import Pitch
from seqforge_abc.tune import ENDINGS, Bar, Ending, Music, Note, Tuplet

BOTH = "|:|"
"""A bar line with a colon in its middle: at the end of a tune it ends a repeat, else it is a "::"."""
_STRENGTH = ("|", "||", "|]")


def bar_kind(text: str, *, opens: bool) -> str:
    """Return which of the six bar lines something is that people draw, or `BOTH`.

    Args:
        text: bars, colons and brackets.
        opens: whether a colon alone begins a repeat, because a bar line stands before it; else it ends one.
    """
    text = text.replace("[|]", "") or "|"
    if text == ":":
        return "|:" if opens else ":|"
    left, right = text.lstrip(".[]").startswith(":"), text.rstrip("[").endswith(":")
    if left or right:
        return "::" if left and right else ":|" if left else "|:"
    if ":" in text:
        return BOTH
    if "]" in text:
        return "|]"
    return "||" if "||" in text or "[" in text else "|"


def ending_number(text: str) -> str | None:
    """Return the number of an ending, "1-3" as "1,2,3"; one that is too rare by its first, or None."""
    numbers: set[int] = set()
    for part in text.replace(" ", "").split(","):
        ends = [int(number) for number in part.split("-") if number]
        numbers.update(range(ends[0], ends[-1] + 1) if ends else ())
    known = ",".join(map(str, sorted(numbers)))
    if known in ENDINGS:
        return known
    first = known.partition(",")[0]
    return first if first in ENDINGS else None


def normalised(music: Sequence[Music], ties: Mapping[int, set[Pitch]], lost: Counter[str]) -> tuple[Music, ...]:
    """Return elements in normal form, and count what that loses.

    Args:
        music: elements as they are read.
        ties: for the place of a note the pitches that are tied to the next note.
        lost: what is lost, by name; it is added to.
    """
    found = list(music)
    _tie(found, ties, lost)
    found = _whole_tuplets(_merged(found), lost)
    while found and not isinstance(found[-1], Note | Bar):
        found.pop()
    return tuple(found)


def _tie(music: list[Music], ties: Mapping[int, set[Pitch]], lost: Counter[str]) -> None:
    """Tie notes to the next one, where that has their pitch."""
    places = [place for place, element in enumerate(music) if isinstance(element, Note)]
    after = dict(pairwise(places))
    for place, pitches in ties.items():
        note, following = music[place], music[after[place]] if place in after else None
        assert isinstance(note, Note)
        shared = set(note.pitches) & set(following.pitches) if isinstance(following, Note) else set()
        if shared and shared <= pitches:
            music[place] = replace(note, tied=True)
        elif shared & pitches:
            lost["ties of single notes in a chord"] += 1
        elif isinstance(following, Note) and following.pitches:
            lost["slurs"] += 1
        else:
            lost["ties to nothing"] += 1


def _merged(music: Sequence[Music]) -> list[Music]:
    """Join bar lines with nothing to play between them; drop those that stand before the first note or open nothing."""
    found: list[Music] = []
    played = bar = -1  # where the last note, and the bar line that may be joined, stand in what is found
    for element in music:
        if isinstance(element, Bar):
            if bar >= 0:
                before = found[bar]
                assert isinstance(before, Bar)
                found[bar] = Bar(_joined(before.kind, element.kind))
                continue
            bar = len(found)
        elif isinstance(element, Note):
            played, bar = len(found), -1
        elif isinstance(element, Ending):
            bar = -1
        found.append(element)
    first = next((place for place, element in enumerate(found) if isinstance(element, Note)), len(found))
    for place, element in enumerate(found):
        if isinstance(element, Bar):
            found[place] = Bar(_placed(element.kind, before=place < first, after=place > played))
    return [element for place, element in enumerate(found) if place > first or not _idle(element)]


def _placed(kind: str, *, before: bool, after: bool) -> str:
    """Return what a bar line is that stands before all notes, after them or among them."""
    if kind not in ("|:", "::", BOTH):
        return kind
    if before:
        return "|:"
    if after:
        return "||" if kind == "|:" else ":|"
    return "::" if kind == BOTH else kind


def _idle(element: Music) -> bool:
    """Return whether an element before the first note says nothing."""
    return isinstance(element, Bar) and element.kind != "|:"


def _joined(one: str, other: str) -> str:
    """Return the bar line that two of them are."""
    if one == BOTH or other == BOTH:
        rest = other if one == BOTH else one
        return BOTH if rest in (*_STRENGTH, BOTH) else rest
    closes, opens = ":|" in (one, other), "|:" in (one, other)
    if "::" in (one, other) or (closes and opens):
        return "::"
    return ":|" if closes else "|:" if opens else max(one, other, key=_STRENGTH.index)


def _whole_tuplets(music: Sequence[Music], lost: Counter[str]) -> list[Music]:
    """Shorten the tuplets that another one, or the end, cuts off."""
    found = list(music)
    place, left = -1, 0
    for number, element in enumerate([*found, Tuplet(1, 1, 0)]):
        if isinstance(element, Note):
            left = max(0, left - 1)
        elif isinstance(element, Tuplet):
            if left:
                cut = found[place]
                assert isinstance(cut, Tuplet)
                found[place] = replace(cut, r=cut.r - left)
                lost["notes that a tuplet lacks"] += left
            place, left = number, element.r
    return found
