"""The playback of a tune: repeats are played out, ties merged, grace notes timed, and the rhythm sets the tempo."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from seqforge_abc.bars import SECTION_ENDS
from seqforge_abc.notation import CHORDS
from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import BarLine, ChordSymbol, Element, Ending, Note, Tune, Tuplet

GRACE_LENGTH = Fraction(1, 48)
"""The longest grace note, in whole notes; the grace notes before a note take at most half of its length."""
LEGATO = Fraction(19, 20)
"""The sounding share of a note's length."""
STACCATO = Fraction(1, 2)
MAX_NOTES, MAX_LENGTH = 20_000, Fraction(4_000)
"""The limits of a playback, in notes and whole notes."""
_TEMPOS = {
    "air": 76, "barndance": 150, "carolan": 96, "clog": 76, "country dance": 110, "double jig": 112, "fling": 150,
    "highland": 140, "highland fling": 140, "hop jig": 120, "hornpipe": 76, "jig": 112, "lament": 56, "march": 100,
    "mazurka": 132, "minuet": 116, "planxty": 96, "polka": 120, "quadrille": 112, "reel": 96, "schottische": 140,
    "set dance": 76, "single jig": 116, "slide": 126, "slip jig": 112, "slipjig": 112, "slow air": 56, "song": 92,
    "strathspey": 126, "three-two": 132, "walkaround": 110, "waltz": 138,
}  # fmt: skip
"""The tempo of each rhythm, in beats per minute."""
_TWO_BEATS = frozenset(("clog", "hornpipe", "reel", "set dance"))
"""Rhythms with two beats per bar, in 4/4, 2/2 and 2/4."""


@dataclass(frozen=True)
class PlayedNote:
    """A note with its sounding duration, and the key and meter in which it is played.

    Attributes:
        note: The note.
        key: The key.
        meter: The meter.
        number: The number of the note among the notes of the tune, from 0.
    """

    note: Note
    key: Key
    meter: Meter
    number: int = 0


@dataclass(frozen=True)
class Sound:
    """The sound of one pitch.

    Attributes:
        start: The onset in whole notes.
        end: The release in whole notes, later than `start`.
        pitch: The MIDI note number.
        velocity: The MIDI velocity, 1 to 127.
        accompaniment: Whether it belongs to a chord symbol.
    """

    start: Fraction
    end: Fraction
    pitch: int
    velocity: int
    accompaniment: bool = False


def tempo_of(tune: Tune) -> tuple[Fraction, int]:
    """Return the length of a beat in whole notes, and the tempo in beats per minute.

    Without a tempo of its own, a tune has the usual tempo of its rhythm.

    >>> tempo_of(Tune((), meter=Meter(6, 8), rhythm="jig"))
    (Fraction(3, 8), 112)
    """
    if tune.tempo is not None and 4 <= 4 * tune.tempo.beat * tune.tempo.per_minute <= 1000:  # quarter notes
        return tune.tempo.beat, tune.tempo.per_minute
    meter, rhythm = tune.meter, tune.rhythm.strip().lower()
    beat = Fraction(3, meter.unit) if meter.compound else Fraction(1, 2 if meter.unit in (1, 2) else 4)
    if meter.unit >= 8 and not meter.compound:
        beat = Fraction(1, 4) if meter.beats % 2 == 0 else Fraction(2, meter.unit)
    if rhythm in _TWO_BEATS and meter.bar_length and not meter.compound:
        beat = meter.bar_length / 2
    default = 104 if meter.compound else 120 if meter.beats == 3 else 84 if meter.beats == 2 else 132
    return beat, _TEMPOS.get(rhythm, default)


def played_notes(tune: Tune) -> list[PlayedNote]:
    """Return the notes in the order in which they are played.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("D3 E3:|F6|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> [str(played.note.pitches[0]) for played in played_notes(tune)]
    ['=D', '=E', '=D', '=E', '^F']

    A repeat without `|:` goes back to the last double bar or closing repeat. A section is played twice, or as often as
    its highest ending says.
    """
    elements = _scaled_elements(tune)
    result: list[PlayedNote] = []
    position = section_start = 0
    pass_number, opened, ending_played = 1, False, False
    elapsed = Fraction(0)
    while position < len(elements) and len(result) < MAX_NOTES and elapsed < MAX_LENGTH:
        element = elements[position]
        position += 1
        if isinstance(element, PlayedNote):
            result.append(element)
            elapsed += element.note.duration
        elif isinstance(element, Ending):
            if pass_number in _ending_numbers(element):
                ending_played = True
            elif ending_played and pass_number < _passes(elements, section_start):  # the repeat sign is missing
                position, pass_number, ending_played = section_start, pass_number + 1, False
            else:
                position = _after_ending(elements, position)
        elif element.kind in (":|", "::") and pass_number < _passes(elements, section_start):
            position, pass_number, ending_played = section_start, pass_number + 1, False
        elif element.kind in (":|", "|:", "::") or (element.kind in SECTION_ENDS and not opened):
            section_start, pass_number, ending_played = position, 1, False
            opened = element.kind in ("|:", "::")
    return result


def _scaled_elements(tune: Tune) -> list[PlayedNote | BarLine | Ending]:
    """Return bar lines, endings, and notes with their sounding durations, keys and meters."""
    result: list[PlayedNote | BarLine | Ending] = []
    key, meter, scale, tuplet_left = tune.key, tune.meter, Fraction(1), 0
    number = 0
    for element in tune.elements:
        match element:
            case Note():
                scaled = dataclasses.replace(element, duration=element.duration * scale) if tuplet_left else element
                tuplet_left = max(0, tuplet_left - 1)
                result.append(PlayedNote(scaled, key, meter, number))
                number += 1
            case Tuplet():
                scale, tuplet_left = Fraction(element.q, element.p), element.r
            case Key():
                key = element
            case Meter():
                meter = element
            case _:
                result.append(element)
    return result


def _ending_numbers(ending: Ending) -> list[int]:
    return [int(number) for number in ending.number.split(",") if number.isdigit()]


def _passes(elements: Sequence[PlayedNote | Element], section_start: int) -> int:
    """Return how often a section that a repeat closes is played.

    Args:
        elements: The elements of the tune.
        section_start: The index of the first element of the section.
    """
    passes, closed = 2, False
    for element in elements[section_start:]:
        if isinstance(element, Ending):
            passes = max([passes, *_ending_numbers(element)])
            closed = False
        elif closed or (isinstance(element, BarLine) and element.kind in ("|:", "::")):
            break
        elif isinstance(element, BarLine) and element.kind in SECTION_ENDS:
            closed = element.kind == ":|"
            if not closed:
                break
    return passes


def _after_ending(elements: Sequence[PlayedNote | Element], position: int) -> int:
    """Return the index after an ending that is skipped in this pass."""
    while position < len(elements):
        element = elements[position]
        if isinstance(element, Ending) or (isinstance(element, BarLine) and element.kind in ("|:", "::")):
            return position
        position += 1
        if isinstance(element, BarLine) and element.kind in SECTION_ENDS:
            return position
    return position


def sounds(notes: Sequence[PlayedNote]) -> list[Sound]:
    """Return the sounds of melody and accompaniment, sorted by onset."""
    result: list[Sound] = []
    tied_sounds: dict[int, int] = {}  # the index of the sound that a tie extends, by MIDI note number
    position = Fraction(0)
    symbols: list[tuple[Fraction, ChordSymbol, Fraction]] = []
    for played in notes:
        note = played.note
        end = position + note.duration
        if note.chord_symbol is not None:
            symbols.append((position, note.chord_symbol, played.meter.bar_length or Fraction(1)))
        begin = position
        if note.grace_notes:
            length = min(GRACE_LENGTH, note.duration / (2 * len(note.grace_notes)))
            for pitch in note.grace_notes:
                result.append(Sound(begin, begin + length, _in_midi_range(pitch.midi), 72))
                begin += length
        extended = dict(tied_sounds)
        tied_sounds.clear()
        share = LEGATO if "staccato" not in note.decorations else STACCATO
        velocity = 100 if "accent" in note.decorations else 84
        for midi in dict.fromkeys(_in_midi_range(pitch.midi) for pitch in note.pitches):
            stop = end if note.tied else begin + (end - begin) * share
            if midi in extended:
                result[extended[midi]] = dataclasses.replace(result[extended[midi]], end=stop)
            else:
                result.append(Sound(begin, stop, midi, velocity))
            if note.tied:
                tied_sounds[midi] = extended.get(midi, len(result) - 1)
        position = end
    result += _accompaniment(symbols, position)
    return sorted(result, key=lambda sound: (sound.start, sound.accompaniment, sound.pitch))


def _accompaniment(symbols: Sequence[tuple[Fraction, ChordSymbol, Fraction]], end: Fraction) -> list[Sound]:
    """Return soft chords: each lasts from its symbol to the next and is repeated in every bar.

    Args:
        symbols: Onset in whole notes, chord symbol and bar length of each chord.
        end: The end of the tune in whole notes.
    """
    result = []
    next_onsets = [*(symbol[0] for symbol in symbols[1:]), end]
    for (onset, symbol, bar_length), next_onset in zip(symbols, next_onsets, strict=False):
        root = 48 + 7 * symbol.root % 12
        bass = root - 12 if symbol.bass is None else 36 + 7 * symbol.bass % 12
        pitches = [bass, *(root + above for above in CHORDS.get(symbol.kind, CHORDS[""])[1])]
        begin = onset
        while begin < next_onset:
            stop = min(begin + bar_length, next_onset)
            release = begin + (stop - begin) * LEGATO
            result += [Sound(begin, release, pitch, 44, accompaniment=True) for pitch in pitches]
            begin = stop
    return result


def _in_midi_range(midi: int) -> int:
    """Return a note number moved by octaves into the range of MIDI, 0 to 127."""
    while midi < 0:
        midi += 12
    while midi > 127:
        midi -= 12
    return midi
