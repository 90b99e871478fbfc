import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import UNSEEN, Example, OptionsError, Piece, RequestError
from seqforge_text import TextCodec, TextOptions, TextRequest
from seqforge_text.utf8 import Utf8Constraint

LEVELS = ("char", "byte", "word")
PROPERTY = settings(max_examples=100, deadline=None)

unusual = st.sampled_from(
    ["e\u0301", "\U0001f469\u200d\U0001f680", "\ufeff", "\u2028", "\x85", "\x0b", "\r\n", "\r", "  ", "_", "don't",
     "\u00a0x", "ß", "\u1e9e", "\ufffd", "\U0010ffff", "\u0301\u0301", " .", "...  ", "日本 語", "\t\t", "²", "\u200b"]
)  # fmt: skip
text = st.lists(st.one_of(st.text(max_size=12), unusual), max_size=6).map("".join)
levels = st.sampled_from(LEVELS)


def fitted(level: str, *texts: str) -> TextCodec:
    return TextCodec.fit([Piece(content) for content in texts], TextOptions(level=level))  # type: ignore[arg-type]


@PROPERTY
@given(levels, text)
def test_training_text_is_encoded_without_loss(level: str, content: str) -> None:
    codec, piece = fitted(level, content), Piece(content)
    example = codec.encode(piece)
    assert codec.canonical(piece).content == content
    assert codec.decode(example).content == content
    assert not example.dropped


@PROPERTY
@given(levels, st.lists(text, max_size=3), text)
def test_decode_of_encode_is_canonical_for_other_text(level: str, training: list[str], content: str) -> None:
    codec, piece = fitted(level, *training), Piece(content)
    assert codec.decode(codec.encode(piece)) == codec.canonical(piece)


@PROPERTY
@given(levels, st.lists(text, max_size=3), text)
def test_canonical_is_idempotent(level: str, training: list[str], content: str) -> None:
    codec = fitted(level, *training)
    canonical = codec.canonical(Piece(content))
    assert codec.canonical(canonical) == canonical


@PROPERTY
@given(st.lists(text, max_size=3), st.text(st.characters(categories=["L", "Cs", "Zs"]), max_size=8))
def test_unpaired_surrogates_are_replaced_at_byte_level(training: list[str], content: str) -> None:
    codec = fitted("byte", *training)
    assert codec.decode(codec.encode(Piece(content))) == codec.canonical(Piece(content))
    codec.canonical(Piece(content)).content.encode()


@PROPERTY
@given(levels, st.lists(text, max_size=3), text)
def test_units_sum_to_the_characters_of_the_canonical_text(level: str, training: list[str], content: str) -> None:
    codec = fitted(level, *training)
    steps = codec.encode(Piece(content)).steps
    assert codec.units(steps).sum() == len(codec.canonical(Piece(content)).content) == len(content)


@PROPERTY
@given(levels, st.lists(text, max_size=3), text)
def test_streamed_text_equals_decoded_text(level: str, training: list[str], content: str) -> None:
    codec = fitted(level, *training)
    steps = codec.encode(Piece(content)).steps
    add = codec.stream()
    assert "".join(add(step) for step in steps) == codec.decode(Example(steps)).content


@PROPERTY
@given(levels, st.lists(text, max_size=3), text)
def test_codec_from_state_encodes_the_same(level: str, training: list[str], content: str) -> None:
    codec = fitted(level, *training)
    data, arrays = codec.state()
    restored = TextCodec.from_state(json.loads(json.dumps(data)), arrays, codec.options)
    assert restored.encode(Piece(content)).steps.tolist() == codec.encode(Piece(content)).steps.tolist()
    assert restored.space == codec.space


@PROPERTY
@given(st.lists(text, max_size=3), text)
def test_unknown_characters_are_counted(training: list[str], content: str) -> None:
    known = set().union(*training)
    assert fitted("char", *training).encode(Piece(content)).dropped == {
        character: content.count(character) for character in set(content) - known - {UNSEEN}
    }


@PROPERTY
@given(st.lists(text, max_size=2), text)
def test_byte_level_encodes_every_text_without_loss(training: list[str], content: str) -> None:
    codec = fitted("byte", *training)
    example = codec.encode(Piece(content))
    assert not example.dropped and codec.space.size == 257
    assert codec.decode(example).content == content


def test_unknown_words_are_spelt_with_known_characters() -> None:
    codec = fitted("word", "the cat sat on the mat, the cat sat on the mat")
    assert " the" in codec.vocabulary and " sat" in codec.vocabulary and " chat" not in codec.vocabulary
    piece = Piece("mat chat, ten hats")
    assert codec.canonical(piece).content == piece.content == codec.decode(codec.encode(piece)).content
    assert codec.encode(Piece("the dog")).dropped == {"d": 1, "g": 1}


@given(limit=st.integers(1, 6))
def test_most_frequent_words_are_known_and_others_are_spelt(limit: int) -> None:
    text = "".join(f" {word}" * (9 - number) for number, word in enumerate(("aa", "bb", "cc", "dd", "ee", "ff")))
    options = TextOptions(level="word", max_vocabulary=limit)
    codec = TextCodec.fit([Piece(text)], options)
    words = [token for token in codec.vocabulary if len(token) == 3]
    assert words == [" aa", " bb", " cc", " dd", " ee", " ff"][:limit]
    assert codec.decode(codec.encode(Piece(text))).content == text


@pytest.mark.parametrize("limit", [0, -1, 1_000_001])
def test_limit_of_the_vocabulary_out_of_range(limit: int) -> None:
    with pytest.raises(OptionsError) as caught:
        TextOptions(level="word", max_vocabulary=limit)
    assert caught.value.field == "max_vocabulary"


def test_words_include_the_space_before_them() -> None:
    codec = fitted("word", "to be, or not")
    assert codec.tokenise("to be, or") == ["to", " be", ",", " or"]
    assert codec.tokenise("a  b\n\n c!?") == ["a", " ", " b", "\n", "\n", " c", "!?"]


@PROPERTY
@given(text)
def test_words_concatenate_to_the_text(content: str) -> None:
    assert "".join(fitted("word").tokenise(content)) == content


# -- prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_prompt_is_used_literally(level: str) -> None:
    codec = fitted(level, "ROMEO: what\\n light\n")
    (prompt,) = codec.task(TextRequest(prompt="ROMEO:\\n")).prompts
    assert codec.decode(prompt.example).content == "ROMEO:\\n" and prompt.keep is None


@pytest.mark.parametrize("level", LEVELS)
def test_default_request_has_an_empty_prompt(level: str) -> None:
    (prompt,) = fitted(level, "abc").task(TextRequest()).prompts
    assert len(prompt.example.steps) == 0


@pytest.mark.parametrize("level", LEVELS)
def test_unseen_token_is_never_generated(level: str) -> None:
    (prompt,) = fitted(level, "some text").task(TextRequest()).prompts
    assert prompt.constraint is not None
    assert isinstance(prompt.constraint, Utf8Constraint) == (level == "byte")
    assert not prompt.constraint.allowed(prompt.constraint.start())[0]


def test_prompt_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_bytes(b"\xef\xbb\xbfabc\n")
    codec = fitted("char", "abc\n")
    (prompt,) = codec.task(TextRequest(prompt_file=tmp_path / "prompt.txt")).prompts
    assert codec.decode(prompt.example).content == "abc\n"


def test_prompt_and_prompt_file_together_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="`prompt` and `prompt_file`") as caught:
        fitted("char", "abc").task(TextRequest(prompt="a", prompt_file=tmp_path / "prompt.txt"))
    assert caught.value.field == "prompt_file"


@pytest.mark.parametrize(("data", "reason"), [(None, "No such file"), (b"\xff", "iconv")])
def test_unreadable_prompt_file_is_an_error(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "prompt.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(RequestError, match=reason) as caught:
        fitted("char", "abc").task(TextRequest(prompt_file=path))
    assert (caught.value.field, caught.value.value) == ("prompt_file", path) and str(path) in str(caught.value)


def test_prompt_with_more_than_a_million_characters_is_an_error() -> None:
    with pytest.raises(RequestError, match=r"1,000,001 characters") as caught:
        fitted("char", "a").task(TextRequest(prompt="a" * 1_000_001))
    assert caught.value.field == "prompt" and "1,000,000" in caught.value.allowed


def test_prompt_with_an_unknown_character_is_an_error() -> None:
    with pytest.raises(RequestError) as caught:
        fitted("char", "abc").task(TextRequest(prompt="abcd"))
    assert (caught.value.field, caught.value.value) == ("prompt", "abcd")
