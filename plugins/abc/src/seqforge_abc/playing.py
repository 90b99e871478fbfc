"""How a tune sounds: repeats and endings played out, ties merged, grace notes stolen, a tempo for its rhythm."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.bars import SECTION_ENDS
from seqforge_abc.signs import CHORDS
from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import Bar, ChordSymbol, Ending, Music, Note, Tune, Tuplet

GRACE = Fraction(1, 48)
"""How long a grace note sounds, in whole notes, at most; all before a note take at most half of it."""
LEGATO = Fraction(19, 20)
STACCATO = Fraction(1, 2)
MOST_NOTES, MOST_TIME = 20_000, Fraction(4_000)
"""However many repeats there are, no more notes and whole notes are played."""
_TEMPI = {
    "air": 76, "barndance": 150, "carolan": 96, "clog": 76, "country dance": 110, "double jig": 112, "fling": 150,
    "highland": 140, "highland fling": 140, "hop jig": 120, "hornpipe": 76, "jig": 112, "lament": 56, "march": 100,
    "mazurka": 132, "minuet": 116, "planxty": 96, "polka": 120, "quadrille": 112, "reel": 96, "schottische": 140,
    "set dance": 76, "single jig": 116, "slide": 126, "slip jig": 112, "slipjig": 112, "slow air": 56, "song": 92,
    "strathspey": 126, "three-two": 132, "walkaround": 110, "waltz": 138,
}  # fmt: skip
"""Beats a minute."""
_TWO_BEATS = frozenset(("clog", "hornpipe", "reel", "set dance"))
"""Rhythms with two beats in a bar, whether it is written as 4/4, 2/2 or 2/4."""


@dataclass(frozen=True)
class Moment:
    """A note as it is played, in a key and a meter; its duration is the sounding one."""

    note: Note
    key: Key
    meter: Meter


@dataclass(frozen=True)
class Sound:
    """One key that is struck.

    Attributes:
        start: in whole notes.
        end: in whole notes, later than `start`.
        pitch: MIDI number.
        velocity: 1 to 127.
        chord: whether it belongs to the accompaniment.
    """

    start: Fraction
    end: Fraction
    pitch: int
    velocity: int
    chord: bool = False


def tempo_of(tune: Tune) -> tuple[Fraction, int]:
    """Return the beat, in whole notes, and how many there are in a minute."""
    meter, rhythm = tune.meter, tune.rhythm.strip().lower()
    beat = Fraction(3, meter.unit) if meter.compound else Fraction(1, 2 if meter.unit in (1, 2) else 4)
    if meter.unit >= 8 and not meter.compound:
        beat = Fraction(1, 4) if meter.beats % 2 == 0 else Fraction(2, meter.unit)
    if rhythm in _TWO_BEATS and meter.bar and not meter.compound:
        beat = meter.bar / 2
    usual = 104 if meter.compound else 120 if meter.beats == 3 else 84 if meter.beats == 2 else 132
    return beat, _TEMPI.get(rhythm, usual)


def played(tune: Tune) -> list[Note]:
    """Return the notes in the order in which they are played, with sounding durations."""
    return [moment.note for moment in performed(tune)]


def performed(tune: Tune) -> list[Moment]:
    """Return the notes in the order in which they are played; see `Moment`.

    A repeat without an opening one goes back to the last double bar or closing repeat. Each section is played
    twice, or as often as its highest ending says.
    """
    atoms = _atoms(tune)
    found: list[Moment] = []
    at = begin = 0
    time, opened, ended = 1, False, False
    elapsed = Fraction(0)
    while at < len(atoms) and len(found) < MOST_NOTES and elapsed < MOST_TIME:
        atom = atoms[at]
        at += 1
        if isinstance(atom, Moment):
            found.append(atom)
            elapsed += atom.note.duration
        elif isinstance(atom, Ending):
            numbers = [int(number) for number in atom.number.split(",") if number.isdigit()]
            if time in numbers:
                ended = True
            elif ended and time < _times(atoms, begin):  # somebody forgot the repeat before this ending
                at, time, ended = begin, time + 1, False
            else:
                at = _after_ending(atoms, at)
        elif atom.kind in (":|", "::") and time < _times(atoms, begin):
            at, time, ended = begin, time + 1, False
        elif atom.kind in (":|", "|:", "::") or (atom.kind in SECTION_ENDS and not opened):
            begin, time, ended, opened = at, 1, False, atom.kind in ("|:", "::")
    return found


def _atoms(tune: Tune) -> list[Moment | Bar | Ending]:
    """Return bar lines, endings and notes with their sounding durations, keys and meters."""
    found: list[Moment | Bar | Ending] = []
    key, meter, scale, left = tune.key, tune.meter, Fraction(1), 0
    for element in tune.music:
        match element:
            case Note():
                note = dataclasses.replace(element, duration=element.duration * scale) if left else element
                left = max(0, left - 1)
                found.append(Moment(note, key, meter))
            case Tuplet():
                scale, left = Fraction(element.q, element.p), element.r
            case Key():
                key = element
            case Meter():
                meter = element
            case _:
                found.append(element)
    return found


def _times(atoms: Sequence[Moment | Music], begin: int) -> int:
    """Return how often the section that begins at a place is played where a repeat closes it."""
    most, closed = 2, False
    for atom in atoms[begin:]:
        if isinstance(atom, Ending):
            most = max([most, *(int(number) for number in atom.number.split(",") if number.isdigit())])
            closed = False
        elif closed or (isinstance(atom, Bar) and atom.kind in ("|:", "::")):
            break
        elif isinstance(atom, Bar) and atom.kind in SECTION_ENDS:
            closed = atom.kind == ":|"
            if not closed:
                break
    return most


def _after_ending(atoms: Sequence[Moment | Music], at: int) -> int:
    """Return the place after an ending that is not played this time."""
    while at < len(atoms):
        atom = atoms[at]
        if isinstance(atom, Ending) or (isinstance(atom, Bar) and atom.kind in ("|:", "::")):
            return at
        at += 1
        if isinstance(atom, Bar) and atom.kind in SECTION_ENDS:
            return at
    return at


def sounds(moments: Sequence[Moment]) -> list[Sound]:
    """Return the keys that are struck, melody and accompaniment, in the order in which they begin."""
    found: list[Sound] = []
    held: dict[int, int] = {}  # by pitch, the sound that a tie prolongs
    at = Fraction(0)
    symbols: list[tuple[Fraction, ChordSymbol, Fraction]] = []
    for moment in moments:
        note = moment.note
        end = at + note.duration
        if note.chord is not None:
            symbols.append((at, note.chord, moment.meter.bar or Fraction(1)))
        begin = at
        if note.graces:
            each = min(GRACE, note.duration / (2 * len(note.graces)))
            for pitch in note.graces:
                found.append(Sound(begin, begin + each, _within(pitch.midi), 72))
                begin += each
        tied = dict(held)
        held.clear()
        short = LEGATO if "staccato" not in note.decorations else STACCATO
        loud = 100 if "accent" in note.decorations else 84
        for midi in dict.fromkeys(_within(pitch.midi) for pitch in note.pitches):
            stop = end if note.tied else begin + (end - begin) * short
            if midi in tied:
                found[tied[midi]] = dataclasses.replace(found[tied[midi]], end=stop)
            else:
                found.append(Sound(begin, stop, midi, loud))
            if note.tied:
                held[midi] = tied.get(midi, len(found) - 1)
        at = end
    found += _accompaniment(symbols, at)
    return sorted(found, key=lambda sound: (sound.start, sound.chord, sound.pitch))


def _accompaniment(symbols: Sequence[tuple[Fraction, ChordSymbol, Fraction]], end: Fraction) -> list[Sound]:
    """Return soft chords: each from its symbol to the next, struck again after every bar."""
    found = []
    for (at, chord, bar), after in zip(symbols, [*(symbol[0] for symbol in symbols[1:]), end], strict=False):
        root = 48 + 7 * chord.root % 12
        bass = root - 12 if chord.bass is None else 36 + 7 * chord.bass % 12
        pitches = [bass, *(root + above for above in CHORDS.get(chord.kind, CHORDS[""])[1])]
        begin = at
        while begin < after:
            stop = min(begin + bar, after)
            found += [Sound(begin, begin + (stop - begin) * LEGATO, pitch, 44, chord=True) for pitch in pitches]
            begin = stop
    return found


def _within(midi: int) -> int:
    """Return a pitch that MIDI has."""
    while midi < 0:
        midi += 12
    while midi > 127:
        midi -= 12
    return midi
