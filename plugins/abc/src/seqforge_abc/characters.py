"""The other encoding, for comparison: the canonical text of a tune, character by character.

The fields of the head stay whole (`R:reel`, `M:6/8`, ...), as do decorations, chord symbols and changes of key
and meter; everything else is one character. What a network writes so may be no music: nothing is guaranteed.
"""

import re
from collections.abc import Sequence

import numpy as np

from seqforge import DecodeError, Example, Free, Prompt, RequestError
from seqforge_abc import tokens
from seqforge_abc.asking import Asked
from seqforge_abc.music import parse_music
from seqforge_abc.theory import NO_METER
from seqforge_abc.tune import Tune
from seqforge_abc.writing import tune_to_abc, written_unit

NOTES = frozenset("ABCDEFGabcdefgz")
SIGNS = "ABCDEFGabcdefgz0123456789,'/^_=|:][(){}<>- \n"
_WHOLE = re.compile(r'![^!\n]*!|"[^"\n]*"|\[[KM]:[^\]\n]*\]|.', re.DOTALL)


def vocabulary(rhythms: Sequence[str]) -> list[str]:
    """Return every character and every field that is kept whole."""
    heads = [token for token in tokens.vocabulary(rhythms) if token[:2] in ("R:", "M:", "L:", "K:")]
    changes = [f"[{token}]" for token in heads if token[0] in "KM"]
    marks = [f"!{name}!" for name in tokens.DECORATION_NAMES]
    return [*heads, *changes, *marks, ".", "~", *"HLMOPSTuv", '"', "#", "%", *SIGNS]


def characters_of(tune: Tune) -> list[str]:
    """Return a tune as fields and characters."""
    body = tune_to_abc(Tune(tune.music, tune.key, tune.meter, tune.rhythm)).partition("\nK:")[2]
    body = body.partition("\n")[2].rstrip("\n")
    unit = written_unit(tune)
    found = [f"R:{tune.rhythm}", f"M:{tune.meter}", f"L:{unit.numerator}/{unit.denominator}", f"K:{tune.key}"]
    for part in _WHOLE.findall(body):
        found += [part] if part[0] in "![" and len(part) > 1 else list(part)
    return found


def tune_of(parts: Sequence[str]) -> Tune:
    """Return the tune that the fields and characters spell.

    Raises:
        DecodeError: they spell none.
    """
    try:
        rhythm, meter, unit, key = (parts[place] for place in range(4))
        told = tokens.tune_of([rhythm, meter, unit, key])
        found = parse_music("".join(parts[4:]), key=told.key, meter=told.meter, unit=tokens.UNIT_TOKENS[unit])
    except (IndexError, KeyError, ValueError) as error:
        raise DecodeError(f"the characters spell no tune ({error})") from error
    return Tune(found.music, told.key, told.meter, told.rhythm)


def prompt(asked: Asked, vocabulary_: Sequence[str]) -> Prompt:
    """Return where a model of characters begins.

    Raises:
        RequestError: something is asked for that it cannot promise.
    """
    if asked.bars or asked.gaps:
        what = "--bars" if asked.bars else "a * in the --prompt"
        raise RequestError(f"{what} needs a model of tokens; this one writes character by character")
    begin: list[str] = []
    if asked.beginning is not None:
        begin = characters_of(asked.beginning)
    elif asked.key or asked.meter or asked.rhythm is not None:
        if asked.key is None or asked.meter is None:
            raise RequestError("a model of characters needs --key and --meter together")
        unit = "1/16" if asked.meter != NO_METER and asked.meter.bar < 0.75 else "1/8"
        begin = [f"R:{asked.rhythm or ''}", f"M:{asked.meter}", f"L:{unit}", f"K:{asked.key}"]
    mask = np.ones(len(vocabulary_), np.bool_)
    mask[0] = False
    steps = np.array([vocabulary_.index(part) for part in begin], np.int32)
    return Prompt(Example(steps), Free(mask))
