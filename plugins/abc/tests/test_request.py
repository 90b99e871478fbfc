from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from seqforge import Piece, RequestError
from seqforge_abc import AbcCodec, AbcOptions, AbcRequest
from seqforge_abc.music_parser import parse_music
from seqforge_abc.request import Gap, parse_request
from seqforge_abc.theory import Key, Meter

CODEC = AbcCodec.fit([], AbcOptions())
VOCABULARY = CODEC.vocabulary


def prompt_tokens(**fields: Any) -> list[str]:
    [prompt] = CODEC.task(AbcRequest(**fields)).prompts
    return [VOCABULARY[step] for step in prompt.example.steps]


def test_the_example_of_a_prompt_contains_its_tokens() -> None:
    tokens = prompt_tokens(prompt="|:DED F2A|", key="D", meter="6/8", rhythm="jig")
    assert tokens == ["R:jig", "M:6/8", "L:1/8", "K:D", "|:", "=D", "=E", "=D", "*2", "^F", "=A", "|1"]


def test_requested_header_fields_are_forced_and_others_free() -> None:
    [prompt] = CODEC.task(AbcRequest(key="F#m", meter="C|")).prompts
    constraint = prompt.constraint
    assert constraint is not None and len(prompt.example.steps) == 0
    state, choices = constraint.start(), []
    for _ in range(4):
        choices.append([VOCABULARY[step] for step in np.flatnonzero(constraint.allowed(state))])
        state = constraint.advance(state, CODEC.index[choices[-1][0]])
    rhythms, meters, units, keys = choices
    assert len(rhythms) > 20 and meters == ["M:2/2"] and len(units) > 2 and keys == ["K:F#m"]


def test_gaps_are_rests_in_the_parsed_prompt() -> None:
    request = parse_request(AbcRequest(prompt="DED F2A|*2|d6|", key="D", meter="6/8"), CODEC.rhythms)
    assert request.prompt is not None
    assert request.gaps == (Gap(6, 2),)
    assert request.prompt.notes()[5].pitches == () and request.prompt.notes()[5].duration == Fraction(1, 8)


def test_finish_sets_the_title() -> None:
    task = CODEC.task(AbcRequest(title="The Kesh"))
    tune = parse_music("DEF A3|]", key=Key(2), meter=Meter(6, 8))
    assert task.finish([Piece(tune)]).content.title == "The Kesh"


@pytest.mark.parametrize(
    ("fields", "field", "fragment"),
    [
        ({"key": "H"}, "key", "F#m, Edor"),
        ({"meter": "6"}, "meter", "6/8"),
        ({"rhythm": "real"}, "rhythm", "Did you mean 'reel'"),
        ({"bars": -1}, "bars", "from 0 to 1000"),
        ({"prompt": "DED", "key": "D"}, "meter", "set `key` and `meter`"),
        ({"prompt": "DED", "meter": "6/8"}, "key", "set `key` and `meter`"),
        ({"prompt": "hello, world; 42%", "key": "D", "meter": "6/8"}, "prompt", "not ABC"),
        ({"prompt": "DED F2A B|", "key": "D", "meter": "6/8"}, "prompt", "bar 1, "),
        ({"prompt": "DEF|" * 9000, "key": "D", "meter": "3/8"}, "prompt", "36,000 characters"),
    ],
)
def test_invalid_requests_raise_request_error(fields: dict[str, Any], field: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        CODEC.task(AbcRequest(**fields))
    assert caught.value.field == field
    assert fragment in str(caught.value) and "\n" not in str(caught.value)
