"""Where a tune stands in its bars, and what may close them: pure functions of one state.

A section runs from one double bar or repeat to the next. Its first bar may be an upbeat. The last bar of a
repeated section and its own upbeat share one bar; where a section is not repeated, its last bar and the upbeat
of the next section do, as do an upbeat before the sign of a repeat and the bar before that; and the last bar of
a tune completes the tune's first upbeat. A first ending is followed by a second.
"""

from typing import NamedTuple

from seqforge_abc import lengths
from seqforge_abc.tokens import COUNTED, numbered
from seqforge_abc.tune import Tuplet

AFTER_NOTE, AFTER_BAR, AFTER_SECTION, AFTER_REPEAT, AFTER_FINAL, AT_START, AFTER_OTHER = range(7)
"""What came last."""
JUST_OVER = -2
UNCOUNTED = -1
EVEN = 2
"""What an upbeat leaves of its bar is a multiple of this, so that plain notes can fill the tune's last bar."""
BEAT = 32
"""A quarter, in 128ths of a whole note."""
ENDLESS = 1 << 30


class State(NamedTuple):
    """Where a tune stands; lengths in 128ths of a whole note.

    Attributes:
        head: how many of the four leading tokens have come.
        bar: length of a bar; 0 without a meter.
        unit: what a note without a length lasts.
        rank: how far the note at hand is (`automaton`).
        mark: the last decoration or pitch of the note at hand.
        size: its grace notes or pitches so far.
        length: its length so far.
        fill: how full the bar is.
        tuplet: the step of the tuplet at hand, -1 outside; in hornpipes JUST_OVER from its end to the next note.
        rolled: whether the note at hand has a roll or a trill.
        left: notes of it that are to come.
        written: what its notes add up to.
        tie: the pitch that must come again, -1 for none.
        first: the tune's upbeat, -1 before its first bar line.
        upbeat: this section's.
        due: the upbeat that this section must begin with; -1: any.
        opening: whether no bar line has come in this section.
        whole: whether the section has a bar.
        repeat: whether it was opened as a repeat.
        implied: whether it may be repeated without that, as the first section may, and one after a repeat or `||`.
        signed: whether a sign of a repeat has come; abc2midi takes up the first from the tune's start.
        varied: whether the tune has had endings: abc2midi repeats nothing from then on that `|:` does not open.
        ending: 1 and 3 in its first and second ending, 2 between them.
        last: what came last.
        bars: bars to come; -1: any number.
        hornpipe: whether it is one: abc2midi takes those in 2/4 and 4/4 alone, and dots their notes.
        number: bars of this section that are over.
        at_ending: how many were when its first ending began.
        over: whether a final bar line has just come.
        chorded: whether there has been a chord symbol: abc2midi goes on sounding it by whole beats, so that no bar may
            be short by less from then on.
        stop: how full the bar at hand must be when it is closed; -1: any.
    """

    head: int = 0
    bar: int = 0
    unit: int = 0
    rank: int = 0
    mark: int = -1
    size: int = 0
    length: int = 0
    fill: int = 0
    tuplet: int = -1
    rolled: bool = False
    left: int = 0
    written: int = 0
    tie: int = -1
    first: int = -1
    upbeat: int = 0
    due: int = -1
    opening: bool = True
    whole: bool = False
    repeat: bool = False
    implied: bool = True
    signed: bool = False
    varied: bool = False
    ending: int = 0
    last: int = AT_START
    bars: int = UNCOUNTED
    over: bool = False
    chorded: bool = False
    hornpipe: bool = False
    number: int = 0
    at_ending: int = 0
    stop: int = -1


def closing(s: State, fill: int) -> list[str]:
    """Return the bar lines that may stand where the bar at hand is so full."""
    bar = s.bar or fill
    if fill <= 0 or fill > bar or s.stop not in (-1, fill):
        return []
    if s.opening and fill < bar and (s.due == fill or (s.due < 0 and s.first < 0 and (bar - fill) % EVEN == 0)):
        return ["|"] if s.repeat else ["|", "|:"]
    if s.opening and s.due > 0:
        return []
    left = ENDLESS if s.bars == UNCOUNTED else s.bars
    whole, short = fill == bar, fill == bar - s.upbeat
    found = ["|"] if whole and left >= (3 if s.ending == 1 else 2) else []
    if s.ending < 2 and short and left >= 1 + (s.ending == 1) and (s.repeat or s.implied):
        found.append(":|")
    if s.ending == 0 and (s.repeat or s.implied) and short and left >= 2:
        found.append("::")
    if s.ending == 3 or (s.ending == 0 and not s.repeat):
        grain = BEAT if s.chorded else max(EVEN, s.unit // 2)
        part = not s.opening and 2 * fill >= bar and (bar - fill) % grain == 0
        if left >= 2 and (whole or short or part):
            found += ["||", "|:"]
        if left in (1, ENDLESS) and fill == bar - max(0, s.first):
            found.append("|]")
    return found


def line_token(s: State, kind: str) -> str:
    """Return the token of an allowed bar line."""
    upbeat = s.opening and s.fill < (s.bar or s.fill)
    return numbered(s.number + 1) if kind == "|" and not upbeat else kind


def room(s: State) -> int:
    """Return how much more the bar at hand may hold."""
    if s.stop >= 0:
        return s.stop - s.fill
    if not s.bar:
        return lengths.LONGEST_FREE - s.fill
    if s.opening and s.due > 0:
        return s.due - s.fill
    ends = {s.bar, s.bar - s.upbeat, s.bar - max(0, s.first)}
    return max((end - s.fill for end in ends if end >= s.fill and closing(s, end)), default=0)


def note_lengths(s: State, tuplet: Tuplet | None) -> tuple[int, ...]:
    """Return the lengths that the next note may have; `tuplet` is the one at hand."""
    if s.left and tuplet is not None:
        return lengths.in_tuplet(tuplet, s.unit, room(s), s.written, s.left)
    return lengths.plain(room(s))


def after_note(s: State, tuplet: Tuplet | None) -> State:
    """Return the state after a note of the length at hand."""
    length = s.length or s.unit
    fill, left, written, step = s.fill, s.left, s.written, s.tuplet
    if left and tuplet is not None:
        written, left = written + length, left - 1
        if not left:
            fill, written, step = fill + written * tuplet.q // tuplet.p, 0, JUST_OVER if s.hornpipe else -1
    else:
        fill, step = fill + length, -1
    return s._replace(
        rank=0, mark=-1, size=0, rolled=False, length=0, fill=fill, left=left, written=written, tuplet=step, tie_embeddings=-1,
        last=AFTER_NOTE, over=False,
    )  # fmt: skip


def after_line(s: State, kind: str) -> State:
    """Return the state after an allowed bar line."""
    s = s._replace(rank=0, mark=-1, over=False, stop=-1, signed=s.signed or ":" in kind)
    if s.fill == 0:
        return s._replace(repeat=True, last=AFTER_REPEAT)
    bar, fill = s.bar or s.fill, s.fill
    s = s._replace(fill=0, last=AFTER_BAR)
    if kind == "|" and s.opening and fill < bar:
        return s._replace(upbeat=fill, first=fill if s.first < 0 else s.first, opening=False)
    if kind == "|:" and s.opening and fill < bar and s.due:  # an upbeat that is not repeated
        return s._replace(first=fill if s.first < 0 else s.first, due=0, repeat=True, last=AFTER_REPEAT)
    s = s._replace(number=s.number % COUNTED + 1)
    s = s._replace(first=max(0, s.first), bars=s.bars if s.bars == UNCOUNTED else s.bars - 1, opening=False, whole=True)
    if kind == "|":
        return s
    if s.ending == 1:
        return s._replace(ending=2, last=AFTER_SECTION, number=s.at_ending)
    begins = kind in ("|:", "::")
    last = AFTER_REPEAT if begins else AFTER_FINAL if kind == "|]" else AFTER_SECTION
    return s._replace(
        due=bar - fill, upbeat=0, opening=True, whole=False, ending=0, repeat=begins,
        implied=s.signed and kind in (":|", "||") and not s.varied, number=0, last=last, over=kind in ("|]", ":|"),
    )  # fmt: skip
