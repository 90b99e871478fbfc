"""The voice that is being read: it collects elements from the tokens of music code."""

from dataclasses import replace
from fractions import Fraction

from seqforge_abc.fields import chord_symbol, decoration
from seqforge_abc.lexer import CHORD, CHORD_MEMBER, NOTE, alteration, length_factor, pitch_of
from seqforge_abc.normal_form import bar_line_kind, ending_number
from seqforge_abc.theory import LETTERS, Pitch
from seqforge_abc.tune import BarLine, Ending, Note, Tuplet
from seqforge_abc.voice_state import VoiceState

MAX_NOTE_LENGTH = Fraction(16)
"""The longest note, in whole notes."""
MAX_REST_BARS = 64
"""The longest rest, in bars."""
UNKNOWN_SIGNS = "unknown signs"


class BadMusicError(ValueError):
    """Music code that cannot be read; the message is half a sentence."""


class Voice(VoiceState):
    """A voice that is built from the tokens of `lexer.TOKEN`; there is one method per kind of token."""

    def read(self, kind: str, text: str) -> None:
        """Read a token.

        A voice that contains an error stays unreadable; that is an error of the tune only if the voice is needed.

        Args:
            kind: The name of its group in `lexer.TOKEN`.
            text: The token.
        """
        if self.error or (self.in_overlay and kind != "bar_line"):
            return
        self.in_overlay = False
        try:
            _READERS[kind](self, text)
        except BadMusicError as error:
            self.error = str(error)

    # -- notes -------------------------------------------------------------------------------------------------

    def read_note(self, text: str) -> None:
        pitch, length = self.pitch_and_length(text)
        self.add_note((pitch,), length_factor(length) * self.unit)

    def pitch_and_length(self, text: str) -> tuple[Pitch, str]:
        """Return the sounding pitch of a note, and its length as it is written."""
        match = NOTE.match(text)
        assert match is not None
        accidental, name, octave_marks, length = match.groups()
        letter = LETTERS.index(name.upper())
        if accidental:
            alter = self.alterations[letter] = alteration(accidental)
            self.count_loss("microtones", "/" in accidental)
        else:
            alter = self.alterations.get(letter, self.key.alters[letter])
            if self.last_note in self.ties:
                position = pitch_of(name, octave_marks, 0).staff_position + 7 * self.staff.octaves
                tied = self.ties[self.last_note]
                alter = next((pitch.alter for pitch in tied if pitch.staff_position == position), alter)
        pitch = pitch_of(name, octave_marks, alter)
        if self.staff.octaves:
            pitch = replace(pitch, octave=pitch.octave + self.staff.octaves)
        if not -1 <= pitch.octave <= 9:
            raise BadMusicError(f"the note {text[:20]!r} is outside the range of hearing")
        return pitch, length

    def add_note(self, pitches: tuple[Pitch, ...], duration: Fraction) -> None:
        """Append a note with the decorations, grace notes and chord symbol before it.

        Args:
            pitches: The pitches; none for a rest.
            duration: The length in whole notes.
        """
        if self.tuplet is not None:
            self.tuplet_left = self.tuplet.r
        if self.broken_rhythm:
            duration = self.apply_broken_rhythm(duration, chord=len(pitches) > 1)
        if not 0 < duration <= MAX_NOTE_LENGTH:
            raise BadMusicError(
                f"a note is {float(duration):g} whole notes long; more than 0 and at most 16 are allowed"
            )
        if self.tuplet is not None:
            self.elements.append(self.tuplet)
        names = tuple(sorted(set(self.decorations))) if self.decorations else ()
        self.last_in_tuplet, self.tuplet_left = self.tuplet_left > 0, max(0, self.tuplet_left - 1)
        self.last_note, self.bar_has_notes = len(self.elements), True
        note = Note(pitches, duration, False, names, tuple(self.grace_notes), self.chord_symbol, self.slur_starts)
        if self.part:
            note, self.part = replace(note, part=self.part), ""
        self.elements.append(note)
        self.tuplet = self.chord_symbol = None
        self.slur_starts = 0
        self.decorations.clear()
        self.grace_notes.clear()

    def read_chord(self, text: str) -> None:
        match = CHORD.fullmatch(text)
        assert match is not None
        lengths: dict[Pitch, str] = {}
        tied: set[Pitch] = set()
        last = None
        for member in CHORD_MEMBER.finditer(match[1]):
            if member.lastgroup == "note":
                last, length = self.pitch_and_length(member[0])
                self.count_loss("unisons, read as one note", last in lengths)
                lengths.setdefault(last, length)
            elif member.lastgroup != "tie":
                getattr(self, f"read_{member.lastgroup}")(member[0])
            elif last is not None:
                tied.add(last)
        if not lengths:
            self.count_loss(UNKNOWN_SIGNS)
            return
        pitches = tuple(sorted(lengths, key=lambda pitch: (pitch.midi, pitch.staff_position)))
        self.add_note(pitches, length_factor(next(iter(lengths.values()))) * length_factor(match[2]) * self.unit)
        if tied and self.last_note is not None:
            self.ties[self.last_note] = tied

    def read_rest(self, text: str) -> None:
        letter, length = text[0], text[1:]
        self.count_loss("invisible rests, read as rests", letter in "xX")
        if letter in "ZX" and not self.bar_has_notes:
            bars = length_factor(length)
            if not 1 <= bars <= MAX_REST_BARS or bars.denominator > 1:
                raise BadMusicError(f"a rest is {length} bars long; 1 to {MAX_REST_BARS} bars are allowed")
            for number in range(int(bars)):
                if number:
                    self.read_bar_line("|")
                self.add_note((), self.meter.bar_length or Fraction(1))
            return
        self.count_loss("whole-bar rests within a bar, read as z", letter in "ZX")
        self.add_note((), length_factor(length) * self.unit)

    def read_broken_rhythm(self, text: str) -> None:
        self.count_loss(UNKNOWN_SIGNS, self.last_note is None)
        self.broken_rhythm = text if self.last_note is not None else ""

    def apply_broken_rhythm(self, duration: Fraction, *, chord: bool) -> Fraction:
        """Return the length of the second note of a broken rhythm, and change the length of the first.

        Two single notes must be equally long, as for abc2midi: if they are not, the bar is correct without the sign.

        Args:
            duration: The written length of the second note.
            chord: Whether the second note is a chord.
        """
        sign, self.broken_rhythm = self.broken_rhythm, ""
        first = self.previous_note()
        single = not chord and len(first.pitches) < 2
        if (single and first.duration != duration) or self.last_in_tuplet != (self.tuplet_left > 0):
            self.count_loss("broken rhythms of unequal notes")
            return duration
        short = Fraction(1, 2 ** min(3, len(sign)))
        factors = (2 - short, short) if sign[0] == ">" else (short, 2 - short)
        assert self.last_note is not None
        self.elements[self.last_note] = replace(first, duration=first.duration * factors[0])
        return duration * factors[1]

    def read_tie(self, text: str) -> None:
        if self.last_note is None or isinstance(self.elements[-1], Ending):
            self.count_loss("ties to nothing")
        else:
            self.ties[self.last_note] = set(self.previous_note().pitches)

    def read_tuplet(self, text: str) -> None:
        p, q, r = (int(number or 0) for number in (text[1:] + "::").split(":")[:3])
        if (p == 1 or p > 9) and not q:  # programs ignore the sign
            self.count_loss("tuplets without a time", p > 1)
            return
        default = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p) or (3 if self.meter.compound else 2)
        self.tuplet = Tuplet(p, q or default, r or p)

    # -- bar lines and endings ---------------------------------------------------------------------------------

    def read_bar_line(self, text: str) -> None:
        shape = text.rstrip("0123456789,-[") or text
        after_bar_line = bool(self.elements) and isinstance(self.elements[-1], BarLine)
        kind = bar_line_kind(shape, opens=after_bar_line or self.line_start)
        if kind == "|]" and self.line_start and after_bar_line:
            kind = "|"  # it only decorates the beginning of the line
        self.attach_bar_line_decorations()
        self.count_loss("grace notes at the end of a bar", bool(self.grace_notes))  # programs do not play them
        self.grace_notes.clear()
        self.elements.append(BarLine(kind))
        self.alterations.clear()
        self.bar_has_notes = False
        if text[-1].isdigit():
            self.read_ending(text[len(shape) :])

    def read_ending(self, text: str) -> None:
        number = ending_number(text.lstrip("["))
        self.count_loss("endings with a rare number", number is None)
        if number:
            self.elements.append(Ending(number))

    def read_number(self, text: str) -> None:
        """Read a number after a bar line as an ending, if it is 1 or continues the endings before it."""
        last = next((element.number for element in reversed(self.elements) if isinstance(element, Ending)), "0")
        follows = text == "1" or int(text) == int(last[-1]) + 1
        if follows and self.elements and isinstance(self.elements[-1], BarLine):
            self.read_ending(text)
        else:
            self.count_loss(UNKNOWN_SIGNS)

    # -- grace notes, chord symbols, decorations, other tokens -------------------------------------------------

    def read_grace(self, text: str) -> None:
        self.grace_notes += [self.pitch_and_length(match[0])[0] for match in NOTE.finditer(text)]

    def read_quote(self, text: str) -> None:
        symbol = chord_symbol(text.strip('"'))
        if symbol is None:
            self.count_loss("annotations")
        else:
            self.count_loss("chord symbols", self.chord_symbol is not None)
            self.chord_symbol = symbol

    def read_words(self, text: str) -> None:
        self.count_loss("annotations")

    def read_letter(self, text: str) -> None:
        name = self.symbols.get(text)
        if name:
            self.decorations.append(name)
        else:
            self.count_loss(UNKNOWN_SIGNS, name is None)

    def read_decoration(self, text: str) -> None:
        name = decoration(text[1:-1])
        if name:
            self.decorations.append(name)
        else:
            self.count_loss("decorations")

    def read_overlay(self, text: str) -> None:
        """Skip a voice overlay, up to the end of the bar."""
        self.count_loss("overlays")
        self.in_overlay = True

    def read_spacer(self, text: str) -> None:
        self.attach_bar_line_decorations()

    def read_slur(self, text: str) -> None:
        if text == "(":
            self.slur_starts += 1
        elif self.last_note is None:
            self.count_loss("slurs without a beginning")
        else:
            note = self.previous_note()
            self.elements[self.last_note] = replace(note, slur_ends=note.slur_ends + 1)

    def read_other(self, text: str) -> None:
        self.count_loss(UNKNOWN_SIGNS, text not in '!"')


_READERS = {name.removeprefix("read_"): method for name, method in vars(Voice).items() if name.startswith("read_")}
"""The method that reads each kind of token."""
