"""The tokens of what is encoded only on request (`AbcOptions.keep`), and its canonical form.

A tempo follows the four header tokens: the length of the beat and three digits, `Q:3/8 =1 =1 =2`. The token `(` stands
before a note for each slur that begins with it, and `)` after the note, and its tie, for each that ends with it.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

from seqforge import DecodeError
from seqforge_abc.tune import Element, Note, Tempo

SLUR_START, SLUR_END = "(", ")"
MAX_SLUR_DEPTH = 2
"""The largest number of slurs over one note in the encoding."""
TEMPO_BEATS = tuple(
    Fraction(text) for text in ("1/16", "1/8", "3/16", "1/4", "3/8", "1/2", "5/8", "3/4", "1", "9/8", "3/2")
)
"""The lengths of a beat that have a token, in whole notes."""
MIN_TEMPO, MAX_TEMPO = 10, 499
"""The range of the encoded tempo, in beats per minute."""
TEMPO_TOKENS = {f"Q:{beat}": beat for beat in TEMPO_BEATS}
DIGIT_TOKENS = tuple(f"={digit}" for digit in range(10))
TEMPO_LENGTH = 4
"""The number of tokens of a tempo."""


def kept_vocabulary(keep: Collection[str]) -> list[str]:
    """Return the tokens that the vocabulary has in addition.

    Args:
        keep: What is encoded of `options.KEEPABLE`.
    """
    tempo = [*TEMPO_TOKENS, *DIGIT_TOKENS] if "tempo" in keep else []
    return tempo + ([SLUR_START, SLUR_END] if "slurs" in keep else [])


# -- tempo -----------------------------------------------------------------------------------------------------


def canonical_tempo(tempo: Tempo | None, losses: Counter[str]) -> Tempo | None:
    """Return a tempo if its beat and number have tokens, otherwise None, and count the loss."""
    if tempo is None:
        return None
    if tempo.beat in TEMPO_BEATS and MIN_TEMPO <= tempo.per_minute <= MAX_TEMPO:
        return tempo
    losses["rare tempos" if tempo.per_minute else "tempos in words"] += 1
    return None


def encode_tempo(tempo: Tempo | None) -> list[str]:
    """Return the tokens of a canonical tempo; none without a tempo.

    >>> encode_tempo(Tempo(Fraction(3, 8), 96))
    ['Q:3/8', '=0', '=9', '=6']
    """
    return [f"Q:{tempo.beat}", *(f"={digit}" for digit in f"{tempo.per_minute:03}")] if tempo else []


def decode_tempo(tokens: Sequence[str]) -> Tempo:
    """Return the tempo that four tokens represent.

    Raises:
        DecodeError: If they represent none.
    """
    digits = tokens[1:TEMPO_LENGTH]
    if len(digits) < TEMPO_LENGTH - 1 or not set(digits).issubset(DIGIT_TOKENS):
        raise DecodeError("three digits must follow the beat of a tempo")
    number = int("".join(token[1:] for token in digits))
    if not MIN_TEMPO <= number <= MAX_TEMPO:
        raise DecodeError(f"a tempo is {number}; {MIN_TEMPO} to {MAX_TEMPO} beats per minute are allowed")
    return Tempo(TEMPO_TOKENS[tokens[0]], number)


def tempo_digits(position: int, *, zero_before: bool) -> Sequence[str]:
    """Return the tokens of the digits with which a tempo is in its range.

    Args:
        position: The position of the digit, from 0.
        zero_before: Whether the digit before it is 0.
    """
    if position == 0:
        return DIGIT_TOKENS[: MAX_TEMPO // 100 + 1]
    return DIGIT_TOKENS[1:] if position == 1 and zero_before else DIGIT_TOKENS


# -- slurs -----------------------------------------------------------------------------------------------------


def without_slurs(elements: Iterable[Element], losses: Counter[str]) -> list[Element]:
    """Return elements without slurs, and count them."""
    result: list[Element] = []
    for element in elements:
        if isinstance(element, Note) and (element.slur_starts or element.slur_ends):
            losses["slurs"] += element.slur_starts
            element = dataclasses.replace(element, slur_starts=0, slur_ends=0)
        result.append(element)
    return result
