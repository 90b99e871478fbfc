"""What programs disagree about is told; a real tune without it, whose bars add up, may be generated."""

from pathlib import Path

import pytest

import seqforge_corpora
from seqforge import Piece
from seqforge_abc import Abc, AbcCodec, Options
from seqforge_abc.automaton import Automaton
from seqforge_abc.disputed import disputed
from seqforge_abc.lint import findings
from seqforge_abc.reading import read_book
from seqforge_abc.tune import Tune

BOOKS = ("cre", "oneills1850", "ryans")


def tune(music: str, tmp_path: Path, meter: str = "6/8", rhythm: str = "jig", key: str = "D") -> Tune:
    (tmp_path / "t.abc").write_text(f"X:1\nT:t\nR:{rhythm}\nM:{meter}\nL:1/8\nK:{key}\n{music}\n")
    ((found, _),) = [each for each in read_book(tmp_path / "t.abc") if isinstance(each, tuple)]
    return found


@pytest.mark.parametrize(
    "music",
    [
        "DED F2A|d3 d3|]",
        "A|:DED F2A|d3 d3:|:def a2f|d6|e3 e3:|",
        "|:A|DED F2A|d3 d2:|A|:def a2f|d6:|",
        "DED F2A|[1d3 d3:|[2e3 e3|]",
        "DED F2A|d3 d3:|def a2f|d3 d3:|",
        "A|DED F2A|d3 d2||A|DED F2A|d3 d||D2|D3 D3|D3 D2|]",
        'A3-A3|"Am7"z3 ~A3|vTA3 {B}.[DA]3|(3ABc d2 e2|]',
        "DED F2A|d3 d3||[K:G]DED F2A|d3 d3|]",
    ],
)
def test_what_programs_agree_on(music: str, tmp_path: Path) -> None:
    found = tune(music, tmp_path)
    assert findings(found) == disputed(found) == []


@pytest.mark.parametrize(
    ("music", "word"),
    [
        ("DED HF2A|d3 d3|]", "!fermata!"),
        ("DED !trem1!F2A|!turn!d3 d3|]", "!turn!"),
        ("DED F2A|d3 d3||def a2f|d3 d3:|", "no |: opens"),
        ("DED F2A|d3 d3:|DED F2A|[1d3 d3:|[2e3 e3|]", "before the endings"),
        ("|:DED F2A|[1d3 d3:|[2e3 e3||DED F2A|d3 d3:|", "no |: opens"),
        ("|:DED F2A|d3 d3|]", "opened and not closed"),
        ("|:A|DED F2A|d3 d2:|DED F2A|d3 d2|]", "no upbeat completes"),
        ("|:A|DED F2A|d3 d2:|DE|DED F2A|d3 d2|]", "an upbeat does not complete"),
        ("A|:DED F2A|d3 d2:|", "stands before its sign"),
        ("DED F2A|[M:9/8]d3 d3 d3|]", "meter"),
        ("DED [K:G]F2A|d3 d3|]", "key changes"),
        ("|:DED F2A|[1,3d3 d3:|[2d3 d3|]", "endings"),
        ("DED T[FA]2A|d3 d3|]", "a roll or a trill"),
        ("DED (3~FGA B|d3 d3|]", "a roll or a trill"),
        ("DED vF2-F|d3 d3|]", "is tied"),
        ("DED F2-vF|d3 d3|]", "a tie leads"),
        ("DED .zFA|d3 d3|]", "a rest is decorated"),
        ("DED {ABcde}F2A|d3 d3|]", "more than 4"),
        ("DED F/{AB}F/FA|d3 d3|]", "grace notes take longer"),
        ("D5 F|d3 d3|]", "one note sign"),
        ('"D"A|DED F2A|d3 d2|]', "chord symbols"),
        ('DED F2A|"D9"d3 d3|"Dadd9"d3 d3|]', "of the kind add9"),
        ("DE (3F2G2A D|d3 d3|]", "the notes of a tuplet"),
    ],
)
def test_what_they_do_not(music: str, word: str, tmp_path: Path) -> None:
    assert any(word in each for each in disputed(tune(music, tmp_path))), disputed(tune(music, tmp_path))


@pytest.mark.parametrize(
    ("music", "meter", "word"),
    [
        ("DEFG ABcd|d8|]", "C|", "2/4 and 4/4"),
        ("D.EFG ABcd|d8|]", "4/4", "!staccato!"),
        ("(5DEFGA ABcd|d8|]", "4/4", "but for triplets"),
        ("(3DEF z2 ABcd|d8|]", "4/4", "mere notes"),
        ("DEFG ABcd|d8|]", "none", "without a meter"),
    ],
)
def test_hornpipes(music: str, meter: str, word: str, tmp_path: Path) -> None:
    assert any(word in each for each in disputed(tune(music, tmp_path, meter, "hornpipe")))


def test_every_right_tune_of_the_bundled_books_may_be_generated() -> None:
    plugin, folder = Abc(), Path(seqforge_corpora.__file__).parent
    pieces = [each for book in BOOKS for each in plugin.read(folder / book / f"{book}.abc", Options())]
    pieces = [piece for piece in pieces if isinstance(piece, Piece)][::6]
    codec = AbcCodec.fit(pieces, Options())
    automaton = Automaton(codec.vocabulary)
    right = 0
    for piece in pieces:
        if plugin.violations(codec.canonical(piece)):
            continue
        right += 1
        state = automaton.start()
        for number, step in enumerate(codec.encode(piece).steps.tolist()):
            assert automaton.allowed(state)[step], (piece.origin, number, codec.vocabulary[step])
            state = automaton.advance(state, step)
        assert automaton.may_end(state), piece.origin
    assert right > 0.6 * len(pieces)
