"""What a person asks for: key, meter, rhythm, bars, a beginning; and what that means for the first steps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from seqforge import RequestError, did_you_mean, flag
from seqforge_abc.keeping import kept
from seqforge_abc.music import parse_music
from seqforge_abc.theory import Key, Meter, parse_key, parse_meter
from seqforge_abc.tokens import METERS, UNASKED, keys, tokens_of
from seqforge_abc.tune import Bar, Note, Tune, unit_of

LONGEST_PROMPT = 20_000
MOST_BARS = 1000
MOST_GAPS = 50
_GAP = re.compile(r'(?P<other>"[^"]*"|![^!\s]*!|\[[A-Za-z]:[^\]\n]*\]|%.*)|\*(?P<bars>\d*)')


@dataclass(frozen=True)
class Request:
    """What to write."""

    key: str = flag("", help="D, Edor, Amix, F#m, none; default: as the model chooses", unit="KEY")
    meter: str = flag("", help="6/8, 4/4, C|, none; default: as the model chooses", unit="METER")
    rhythm: str = flag("", help="reel, jig, ...; 'unknown' for none; default: as the model chooses", unit="RHYTHM")
    bars: int = flag(0, help="exactly so many bars, upbeats not counted; 0: as the model ends it")
    prompt: str = flag(
        "", help="the music to begin with, as ABC: '|:DED F2A|'; * is a bar to fill, *4 four", unit="ABC"
    )
    title: str = flag("", help="the tune's title", unit="TEXT")


@dataclass(frozen=True)
class Asked:
    """A request, understood; None where the model chooses.

    Attributes:
        rhythm: "" for an unknown one.
        meter: of the tune.
        key: of the tune.
        bars: 0 for any number.
        beginning: what it begins with.
        gaps: of each gap in the beginning, where in its music a rest stands for it, and how many bars to fill.
    """

    rhythm: str | None
    meter: Meter | None
    key: Key | None
    bars: int
    beginning: Tune | None
    gaps: tuple[tuple[int, int], ...] = ()

    def parts(self) -> list[list[str]]:
        """Return the tokens of the beginning: one part more than there are gaps.

        Its unit is that of most notes that are there, if it is one that is generated; else an eighth, the commonest.
        """
        tune = self.beginning
        assert tune is not None
        places = [place for place, _ in self.gaps]
        unit = unit_of(Tune(tuple(element for place, element in enumerate(tune.music) if place not in places)))
        unit = Fraction(1, 8) if f"L:{unit.numerator}/{unit.denominator}" in UNASKED else unit
        found: list[list[str]] = []
        begin = 0
        for place in [*places, len(tune.music)]:
            part = tokens_of(Tune(tune.music[begin:place], tune.key, tune.meter, tune.rhythm), unit)
            found.append(part if not found else part[4:])
            begin = place + 1
        return found


def understood(request: Request, rhythms: Sequence[str]) -> Asked:
    """Return what is asked for.

    Raises:
        RequestError: a key, meter or rhythm that is none, or a prompt that is no ABC.
    """
    rhythm = _rhythm(request.rhythm, rhythms)
    meter = parse_meter(request.meter) if request.meter else None
    if request.meter and (meter is None or (meter.unit and meter not in METERS)):
        raise RequestError(f"--meter {request.meter} is no meter; write it as 6/8, 4/4, C, C| or none")
    key = parse_key(request.key) if request.key else None
    if request.key and (key is None or key not in keys()):
        raise RequestError(
            f"--key {request.key} is no key; write a letter, # or b, and a mode: D, Bb, F#m, Edor, Amix, none"
        )
    if not 0 <= request.bars <= MOST_BARS:
        raise RequestError(f"--bars is {request.bars}; it must be from 0 to {MOST_BARS}")
    if not request.prompt.strip():
        return Asked(rhythm, meter, key, request.bars, None)
    beginning, gaps = _beginning(request, key, meter, rhythm, rhythms)
    return Asked(beginning.rhythm, beginning.meter, beginning.key, request.bars, beginning, gaps)


def _rhythm(word: str, rhythms: Sequence[str]) -> str | None:
    small = " ".join(word.lower().split())
    if not small:
        return None
    if small == "unknown":
        return ""
    if small not in rhythms:
        raise RequestError(
            f"the model knows no rhythm {word!r}; it knows {', '.join(sorted(rhythms))}, and unknown."
            f"{did_you_mean(small, rhythms)}"
        )
    return small


def _beginning(
    request: Request, key: Key | None, meter: Meter | None, rhythm: str | None, rhythms: Sequence[str]
) -> tuple[Tune, tuple[tuple[int, int], ...]]:
    """Return the prompt as the beginning of a tune, and its gaps.

    It has not the final bar line that the encoding gives a tune.
    """
    if len(request.prompt) > LONGEST_PROMPT:
        raise RequestError(f"the prompt has {len(request.prompt):,} characters; {LONGEST_PROMPT:,} are allowed")
    if key is None or meter is None:
        raise RequestError("a --prompt needs to know its key and meter; give --key and --meter with it")
    try:
        text, ends, bars = _template(request.prompt)
        found = parse_music(text, key=key, meter=meter)
        # how many notes there are up to a gap, the rest in it counted, says where it stands
        counts = [len(parse_music(text[:end], key=key, meter=meter).notes()) for end in ends]
    except ValueError as error:
        raise RequestError(f"the prompt is no ABC: {error}") from error
    tune = kept(Tune(found.music, found.key, found.meter, rhythm or ""), rhythms)[0]
    if found.music and isinstance(found.music[-1], Bar):
        tune = Tune((*tune.music[:-1], found.music[-1]), tune.key, tune.meter, tune.rhythm)
    places = [place for place, element in enumerate(tune.music) if isinstance(element, Note)]
    gaps = tuple((places[count - 1], length) for count, length in zip(counts, bars, strict=True))
    for place, _ in gaps:
        if tune.music[place] != Note((), cast(Note, tune.music[place]).duration):
            raise RequestError("a * in the prompt stands for whole bars; no sign can be written to it, as in '!f!*'")
    return tune, gaps


def _template(prompt: str) -> tuple[str, list[int], list[int]]:
    """Return a prompt with a rest for every gap, where each of these rests ends, and how many bars each gap has.

    Raises:
        RequestError: there are too many of them, or one of no bars.
    """
    text, ends, bars, last = "", [], [], 0
    for found in _GAP.finditer(prompt):
        if found["other"] is None:
            text += prompt[last : found.start()] + "z"
            last = found.end()
            ends.append(len(text))
            bars.append(int(found["bars"] or 1))
    if len(bars) > MOST_GAPS or not all(1 <= length <= MOST_BARS for length in bars):
        raise RequestError(f"a prompt may have {MOST_GAPS} gaps (*), each of 1 to {MOST_BARS} bars (*4)")
    return text + prompt[last:], ends, bars
