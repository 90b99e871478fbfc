"""What can be requested of the plugin, and the checks that turn a request into a ParsedRequest."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqforge import ReadError, RequestError, did_you_mean, flag
from seqforge_midi.chorale import Chorale
from seqforge_midi.chord_request import ChordFields
from seqforge_midi.corpus_stats import CorpusStats
from seqforge_midi.drum_map import TD_ONLY, has_td_keys, to_general_midi
from seqforge_midi.edit_request import EditFields
from seqforge_midi.encoding import Encoding
from seqforge_midi.harmony_request import HarmonyFields
from seqforge_midi.instruments import program_name, program_number
from seqforge_midi.key import Key
from seqforge_midi.layout import LayoutFields
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.performance import Performance
from seqforge_midi.song import DRUMS, MAX_BPM, MIN_BPM, Song, TimeSignature, remove_overlaps
from seqforge_midi.song_files import read_song_file
from seqforge_midi.tokens import TIME_SIGNATURES, nearest_tempo, nearest_time_signature
from seqforge_midi.voices import Voices

MAX_BARS = 1000
MAX_SECONDS = 3600
DEFAULT_PROMPT_BARS = 4


@dataclass(frozen=True)
class MidiRequest(ChordFields, HarmonyFields, EditFields, LayoutFields):
    """What a generated song must be like.

    >>> MidiRequest(bars=8, time_signature="3/4").bpm
    0
    """

    prompt_file: Path | None = flag(
        None, help="A MIDI or MusicXML file to continue; its tempo, time signature and programs are kept."
    )
    prompt_bars: int | None = flag(
        None, help="Number of bars of the file to continue; 0 for all. Default: 4.", unit="BARS"
    )
    bars: int = flag(0, help="score, chorale, voices: Exact number of bars, prompt included; 0: the model decides.")
    seconds: float = flag(0.0, help="performance: Longest duration, prompt included; 0: the model decides.")
    bpm: int = flag(0, help="Tempo throughout, in quarter notes per minute; 0: the model decides.")
    time_signature: str = flag(
        "", help="Time signature throughout, such as 6/8; empty: the model decides.", unit="SIGNATURE"
    )
    program: str = flag("", help="Instruments by number or name, separated by commas: 0, violin, drums.", unit="NAMES")
    key: str = flag(
        "",
        help="voices, and models with the label key: The key, such as G, Bb, Em or F#m; empty: the model decides. A"
        " chorale in a requested key begins with the triad of its tonic.",
        unit="KEY",
    )
    rules: Literal["free", "strict"] = flag(
        "free",
        help="voices: strict: no parallel fifths and octaves, no leaps over an octave, no crossing voices, and a last"
        " chord that is the triad of the tonic in root position.",
    )
    transpose: int = flag(0, help="Semitones by which the result is transposed.", unit="SEMITONES")


def parse_request(request: MidiRequest, encoding: Encoding, stats: CorpusStats) -> ParsedRequest:
    """Check a request and read its prompt file.

    Args:
        request: The request.
        encoding: The encoding of the model.
        stats: The statistics of the model's corpus.

    Raises:
        RequestError: If the request is impossible, or the prompt file is unreadable, too long, or has programs that are
            not in the corpus.
    """
    _check_numbers(request, is_performance=isinstance(encoding, Performance))
    is_chorale = isinstance(encoding, Chorale | Voices)
    time_signature = _parse_time_signature(request.time_signature) if request.time_signature else None
    programs = _parse_programs(request.program) if request.program else None
    if programs is not None and not is_chorale:
        _check_programs(programs, stats, f"`program` is {request.program}", "program", request.program)
    parsed = ParsedRequest(
        bars=request.bars,
        seconds=request.seconds,
        bpm=request.bpm or None,
        time_signature=time_signature,
        programs=None if is_chorale else programs or tuple(stats.ranges),
        ranges=stats.ranges,
        drum_pitches=stats.drum_pitches,
        infill=_parse_infill(request.infill) if request.infill else None,
        transpose=request.transpose,
        key=_parse_key(request, encoding),
        strict=request.rules == "strict",
        polyphony=request.polyphony,
    )
    if is_chorale and programs is not None:
        output_program = next((program for program in programs if program != DRUMS), 0)
        parsed = dataclasses.replace(parsed, output_program=output_program)
    if isinstance(encoding, Chorale):
        frames_per_bar = encoding.frames_per_bar(time_signature or stats.time_signature)
        parsed = dataclasses.replace(parsed, frames_per_bar=frames_per_bar)
    if request.prompt_file is None:
        if request.infill:
            raise RequestError(
                f"`infill` is {request.infill!r} and there is no file to fill in; set `prompt_file`",
                field="infill", value=request.infill,
            )  # fmt: skip
        return parsed
    prompt = _read_prompt(request, request.prompt_file, parsed, encoding, stats)
    return _with_prompt(parsed, prompt, encoding, keep_programs=not request.program)


def _check_numbers(request: MidiRequest, *, is_performance: bool) -> None:
    """Check the ranges of the numbers, and that the fields apply to the encoding.

    Raises:
        RequestError: If a number is outside its range, or a field does not apply.
    """
    if not 0 <= request.bars <= MAX_BARS:
        raise RequestError.invalid("bars", request.bars, f"from 0 to {MAX_BARS}")
    if not 0 <= request.seconds <= MAX_SECONDS:
        raise RequestError.invalid("seconds", request.seconds, f"from 0 to {MAX_SECONDS}")
    if not 0 <= (request.prompt_bars or 0) <= MAX_BARS:
        raise RequestError.invalid("prompt_bars", request.prompt_bars, f"from 0 (all) to {MAX_BARS}")
    if not -127 <= request.transpose <= 127:
        raise RequestError.invalid("transpose", request.transpose, "from -127 to 127")
    if request.bars and is_performance:
        reason = "`bars` does not apply to a model of performances, which have no bars; set `seconds`"
        raise RequestError(reason, field="bars", value=request.bars)
    if request.seconds and not is_performance:
        reason = "`seconds` applies to models of performances only; set `bars`"
        raise RequestError(reason, field="seconds", value=request.seconds)
    if request.bpm and not MIN_BPM <= request.bpm <= MAX_BPM:
        raise RequestError.invalid("bpm", request.bpm, f"from {MIN_BPM} to {MAX_BPM}")


def _parse_time_signature(text: str) -> TimeSignature:
    numerator, _, denominator = text.strip().partition("/")
    try:
        time_signature = (int(numerator), int(denominator))
    except ValueError:
        time_signature = (0, 0)
    if time_signature not in TIME_SIGNATURES:
        allowed = "a time signature of at most 12 quarter notes, such as 4/4, 6/8, 5/4 or 2/2"
        raise RequestError.invalid("time_signature", text, allowed)
    return time_signature


def _parse_key(request: MidiRequest, encoding: Encoding) -> Key | None:
    """Return the requested key, None for none.

    Raises:
        RequestError: If the text names no key, the model has no keys or rules, or a prompt decides the key.
    """
    for field, value, default, others in (
        ("key", request.key, "", ", and to models that were trained with `song_labels` key"),
        ("rules", request.rules, "free", ""),
    ):
        if value != default and not isinstance(encoding, Voices):
            reason = f"`{field}` applies to models with the encoding 'voices', such as the shipped 'voices'{others}"
            raise RequestError(reason, field=field, value=value)
    if not request.key:
        return None
    if request.prompt_file is not None:
        raise RequestError("the file of `prompt_file` decides the key; leave out `key`", field="key", value=request.key)
    return parse_key(request.key)


def parse_key(text: str) -> Key:
    """Return the key that a text names.

    Raises:
        RequestError: If it names none.
    """
    try:
        return Key.parse(text)
    except ValueError:
        allowed = "a major key such as G, Bb or F#, or a minor key such as Em or F#m"
        raise RequestError.invalid("key", text, allowed) from None


def _parse_infill(text: str) -> tuple[int, int]:
    """Return the first and last bar to fill in."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    is_range = first.isdecimal() and (last.isdecimal() if dash else not last)
    bars = (int(first), int(last or first)) if is_range else (0, 0)
    if not 1 <= bars[0] <= bars[1]:
        raise RequestError.invalid(
            "infill", text, "a range of bars such as 5-8, or one bar such as 5; the first bar is 1"
        )
    return bars


def _parse_programs(text: str) -> tuple[int, ...]:
    """Return the programs that are named in a text, ascending."""
    programs = set()
    for word in text.split(","):
        number = program_number(word)
        if number is None:
            names = [program_name(program).lower() for program in range(DRUMS + 1)]
            raise RequestError(
                f"`program` has {word.strip()!r}, which is not an instrument; allowed are numbers from 0 to 127, the"
                f" names of General MIDI, and drums{did_you_mean(word.strip().lower(), names)}",
                field="program", value=text, allowed="0 to 127, the names of General MIDI, drums",
            )  # fmt: skip
        programs.add(number)
    return tuple(sorted(programs))


def _check_programs(programs: tuple[int, ...], stats: CorpusStats, subject: str, field: str, value: object) -> None:
    """Check that the corpus has all programs.

    Raises:
        RequestError: If it lacks one.
    """
    unknown = [program for program in programs if program not in stats.ranges]
    if unknown:
        known = ", ".join(f"{program_name(program)} ({program})" for program in sorted(stats.ranges))
        raise RequestError(
            f"{subject}: {program_name(unknown[0])} ({unknown[0]}) does not occur in the model's corpus, which has"
            f" {known}",
            field=field, value=value, allowed=known,
        )  # fmt: skip


def _read_prompt(
    request: MidiRequest, path: Path, parsed: ParsedRequest, encoding: Encoding, stats: CorpusStats
) -> Song:
    """Return the bars of the prompt file that the generated song continues.

    Raises:
        RequestError: If the file is unreadable, or its bars do not fit the model.
    """

    def error(reason: str) -> RequestError:
        return RequestError(f"`prompt_file` is {path}: {reason}", field="prompt_file", value=path)

    if not path.is_file():
        raise error("there is no such file")
    piece = next(read_song_file(path))
    if isinstance(piece, ReadError):
        raise RequestError(f"`prompt_file` cannot be read: {piece}", field="prompt_file", value=path)
    song = piece.content
    if not any(key in stats.drum_pitches for key in TD_ONLY) and has_td_keys(song.notes):
        song = dataclasses.replace(song, notes=remove_overlaps(to_general_midi(song.notes)))
    default = 0 if request.infill else DEFAULT_PROMPT_BARS
    bars = default if request.prompt_bars is None else request.prompt_bars
    if bars:
        song = song.first_bars(bars)
        if not len(song.notes):
            raise error(f"its first {bars} bars have no notes; increase `prompt_bars`")
    if parsed.bpm is not None:
        song = dataclasses.replace(song, tempos=((0, parsed.bpm),))
    if parsed.time_signature is not None:
        song = dataclasses.replace(song, time_signatures=((0, parsed.time_signature),))
    if isinstance(encoding, Chorale | Voices) and not (song.notes["program"] != DRUMS).any():
        raise error("it has only drums, and a chorale has none")
    if isinstance(encoding, Voices):
        song = encoding.canonical(song)
    if len(song.notes) > stats.max_notes and not request.infill:
        raise error(
            f"the prompt has {len(song.notes):,} notes, and the longest piece of the model's corpus has"
            f" {stats.max_notes:,}; use fewer bars with `prompt_bars`"
        )
    if not isinstance(encoding, Chorale | Voices):
        _check_programs(song.programs, stats, f"`prompt_file` is {path}", "prompt_file", path)
    return song


def _with_prompt(parsed: ParsedRequest, prompt: Song, encoding: Encoding, *, keep_programs: bool) -> ParsedRequest:
    """Return the request extended by the programs and ranges of the prompt, and by its tempo and time signature.

    Args:
        parsed: The request.
        prompt: The prompt.
        encoding: The encoding of the model.
        keep_programs: Whether only the programs of the prompt may play.
    """
    ranges = dict(parsed.ranges)
    for program in prompt.programs:
        pitches = prompt.notes["pitch"][prompt.notes["program"] == program].tolist()
        low, high = ranges.get(program, (pitches[0], pitches[0]))
        ranges[program] = (min(low, *pitches), max(high, *pitches))
    drum_pitches = {*parsed.drum_pitches, *prompt.notes["pitch"][prompt.notes["program"] == DRUMS].tolist()}
    parsed = dataclasses.replace(parsed, prompt=prompt, ranges=ranges, drum_pitches=tuple(sorted(drum_pitches)))
    first_time_signature = nearest_time_signature(prompt.time_signatures[0][1])
    if isinstance(encoding, Chorale):
        return dataclasses.replace(parsed, frames_per_bar=encoding.frames_per_bar(first_time_signature))
    counts = {track.program: track.number + 1 for track in sorted(prompt.tracks)}
    return dataclasses.replace(
        parsed,
        track_counts=counts if keep_programs else {},
        programs=prompt.programs if keep_programs else parsed.programs,
        time_signature=parsed.time_signature or (first_time_signature if len(prompt.time_signatures) == 1 else None),
        bpm=parsed.bpm or (nearest_tempo(prompt.tempos[0][1]) if len(prompt.tempos) == 1 else None),
    )
