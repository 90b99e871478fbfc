"""The notes of a tune, one after the other, as their signs come: what is pending, what still holds in this bar."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from seqforge_abc.fields import Signature, chord_symbol, decoration
from seqforge_abc.lexing import CHORD, IN_CHORD, NOTE, alteration, pitch_of, times
from seqforge_abc.normal import bar_kind, ending_number
from seqforge_abc.theory import LETTERS, Meter, Pitch
from seqforge_abc.tune import DECORATIONS, Bar, ChordSymbol, Ending, Music, Note, Tuplet

LONGEST = Fraction(16)
"""The longest note, in whole notes."""
MOST_RESTS = 64
"""In bars: the longest rest."""
MOVED_BACK = frozenset(("fermata", "fine", "D.C.", "D.S.", "dacoda", "dacapo"))
"""Decorations that stand at a bar line and belong to the note before it."""
UNKNOWN = "signs without a meaning"


class BadMusicError(ValueError):
    """Music code that stands for no music; it says why, as half a sentence."""


class Voice:
    """A voice that takes the signs of music code; for each kind of sign it has a method.

    Args:
        key: what the K: field before it says.
        meter: at its beginning.
        unit: the length of a letter, in whole notes.
    """

    def __init__(self, key: Signature, meter: Meter, unit: Fraction) -> None:
        self.key, self.meter, self.unit = key, meter, unit
        self.symbols: dict[str, str] = dict(DECORATIONS)
        self.music: list[Music] = []
        self.ties: dict[int, set[Pitch]] = {}  # for the place of a note what of it is tied
        self.lost: Counter[str] = Counter()
        self.last: int | None = None  # where in the music the last note is
        self.altered: dict[int, int] = {}  # in this bar: the alteration of a letter
        self.in_bar = False  # whether a note stands in this bar
        self.fresh = False  # whether nothing stands on this line yet
        self.chord: ChordSymbol | None = None
        self.decorations: list[str] = []
        self.graces: list[Pitch] = []
        self.sign = ""  # of broken rhythm, before the next note
        self.pending: Tuplet | None = None
        self.left = 0  # how many of the next notes are in a tuplet
        self.in_tuplet = False  # whether the last note is in one

    def lose(self, what: str, count: int = 1) -> None:
        """Count what a Tune does not keep."""
        if what and count:
            self.lost[what] += count

    def latest(self) -> Note:
        """Return the last note."""
        assert self.last is not None
        note = self.music[self.last]
        assert isinstance(note, Note)
        return note

    # -- notes -------------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        pitch, length = self.pitched(text)
        self.add((pitch,), times(length) * self.unit)

    def pitched(self, text: str) -> tuple[Pitch, str]:
        """Return the pitch that a note sounds, and its length as it is written."""
        found = NOTE.match(text)
        assert found is not None
        accidental, name, marks, length = found.groups()
        letter = LETTERS.index(name.upper())
        if accidental:
            alter = self.altered[letter] = alteration(accidental)
            self.lose("microtones", "/" in accidental)
        else:
            alter = self.altered.get(letter, self.key.alters[letter])
            if self.last in self.ties:
                height = pitch_of(name, marks, 0).height
                alter = next((tied.alter for tied in self.ties[self.last] if tied.height == height), alter)
        pitch = pitch_of(name, marks, alter)
        if not -1 <= pitch.octave <= 9:
            raise BadMusicError(f"the note {text[:20]!r} lies outside what anyone can hear")
        return pitch, length

    def add(self, pitches: tuple[Pitch, ...], duration: Fraction) -> None:
        """Add a note, its length in whole notes, with all that is pending."""
        if self.pending is not None:
            self.left = self.pending.r
        if self.sign:
            duration = self.halved(duration)
        if not 0 < duration <= LONGEST:
            raise BadMusicError(f"a note of {float(duration):g} whole notes; more than 0 and at most 16 are allowed")
        if self.pending is not None:
            self.music.append(self.pending)
        names = tuple(sorted(set(self.decorations))) if self.decorations else ()
        self.in_tuplet, self.left = self.left > 0, max(0, self.left - 1)
        self.last, self.in_bar = len(self.music), True
        self.music.append(Note(pitches, duration, False, names, tuple(self.graces), self.chord))
        self.pending = self.chord = None
        self.decorations.clear()
        self.graces.clear()

    def chord_(self, text: str) -> None:
        found = CHORD.fullmatch(text)
        assert found is not None
        pitches: dict[Pitch, str] = {}
        tied: set[Pitch] = set()
        last = None
        for sign in IN_CHORD.finditer(found[1]):
            if sign.lastgroup == "note":
                last, length = self.pitched(sign[0])
                pitches.setdefault(last, length)
            elif sign.lastgroup != "tie_embeddings":
                getattr(self, sign.lastgroup or "")(sign[0])
            elif last is not None:
                tied.add(last)
        if not pitches:
            self.lose(UNKNOWN)
            return
        rising = tuple(sorted(pitches, key=lambda pitch: (pitch.midi, pitch.height)))
        self.add(rising, times(next(iter(pitches.values()))) * times(found[2]) * self.unit)
        if tied and self.last is not None:
            self.ties[self.last] = tied

    def rest(self, text: str) -> None:
        sign, length = text[0], text[1:]
        self.lose("rests that are not seen", sign in "xX")
        if sign in "ZX" and not self.in_bar:
            count = times(length)
            if not 1 <= count <= MOST_RESTS or count.denominator > 1:
                raise BadMusicError(f"a rest of {length} bars; 1 to {MOST_RESTS} are allowed")
            for number in range(int(count)):
                if number:
                    self.bar("|")
                self.add((), self.meter.bar or Fraction(1))
            return
        self.lose("rests of whole bars within a bar, read as z", sign in "ZX")
        self.add((), times(length) * self.unit)

    def broken(self, text: str) -> None:
        self.lose(UNKNOWN, self.last is None)
        self.sign = text if self.last is not None else ""

    def halved(self, duration: Fraction) -> Fraction:
        """Return the length of the second note of a broken rhythm, and change the first.

        They must be equal, as for abc2midi: where people write other lengths the bar is right without it.
        """
        sign, self.sign = self.sign, ""
        first = self.latest()
        if first.duration != duration or self.in_tuplet != (self.left > 0):
            self.lose("broken rhythms of unequal notes")
            return duration
        small = duration * Fraction(1, 2 ** min(3, len(sign)))
        large = 2 * duration - small
        assert self.last is not None
        self.music[self.last] = replace(first, duration=large if sign[0] == ">" else small)
        return small if sign[0] == ">" else large

    def tie(self, text: str) -> None:
        if self.last is None or isinstance(self.music[-1], Ending):
            self.lose("ties to nothing")
        else:
            self.ties[self.last] = set(self.latest().pitches)

    def tuplet(self, text: str) -> None:
        p, q, r = (int(number or 0) for number in (text[1:] + "::").split(":")[:3])
        default = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p) or (3 if self.meter.compound else 2)
        self.pending = Tuplet(p, q or default, r or p)

    # -- what stands between them ------------------------------------------------------------------------------

    def bar(self, text: str) -> None:
        shape = text.rstrip("0123456789,-[") or text
        follows = bool(self.music) and isinstance(self.music[-1], Bar)
        kind = bar_kind(shape, opens=follows or self.fresh)
        if kind == "|]" and self.fresh and follows:
            kind = "|"  # it is drawn at the beginning of a line, and ends nothing
        self.settle()
        self.music.append(Bar(kind))
        self.altered.clear()
        self.in_bar = False
        if text[-1].isdigit():
            self.ending(text[len(shape) :])

    def ending(self, text: str) -> None:
        number = ending_number(text.lstrip("["))
        self.lose("endings of a rare number", number is None)
        if number:
            self.music.append(Ending(number))

    def number(self, text: str) -> None:
        if self.music and isinstance(self.music[-1], Bar):
            self.ending(text)
        else:
            self.lose(UNKNOWN)

    def settle(self) -> None:
        """Give the last note what stands at the bar line after it and belongs to it."""
        moved = MOVED_BACK.intersection(self.decorations)
        if moved and self.last is not None:
            names = tuple(sorted(moved | set(self.latest().decorations)))
            self.music[self.last] = replace(self.latest(), decorations=names)
            self.decorations = [name for name in self.decorations if name not in moved]

    # -- what stands above them --------------------------------------------------------------------------------

    def grace(self, text: str) -> None:
        self.graces += [self.pitched(found[0])[0] for found in NOTE.finditer(text)]

    def quote(self, text: str) -> None:
        chord = chord_symbol(text[1:-1])
        if chord is None:
            self.lose("annotations")
        else:
            self.lose("chord symbols", self.chord is not None)
            self.chord = chord

    def words(self, text: str) -> None:
        self.lose("annotations")

    def letter(self, text: str) -> None:
        name = self.symbols.get(text)
        if name:
            self.decorations.append(name)
        else:
            self.lose(UNKNOWN, name is None)

    def decoration(self, text: str) -> None:
        name = decoration(text[1:-1])
        if name:
            self.decorations.append(name)
        else:
            self.lose("decorations")

    def spacer(self, text: str) -> None:
        self.settle()

    def slur(self, text: str) -> None:
        self.lose("slurs", text == "(")

    def other(self, text: str) -> None:
        self.lose(UNKNOWN, text not in '!"')
