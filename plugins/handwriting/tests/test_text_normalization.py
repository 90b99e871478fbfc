import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import RequestError
from seqforge_handwriting.text_normalization import (
    MAX_CHARACTERS,
    NormalizedText,
    describe_character,
    find_unknown_characters,
    normalize_text,
    validate_characters,
)


def test_typographic_characters_are_replaced_and_reported() -> None:
    normalized = normalize_text("\u201cIt\u2019s \u2014 so\u2026\u201d\u00a0he said\u00ad\r\n\tno ")
    assert normalized.text == '"It\'s - so..." he said\n no'
    assert ("\u2014", "-", 1) in normalized.replacements
    assert normalized.summary.endswith('\u201c by ", \u2019 by \', \u2014 by -, \u2026 by ..., \u201d by "')


def test_replaced_white_space_is_not_reported() -> None:
    assert normalize_text("plain text").summary == "" and normalize_text("a\tb").summary == ""


@given(st.text(max_size=60).filter(lambda text: any(letter.isalpha() for letter in text)))
def test_normalization_is_idempotent(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once.text) == NormalizedText(once.text)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b\ufeff"])
def test_empty_text_raises(text: str) -> None:
    with pytest.raises(RequestError, match="empty") as caught:
        normalize_text(text)
    assert caught.value.field == "text"


def test_text_that_is_too_long_raises() -> None:
    with pytest.raises(RequestError, match=r"`text_file` \(letter\.txt\) has 1,000,000 characters") as caught:
        normalize_text("a" * 1_000_000, field="text_file", source="letter.txt")
    assert caught.value.field == "text_file" and "20,000" in caught.value.allowed
    assert len(normalize_text("a" * MAX_CHARACTERS).text) == MAX_CHARACTERS


COUNTS = {"a": 100, "e": 50, "z": 3, " ": 900}


def test_unknown_and_rare_characters_are_listed() -> None:
    assert find_unknown_characters("a z\u00e9\n\U0001f600", COUNTS) == (["\u00e9", "\U0001f600"], ["z"])


def test_unknown_characters_raise() -> None:
    validate_characters("a e", COUNTS)
    with pytest.raises(RequestError) as caught:
        validate_characters("\u00e9\U0001f600 a", COUNTS)
    message = str(caught.value)
    assert "'\u00e9' (latin small letter e with acute)" in message and "(grinning face)" in message
    assert "e for \u00e9" in message and caught.value.allowed == "aez" and message.endswith("aez")


def test_rare_characters_raise_unless_they_are_allowed() -> None:
    with pytest.raises(RequestError, match=r"z \(3\)") as caught:
        validate_characters("az", COUNTS)
    assert caught.value.allowed == "ae"
    validate_characters("az", COUNTS, allow_rare=True)


def test_characters_without_a_name_are_described_by_their_code() -> None:
    assert describe_character("\ue000") == "'\\ue000' (U+E000)"
