"""The token encoding of a tune: grammar, vocabulary, encoder and decoder.

A tune begins with four header tokens, its rhythm, meter, unit note length and key: `R:reel M:4/4 L:1/8 K:D`. The
elements follow. A note consists of these parts, in this order, each only if the note has it: a chord symbol (`"D`, a
kind, a bass), decorations (`!roll!`), grace notes (`{ ^f }`), the length (`*2`; several lengths add up; none means the
unit), the pitch with its sounding accidental (`^f`, `=c'`), or `z` for a rest, or pitches between `[` and `]`, and `-`
if the note is tied. Most notes of most tunes are one token.

The token of a bar line `|` contains the number of the bar in its section: `|1`, `|2`, ... An upbeat ends with a plain
`|`. A second ending continues from the number at which the first ending began. The network need not count bars.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from seqforge import DecodeError
from seqforge_abc.kept import (
    PART_TOKENS,
    SECOND_VOICE,
    SLUR_END,
    SLUR_START,
    TEMPO_LENGTH,
    TEMPO_TOKENS,
    Kept,
    decode_syllables,
    decode_tempo,
    encode_syllables,
    encode_tempo,
)
from seqforge_abc.second_voice import split_voices
from seqforge_abc.theory import MODE_FIFTHS, NO_KEY, NO_METER, Key, Meter, Pitch, pitch_class_name
from seqforge_abc.tune import (
    BAR_LINES,
    ENDINGS,
    LETTER_DECORATIONS,
    NAMED_DECORATIONS,
    UNIT_NOTE_LENGTHS,
    BarLine,
    ChordSymbol,
    Element,
    Ending,
    Note,
    Tune,
    Tuplet,
    unit_note_length,
)

LENGTH_GRID = Fraction(1, 128)
"""Every note length is a multiple of this length, in whole notes."""
MAX_BAR_NUMBER = 16
"""The largest number in a bar line token; the bar after it has the number 1 again."""
LENGTH_ATOMS = tuple(sorted({Fraction(2) ** k for k in range(-7, 7)} | {3 * Fraction(2) ** k for k in range(-3, 4)}))
"""The lengths that have a token, in units; other lengths are sums of them."""
LOWEST_PITCH, HIGHEST_PITCH = 36, 100
"""The range of the pitches, as MIDI note numbers."""
CHORD_KINDS = (
    "", "m", "7", "m7", "maj7", "6", "m6", "9", "m9", "maj9", "11", "13", "dim", "dim7", "m7b5", "aug", "aug7", "+",
    "sus", "sus2", "sus4", "7sus4", "5", "add9", "6/9", "7b9", "7#9", "7b5", "7#5", "mmaj7",
)  # fmt: skip
"""The kinds of chord symbols in the vocabulary."""
GENERATED_CHORD_KINDS = ("m", "7", "m7", "maj7", "6", "m6", "9", "dim", "dim7", "aug", "sus2", "sus4")
"""The kinds that are generated, beside the major chord: other programs know them too."""
BUILT_IN_RHYTHMS = (
    "air", "barndance", "carolan", "clog", "country dance", "double jig", "fling", "highland", "highland fling",
    "hop jig", "hornpipe", "jig", "lament", "march", "mazurka", "minuet", "piece", "planxty", "polka", "quadrille",
    "reel", "schottische", "set dance", "single jig", "slide", "slip jig", "slow air", "song", "strathspey",
    "three-two", "walkaround", "waltz",
)  # fmt: skip
"""The rhythms that every vocabulary contains; a corpus adds its own."""
METERS = tuple(
    Meter(beats, unit)
    for unit, max_beats in ((1, 4), (2, 6), (4, 12), (8, 18), (16, 24))
    for beats in range(1, max_beats + 1)
)
BAR_LINE_TOKENS = {kind: kind for kind in BAR_LINES} | {f"|{number}": "|" for number in range(1, MAX_BAR_NUMBER + 1)}
"""The tokens of bar lines, and the kind of bar line of each."""
SIGNATURES = range(-7, 8)
TUPLETS = tuple(
    [Tuplet(p, q, p) for p in range(2, 10) for q in range(2, 9) if q != p]
    + [Tuplet(3, 2, r) for r in (2, 4, 5, 6)]
)  # fmt: skip
DECORATION_NAMES = tuple(sorted((*LETTER_DECORATIONS.values(), *NAMED_DECORATIONS)))
REQUEST_ONLY = ("M:none", "K:none", "L:1/1", "L:1/2", "L:1/64")
"""Header tokens that are read, and generated only on request."""
FALLBACK_HEADER = ("R:", "M:4/4", "L:1/8", "K:D")
CHORD_ROOTS = range(-8, 13)
"""The roots and basses of chord symbols on the line of fifths, Fb to B#."""


def all_pitches() -> list[Pitch]:
    """Return every pitch that has a token, in ascending order."""
    candidates = [
        Pitch(letter, alter, octave) for octave in range(1, 8) for letter in range(7) for alter in range(-2, 3)
    ]
    return sorted((pitch for pitch in candidates if LOWEST_PITCH <= pitch.midi <= HIGHEST_PITCH), key=pitch_order)


def pitch_order(pitch: Pitch) -> tuple[int, int]:
    """Return the sort key of the pitches of a chord."""
    return pitch.midi, pitch.staff_position


def all_keys() -> list[Key]:
    """Return every key that has a token."""
    return [NO_KEY, *(Key(signature + above, mode) for mode, above in MODE_FIFTHS.items() for signature in SIGNATURES)]


def vocabulary(rhythms: Sequence[str], keep: Kept | None = None) -> list[str]:
    """Return every token; only the rhythms depend on the corpus.

    Args:
        rhythms: The names of the rhythms.
        keep: What the codec encodes on request; None for nothing.
    """
    return [
        *(f"R:{rhythm}" for rhythm in ("", *rhythms)),
        *(f"M:{meter}" for meter in (NO_METER, *METERS)),
        *map(unit_token, UNIT_NOTE_LENGTHS),
        *(f"K:{key}" for key in all_keys()),
        *BAR_LINE_TOKENS,
        *(f"[{number}" for number in ENDINGS),
        *map(tuplet_token, TUPLETS),
        *(f'"{pitch_class_name(root)}' for root in CHORD_ROOTS),
        *(f"~{kind}" for kind in CHORD_KINDS[1:]),
        *(f"/{pitch_class_name(root)}" for root in CHORD_ROOTS),
        *(f"!{name}!" for name in DECORATION_NAMES),
        "{", "}", "[", "]", "-", "z",
        *(f"*{atom}" for atom in LENGTH_ATOMS),
        *(str(pitch) for pitch in all_pitches()),
        *(keep.vocabulary() if keep else ()),
    ]  # fmt: skip


def unit_token(unit: Fraction) -> str:
    """Return the header token of a unit note length."""
    return f"L:{unit.numerator}/{unit.denominator}"


def tuplet_token(tuplet: Tuplet) -> str:
    """Return the token of a tuplet."""
    return f"({tuplet.p}:{tuplet.q}:{tuplet.r}"


PITCH_TOKENS = {str(pitch): pitch for pitch in all_pitches()}
METER_TOKENS = {f"M:{meter}": meter for meter in (NO_METER, *METERS)}
UNIT_TOKENS = {unit_token(unit): unit for unit in UNIT_NOTE_LENGTHS}
TUPLET_TOKENS = {tuplet_token(tuplet): tuplet for tuplet in TUPLETS}
_KEY_TOKENS = {f"K:{key}": key for key in all_keys()}
_ROOTS = {pitch_class_name(root): root for root in CHORD_ROOTS}
_ATOM_TOKENS = {f"*{atom}": atom for atom in LENGTH_ATOMS}


# -- encoder ---------------------------------------------------------------------------------------------------


def encode_tune(tune: Tune, unit: Fraction | None = None) -> list[str]:
    """Return the tokens of a tune.

    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> from seqforge_abc.music_parser import parse_music
    >>> encode_tune(parse_music("DEF A3|]", key=parse_key("D"), meter=parse_meter("6/8")))
    ['R:', 'M:6/8', 'L:1/8', 'K:D', '=D', '=E', '^F', '*3', '=A', '|]']

    Args:
        tune: A tune in the form that `canonical.canonicalize` returns.
        unit: The unit note length; None for the most common length of the tune.
    """
    unit = unit or unit_note_length(tune)
    tokens = [f"R:{tune.rhythm}", f"M:{tune.meter}", unit_token(unit), f"K:{tune.key}"]
    tokens += encode_tempo(tune.tempo)
    bar_lines, second, has_notes = bar_line_tokens(tune), iter(tune.second), False
    for element in tune.elements:
        match element:
            case Note():
                tokens += encode_note(element, unit)
                has_notes = True
            case BarLine():
                tokens += _encode_second(next(second, ()), unit) if has_notes else []
                tokens.append(next(bar_lines))
                has_notes = False
            case Ending():
                tokens.append(f"[{element.number}")
            case Tuplet():
                tokens.append(tuplet_token(element))
            case Key():
                tokens.append(f"K:{element}")
            case Meter():
                tokens.append(f"M:{element}")
    return tokens + _encode_second(next(second, ()), unit)


def _encode_second(bar: Sequence[Element], unit: Fraction) -> list[str]:
    """Return the tokens of a bar of the second voice; none without one."""
    tokens = [SECOND_VOICE] if bar else []
    for element in bar:
        tokens += encode_note(element, unit) if isinstance(element, Note) else []
        tokens += [tuplet_token(element)] if isinstance(element, Tuplet) else []
    return tokens


def bar_line_tokens(tune: Tune) -> Iterator[str]:
    """Yield the token of each bar line of a tune."""
    bar_length, fill, number, ending_start, section_start = tune.meter.bar_length, Fraction(0), 0, 0, True
    scale, tuplet_left = Fraction(1), 0
    for element in tune.elements:
        match element:
            case Note():
                fill += element.duration * (scale if tuplet_left else 1)
                tuplet_left = max(0, tuplet_left - 1)
            case Tuplet():
                scale, tuplet_left = Fraction(element.q, element.p), element.r
            case Meter():
                bar_length = element.bar_length
            case Ending():
                if element.number[0] == "1":
                    ending_start = number
                else:
                    number = ending_start
                section_start = False
            case BarLine("|"):
                is_bar = fill > 0 and not (section_start and fill < bar_length)
                number += is_bar
                yield numbered_bar_line(number) if is_bar else "|"
                fill, section_start = Fraction(0), section_start and not fill
            case BarLine():
                yield element.kind
                fill, number, section_start = Fraction(0), 0, True


def numbered_bar_line(number: int) -> str:
    """Return the token of the bar line after a bar.

    Args:
        number: The number of the bar in its section, from 1.
    """
    return f"|{(number - 1) % MAX_BAR_NUMBER + 1}"


def encode_note(note: Note, unit: Fraction) -> list[str]:
    """Return the tokens of a note."""
    tokens = [f"P:{note.part}"] if note.part else []
    tokens += [SLUR_START] * note.slur_starts
    if note.chord_symbol is not None:
        symbol = note.chord_symbol
        tokens.append(f'"{pitch_class_name(symbol.root)}')
        tokens += [f"~{symbol.kind}"] if symbol.kind else []
        tokens += [f"/{pitch_class_name(symbol.bass)}"] if symbol.bass is not None else []
    tokens += [f"!{name}!" for name in note.decorations]
    if note.grace_notes:
        tokens += ["{", *map(str, note.grace_notes), "}"]
    tokens += [f"*{atom}" for atom in split_length(note.duration / unit)]
    if len(note.pitches) > 1:
        tokens += ["[", *map(str, note.pitches), "]"]
    else:
        tokens.append(str(note.pitches[0]) if note.pitches else "z")
    return [*tokens, *(["-"] if note.tied else []), *[SLUR_END] * note.slur_ends, *encode_syllables(note.syllables)]


def split_length(length: Fraction) -> list[Fraction]:
    """Return the atoms that add up to a length, in descending order; none for one unit.

    >>> split_length(Fraction(5))
    [Fraction(4, 1), Fraction(1, 1)]

    Args:
        length: The length in units.
    """
    if length == 1:
        return []
    atoms = []
    while length > 0:
        atoms.append(max(atom for atom in LENGTH_ATOMS if atom <= length))
        length -= atoms[-1]
    return atoms


# -- decoder ---------------------------------------------------------------------------------------------------


def decode_tune(tokens: Sequence[str]) -> Tune:
    """Return the tune that the tokens represent.

    >>> tune = decode_tune(["R:jig", "M:6/8", "L:1/8", "K:D", "*3", "=D", "*3", "=A", "|]"])
    >>> tune.rhythm, [float(note.duration) for note in tune.notes()]
    ('jig', [0.375, 0.375])

    Raises:
        DecodeError: If they represent no tune.
    """
    header = list(tokens[:4])
    if len(header) < 4 or not header[0].startswith("R:"):
        raise DecodeError("a tune must begin with its rhythm, meter, unit note length and key")
    try:
        meter, unit, key = METER_TOKENS[header[1]], UNIT_TOKENS[header[2]], _KEY_TOKENS[header[3]]
    except KeyError as error:
        raise DecodeError(
            f"a tune must begin with its rhythm, meter, unit note length and key; {error} stands in their place"
        ) from None
    tempo = decode_tempo(tokens[4 : 4 + TEMPO_LENGTH]) if len(tokens) > 4 and tokens[4] in TEMPO_TOKENS else None
    begin = 4 + TEMPO_LENGTH if tempo else 4
    elements, bars = split_voices(_elements(tokens, begin, unit))
    return Tune(elements, key, meter, header[0][2:], tempo=tempo, second=bars)


def _elements(tokens: Sequence[str], begin: int, unit: Fraction) -> Iterator[Element | None]:
    """Yield the elements of both voices; None stands for the token before a bar of the second voice."""
    position, end = begin, len(tokens)
    while position < end:
        token = tokens[position]
        if token in BAR_LINE_TOKENS:
            yield BarLine(BAR_LINE_TOKENS[token])
        elif token == SECOND_VOICE:
            yield None
        elif token in TUPLET_TOKENS:
            yield TUPLET_TOKENS[token]
        elif token in _KEY_TOKENS:
            yield _KEY_TOKENS[token]
        elif token in METER_TOKENS:
            yield METER_TOKENS[token]
        elif token[:1] == "[" and token[1:] in ENDINGS:
            yield Ending(token[1:])
        else:
            try:
                note, position = _note(tokens, position, unit)
            except IndexError:
                raise DecodeError("the last note is incomplete") from None
            yield note
            continue
        position += 1


def _note(tokens: Sequence[str], position: int, unit: Fraction) -> tuple[Note, int]:
    """Return the note that begins at a position, and the position after it.

    Raises:
        IndexError: If the note is incomplete.
    """
    part = PART_TOKENS.get(tokens[position], "")
    slur_starts, position = _count(tokens, position + bool(part), SLUR_START)
    chord_symbol, position = _chord_symbol(tokens, position)
    decorations = []
    while tokens[position][:1] == "!":
        decorations.append(tokens[position][1:-1])
        position += 1
    grace_notes: list[Pitch] = []
    if tokens[position] == "{":
        grace_notes, position = _pitches(tokens, position + 1, "}")
    length = Fraction(0)
    while tokens[position] in _ATOM_TOKENS:
        length += _ATOM_TOKENS[tokens[position]]
        position += 1
    if tokens[position] == "[":
        pitches, position = _pitches(tokens, position + 1, "]")
    elif tokens[position] == "z":
        pitches, position = [], position + 1
    elif tokens[position] in PITCH_TOKENS:
        pitches, position = [PITCH_TOKENS[tokens[position]]], position + 1
    else:
        raise DecodeError(f"the token {tokens[position]!r} stands in the place of a pitch")
    tied = position < len(tokens) and tokens[position] == "-"
    slur_ends, position = _count(tokens, position + tied, SLUR_END)
    syllables, position = decode_syllables(tokens, position)
    duration = (length or Fraction(1)) * unit
    note = Note(
        tuple(pitches), duration, tied, tuple(decorations), tuple(grace_notes), chord_symbol, slur_starts, slur_ends,
        syllables, part,
    )  # fmt: skip
    return note, position


def _count(tokens: Sequence[str], position: int, token: str) -> tuple[int, int]:
    """Return how often a token stands from a position on, and the position after it."""
    begin = position
    while position < len(tokens) and tokens[position] == token:
        position += 1
    return position - begin, position


def _pitches(tokens: Sequence[str], position: int, closing: str) -> tuple[list[Pitch], int]:
    pitches = []
    while tokens[position] != closing:
        if tokens[position] not in PITCH_TOKENS:
            raise DecodeError(f"the token {tokens[position]!r} stands in the place of a pitch or {closing!r}")
        pitches.append(PITCH_TOKENS[tokens[position]])
        position += 1
    if not pitches:
        raise DecodeError(f"no pitch stands before {closing!r}")
    return pitches, position + 1


def _chord_symbol(tokens: Sequence[str], position: int) -> tuple[ChordSymbol | None, int]:
    if tokens[position][:1] != '"':
        return None, position
    root, kind, bass = _ROOTS[tokens[position][1:]], "", None
    position += 1
    if tokens[position][:1] == "~":
        kind, position = tokens[position][1:], position + 1
    if tokens[position][:1] == "/":
        bass, position = _ROOTS[tokens[position][1:]], position + 1
    return ChordSymbol(root, kind, bass), position
