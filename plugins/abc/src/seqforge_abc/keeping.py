"""What the encoding keeps of a tune: the promise of the round trip, told on tunes and not on tokens."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator
from fractions import Fraction

from seqforge_abc.theory import MOST_FIFTHS, NO_KEY, NO_METER, Key, Meter, Pitch
from seqforge_abc.tokens import GRID, HIGHEST, KINDS, LOWEST, METERS, ROOTS, TUPLETS, rising
from seqforge_abc.tune import BARS, DECORATIONS, ENDINGS, MORE_DECORATIONS, Bar, Ending, Music, Note, Tune, Tuplet

KNOWN = frozenset((*DECORATIONS.values(), *MORE_DECORATIONS))
LONGEST = Fraction(16)


def kept(tune: Tune, rhythms: Collection[str]) -> tuple[Tune, Counter[str]]:
    """Return a tune as the encoding keeps it, and what is not kept, by name.

    Lengths are multiples of a 128th, pitches lie within five octaves, rare tuplets are written out, unknown
    decorations and chord symbols are left out, a rhythm that the codec does not know is unknown, and a final
    bar line is where the tune ends and only there.
    """
    lost: Counter[str] = Counter(tune.lost)
    rhythm = tune.rhythm
    if rhythm and rhythm not in rhythms:
        lost[f"the rhythm {rhythm!r}"] += 1
        rhythm = ""
    meter = _meter(tune.meter, lost)
    key = _key(tune.key, lost)
    music = _ended(list(_music(tune, lost)), lost)
    return dataclasses.replace(tune, music=music, key=key, meter=meter, rhythm=rhythm), +lost


def _ended(music: list[Music], lost: Counter[str]) -> tuple[Music, ...]:
    """Return the elements with a final bar line at the end, and nowhere else.

    A tune ends with `|]` or `:|`, so that every tune says in one way that it is over; a `|]` before that is the
    end of a section, `||`.
    """
    lines = [place for place, element in enumerate(music) if isinstance(element, Bar)]
    for place in lines:
        if music[place] == Bar("|]"):
            music[place] = Bar("||")
    if lines and not any(isinstance(element, Note) for element in music[lines[-1] :]):
        lost["signs after the last note"] += len(music) - lines[-1] - 1
        del music[lines[-1] + 1 :]
        repeated = music[-1] in (Bar(":|"), Bar("::"))
        music[-1] = Bar(":|" if repeated else "|]")
    return tuple(music)


def _music(tune: Tune, lost: Counter[str]) -> Iterator[Music]:
    scale, left = Fraction(1), 0
    for element in tune.music:
        match element:
            case Note():
                factor = scale if left else Fraction(1)
                left = max(0, left - 1)
                yield _note(element, factor, lost)
            case Tuplet():
                if element in TUPLETS:
                    yield element
                else:
                    lost["tuplets of a rare kind"] += 1
                    scale, left = Fraction(element.q, element.p), element.r
            case Bar():
                yield element if element.kind in BARS else Bar("|")
            case Ending():
                first = element.number.partition(",")[0]
                if element.number in ENDINGS:
                    yield element
                elif first in ENDINGS:
                    lost["endings for several times, of which the first is kept"] += 1
                    yield Ending(first)
                else:
                    lost["endings above the sixth"] += 1
            case Key():
                yield _key(element, lost)
            case Meter():
                yield _meter(element, lost)


def _note(note: Note, factor: Fraction, lost: Counter[str]) -> Note:
    duration = note.duration * factor
    rounded = min(LONGEST, max(GRID, round(duration / GRID) * GRID))
    if rounded != duration:
        lost["lengths, rounded"] += 1
    pitches = tuple(sorted({_within(pitch, lost) for pitch in note.pitches}, key=rising))
    graces = tuple(_within(pitch, lost) for pitch in note.graces)
    decorations = tuple(sorted({name for name in note.decorations if name in KNOWN}))
    lost["decorations"] += len(set(note.decorations)) - len(decorations)
    chord = note.chord
    if chord is not None:
        bass = chord.bass
        if chord.kind not in KINDS or chord.root not in ROOTS or (bass is not None and bass not in ROOTS):
            lost["chord symbols"] += 1
            chord = None
    return Note(pitches, rounded, note.tied, decorations, graces, chord)


def _within(pitch: Pitch, lost: Counter[str]) -> Pitch:
    octave = pitch.octave
    while dataclasses.replace(pitch, octave=octave).midi < LOWEST:
        octave += 1
    while dataclasses.replace(pitch, octave=octave).midi > HIGHEST:
        octave -= 1
    lost["pitches, moved by octaves"] += octave != pitch.octave
    return dataclasses.replace(pitch, octave=octave)


def _meter(meter: Meter, lost: Counter[str]) -> Meter:
    if meter in METERS or meter == NO_METER:
        return meter
    lost[f"the meter {meter}"] += 1
    return NO_METER


def _key(key: Key, lost: Counter[str]) -> Key:
    if key.tonic is None or abs(key.signature) <= MOST_FIFTHS:
        return key
    lost[f"the key {key}"] += 1
    return NO_KEY
