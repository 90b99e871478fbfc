"""The generation request: key, meter, rhythm, number of bars and the beginning of the tune."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from seqforge import RequestError, did_you_mean, flag, listing, prompt_text
from seqforge_abc.canonical import NOTHING_KEPT
from seqforge_abc.edit_request import DEFAULT_KEEP, EditRequest
from seqforge_abc.form import Form, parse_form
from seqforge_abc.instruments import HIGHLAND_PIPES, INSTRUMENTS, Instrument, unplayable
from seqforge_abc.kept import Kept
from seqforge_abc.tempo import tempo_text
from seqforge_abc.tempo_request import requested_tempo
from seqforge_abc.theory import Key, Meter, parse_key, parse_meter
from seqforge_abc.tokens import METERS, REQUEST_ONLY, all_keys, encode_tune, unit_token
from seqforge_abc.tune import Tempo, Tune, unit_note_length
from seqforge_abc.written_prompt import (
    MAX_BARS,
    Gap,
    WrittenPrompt,
    fitting_meters,
    parse_prompt,
    split_header,
)

PIPE_KEYS = ("HP", "Hp")
"""The keys of the Highland pipes, which are written as A mixolydian."""
MODES = {
    "ion": "major", "aeo": "minor", "dor": "dorian", "mix": "mixolydian", "lyd": "lydian", "phr": "phrygian",
    "loc": "locrian",
}  # fmt: skip
"""The name of each mode in a request."""
DEFAULT_SECTION_BARS = 8
"""The number of bars of a section of a form if the number of bars is not requested."""
MAX_PROMPT_LENGTH = 20_000
"""In characters."""


@dataclass(frozen=True)
class AbcRequest:
    """What tunes to generate.

    >>> AbcRequest(key="D", meter="6/8", rhythm="jig", bars=16).rhythm
    'jig'
    """

    key: str = flag(
        "", help="Key: D, Edor, Amix, F#m, HP (Highland pipes) or none; chosen by the model by default.", unit="KEY"
    )
    meter: str = flag("", help="Time signature: 6/8, 4/4, C| or none; chosen by the model by default.", unit="METER")
    rhythm: str = flag("", help="Rhythm: reel, jig, ... or unknown; chosen by the model by default.", unit="RHYTHM")
    mode: Literal["major", "minor", "dorian", "mixolydian", "lydian", "phrygian", "locrian"] | None = flag(
        None, help="Mode of the key, with any tonic; chosen by the model by default."
    )
    instrument: Literal["fiddle", "whistle", "flute", "pipes", "banjo"] | None = flag(
        None, help="Instrument that plays the tune; it sets the range, and the scale of whistle and pipes."
    )
    chords: bool = flag(False, help="Write chord symbols in every bar; the model's corpus must have chord symbols.")
    bars: int = flag(0, help="Number of bars, without upbeats; 0 lets the model choose.")
    form: str = flag(
        "", help="Form: AABB has two sections with repeats; the sections have equal numbers of bars.", unit="LETTERS"
    )
    prompt: str = flag(
        "", help="Beginning of the tune in ABC: '|:DED F2A|'; * is a bar to fill, *4 are four.", unit="ABC"
    )
    prompt_file: Path | None = flag(None, help="File with the beginning of the tune; - is standard input.", unit="FILE")
    title: str = flag("", help="Title of the tune.", unit="TEXT")
    tempo: str = flag(
        "",
        help="Tempo: 112 beats per minute, or 3/8=112 with the beat; the usual tempo of the rhythm by default.",
        unit="BPM",
    )
    vary: str = flag("", help="Rewrite some bars of a tune: tune.abc, or book.abc#3 for X:3 of a book.", unit="FILE")
    keep: float | None = flag(
        None, help=f"Share of the bars that a variation keeps. Default: {DEFAULT_KEEP}.", unit="SHARE"
    )
    infill: str = flag("", help="Rewrite these bars of a tune: tune.abc:5-8,13, or book.abc#3:5-8.", unit="FILE:BARS")
    answer: str = flag(
        "", help="Write a second part for the first part of a tune: tune.abc, or book.abc#3.", unit="FILE"
    )

    def __post_init__(self) -> None:
        edit = self.edit_request()
        if edit is not None and not edit.choice.is_stream:  # errors are found before the model is loaded
            edit.edit()

    def edit_request(self) -> EditRequest | None:
        """Return which tune of a file to edit, and how; None to generate a new tune."""
        fields = dataclasses.fields(self)
        return EditRequest.parse({f.name: getattr(self, f.name) for f in fields}, {f.name: f.default for f in fields})


@dataclass(frozen=True)
class ParsedRequest:
    """A request whose texts are parsed; None means that the model chooses.

    Attributes:
        rhythm: The rhythm, "" for an unknown one.
        meter: The meter.
        key: The key.
        bars: The number of bars, 0 for any.
        title: The title, "" for none.
        written: The prompt.
        keys: The keys that may occur if `key` is None; None for any.
        instruments: The instruments that play the tune.
        form: The form; `bars` is the number of its bars.
        chords: Whether every bar has a chord symbol.
        tempo: The tempo; a beat of length 0 stands for the usual beat of the rhythm and the meter.
    """

    rhythm: str | None
    meter: Meter | None
    key: Key | None
    bars: int
    title: str = ""
    written: WrittenPrompt | None = None
    keys: tuple[Key, ...] | None = None
    instruments: tuple[Instrument, ...] = ()
    tempo: Tempo | None = None
    form: Form | None = None
    chords: bool = False

    @property
    def prompt(self) -> Tune | None:
        """The beginning of the tune."""
        return None if self.written is None else self.written.tune

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps in the prompt."""
        return () if self.written is None else self.written.gaps

    @property
    def fitting_meters(self) -> list[str]:
        """The usual meters in which the bars of the prompt are full."""
        return [] if self.written is None else fitting_meters(self.written)

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


def parse_request(request: AbcRequest, rhythms: Sequence[str], keep: Kept = NOTHING_KEPT) -> ParsedRequest:
    """Return a parsed request.

    >>> parsed = parse_request(AbcRequest(key="Edor", meter="C"), rhythms=["jig", "reel"])
    >>> str(parsed.key), str(parsed.meter), parsed.rhythm
    ('Edor', '4/4', None)

    Args:
        request: The request.
        rhythms: The rhythms that the model knows.
        keep: What the codec encodes on request.

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
    instruments = [INSTRUMENTS[request.instrument]] if request.instrument else []
    instruments += [HIGHLAND_PIPES] if request.key.strip() in PIPE_KEYS else []
    form = _form(request.form, request.bars)
    parsed = ParsedRequest(
        rhythm,
        meter,
        key,
        request.bars if form is None else form.total_bars,
        request.title,
        instruments=tuple(instruments),
        tempo=requested_tempo(request.tempo),
        form=form,
        chords=request.chords,
    )
    text = prompt_text(request.prompt, request.prompt_file)
    if text.strip():
        parsed = _with_prompt(parsed, text, rhythms, keep)
    return _with_keys(parsed, request.mode)


def _form(text: str, bars: int) -> Form | None:
    """Return the form of a request, None for any.

    Raises:
        RequestError: If the letters name none, or the bars do not divide into its sections.
    """
    if not text.strip():
        return None
    form = parse_form(text, bars=DEFAULT_SECTION_BARS)
    if form is None:
        allowed = "letters such as AABB or ABA, each at most twice in a row, for at most 16 sections"
        raise RequestError.invalid("form", text, allowed)
    sections = len(form.letters)
    if bars % sections:
        raise RequestError(
            f"`bars` is {bars}, and the `form` {form.text} has {sections} sections of equal length; set `bars` to a"
            f" multiple of {sections}",
            field="bars", value=bars, allowed=f"a multiple of {sections}",
        )  # fmt: skip
    return dataclasses.replace(form, bars=bars // sections) if bars else form


def _with_prompt(parsed: ParsedRequest, text: str, rhythms: Sequence[str], keep: Kept) -> ParsedRequest:
    """Return the request extended by the prompt and the fields at its beginning.

    Raises:
        RequestError: If the prompt is no ABC music, lacks a key or a meter, or contradicts another field.
    """
    if len(text) > MAX_PROMPT_LENGTH:
        raise RequestError(
            f"`prompt` has {len(text):,} characters; at most {MAX_PROMPT_LENGTH:,} are allowed",
            field="prompt", allowed=f"at most {MAX_PROMPT_LENGTH:,} characters",
        )  # fmt: skip
    header, music = split_header(text)
    rhythm = None if header.rhythm is None else _rhythm(header.rhythm, rhythms)
    rhythm = _agreed("rhythm", parsed.rhythm, rhythm)
    key, meter = _agreed("key", parsed.key, header.key), _agreed("meter", parsed.meter, header.meter)
    title = _agreed("title", parsed.title or None, header.title) or ""
    tempo = _agreed_tempo(parsed.tempo, header.tempo)
    parsed = dataclasses.replace(parsed, rhythm=rhythm, key=key, meter=meter, title=title, tempo=tempo)
    if not music.strip():
        return parsed
    for name, value, line in (("key", key, "K:D"), ("meter", meter, "M:6/8")):
        if value is None:
            raise RequestError(
                f"`prompt` needs a {name}; set `{name}`, or begin the prompt with a line such as {line}", field=name
            )
    header = dataclasses.replace(header, key=key, meter=meter)
    if header.key_text.strip() in PIPE_KEYS and HIGHLAND_PIPES not in parsed.instruments:
        parsed = dataclasses.replace(parsed, instruments=(*parsed.instruments, HIGHLAND_PIPES))
    written = parse_prompt(music, header, rhythms, keep, rhythm=rhythm or "")
    tune = written.tune
    return dataclasses.replace(parsed, key=tune.key, meter=tune.meter, written=written)


def _with_keys(parsed: ParsedRequest, mode: str | None) -> ParsedRequest:
    """Return the request with the keys of a mode that the instruments play.

    Raises:
        RequestError: If the key has another mode, or an instrument lacks a note of the key or of the prompt.
    """
    for instrument in parsed.instruments:
        if parsed.prompt is not None and (note := unplayable(parsed.prompt, instrument)):
            raise RequestError(
                f"`prompt` has {note}, which {instrument.name} cannot play; change it, or leave out `instrument`",
                field="instrument", value=note,
            )  # fmt: skip
    if mode is None and not parsed.instruments:
        return parsed
    keys = [key for key in all_keys() if key.tonic is not None and mode in (None, MODES[key.mode])]
    for instrument in parsed.instruments:
        playable = instrument.playable_keys()
        keys = [key for key in keys if key in playable]
    key = parsed.key
    if key is not None and key.tonic is not None and key not in keys:
        if mode not in (None, MODES[key.mode]):
            raise RequestError(
                f"`key` is {key}, which is {MODES[key.mode]}, and `mode` is {mode}; leave out one of them",
                field="mode", value=mode, allowed=MODES[key.mode],
            )  # fmt: skip
        names = listing(map(str, keys))
        raise RequestError(
            f"`key` is {key}, and {parsed.instruments[0].name} lacks some of its notes; it plays in {names}",
            field="key", value=str(key), allowed=names,
        )  # fmt: skip
    return dataclasses.replace(parsed, keys=tuple(keys))


def _agreed_tempo(tempo: Tempo | None, inner: Tempo | None) -> Tempo | None:
    """Return the tempo of the request and of the beginning of the prompt; one of them may name no beat.

    Raises:
        RequestError: If they differ.
    """
    if tempo is None or inner is None:
        return tempo or inner
    if (tempo.beat or inner.beat, tempo.per_minute) != (inner.beat, inner.per_minute):
        _agreed("tempo", tempo_text(tempo) if tempo.beat else str(tempo.per_minute), tempo_text(inner))
    return inner


def _agreed(name: str, value: Any, inner: Any) -> Any:
    """Return the value of a field that the request and the beginning of the prompt may both set.

    Raises:
        RequestError: If they differ.
    """
    if value is not None and inner is not None and value != inner:
        raise RequestError(
            f"`{name}` is {value or 'unknown'}, and `prompt` begins with {inner or 'unknown'}; leave out `{name}`, or"
            " change the prompt",
            field=name, value=str(value), allowed=str(inner),
        )  # fmt: skip
    return inner if value is None else value


def _rhythm(text: str, rhythms: Sequence[str]) -> str | None:
    name = " ".join(text.lower().split())
    if not name:
        return None
    if name == "unknown":
        return ""
    if name not in rhythms:
        allowed = listing([*sorted(rhythms), "unknown"], most=len(rhythms) + 1)
        raise RequestError(
            f"`rhythm` is {text!r}; the model knows {allowed}{did_you_mean(name, rhythms)}",
            field="rhythm", value=text, allowed=allowed,
        )  # fmt: skip
    return name
