"""Bar lines that a file omits at the ends of its lines of music."""

from fractions import Fraction

from abc_tunes import single_tune
from hypothesis import given
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_abc.bars import split_bars
from seqforge_abc.music_parser import parse_music
from seqforge_abc.reader import read_book
from seqforge_abc.theory import parse_key, parse_meter
from seqforge_abc.writer import tune_to_abc

EIGHTH = Fraction(1, 8)
ADDED = "bar lines omitted at the end of a line, added"
ESSEN = """X:291
T: Z NACHT WENN DER MOND SCHEINT
O: Europa, Mitteleuropa, Deutschland, Frankreich, Elsass
M: 2/4
L: 1/16
K: G
 | G4A2B2 | A4D4
G2A2B2G2 | A4A4
c3cc2A2 | B2B2B4
"""
"""The beginning of a song of the Essen collection (public domain)."""


def bar_lengths(music, meter="2/4"):
    tune = parse_music(music, key=parse_key("G"), meter=parse_meter(meter), unit=EIGHTH)
    return [bar.length for bar in split_bars(tune)]


def test_a_song_of_the_essen_collection_has_all_its_bars(tmp_path):
    tune = single_tune(tmp_path, ESSEN)
    assert [bar.length for bar in split_bars(tune)] == [tune.meter.bar_length] * 6
    assert tune.losses[ADDED] == 2
    assert "G2 AB|A2 D2|GA BG|A2 A2|" in tune_to_abc(tune)


def test_a_bar_that_continues_on_the_next_line_is_one_bar():
    assert bar_lengths("D2G2|G2\nd2|d4|") == bar_lengths("D2G2|G2d2|d4|")
    assert bar_lengths("(3DDDG2|(3DDD\nd2|d4|") == bar_lengths("(3DDDG2|(3DDDd2|d4|")


def test_a_backslash_continues_a_bar():
    assert bar_lengths("D2G2\\\nd2d2|d4|") == bar_lengths("D2G2d2d2|d4|")


def test_a_meter_a_key_and_lyrics_between_lines_do_not_hide_the_end_of_a_bar():
    music = "D2G2\nM:3/4\nK:D\nd2d2d2|d6|\nw:a b c d e f\n"
    assert bar_lengths(music) == bar_lengths("D2G2|\nM:3/4\nK:D\nd2d2d2|d6|")


def test_ties_and_accidentals_lead_over_an_added_bar_line():
    tune = parse_music("D2^G2-\nG2d2|", key=parse_key("C"), meter=parse_meter("2/4"), unit=EIGHTH)
    assert [note.tied for note in tune.notes()] == [False, True, False, False]
    assert [str(note.pitches[0]) for note in tune.notes()] == ["=D", "^G", "^G", "=d"]


def test_each_voice_has_its_own_lines():
    tune = parse_music(
        "V:1\nD2G2\nV:2\nD,4\nV:1\nd4|\nV:2\nD,4|", key=parse_key("C"), meter=parse_meter("2/4"), unit=EIGHTH
    )
    assert len(split_bars(tune)) == 2
    assert len(tune.second) == 2


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 3))
def test_lines_of_whole_bars_are_read_alike_with_and_without_bar_lines(notes, per_line):
    bars = [" ".join(["D2"] * 2) if count % 2 else "D4" for count in notes]
    lines = ["|".join(bars[at : at + per_line]) for at in range(0, len(bars), per_line)]
    assert bar_lengths("\n".join(lines) + "|") == bar_lengths("|\n".join(lines) + "|")


def test_written_bars_that_are_longer_than_the_meter_stay_one_bar(tmp_path):
    long_bar = "!trill!D2 !trill!^G2 !trill!G2 !trill!_B2 " * 8
    tune = parse_music(f"{long_bar}|" + "D4|" * 8, key=parse_key("C"), meter=parse_meter("2/4"), unit=EIGHTH)
    text = tune_to_abc(tune)
    assert "\\\n" in text
    assert single_tune(tmp_path, text).elements == tune.elements


def test_a_tune_without_bar_lines_is_skipped_with_that_reason(tmp_path):
    (tmp_path / "t.abc").write_text("X:1\nT:a\nM:2/4\nL:1/8\nK:C\n" + "CDEF " * 12 + "\n")
    (error,) = read_book(tmp_path / "t.abc")
    assert isinstance(error, ReadError)
    assert error.reason.startswith("has no bar lines")
