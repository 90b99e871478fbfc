import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import UNSEEN, Example, Piece, RequestError
from seqforge_text import Text
from seqforge_text.codec import Bytes, TextCodec
from seqforge_text.plugin import Options, Request
from seqforge_text.utf8 import Utf8

LEVELS = ("char", "byte", "word")
LAW = settings(max_examples=100, deadline=None)

awkward = st.sampled_from(
    ["e\u0301", "\U0001f469\u200d\U0001f680", "\ufeff", "\u2028", "\x85", "\x0b", "\r\n", "\r", "  ", "_", "don't",
     "\u00a0x", "ß", "\u1e9e", "\ufffd", "\U0010ffff", "\u0301\u0301", " .", "...  ", "日本 語", "\t\t", "²", "\u200b"]
)  # fmt: skip
text = st.lists(st.one_of(st.text(max_size=12), awkward), max_size=6).map("".join)
level = st.sampled_from(LEVELS)


def fitted(at: str, *texts: str) -> TextCodec:
    codec = Text().fit([Piece(each) for each in texts], Options(level=at))  # type: ignore[arg-type]
    assert isinstance(codec, TextCodec)
    return codec


@LAW
@given(level, text)
def test_nothing_is_lost_of_a_text_that_the_codec_was_fitted_on(at: str, content: str) -> None:
    codec = fitted(at, content)
    piece = Piece(content)
    assert codec.canonical(piece).content == content
    assert codec.decode(codec.encode(piece)).content == content
    assert not codec.unseen(piece)


@LAW
@given(level, st.lists(text, max_size=3), text)
def test_decode_of_encode_is_canonical_on_another_text(at: str, seen: list[str], content: str) -> None:
    codec = fitted(at, *seen)
    piece = Piece(content)
    assert codec.decode(codec.encode(piece)) == codec.canonical(piece)


@LAW
@given(level, st.lists(text, max_size=3), text)
def test_canonical_is_idempotent(at: str, seen: list[str], content: str) -> None:
    codec = fitted(at, *seen)
    once = codec.canonical(Piece(content))
    assert codec.canonical(once) == once


@LAW
@given(st.lists(text, max_size=3), st.text(st.characters(categories=["L", "Cs", "Zs"]), max_size=8))
def test_half_a_surrogate_pair_does_no_harm_at_byte_level(seen: list[str], content: str) -> None:
    codec = fitted("byte", *seen)
    assert codec.decode(codec.encode(Piece(content))) == codec.canonical(Piece(content))
    codec.canonical(Piece(content)).content.encode()


@LAW
@given(level, st.lists(text, max_size=3), text)
def test_units_sum_to_the_characters_of_what_comes_back(at: str, seen: list[str], content: str) -> None:
    codec = fitted(at, *seen)
    steps = codec.encode(Piece(content)).steps
    assert codec.units(steps).sum() == len(codec.canonical(Piece(content)).content) == len(content)


@LAW
@given(level, st.lists(text, max_size=3), text)
def test_what_streams_is_what_is_decoded(at: str, seen: list[str], content: str) -> None:
    codec = fitted(at, *seen)
    steps = codec.encode(Piece(content)).steps
    add = codec.stream()
    assert "".join(add(step) for step in steps) == codec.decode(Example(steps)).content


@LAW
@given(level, st.lists(text, max_size=3), text)
def test_a_codec_from_json_encodes_the_same(at: str, seen: list[str], content: str) -> None:
    codec = fitted(at, *seen)
    data = json.loads(json.dumps(codec.to_json()))
    again = TextCodec.from_json(data, {}, Options(level=at))  # type: ignore[arg-type]
    assert again.encode(Piece(content)).steps.tolist() == codec.encode(Piece(content)).steps.tolist()
    assert again.space == codec.space


@LAW
@given(st.lists(text, max_size=3), text)
def test_unseen_characters_are_counted(seen: list[str], content: str) -> None:
    known = set().union(*seen)
    codec = fitted("char", *seen)
    assert dict(codec.unseen(Piece(content))) == {
        letter: content.count(letter) for letter in set(content) - known - {UNSEEN}
    }


@LAW
@given(st.lists(text, max_size=2), text)
def test_bytes_know_every_text(seen: list[str], content: str) -> None:
    codec = fitted("byte", *seen)
    assert not codec.unseen(Piece(content)) and codec.space.size == 257
    assert codec.decode(codec.encode(Piece(content))).content == content


def test_an_unknown_word_of_known_letters_loses_nothing() -> None:
    codec = fitted("word", "the cat sat on the mat, the cat sat on the mat")
    assert " the" in codec.vocabulary and " sat" in codec.vocabulary
    piece = Piece("mat chat, ten hats")
    assert " chat" not in codec.vocabulary
    assert codec.canonical(piece).content == piece.content == codec.decode(codec.encode(piece)).content
    assert codec.unseen(Piece("the dog")) == {"d": 1, "g": 1}


def test_a_word_level_vocabulary_keeps_the_space_with_the_word() -> None:
    codec = fitted("word", "to be, or not")
    assert codec.tokenise("to be, or") == ["to", " be", ",", " or"]
    assert codec.tokenise("a  b\n\n c!?") == ["a", " ", " b", "\n", "\n", " c", "!?"]


@LAW
@given(text)
def test_words_and_signs_and_spaces_make_up_the_whole_text(content: str) -> None:
    assert "".join(fitted("word").tokenise(content)) == content


# -- UTF-8 ----------------------------------------------------------------------------------------


def state_after(prefix: bytes) -> object:
    state: object = Utf8.START
    for byte in prefix:
        assert Utf8.allowed(state)[byte]  # type: ignore[arg-type]
        state = Utf8.advance(state, byte)  # type: ignore[arg-type]
    return state


def test_the_automaton_allows_exactly_the_bytes_of_all_of_unicode_but_nul() -> None:
    characters = [chr(code).encode() for code in range(1, 0x11_0000) if not 0xD800 <= code < 0xE000]
    following: dict[bytes, set[int]] = {}
    for character in characters:
        for length in range(len(character)):
            following.setdefault(character[:length], set()).add(character[length])
    assert len(following) > 16_000
    for prefix, wanted in following.items():
        mask = Utf8.allowed(state_after(prefix))  # type: ignore[arg-type]
        assert set(np.flatnonzero(mask).tolist()) == wanted, prefix


@pytest.mark.parametrize("seed", range(5))
def test_a_random_walk_through_the_byte_constraint_is_always_utf8(seed: int) -> None:
    rng, constraint, codec = random.Random(seed), Bytes(257), fitted("byte", "")
    state, steps = constraint.start(), []
    for _ in range(600):
        steps.append(rng.choice(np.flatnonzero(constraint.allowed(state)).tolist()))
        state = constraint.advance(state, steps[-1])
    while not constraint.may_end(state):
        before = constraint.to_end(state)
        steps.append(rng.choice(np.flatnonzero(constraint.allowed(state)).tolist()))
        state = constraint.advance(state, steps[-1])
        assert constraint.to_end(state) == before - 1
    raw = bytes(step - 1 for step in steps)
    assert codec.decode(Example(np.array(steps, np.uint16))).content == raw.decode("utf-8")
    assert constraint.to_end(state) == 0


def test_every_character_of_unicode_is_allowed_by_the_byte_constraint() -> None:
    for code in [*range(1, 0x3000), 0xD7FF, *range(0xE000, 0x11_0000, 97), 0x10FFFF]:
        assert state_after(chr(code).encode()) == Utf8.START


def test_the_step_that_stands_for_nothing_is_never_allowed() -> None:
    assert not Bytes(257).allowed(Utf8.START)[0]
    for at in LEVELS:
        prompt = fitted(at, "some text").prompts(Request())[0]
        assert prompt.constraint is not None
        assert not prompt.constraint.allowed(prompt.constraint.start())[0]


# -- prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", LEVELS)
def test_a_prompt_is_taken_literally(at: str) -> None:
    codec = fitted(at, "ROMEO: what\\n light\n")
    prompt = codec.prompts(Request(prompt="ROMEO:\\n"))[0]
    assert codec.decode(prompt.example).content == "ROMEO:\\n" and prompt.keep is None


@pytest.mark.parametrize("at", LEVELS)
def test_no_prompt_starts_from_nothing(at: str) -> None:
    assert len(fitted(at, "abc").prompts(Request())[0].example.steps) == 0


def test_a_prompt_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xef\xbb\xbfabc\n")
    codec = fitted("char", "abc\n")
    assert codec.decode(codec.prompts(Request(prompt_file=tmp_path / "p.txt"))[0].example).content == "abc\n"


def test_prompt_and_prompt_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--prompt and --prompt-file are both given"):
        fitted("char", "abc").prompts(Request(prompt="a", prompt_file=tmp_path / "p"))


@pytest.mark.parametrize(("data", "told"), [(None, "No such file"), (b"\xff", "no UTF-8 text; convert it")])
def test_a_prompt_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, data: bytes | None, told: str) -> None:
    if data is not None:
        (tmp_path / "p.txt").write_bytes(data)
    with pytest.raises(RequestError, match=told):
        fitted("char", "abc").prompts(Request(prompt_file=tmp_path / "p.txt"))


def test_a_prompt_longer_than_a_million_characters_is_refused() -> None:
    with pytest.raises(RequestError, match=r"1,000,001 characters; 1,000,000 are allowed"):
        fitted("char", "a").prompts(Request(prompt="a" * 1_000_001))
