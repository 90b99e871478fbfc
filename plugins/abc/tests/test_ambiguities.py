"""Ambiguities of notation are found, and the automaton allows every bundled tune without violations."""

from pathlib import Path

import pytest
from abc_tunes import tune_of_music as tune

import seqforge_corpora
from seqforge import Piece
from seqforge_abc import Abc, AbcCodec, AbcOptions
from seqforge_abc.ambiguities import ambiguities
from seqforge_abc.lint import violations
from seqforge_abc.tune_automaton import TuneAutomaton

BOOKS = ("cre", "oneills1850", "ryans")


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
def test_unambiguous_music(music: str, tmp_path: Path) -> None:
    parsed = tune(music, tmp_path)
    assert violations(parsed) == ambiguities(parsed) == []


@pytest.mark.parametrize(
    ("music", "fragment"),
    [
        ("DED HF2A|d3 d3|]", "!fermata!"),
        ("DED !trem1!F2A|!turn!d3 d3|]", "!turn!"),
        ("DED F2A|d3 d3||def a2f|d3 d3:|", "a repeat has no |:"),
        ("DED F2A|d3 d3:|DED F2A|[1d3 d3:|[2e3 e3|]", "before the endings"),
        ("|:DED F2A|[1d3 d3:|[2e3 e3||DED F2A|d3 d3:|", "a repeat has no |:"),
        ("|:DED F2A|d3 d3|]", "opened and not closed"),
        ("|:A|DED F2A|d3 d2:|DED F2A|d3 d2|]", "no upbeat completes"),
        ("|:A|DED F2A|d3 d2:|DE|DED F2A|d3 d2|]", "an upbeat does not complete"),
        ("A|:DED F2A|d3 d2:|", "stands before its sign"),
        ("DED F2A|[M:9/8]d3 d3 d3|]", "the meter changes"),
        ("DED [K:G]F2A|d3 d3|]", "key changes"),
        ("|:DED F2A|[1,3d3 d3:|[2d3 d3|]", "endings"),
        ("DED T[FA]2A|d3 d3|]", "a roll or a trill"),
        ("DED (3~FGA B|d3 d3|]", "a roll or a trill"),
        ("DED vF2-F|d3 d3|]", "is tied"),
        ("DED F2-vF|d3 d3|]", "a tie leads"),
        ("DED .zFA|d3 d3|]", "a rest has a decoration"),
        ("DED {ABcde}F2A|d3 d3|]", "more than 4"),
        ("DED F/{AB}F/FA|d3 d3|]", "grace notes last longer"),
        ("D5 F|d3 d3|]", "no single note value"),
        ('"D"A|DED F2A|d3 d2|]', "chord symbols"),
        ('DED F2A|"D9"d3 d3|"Dadd9"d3 d3|]', "the chord kind add9"),
        ("DE (3F2G2A D|d3 d3|]", "the notes of a tuplet"),
    ],
)
def test_ambiguous_music(music: str, fragment: str, tmp_path: Path) -> None:
    messages = ambiguities(tune(music, tmp_path))
    assert any(fragment in message for message in messages), messages


@pytest.mark.parametrize(
    ("music", "meter", "fragment"),
    [
        ("DEFG ABcd|d8|]", "C|", "2/4 and 4/4"),
        ("D.EFG ABcd|d8|]", "4/4", "!staccato!"),
        ("(5DEFGA ABcd|d8|]", "4/4", "except triplets"),
        ("(3DEF z2 ABcd|d8|]", "4/4", "plain notes"),
        ("DEFG ABcd|d8|]", "none", "has no meter"),
    ],
)
def test_ambiguous_hornpipes(music: str, meter: str, fragment: str, tmp_path: Path) -> None:
    messages = ambiguities(tune(music, tmp_path, meter, "hornpipe"))
    assert any(fragment in message for message in messages), messages


def test_automaton_allows_every_bundled_tune_without_violations() -> None:
    plugin, folder = Abc(), Path(seqforge_corpora.__file__).parent
    items = [item for book in BOOKS for item in plugin.read(folder / book / f"{book}.abc", AbcOptions())]
    pieces = [item for item in items if isinstance(item, Piece)][::6]
    codec = AbcCodec.fit(pieces, AbcOptions(pitches="names"))
    automaton = TuneAutomaton(codec.vocabulary)
    valid = 0
    for piece in pieces:
        if plugin.violations(codec.canonical(piece)):
            continue
        valid += 1
        state = automaton.start()
        for number, step in enumerate(codec.encode(piece).steps.tolist()):
            assert automaton.allowed(state)[step], (piece.origin, number, codec.vocabulary[step])
            state = automaton.advance(state, step)
        assert automaton.may_end(state), piece.origin
    assert valid > 0.6 * len(pieces)
