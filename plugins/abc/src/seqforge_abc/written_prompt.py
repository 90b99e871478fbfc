"""The text of a prompt: its header fields, its music and the bars to fill."""

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from seqforge import RequestError
from seqforge_abc.bars import split_bars
from seqforge_abc.canonical import NOTHING_KEPT, canonicalize
from seqforge_abc.fields import default_unit, meter_field, plain_text, unit_field
from seqforge_abc.kept import Kept
from seqforge_abc.key_field import key_field
from seqforge_abc.music_parser import parse_music
from seqforge_abc.spaced_tokens import SPACED_UNIT, join_spaced_tokens, split_sample
from seqforge_abc.tempo import parse_tempo
from seqforge_abc.theory import NO_KEY, Key, Meter
from seqforge_abc.tune import BarLine, Element, Note, Tempo, Tune

__all__ = ["Gap", "PromptHeader", "WrittenPrompt", "fitting_meters", "parse_prompt", "split_header"]

MAX_BARS = 1000
MAX_GAPS = 50
_GAP = re.compile(r'(?P<other>"[^"]*"|![^!\s]*!|\[[A-Za-z]:[^\]\n]*\]|%.*)|\*(?P<bars>\d*)')
_FIELD = re.compile(r"[ \t]*([A-Za-z+]):(?![|:])[ \t]*(.*?)[ \t]*")
_INNER_FIELD = re.compile(r"(?<=\S)[ \t]+(?=[KLMR]:)")
_LEADING = re.compile(r"(?:[\s|:]|\[\||\|\]|\[[A-Za-z]:[^\]\n]*\])*")
_INLINE = re.compile(r"\[([KLM]):[ \t]*([^\]\n]*?)[ \t]*\]")
_COMMENT = re.compile(r"(?<!\\)%.*")
_USUAL_METERS = tuple(
    Meter(beats, unit)
    for beats, unit in ((4, 4), (6, 8), (3, 4), (2, 4), (9, 8), (12, 8), (3, 8), (2, 2), (3, 2), (5, 4), (7, 8), (5, 8))
)


@dataclass(frozen=True)
class PromptHeader:
    """The fields at the beginning of a prompt; None for a field that is missing.

    Attributes:
        key: The key.
        meter: The meter.
        unit: The unit note length in whole notes.
        rhythm: The name of the rhythm, as it is written.
        title: The first title.
        tempo: The tempo.
        key_text: The key, as it is written.
    """

    key: Key | None = None
    meter: Meter | None = None
    unit: Fraction | None = None
    rhythm: str | None = None
    title: str | None = None
    tempo: Tempo | None = None
    key_text: str = ""


class Gap(NamedTuple):
    """A gap in a prompt.

    Attributes:
        position: The index of the rest that represents the gap, in the elements of the prompt.
        bars: The number of bars to fill.
    """

    position: int
    bars: int


@dataclass(frozen=True)
class WrittenPrompt:
    """A prompt whose text is parsed.

    Attributes:
        tune: The beginning of the tune.
        gaps: The bars to fill.
        has_unit: Whether the prompt names its unit note length, so that it does not depend on the meter.
    """

    tune: Tune
    gaps: tuple[Gap, ...] = ()
    has_unit: bool = False


def split_header(text: str) -> tuple[PromptHeader, str]:
    r"""Return the fields at the beginning of a prompt, and the music after them.

    >>> header, music = split_header("X:1\nT:The Kesh\nM:6/8\nK:G\n|:GAG GAB|")
    >>> str(header.key), str(header.meter), header.title, music
    ('G', '6/8', 'The Kesh', '|:GAG GAB|')

    A field may stand on a line of its own, beside others (`M:6/8 K:G`), or in brackets before the first note. Fields
    that name no property of a request, such as X:, are skipped. The spaced tokens of folk-rnn are joined.

    Raises:
        RequestError: If a meter or a unit note length is unreadable.
    """
    fields: dict[str, str] = {}
    lines = [part for line in text.splitlines() for part in split_sample(line)]
    music: list[str] = []
    for number, line in enumerate(lines):
        parts = [_FIELD.fullmatch(part) for part in _INNER_FIELD.split(_COMMENT.sub("", line))]
        if parts[0] is None and line.strip() and not line.startswith("%"):
            music = lines[number:]
            break
        rest = ""
        for part in filter(None, parts):
            letter, value = part[1], part[2]
            if letter == "K" and "|" in value:
                value, _, rest = value.partition(" ")
            fields.setdefault(letter, value)
        if rest:
            music = [rest, *lines[number + 1 :]]
            break
    joined = [join_spaced_tokens(line) for line in music]
    if joined != music:
        fields.setdefault("L", str(SPACED_UNIT))
    body = "\n".join(joined)
    leading = _LEADING.match(body)
    assert leading is not None
    fields.update(_INLINE.findall(leading[0]))
    return _header(fields), _INLINE.sub("", leading[0]) + body[leading.end() :]


def _header(fields: dict[str, str]) -> PromptHeader:
    """Return the header with these fields.

    Raises:
        RequestError: If a meter or a unit note length is unreadable.
    """
    meter, unit = meter_field(fields.get("M", "")), unit_field(fields.get("L", ""))
    for letter, value, example in (("M", meter, "6/8"), ("L", unit, "1/8")):
        if letter in fields and value is None:
            raise RequestError(
                f"`prompt` has the line {letter}:{fields[letter]}, which must look like {letter}:{example}",
                field="prompt", value=fields[letter], allowed=example,
            )  # fmt: skip
    signature = key_field(fields["K"]).signature if "K" in fields else None
    names_key = signature is not None and (signature.key != NO_KEY or fields["K"].lower().startswith("none"))
    title = " ".join(plain_text(fields["T"]).split()) if "T" in fields else None
    return PromptHeader(
        key=signature.key if signature is not None and names_key else None,
        meter=meter[0] if meter and "M" in fields else None,
        unit=unit,
        rhythm=fields.get("R"),
        title=title,
        tempo=parse_tempo(fields.get("Q", ""), unit or Fraction(1, 8)),
        key_text=fields.get("K", ""),
    )


def parse_prompt(
    music: str, header: PromptHeader, rhythms: Sequence[str], keep: Kept = NOTHING_KEPT, *, rhythm: str = ""
) -> WrittenPrompt:
    """Return the music of a prompt as the beginning of a tune, with its gaps.

    Args:
        music: The music.
        header: The header, with a key and a meter.
        rhythms: The rhythms that the model knows.
        keep: What the codec encodes on request.
        rhythm: The rhythm, "" for an unknown one.

    Raises:
        RequestError: If the text is no ABC music, or a gap is impossible.
    """
    assert header.key is not None and header.meter is not None
    key, meter, unit = header.key, header.meter, header.unit
    template, ends, bars = _split_gaps(music)
    try:
        parsed = parse_music(template, key=key, meter=meter, unit=unit, open_end=True)
        # the number of notes before the end of a gap, including its rest, identifies the rest
        counts = [len(parse_music(template[:end], key=key, meter=meter, unit=unit).notes()) for end in ends]
    except ValueError as error:
        raise RequestError(f"`prompt` is not ABC music: {error}", field="prompt", value=music) from error
    tune = _canonical(dataclasses.replace(parsed, rhythm=rhythm), rhythms, keep)
    notes = [index for index, element in enumerate(tune.elements) if isinstance(element, Note)]
    gaps = tuple(Gap(notes[count - 1], length) for count, length in zip(counts, bars, strict=True))
    for gap in gaps:
        rest = tune.elements[gap.position]
        if not isinstance(rest, Note) or rest != Note((), rest.duration):
            raise RequestError(
                "a * in `prompt` is a bar to fill; no decoration, grace note or tie may stand at it, as in '!f!*'",
                field="prompt", value=music,
            )  # fmt: skip
    return WrittenPrompt(tune, gaps, unit is not None or "L:" in music)


def _canonical(tune: Tune, rhythms: Sequence[str], keep: Kept) -> Tune:
    """Return the canonical form of the beginning of a tune, which need not end with a final bar line."""
    elements: tuple[Element, ...] = (*tune.elements, BarLine("|]"))
    whole = canonicalize(dataclasses.replace(tune, elements=elements), rhythms, keep)[0]
    elements = whole.elements[:-1]
    if tune.elements[-1] == BarLine("|]"):
        elements = (*elements[:-1], BarLine("|]"))
    return dataclasses.replace(whole, elements=elements)


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


def fitting_meters(prompt: WrittenPrompt) -> list[str]:
    r"""Return the usual meters in which the bars of a prompt are full, at most two.

    The first bar may be an upbeat, and the last bar of a section may be short. Without an L: field, the unit note
    length depends on the meter.

    >>> header, music = split_header("M:4/4\nK:D\n|:DED F2A|")
    >>> fitting_meters(parse_prompt(music, header, []))
    ['6/8', '3/4']
    """
    tune = prompt.tune
    gaps = {id(tune.elements[gap.position]) for gap in prompt.gaps}
    bars = [
        bar for bar in split_bars(tune)
        if bar.length and bar.closing and not gaps.intersection(map(id, bar.elements))
    ]  # fmt: skip
    unit = default_unit(tune.meter)

    def fits(meter: Meter) -> bool:
        scale = Fraction(1) if prompt.has_unit else default_unit(meter) / unit
        lengths = [bar.length * scale / meter.bar_length for bar in bars]
        is_upbeat = [number == 0 or bars[number - 1].ends_section for number in range(len(bars))]
        return 1 in lengths and all(
            length == 1 or (length < 1 and (bar.ends_section or (upbeat and (2 * length <= 1 or len(bars) > 1))))
            for length, bar, upbeat in zip(lengths, bars, is_upbeat, strict=True)
        )

    return [str(meter) for meter in _USUAL_METERS if meter != tune.meter and fits(meter)][:2]
