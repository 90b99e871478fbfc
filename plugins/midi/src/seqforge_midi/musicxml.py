"""Songs as MusicXML, with music21: one or more parts per program."""

import re
from fractions import Fraction
from typing import Any

from seqforge import WriteError
from seqforge_midi.instruments import program_name
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song

GRID = 12
"""Grid steps per quarter note on which notes are written."""
MAX_VOICES = 8
"""The largest number of voices of a program; chords that fit into none of them are added to one of them."""
_NOISE = re.compile(rb"\s*<(encoding-date|software|creator type=\"composer\")>[^<]*</(encoding-date|software|creator)>")
"""Elements that differ from day to day, or name music21 as the composer."""

Chord = tuple[int, int, list[int]]
"""Start and end in grid steps, and pitches."""
Voice = list[Chord]
"""Chords that do not overlap."""


def to_musicxml(song: Song, provenance: str = "") -> bytes:
    """Return a song as MusicXML; the same song gives the same bytes.

    Example:
        Path("song.musicxml").write_bytes(to_musicxml(song))

    Args:
        song: The song.
        provenance: Where the song comes from; the movement name of the score.

    Raises:
        WriteError: If music21 is not installed.
    """
    try:
        from music21 import metadata, stream
        from music21.musicxml.m21ToXml import GeneralObjectExporter
    except ImportError as error:
        raise WriteError(
            "writing .musicxml needs music21, which is not installed: pip install music21; or write .mid instead"
        ) from error

    score = stream.Score(id="song")
    score.metadata = metadata.Metadata(title="Song")
    if provenance:
        score.metadata.movementName = provenance
    part_number = 0
    for program in song.programs:
        voices = _voices(song, program)
        for number, voice in enumerate(voices, 1):
            part_number += 1
            name = program_name(program) + (f" {number}" if len(voices) > 1 else "")
            score.insert(0, _part(song, program, voice, part_number, name))
    xml: bytes = GeneralObjectExporter(score).parse()
    return _NOISE.sub(b"", xml)


def _voices(song: Song, program: int) -> list[Voice]:
    """Return the notes of a program, distributed to voices; the highest voice comes first."""
    chords: dict[tuple[int, int], list[int]] = {}
    step = TICKS_PER_QUARTER // GRID
    for start_tick, end_tick, pitch, *_ in song.notes[song.notes["program"] == program].tolist():
        start = round(start_tick / step)
        chords.setdefault((start, max(start + 1, round(end_tick / step))), []).append(pitch)
    voices: list[Voice] = []
    for (start, end), pitches in sorted(chords.items(), key=lambda item: (item[0][0], -max(item[1]))):
        free = [voice for voice in voices if voice[-1][1] <= start]
        if free:
            top = max(pitches)
            nearest = min(free, key=lambda voice: abs(max(voice[-1][2]) - top))
            nearest.append((start, end, pitches))
        elif len(voices) < MAX_VOICES:
            voices.append([(start, end, pitches)])
        else:
            _squeeze_in(min(voices, key=lambda voice: voice[-1][1]), start, end, pitches)
    return sorted(voices, key=lambda voice: -sum(max(pitches) for _, _, pitches in voice) / len(voice))


def _squeeze_in(voice: Voice, start: int, end: int, pitches: list[int]) -> None:
    """Add a chord to a voice whose last chord still sounds: shorten that one, or merge both if they start together."""
    last_start, last_end, last_pitches = voice[-1]
    if last_start < start:
        voice[-1] = (last_start, start, last_pitches)
        voice.append((start, end, pitches))
    else:
        voice[-1] = (last_start, max(end, last_end), sorted({*last_pitches, *pitches}))


def _part(song: Song, program: int, voice: Voice, number: int, name: str) -> Any:
    """Return a voice as a music21 part with measures."""
    from music21 import chord, clef, instrument, meter, note, stream, tempo

    part_class: Any = stream.Part
    instrument_class: Any = instrument.UnpitchedPercussion if program == DRUMS else instrument.Instrument
    mean_pitch = sum(sum(pitches) / len(pitches) for _, _, pitches in voice) / len(voice)
    pitched_clef: Any = clef.TrebleClef if mean_pitch >= 57 else clef.BassClef
    clef_class: Any = clef.PercussionClef if program == DRUMS else pitched_clef

    part, player = part_class(id=f"P{number}"), instrument_class()
    player.partName = name
    player.partId, player.instrumentId, player.midiProgram = f"P{number}", f"P{number}-I", program % DRUMS
    part.insert(0, player)
    part.insert(0, clef_class())
    for tick, (numerator, denominator) in song.time_signatures:
        part.insert(Fraction(tick, TICKS_PER_QUARTER), meter.TimeSignature(f"{numerator}/{denominator}"))
    for tick, bpm in song.tempos if number == 1 else ():
        part.insert(Fraction(tick, TICKS_PER_QUARTER), tempo.MetronomeMark(number=round(bpm, 2)))
    for start, end, pitches in voice:
        element = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(sorted(pitches))
        element.quarterLength = Fraction(end - start, GRID)
        part.insert(Fraction(start, GRID), element)
    part.makeMeasures(inPlace=True, refStreamOrTimeRange=[0.0, Fraction(song.length, TICKS_PER_QUARTER)])
    part.makeRests(inPlace=True, fillGaps=True, timeRangeFromBarDuration=True)
    part.makeTies(inPlace=True)
    return part
