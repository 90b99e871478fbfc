"""What a person asks for: key, meter, rhythm, bars, a beginning; and what that means for the first steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqforge import RequestError, did_you_mean, flag
from seqforge_abc.keeping import kept
from seqforge_abc.music import parse_music
from seqforge_abc.theory import Key, Meter, parse_key, parse_meter
from seqforge_abc.tokens import METERS, keys
from seqforge_abc.tune import Bar, Tune

LONGEST_PROMPT = 20_000
MOST_BARS = 1000


@dataclass(frozen=True)
class Request:
    """What to write."""

    key: str = flag("", help="D, Edor, Amix, F#m, none; default: as the model chooses", unit="KEY")
    meter: str = flag("", help="6/8, 4/4, C|, none; default: as the model chooses", unit="METER")
    rhythm: str = flag("", help="reel, jig, ...; 'unknown' for none; default: as the model chooses", unit="RHYTHM")
    bars: int = flag(0, help="exactly so many bars, upbeats not counted; 0: as the model ends it")
    prompt: str = flag("", help="the music to begin with, as ABC: '|:DED F2A|'", unit="ABC")
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
    """

    rhythm: str | None
    meter: Meter | None
    key: Key | None
    bars: int
    beginning: Tune | None


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
    beginning = _beginning(request, key, meter, rhythm, rhythms) if request.prompt.strip() else None
    if beginning is not None:
        return Asked(beginning.rhythm, beginning.meter, beginning.key, request.bars, beginning)
    return Asked(rhythm, meter, key, request.bars, None)


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
) -> Tune:
    """Return the prompt as the beginning of a tune: without the final bar line that the encoding gives a tune."""
    if len(request.prompt) > LONGEST_PROMPT:
        raise RequestError(f"the prompt has {len(request.prompt):,} characters; {LONGEST_PROMPT:,} are allowed")
    if key is None or meter is None:
        raise RequestError("a --prompt needs to know its key and meter; give --key and --meter with it")
    try:
        found = parse_music(request.prompt, key=key, meter=meter)
    except ValueError as error:
        raise RequestError(f"the prompt is no ABC: {error}") from error
    tune = kept(Tune(found.music, found.key, found.meter, rhythm or ""), rhythms)[0]
    if found.music and isinstance(found.music[-1], Bar):
        tune = Tune((*tune.music[:-1], found.music[-1]), tune.key, tune.meter, tune.rhythm)
    return tune
