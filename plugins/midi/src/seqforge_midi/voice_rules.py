"""Rules of four-part writing: parallel fifths and octaves, leaps, crossing voices, and final chords."""

import functools
import itertools
from collections.abc import Sequence

from seqforge_midi.key import Key
from seqforge_midi.voice_grid import REST

OCTAVE, FIFTH = 12, 7
MAX_LEAP = OCTAVE
Chord = tuple[int, ...]
"""The pitches of the voices from high to low, REST for none."""


def are_parallel(earlier: tuple[int, int], later: tuple[int, int], interval: int) -> bool:
    """Return whether two voices move from a perfect interval to the same interval, an octave apart or not.

    >>> are_parallel((67, 60), (69, 62), FIFTH), are_parallel((67, 60), (67, 60), FIFTH)
    (True, False)

    Args:
        earlier: The pitches of the two voices.
        later: Their next pitches.
        interval: The interval within an octave in semitones: 7, or 0 for unisons and octaves.
    """
    if REST in earlier or REST in later or earlier[0] == later[0] or earlier[1] == later[1]:
        return False
    return abs(earlier[0] - earlier[1]) % OCTAVE == interval == abs(later[0] - later[1]) % OCTAVE


def breaks_rules(previous: Chord, chord: Chord, pitch: int, *, crossing: bool = True, leaps: bool = True) -> bool:
    """Return whether the next voice of a chord breaks a rule with this pitch.

    The rules: no parallel fifths, octaves and unisons with a higher voice, no leap over an octave, and no voice above
    a higher one. A held or silent voice breaks none but the last.

    >>> breaks_rules((67, 60, 52, 48), (69,), 62), breaks_rules((67, 60, 52, 48), (69,), 60)
    (True, False)

    Args:
        previous: The chord before; empty for none.
        chord: The pitches of the higher voices.
        pitch: The pitch of the voice.
        crossing: Whether voices must not cross.
        leaps: Whether leaps over an octave break a rule.
    """
    if pitch == REST:
        return False
    voice = len(chord)
    above = [other for other in chord if other != REST]
    if crossing and above and pitch > above[-1]:
        return True
    if not previous or previous[voice] == REST:
        return False
    if leaps and abs(pitch - previous[voice]) > MAX_LEAP:
        return True
    return any(
        are_parallel((previous[higher], previous[voice]), (chord[higher], pitch), interval)
        for higher in range(voice)
        for interval in (0, FIFTH)
    )


@functools.lru_cache(maxsize=4096)
def final_chords(previous: Chord, key: Key, ranges: tuple[tuple[int, int], ...]) -> tuple[Chord, ...]:
    """Return the triads of the tonic in root position that may follow a chord.

    A triad has the tonic in the bass, the tonic and a third; the fifth may be missing, and a minor key may end in
    major. Where every triad breaks a rule, voices may leap, then cross, and then move in parallel.

    >>> chords = final_chords((71, 67, 62, 55), Key(0, False), ((60, 80), (53, 74), (48, 69), (36, 62)))
    >>> (72, 67, 64, 48) in chords, {chord[3] % 12 for chord in chords}
    (True, {0})

    Args:
        previous: The chord before; empty for none.
        key: The key.
        ranges: The lowest and highest pitch of each voice.

    Returns:
        At least one chord, unless a voice has no note of the triad in its range.
    """
    third = [(key.tonic + 4) % OCTAVE, *([(key.tonic + 3) % OCTAVE] if key.is_minor else [])]
    classes = {key.tonic, (key.tonic + FIFTH) % OCTAVE, *third}
    choices = [[pitch for pitch in range(low, high + 1) if pitch % OCTAVE in classes] for low, high in ranges]
    choices[-1] = [pitch for pitch in choices[-1] if pitch % OCTAVE == key.tonic]
    for crossing, leaps, parallels in _RELAXATIONS:
        earlier = previous if parallels else ()
        chords: list[Chord] = [()]
        for voice in range(len(ranges)):
            chords = [
                (*chord, pitch)
                for chord, pitch in itertools.product(chords, choices[voice])
                if not breaks_rules(earlier, chord, pitch, crossing=crossing, leaps=leaps)
            ]
        complete = tuple(chord for chord in chords if sum(_has_class(chord, number) for number in third) == 1)
        if complete:
            return complete
    return ()


_RELAXATIONS = ((True, True, True), (True, False, True), (False, False, True), (False, False, False))
"""Whether the rules of crossing, leaps and parallels hold, from strict to free."""


def _has_class(chord: Sequence[int], pitch_class: int) -> bool:
    return any(pitch % OCTAVE == pitch_class for pitch in chord)
