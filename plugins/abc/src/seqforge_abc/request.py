"""The generation request: key, meter, rhythm, number of bars and the beginning of the tune."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from seqforge import RequestError, did_you_mean, flag, listing
from seqforge_abc.canonical import canonicalize
from seqforge_abc.music_parser import parse_music
from seqforge_abc.theory import Key, Meter, parse_key, parse_meter
from seqforge_abc.tokens import METERS, REQUEST_ONLY, all_keys, encode_tune, unit_token
from seqforge_abc.tune import BarLine, Note, Tune, unit_note_length

MAX_PROMPT_LENGTH = 20_000
"""In characters."""
MAX_BARS = 1000
MAX_GAPS = 50
_GAP = re.compile(r'(?P<other>"[^"]*"|![^!\s]*!|\[[A-Za-z]:[^\]\n]*\]|%.*)|\*(?P<bars>\d*)')


@dataclass(frozen=True)
class AbcRequest:
    """What tunes to generate.

    >>> AbcRequest(key="D", meter="6/8", rhythm="jig", bars=16).rhythm
    'jig'
    """

    key: str = flag("", help="Key: D, Edor, Amix, F#m or none; chosen by the model by default.", unit="KEY")
    meter: str = flag("", help="Time signature: 6/8, 4/4, C| or none; chosen by the model by default.", unit="METER")
    rhythm: str = flag("", help="Rhythm: reel, jig, ... or unknown; chosen by the model by default.", unit="RHYTHM")
    bars: int = flag(0, help="Number of bars, without upbeats; 0 lets the model choose.")
    prompt: str = flag(
        "", help="Beginning of the tune in ABC: '|:DED F2A|'; * is a bar to fill, *4 are four.", unit="ABC"
    )
    title: str = flag("", help="Title of the tune.", unit="TEXT")


class Gap(NamedTuple):
    """A gap in a prompt.

    Attributes:
        position: The index of the rest that represents the gap, in the elements of the prompt.
        bars: The number of bars to fill.
    """

    position: int
    bars: int


@dataclass(frozen=True)
class ParsedRequest:
    """A request whose texts are parsed; None means that the model chooses.

    Attributes:
        rhythm: The rhythm, "" for an unknown one.
        meter: The meter.
        key: The key.
        bars: The number of bars, 0 for any.
        prompt: The beginning of the tune.
        gaps: The gaps in the prompt.
    """

    rhythm: str | None
    meter: Meter | None
    key: Key | None
    bars: int
    prompt: Tune | None
    gaps: tuple[Gap, ...] = ()

    def prompt_parts(self) -> list[list[str]]:
        """Return the tokens of the prompt before, between and after its gaps.

        The unit note length is the most common length of the prompt, or an eighth if that unit is never generated.
        """
        tune = self.prompt
        assert tune is not None
        gaps = [gap.position for gap in self.gaps]
        unit = unit_note_length(
            Tune(tuple(element for index, element in enumerate(tune.elements) if index not in gaps))
        )
        unit = Fraction(1, 8) if unit_token(unit) in REQUEST_ONLY else unit
        parts: list[list[str]] = []
        begin = 0
        for end in [*gaps, len(tune.elements)]:
            part = encode_tune(Tune(tune.elements[begin:end], tune.key, tune.meter, tune.rhythm), unit)
            parts.append(part[4:] if parts else part)  # only the first part has a header
            begin = end + 1
        return parts


def parse_request(request: AbcRequest, rhythms: Sequence[str], keep: Collection[str] = ()) -> ParsedRequest:
    """Return a parsed request.

    >>> parsed = parse_request(AbcRequest(key="Edor", meter="C"), rhythms=["jig", "reel"])
    >>> str(parsed.key), str(parsed.meter), parsed.rhythm
    ('Edor', '4/4', None)

    Args:
        request: The request.
        rhythms: The rhythms that the model knows.
        keep: What the model's encoding keeps of `options.KEEPABLE`.

    Raises:
        RequestError: If key, meter, rhythm or the number of bars is not allowed, or the prompt is not ABC.
    """
    rhythm = _rhythm(request.rhythm, rhythms)
    meter = parse_meter(request.meter) if request.meter else None
    if request.meter and (meter is None or (meter.unit and meter not in METERS)):
        raise RequestError.invalid("meter", request.meter, "a meter such as 6/8, 4/4, C or C|, or none")
    key = parse_key(request.key) if request.key else None
    if request.key and (key is None or key not in all_keys()):
        allowed = "none, or a letter, # or b, and a mode: D, Bb, F#m, Edor, Amix"
        raise RequestError.invalid("key", request.key, allowed)
    if not 0 <= request.bars <= MAX_BARS:
        raise RequestError.invalid("bars", request.bars, f"from 0 to {MAX_BARS}")
    if not request.prompt.strip():
        return ParsedRequest(rhythm, meter, key, request.bars, None)
    prompt, gaps = _prompt(request.prompt, key, meter, rhythm, rhythms, keep)
    return ParsedRequest(prompt.rhythm, prompt.meter, prompt.key, request.bars, prompt, gaps)


def _rhythm(text: str, rhythms: Sequence[str]) -> str | None:
    name = " ".join(text.lower().split())
    if not name:
        return None
    if name == "unknown":
        return ""
    if name not in rhythms:
        allowed = listing([*sorted(rhythms), "unknown"], most=len(rhythms) + 1)
        raise RequestError(
            f"`rhythm` is {text!r}; the model knows {allowed}.{did_you_mean(name, rhythms)}",
            field="rhythm", value=text, allowed=allowed,
        )  # fmt: skip
    return name


def _prompt(
    text: str,
    key: Key | None,
    meter: Meter | None,
    rhythm: str | None,
    rhythms: Sequence[str],
    keep: Collection[str],
) -> tuple[Tune, tuple[Gap, ...]]:
    """Return the prompt as the beginning of a tune, without the final bar line of the canonical form, and its gaps."""
    if len(text) > MAX_PROMPT_LENGTH:
        raise RequestError(
            f"`prompt` has {len(text):,} characters; at most {MAX_PROMPT_LENGTH:,} are allowed",
            field="prompt", allowed=f"at most {MAX_PROMPT_LENGTH:,} characters",
        )  # fmt: skip
    if key is None or meter is None:
        raise RequestError(
            "`prompt` needs a key and a meter; set `key` and `meter`, such as D and 6/8",
            field="key" if key is None else "meter",
        )
    template, ends, bars = _split_gaps(text)
    try:
        music = parse_music(template, key=key, meter=meter)
        # the number of notes before the end of a gap, including its rest, identifies the rest
        counts = [len(parse_music(template[:end], key=key, meter=meter).notes()) for end in ends]
    except ValueError as error:
        raise RequestError(f"`prompt` is not ABC music: {error}", field="prompt", value=text) from error
    tune = canonicalize(Tune(music.elements, music.key, music.meter, rhythm or ""), rhythms, keep)[0]
    if music.elements and isinstance(music.elements[-1], BarLine):
        tune = Tune((*tune.elements[:-1], music.elements[-1]), tune.key, tune.meter, tune.rhythm)
    notes = [index for index, element in enumerate(tune.elements) if isinstance(element, Note)]
    gaps = tuple(Gap(notes[count - 1], length) for count, length in zip(counts, bars, strict=True))
    for gap in gaps:
        rest = tune.elements[gap.position]
        if not isinstance(rest, Note) or rest != Note((), rest.duration):
            raise RequestError(
                "a * in `prompt` is a bar to fill; no decoration, grace note or tie may stand at it, as in '!f!*'",
                field="prompt", value=text,
            )  # fmt: skip
    return tune, gaps


def _split_gaps(prompt: str) -> tuple[str, list[int], list[int]]:
    """Return a prompt with a rest in place of each gap, the end of each of these rests, and the bars of each gap.

    Raises:
        RequestError: If there are too many gaps, or a gap has too few or too many bars.
    """
    text, ends, bars, last = "", [], [], 0
    for match in _GAP.finditer(prompt):
        if match["other"] is None:
            text += prompt[last : match.start()] + "z"
            last = match.end()
            ends.append(len(text))
            bars.append(int(match["bars"] or 1))
    if len(bars) > MAX_GAPS or not all(1 <= length <= MAX_BARS for length in bars):
        allowed = f"at most {MAX_GAPS} gaps (*), each of 1 to {MAX_BARS} bars (*4)"
        raise RequestError(f"`prompt` may have {allowed}", field="prompt", value=prompt, allowed=allowed)
    return text + prompt[last:], ends, bars
