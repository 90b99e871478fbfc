"""The elements of notes and rests in MusicXML 4.0 (W3C Music Notation Community Group, 2021)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from seqforge_midi.key import Key
from seqforge_midi.notation.drum_staff import drum_sign
from seqforge_midi.notation.note_values import NoteValue
from seqforge_midi.notation.quantisation import WrittenNote

FORTE = 90
"""The velocity of 100 percent, to which the attribute `dynamics` refers."""
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


@dataclass(frozen=True)
class NoteLayout:
    """Where the notes of a voice are written.

    Attributes:
        voice: The number of the voice in the part.
        staff: The number of the staff in the part; 0 if it has one staff only.
        stem: "up", "down", or "" for the usual direction.
        drums: The id of the part if the notes are drum hits, else "".
    """

    voice: int
    staff: int = 0
    stem: str = ""
    drums: str = ""


def add_accidentals(voices: Iterable[Sequence[NoteValue]], key: Key) -> None:
    """Set the accidentals of the note values of a staff in a measure; an accidental holds until the end of the measure.

    Args:
        voices: The note values of each voice.
        key: The key.
    """
    states: dict[tuple[str, int], int] = {}
    values = (value for voice in voices for value in voice if value.chord is not None and value.starts_chord)
    for value in sorted(values, key=lambda value: value.start):
        assert value.chord is not None  # rests are left out
        for note in value.chord.notes:
            step, alter, octave = key.spell(note.pitch)
            if states.get((step, octave), key.alteration(step)) != alter:
                value.accidentals[note.pitch] = _ACCIDENTALS[alter]
            states[step, octave] = alter


def add_notes(measure: Element, value: NoteValue, key: Key, layout: NoteLayout) -> None:
    """Add the elements of a note value: one per note of its chord, or a rest.

    Args:
        measure: The element of the measure.
        value: The note value.
        key: The key.
        layout: Where the notes are written.
    """
    if value.chord is None:
        element = SubElement(measure, "note", {"print-object": "no"} if value.hidden else {})
        rest = SubElement(element, "rest")
        if not value.name:
            rest.set("measure", "yes")
        _add_rest_of(element, value, layout, first=True)
        return
    for number, note in enumerate(value.chord.notes):
        element = SubElement(measure, "note", dynamics=f"{100 * note.velocity / FORTE:.2f}")
        if number:
            SubElement(element, "chord")
        if layout.drums:
            sign = drum_sign(note.pitch)
            place = SubElement(element, "unpitched")
            _add(place, "display-step", sign.step)
            _add(place, "display-octave", str(sign.octave))
        else:
            _add_pitch(element, *key.spell(note.pitch))
        _add_rest_of(element, value, layout, first=not number, note=note)


def _add_rest_of(
    element: Element, value: NoteValue, layout: NoteLayout, *, first: bool, note: WrittenNote | None = None
) -> None:
    """Add the elements that follow a pitch or rest, in the order of the standard."""
    _add(element, "duration", str(value.end - value.start))
    ties = [] if note is None else _ties(value)
    for kind in ties:
        SubElement(element, "tie", type=kind)
    if note is not None and layout.drums:
        SubElement(element, "instrument", id=f"{layout.drums}-I{note.pitch}")
    _add(element, "voice", str(layout.voice))
    if value.name:
        _add(element, "type", value.name)
    for _ in range(value.dots):
        SubElement(element, "dot")
    if note is not None and note.pitch in value.accidentals and not layout.drums:
        _add(element, "accidental", value.accidentals[note.pitch])
    actual, normal = value.tuplet
    if actual != normal:
        modification = SubElement(element, "time-modification")
        _add(modification, "actual-notes", str(actual))
        _add(modification, "normal-notes", str(normal))
    if note is not None and layout.stem and value.name not in ("whole", "breve"):
        _add(element, "stem", layout.stem)
    if note is not None and layout.drums and (head := drum_sign(note.pitch).head) != "normal":
        _add(element, "notehead", head)
    if layout.staff:
        _add(element, "staff", str(layout.staff))
    for level, state in enumerate(value.beams if first else (), 1):
        _add(element, "beam", state).set("number", str(level))
    _add_notations(element, value, ties, first=first)


def _add(parent: Element, name: str, text: str) -> Element:
    element = SubElement(parent, name)
    element.text = text
    return element


def _add_pitch(element: Element, step: str, alter: int, octave: int) -> None:
    pitch = SubElement(element, "pitch")
    _add(pitch, "step", step)
    if alter:
        _add(pitch, "alter", str(alter))
    _add(pitch, "octave", str(octave))


def _ties(value: NoteValue) -> list[str]:
    """Return the ties of a note value: from the one before and to the next one."""
    return [*([] if value.starts_chord else ["stop"]), *([] if value.ends_chord else ["start"])]


def _add_notations(element: Element, value: NoteValue, ties: list[str], *, first: bool) -> None:
    edges = {"both": ["start", "stop"], "": []}.get(value.tuplet_edge, [value.tuplet_edge]) if first else []
    if not ties and not edges:
        return
    notations = SubElement(element, "notations")
    for kind in ties:
        SubElement(notations, "tied", type=kind)
    for edge in edges:
        hidden = {"bracket": "no", "show-number": "none"} if value.tuplet_hidden else {}
        SubElement(notations, "tuplet", {"type": edge, **hidden})
