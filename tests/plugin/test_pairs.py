"""PairCodec: two vocabularies, the round trip of pairs, and what a request may contain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import UNSEEN, DecodeError, Example, NoOptions, NoRequest, PairCodec, Piece, RequestError, Task

Words = tuple[str, str]


class Spelling(PairCodec[Words, NoOptions, NoRequest]):
    """The letters of a word as the source of the letters of another one."""

    def tokenise_source(self, content: Words) -> Sequence[str]:
        return list(content[0])

    def tokenise(self, content: Words) -> Sequence[str]:
        return list(content[1])

    def join(self, source: Sequence[str], target: Sequence[str]) -> Words:
        return "".join(source), "".join(target)

    def task(self, request: NoRequest) -> Task[Words]:
        return Task([self.prompt(("ox", ""))])


TRAINING = [Piece(("ox", "oxen"), {"kind": "animal"}), Piece(("box", "boxes"))]
CODEC = Spelling.fit(iter(TRAINING), NoOptions())
PIECES = st.tuples(st.text("boxyz", max_size=6), st.text("boxensy", max_size=6)).map(Piece)


def test_both_vocabularies_are_fitted_in_one_pass() -> None:
    assert CODEC.source_vocabulary == (UNSEEN, *"box")
    assert CODEC.vocabulary == (UNSEEN, *sorted("boxens"))
    assert CODEC.labels == {"kind": ("animal",)} and CODEC.never_generated == (0,)


@settings(deadline=None)
@given(PIECES)
def test_decode_of_encode_is_canonical_and_what_is_unknown_is_counted(piece: Piece[Words]) -> None:
    example = CODEC.encode(piece)
    canonical = CODEC.canonical(piece)
    assert CODEC.decode(example) == canonical == CODEC.canonical(canonical)
    unknown = [letter for letter in piece.content[0] if letter not in "box"]
    unknown += [letter for letter in piece.content[1] if letter not in "boxens"]
    assert sum(example.dropped.values()) == len(unknown) and set(example.dropped) == set(unknown)
    assert (canonical == piece) == (not unknown)


def test_codec_from_state_encodes_equally() -> None:
    data, arrays = CODEC.state()
    copy = Spelling.from_state(data, arrays, NoOptions())
    assert copy.source_vocabulary == CODEC.source_vocabulary and copy.vocabulary == CODEC.vocabulary
    assert copy.space == CODEC.space and copy.source == CODEC.source and copy.labels == CODEC.labels


@pytest.mark.parametrize(
    "change",
    [{"source_vocabulary": [1]}, {"source_vocabulary": ["a", "a"]}, {"source_vocabulary": None}, {"vocabulary": [1]}],
)
def test_damaged_state_is_an_error(change: dict[str, Any]) -> None:
    data, arrays = CODEC.state()
    with pytest.raises((ValueError, TypeError)):
        Spelling.from_state({**data, **change}, arrays, NoOptions())


def test_prompt_has_the_source_and_the_start_of_the_target() -> None:
    prompt = CODEC.prompt(("box", "bo"))
    assert prompt.example.source is not None and not prompt.whole_source
    assert CODEC.source_names(prompt.example.source) == list("box")
    assert CODEC.decode(prompt.example).content == ("box", "bo")
    constraint = CODEC.constraint()
    assert CODEC.prompt(("box", ""), constraint).constraint is constraint


@pytest.mark.parametrize("content", [("cow", ""), ("box", "q"), None])
def test_prompt_without_a_known_source_is_an_error(content: Words | None) -> None:
    with pytest.raises(RequestError):
        CODEC.prompt(content)


@pytest.mark.parametrize("example", [Example(np.zeros(1, np.uint8)), Example(np.zeros(1, np.uint8), np.array([99]))])
def test_example_without_a_valid_source_does_not_decode(example: Example) -> None:
    with pytest.raises(DecodeError):
        CODEC.decode(example)
