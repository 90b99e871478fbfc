import io

import pytest

from seqforge_abc.reader import read_tunes
from seqforge_abc.tune_reader import voice_order

HEAD = "X:1\nM:4/4\nL:1/8\n"


def tune(text):
    [(tune, _)] = read_tunes(io.BytesIO(text.encode()))
    return tune


def pitches(text):
    return " ".join("".join(map(str, note.pitches)) or "z" for note in tune(text).notes())


def test_the_first_voice_of_the_score_is_read():
    text = HEAD + "%%score 1 2\nK:C\nV:2\nC8|\nV:1\nc4d4|\nV:2\nD8|]\n"
    assert pitches(text) == "=c =d"
    assert pitches(text.replace("%%score 1 2", "%%staves {2 1}")) == "=C =D"
    assert pitches(text.replace("%%score 1 2\n", "")) == "=C =D"
    assert pitches(text.replace("%%score 1 2\n", "").replace("K:C", "K:C\n%%score 1 2")) == "=c =d"
    assert tune(text).losses == {"additional voices": 1}


def test_the_voices_of_the_header_have_its_order():
    assert pitches(HEAD + "V:1 name=A\nV:2\nK:C\n[V:2]C8|\n[V:1]c4d4|\n") == "=c =d"


def test_a_voice_without_a_note_is_passed_over():
    text = HEAD + "K:C\nV:1\nz8|z8|\nV:2\nCDEF GABc|c8|\n"
    assert pitches(text) == "=C =D =E =F =G =A =B =c =c"
    assert not tune(text).losses


def test_fields_before_the_first_voice_belong_to_all_voices_and_others_to_one():
    text = HEAD + "K:C\nK:D\nV:1\nf4[K:C]f4|\nV:2\nf8|\n"
    assert pitches(text) == "^f =f"
    assert pitches(text.replace("L:1/8", "L:1/8\n%%score 2 1")) == "^f"


def test_music_before_the_first_voice_is_a_voice():
    assert pitches(HEAD + "K:C\nc4d4|\nV:2\nC8|\n") == "=c =d"


def test_an_error_in_a_voice_that_is_not_read_is_no_error():
    assert pitches(HEAD + "K:C\nV:1\nc8|\nV:2\nA0|\n") == "=c"
    [error] = read_tunes(io.BytesIO((HEAD + "K:C\nV:1\nc0|\nV:2\nA8|\n").encode()))
    assert "0 whole notes" in error.reason


@pytest.mark.parametrize("score", ["1 2", "(1 2)", "[1 | 2]", "{(1) 2}  % piano", "1*2"])
def test_scores_name_voices_with_brackets_and_bars(score):
    assert voice_order(score) == ["1", "2"]
