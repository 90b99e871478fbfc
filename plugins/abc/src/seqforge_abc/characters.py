"""The character encoding, for comparison: the canonical ABC text of a tune, character by character.

Header fields (`R:reel`, `M:6/8`, ...), decorations and changes of key and meter are one step each; everything else is
one character per step. There is no automaton, so generated text may not be valid music.
"""

import re
from collections.abc import Sequence

import numpy as np

from seqforge import DecodeError, Example, Free, Prompt, RequestError
from seqforge_abc import tokens
from seqforge_abc.music_parser import parse_music
from seqforge_abc.request import ParsedRequest
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune import Tune
from seqforge_abc.writer import tune_to_abc, written_unit

NOTE_LETTERS = frozenset("ABCDEFGabcdefgz")
SINGLE_CHARACTERS = "ABCDEFGabcdefgz0123456789,'/^_=|:][(){}<>- \n"
_SYMBOL = re.compile(r'![^!\n]*!|"[^"\n]*"|\[[KM]:[^\]\n]*\]|.', re.DOTALL)


def vocabulary(rhythms: Sequence[str]) -> list[str]:
    """Return every symbol: header fields, changes of key and meter, decorations and characters."""
    header = [token for token in tokens.vocabulary(rhythms) if token[:2] in ("R:", "M:", "L:", "K:")]
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
    """Return the tune that the symbols spell.

    Raises:
        DecodeError: If they spell no tune.
    """
    try:
        header = tokens.decode_tune(list(symbols[:4]))
        unit = tokens.UNIT_TOKENS[symbols[2]]
        music = parse_music("".join(symbols[4:]), key=header.key, meter=header.meter, unit=unit)
    except (IndexError, KeyError, ValueError) as error:
        raise DecodeError(f"the characters spell no tune ({error})") from error
    return Tune(music.elements, header.key, header.meter, header.rhythm)


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
    mask = np.ones(len(vocabulary), np.bool_)
    mask[0] = False
    steps = np.array([vocabulary.index(symbol) for symbol in begin], np.int32)
    return Prompt(Example(steps), Free(mask))
