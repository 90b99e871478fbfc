"""Checks of MusicXML that tests share."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import music21

NOTE_VALUES = {
    "breve": 8, "whole": 4, "half": 2, "quarter": 1, "eighth": Fraction(1, 2), "16th": Fraction(1, 4),
    "32nd": Fraction(1, 8), "64th": Fraction(1, 16), "128th": Fraction(1, 32),
}  # fmt: skip
"""The length of each note value in quarter notes."""


def measure_faults(score: bytes) -> list[str]:
    """Return what is wrong with the durations of a score in MusicXML.

    Every voice of every staff must fill each measure without a gap, as long as the time signature says, and every
    duration must be that of the note value with its dots and its tuplet. An upbeat is shorter than the time signature
    says, and equally long in every voice.
    """
    faults = []
    for part in ElementTree.fromstring(score).iter("part"):
        divisions, bar_length = 1, Fraction(0)
        for measure in part.iter("measure"):
            place = f"part {part.get('id')}, measure {measure.get('number')}"
            divisions = int(measure.findtext("attributes/divisions") or divisions)
            if (time := measure.find("attributes/time")) is not None:
                bar_length = Fraction(4 * int(time.findtext("beats", "")), int(time.findtext("beat-type", "")))
            length = _upbeat_length(measure, divisions) if measure.get("implicit") == "yes" else bar_length
            if length > bar_length:
                faults.append(f"{place}: an upbeat of {length}")
            position = Fraction(0)
            ends: dict[str, Fraction] = {}
            for element in measure:
                duration = Fraction(int(element.findtext("duration") or 0), divisions)
                if element.tag == "backup":
                    position -= duration
                if element.tag == "forward":
                    position += duration
                if element.tag != "note":
                    continue
                if duration != _written_duration(element, length):
                    faults.append(f"{place}: a {element.findtext('type')} lasts {duration} quarter notes")
                if element.find("chord") is not None:
                    continue
                voice = f"staff {element.findtext('staff', '1')}, voice {element.findtext('voice')}"
                if ends.get(voice, 0) != position:
                    faults.append(f"{place}, {voice}: a gap at {position}")
                position += duration
                ends[voice] = position
            faults += [f"{place}, {voice}: {end} instead of {length}" for voice, end in ends.items() if end != length]
            if not ends:
                faults.append(f"{place}: no note and no rest")
    return faults


def _upbeat_length(measure: ElementTree.Element, divisions: int) -> Fraction:
    """Return the length of the first voice of a measure in quarter notes."""
    notes = [note for note in measure.iter("note") if note.find("chord") is None]
    voice = notes[0].findtext("voice") if notes else None
    ticks = sum(int(note.findtext("duration") or 0) for note in notes if note.findtext("voice") == voice)
    return Fraction(ticks, divisions)


def _written_duration(note: ElementTree.Element, length: Fraction) -> Fraction:
    """Return the duration of a note in quarter notes by its note value, dots and tuplet."""
    kind = note.findtext("type")
    if kind is None:
        return length  # a rest of a whole measure
    actual, normal = (int(note.findtext(f"time-modification/{name}-notes", "1")) for name in ("actual", "normal"))
    dots = len(note.findall("dot"))
    return NOTE_VALUES[kind] * (2 - Fraction(1, 2**dots)) * Fraction(normal, actual)


def parse_with_music21(score: bytes) -> Any:
    return music21.converter.parseData(score.decode("utf-8"), format="musicxml")


def music21_faults(score: bytes) -> Iterator[str]:
    """Yield the voices of measures that music21 reads as longer or shorter than their time signature."""
    for part in parse_with_music21(score).parts:
        for measure in part.getElementsByClass("Measure"):
            length = measure.barDuration.quarterLength
            if measure.number == 0:  # an upbeat
                length = measure.duration.quarterLength
            for voice in measure.voices or [measure]:
                total = sum(item.quarterLength for item in voice.notesAndRests if not item.duration.isGrace)
                if abs(total - length) > 1e-6:
                    yield f"{part.id}, measure {measure.number}: {total} instead of {length}"
