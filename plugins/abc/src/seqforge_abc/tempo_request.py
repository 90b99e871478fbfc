"""The tempo of a request: parsed from its text, and given to a tune."""

import dataclasses
import re
from fractions import Fraction

from seqforge import RequestError
from seqforge_abc.playback import tempo_of
from seqforge_abc.tune import Tempo, Tune

__all__ = ["requested_tempo", "with_tempo"]

_TEMPO = re.compile(r"(?:(\d{1,2}/(?:1|2|4|8|16|32)) *= *)?(\d{1,4})")


def requested_tempo(text: str) -> Tempo | None:
    """Return the tempo that a text names, None for an empty text; its beat is 0 if the text names none.

    >>> requested_tempo("3/8=112")
    Tempo(beat=Fraction(3, 8), per_minute=112, words='')

    Args:
        text: The number of beats per minute, or a beat and that number.

    Raises:
        RequestError: If it names none, or one that is not played.
    """
    if not text.strip():
        return None
    match = _TEMPO.fullmatch(text.strip())
    tempo = Tempo(Fraction(match[1] or 0), int(match[2])) if match else None
    if tempo is None or not 4 <= 4 * (tempo.beat or Fraction(1, 4)) * tempo.per_minute <= 1000:
        allowed = "a number of beats per minute, such as 112, or a beat and a number, such as 3/8=112"
        raise RequestError.invalid("tempo", text, allowed)
    return tempo


def with_tempo(tune: Tune, tempo: Tempo | None) -> Tune:
    """Return a tune with a requested tempo.

    >>> from seqforge_abc.theory import parse_meter
    >>> with_tempo(Tune((), meter=parse_meter("6/8"), rhythm="jig"), requested_tempo("100")).tempo
    Tempo(beat=Fraction(3, 8), per_minute=100, words='')

    Args:
        tune: The tune.
        tempo: The tempo; None for that of the tune. A beat of length 0 is the usual beat of the tune.
    """
    if tempo is None:
        return tune
    if not tempo.beat and tempo.per_minute:
        tempo = dataclasses.replace(tempo, beat=tempo_of(dataclasses.replace(tune, tempo=None))[0])
    return dataclasses.replace(tune, tempo=tempo)
