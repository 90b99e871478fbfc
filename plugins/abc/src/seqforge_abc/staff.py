"""The properties of a staff that K: and V: fields name: its clef, and how its notes sound.

Source: ABC 2.1, sections 4.6 and 7.1; `shift` and `sound` are those of abc2midi and abcm2ps.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seqforge_abc.theory import LETTER_SEMITONES, LETTERS, Key, Pitch
from seqforge_abc.tune import Element, Note

MAX_OCTAVES = 4
"""The largest shift by octaves."""
MAX_SEMITONES = 24
"""The largest transposition, in semitones."""
_PROPERTY = re.compile(
    r"\b(clef|octave|transpose|middle|m|t|stafflines|staffscale|staves|shift|score|sound|style|cue|name|nm|subname|"
    r"snm|sname|stem|stems|merge|up|down|gstem|dyn|lyrics|scale|instrument|program|strings|capo|gchord|space|brace|"
    r"bracket)\s*=\s*(\"[^\"]*\"|\S+)",
    re.IGNORECASE,
)
_CLEF = re.compile(
    r"(?<![\w=])(treble|alto|tenor|bass|baritone|soprano|mezzosoprano|mezzo|perc|[GFC](?=[1-5]))([1-5]?)"
    r"([+\-^_](?:8|15))?[,']*(?!\w)",
    re.IGNORECASE,
)
_INTERVAL = re.compile(r"([\^_=]?)([A-Ga-g])([,']*)([\^_=]?)([A-Ga-g])([,']*)")
_SIGNS = {"": 0, "=": 0, "^": 1, "_": -1}


@dataclass(frozen=True)
class Staff:
    """How the notes of a staff sound; None for what a field does not name.

    Attributes:
        clef: The octaves that the clef adds: -1 for treble-8.
        octave: The value of `octave=`.
        transpose: The semitones that `transpose=`, `shift=` or `sound=` names.
        other: Whether the field names another property, such as a clef that is not the treble clef.
    """

    clef: int | None = None
    octave: int | None = None
    transpose: int | None = None
    other: bool = False

    @property
    def octaves(self) -> int:
        """The octaves by which the notes sound higher than they are written."""
        return max(-MAX_OCTAVES, min(MAX_OCTAVES, (self.clef or 0) + (self.octave or 0)))

    @property
    def semitones(self) -> int:
        """The semitones by which the notes sound higher than they are written, without the octaves."""
        return self.transpose or 0

    def updated(self, change: "Staff") -> "Staff":
        """Return the staff after a field that names some properties; the others stay as they are."""
        return Staff(
            self.clef if change.clef is None else change.clef,
            self.octave if change.octave is None else change.octave,
            self.transpose if change.transpose is None else change.transpose,
        )


def read_staff(text: str) -> tuple[Staff, str]:
    """Return the properties that a K: or V: field names, and the rest of its text.

    >>> read_staff("D treble-8 octave=1")
    (Staff(clef=-1, octave=1, transpose=None, other=False), 'D')
    >>> read_staff("clef=bass transpose=-2")[0].transpose
    -2
    """
    staff = Staff()
    for name, value in _PROPERTY.findall(text):
        staff = _with_property(staff, name.lower(), value.strip('"'))
    rest = _PROPERTY.sub(" ", text)
    for match in _CLEF.finditer(rest):
        staff = _with_clef(staff, match)
    return staff, _CLEF.sub(" ", rest).strip()


def _with_property(staff: Staff, name: str, value: str) -> Staff:
    number = int(value) if re.fullmatch(r"[+-]?\d{1,2}", value) else None
    if name == "clef":
        match = _CLEF.match(value)
        return replace(staff, other=True) if match is None else _with_clef(staff, match)
    if name == "octave" and number is not None:
        return replace(staff, octave=number)
    if name == "transpose" and number is not None:
        return replace(staff, transpose=max(-MAX_SEMITONES, min(MAX_SEMITONES, number)))
    if name in ("shift", "sound") and (match := _INTERVAL.match(value)):
        interval = _semitones(*match.groups()[3:]) - _semitones(*match.groups()[:3])
        return replace(staff, transpose=max(-MAX_SEMITONES, min(MAX_SEMITONES, interval)))
    return replace(staff, other=staff.other or name not in ("name", "nm", "subname", "snm", "sname", "middle", "m"))


def _with_clef(staff: Staff, match: re.Match[str]) -> Staff:
    octaves = (2 if match[3].endswith("15") else 1) * (1 if match[3][0] in "+^" else -1) if match[3] else 0
    return replace(staff, clef=octaves, other=staff.other or match[1].lower() not in ("treble", "g"))


def _semitones(sign: str, letter: str, marks: str) -> int:
    octave = letter.islower() + marks.count("'") - marks.count(",")
    return 12 * octave + LETTER_SEMITONES[LETTERS.index(letter.upper())] + _SIGNS[sign]


# -- transposition ---------------------------------------------------------------------------------------------


def interval_of(semitones: int, key: Key) -> tuple[int, int]:
    """Return an interval in semitones as fifths and staff steps; in the key that it leads to, it has the fewest signs.

    >>> from seqforge_abc.theory import parse_key
    >>> interval_of(-2, parse_key("D")), interval_of(1, parse_key("C")), interval_of(1, parse_key("Eb"))
    ((-2, -1), (-5, 1), (7, 0))
    """
    fifths = min(
        (7 * semitones % 12 + 12 * turn for turn in (-2, -1, 0, 1)),
        key=lambda fifths: (abs(key.signature + fifths), abs(fifths)),
    )
    octaves = (semitones - 7 * fifths) // 12
    return fifths, 4 * fifths + 7 * octaves


def transposed(elements: Sequence[Element], fifths: int, steps: int) -> list[Element]:
    """Return elements transposed by an interval.

    Args:
        elements: The elements.
        fifths: The interval in fifths.
        steps: The interval in staff steps.
    """
    result: list[Element] = []
    for element in elements:
        if isinstance(element, Note):
            symbol = element.chord_symbol
            if symbol is not None:
                bass = None if symbol.bass is None else symbol.bass + fifths
                symbol = replace(symbol, root=symbol.root + fifths, bass=bass)
            result.append(
                replace(
                    element,
                    pitches=tuple(transposed_pitch(pitch, fifths, steps) for pitch in element.pitches),
                    grace_notes=tuple(transposed_pitch(pitch, fifths, steps) for pitch in element.grace_notes),
                    chord_symbol=symbol,
                )
            )
        else:
            result.append(element.transposed(fifths) if isinstance(element, Key) else element)
    return result


def transposed_pitch(pitch: Pitch, fifths: int, steps: int) -> Pitch:
    """Return a pitch transposed by an interval; a pitch that needs a triple accidental is spelled differently."""
    try:
        return pitch.transposed(fifths, steps)
    except ValueError:
        turn = 12 if pitch.alter < 0 else -12
        return pitch.transposed(fifths + turn, steps + (-1 if turn < 0 else 1))
