"""The tempo of a tune: the value of a Q: field, read and written.

Source: ABC 2.1, sections 3.1.8 and 10.1 (the older forms `Q:120` and `Q:C3=120`).
"""

import re
from fractions import Fraction

from seqforge_abc.tune import Tempo

MAX_PER_MINUTE = 999
"""A larger number of beats per minute is reduced to this one."""
_WORDS = re.compile(r'"([^"]*)"?')
_LENGTH = re.compile(r"(\d{1,3})/(\d{1,3})|C(\d{1,2})?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,6}(?:\.\d+)?")


def parse_tempo(text: str, unit: Fraction) -> Tempo | None:
    """Return the value of a Q: field, or None if it contains no tempo.

    >>> parse_tempo('"Allegro" 1/4=120', Fraction(1, 8))
    Tempo(beat=Fraction(1, 4), per_minute=120, words='Allegro')
    >>> str(parse_tempo("C3=40", Fraction(1, 8)).beat)
    '3/8'

    Args:
        text: The text after the colon.
        unit: The unit note length in whole notes, which a number without a length counts.
    """
    words = " ".join(" ".join(_WORDS.findall(text)).split())
    lengths, equals, number = _WORDS.sub(" ", text).rpartition("=")
    match = _NUMBER.search(number)
    if match is None:
        plain = " ".join(number.split())
        words = words or ("" if equals or '"' in text else plain.replace('"', ""))
        return Tempo(Fraction(0), 0, words) if words else None
    per_minute = min(MAX_PER_MINUTE, round(float(match[0])))
    beat = Fraction(0)
    for length in _LENGTH.finditer(lengths):
        if length[2]:
            beat += Fraction(int(length[1]), int(length[2])) if int(length[2]) else 0
        else:
            beat += int(length[3] or 1) * unit
    beat = beat or unit
    if not per_minute or beat > 16:
        return Tempo(Fraction(0), 0, words) if words else None
    return Tempo(beat, per_minute, words)


def tempo_text(tempo: Tempo) -> str:
    """Return a tempo as the text of a Q: field.

    >>> tempo_text(Tempo(Fraction(3, 8), 112, "Lively"))
    '"Lively" 3/8=112'
    """
    words = [f'"{tempo.words}"'] if tempo.words else []
    number = [f"{tempo.beat.numerator}/{tempo.beat.denominator}={tempo.per_minute}"] if tempo.per_minute else []
    return " ".join(words + number)
