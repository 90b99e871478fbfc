"""The reader of MIDI: a track that sounds one note at a time becomes a tune.

The onsets of each quarter note are moved to the coarsest grid that fits them: halves, quarters, thirds, sixths, ... of
a quarter note. Thirds and sixths become tuplets. A note lasts until the next one unless a rest is clear; a very short
one becomes a grace note. Without a rest or a short meter at the beginning, the upbeat is the one with which
the fewest notes cross a beat or a bar line.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqforge import ReadError
from seqforge_abc.key_estimate import estimated_key
from seqforge_abc.normal_form import to_normal_form
from seqforge_abc.notation import music21
from seqforge_abc.theory import NO_KEY, Key, Meter, Pitch, parse_key
from seqforge_abc.tune import BarLine, Element, Note, Tempo, Tune
from seqforge_abc.tuplet_groups import with_tuplets_and_ties

MIDI_SUFFIXES = (".mid", ".midi")
GRIDS = (1, 2, 4, 3, 6, 8, 12, 16)
"""The numbers of equal parts into which a quarter note is divided, the preferred first."""
TOLERANCES = (Fraction(1, 100), Fraction(1, 20))
"""How far from its place an onset may be, in quarter notes: in files of notation programs, and in played ones."""
GRACE_LENGTH = Fraction(1, 10)
"""A shorter note right before another one is a grace note; in quarter notes."""
MAX_GRACE_NOTES = 4
MIN_REST = Fraction(1, 2)
"""The shortest rest after a note, in quarter notes; it must also be half as long as the time to the next note."""
DRUM_CHANNEL = 9
MAX_QUARTERS = 20_000
_DEFAULT_TEMPO = 500_000


class _UnfitMidiError(Exception):
    """A MIDI file that is no tune; the message is half a sentence."""


@dataclass(frozen=True)
class _Sound:
    """A note of the file; times in quarter notes."""

    begin: Fraction
    end: Fraction
    midi: int
    grace_notes: tuple[int, ...] = ()


def read_midi(path: Path) -> Iterator[tuple[Tune, str] | ReadError]:
    """Yield the tune of a MIDI file, or an error that says why the file contains none.

    Example:
        for item in read_midi(Path("tune.mid")):
            if not isinstance(item, ReadError):
                tune, place = item
    """
    import mido  # type: ignore[import-untyped]

    try:
        file = mido.MidiFile(path, clip=True)
    except Exception as error:  # mido raises many kinds of errors on damaged files
        yield ReadError(f"is no MIDI file that can be read ({type(error).__name__}: {error})", file=str(path))
        return
    try:
        yield tune_of_midi(file), ""
    except _UnfitMidiError as error:
        yield ReadError(str(error), file=str(path))


def tune_of_midi(file: Any) -> Tune:
    """Return a mido.MidiFile with one melody as a tune.

    Raises:
        _UnfitMidiError: If it is polyphonic, has no note, or names no key and music21 is not installed.
    """
    if file.ticks_per_beat <= 0:
        raise _UnfitMidiError("counts time in frames and not in notes; export it with ticks per quarter note")
    events = _Events(file)
    sounds = _monophonic(_quantised(_with_grace_notes(events.melody())))
    if sounds[-1].end > MAX_QUARTERS:
        raise _UnfitMidiError(f"is longer than {MAX_QUARTERS:,} quarter notes")
    key = events.key or _estimated(sounds)
    meter, upbeat = events.meter_and_upbeat(sounds)
    elements, ratios, ties = _elements(sounds, key, events.meters, upbeat)
    losses: Counter[str] = Counter()
    written, tied = with_tuplets_and_ties(elements, ratios, ties)
    normal = to_normal_form(written, tied, losses)
    tempo = Tempo(Fraction(1, 4), max(1, min(999, round(60_000_000 / events.tempo))))
    return Tune(normal, key, meter, title=events.title, tempo=tempo, losses=+losses)


class _Events:
    """The events of a file; times in quarter notes.

    Attributes:
        tracks: Name and sounds of each track that has notes.
        meters: The meters with the time at which each begins; 4/4 if the file names none.
        key: The key, None if the file names none.
        tempo: The first tempo in microseconds per quarter note.
        title: The name of the first track.
    """

    def __init__(self, file: Any) -> None:
        self.tracks: list[tuple[str, list[_Sound]]] = []
        self.meters: list[tuple[Fraction, Meter]] = []
        self.key: Key | None = None
        self.tempo = 0
        self.title = ""
        for number, track in enumerate(file.tracks, 1):
            name, sounds = self._track(track, file.ticks_per_beat)
            self.title = self.title or (name if number == 1 or sounds else "")
            if sounds:
                self.tracks.append((name or f"track {number}", sounds))
        self.meters = sorted(self.meters, key=lambda entry: entry[0]) or [(Fraction(0), Meter(4, 4))]
        self.tempo = self.tempo or _DEFAULT_TEMPO

    def _track(self, track: Any, ticks_per_quarter: int) -> tuple[str, list[_Sound]]:
        name, sounds, tick = "", [], 0
        begun: dict[tuple[int, int], int] = {}
        for message in track:
            tick += message.time
            time = Fraction(tick, ticks_per_quarter)
            if message.type == "track_name":
                name = name or " ".join(message.name.split())
            elif message.type == "time_signature":
                self.meters.append((time, Meter(message.numerator, message.denominator)))
            elif message.type == "key_signature" and self.key is None:
                self.key = parse_key(message.key)
            elif message.type == "set_tempo":
                self.tempo = self.tempo or message.tempo
            elif message.type in ("note_on", "note_off") and message.channel != DRUM_CHANNEL:
                place = message.channel, message.note
                begin = begun.pop(place, None)
                if begin is not None and tick > begin:
                    sounds.append(_Sound(Fraction(begin, ticks_per_quarter), time, message.note))
                if message.type == "note_on" and message.velocity:
                    begun[place] = tick
        return name, sorted(sounds, key=lambda sound: (sound.begin, sound.midi))

    def melody(self) -> list[_Sound]:
        """Return the sounds of the only track that has notes."""
        if not self.tracks:
            raise _UnfitMidiError("has no note")
        if len(self.tracks) > 1:
            names = ", ".join(repr(name) for name, _ in self.tracks[:6])
            raise _UnfitMidiError(
                f"has {len(self.tracks)} tracks with notes ({names}); a tune has one: export the track of the melody"
            )
        return self.tracks[0][1]

    def meter_and_upbeat(self, sounds: Sequence[_Sound]) -> tuple[Meter, Fraction]:
        """Return the meter, and the length before the first complete bar in whole notes; 0 without an upbeat.

        A first bar in a shorter meter of its own is an upbeat, and so is what follows a rest at the beginning.

        Args:
            sounds: The sounds of the tune.
        """
        begin = sounds[0].begin
        (start, first), *others = self.meters
        if others and first.bar_length < others[0][1].bar_length and 4 * first.bar_length == others[0][0] - start:
            self.meters = [(Fraction(0), others[0][1]), *others[1:]]
            return others[0][1], first.bar_length
        length = 4 * first.bar_length
        rest = begin % length
        if rest or others:
            return first, (length - rest) / 4 if rest else Fraction(0)
        return first, _likely_upbeat(sounds, length, _beat(first)) / 4


def _beat(meter: Meter) -> Fraction:
    """Return the length of a beat in quarter notes."""
    return Fraction(12, meter.unit) if meter.compound else Fraction(4, meter.unit)


def _likely_upbeat(sounds: Sequence[_Sound], bar: Fraction, beat: Fraction) -> Fraction:
    """Return the upbeat with which the fewest notes cross a beat or bar line, in quarter notes; 0 if none is clear.

    Args:
        sounds: The sounds.
        bar: The length of a bar in quarter notes.
        beat: The length of a beat in quarter notes.
    """
    start = sounds[0].begin

    def crossings(upbeat: Fraction) -> int:
        places = [(sound.begin - start - upbeat, sound.end - start - upbeat) for sound in sounds]
        return sum((begin // unit + 1) * unit < end for begin, end in places for unit in (beat, bar))

    candidates = [Fraction(eighths, 2) for eighths in range(int(2 * bar))]
    counts = {upbeat: crossings(upbeat) for upbeat in candidates}
    best = min(candidates, key=lambda upbeat: (counts[upbeat], upbeat))
    return best if counts[best] + len(sounds) // 20 < counts[Fraction(0)] else Fraction(0)


# -- quantisation ----------------------------------------------------------------------------------------------


def _with_grace_notes(sounds: Sequence[_Sound]) -> list[_Sound]:
    """Return sounds in which very short notes are grace notes of the note after them."""
    result: list[_Sound] = []
    graces: list[_Sound] = []
    for sound, following in pairwise([*sounds, _Sound(sounds[-1].end + 1, sounds[-1].end + 1, 0)]):
        short = sound.end - sound.begin < GRACE_LENGTH and 0 < following.begin - sound.begin < GRACE_LENGTH
        if short and len(graces) < MAX_GRACE_NOTES:
            graces.append(sound)
            continue
        begin = graces[0].begin if graces else sound.begin
        result.append(replace(sound, begin=begin, grace_notes=tuple(grace.midi for grace in graces)))
        graces.clear()
    return result


def _quantised(sounds: Sequence[_Sound]) -> list[_Sound]:
    """Return sounds with onsets and releases on the grid."""
    onsets: dict[int, list[Fraction]] = {}
    for sound in sounds:
        onsets.setdefault(int(sound.begin), []).append(sound.begin % 1)
    grids = {quarter: _grid(positions) for quarter, positions in onsets.items()}
    result = []
    for sound in sounds:
        grid = grids[int(sound.begin)]
        begin = Fraction(round(sound.begin * grid), grid)
        end_grid = max(grids.get(int(sound.end), 4), 4 if grid % 3 else grid)
        end = max(begin, Fraction(round(sound.end * end_grid), end_grid))
        result.append(replace(sound, begin=begin, end=end))
    return result


def _grid(positions: Sequence[Fraction]) -> int:
    """Return the number of parts of a quarter note with which all positions agree, or the best if none does."""
    errors = {
        grid: max(abs(position - Fraction(round(position * grid), grid)) for position in positions) for grid in GRIDS
    }
    for tolerance in TOLERANCES:
        if fitting := [grid for grid in GRIDS if errors[grid] <= tolerance]:
            return fitting[0]
    return min(GRIDS, key=lambda grid: errors[grid])


def _monophonic(sounds: Sequence[_Sound]) -> list[_Sound]:
    """Return sounds that follow one another; a note is extended to the next one unless a rest is clear.

    Raises:
        _UnfitMidiError: If two notes sound at once.
    """
    result = []
    for sound, following in pairwise([*sounds, _Sound(sounds[-1].end, sounds[-1].end, 0)]):
        gap = following.begin - sound.begin
        at_once = following.begin == sound.begin and following.midi > 0
        if at_once or sound.end > following.begin + min(MIN_REST, gap / 2):
            place = float(following.begin) + 1
            raise _UnfitMidiError(f"is polyphonic: two notes sound at quarter note {place:g}; a tune has one voice")
        rest = following.begin - sound.end
        clear = rest >= MIN_REST and 2 * rest >= gap and sound.end > sound.begin
        result.append(replace(sound, end=sound.end if clear else following.begin))
    last = result[-1]
    return [*result[:-1], last if last.end > last.begin else replace(last, end=last.begin + Fraction(1, 4))]


# -- notation --------------------------------------------------------------------------------------------------


def _estimated(sounds: Sequence[_Sound]) -> Key:
    try:
        m21 = music21()
    except ImportError as error:
        raise _UnfitMidiError("names no key, and estimating one needs music21: pip install music21") from error
    stream = m21.stream.Stream()
    for sound in sounds:
        stream.append(m21.note.Note(sound.midi, quarterLength=float(sound.end - sound.begin)))
    return estimated_key(stream)


def _spelled(midi: int, key: Key) -> Pitch:
    """Return the pitch of a note number, spelled from three flats to eight sharps relative to the signature."""
    signature = key.signature if key != NO_KEY else 0
    for fifths in range(signature - 3, signature + 9):
        if 7 * fifths % 12 == midi % 12:
            letter = (4 * fifths) % 7
            natural = (0, 2, 4, 5, 7, 9, 11)[letter]
            alter = (midi - natural + 6) % 12 - 6
            return Pitch(letter, alter, (midi - alter - natural) // 12 - 1)
    raise AssertionError("twelve fifths contain every pitch class")


def _elements(
    sounds: Sequence[_Sound], key: Key, meters: Sequence[tuple[Fraction, Meter]], upbeat: Fraction
) -> tuple[list[Element], dict[int, tuple[int, int]], list[int]]:
    """Return the elements with sounding durations, the ratios of tuplet notes by index, and the indices of ties.

    Args:
        sounds: The sounds.
        key: The key.
        meters: The meters with the time in quarter notes at which each begins.
        upbeat: The length before the first complete bar in whole notes.
    """
    elements: list[Element] = []
    ratios: dict[int, tuple[int, int]] = {}
    ties: list[int] = []
    changes = list(meters[1:])
    meter = meters[0][1]
    bar_end = sounds[0].begin + 4 * upbeat if upbeat else sounds[0].begin - sounds[0].begin % (4 * meter.bar_length)
    bar_end += 0 if upbeat else 4 * meter.bar_length
    time = sounds[0].begin if upbeat else bar_end - 4 * meter.bar_length
    for sound in sounds:
        for begin, end, pitches in ((time, sound.begin, ()), (sound.begin, sound.end, (_spelled(sound.midi, key),))):
            graces = tuple(_spelled(midi, key) for midi in sound.grace_notes) if pitches else ()
            while begin < end:
                stop = min(end, bar_end, _tuplet_end(begin, end))
                if (begin.denominator % 3 == 0) or (stop.denominator % 3 == 0):
                    ratios[len(elements)] = (3, 2)
                if stop < end and pitches:
                    ties.append(len(elements))
                elements.append(Note(pitches, (stop - begin) / 4, grace_notes=graces))
                begin, graces = stop, ()
                if begin == bar_end:
                    elements.append(BarLine("|"))
                    while changes and changes[0][0] <= bar_end:
                        meter = changes.pop(0)[1]
                        elements.append(meter)
                    bar_end += 4 * meter.bar_length
        time = sound.end
    elements.append(BarLine("|]"))
    return elements, ratios, ties


def _tuplet_end(begin: Fraction, end: Fraction) -> Fraction:
    """Return where a note must be divided because a triplet begins or ends within it; `end` if nowhere."""
    parts = (Fraction(1, 12), Fraction(1, 6), Fraction(1, 3), Fraction(2, 3))
    if end - begin in parts or not (begin.denominator % 3 == 0 or end.denominator % 3 == 0):
        return end
    if begin.denominator % 3 == 0:
        ends = [begin + part for part in parts if begin + part < end and (begin + part).denominator % 3]
    else:
        ends = [end - part for part in parts if end - part > begin and (end - part).denominator % 3]
    return ends[0] if ends else end
