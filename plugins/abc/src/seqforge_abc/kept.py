"""The tokens of what is encoded only on request (`AbcOptions.keep`), and its canonical form.

A tempo follows the four header tokens: the length of the beat and three digits, `Q:3/8 =1 =1 =2`. The token `P:A`
stands before the first note of a part, and `(` before a note for each slur that begins with it. After a note, and its
tie, stand `)` for each slur that ends with it, and its syllables: `w1` and the letters `w:S w:u w:n` of the first
verse, and so on. A tune with a second voice has, at the end of each bar, `V:2` and the bar of that voice.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from string import ascii_letters

from seqforge import DecodeError
from seqforge_abc.lyrics import HOLD, HYPHEN
from seqforge_abc.normal_form import balance_slurs
from seqforge_abc.tune import Element, Note, Tempo, Tune

SLUR_START, SLUR_END = "(", ")"
MAX_SLUR_DEPTH = 2
"""The largest number of slurs over one note in the encoding."""
TEMPO_BEATS = tuple(
    Fraction(text) for text in ("1/16", "1/8", "3/16", "1/4", "3/8", "1/2", "5/8", "3/4", "1", "9/8", "3/2")
)
"""The lengths of a beat that have a token, in whole notes."""
MIN_TEMPO, MAX_TEMPO = 10, 499
"""The range of the encoded tempo, in beats per minute."""
TEMPO_TOKENS = {f"Q:{beat}": beat for beat in TEMPO_BEATS}
DIGIT_TOKENS = tuple(f"={digit}" for digit in range(10))
TEMPO_LENGTH = 4
"""The number of tokens of a tempo."""


SECOND_VOICE = "V:2"
PART_NAMES = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
PART_TOKENS = {f"P:{name}": name for name in PART_NAMES}
VERSE_TOKENS = ("w1", "w2", "w3")
LETTER_PREFIX = "w:"
BASIC_LETTERS = frozenset(ascii_letters + HOLD + HYPHEN + "-' ")
"""The letters of lyrics that every vocabulary with lyrics contains; a corpus adds its own."""
MAX_SYLLABLE = 16
"""The largest number of letters of a syllable in the encoding."""


@dataclass(frozen=True)
class Kept:
    """What a codec encodes on request.

    >>> "slurs" in Kept(frozenset(["slurs"]))
    True

    Attributes:
        names: The names of `options.KEEPABLE` that it encodes.
        letters: The letters of lyrics that it knows.
    """

    names: Collection[str] = ()
    letters: Collection[str] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def vocabulary(self) -> list[str]:
        """Return the tokens that the vocabulary has in addition."""
        return [
            *((*TEMPO_TOKENS, *DIGIT_TOKENS) if "tempo" in self else ()),
            *((SLUR_START, SLUR_END) if "slurs" in self else ()),
            *(PART_TOKENS if "parts" in self else ()),
            *((SECOND_VOICE,) if "voices" in self else ()),
            *(
                (*VERSE_TOKENS, *(LETTER_PREFIX + letter for letter in sorted(self.letters)))
                if "lyrics" in self
                else ()
            ),
        ]

    def canonical_elements(self, elements: Iterable[Element], losses: Counter[str]) -> list[Element]:
        """Return elements whose notes have what the codec encodes, and count what they lose."""
        result = [self._canonical_note(note, losses) if isinstance(note, Note) else note for note in elements]
        if "slurs" in self:
            balance_slurs(result, losses, max_depth=MAX_SLUR_DEPTH)
        return result

    def _canonical_note(self, note: Note, losses: Counter[str]) -> Note:
        if not (note.slur_starts or note.slur_ends or note.part or note.syllables):
            return note
        part, syllables = note.part, note.syllables
        if part and ("parts" not in self or part not in PART_NAMES):
            losses["names of parts" if "parts" in self else "parts"] += 1
            part = ""
        if "lyrics" in self:
            syllables = self._canonical_syllables(note, losses) if note.pitches else ()
        elif syllables:
            losses["syllables of lyrics"] += sum(map(bool, syllables))
            syllables = ()
        if "slurs" not in self:
            losses["slurs"] += note.slur_starts
            note = dataclasses.replace(note, slur_starts=0, slur_ends=0)
        return dataclasses.replace(note, part=part, syllables=syllables)

    def _canonical_syllables(self, note: Note, losses: Counter[str]) -> tuple[str, ...]:
        result = []
        losses["verses of lyrics above the third"] += any(note.syllables[len(VERSE_TOKENS) :])
        for syllable in note.syllables[: len(VERSE_TOKENS)]:
            known = "".join(letter for letter in syllable if letter in self.letters)
            result.append(" ".join(known[:MAX_SYLLABLE].split()))
            losses["letters of lyrics"] += len(syllable) - len(result[-1])
        while result and not result[-1]:
            result.pop()
        return tuple(result)


def letters_of(tune: Tune) -> set[str]:
    """Return the letters of a tune's lyrics."""
    return {letter for note in tune.notes() for syllable in note.syllables for letter in syllable}


# -- tempo -----------------------------------------------------------------------------------------------------


def canonical_tempo(tempo: Tempo | None, losses: Counter[str]) -> Tempo | None:
    """Return a tempo if its beat and number have tokens, otherwise None, and count the loss."""
    if tempo is None:
        return None
    if tempo.beat in TEMPO_BEATS and MIN_TEMPO <= tempo.per_minute <= MAX_TEMPO:
        return tempo
    losses["rare tempos" if tempo.per_minute else "tempos in words"] += 1
    return None


def encode_tempo(tempo: Tempo | None) -> list[str]:
    """Return the tokens of a canonical tempo; none without a tempo.

    >>> encode_tempo(Tempo(Fraction(3, 8), 96))
    ['Q:3/8', '=0', '=9', '=6']
    """
    return [f"Q:{tempo.beat}", *(f"={digit}" for digit in f"{tempo.per_minute:03}")] if tempo else []


def decode_tempo(tokens: Sequence[str]) -> Tempo:
    """Return the tempo that four tokens represent.

    Raises:
        DecodeError: If they represent none.
    """
    digits = tokens[1:TEMPO_LENGTH]
    if len(digits) < TEMPO_LENGTH - 1 or not set(digits).issubset(DIGIT_TOKENS):
        raise DecodeError("three digits must follow the beat of a tempo")
    number = int("".join(token[1:] for token in digits))
    if not MIN_TEMPO <= number <= MAX_TEMPO:
        raise DecodeError(f"a tempo is {number}; {MIN_TEMPO} to {MAX_TEMPO} beats per minute are allowed")
    return Tempo(TEMPO_TOKENS[tokens[0]], number)


def tempo_digits(position: int, *, zero_before: bool) -> Sequence[str]:
    """Return the tokens of the digits with which a tempo is in its range.

    Args:
        position: The position of the digit, from 0.
        zero_before: Whether the digit before it is 0.
    """
    if position == 0:
        return DIGIT_TOKENS[: MAX_TEMPO // 100 + 1]
    return DIGIT_TOKENS[1:] if position == 1 and zero_before else DIGIT_TOKENS


# -- lyrics ----------------------------------------------------------------------------------------------------


def encode_syllables(syllables: Sequence[str]) -> list[str]:
    """Return the tokens of the syllables of a note.

    >>> encode_syllables(("Sun", "_"))
    ['w1', 'w:S', 'w:u', 'w:n', 'w2', 'w:_']
    """
    tokens: list[str] = []
    for verse, syllable in zip(VERSE_TOKENS, syllables, strict=False):
        tokens += [verse, *(LETTER_PREFIX + letter for letter in syllable)] if syllable else []
    return tokens


def decode_syllables(tokens: Sequence[str], position: int) -> tuple[tuple[str, ...], int]:
    """Return the syllables that begin at a position, and the position after them.

    Raises:
        DecodeError: If the verses are out of order, or a syllable has no letter.
    """
    syllables: list[str] = []
    while position < len(tokens) and tokens[position] in VERSE_TOKENS:
        verse = VERSE_TOKENS.index(tokens[position])
        if verse < len(syllables):
            raise DecodeError(f"the verse {tokens[position]!r} of a note stands twice, or after a later verse")
        position += 1
        begin = position
        while position < len(tokens) and tokens[position].startswith(LETTER_PREFIX):
            position += 1
        text = "".join(token[len(LETTER_PREFIX) :] for token in tokens[begin:position])
        if not text:
            raise DecodeError("a syllable of lyrics has no letter")
        syllables += [""] * (verse - len(syllables)) + [text]
    return tuple(syllables), position
