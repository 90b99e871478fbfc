import io
import tracemalloc
from fractions import Fraction

import pytest
from abc_tunes import book, single_tune
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_abc.fields import plain_text, rhythm_field
from seqforge_abc.lines import MAX_LINE_BYTES, read_lines
from seqforge_abc.reader import read_book
from seqforge_abc.theory import NO_KEY, Meter
from seqforge_abc.tune import BarLine, ChordSymbol, TextField, Tune
from seqforge_abc.tune_reader import MAX_TUNE_CHARACTERS

KESH = """X:1
T:Kesh, The
R:jig
M:6/8
L:1/8
K:G
|:D|GAG GAB|ABA ABd|edd gdd|edB dBA|
GAG GAB|ABA ABd|edd gdB|AGF G2:|
|:B|dBd dBd|ege dBG|dBd g2f|edB dBA|
dBd dBd|ege dBd|gfg aga|bgg g2:|
"""


# -- books -----------------------------------------------------------------------------------------------------


def test_header_fields_and_music_are_read(tmp_path):
    [(tune, line)] = book(tmp_path, KESH)
    assert (tune.title, tune.rhythm, str(tune.meter), str(tune.key), line) == ("Kesh, The", "jig", "6/8", "G", 1)
    assert len(tune.notes()) == 25 + 22 + 24 + 22
    assert tune.elements[0] == BarLine("|:")
    assert tune.elements[-1] == BarLine(":|")
    assert [str(note.pitches[0]) for note in tune.notes()[-5:]] == ["=a", "=b", "=g", "=g", "=g"]
    assert not tune.losses


def test_a_tune_ends_at_an_empty_line_or_the_next_number(tmp_path):
    items = book(
        tmp_path, "X:1\nT:One\nK:D\nDEF|\nX:2\nT:Two\nK:D\nGAB|\n\nNot music: a bad face\n\nX:3\nT:3\nK:D\nABc|"
    )
    assert [(tune.title, line) for tune, line in items] == [("One", 1), ("Two", 5), ("3", 12)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_endings_of_every_system_are_read(tmp_path, end):
    assert single_tune(tmp_path, KESH.replace("\n", end)) == single_tune(tmp_path, KESH)


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "cp1252", "latin-1"])
def test_legacy_text_encodings_are_read(tmp_path, code):
    assert single_tune(tmp_path, "X:1\nT:Gan Ainm é\nK:D\nDEF|".encode(code)).title == "Gan Ainm é"


def test_missing_fields_have_defaults(tmp_path):
    tune = single_tune(tmp_path, "T:No number\nM:2/4\nK:D\nDE|")
    assert tune.notes()[0].duration == Fraction(1, 16)
    tune = single_tune(tmp_path, "X:1\nT:No key\nABc def|")
    assert (tune.key, tune.meter.bar_length, tune.notes()[0].duration) == (NO_KEY, 0, Fraction(1, 8))
    assert tune.losses == {"missing keys": 1}


def test_an_empty_line_in_the_header_does_not_end_a_tune(tmp_path):
    assert len(single_tune(tmp_path, "X:1\nT:Gap\n\nM:4/4\nK:D\n\nDEFG|").notes()) == 4
    [error, (tune, _)] = book(tmp_path, "X:1\nT:Only a head\nK:D\n\nBe glad, Dad.\n\nX:2\nK:D\nABc|")
    assert (error.reason, len(tune.notes())) == ("has no note", 3)


def test_the_header_of_a_book_applies_to_all_tunes(tmp_path):
    items = book(tmp_path, "M:6/8\nL:1/4\n\nX:1\nK:D\nDEF|\n\nX:2\nM:2/4\nK:D\nDE|")
    assert [(str(tune.meter), tune.notes()[0].duration) for tune, _ in items] == [
        ("6/8", Fraction(1, 4)),
        ("2/4", Fraction(1, 4)),
    ]


def test_unreadable_tunes_are_errors_with_line_and_reason(tmp_path):
    items = book(tmp_path, "X:1\nK:D\nA0 B|\n\nX:2\nK:D\nz4|\n\nX:3\nT:x\n\nX:4\nK:D\nDEF|A999|\n\n" + KESH)
    assert [(error.line, error.reason) for error in items[:3]] == [
        (1, "a note is 0 whole notes long; more than 0 and at most 16 are allowed"),
        (5, "has no note"),
        (9, "has no music: there is no K: field and no line of notes"),
    ]
    assert items[3].line == 12
    assert items[4][0].title == "Kesh, The"


def test_a_note_longer_than_16_whole_notes_makes_its_tune_unreadable(tmp_path):
    [error] = book(tmp_path, "X:1\nL:1/4\nK:D\nD65|")
    assert isinstance(error, ReadError)
    assert "at most 16" in error.reason


@pytest.mark.parametrize("text", ["", "\n\n", "Only words.\n\nNo tune | at all.\n", "T: a title\nT: another\n"])
def test_a_file_without_a_tune_is_one_error(tmp_path, text):
    [error] = book(tmp_path, text)
    assert isinstance(error, ReadError)
    assert error.reason.startswith("contains no tune")


def test_binary_and_utf_16_files_are_errors(tmp_path):
    assert "NUL" in book(tmp_path, b"\x00\x01" * 99)[0].reason
    assert "UTF-16" in book(tmp_path, KESH.encode("utf-16"))[0].reason


def test_memory_use_is_constant_for_files_without_tunes(tmp_path):
    path = tmp_path / "big.abc"
    path.write_bytes(b"x" * 4_000_000 + b"\n" + b"nothing to read here\n" * 100_000)
    tracemalloc.start()
    [error] = read_book(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert error.reason.startswith("contains no tune, and line 1 is too long")


def test_too_long_tunes_and_lines_are_errors(tmp_path):
    long_text = "X:1\nK:D\n" + "DEFG|\n" * (MAX_TUNE_CHARACTERS // 5) + "\n"
    long_line_text = "X:2\nK:D\nA|" + "B" * MAX_LINE_BYTES + "|\n\n"
    long_tune, long_line, (tune, _) = book(tmp_path, long_text + long_line_text + KESH)
    assert (long_tune.line, long_tune.reason) == (1, "is longer than 200,000 characters")
    assert long_line.reason == "has a line of more than 100,000 bytes"
    assert tune.title == "Kesh, The"


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=9).map(lambda b: b.translate(None, b"\r\n")), st.sampled_from([b"\n", b"\r\n", b"\r"])
        )
    )
)
def test_read_lines_splits_at_every_line_ending(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("lines") / "x"
    path.write_bytes(b"".join(line + end for line, end in parts))
    text = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert [line for _, line in read_lines(io.BytesIO(path.read_bytes()))] == (text.split(b"\n")[:-1] if text else [])


def test_tunes_in_web_pages_are_read(tmp_path):
    head = "<html><body><p>A page</p>\n<pre>\nX:1<br>T:Tom &amp; Jerry<br>\nM:6/8\nK:D<br>\n"
    page = head + "A&gt;B c<d A<a f>g|&quot;Am&quot;d3|</pre>\n</body></html>"
    tune = single_tune(tmp_path, page)
    assert tune.title == "Tom & Jerry"
    assert [float(note.duration * 8) for note in tune.notes()] == [1.5, 0.5, 0.5, 1.5, 0.5, 1.5, 1.5, 0.5, 3.0]
    assert tune.notes()[-1].chord_symbol == ChordSymbol(3, "m")


def test_quoted_printable_text_is_decoded(tmp_path):
    assert len(single_tune(tmp_path, "X:1\nK:D\nABc u=3Dd|=20\nDEF|\n").notes()) == 7


def test_a_history_field_may_have_several_lines(tmp_path):
    tune = single_tune(tmp_path, "X:1\nT:x\nH:Played by Ed\nA bad bag | added\nK:D\nDEF|")
    assert len(tune.notes()) == 3


def test_a_number_field_at_the_end_of_a_music_line_is_skipped(tmp_path):
    assert len(single_tune(tmp_path, "X:1\nK:D\nDEF|]X:197\n").notes()) == 3


def test_music_after_a_field_on_the_same_line_is_read(tmp_path):
    tune = single_tune(tmp_path, "X:1\nM:4/4\nL:1/8\nK:D\nDEFG|\nM:3/4 ABc|def|\n")
    assert len(tune.notes()) == 10
    assert Meter(3, 4) in tune.elements


def test_titles_and_rhythms_are_normalised(tmp_path):
    tune = single_tune(tmp_path, "X:1\nT:  \nT: Caf\\'e  na   h\\'Eireann \nT:Other\nR: SlipJig \nK:D\nDEF|")
    assert (tune.title, tune.rhythm) == ("Café na hÉireann", "slip jig")
    assert tune.fields == (TextField("T", "Other"),) and not tune.losses
    assert plain_text(r"\`a \^o \"u \~n \cc \aa \/o \ss \u00e9 \351 &eacute; A\&B") == "à ô ü ñ ç å ø ß é é é A&B"
    assert [rhythm_field(text) for text in ("Reel", " hop  Jig", "slip-jig")] == ["reel", "hop jig", "slip jig"]


def test_fields_of_text_are_kept(tmp_path):
    text = "X:1\nT:x\nC:J. S. Skinner\nH:First\nand second\n+:and third\nZ:Me\nK:D\nDEF|\nW:La \\'e\nN:note\n"
    tune = single_tune(tmp_path, text)
    assert [(field.letter, field.text) for field in tune.fields] == [
        ("C", "J. S. Skinner"), ("H", "First"), ("H", "and second and third"), ("Z", "Me"), ("W", "La é"),
        ("N", "note"),
    ]  # fmt: skip
    assert tune.texts("C") == ["J. S. Skinner"] and not tune.losses


def test_losses_are_counted_by_description(tmp_path):
    text = "X:1\nT:x\nC:Me\nQ:1/4=120\nZ:Me\n%%scale 1\nK:D\nP:A\n(DE) [DA]|^/F2|\nw:la la\nV:2\nABc|\n"
    assert single_tune(tmp_path, text).losses == {
        "directives": 1, "microtones": 1, "additional voices": 1,
    }  # fmt: skip


@settings(max_examples=200)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_tunes_or_errors(tmp_path_factory, data, with_header):
    path = tmp_path_factory.mktemp("any") / "x.abc"
    path.write_bytes((b"X:1\nK:D\n" if with_header else b"") + data)
    for item in read_book(path):
        assert isinstance(item, ReadError) or isinstance(item[0], Tune)


# -- what books of other programs contain --------------------------------------------------------------------


def test_spaced_tokens_are_tunes_with_fields_on_lines_or_in_one_line(tmp_path):
    lines = "M:4/4\nK:Cdor\nc 3 d c 2 B G | c 8 |\n\n"
    sample = "<s> M:6/8 K:Cmaj |: G 3 A 3 | c 6 :| </s>\n"
    items = book(tmp_path, lines + sample + sample)
    assert [(str(tune.key), str(tune.meter), len(tune.notes()), line) for tune, line in items] == [
        ("Cdor", "4/4", 6, 1), ("C", "6/8", 3, 5), ("C", "6/8", 3, 6),
    ]  # fmt: skip
    assert [float(8 * note.duration) for note in items[0][0].notes()] == [3, 1, 2, 1, 1, 8]


def test_the_fields_of_a_header_may_stand_in_brackets(tmp_path):
    for head in ("[M:6/8]\n[L:1/8]\n[K:G]\n", "[M:6/8] [L:1/8] [K:G]", "X:1\n[M:6/8]\n[L:1/8][K:G]\n"):
        tune = single_tune(tmp_path, head + "GAB c2d|e2d cBA|G6|]\n")
        assert (str(tune.key), str(tune.meter), len(tune.notes())) == ("G", "6/8", 11)


def test_brackets_after_an_empty_line_of_a_numbered_book_are_no_tune(tmp_path):
    assert len(book(tmp_path, KESH + "\n[M:6/8] abc|\n")) == 1


def test_symbols_and_macros_of_the_book_apply_to_its_tunes(tmp_path):
    header = "U:R=!roll!\nm:~g2 = {a}g{f}g\n\n"
    items = book(tmp_path, header + "X:1\nL:1/8\nK:G\nRG3 RA3|RB3 Rc3|\n\nX:2\nU:R=!trill!\nL:1/8\nK:G\nRG3~g2A|\n")
    first, second = (tune.notes() for tune, _ in items)
    assert [note.decorations for note in first] == [("roll",)] * 4
    assert [note.decorations for note in second] == [("trill",), (), (), ()]
    assert [len(note.grace_notes) for note in second] == [0, 1, 1, 0]


def test_a_line_of_symbols_is_music_and_a_line_of_words_is_not(tmp_path):
    head = "X:1\nU:V=!trill!\nU:W=!nil!\nK:G\n"
    tune = single_tune(tmp_path, head + "VG WA|VB Wc|\nTurn again, go on with it | play\nd|\n")
    assert len(tune.notes()) == 5
    assert tune.losses == {"lines of text": 1}


def test_lines_that_are_broken_within_brackets_are_joined(tmp_path):
    tune = single_tune(tmp_path, "X:1\nL:1/8\nK:G\nA[CE\nG]2 {a\nb}c [K:\nD]F|[GB\n")
    assert [len(note.pitches) for note in tune.notes()] == [1, 3, 1, 1, 1, 1]
    assert (len(tune.notes()[2].grace_notes), str(tune.notes()[3].pitches[0])) == (2, "^F")
    tune = single_tune(tmp_path, 'X:1\nL:1/8\nK:G\nA "be\ngay" B\nc "and feed')
    assert [str(note.pitches[0]) for note in tune.notes()] == ["=A", "=B", "=c"]
    tune = single_tune(tmp_path, "X:1\nL:1/8\nK:G\n[CE\n2][C\n2E]\n")
    assert [note.duration for note in tune.notes()] == [Fraction(1, 8), Fraction(1, 4)]


def test_a_tune_whose_bars_mostly_do_not_fill_its_meter_is_skipped(tmp_path):
    bars = "cBcB|cded|cBAG|cded|F2G2|A4|"
    [error, (tune, line)] = book(tmp_path, f"X:1\nM:6/8\nL:1/8\nK:G\n{bars}\n\nX:2\nM:2/4\nL:1/8\nK:G\n{bars}\n")
    assert (error.line, line, len(tune.notes())) == (1, 7, 19)
    assert error.reason.startswith("has 4 of 6 bars that do not fill its meter, 6/8")


def test_upbeats_free_meters_and_short_examples_are_no_misreadings(tmp_path):
    sections = "d|:c3A2d:|:c4d:|c3A2|c|c2|]"
    for head in ("M:6/8\nL:1/8", "M:none\nL:1/8"):
        single_tune(tmp_path, f"X:1\n{head}\nK:G\n{sections}\n")
    single_tune(tmp_path, "X:1\nM:4/4\nL:1/8\nK:G\nabc|def|gab|\n")
