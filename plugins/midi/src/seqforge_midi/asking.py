"""What a person asks for: bars, seconds, tempo, meter, programs, a file to go on from; and what that means."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import ReadError, RequestError, did_you_mean, flag
from seqforge_midi.chorale import Chorale
from seqforge_midi.encoding import METERS, Asked, Encoding, kept_meter
from seqforge_midi.learnt import Learnt
from seqforge_midi.names import program_name, program_number
from seqforge_midi.performance import Performance
from seqforge_midi.reading import read_songs
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS, FASTEST, SLOWEST, Song, song

MOST_BARS = 1000
MOST_SECONDS = 3600
PROMPT_BARS = 4


@dataclass(frozen=True)
class Request:
    """What to play."""

    prompt_file: Path | None = flag(None, help="a MIDI file to go on from; its tempo, meter and programs are kept")
    prompt_bars: int | None = flag(None, help="how many bars of it; 0: all; default: 4, and with --infill all")
    gap: str = flag("", help="score, chorale: bars of the file to write anew, so that they fit: 5-8", unit="BARS")
    bars: int = flag(0, help="score, chorale: exactly so many bars, the prompt's included; 0: as the model ends it")
    seconds: float = flag(0.0, help="performance: at most so long, the prompt included; 0: as the model ends it")
    bpm: int = flag(0, help="the tempo throughout; 0: as the model chooses", unit="QUARTERS")
    meter: str = flag("", help="4/4, 6/8, ...; default: as the model chooses", unit="METER")
    program: str = flag("", help="who plays: 0, violin, drums; several with commas", unit="PROGRAMS")
    transpose: int = flag(0, help="what is played is moved by so many semitones at the end", unit="SEMITONES")


def understood(request: Request, encoding: Encoding, learnt: Learnt) -> tuple[Asked, np.ndarray, dict[str, Any]]:
    """Return what is asked for, the steps that the song begins with, and what decoding needs beside the steps.

    Raises:
        RequestError: it is impossible; the prompt cannot be read, is too long, or holds what the model never heard.
    """
    asked = _asked(request, encoding, learnt)
    if request.gap and request.prompt_file is None:
        raise RequestError(f"--infill {request.gap} is a gap in a file; give the file with --prompt-file")
    if request.prompt_file is None:
        plain = {"bpm": asked.bpm or learnt.bpm, "meter": list(asked.meter or learnt.meter)}
        return asked, np.zeros(0, np.int64), plain if isinstance(encoding, Chorale) else {}
    heard = _beginning(request, request.prompt_file, encoding, learnt, asked)
    return _going_on(asked, heard, request, encoding), encoding.encode(heard), encoding.extras(heard)


def said_after(made: Song, request: Request, encoding: Encoding) -> Song:
    """Return a song with what was asked for and not generated: tempo, programs of a chorale, transposition."""
    if request.bars and isinstance(encoding, Score):
        made = made.first_bars(request.bars)
    notes, pedals = np.array(made.notes), made.pedals
    if request.transpose:
        tuned = notes["program"] != DRUMS
        moved = notes["pitch"] + request.transpose * tuned
        if len(moved) and not 0 <= moved.min() <= moved.max() <= 127:
            raise RequestError(
                f"--transpose {request.transpose} moves pitches {notes['pitch'].min()} to {notes['pitch'].max()} out of"
                " what MIDI has (0 to 127); ask for less"
            )
        notes["pitch"] = moved
    if isinstance(encoding, Chorale) and request.program:
        notes["program"] = [program for program in _numbers(request.program) if program != DRUMS][:1] or 0
    tempos, meters = made.tempos, made.meters
    if isinstance(encoding, Chorale) and request.bpm:
        tempos = ((0, request.bpm),)
    if isinstance(encoding, Chorale) and request.meter:
        meters = ((0, _meter(request.meter)),)
    return song(notes, tempos, meters, pedals, made.length)


# -- one thing at a time ------------------------------------------------------------------------------------


def _asked(request: Request, encoding: Encoding, learnt: Learnt) -> Asked:
    """Return what is asked for, understood.

    Raises:
        RequestError: it is impossible.
    """
    if not 0 <= request.bars <= MOST_BARS:
        raise RequestError(f"--bars is {request.bars}; it must be from 0 to {MOST_BARS}")
    if not 0 <= request.seconds <= MOST_SECONDS:
        raise RequestError(f"--seconds is {request.seconds:g}; it must be from 0 to {MOST_SECONDS}")
    if not 0 <= (request.prompt_bars or 0) <= MOST_BARS:
        raise RequestError(f"--prompt-bars is {request.prompt_bars}; it must be from 0 (all) to {MOST_BARS}")
    if not -127 <= request.transpose <= 127:
        raise RequestError(f"--transpose is {request.transpose}; it must be from -127 to 127")
    played = isinstance(encoding, Performance)
    if request.bars and played:
        raise RequestError("--bars has no meaning for a model of performances, which count time; give --seconds")
    if request.seconds and not played:
        raise RequestError("--seconds has no meaning for a model of bars; give --bars")
    if request.gap and played:
        raise RequestError("--infill has no meaning for a model of performances, which knows no bars")
    bpm = request.bpm or None
    if bpm is not None and not SLOWEST <= bpm <= FASTEST:
        raise RequestError(f"--bpm is {bpm}; it must be from {SLOWEST} to {FASTEST}")
    meter = _meter(request.meter) if request.meter else None
    programs: tuple[int, ...] | None = None  # of a chorale, who plays is said afterwards
    if not isinstance(encoding, Chorale):
        programs = _programs(request.program, learnt) if request.program else tuple(learnt.ranges)
    gap = _gap(request.gap)
    asked = Asked(request.bars, request.seconds, bpm, meter, programs, learnt.ranges, learnt.drums, gap=gap)
    if isinstance(encoding, Chorale):
        asked = dataclasses.replace(asked, frames_a_bar=encoding.frames_a_bar(meter or learnt.meter))
    return asked


def _going_on(asked: Asked, heard: Song, request: Request, encoding: Encoding) -> Asked:
    """Return what is asked for where a file is gone on from: its programs play on, its one tempo and meter hold."""
    ranges = dict(asked.ranges)
    for program in heard.programs:
        own = heard.notes["pitch"][heard.notes["program"] == program].tolist()
        low, high = ranges.get(program, (own[0], own[0]))
        ranges[program] = (min(low, *own), max(high, *own))
    struck = set(heard.notes["pitch"][heard.notes["program"] == DRUMS].tolist())
    found = dataclasses.replace(asked, ranges=ranges, drums=tuple(sorted(struck.union(asked.drums))))
    if isinstance(encoding, Chorale):
        return dataclasses.replace(found, frames_a_bar=encoding.frames_a_bar(kept_meter(heard.meters[0][1])))
    one_meter = kept_meter(heard.meters[0][1]) if len(heard.meters) == 1 else None
    one_tempo = heard.tempos[0][1] if len(heard.tempos) == 1 else None
    return dataclasses.replace(
        found,
        programs=asked.programs if request.program else heard.programs,
        meter=asked.meter or one_meter,
        bpm=asked.bpm or one_tempo,
    )


def _meter(text: str) -> tuple[int, int]:
    top, _, unit = text.strip().partition("/")
    try:
        meter = (int(top), int(unit))
    except ValueError:
        meter = (0, 0)
    if meter not in METERS:
        raise RequestError(f"--meter {text} is no meter that has a token; write it as 4/4, 6/8, 5/4, 2/2")
    return meter


def _gap(text: str) -> tuple[int, int] | None:
    """Return the first and the last bar of a gap."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not text:
        return None
    digits = first.isdecimal() and (last.isdecimal() if dash else not last)
    found = (int(first), int(last or first)) if digits else (0, 0)
    if not 1 <= found[0] <= found[1]:
        raise RequestError(f"--infill {text} is no range of bars, which count from 1; write it as 5-8, or 5 for one bar")
    return found


def _numbers(text: str) -> tuple[int, ...]:
    """Return the programs that a person names."""
    found = []
    for word in text.split(","):
        number = program_number(word)
        if number is None:
            names = [program_name(each).lower() for each in range(DRUMS + 1)]
            raise RequestError(
                f"--program {word.strip()!r} is no instrument; write a number from 0 to 127, 'drums', or a name of"
                f" General MIDI.{did_you_mean(word.strip().lower(), names)}"
            )
        found.append(number)
    return tuple(sorted(set(found)))


def _programs(text: str, learnt: Learnt) -> tuple[int, ...]:
    programs = _numbers(text)
    _check_known(programs, learnt, f"--program {text}")
    return programs


def _check_known(programs: tuple[int, ...], learnt: Learnt, what: str) -> None:
    unknown = [program for program in programs if program not in learnt.ranges]
    if unknown:
        known = ", ".join(f"{program_name(program)} ({program})" for program in sorted(learnt.ranges))
        raise RequestError(
            f"{what}: the model has never heard {program_name(unknown[0])} ({unknown[0]}); its corpus has {known}"
        )


def _beginning(request: Request, path: Path, encoding: Encoding, learnt: Learnt, asked: Asked) -> Song:
    """Return the part of the person's file that is gone on from, as the model hears it."""
    if not path.is_file():
        raise RequestError(f"--prompt-file {path}: there is no such file")
    found = next(read_songs(path))
    if isinstance(found, ReadError):
        raise RequestError(f"--prompt-file {found}")
    bars = request.prompt_bars
    heard = _first_bars(found[0], (0 if request.gap else PROMPT_BARS) if bars is None else bars, path)
    if asked.bpm is not None:
        heard = dataclasses.replace(heard, tempos=((0, asked.bpm),))
    if asked.meter is not None:
        heard = dataclasses.replace(heard, meters=((0, asked.meter),))
    if len(heard.notes) > learnt.longest:
        raise RequestError(
            f"--prompt-file {path}: the prompt has {len(heard.notes):,} notes, and the longest piece that the model"
            f" was trained on {learnt.longest:,}; take fewer bars with --prompt-bars"
        )
    if isinstance(encoding, Chorale):
        if not (heard.notes["program"] != DRUMS).any():
            raise RequestError(f"--prompt-file {path}: there are only drums in it, and a chorale has none")
    else:
        _check_known(heard.programs, learnt, f"--prompt-file {path}")
    return heard


def _first_bars(whole: Song, bars: int, path: Path) -> Song:
    """Return the first bars of a song; notes that last on are cut."""
    if not bars:
        return whole
    first = whole.first_bars(bars)
    if not len(first.notes):
        raise RequestError(
            f"--prompt-file {path}: nothing sounds in its first {bars} bars; take more with --prompt-bars"
        )
    return first
