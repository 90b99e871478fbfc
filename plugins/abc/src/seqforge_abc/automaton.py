"""The automaton of whole tunes: what may come next so that every bar adds up and what is opened is closed."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, cast

import numpy as np

from seqforge import Constraint
from seqforge_abc import tokens
from seqforge_abc.lengths import going_on, in_grid, in_tuplet, spelled
from seqforge_abc.measures import (
    AFTER_BAR,
    AFTER_FINAL,
    AFTER_NOTE,
    AFTER_OTHER,
    AFTER_REPEAT,
    AFTER_SECTION,
    AT_START,
    BEAT,
    JUST_OVER,
    UNCOUNTED,
    State,
    after_line,
    after_note,
    closing,
    line_token,
    note_lengths,
    room,
)  # fmt: skip
from seqforge_abc.theory import NO_METER, Key, Meter
from seqforge_abc.theory import spelled as name_of
from seqforge_abc.tune import DECORATIONS, UNITS, UNWRITTEN, Tuplet

ROOT, KIND, BASS, MARK, GRACE, GRACES, GRACED, LENGTH, CHORD, CHORDS, FULL, NOTE = range(1, 13)
"""How far the note at hand is; 0 is between notes, NOTE right after a mere pitch, which may yet be tied."""
RHYTHM, METER = 0, 1
"""Places of the leading tokens."""
MOST_GRACES, MOST_IN_CHORD = 4, 4
CACHED = 200_000


class Automaton(Constraint):
    """Whole tunes, with what was asked for.

    What programs disagree about is read and never written (`disputed`): no decoration of `UNWRITTEN` or without a
    letter comes, a decorated note is not tied, a roll or a trill stands on no chord, in no tuplet and beside no grace
    notes, and hornpipes, which abc2midi dots by itself, have neither those nor staccato, and no tuplets but triplets,
    of mere notes and before one, since it would dot across their end.

    Args:
        vocabulary: the codec's tokens.
        rhythm: the one to begin with, "" for an unknown one; None: any.
        meter: likewise; None: any but none at all.
        key: likewise; with a key asked for, the tune stays in it.
        bars: how many to write, upbeats not counted; 0: any number.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        rhythm: str | None = None,
        meter: Meter | None = None,
        key: Key | None = None,
        bars: int = 0,
    ) -> None:
        self.vocabulary, self.bars = vocabulary, bars or UNCOUNTED
        index = self.index = {token: step for step, token in enumerate(vocabulary)}
        asked = ((None if it is None else f"{head}:{it}") for head, it in zip("RMK", (rhythm, meter, key), strict=True))
        heads = dict(zip("RMK", asked, strict=True)) | {"L": None}
        self.heads = [
            [index[heads[head] or ""]] if heads[head] else self._starting(f"{head}:", tokens.UNASKED) for head in "RMLK"
        ]
        self.keys = [] if key is not None else self._starting("K:", tokens.UNASKED)
        self.pitches = np.array([index[str(pitch)] for pitch in tokens.pitches()])
        self.is_pitch = np.zeros(len(vocabulary), np.bool_)
        self.is_pitch[self.pitches] = True
        self.roots, self.kinds = self._starting('"'), [index[f"~{kind}"] for kind in tokens.USUAL_KINDS]
        self.basses = [index[f"/{name_of(root)}"] for root in tokens.ROOTS]
        self.marks = np.array([index[f"!{name}!"] for name in sorted(DECORATIONS.values()) if name not in UNWRITTEN])
        self.alone = (index["!roll!"], index["!trill!"])
        self.tuplets = {index[name]: tuplet for name, tuplet in tokens.TUPLET_TOKENS.items()}
        self.atoms = {index[f"*{atom}"]: atom for atom in tokens.ATOMS}
        self.atom_steps = {atom: step for step, atom in self.atoms.items()}
        self.lines = {index[token]: kind for token, kind in tokens.LINES.items()}
        self.meters = {f"M:{meter}": meter for meter in (NO_METER, *tokens.METERS)}
        self.units = {f"L:{unit.numerator}/{unit.denominator}": unit for unit in UNITS}
        self._distance: dict[State, int] = {}

    def _starting(self, begin: str, without: Iterable[str] = ()) -> list[int]:
        return [step for token, step in self.index.items() if token.startswith(begin) and token not in without]

    # -- what may come ------------------------------------------------------------------------

    def start(self) -> Hashable:
        return State(bars=self.bars)

    def may_end(self, state: Hashable) -> bool:
        s = cast(State, state)
        return s.over and s.bars <= 0

    def allowed(self, state: Hashable) -> np.ndarray:
        s = cast(State, state)
        mask = np.zeros(len(self.vocabulary), np.bool_)
        if s.head < 4:
            mask[self._heads(s)] = True
        elif s.ending == 2:
            mask[self.index["[2"]] = True
        elif s.rank in (GRACE, GRACES):
            mask[self.pitches] = s.size < MOST_GRACES and bool(self._lengths(s, graces=1))
            mask[self.index["}"]] = s.rank == GRACES
        elif s.rank in (CHORD, CHORDS, FULL):
            self._allow_chord(s, mask)
        elif s.last != AFTER_FINAL and s.bars:
            if s.rank in (0, NOTE):
                self._allow_lines(s, mask)
            self._allow_note(s, mask)
        return mask

    def _heads(self, s: State) -> list[int]:
        heads = self.heads[s.head]
        if s.head == METER and s.hornpipe and len(heads) > 1:
            return [self.index["M:2/4"], self.index["M:4/4"]]
        return heads

    def _allow_chord(self, s: State, mask: np.ndarray) -> None:
        if s.size < MOST_IN_CHORD:
            place = -1 if s.mark < 0 else int(np.flatnonzero(self.pitches == s.mark)[0])
            last = len(self.pitches) - (1 if s.rank == CHORD else 0)
            mask[self.pitches[place + 1 : last]] = True
        mask[self.index["]"]] = s.rank == FULL

    def _allow_lines(self, s: State, mask: np.ndarray) -> None:
        """Allow what stands between notes: bar lines, endings, tuplets, changes of key, and a tie."""
        closers = closing(s, s.fill) if not s.left else []
        if s.rank == NOTE:
            mask[self.index["-"]] = bool(s.left or room(s) or "|" in closers)
        if s.tie >= 0:
            closers = [kind for kind in closers if kind == "|"]
        for kind in closers:
            mask[self.index[line_token(s, kind)]] = True
        if s.left or s.tie >= 0:
            return
        if s.fill == 0 and s.last in (AFTER_SECTION, AT_START) and not s.repeat:
            mask[self.index["|:"]] = True
        if (
            s.last == AFTER_BAR
            and s.ending == 0
            and s.whole
            and (s.repeat or s.due < 0)
            and (s.bars == UNCOUNTED or s.bars >= 2)
        ):
            mask[self.index["[1"]] = True
        if s.last in (AFTER_SECTION, AFTER_REPEAT) and s.fill == 0 and s.bars:
            mask[self.keys] = True
        space = room(s)
        for step, tuplet in self.tuplets.items():
            usual = not s.hornpipe or (tuplet.p, tuplet.q, tuplet.r) == (3, 2, 3)
            mask[step] = usual and bool(in_tuplet(tuplet, s.unit, space, s.written, tuplet.r))

    def _allow_note(self, s: State, mask: np.ndarray) -> None:
        """Allow what a note begins or goes on with."""
        lengths = self._lengths(s)
        if not lengths:
            return
        parts, complete = going_on(lengths, s.unit, s.length)
        for atom in parts:
            mask[self.atom_steps[atom]] = True
        if s.tie >= 0:
            mask[s.tie] = complete
            return
        rank = 0 if s.rank == NOTE else s.rank
        plain = s.hornpipe and (s.left > 0 or s.tuplet == JUST_OVER)
        if rank < LENGTH:
            graced = rank < GRACE and not s.rolled and bool(self._lengths(s._replace(rank=0), graces=1))
            mask[self.index["{"]] = graced and not plain
            if rank < GRACE:
                mask[self.marks[self.marks > (s.mark if rank == MARK else -1)]] = True
                mask[self.index["!staccato!"]] &= not s.hornpipe
                mask[list(self.alone)] &= not s.hornpipe and not s.left and not s.rolled
            if rank == 0:
                upbeat = s.due if s.opening else s.upbeat
                mask[self.roots] = s.first >= 0 and s.first % BEAT == 0 and upbeat % BEAT == 0
            if rank == ROOT:
                mask[self.kinds] = True
            if rank in (ROOT, KIND):
                mask[self.basses] = True
        mask[self.pitches] = complete
        mask[self.index["["]] = complete and not s.rolled and not plain
        mask[self.index["z"]] = complete and (rank == 0 or s.mark < 0) and not s.size and not plain

    def _lengths(self, s: State, graces: int = 0) -> tuple[int, ...]:
        """Return the lengths that the next note may have; before it grace notes take a quarter of a unit each."""
        tuplet = self.tuplets.get(s.tuplet)
        found = note_lengths(s, tuplet)
        graces += s.size if s.rank in (GRACE, GRACES, GRACED, LENGTH) else 0
        if not graces:
            return found
        q, p = (tuplet.q, tuplet.p) if tuplet else (1, 1)
        return tuple(length for length in found if 4 * length * q > graces * s.unit * p)

    # -- what comes then ----------------------------------------------------------------------

    def advance(self, state: Hashable, step: Any) -> Hashable:
        s, step = cast(State, state), int(step)
        token = self.vocabulary[step]
        if s.head < 4:
            return self._after_head(s, token)
        if s.rank == NOTE and token != "-":
            s = s._replace(rank=0, mark=-1)
        if s.rank in (GRACE, GRACES):
            return s._replace(rank=GRACED) if token == "}" else s._replace(rank=GRACES, size=s.size + 1)
        if s.rank in (CHORD, CHORDS, FULL) and token != "]":
            return s._replace(rank=CHORDS if s.rank == CHORD else FULL, mark=step, size=s.size + 1)
        if step in self.lines:
            return after_line(s, self.lines[step])
        if step in self.atoms:
            return s._replace(rank=LENGTH, length=s.length + int(self.atoms[step] * s.unit), over=False)
        if self.is_pitch[step]:
            after = after_note(s, self.tuplets.get(s.tuplet))
            return after if s.mark >= 0 else after._replace(rank=NOTE, mark=step)
        if step in self.tuplets:
            return s._replace(tuplet=step, left=self.tuplets[step].r, rank=0, mark=-1, last=AFTER_NOTE, over=False)
        s = s._replace(over=False)
        match token[0]:
            case "z" | "]":
                return after_note(s, self.tuplets.get(s.tuplet))
            case "-":
                return s._replace(rank=0, mark=-1, tie_embeddings=s.mark)
            case "K":
                return s._replace(rank=0, last=AFTER_OTHER)
            case "[":
                if token == "[":
                    return s._replace(rank=CHORD, mark=-1, size=0)
                if token == "[1":
                    return s._replace(rank=0, ending=1, varied=True, last=AFTER_OTHER, at_ending=s.number)
                return s._replace(rank=0, ending=3, last=AFTER_OTHER)
            case "{":
                return s._replace(rank=GRACE, size=0)
            case "!":
                return s._replace(rank=MARK, mark=step, rolled=s.rolled or step in self.alone)
            case '"':
                return s._replace(rank=ROOT, chorded=True)
        return s._replace(rank=KIND if token[0] == "~" else BASS)

    def _after_head(self, s: State, token: str) -> State:
        s = s._replace(head=s.head + 1, hornpipe=s.hornpipe or (s.head == RHYTHM and "hornpipe" in token))
        if token in self.meters:
            return s._replace(bar=in_grid(self.meters[token].bar))
        return s._replace(unit=in_grid(self.units[token])) if token in self.units else s

    # -- the way to an end --------------------------------------------------------------------

    def to_end(self, state: Hashable) -> int:
        """Return the steps to an end on the way that `toward_end` takes: each of its steps lowers it by one."""
        s, path = untied(cast(State, state)), []
        while s not in self._distance and not self.may_end(s):
            path.append(s)
            s = untied(cast(State, self.advance(s, self.toward_end(s))))
        distance = self._distance.get(s, 0)
        if len(self._distance) > CACHED:
            self._distance.clear()
        for s in reversed(path):
            distance += 1
            self._distance[s] = distance
        return distance

    def toward_end(self, s: State) -> int:
        """Return an allowed step on a short way to an end."""
        if s.head < 4:
            choices = [self.index[token] for token in tokens.USUAL if self.index[token] in self._heads(s)]
            return (choices or self._heads(s))[0]
        if s.ending == 2:
            return self.index["[2"]
        if s.rank == GRACES or s.rank == FULL:
            return self.index["}" if s.rank == GRACES else "]"]
        if s.rank in (GRACE, CHORD, CHORDS):
            return int(np.flatnonzero(self.allowed(s))[0] if s.rank != GRACE else self.pitches[0])
        if s.rank in (0, NOTE) and not s.left and (line := self._line(s)):
            return self.index[line_token(s, line)]
        lengths = self._lengths(s)
        complete = going_on(lengths, s.unit, s.length)[1]
        goal = self._goal(s)
        if s.left == 0 and s.length == 0:
            spelling = spelled(max((length for length in lengths if length <= goal), default=lengths[0]), s.unit)
            return self.atom_steps[spelling[0]] if spelling else self._pitch(s)
        if complete:
            return self._pitch(s)
        fitting = [spelled(length, s.unit) for length in lengths]
        best = min((spelling for spelling in fitting if self._begins(spelling, s)), key=len)
        return self.atom_steps[best[self._place(best, s)]]

    def _pitch(self, s: State) -> int:
        return s.tie if s.tie >= 0 else int(self.pitches[len(self.pitches) // 2])

    def _line(self, s: State) -> str | None:
        """Return the bar line that leads to an end from here, None where a note must come."""
        closers = closing(s, s.fill)
        if s.tie >= 0:
            return "|" if "|" in closers and not room(s) else None
        for kind in ("|]", ":|") if s.bars in (UNCOUNTED, 1) or s.ending == 1 else ():
            if kind in closers:
                return kind
        return "|" if "|" in closers and (not room(s) or s.fill == (s.bar or s.fill)) else None

    def _goal(self, s: State) -> int:
        """Return how much the bar at hand lacks to where it is best closed."""
        if not s.bar:
            return s.unit
        repeated = s.ending == 1 or (s.repeat and s.ending == 0)
        short = s.bar - (s.upbeat if repeated else max(0, s.first))
        if s.opening and s.due > 0:
            short = s.due
        return short - s.fill if short > s.fill and closing(s, short) else room(s)

    def _begins(self, spelling: Sequence[Any], s: State) -> bool:
        """Return whether a spelling of a length goes on from the atoms that have come."""
        total = 0
        for atom in spelling:
            if total == s.length:
                return True
            total += int(atom * s.unit)
        return False

    def _place(self, spelling: Sequence[Any], s: State) -> int:
        total = 0
        for place, atom in enumerate(spelling):
            if total == s.length:
                return place
            total += int(atom * s.unit)
        raise AssertionError("the spelling goes on")


def untied(s: State) -> State:
    """Return a state that is as far from an end, without what does not matter on the way there."""
    s = s._replace(number=0, at_ending=0)
    return s._replace(rank=0, mark=-1) if s.rank == NOTE else s


__all__ = ["Automaton", "Tuplet"]
