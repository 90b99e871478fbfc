"""The elements of MusicXML for a note, a chord symbol, a key, a meter, a tempo and a mark above or below the staff."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement

from seqforge_abc import notation
from seqforge_abc.theory import Key, Meter, Pitch, pitch_class_name
from seqforge_abc.tune import ChordSymbol, Tempo, Tuplet

DIVISIONS = 10080
"""The divisions of a quarter note: a 128th, also in a tuplet of 3, 5, 7 or 9, is a whole number of them."""
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_MODES = {"ion": "major", "dor": "dorian", "phr": "phrygian", "lyd": "lydian", "mix": "mixolydian", "aeo": "minor",
          "loc": "locrian"}  # fmt: skip


@dataclass
class WrittenNote:
    """A note, chord or rest with one note value, as it is written.

    Attributes:
        pitches: The pitches; () for a rest.
        shows_accidental: Whether the accidental of each pitch is shown.
        kind: The note value, such as "eighth".
        dots: The number of dots.
        length: The sounding length in whole notes.
        ties: Whether each pitch is tied to the note before it, and to the note after it.
        tuplet: The tuplet that scales the note; None if there is none.
        tuplet_marks: "start" and "stop" where the bracket of the tuplet begins and ends.
        beams: The value of each beam, such as "begin".
        slurs: "start" or "stop" and the number of each slur that begins or ends here.
        decorations: The names of the decorations.
        lyrics: The verse, counted from 1, the place in the word ("single", "begin", ...) and the text of each syllable.
        fills_measure: Whether it is a rest that fills its measure.
    """

    pitches: tuple[Pitch, ...]
    shows_accidental: tuple[bool, ...]
    kind: str
    dots: int
    length: Fraction
    ties: Sequence[tuple[bool, bool]]
    tuplet: Tuplet | None = None
    tuplet_marks: Sequence[str] = ()
    beams: list[str] = field(default_factory=list)
    slurs: list[tuple[str, int]] = field(default_factory=list)
    decorations: Sequence[str] = ()
    lyrics: Sequence[tuple[int, str, str]] = ()
    fills_measure: bool = False

    @property
    def beam_count(self) -> int:
        """The number of beams: 0 for a quarter or a rest."""
        return notation.beam_count(self.kind) if self.pitches else 0


def add(parent: Element, name: str, text: object) -> Element:
    """Add an element that contains text, and return it."""
    element = SubElement(parent, name)
    element.text = str(text)
    return element


def note_elements(note: WrittenNote) -> Iterator[Element]:
    """Yield the element of each pitch of a note or chord, or of a rest."""
    for index, pitch in enumerate(note.pitches or (None,)):
        element = Element("note")
        if index:
            SubElement(element, "chord")
        if pitch is None:
            rest = SubElement(element, "rest")
            if note.fills_measure:
                rest.set("measure", "yes")
        else:
            _add_pitch(element, pitch, shows_accidental=note.shows_accidental[index])
        add(element, "duration", round(note.length * 4 * DIVISIONS))
        tie_marks = _tie_marks(*note.ties[index]) if pitch is not None else []
        for mark in tie_marks:
            SubElement(element, "tie", type=mark)
        if not note.fills_measure:
            add(element, "type", note.kind)
            for _ in range(note.dots):
                SubElement(element, "dot")
        if pitch is not None and note.shows_accidental[index]:
            add(element, "accidental", _ACCIDENTALS[pitch.alter])
        if note.tuplet is not None:
            modification = SubElement(element, "time-modification")
            add(modification, "actual-notes", note.tuplet.p)
            add(modification, "normal-notes", note.tuplet.q)
        if not index:
            for level, beam in enumerate(note.beams, 1):
                add(element, "beam", beam).set("number", str(level))
        _add_notations(element, note, tie_marks, with_signs=not index)
        if not index:
            for verse, syllabic, text in note.lyrics:
                lyric = SubElement(element, "lyric", number=str(verse))
                add(lyric, "syllabic", syllabic)
                add(lyric, "text", text)
        yield element


def grace_element(pitch: Pitch, *, shows_accidental: bool) -> Element:
    """Return the element of a grace note."""
    element = Element("note")
    SubElement(element, "grace", slash="yes")
    _add_pitch(element, pitch, shows_accidental=shows_accidental)
    add(element, "type", "eighth")
    if shows_accidental:
        add(element, "accidental", _ACCIDENTALS[pitch.alter])
    return element


def harmony_element(symbol: ChordSymbol) -> Element:
    """Return the element of a chord symbol, which shows the kind as it is written in ABC."""
    element = Element("harmony")
    _add_pitch_class(element, "root", symbol.root)
    kind, intervals = notation.CHORDS.get(symbol.kind, notation.CHORDS[""])
    kind_element = add(element, "kind", kind)
    if symbol.kind:
        kind_element.set("text", symbol.kind)
    if symbol.bass is not None and symbol.bass != symbol.root:
        interval = (symbol.bass - symbol.root) * 7 % 12
        members = [member % 12 for member in intervals]
        if interval in members:
            add(element, "inversion", members.index(interval))
        _add_pitch_class(element, "bass", symbol.bass)
    return element


def attributes_element(
    key: Key | None, meter: Meter | None, *, clef: str = "", with_divisions: bool = False
) -> Element | None:
    """Return the element of a change of key, meter and clef; None if nothing changes.

    Args:
        key: The new key; None if it does not change. A key without a tonic is an empty signature.
        meter: The new meter; None if it does not change. A meter without a unit is no meter (senza misura).
        clef: The new clef, "treble" or "bass"; "" if it does not change.
        with_divisions: Whether the element states the divisions of a quarter note, as the first one does.
    """
    element = Element("attributes")
    if with_divisions:
        add(element, "divisions", DIVISIONS)
    if key is not None:
        signature = SubElement(element, "key")
        add(signature, "fifths", key.signature if key.tonic is not None else 0)
        if key.tonic is not None:
            add(signature, "mode", _MODES[key.mode])
    if meter is not None:
        time = SubElement(element, "time")
        if meter.unit:
            add(time, "beats", meter.beats)
            add(time, "beat-type", meter.unit)
        else:
            SubElement(time, "senza-misura")
    if clef:
        sign = SubElement(element, "clef")
        add(sign, "sign", "F" if clef == "bass" else "G")
        add(sign, "line", 4 if clef == "bass" else 2)
    return element if len(element) else None


def tempo_element(tempo: Tempo) -> Element:
    """Return the element of a tempo: its words and its number of beats per minute."""
    element = Element("direction", placement="above")
    if tempo.words:
        add(SubElement(element, "direction-type"), "words", tempo.words).set("font-weight", "bold")
    if tempo.per_minute:
        metronome = SubElement(SubElement(element, "direction-type"), "metronome", parentheses="no")
        kind, dots, length = notation.split_duration(tempo.beat)[0]
        add(metronome, "beat-unit", kind)
        for _ in range(dots):
            SubElement(metronome, "beat-unit-dot")
        add(metronome, "per-minute", tempo.per_minute)
        SubElement(element, "sound", tempo=f"{float(length * 4 * tempo.per_minute):g}")
    return element


def direction_element(decoration: str) -> Element | None:
    """Return the element of a decoration that belongs to the measure, such as a dynamic mark; None for another."""
    if decoration in notation.DYNAMICS:
        element = Element("direction", placement="below")
        SubElement(SubElement(SubElement(element, "direction-type"), "dynamics"), decoration)
        return element
    if decoration in notation.WORDS:
        element = Element("direction", placement="above")
        add(SubElement(element, "direction-type"), "words", notation.WORDS[decoration])
        return element
    if decoration in ("segno", "coda"):
        element = Element("direction", placement="above")
        SubElement(SubElement(element, "direction-type"), decoration)
        return element
    return None


def rehearsal_element(name: str) -> Element:
    """Return the element of the name of a part of a tune, such as "A"."""
    element = Element("direction", placement="above")
    add(SubElement(element, "direction-type"), "rehearsal", name)
    return element


def _add_pitch(element: Element, pitch: Pitch, *, shows_accidental: bool) -> None:
    parent = SubElement(element, "pitch")
    add(parent, "step", "CDEFGAB"[pitch.letter])
    if pitch.alter or shows_accidental:
        add(parent, "alter", pitch.alter)
    add(parent, "octave", pitch.octave)


def _add_pitch_class(element: Element, name: str, position: int) -> None:
    """Add a root or a bass, at a position on the line of fifths."""
    spelling = pitch_class_name(position)
    parent = SubElement(element, name)
    add(parent, f"{name}-step", spelling[0])
    if alter := spelling.count("#") - spelling[1:].count("b"):
        add(parent, f"{name}-alter", alter)


def _tie_marks(from_before: bool, to_after: bool) -> list[str]:
    return ["stop"] * from_before + ["start"] * to_after


def _add_notations(element: Element, note: WrittenNote, tie_marks: Sequence[str], *, with_signs: bool) -> None:
    """Add the ties of a pitch; and the slurs, the bracket of a tuplet and the signs of its note, if wanted."""
    notations = Element("notations")
    for mark in tie_marks:
        SubElement(notations, "tied", type=mark)
    if with_signs:
        for mark, number in note.slurs:
            SubElement(notations, "slur", number=str(number), type=mark)
        for mark in note.tuplet_marks:
            _add_tuplet_mark(notations, note.tuplet, mark)
        _add_decorations(notations, note)
    if len(notations):
        element.append(notations)


def _add_tuplet_mark(notations: Element, tuplet: Tuplet | None, mark: str) -> None:
    element = SubElement(notations, "tuplet", number="1", type=mark)
    if mark == "start" and tuplet is not None:
        element.set("bracket", "yes")
        element.set("placement", "above")
        add(SubElement(element, "tuplet-actual"), "tuplet-number", tuplet.p)
        add(SubElement(element, "tuplet-normal"), "tuplet-number", tuplet.q)


def _add_decorations(notations: Element, note: WrittenNote) -> None:
    """Add the signs of a note; those that only a sounding note has are left out for a rest."""
    groups: dict[str, Element] = {}
    for name in note.decorations:
        if name == "fermata":
            SubElement(notations, "fermata", type="upright")
        elif not note.pitches:
            continue
        elif name == "arpeggio":
            SubElement(notations, "arpeggiate")
        elif name in notation.SIGNS or name.isdigit():
            group, tag = notation.SIGNS.get(name, ("technical", "fingering"))
            if group not in groups:
                groups[group] = SubElement(notations, group)
            sign = SubElement(groups[group], tag)
            if group == "ornaments":
                sign.set("placement", "above")
            if tag == "fingering":
                sign.text = name
