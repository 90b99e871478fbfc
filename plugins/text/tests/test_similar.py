import os
import random
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece
from seqforge_text import Text
from seqforge_text.similar import fingerprints

LAW = settings(max_examples=80, deadline=None)


def prose(words: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefghij", k=rng.randrange(2, 9))) for _ in range(words)]


def alike(one: str, other: str) -> bool:
    return bool(set(fingerprints(one)) & set(fingerprints(other)))


@LAW
@given(st.text(max_size=300))
def test_a_text_has_keys_of_64_bits_and_shares_them_with_itself(text: str) -> None:
    keys = fingerprints(text)
    assert keys and all(0 <= key < 2**64 for key in keys) and alike(text, text)


@LAW
@given(st.lists(st.sampled_from(["Anne", "bob", "c3", "ä"]), min_size=1, max_size=6))
def test_case_signs_and_spaces_make_no_difference(words: list[str]) -> None:
    assert alike(" ".join(words), "  " + ", ".join(words).upper() + "!\n")


def test_long_texts_with_a_changed_word_or_an_added_line_are_near_duplicates() -> None:
    for seed in range(20):
        words = prose(300, seed)
        changed = [*words[:150], "other", *words[151:]]
        assert alike(" ".join(words), " ".join(changed))
        assert alike(" ".join(words), "A title of its own\n\n" + "\n".join(words))


def test_different_texts_share_no_key() -> None:
    long = [" ".join(prose(300, seed)) for seed in range(40)]
    short = [" ".join(prose(3, seed)) for seed in range(100, 300)]
    keys = [set(fingerprints(text)) for text in dict.fromkeys(long + short)]
    assert sum(map(len, keys)) == len(set().union(*keys))


def test_short_texts_are_told_apart_exactly() -> None:
    assert not alike("O'Neal", "O'Neil") and alike("O'Neal", "ONEAL")
    assert not alike("?", "!") and not alike("", " ")


def test_a_poem_s_repeated_line_does_not_join_two_poems() -> None:
    first, second = " ".join(prose(300, 1)), " ".join(prose(300, 2))
    assert not alike(first + "\nsing ho", second + "\nsing ho")


def test_keys_do_not_depend_on_the_process() -> None:
    script = "from seqforge_text.similar import fingerprints as f; print(f('a b c'), f('word salad ' * 40 + 'x'))"
    said = {
        subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed},
                       capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_the_plugin_hands_them_on() -> None:
    assert list(Text().fingerprints(Piece("some words"))) == fingerprints("some words")
