import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import Example, Piece
from seqforge_text import TextCodec, TextOptions
from seqforge_text.utf8 import COMPLETE, State, Utf8Constraint, decode_utf8, encode_utf8

CONSTRAINT = Utf8Constraint()


def allowed_bytes(state: State) -> set[int]:
    return {step - 1 for step in np.flatnonzero(CONSTRAINT.allowed(state)).tolist()}


def state_after(prefix: bytes) -> State:
    state: State = COMPLETE
    for byte in prefix:
        assert byte in allowed_bytes(state)
        state = CONSTRAINT.advance(state, byte + 1)  # type: ignore[assignment]
    return state


def test_constraint_allows_exactly_the_bytes_of_all_unicode_characters_except_nul() -> None:
    characters = [chr(code).encode() for code in range(1, 0x11_0000) if not 0xD800 <= code < 0xE000]
    next_bytes: dict[bytes, set[int]] = {}
    for character in characters:
        for length in range(len(character)):
            next_bytes.setdefault(character[:length], set()).add(character[length])
    assert len(next_bytes) > 16_000
    for prefix, expected in next_bytes.items():
        assert allowed_bytes(state_after(prefix)) == expected, prefix


def test_state_after_a_complete_character_is_complete() -> None:
    for code in [*range(1, 0x3000), 0xD7FF, *range(0xE000, 0x11_0000, 97), 0x10FFFF]:
        assert state_after(chr(code).encode()) == COMPLETE


@pytest.mark.parametrize("seed", range(5))
def test_random_allowed_steps_are_valid_utf8(seed: int) -> None:
    rng, codec = random.Random(seed), TextCodec.fit([Piece("")], TextOptions(level="byte"))
    state, steps = CONSTRAINT.start(), []
    for _ in range(600):
        steps.append(rng.choice(np.flatnonzero(CONSTRAINT.allowed(state)).tolist()))
        state = CONSTRAINT.advance(state, steps[-1])
    while not CONSTRAINT.may_end(state):
        distance = CONSTRAINT.to_end(state)
        steps.append(rng.choice(np.flatnonzero(CONSTRAINT.allowed(state)).tolist()))
        state = CONSTRAINT.advance(state, steps[-1])
        assert CONSTRAINT.to_end(state) == distance - 1
    raw = bytes(step - 1 for step in steps)
    assert codec.decode(Example(np.array(steps, np.uint16))).content == raw.decode("utf-8")
    assert CONSTRAINT.to_end(state) == 0


def test_unseen_step_is_never_allowed() -> None:
    assert not CONSTRAINT.allowed(COMPLETE)[0]
    assert not CONSTRAINT.allowed(state_after("é".encode()[:1]))[0]


@given(st.text(max_size=50))
def test_decode_reverses_encode(text: str) -> None:
    assert decode_utf8(encode_utf8(text).decode("latin-1")) == text


def test_unpaired_surrogates_and_invalid_bytes_become_the_replacement_character() -> None:
    assert encode_utf8("a\ud800") == "a\ufffd\ufffd\ufffd".encode()
    assert decode_utf8("\xff") == "\ufffd"
