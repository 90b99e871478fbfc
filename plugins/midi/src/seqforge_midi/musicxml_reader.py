"""Reads MusicXML and compressed MusicXML with music21, which is pure Python."""

import dataclasses
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqforge import Origin, Piece, ReadError
from seqforge_midi.layout import Layout
from seqforge_midi.notation.drum_staff import drum_key
from seqforge_midi.notation.dynamics import LEVELS
from seqforge_midi.notation.measures import CHANGE_TICKS, time_signature_of
from seqforge_midi.song import (
    DEFAULT_TIME_SIGNATURE,
    DRUMS,
    TICKS_PER_QUARTER,
    Song,
    TempoChange,
    TimeSignatureChange,
    Track,
    note_array,
    remove_overlaps,
    ticks_per_bar,
)

MUSICXML_SUFFIXES = (".musicxml", ".mxl", ".xml")
MAX_BYTES = 32 << 20
DEFAULT_VELOCITY = 80
DRUM_CHANNEL = 10
_VELOCITIES = {mark: velocity for velocity, mark in LEVELS.items()}
_LOSSES = {
    "Harmony": "chord symbols",
    "KeySignature": "key signatures",
    "Spanner": "slurs, hairpins and other lines",
    "TextExpression": "texts and markers",
}
"""Classes of music21 that a song does not keep, in words."""


def read_score(path: Path) -> Iterator[Piece[Song] | ReadError]:
    """Yield the song of a MusicXML file as it sounds: repeats are played, ties joined, transpositions applied.

    Example:
        for piece in read_score(Path("score.mxl")):
            print(piece if isinstance(piece, ReadError) else piece.content.tracks)

    Args:
        path: The path of the file.
    """
    file = str(path)
    try:
        import music21
    except ImportError:
        yield ReadError('is MusicXML, which needs music21: pip install "seqforge-midi[score]"', file=file)
        return
    try:
        size = path.stat().st_size
    except OSError as error:
        yield ReadError(f"the file cannot be read: {error.strerror or error}", file=file)
        return
    if size > MAX_BYTES:
        yield ReadError(f"the file has more than {MAX_BYTES >> 20} MB; scores are much smaller", file=file)
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score = music21.converter.parse(str(path), format="musicxml", forceSource=True)
            reader = _ScoreReader(score)
            song = reader.song()
    except Exception as error:  # music21 raises many kinds of errors on damaged files
        first = (str(error).splitlines() or [""])[0]
        yield ReadError(f"is no MusicXML that music21 can read ({type(error).__name__}: {first})", file=file)
        return
    if not len(song.notes):
        yield ReadError("the file has no notes", file=file)
        return
    yield Piece(song, origin=Origin(file))


class _ScoreReader:
    """Collects the events of a score.

    Args:
        score: The score of music21.
    """

    def __init__(self, score: Any) -> None:
        self.score = score
        self.omitted: Counter[str] = Counter()
        self.rows: list[tuple[int, ...]] = []
        self.tempos: list[TempoChange] = []
        self.time_signatures: list[TimeSignatureChange] = []
        self.tracks: list[Track] = []

    def song(self) -> Song:
        """Return the song."""
        parts = self._played_parts()
        for number, part in enumerate(parts):
            self._read_part(part, is_first=number == 0)
        notes = remove_overlaps(note_array(self.rows))
        metadata = self.score.metadata
        title = "" if metadata is None else metadata.title or metadata.movementName or ""
        end = max((_ticks(part.duration.quarterLength) for part in parts), default=0)
        song = Song.from_events(
            notes, self.tempos, self.time_signatures, length=end, omitted=+self.omitted, tracks=self.tracks
        )
        return dataclasses.replace(song, layout=Layout(title=" ".join(str(title).split())))

    def _played_parts(self) -> list[Any]:
        """Return the parts with their repeats played, or as they are written if music21 cannot play the repeats."""
        parts = list(self.score.parts)
        if not any(part.recurse().getElementsByClass(("Repeat", "RepeatExpression")) for part in parts):
            return parts
        try:
            played = [part.expandRepeats() for part in parts]
        except Exception:  # music21 raises several kinds of errors on unusual repeats
            self.omitted["repeats"] += 1
            return parts
        if len({part.duration.quarterLength for part in played}) > 1:
            self.omitted["repeats"] += 1
            return parts
        return played

    def _read_part(self, part: Any, *, is_first: bool) -> None:
        """Add the events of a part; the first part brings the time signatures."""
        if part.atSoundingPitch is False:
            part = part.toSoundingPitch()
        flat = part.flatten()
        instrument = part.getInstrument(returnDefault=True)
        items = [item for item in flat.notes if "Harmony" not in item.classSet]
        is_drums = any("Unpitched" in item.classSet or "PercussionChord" in item.classSet for item in items)
        is_drums = is_drums or getattr(instrument, "midiChannel", None) == DRUM_CHANNEL - 1
        program = DRUMS if is_drums else int(getattr(instrument, "midiProgram", None) or 0)
        number = sum(track.program == program for track in self.tracks)
        self.tracks.append(Track(program, number, " ".join((part.partName or "").split())))
        marks = [(item.offset, _VELOCITIES[item.value]) for item in flat.getElementsByClass("Dynamic") if
                 item.value in _VELOCITIES]  # fmt: skip
        self._add_notes(items, program, number, marks)
        for mark in flat.getElementsByClass("MetronomeMark"):
            bpm = mark.getQuarterBPM()
            if bpm:
                self.tempos.append((_ticks(mark.offset), float(bpm)))
        if is_first:
            self._add_time_signatures(part)
        for name, words in _LOSSES.items():
            self.omitted[words] += len(list(part.recurse().getElementsByClass(name)))

    def _add_time_signatures(self, part: Any) -> None:
        """Add the time signatures; a measure that is not full, such as an upbeat, has that of its length."""
        measures = list(part.getElementsByClass("Measure"))
        current = DEFAULT_TIME_SIGNATURE
        for measure, following in zip(measures, [*measures[1:], None], strict=True):
            if measure.timeSignature is not None:
                current = (measure.timeSignature.numerator, measure.timeSignature.denominator)
            start = _ticks(measure.offset)
            length = ticks_per_bar(current) if following is None else _ticks(following.offset) - start
            is_short = 0 < length < ticks_per_bar(current) and length % CHANGE_TICKS == 0
            self.time_signatures.append((start, time_signature_of(length) if is_short else current))

    def _add_notes(self, items: list[Any], program: int, number: int, marks: list[tuple[Any, int]]) -> None:
        """Add the notes of a part; tied notes are joined."""
        sounding: dict[int, int] = {}  # the row of each pitch whose tie goes on
        for item in items:
            if item.lyrics:
                self.omitted["lyrics"] += 1
            self.omitted["articulations and ornaments"] += len(item.articulations) + len(item.expressions)
            if item.duration.isGrace:
                self.omitted["grace notes"] += 1
                continue
            start, end = _ticks(item.offset), _ticks(item.offset + item.quarterLength)
            level = next((velocity for offset, velocity in reversed(marks) if offset <= item.offset), DEFAULT_VELOCITY)
            for note in getattr(item, "notes", None) or (item,):
                pitch = _pitch(note)
                velocity = note.volume.velocity or item.volume.velocity or level
                tie = note.tie.type if note.tie is not None else ""
                row = sounding.pop(pitch, None)
                if row is not None and tie in ("stop", "continue") and self.rows[row][1] == start:
                    self.rows[row] = (self.rows[row][0], end, *self.rows[row][2:])
                elif end > start:
                    row = len(self.rows)
                    self.rows.append((start, end, pitch, min(127, max(1, int(velocity))), program, number))
                if tie in ("start", "continue") and row is not None:
                    sounding[pitch] = row


def _pitch(note: Any) -> int:
    """Return the MIDI pitch of a note; of an unpitched note, the key of the drum at its place on the staff."""
    if "Unpitched" in note.classSet:
        return drum_key(note.displayStep, note.displayOctave, note.notehead or "normal")
    return int(min(127, max(0, round(note.pitch.ps))))


def _ticks(quarters: Any) -> int:
    return round(float(quarters) * TICKS_PER_QUARTER)
