"""Tunes as ABC 2.1, as people write it: bars of beamed beats, four or so on a line.

Readers of ABC disagree on how far an accidental reaches: the same octave or all of them, over a tie or not, out
of grace notes or not. It is written wherever two of these readings differ, so that all give the same pitch.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from seqforge_abc.bars import ends_of_lines, runs
from seqforge_abc.theory import ACCIDENTALS, Key, Meter, Pitch, spelled
from seqforge_abc.tune import DECORATIONS, Bar, ChordSymbol, Ending, Music, Note, Tune, Tuplet, most_common_unit

HEAD = "%abc-2.1"
LONGEST_LINE = 100
"""In characters; a single bar may be longer."""
_DENSE = 76
"""In characters: a tune with a longer line is engraved smaller, since abcm2ps gives up on lines that do not fit."""
_CONTINUED, _WRAPPED = 110, 70
"""In characters: a line that is longer than the one is broken into lines of the other."""
_LETTERS = {name: letter for letter, name in DECORATIONS.items()}
_BROKEN = {(Fraction(3, 2), Fraction(1, 2)): ">", (Fraction(1, 2), Fraction(3, 2)): "<",
           (Fraction(7, 4), Fraction(1, 4)): ">>", (Fraction(1, 4), Fraction(7, 4)): "<<"}  # fmt: skip


def book_to_abc(tunes: Iterable[Tune]) -> str:
    """Return tunes as one ABC file, numbered from X:1."""
    return "\n".join([HEAD + "\n", *(tune_to_abc(tune, number) for number, tune in enumerate(tunes, start=1))])


def tune_to_abc(tune: Tune, number: int = 1) -> str:
    """Return a tune as ABC 2.1, with a line break at its end.

    Args:
        tune: any tune, whatever its bars hold.
        number: of its X: field.
    """
    unit = written_unit(tune)
    head = [f"X:{number}", f"T:{_line(tune.title) or 'Untitled'}"]
    head += [f"% {_line(comment, comment=True)}" for comment in tune.comments]
    head += [f"R:{_line(tune.rhythm)}"] if tune.rhythm else []
    lines = list(_lines(tune, unit))
    head += ["%%scale 0.55"] if any(len(line) > _DENSE for line in lines) else []
    head += [f"M:{tune.meter}", f"L:{unit.numerator}/{unit.denominator}", f"K:{tune.key}"]
    return "\n".join([*head, *lines]) + "\n"


def written_unit(tune: Tune) -> Fraction:
    """Return the length to write as one letter: that of most notes, a dotted pair (`e>f`) counted as two even ones.

    Like most books, it takes no unit longer than an eighth; programs take the length of grace notes from it.
    """
    counts: Counter[Fraction] = Counter()
    notes = tune.notes()
    at = 0
    while at < len(notes):
        pair = [note.duration for note in notes[at : at + 2]]
        even = sum(pair, Fraction(0)) / 2
        dotted = len(pair) == 2 and even <= Fraction(1, 8) and max(pair) == 3 * min(pair)
        counts[even if dotted else pair[0]] += 1 + dotted
        at += 1 + dotted
    return min(Fraction(1, 8), most_common_unit(counts))


def default_tuplet(p: int, meter: Meter) -> int | None:
    """Return in the time of how many notes `p` of them are played in a meter; None where readers differ."""
    if p in (5, 7, 9):
        if str(meter) in ("6/8", "9/8", "12/8"):
            return 3
        return None if meter.beats % 3 == 0 else 2
    return {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p)


def chord_symbol(chord: ChordSymbol) -> str:
    """Return a chord symbol as it is read above the notes: Am7/G."""
    return spelled(chord.root) + chord.kind + ("" if chord.bass is None else "/" + spelled(chord.bass))


def _line(text: str, *, comment: bool = False) -> str:
    """Return a text as one line of a field, in which a % does not begin a comment."""
    text = " ".join(text.split())
    return text.removeprefix("%").lstrip() if comment else re.sub(r"(?<!\\)%", r"\\%", text)


# -- accidentals -----------------------------------------------------------------------------------------------


@dataclass
class _Accidentals:
    """What the accidentals of this bar may mean, by every reading."""

    key: Key
    octaves: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    letters: dict[int, set[int]] = field(default_factory=dict)

    def bar(self, tied: Iterable[Pitch]) -> None:
        """Begin a bar; the accidentals of notes that are tied into it may still hold, or not."""
        self.octaves.clear()
        self.letters.clear()
        for pitch in tied:
            place = pitch.letter, pitch.octave
            self.octaves.setdefault(place, {self.key.alter(pitch.letter)}).add(pitch.alter)

    def change(self, key: Key) -> None:
        """Enter a key; what the bar altered before may still hold, or not."""
        self.key = key
        for (letter, _), found in self.octaves.items():
            found.add(key.alter(letter))
        for letter, found in self.letters.items():
            found.add(key.alter(letter))

    def mark(self, pitch: Pitch, *, grace: bool = False) -> str:
        """Return a pitch with an accidental where it needs one, and remember that."""
        place = pitch.letter, pitch.octave
        signature = self.key.alter(pitch.letter)
        octaves = self.octaves.setdefault(place, {signature})
        letters = self.letters.setdefault(pitch.letter, {signature})
        written = octaves | letters != {pitch.alter}
        if written:
            for found in (octaves, letters):
                if not grace:
                    found.clear()
                found.add(pitch.alter)
        return (ACCIDENTALS[pitch.alter] if written else "") + str(pitch).lstrip("^_=")


# -- the notes of a bar ----------------------------------------------------------------------------------------


def _bar_lines(group: Sequence[Bar | Ending]) -> str:
    text = ""
    for element in group:
        if isinstance(element, Ending):
            text = (
                text.rstrip() + ("" if text.endswith("|") and not text.endswith("||") else "[") + element.number + " "
            )
        else:
            text += (" " if text and not text.endswith(" ") else "") + element.kind
    return text


class _Pen:
    """Writes notes, and knows the key, the meter and the tuplet that they stand in."""

    def __init__(self, tune: Tune, unit: Fraction) -> None:
        self.unit, self.meter = unit, tune.meter
        self.hornpipe = "hornpipe" in tune.rhythm.lower()
        self.accidentals = _Accidentals(tune.key)
        self.scale, self.left = Fraction(1), 0
        self.tied: tuple[Pitch, ...] = ()

    def bar(self) -> None:
        """Draw a bar line."""
        self.accidentals.bar(self.tied)

    def write(self, run: Sequence[Music], start: Fraction) -> str:
        """Return a run as text; it begins at `start` of its bar, in whole notes."""
        text, at, beat, nominal = "", start, -1, Fraction(0)
        for number, element in enumerate(run):
            match element:
                case Note():
                    here = at // self.meter.beat
                    if beat not in (-1, here) and not self.left:
                        text = text.rstrip() + " "
                    beat = here
                    sign, length = "", element.duration
                    if nominal:
                        length, nominal = nominal, Fraction(0)
                    elif found := self._broken(element, run[number + 1 : number + 2], at, start):
                        sign, length = found
                        nominal = length
                    at += element.duration * (self.scale if self.left else 1)
                    text += self._note(element, length / self.unit) + sign
                    if self.left:
                        self.left -= 1
                        text += "" if self.left else " "
                case Tuplet():
                    self.scale, self.left = Fraction(element.q, element.p), element.r
                    text = text.rstrip() + (" " if text else "") + self._tuplet(element)
                    beat = -1
                case Ending():
                    text = text.rstrip() + (" " if text else "") + f"[{element.number} "
                    self.accidentals.change(self.accidentals.key)
                case Key():
                    self.accidentals.change(element)
                    text = text.rstrip() + (" " if text else "") + f"[K:{element}]"
                case Meter():
                    self.meter = element
                    text = text.rstrip() + (" " if text else "") + f"[M:{element}]"
                case Bar():
                    raise AssertionError("a run has no bar lines")
        return text.rstrip()

    def _broken(
        self, note: Note, following: Sequence[Music], at: Fraction, start: Fraction
    ) -> tuple[str, Fraction] | None:
        """Return the sign of broken rhythm and the length to write, where two notes are such a pair within a beat."""
        after = following[0] if following else None
        if self.left or not isinstance(after, Note) or not _plain(note) or not _plain(after) or after.graces:
            return None
        if at // self.meter.beat != (at + note.duration) // self.meter.beat:
            return None
        for nominal in (self.unit, self.unit / 2):
            if self.hornpipe and (at - start) % (2 * nominal):
                continue  # abc2midi has dotted the pair across which this one stands; it counts from the bar line
            if sign := _BROKEN.get((note.duration / nominal, after.duration / nominal)):
                return sign, nominal
        return None

    def _tuplet(self, tuplet: Tuplet) -> str:
        if tuplet.r == tuplet.p and tuplet.q == default_tuplet(tuplet.p, self.meter):
            return f"({tuplet.p}"
        return f"({tuplet.p}:{tuplet.q}:{tuplet.r}"

    def _note(self, note: Note, length: Fraction) -> str:
        text = ""
        if note.graces:
            text += "{" + "".join(self.accidentals.mark(pitch, grace=True) for pitch in note.graces) + "}"
        if note.chord is not None:
            text += f'"{chord_symbol(note.chord)}"'
        text += "".join(_LETTERS.get(name) or f"!{name}!" for name in note.decorations)
        marks = [self.accidentals.mark(pitch) for pitch in note.pitches]
        self.tied = note.pitches if note.tied else ()
        after = _length(length)
        if self.hornpipe and len(marks) > 1:  # abc2midi loses its place in the bar after a length behind a chord
            marks, after = [mark + after for mark in marks], ""
        text += f"[{''.join(marks)}]" if len(marks) > 1 else marks[0] if marks else "z"
        return text + after + ("-" if note.tied and marks else "")


def _plain(note: Note) -> bool:
    """Return whether a note may be one of a pair in broken rhythm: abc2midi refuses those it plays as several."""
    simple = set(_LETTERS).difference(("staccato", "roll", "trill"))
    return len(note.pitches) == 1 and not note.tied and note.chord is None and simple.issuperset(note.decorations)


def _length(length: Fraction) -> str:
    if length == Fraction(1, 2):
        return "/"
    top = "" if length.numerator == 1 else str(length.numerator)
    return top + ("" if length.denominator == 1 else f"/{length.denominator}")


# -- lines -----------------------------------------------------------------------------------------------------


def _lines(tune: Tune, unit: Fraction) -> Iterator[str]:
    """Yield bars as lines: four or so on each, ends of sections at their ends."""
    pen, cut = _Pen(tune, unit), runs(tune)
    bodies, tails = [], []
    for run in cut:
        bodies.append(pen.write(run.music, run.start))
        tails.append(_bar_lines(run.lines))
        pen.bar()
    widths = [len(body) + len(tail) for body, tail in zip(bodies, tails, strict=True)]
    line = ""
    ends = frozenset(ends_of_lines(cut, widths, LONGEST_LINE))
    for number, (body, tail) in enumerate(zip(bodies, tails, strict=True)):
        line += body
        if number not in ends:
            line += tail
            continue
        closing, opening = _parted(tail)
        yield from _wrapped((line + closing).rstrip())
        line = opening
    if line.strip():
        yield from _wrapped(line.rstrip())


def _parted(tail: str) -> tuple[str, str]:
    """Return bar lines as the end of a line and the beginning of the next, which readers join again."""
    if tail.endswith("::"):
        return tail[:-1] + "|", "|:"
    if tail.endswith("|:"):
        return tail[:-2].rstrip() or "||", "|:"
    return tail, ""


def _wrapped(line: str) -> list[str]:
    """Return a line of music, broken between beats where it is far too long to be engraved as one."""
    if len(line) <= _CONTINUED:
        return [line] if line else []
    found = []
    while len(line) > _WRAPPED:
        places = [match.start() for match in re.finditer(r" (?!\[\d)", line)]  # no line begins with an ending
        cut = max((place for place in places if place < _WRAPPED), default=places[0] if places else 0)
        if not cut:
            break
        found.append(line[:cut])
        line = line[cut + 1 :]
    return [*found, line]
