import os
import random
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece
from seqforge_text import Text
from seqforge_text.near_duplicates import fingerprints

PROPERTY = settings(max_examples=80, deadline=None)


def random_words(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefghij", k=rng.randrange(2, 9))) for _ in range(count)]


def share_key(first: str, second: str) -> bool:
    return bool(set(fingerprints(first)) & set(fingerprints(second)))


@PROPERTY
@given(st.text(max_size=300))
def test_keys_have_64_bits_and_equal_texts_share_them(text: str) -> None:
    keys = fingerprints(text)
    assert keys and all(0 <= key < 2**64 for key in keys) and share_key(text, text)


@PROPERTY
@given(st.lists(st.sampled_from(["Anne", "bob", "c3", "ä"]), min_size=1, max_size=6))
def test_case_punctuation_and_spaces_are_ignored(words: list[str]) -> None:
    assert share_key(" ".join(words), "  " + ", ".join(words).upper() + "!\n")


def test_long_texts_with_a_changed_word_or_an_added_line_are_near_duplicates() -> None:
    for seed in range(20):
        words = random_words(300, seed)
        changed = [*words[:150], "other", *words[151:]]
        assert share_key(" ".join(words), " ".join(changed))
        assert share_key(" ".join(words), "A new title\n\n" + "\n".join(words))


def test_different_texts_share_no_key() -> None:
    long_texts = [" ".join(random_words(300, seed)) for seed in range(40)]
    short_texts = [" ".join(random_words(3, seed)) for seed in range(100, 300)]
    keys = [set(fingerprints(text)) for text in dict.fromkeys(long_texts + short_texts)]
    assert sum(map(len, keys)) == len(set().union(*keys))


def test_short_texts_are_compared_exactly() -> None:
    assert not share_key("O'Neal", "O'Neil") and share_key("O'Neal", "ONEAL")
    assert not share_key("?", "!") and not share_key("", " ")


def test_a_common_line_does_not_make_two_poems_near_duplicates() -> None:
    first, second = " ".join(random_words(300, 1)), " ".join(random_words(300, 2))
    assert not share_key(first + "\nsing ho", second + "\nsing ho")


def test_keys_are_the_same_in_every_process() -> None:
    script = "from seqforge_text.near_duplicates import fingerprints as f; print(f('a b'), f('word salad ' * 40 + 'x'))"
    outputs = {
        subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed},
                       capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_plugin_returns_the_same_keys() -> None:
    assert list(Text().fingerprints(Piece("some words"))) == fingerprints("some words")
