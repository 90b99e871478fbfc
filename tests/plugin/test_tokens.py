import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import UNSEEN, DecodeError, Example, NoOptions, NoRequest, Piece, RequestError, TokenCodec

LAW = settings(max_examples=80, deadline=None)


class Words(TokenCodec):
    """Lists of words; a word that is unknown and longer than one letter is spelt with letters."""

    max_vocabulary = 12

    def tokenise(self, content: Any) -> Sequence[str]:
        return list(content)

    def detokenise(self, tokens: Sequence[str]) -> Any:
        return tuple(tokens)

    def spell(self, token: str) -> Sequence[str]:
        return tuple(token) if len(token) > 1 else ()

    def token_units(self, token: str) -> float:
        return float(len(token))

    def canonical(self, piece: Piece) -> Piece:
        parts = [p for word in piece.content for p in ([word] if word in self.index else list(word))]
        return Piece(tuple(p if p in self.index else UNSEEN for p in parts), super().canonical(piece).labels)


word = st.text(alphabet="abcde", min_size=1, max_size=3)
content = st.lists(word, max_size=12).map(tuple)
labelled = st.builds(Piece, content, st.dictionaries(st.sampled_from(["key", "form"]), st.sampled_from("xyz")))


def fit(pieces: list[Piece]) -> Words:
    return Words.fit(pieces, NoOptions())


@LAW
@given(st.lists(labelled, max_size=6), labelled)
def test_decode_of_encode_is_canonical(pieces: list[Piece], piece: Piece) -> None:
    codec = fit(pieces)
    assert codec.decode(codec.encode(piece)) == codec.canonical(piece)


@LAW
@given(st.lists(labelled, max_size=6), labelled)
def test_canonical_is_idempotent(pieces: list[Piece], piece: Piece) -> None:
    codec = fit(pieces)
    once = codec.canonical(piece)
    assert codec.canonical(once) == once


@LAW
@given(st.lists(labelled, max_size=6), labelled)
def test_codec_from_state_encodes_equally(pieces: list[Piece], piece: Piece) -> None:
    codec = fit(pieces)
    again = Words.from_state(json.loads(json.dumps(codec.state()[0])), {}, NoOptions())
    first, second = codec.encode(piece), again.encode(piece)
    assert first.steps.tobytes() == second.steps.tobytes() and first.steps.dtype == second.steps.dtype
    assert first.labels == second.labels and codec.labels == again.labels and codec.space == again.space


@LAW
@given(st.lists(labelled, min_size=1, max_size=6))
def test_units_of_steps_sum_to_units_of_piece(pieces: list[Piece]) -> None:
    codec = fit(pieces)
    for piece in pieces:
        assert codec.units(codec.encode(piece).steps).sum() == sum(map(len, piece.content))


@LAW
@given(st.lists(labelled, max_size=6), labelled)
def test_dropped_counts_replaced_steps(pieces: list[Piece], piece: Piece) -> None:
    codec = fit(pieces)
    example = codec.encode(piece)
    assert sum(example.dropped.values()) == int((example.steps == 0).sum())
    assert not set(example.dropped) & set(codec.vocabulary)


@LAW
@given(st.lists(labelled, min_size=2, max_size=6))
def test_codec_does_not_depend_on_order_of_pieces(pieces: list[Piece]) -> None:
    assert fit(pieces).state() == fit(pieces[::-1]).state()


def test_codec_does_not_depend_on_hash_seed() -> None:
    script = """
from seqforge import NoOptions, Piece, TokenCodec
class Words(TokenCodec):
    def tokenise(self, content): return content.split()
    def detokenise(self, tokens): return " ".join(tokens)
pieces = [Piece("one two three four five six", {"a": "x"}), Piece("three one seven", {"a": "y", "b": "z"})]
codec = Words.fit(pieces, NoOptions())
print(codec.state(), codec.encode(pieces[1]).steps.tolist())
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(outputs) == 1 and "seven" in outputs.pop()


def test_unknown_word_is_spelt_and_unknown_letter_is_replaced() -> None:
    codec = fit([Piece(("ab", "ab", "c"))])
    assert codec.decode(codec.encode(Piece(("ab", "cab", "abz")))).content == (
        "ab", "c", "a", "b", "a", "b", UNSEEN,
    )  # fmt: skip
    assert codec.encode(Piece(("abz", "z"))).dropped == {"z": 2}


def test_full_vocabulary_has_letters_of_all_training_words() -> None:
    words = [f"{a}{b}" for a in "abcde" for b in "abcde"]
    codec = fit([Piece(tuple(words))])
    assert set("abcde") <= set(codec.vocabulary)
    assert len([token for token in codec.vocabulary if len(token) > 1 and token != UNSEEN]) <= 12


def test_max_vocabulary_keeps_the_most_frequent_tokens() -> None:
    class Few(Words):
        max_vocabulary = 2

        def spell(self, token: str) -> Sequence[str]:
            return ()

    codec = Few.fit([Piece(("rare", "often", "often", "mid", "mid", "often"))], NoOptions())
    assert codec.vocabulary == (UNSEEN, "mid", "often")
    assert codec.space.size == 3


def test_min_count_leaves_rare_tokens_out() -> None:
    class Twice(Words):
        min_count = 2

        def spell(self, token: str) -> Sequence[str]:
            return ()

    assert Twice.fit([Piece(("a", "b", "b"))], NoOptions()).vocabulary == (UNSEEN, "b")


def test_labels_are_those_of_training_pieces() -> None:
    codec = fit([Piece((), {"key": "D"}), Piece((), {"key": "A", "form": "jig"})])
    assert codec.labels == {"form": ("jig",), "key": ("A", "D")}
    example = codec.encode(Piece((), {"key": "A", "form": "waltz", "by": "me"}))
    assert example.labels == {"key": "A"}


def test_unseen_in_training_pieces_is_step_0() -> None:
    codec = fit([Piece(("a", UNSEEN))])
    assert codec.vocabulary == (UNSEEN, "a")
    assert codec.encode(Piece((UNSEEN, "a"))).steps.tolist() == [0, 1]


def test_unseen_is_never_generated() -> None:
    codec = fit([Piece(("a", "b"))])
    mask = codec.constraint().allowed(0)
    assert mask.tolist() == [False, True, True]
    prompt = codec.task(NoRequest()).prompts[0]
    assert len(prompt.example.steps) == 0 and prompt.constraint is not None


def test_prompt_with_unknown_token_is_an_error() -> None:
    codec = fit([Piece(("a", "b"))])
    assert codec.prompt(("b", "a")).example.steps.tolist() == [2, 1]
    with pytest.raises(RequestError, match="'z'") as caught:
        codec.prompt(("a", "z"))
    assert (caught.value.field, caught.value.value) == ("prompt", ("a", "z"))


def test_steps_outside_the_vocabulary_are_an_error() -> None:
    codec = fit([Piece(("a", "b"))])
    with pytest.raises(DecodeError, match="must be from 0 to 2"):
        codec.decode(Example(np.array([0, 3], np.uint8)))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"vocabulary": ["a"]},
        {"vocabulary": ["a", 3], "labels": {}},
        {"vocabulary": ["a", "a"], "labels": {}},
        {"vocabulary": None, "labels": {}},
    ],
)
def test_invalid_state_is_an_error(data: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Words.from_state(data, {}, NoOptions())
