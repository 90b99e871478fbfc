"""Songs as MusicXML, through music21: a part for each program and line of it."""

import re
from fractions import Fraction
from typing import Any

from seqforge_midi.names import program_name
from seqforge_midi.song import DRUMS, TICKS, Song

GRID = 12
"""Notes are written on so many steps to a quarter."""
MOST_LINES = 8
"""Of a program: what does not fit is written into the last."""
_NOISE = re.compile(rb"\s*<(encoding-date|software|creator type=\"composer\")>[^<]*</(encoding-date|software|creator)>")


def musicxml(song: Song, told: str = "") -> bytes:
    """Return a song as MusicXML; the same bytes each time."""
    from music21 import metadata, stream
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    score = stream.Score(id="song")
    score.metadata = metadata.Metadata(title="Song")
    if told:
        score.metadata.movementName = told
    number = 0
    for program in song.programs:
        lines = _lines(song, program)
        for place, line in enumerate(lines, 1):
            number += 1
            name = program_name(program) + (f" {place}" if len(lines) > 1 else "")
            score.insert(0, _part(song, program, line, number, name))
    found: bytes = GeneralObjectExporter(score).parse()
    return _NOISE.sub(b"", found)


def _lines(song: Song, program: int) -> list[list[tuple[int, int, list[int]]]]:
    """Return the notes of a program as lines of chords, none of which sounds into the next: start, end, pitches."""
    chords: dict[tuple[int, int], list[int]] = {}
    step = TICKS // GRID
    for start, end, pitch, _, _ in song.notes[song.notes["program"] == program].tolist():
        begin = round(start / step)
        chords.setdefault((begin, max(begin + 1, round(end / step))), []).append(pitch)
    lines: list[list[tuple[int, int, list[int]]]] = []
    for (start, end), pitches in sorted(chords.items(), key=lambda item: (item[0][0], -max(item[1]))):
        free = [line for line in lines if line[-1][1] <= start]
        if free:
            height = max(pitches)
            min(free, key=lambda line: abs(max(line[-1][2]) - height)).append((start, end, pitches))
        elif len(lines) < MOST_LINES:
            lines.append([(start, end, pitches)])
        else:
            last = min(lines, key=lambda line: line[-1][1])
            begun, _, before = last[-1]
            if begun < start:
                last[-1] = (begun, start, before)
                last.append((start, end, pitches))
            else:
                last[-1] = (begun, max(end, last[-1][1]), sorted({*before, *pitches}))
    return sorted(lines, key=lambda line: -sum(max(pitches) for _, _, pitches in line) / len(line))


def _part(song: Song, program: int, line: list[tuple[int, int, list[int]]], number: int, name: str) -> Any:
    """Return a line as a part of measures."""
    from music21 import chord, clef, instrument, meter, note, stream, tempo

    make: Any = stream.Part
    plain: Any = instrument.UnpitchedPercussion if program == DRUMS else instrument.Instrument
    middle = sum(sum(pitches) / len(pitches) for _, _, pitches in line) / len(line)
    key: Any = clef.PercussionClef if program == DRUMS else clef.TrebleClef if middle >= 57 else clef.BassClef

    part, player = make(id=f"P{number}"), plain()
    player.partName = name
    player.partId, player.instrumentId, player.midiProgram = f"P{number}", f"P{number}-I", program % DRUMS
    part.insert(0, player)
    part.insert(0, key())
    for tick, (top, unit) in song.meters:
        part.insert(Fraction(tick, TICKS), meter.TimeSignature(f"{top}/{unit}"))
    for tick, bpm in song.tempos if number == 1 else ():
        part.insert(Fraction(tick, TICKS), tempo.MetronomeMark(number=bpm))
    for start, end, pitches in line:
        length = Fraction(end - start, GRID)
        sound = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(sorted(pitches))
        sound.quarterLength = length
        part.insert(Fraction(start, GRID), sound)
    part.makeMeasures(inPlace=True, refStreamOrTimeRange=[0.0, Fraction(song.length, TICKS)])
    part.makeRests(inPlace=True, fillGaps=True, timeRangeFromBarDuration=True)
    part.makeTies(inPlace=True)
    return part
