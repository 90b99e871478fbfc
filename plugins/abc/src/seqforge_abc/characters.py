"""The character encoding, for comparison: the canonical ABC text of a tune, character by character.

Header fields (`R:reel`, `M:6/8`, ...), decorations and changes of key and meter are one step each; everything else is
one character per step. The automaton ensures that a tune has a header and a note, not that its bars add up: lines of
generated text that are no music are left out.
"""

import re
from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np

from seqforge import Constraint, DecodeError, Example, Prompt, RequestError
from seqforge_abc import tokens
from seqforge_abc.music_parser import parse_music
from seqforge_abc.request import ParsedRequest
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune import Note, Tune
from seqforge_abc.writer import tune_to_abc, written_unit

NOTE_LETTERS = frozenset("ABCDEFGabcdefgz")
HEADER_FIELDS = ("R:", "M:", "L:", "K:")
"""The fields with which every tune begins, in this order."""
SINGLE_CHARACTERS = "ABCDEFGabcdefgz0123456789,'/^_=|:][(){}<>- \n"
_SYMBOL = re.compile(r'![^!\n]*!|"[^"\n]*"|\[[KM]:[^\]\n]*\]|.', re.DOTALL)


def vocabulary(rhythms: Sequence[str]) -> list[str]:
    """Return every symbol: header fields, changes of key and meter, decorations and characters."""
    header = [token for token in tokens.vocabulary(rhythms) if token[:2] in HEADER_FIELDS]
    changes = [f"[{token}]" for token in header if token[0] in "KM"]
    decorations = [f"!{name}!" for name in tokens.DECORATION_NAMES]
    return [*header, *changes, *decorations, ".", "~", *"HLMOPSTuv", '"', "#", "%", *SINGLE_CHARACTERS]


def encode_tune(tune: Tune) -> list[str]:
    """Return the symbols of a tune."""
    body = tune_to_abc(Tune(tune.elements, tune.key, tune.meter, tune.rhythm)).partition("\nK:")[2]
    body = body.partition("\n")[2].rstrip("\n")
    symbols = [f"R:{tune.rhythm}", f"M:{tune.meter}", tokens.unit_token(written_unit(tune)), f"K:{tune.key}"]
    for part in _SYMBOL.findall(body):
        symbols += [part] if part[0] in "![" and len(part) > 1 else list(part)
    return symbols


def decode_tune(symbols: Sequence[str]) -> Tune:
    """Return the tune that the symbols spell; lines that are no music are left out.

    A text without any note, such as one in which every note stands in quotation marks, is a bar of rest.

    Raises:
        DecodeError: If they do not begin with the header.
    """
    try:
        header = tokens.decode_tune(list(symbols[:4]))
        unit = tokens.UNIT_TOKENS[symbols[2]]
    except (IndexError, KeyError, ValueError) as error:
        raise DecodeError(f"the characters spell no tune ({error})") from error
    text = "".join(symbols[4:])
    lines = [line for line in text.split("\n") if _music(line, header, unit) is not None]
    music = _music(text, header, unit) or _music("\n".join(lines), header, unit)
    elements = music.elements if music else (Note((), header.meter.bar_length or Fraction(1)),)
    return Tune(elements, header.key, header.meter, header.rhythm)


def _music(text: str, header: Tune, unit: Fraction) -> Tune | None:
    """Return the music of a text, None if it contains none or a note that is too long."""
    try:
        return parse_music(text, key=header.key, meter=header.meter, unit=unit)
    except ValueError:
        return None


class CharacterAutomaton(Constraint):
    """The constraint of characters: the four fields of the header, then any characters, at least one of them a note.

    A state is the number of fields so far, 5 once a note has followed them.

    >>> automaton = CharacterAutomaton(vocabulary(["jig"]))
    >>> automaton.to_end(0), automaton.may_end(5)
    (5, True)

    Args:
        vocabulary: The symbols of the codec.
    """

    follows_rules = False  # it does not count the bars

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._notes = np.array([symbol in NOTE_LETTERS for symbol in vocabulary])
        fields = [np.array([symbol.startswith(field) for symbol in vocabulary]) for field in HEADER_FIELDS]
        music = ~np.logical_or.reduce(fields)
        music[0] = False
        self._masks: tuple[np.ndarray, ...] = (*fields, music, music)

    def start(self) -> Hashable:
        return 0

    def allowed(self, state: Hashable) -> np.ndarray:
        return self._masks[cast(int, state)]

    def may_end(self, state: Hashable) -> bool:
        return state == len(HEADER_FIELDS) + 1

    def to_end(self, state: Hashable) -> int:
        return len(HEADER_FIELDS) + 1 - cast(int, state)

    def advance(self, state: Hashable, step: Any) -> Hashable:
        count = cast(int, state)
        return count + (count < len(HEADER_FIELDS) or (count == len(HEADER_FIELDS) and bool(self._notes[step])))


def make_prompt(request: ParsedRequest, vocabulary: Sequence[str]) -> Prompt:
    """Return the prompt of a model of characters.

    Raises:
        RequestError: If the request needs the automaton of tokens.
    """
    needs = {
        "form": request.form, "bars": request.bars, "instrument": request.instruments, "mode": request.keys,
        "chords": request.chords, "prompt": request.gaps,
    }  # fmt: skip
    field = next((field for field, value in needs.items() if value), None)
    if field is not None:
        subject = "a * in `prompt`" if field == "prompt" else f"`{field}`"
        raise RequestError(
            f"{subject} needs a model that was trained with `encoding` tokens; this model has `encoding` char",
            field=field,
        )
    begin: list[str] = []
    if request.prompt is not None:
        begin = encode_tune(request.prompt)
    elif request.key or request.meter or request.rhythm is not None:
        if request.key is None or request.meter is None:
            field = "key" if request.key is None else "meter"
            raise RequestError("a model with `encoding` char needs both `key` and `meter`, or neither", field=field)
        short_bar = request.meter != NO_METER and request.meter.bar_length < 0.75
        unit = "1/16" if short_bar else "1/8"
        begin = [f"R:{request.rhythm or ''}", f"M:{request.meter}", f"L:{unit}", f"K:{request.key}"]
    steps = np.array([vocabulary.index(symbol) for symbol in begin], np.int32)
    return Prompt(Example(steps), CharacterAutomaton(vocabulary))
