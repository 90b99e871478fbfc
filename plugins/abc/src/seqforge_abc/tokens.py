"""A tune as tokens and back: the grammar of the encoding, in one place.

A tune begins with four tokens, rhythm, meter, unit and key: `R:reel M:4/4 L:1/8 K:D`. Then come its elements.
A note is, in this order and each part only where it is needed: a chord symbol (`"D`, a kind, a bass),
decorations (`!roll!`), grace notes (`{ ^f }`), its length (`*2`, several add up; none means the unit), its
pitch with the sounding accidental (`^f`, `=c'`), `z` for a rest or pitches between `[` and `]`, and `-` where
it is tied. Most notes of most tunes are one token.

A bar line `|` says which bar of its section it ends: `|1`, `|2` and so on; an upbeat ends with a mere `|`, and a
second ending counts on from where the first began. So a network need not count to eight by itself.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from seqforge import DecodeError
from seqforge_abc.theory import MODES, NO_KEY, NO_METER, Key, Meter, Pitch, spelled
from seqforge_abc.tune import (
    BARS,
    DECORATIONS,
    ENDINGS,
    MORE_DECORATIONS,
    UNITS,
    Bar,
    ChordSymbol,
    Ending,
    Music,
    Note,
    Tune,
    Tuplet,
    unit_of,
)

GRID = Fraction(1, 128)
"""Every length is a multiple of this part of a whole note."""
COUNTED = 16
"""Bars of a section that are told apart; the next is the first again."""
ATOMS = tuple(sorted({Fraction(2) ** k for k in range(-7, 7)} | {3 * Fraction(2) ** k for k in range(-3, 4)}))
"""The lengths that have a token of their own, in units; others are sums of them."""
LOWEST, HIGHEST = 36, 100
"""The range of the pitches, as MIDI numbers."""
KINDS = (
    "", "m", "7", "m7", "maj7", "6", "m6", "9", "m9", "maj9", "11", "13", "dim", "dim7", "m7b5", "aug", "aug7", "+",
    "sus", "sus2", "sus4", "7sus4", "5", "add9", "6/9", "7b9", "7#9", "7b5", "7#5", "mmaj7",
)  # fmt: skip
"""The kinds of chord symbols that are kept."""
USUAL_KINDS = ("m", "7", "m7", "maj7", "6", "m6", "9", "dim", "dim7", "aug", "sus2", "sus4")
"""Those that are generated: the ones that other programs know too."""
RHYTHMS = (
    "air", "barndance", "carolan", "clog", "country dance", "double jig", "fling", "highland", "highland fling",
    "hop jig", "hornpipe", "jig", "lament", "march", "mazurka", "minuet", "piece", "planxty", "polka", "quadrille",
    "reel", "schottische", "set dance", "single jig", "slide", "slip jig", "slow air", "song", "strathspey",
    "three-two", "walkaround", "waltz",
)  # fmt: skip
"""The rhythms that every codec knows; a corpus adds its own."""
METERS = tuple(
    Meter(beats, unit) for unit, most in ((1, 4), (2, 6), (4, 12), (8, 18), (16, 24)) for beats in range(1, most + 1)
)
LINES = {kind: kind for kind in BARS} | {f"|{number}": "|" for number in range(1, COUNTED + 1)}
"""The tokens of bar lines, and the bar line each stands for."""
SIGNATURES = range(-7, 8)
TUPLETS = tuple(
    [Tuplet(p, q, p) for p in range(2, 10) for q in range(2, 9) if q != p]
    + [Tuplet(3, 2, r) for r in (2, 4, 5, 6)]
)  # fmt: skip
DECORATION_NAMES = tuple(sorted((*DECORATIONS.values(), *MORE_DECORATIONS)))
UNASKED = ("M:none", "K:none", "L:1/1", "L:1/2", "L:1/64")
"""What is read, and generated only where it is asked for."""
USUAL = ("R:", "M:4/4", "L:1/8", "K:D")
ROOTS = range(-8, 13)
"""Roots and basses of chord symbols on the line of fifths, Fb to B#."""


def pitches() -> list[Pitch]:
    """Return every pitch that has a token."""
    every = [Pitch(letter, alter, octave) for octave in range(1, 8) for letter in range(7) for alter in range(-2, 3)]
    return sorted((pitch for pitch in every if LOWEST <= pitch.midi <= HIGHEST), key=rising)


def rising(pitch: Pitch) -> tuple[int, int]:
    """Return what the pitches of a chord are sorted by."""
    return pitch.midi, pitch.height


def keys() -> list[Key]:
    """Return every key that has a token."""
    return [NO_KEY, *(Key(signature + above, mode) for mode, above in MODES.items() for signature in SIGNATURES)]


def vocabulary(rhythms: Sequence[str]) -> list[str]:
    """Return every token, with those of these rhythms: the same list for every corpus but for the rhythms."""
    return [
        *(f"R:{rhythm}" for rhythm in ("", *rhythms)),
        *(f"M:{meter}" for meter in (NO_METER, *METERS)),
        *(f"L:{unit.numerator}/{unit.denominator}" for unit in UNITS),
        *(f"K:{key}" for key in keys()),
        *LINES,
        *(f"[{number}" for number in ENDINGS),
        *(_tuplet(tuplet) for tuplet in TUPLETS),
        *(f'"{spelled(root)}' for root in ROOTS),
        *(f"~{kind}" for kind in KINDS[1:]),
        *(f"/{spelled(root)}" for root in ROOTS),
        *(f"!{name}!" for name in DECORATION_NAMES),
        "{", "}", "[", "]", "-", "z",
        *(f"*{atom}" for atom in ATOMS),
        *(str(pitch) for pitch in pitches()),
    ]  # fmt: skip


PITCHES = {str(pitch): pitch for pitch in pitches()}
_KEYS = {f"K:{key}": key for key in keys()}
_METERS = {f"M:{meter}": meter for meter in (NO_METER, *METERS)}
UNIT_TOKENS = {f"L:{unit.numerator}/{unit.denominator}": unit for unit in UNITS}
_ROOTS = {spelled(root): root for root in ROOTS}
_ATOMS = {f"*{atom}": atom for atom in ATOMS}


def _tuplet(tuplet: Tuplet) -> str:
    return f"({tuplet.p}:{tuplet.q}:{tuplet.r}"


TUPLET_TOKENS = {_tuplet(tuplet): tuplet for tuplet in TUPLETS}


def tokens_of(tune: Tune, unit: Fraction | None = None) -> list[str]:
    """Return a tune as tokens, by default with its own unit; it must be as `keeping.kept` leaves it."""
    unit = unit or unit_of(tune)
    found = [f"R:{tune.rhythm}", f"M:{tune.meter}", f"L:{unit.numerator}/{unit.denominator}", f"K:{tune.key}"]
    lines = bar_lines(tune)
    for element in tune.music:
        match element:
            case Note():
                found += note_tokens(element, unit)
            case Bar():
                found.append(next(lines))
            case Ending():
                found.append(f"[{element.number}")
            case Tuplet():
                found.append(_tuplet(element))
            case Key():
                found.append(f"K:{element}")
            case Meter():
                found.append(f"M:{element}")
    return found


def bar_lines(tune: Tune) -> Iterator[str]:
    """Yield the tokens of a tune's bar lines."""
    bar, fill, number, at_ending, opening = tune.meter.bar, Fraction(0), 0, 0, True
    scale, left = Fraction(1), 0
    for element in tune.music:
        match element:
            case Note():
                fill += element.duration * (scale if left else 1)
                left = max(0, left - 1)
            case Tuplet():
                scale, left = Fraction(element.q, element.p), element.r
            case Meter():
                bar = element.bar
            case Ending():
                at_ending, number = (number, number) if element.number[0] == "1" else (at_ending, at_ending)
                opening = False
            case Bar("|"):
                whole = fill > 0 and not (opening and fill < bar)
                number += whole
                yield numbered(number) if whole else "|"
                fill, opening = Fraction(0), opening and not fill
            case Bar():
                yield element.kind
                fill, number, opening = Fraction(0), 0, True


def numbered(number: int) -> str:
    """Return the token of the bar line that ends this bar of a section, counted from 1."""
    return f"|{(number - 1) % COUNTED + 1}"


def note_tokens(note: Note, unit: Fraction) -> list[str]:
    """Return a note as tokens."""
    found = []
    if note.chord is not None:
        found.append(f'"{spelled(note.chord.root)}')
        found += [f"~{note.chord.kind}"] if note.chord.kind else []
        found += [f"/{spelled(note.chord.bass)}"] if note.chord.bass is not None else []
    found += [f"!{name}!" for name in note.decorations]
    if note.graces:
        found += ["{", *map(str, note.graces), "}"]
    found += [f"*{atom}" for atom in atoms(note.duration / unit)]
    if len(note.pitches) > 1:
        found += ["[", *map(str, note.pitches), "]"]
    else:
        found.append(str(note.pitches[0]) if note.pitches else "z")
    return [*found, "-"] if note.tied else found


def atoms(length: Fraction) -> list[Fraction]:
    """Return the lengths, from the longest down, that add up to this one (in units); none for one unit."""
    if length == 1:
        return []
    found = []
    while length > 0:
        found.append(max(atom for atom in ATOMS if atom <= length))
        length -= found[-1]
    return found


def tune_of(tokens: Sequence[str], *, whole: bool = True) -> Tune:
    """Return the tune that the tokens stand for.

    Args:
        tokens: of a whole tune.
        whole: whether an unfinished note at the end is an error; else it is left out.

    Raises:
        DecodeError: they stand for no tune.
    """
    heads = list(tokens[:4])
    if len(heads) < 4 or not heads[0].startswith("R:"):
        raise DecodeError("a tune begins with its rhythm, meter, unit and key")
    try:
        meter, unit, key = _METERS[heads[1]], UNIT_TOKENS[heads[2]], _KEYS[heads[3]]
    except KeyError as error:
        raise DecodeError(f"a tune begins with its rhythm, meter, unit and key, not with {error}") from None
    music = tuple(_elements(tokens, unit, whole))
    return Tune(music, key, meter, heads[0][2:])


def _elements(tokens: Sequence[str], unit: Fraction, whole: bool) -> Iterator[Music]:
    at, end = 4, len(tokens)
    while at < end:
        token = tokens[at]
        if token in LINES:
            yield Bar(LINES[token])
        elif token in TUPLET_TOKENS:
            yield TUPLET_TOKENS[token]
        elif token in _KEYS:
            yield _KEYS[token]
        elif token in _METERS:
            yield _METERS[token]
        elif token[:1] == "[" and token[1:] in ENDINGS:
            yield Ending(token[1:])
        else:
            try:
                note, at = _note(tokens, at, unit)
            except IndexError:
                if whole:
                    raise DecodeError("the last note is not finished") from None
                return
            yield note
            continue
        at += 1


def _note(tokens: Sequence[str], at: int, unit: Fraction) -> tuple[Note, int]:
    """Return the note that begins at a place, and the place after it; IndexError where it is not finished."""
    chord, at = _chord_symbol(tokens, at)
    decorations = []
    while tokens[at][:1] == "!":
        decorations.append(tokens[at][1:-1])
        at += 1
    graces: list[Pitch] = []
    if tokens[at] == "{":
        graces, at = _pitches(tokens, at + 1, "}")
    length = Fraction(0)
    while tokens[at] in _ATOMS:
        length += _ATOMS[tokens[at]]
        at += 1
    if tokens[at] == "[":
        sounding, at = _pitches(tokens, at + 1, "]")
    elif tokens[at] == "z":
        sounding, at = [], at + 1
    elif tokens[at] in PITCHES:
        sounding, at = [PITCHES[tokens[at]]], at + 1
    else:
        raise DecodeError(f"{tokens[at]!r} stands where a pitch is due")
    tied = at < len(tokens) and tokens[at] == "-"
    duration = (length or Fraction(1)) * unit
    return Note(tuple(sounding), duration, tied, tuple(decorations), tuple(graces), chord), at + tied


def _pitches(tokens: Sequence[str], at: int, closing: str) -> tuple[list[Pitch], int]:
    found = []
    while tokens[at] != closing:
        if tokens[at] not in PITCHES:
            raise DecodeError(f"{tokens[at]!r} stands where a pitch or {closing!r} is due")
        found.append(PITCHES[tokens[at]])
        at += 1
    if not found:
        raise DecodeError(f"nothing stands before {closing!r}")
    return found, at + 1


def _chord_symbol(tokens: Sequence[str], at: int) -> tuple[ChordSymbol | None, int]:
    if tokens[at][:1] != '"':
        return None, at
    root, kind, bass = _ROOTS[tokens[at][1:]], "", None
    at += 1
    if tokens[at][:1] == "~":
        kind, at = tokens[at][1:], at + 1
    if tokens[at][:1] == "/":
        bass, at = _ROOTS[tokens[at][1:]], at + 1
    return ChordSymbol(root, kind, bass), at
