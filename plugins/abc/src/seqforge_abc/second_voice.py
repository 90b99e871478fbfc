"""The second voice of a tune: its bars, which are as long as those of the first voice.

Bar lines, endings, and changes of key and meter are those of the first voice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from seqforge import DecodeError
from seqforge_abc.tune import BarLine, Element, Note, Tune, Tuplet

BASS_CLEF_BELOW = 57
"""A second voice whose average MIDI note number is lower is written in the bass clef."""


def bars_of(elements: Iterable[Element]) -> list[tuple[Element, ...]]:
    """Return the notes and tuplets of each bar that has notes.

    >>> bars_of([Note((), Fraction(1, 4)), BarLine("|"), BarLine("|:")])
    [(Note(pitches=(), duration=Fraction(1, 4), tied=False, decorations=(), grace_notes=(), chord_symbol=None, \
slur_starts=0, slur_ends=0, syllables=(), part=''),)]
    """
    bars: list[list[Element]] = [[]]
    for element in elements:
        if isinstance(element, BarLine):
            bars.append([])
        elif isinstance(element, Note | Tuplet):
            bars[-1].append(element)
    return [tuple(bar) for bar in bars if any(isinstance(element, Note) for element in bar)]


def bar_length(bar: Iterable[Element]) -> Fraction | None:
    """Return the sounding length of a bar in whole notes; None if a tuplet is not complete at its end."""
    length, scale, left = Fraction(0), Fraction(1), 0
    for element in bar:
        if isinstance(element, Tuplet):
            scale, left = Fraction(element.q, element.p), element.r
        elif isinstance(element, Note):
            length += element.duration * (scale if left else 1)
            left = max(0, left - 1)
    return None if left else length


def aligned_bars(first: Iterable[Element], second: Iterable[Element]) -> tuple[tuple[Element, ...], ...]:
    """Return the bars of a second voice if each is as long as that of the first voice; otherwise none.

    Args:
        first: The elements of the first voice.
        second: The elements of the second voice.
    """
    first_bars, second_bars = bars_of(first), bars_of(second)
    lengths = [bar_length(bar) for bar in first_bars]
    if None in lengths or lengths != [bar_length(bar) for bar in second_bars]:
        return ()
    bars = [tuple(replace(e, part="") if isinstance(e, Note) and e.part else e for e in bar) for bar in second_bars]
    return tuple(bars)


def split_voices(
    elements: Iterable[Element | None],
) -> tuple[tuple[Element, ...], tuple[tuple[Element, ...], ...]]:
    """Return the elements of the first voice and the bars of the second.

    Args:
        elements: The elements of both voices: after None and up to the next bar line, those of the second.

    Raises:
        DecodeError: If the bars of the voices are not of the same length.
    """
    first, second = list[Element](), list[list[Element]]()
    in_second = False
    for element in elements:
        if element is None:
            second.append([])
            in_second = True
        elif in_second and isinstance(element, Note | Tuplet):
            second[-1].append(element)
        else:
            first.append(element)
            in_second = False
    bars = aligned_bars(first, [element for bar in second for element in (*bar, BarLine("|"))]) if second else ()
    if len(bars) != len(second):
        raise DecodeError("the bars of the second voice are not as long as those of the first")
    return tuple(first), bars


def second_voice(tune: Tune) -> Tune | None:
    """Return the second voice of a tune as a tune, with the bar lines of the first; None if it has none."""
    if not tune.second:
        return None
    bars, elements, written = iter(tune.second), list[Element](), False
    for element in tune.elements:
        if isinstance(element, Note | Tuplet):
            elements += () if written else next(bars)
            written = True
        else:
            written = written and not isinstance(element, BarLine)
            elements.append(element)
    return replace(tune, elements=tuple(elements), second=(), tempo=None, fields=(), comments=())


def clef_of(voice: Tune) -> str:
    """Return the clef in which a voice is written: "treble" or "bass"."""
    pitches: Sequence[int] = [pitch.midi for note in voice.notes() for pitch in note.pitches]
    return "bass" if pitches and sum(pitches) < BASS_CLEF_BELOW * len(pitches) else "treble"
