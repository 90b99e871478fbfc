"""The canonical form of a tune: what the encoding keeps. It is computed on tunes, independently of the tokens."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction

from seqforge_abc.kept import Kept, canonical_tempo
from seqforge_abc.second_voice import aligned_bars, second_voice
from seqforge_abc.theory import MAX_SIGNATURE, NO_KEY, NO_METER, Key, Meter, Pitch
from seqforge_abc.tokens import (
    CHORD_KINDS,
    CHORD_ROOTS,
    DECORATION_NAMES,
    HIGHEST_PITCH,
    LENGTH_GRID,
    LOWEST_PITCH,
    METERS,
    TUPLETS,
    pitch_order,
)
from seqforge_abc.tune import BAR_LINES, ENDINGS, BarLine, Element, Ending, Note, Tune, Tuplet

MAX_LENGTH = Fraction(16)
"""The longest note, in whole notes."""
NOTHING_KEPT = Kept()
_KNOWN_DECORATIONS = frozenset(DECORATION_NAMES)


def canonicalize(tune: Tune, rhythms: Collection[str], keep: Kept = NOTHING_KEPT) -> tuple[Tune, Counter[str]]:
    """Return the canonical form of a tune, and what it loses.

    Lengths are multiples of a 128th, pitches lie within five octaves, rare tuplets are written out, unknown decorations
    and chord symbols are dropped, an unknown rhythm becomes "", and a final bar line stands only at the end.

    Args:
        tune: The tune.
        rhythms: The rhythms that the codec knows.
        keep: What the codec encodes on request.

    Returns:
        The canonical tune, and the losses by description, with counts above 0.
    """
    losses: Counter[str] = Counter(tune.losses)
    rhythm = tune.rhythm
    if rhythm and rhythm not in rhythms:
        losses[f"the rhythm {rhythm!r}"] += 1
        rhythm = ""
    meter = _meter(tune.meter, losses)
    key = _key(tune.key, losses)
    elements = keep.canonical_elements(_elements(tune, losses), losses)
    tempo = canonical_tempo(tune.tempo, losses) if "tempo" in keep else None
    second = _second(tune, elements, losses, keep)
    losses["tempos"] += tune.tempo is not None and "tempo" not in keep
    tune = dataclasses.replace(
        tune, elements=_with_final_bar_line(elements, losses), key=key, meter=meter, rhythm=rhythm, tempo=tempo,
        second=second,
    )  # fmt: skip
    return tune, +losses


def _second(tune: Tune, first: Iterable[Element], losses: Counter[str], keep: Kept) -> tuple[tuple[Element, ...], ...]:
    """Return the canonical bars of the second voice; none if they are not kept, or become unequal to the first."""
    voice = second_voice(tune)
    if voice is None or "voices" not in keep:
        losses["additional voices"] += voice is not None
        return ()
    voice_losses: Counter[str] = Counter()
    elements: list[Element] = []
    for element in _elements(voice, voice_losses):
        if isinstance(element, Note) and element.chord_symbol is not None:
            voice_losses["chord symbols"] += 1
            element = dataclasses.replace(element, chord_symbol=None)
        elements.append(element)
    bars = aligned_bars(first, keep.canonical_elements(elements, voice_losses))
    losses["additional voices"] += not bars
    losses.update(voice_losses if bars else {})
    return bars


def _with_final_bar_line(elements: list[Element], losses: Counter[str]) -> tuple[Element, ...]:
    """Return the elements with a final bar line at the end and nowhere else.

    Every tune ends with `|]` or `:|`; an earlier `|]` is the end of a section, `||`.
    """
    indices = [index for index, element in enumerate(elements) if isinstance(element, BarLine)]
    for index in indices:
        if elements[index] == BarLine("|]"):
            elements[index] = BarLine("||")
    if indices and not any(isinstance(element, Note) for element in elements[indices[-1] :]):
        losses["elements after the last note"] += len(elements) - indices[-1] - 1
        del elements[indices[-1] + 1 :]
        repeated = elements[-1] in (BarLine(":|"), BarLine("::"))
        elements[-1] = BarLine(":|" if repeated else "|]")
    return tuple(elements)


def _elements(tune: Tune, losses: Counter[str]) -> Iterator[Element]:
    scale, tuplet_left = Fraction(1), 0
    for element in tune.elements:
        match element:
            case Note():
                factor = scale if tuplet_left else Fraction(1)
                tuplet_left = max(0, tuplet_left - 1)
                yield _note(element, factor, losses)
            case Tuplet():
                if element in TUPLETS:
                    yield element
                else:
                    losses["rare tuplets, written out"] += 1
                    scale, tuplet_left = Fraction(element.q, element.p), element.r
            case BarLine():
                yield element if element.kind in BAR_LINES else BarLine("|")
            case Ending():
                first = element.number.partition(",")[0]
                if element.number in ENDINGS:
                    yield element
                elif first in ENDINGS:
                    losses["endings for several passes, reduced to the first"] += 1
                    yield Ending(first)
                else:
                    losses["endings above the sixth"] += 1
            case Key():
                yield _key(element, losses)
            case Meter():
                yield _meter(element, losses)


def _note(note: Note, factor: Fraction, losses: Counter[str]) -> Note:
    duration = note.duration * factor
    rounded = min(MAX_LENGTH, max(LENGTH_GRID, round(duration / LENGTH_GRID) * LENGTH_GRID))
    if rounded != duration:
        losses["rounded note lengths"] += 1
    pitches = tuple(sorted(set(_in_range(note.pitches, losses)), key=pitch_order))
    grace_notes = tuple(_in_range(note.grace_notes, losses))
    decorations = tuple(sorted({name for name in note.decorations if name in _KNOWN_DECORATIONS}))
    losses["decorations"] += len(set(note.decorations)) - len(decorations)
    symbol = note.chord_symbol
    if symbol is not None:
        bass = symbol.bass
        known_bass = bass is None or bass in CHORD_ROOTS
        if symbol.kind not in CHORD_KINDS or symbol.root not in CHORD_ROOTS or not known_bass:
            losses["chord symbols"] += 1
            symbol = None
    before = note.pitches, note.duration, note.decorations, note.grace_notes, note.chord_symbol
    if (pitches, rounded, decorations, grace_notes, symbol) == before:
        return note
    return dataclasses.replace(
        note, pitches=pitches, duration=rounded, decorations=decorations, grace_notes=grace_notes, chord_symbol=symbol
    )


def _in_range(pitches: Iterable[Pitch], losses: Counter[str]) -> list[Pitch]:
    moved = [(pitch, _octave_in_range(pitch)) for pitch in pitches]
    losses["pitches moved by octaves"] += sum(octave != pitch.octave for pitch, octave in moved)
    return [pitch if octave == pitch.octave else dataclasses.replace(pitch, octave=octave) for pitch, octave in moved]


@functools.lru_cache(maxsize=1024)
def _octave_in_range(pitch: Pitch) -> int:
    octave = pitch.octave
    while dataclasses.replace(pitch, octave=octave).midi < LOWEST_PITCH:
        octave += 1
    while dataclasses.replace(pitch, octave=octave).midi > HIGHEST_PITCH:
        octave -= 1
    return octave


def _meter(meter: Meter, losses: Counter[str]) -> Meter:
    if meter in METERS or meter == NO_METER:
        return meter
    losses[f"the meter {meter}"] += 1
    return NO_METER


def _key(key: Key, losses: Counter[str]) -> Key:
    if key.tonic is None or abs(key.signature) <= MAX_SIGNATURE:
        return key
    losses[f"the key {key}"] += 1
    return NO_KEY
