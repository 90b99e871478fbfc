"""Distributes the notes of a song to the parts and staves of a score."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seqforge_midi.instruments import program_name
from seqforge_midi.notation.choir import assign_voices, is_choir
from seqforge_midi.notation.drum_staff import drum_sign
from seqforge_midi.notation.hands import split_hands
from seqforge_midi.notation.measures import Measure
from seqforge_midi.notation.quantisation import WrittenNote, quantise, quantise_drums
from seqforge_midi.notation.voices import Voice, distribute
from seqforge_midi.song import DRUMS, Song, Track

KEYBOARDS = (*range(8), *range(9, 12), *range(16, 24), 46)
"""Pianos, celesta, glockenspiel, music box, vibraphone, organs and the harp: a grand staff."""
_GRAND_STAFF_ALWAYS = (*range(8), *range(16, 21), 46)
"""Pianos, organs and the harp, which have two staves even if they play high or low only."""
VIOLA = 41
VOICES = (52, 53, 54, 85, 91)
"""Programs that are sung."""
BASSES = (*range(32, 40), 43, 58)
"""Basses, the contrabass and the tuba: the lowest part of a score."""


@dataclass(frozen=True)
class Staff:
    """A staff of a part.

    Attributes:
        clef: The clef: "treble", "treble-8" (an octave lower), "alto", "bass" or "percussion".
        voices: The voices, from the highest one on.
        fixed_voices: Whether the stems of the first voice go up and those of the second one down in every measure, even
            where a voice is alone: soprano and alto, tenor and bass, hands and feet.
    """

    clef: str
    voices: Sequence[Voice]
    fixed_voices: bool = False


@dataclass(frozen=True)
class Part:
    """A part of a score: one instrument.

    Attributes:
        name: The name.
        program: The program; DRUMS for the drums.
        staves: The staves, from the highest one on.
    """

    name: str
    program: int
    staves: Sequence[Staff]


def parts_of(song: Song, measures: Sequence[Measure]) -> list[Part]:
    """Return the parts of a song, at least one, in the order of a score: melodies, keyboards, basses, drums.

    Music in four voices on one instrument has soprano and alto on the upper staff, tenor and bass on the lower one. A
    keyboard instrument has a staff for each hand: the two tracks of the song, or those into which one track is divided.

    Args:
        song: The song.
        measures: Its measures.
    """
    parts = []
    for tracks in _instruments(song):
        name = tracks[0].name if len(tracks) == 1 and tracks[0].name else instrument_name(tracks[0].program)
        parts.append(Part(name, tracks[0].program, _staves(song, tracks, measures)))
    return sorted(parts, key=lambda part: _rank(part.program)) or [Part("Music", 0, [Staff("treble", [[]])])]


def instrument_name(program: int) -> str:
    """Return the name of a program as scores write it.

    >>> instrument_name(0), instrument_name(68)
    ('Piano', 'Oboe')
    """
    return "Piano" if program < 4 else program_name(program)


def _instruments(song: Song) -> Iterable[Sequence[Track]]:
    """Yield the tracks of each instrument that plays: one, the hands of a keyboard player, or a choir."""
    tracks = [track for track in song.tracks if track.mask(song.notes).any()]
    while tracks:
        track = tracks[0]
        same = [other for other in tracks if other.program == track.program]
        is_sung = len(same) == 4 and track.program != DRUMS and _sings(song, same)
        has_hands = len(same) == 2 and track.program in KEYBOARDS and same[0].channel == same[1].channel
        group = same if is_sung or has_hands else [track]
        yield group
        tracks = [other for other in tracks if other not in group]


def _rows(song: Song, track: Track) -> np.ndarray:
    rows: np.ndarray = song.notes[track.mask(song.notes)]
    return rows


def _sings(song: Song, tracks: Sequence[Track]) -> bool:
    """Return whether four tracks are the voices of a choir: none ever sounds two notes."""
    voices = [_rows(song, track) for track in tracks]
    return all((voice["start"][1:] >= voice["end"][:-1]).all() for voice in voices) and is_choir(np.concatenate(voices))


def _rank(program: int) -> int:
    """Return the position of an instrument in a score."""
    if program == DRUMS:
        return 4
    if program in BASSES:
        return 3
    return 2 if program < 32 or program == 46 else 1


def _staves(song: Song, tracks: Sequence[Track], measures: Sequence[Measure]) -> list[Staff]:
    """Return the staves of an instrument.

    Args:
        song: The song.
        tracks: The tracks of the instrument.
        measures: The measures of the song.
    """
    program = tracks[0].program
    ordered = sorted(tracks, key=lambda track: -float(_rows(song, track)["pitch"].mean()))
    voices = [_written(_rows(song, track)) for track in ordered]
    if len(tracks) == 4:
        pairs = ((voices[0], voices[1]), (voices[2], voices[3]))
        return [_choir_staff(clef, pair, measures) for clef, pair in zip(("treble", "bass"), pairs, strict=True)]
    if len(tracks) == 2 and program >= 8 and is_choir(rows := np.concatenate([_rows(song, track) for track in tracks])):
        return _choir_staves(_written(rows), measures)
    if len(tracks) == 2:
        return _grand_staff(voices, measures)
    rows, notes = _rows(song, tracks[0]), voices[0]
    if program == DRUMS:
        hits = [dataclasses.replace(note, voice=drum_sign(note.pitch).voice) for note in notes]
        return [Staff("percussion", distribute(quantise_drums(hits, measures))[:2], fixed_voices=True)]
    if is_choir(rows):
        return _choir_staves(notes, measures)
    lowest, highest = int(rows["pitch"].min()), int(rows["pitch"].max())
    if program in KEYBOARDS and (program in _GRAND_STAFF_ALWAYS or lowest < 55 <= 67 < highest):
        return _grand_staff(split_hands(notes), measures)
    return [Staff(_clef(program, rows["pitch"]), distribute(quantise(notes, measures)))]


def _written(rows: np.ndarray) -> list[WrittenNote]:
    """Return notes of NOTE_DTYPE as notes of a staff."""
    fields = (rows[field].tolist() for field in ("start", "end", "pitch", "velocity"))
    return [WrittenNote(*values) for values in zip(*fields, strict=True)]


def _grand_staff(hands: Sequence[Sequence[WrittenNote]], measures: Sequence[Measure]) -> list[Staff]:
    """Return the staves of a right and a left hand."""
    clefs = [_hand_clef(hand, default) for hand, default in zip(hands, ("treble", "bass"), strict=True)]
    return [
        Staff(clef, distribute(quantise(hand, measures))) for clef, hand in zip(clefs, hands, strict=True)
    ]  # fmt: skip


def _hand_clef(hand: Sequence[WrittenNote], default: str) -> str:
    """Return the clef of a hand, which plays in the other one's range throughout in some pieces."""
    if not hand:
        return default
    middle = float(np.median([note.pitch for note in hand]))
    return "treble" if middle > 67 else "bass" if middle < 53 else default


def _choir_staves(notes: Sequence[WrittenNote], measures: Sequence[Measure]) -> list[Staff]:
    """Return the staves of soprano and alto, and of tenor and bass."""
    voices = zip(("treble", "bass"), assign_voices(quantise(notes, measures)), strict=True)
    return [Staff(clef, distribute(pair), fixed_voices=True) for clef, pair in voices]


def _choir_staff(clef: str, pair: Sequence[Sequence[WrittenNote]], measures: Sequence[Measure]) -> Staff:
    """Return the staff of two voices, with stems up and down."""
    notes = [
        dataclasses.replace(note, voice=number)
        for number, voice in enumerate(pair, 1)
        for note in quantise(voice, measures)
    ]
    return Staff(clef, distribute(notes), fixed_voices=True)


def _clef(program: int, pitches: np.ndarray) -> str:
    """Return the clef of a staff by the middle of its pitches."""
    if program == VIOLA:
        return "alto"
    middle = float(np.median(pitches))
    if program in VOICES and 48 <= middle < 60:
        return "treble-8"
    return "treble" if middle >= 58 else "bass"
