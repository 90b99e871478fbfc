"""Songs as MusicXML 4.0 (W3C Music Notation Community Group, 2021), written without a library.

Every voice of every staff fills its measures exactly; the tests add up the durations.
"""

import bisect
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from seqforge import __version__
from seqforge_midi.drum_map import TD_ONLY, TD_TO_GM
from seqforge_midi.key import Key
from seqforge_midi.key_estimate import estimate_key_of_notes
from seqforge_midi.notation.beams import add_beams
from seqforge_midi.notation.drum_staff import drum_sign
from seqforge_midi.notation.dynamics import dynamic_marks
from seqforge_midi.notation.measures import Measure, begins_with_upbeat, measures_of, time_signature_changes
from seqforge_midi.notation.note_elements import NoteLayout, add_accidentals, add_notes
from seqforge_midi.notation.note_values import NoteValue, hide_tuplets, note_values
from seqforge_midi.notation.parts import Part, parts_of
from seqforge_midi.notation.voices import MAX_VOICES, Voice
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song

DRUM_CHANNEL = 10
CHANNELS = tuple(channel for channel in range(1, 17) if channel != DRUM_CHANNEL)
MIN_TEMPO_CHANGE = 0.08
"""A tempo is written if it differs by this share from the last one that is written."""
_CLEFS = {
    "treble": ("G", 2, 0), "treble-8": ("G", 2, -1), "alto": ("C", 3, 0), "bass": ("F", 4, 0),
    "percussion": ("percussion", 2, 0),
}  # fmt: skip
_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise'
    '//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def to_musicxml(song: Song, *, title: str = "", provenance: str = "") -> bytes:
    """Return a song as MusicXML; the same song gives the same bytes.

    Example:
        Path("song.musicxml").write_bytes(to_musicxml(song, title="Evening"))

    Args:
        song: The song.
        title: The title of the score; "" for none.
        provenance: Where the song comes from; it stands in the element `encoding-description`.
    """
    measures = measures_of(song)
    parts = parts_of(song, measures)
    key = song.layout.key or estimate_key_of_notes(song.notes)
    score = Element("score-partwise", version="4.0")
    if title:
        _add(SubElement(score, "work"), "work-title", title)
    encoding = SubElement(SubElement(score, "identification"), "encoding")
    _add(encoding, "software", f"seqforge {__version__}")
    if provenance:
        _add(encoding, "encoding-description", provenance)
    part_list = SubElement(score, "part-list")
    channels = iter(CHANNELS * (len(parts) // len(CHANNELS) + 1))
    for number, part in enumerate(parts, 1):
        channel = DRUM_CHANNEL if part.program == DRUMS else next(channels)
        _add_part_names(part_list, part, f"P{number}", channel)
    for number, part in enumerate(parts, 1):
        writer = _PartWriter(part, f"P{number}", key, measures)
        score.append(writer.element(dict(_written_tempos(song)) if number == 1 else {}))
    ElementTree.indent(score, " ")
    return (_DOCTYPE + ElementTree.tostring(score, encoding="unicode") + "\n").encode("utf-8")


def _add(parent: Element, name: str, text: object) -> Element:
    element = SubElement(parent, name)
    element.text = str(text)
    return element


def _add_part_names(part_list: Element, part: Part, part_id: str, channel: int) -> None:
    """Add the name and the sounds of a part to the list of parts."""
    entry = SubElement(part_list, "score-part", id=part_id)
    _add(entry, "part-name", part.name)
    if part.program != DRUMS:
        _add(SubElement(entry, "score-instrument", id=f"{part_id}-I1"), "instrument-name", part.name)
        sound = SubElement(entry, "midi-instrument", id=f"{part_id}-I1")
        _add(sound, "midi-channel", channel)
        _add(sound, "midi-program", part.program + 1)
        return
    voices = [voice for staff in part.staves for voice in staff.voices]
    pitches = sorted({note.pitch for voice in voices for chord in voice for note in chord.notes})
    for pitch in pitches:
        instrument = SubElement(entry, "score-instrument", id=f"{part_id}-I{pitch}")
        _add(instrument, "instrument-name", drum_sign(pitch).name)
    for pitch in pitches:
        sound = SubElement(entry, "midi-instrument", id=f"{part_id}-I{pitch}")
        _add(sound, "midi-channel", channel)
        _add(sound, "midi-program", 1)
        _add(sound, "midi-unpitched", (TD_TO_GM[pitch] if pitch in TD_ONLY else pitch) + 1)


def _written_tempos(song: Song) -> list[tuple[int, float]]:
    """Return the changes of tempo that differ enough from the last one."""
    result: list[tuple[int, float]] = []
    for tick, bpm in song.tempos:
        if not result or abs(bpm / result[-1][1] - 1) >= MIN_TEMPO_CHANGE:
            result.append((tick, bpm))
    return result


class _PartWriter:
    """Writes the measures of a part.

    Args:
        part: The part.
        part_id: Its id.
        key: The key of the song.
        measures: The measures of the song.
    """

    def __init__(self, part: Part, part_id: str, key: Key, measures: Sequence[Measure]) -> None:
        self.part, self.part_id, self.key, self.measures = part, part_id, key, measures
        self.changes = dict(time_signature_changes(measures))
        self.has_upbeat = begins_with_upbeat(measures)
        if self.has_upbeat:  # it is written under the time signature of the next measure
            self.changes[measures[0].start] = self.changes.pop(measures[1].start)
        self.starts = [measure.start for measure in measures]
        self.dynamics = dynamic_marks(part, measures)
        self.columns = [[_Column(voice) for voice in staff.voices] for staff in part.staves]

    def element(self, tempos: dict[int, float]) -> Element:
        """Return the element of the part.

        Args:
            tempos: The tick and quarter notes per minute of each tempo mark.
        """
        result = Element("part", id=self.part_id)
        for number, measure in enumerate(self.measures, 1):
            element = SubElement(result, "measure", number=str(number - self.has_upbeat))
            if self.has_upbeat and number == 1:
                element.set("implicit", "yes")
            if number == 1 or measure.start in self.changes:
                self._add_attributes(element, measure, first=number == 1)
            for tick, bpm in tempos.items():
                if self._is_in(tick, number):
                    _add_tempo(element, bpm, max(0, tick - measure.start))
            for tick, mark in self.dynamics.items():
                if self._is_in(tick, number):
                    self._add_dynamics(element, mark, tick - measure.start)
            self._add_voices(element, measure)
        barline = SubElement(result[-1], "barline", location="right")
        _add(barline, "bar-style", "light-heavy")
        return result

    def _is_in(self, tick: int, number: int) -> bool:
        """Return whether a tick is in the measure with this number, counted from 1; the last measure has no end."""
        return min(bisect.bisect_right(self.starts, tick), len(self.starts)) == number

    def _add_attributes(self, element: Element, measure: Measure, *, first: bool) -> None:
        attributes = SubElement(element, "attributes")
        if first:
            _add(attributes, "divisions", TICKS_PER_QUARTER)
            if self.part.program != DRUMS:
                signature = SubElement(attributes, "key")
                _add(signature, "fifths", self.key.fifths)
                _add(signature, "mode", "minor" if self.key.is_minor else "major")
        if measure.start in self.changes:
            time = SubElement(attributes, "time")
            for name, number in zip(("beats", "beat-type"), self.changes[measure.start], strict=True):
                _add(time, name, number)
        if not first:
            return
        if len(self.part.staves) > 1:
            _add(attributes, "staves", len(self.part.staves))
        for number, staff in enumerate(self.part.staves, 1):
            sign, line, octaves = _CLEFS[staff.clef]
            clef = SubElement(attributes, "clef")
            if len(self.part.staves) > 1:
                clef.set("number", str(number))
            _add(clef, "sign", sign)
            _add(clef, "line", line)
            if octaves:
                _add(clef, "clef-octave-change", octaves)

    def _add_dynamics(self, element: Element, mark: str, offset: int) -> None:
        direction = SubElement(element, "direction", placement="below")
        SubElement(SubElement(SubElement(direction, "direction-type"), "dynamics"), mark)
        if offset:
            _add(direction, "offset", offset)
        if len(self.part.staves) > 1:
            _add(direction, "staff", 1)

    def _add_voices(self, element: Element, measure: Measure) -> None:
        """Add the notes of the measure: voice after voice, with a step back to its start in between."""
        is_first = True
        for number, (staff, columns) in enumerate(zip(self.part.staves, self.columns, strict=True)):
            voices = {voice: note_values(column.chords_in(measure), measure) for voice, column in enumerate(columns, 1)}
            sounding = {voice: values for voice, values in voices.items() if any(value.chord for value in values)}
            sounding = sounding or {1: voices[1]}
            add_accidentals(sounding.values(), self.key)
            for position, (voice, values) in enumerate(sounding.items()):
                add_beams(values, measure)
                if not is_first:
                    _add(SubElement(element, "backup"), "duration", measure.length)
                is_first = False
                others = [other for other in sounding.values() if other is not values]
                stem = ("up", "down")[(voice - 1 if staff.fixed_voices else position) % 2]
                layout = NoteLayout(
                    voice=number * MAX_VOICES + voice,
                    staff=number + 1 if len(self.part.staves) > 1 else 0,
                    stem=stem if len(sounding) > 1 or staff.clef == "percussion" else "",
                    drums=self.part_id if staff.clef == "percussion" else "",
                )
                for value in values:
                    if value.chord is None:
                        value.hidden = position > 0
                        if staff.fixed_voices and staff.clef != "percussion":
                            value.hidden = any(_sounds(other, value) for other in others)
                hide_tuplets(values)
                for value in values:
                    add_notes(element, value, self.key, layout)


class _Column:
    """The chords of a voice, found by measure."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice
        self.starts, self.ends = [chord.start for chord in voice], [chord.end for chord in voice]

    def chords_in(self, measure: Measure) -> Voice:
        """Return the chords that sound in a measure."""
        first = bisect.bisect_right(self.ends, measure.start)
        return self.voice[first : bisect.bisect_left(self.starts, measure.end)]


def _sounds(values: Sequence[NoteValue], rest: NoteValue) -> bool:
    """Return whether a voice sounds throughout the time of a rest."""
    return all(value.chord is not None for value in values if value.start < rest.end and value.end > rest.start)


def _add_tempo(element: Element, bpm: float, offset: int) -> None:
    """Add a metronome mark in quarter notes per minute."""
    direction = SubElement(element, "direction", placement="above")
    metronome = SubElement(SubElement(direction, "direction-type"), "metronome")
    _add(metronome, "beat-unit", "quarter")
    _add(metronome, "per-minute", f"{round(bpm, 1):g}")
    if offset:
        _add(direction, "offset", offset)
    SubElement(direction, "sound", tempo=f"{bpm:.6g}")
